"""Whether rare tokens survive: the first thing to go as models train on models (Shumailov et al. 2024)."""

import math

import numpy as np

from collapse.errors import ContractError
from collapse.media.text.sequences import Sequences


def tail_types(real: Sequences, vocabulary_size: int, share: float) -> np.ndarray:
    """The rarest real token types that together hold at most `share` of the real tokens.

    Types are taken from the rarest up, those equally rare by ascending id, until the next one would exceed the share.
    A type that real text does not use is not in its tail.

    Args:
        real: Real training documents.
        vocabulary_size: Number of token ids.
        share: Share of the real tokens, in (0, 1).

    Returns:
        Whether each token id is in the tail, shape `(vocabulary_size,)`, bool.

    Raises:
        ContractError: A token id is not in the vocabulary.
    """
    counts = np.bincount(real.values, minlength=vocabulary_size)
    if len(counts) > vocabulary_size:
        raise ContractError(
            f"token ids of real documents: {len(counts) - 1} is not below the vocabulary size {vocabulary_size}.\n"
            "  Documents and tokenizer are of two runs; delete both and run snakemake."
        )
    used = np.flatnonzero(counts)
    rarest_first = used[np.argsort(counts[used], kind="stable")]
    held = np.cumsum(counts[rarest_first])
    mask = np.zeros(vocabulary_size, dtype=bool)
    mask[rarest_first[held <= share * real.n_tokens * (1 + 1e-12)]] = True  # 0.29 * 100 is below 29 in floats
    return mask


def tail_mass(samples: Sequences, mask: np.ndarray) -> float:
    """Share of sampled tokens whose type is in the tail, in [0, 1]; nan if there are none.

    An estimate, from samples, of the probability that the model gives to the tail.

    Args:
        samples: The samples' tokens.
        mask: Whether each token id is in the tail, shape `(vocabulary_size,)`, bool.
    """
    return float(np.mean(mask[samples.values])) if samples.n_tokens else math.nan


def surviving_vocabulary(real: Sequences, samples: Sequences) -> float:
    """Share of the real token types that occur in the samples, in [0, 1]; nan if there are no real tokens."""
    types = np.unique(real.values)
    return float(np.mean(np.isin(types, samples.values))) if len(types) else math.nan


def unseen_type_mass(real: Sequences, samples: Sequences) -> float:
    """Share of sampled tokens whose type never occurs in real training text, in [0, 1]; nan if there are none.

    Args:
        real: Real training documents.
        samples: The samples' tokens.
    """
    if not samples.n_tokens:
        return math.nan
    return float(np.mean(np.isin(samples.values, np.unique(real.values), invert=True)))
