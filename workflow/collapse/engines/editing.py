"""Token editing: real text of which only the tokens that a model finds too likely are drawn anew.

ToEdit (Zhu et al. 2024, "How to synthesize text data without model collapse?", algorithm 1): a token whose probability
after the text before it is at least p is drawn from the model's k likeliest ones; every other token stays. The text
before a token is the original one, so that one reading of the document is enough.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np

from collapse.config.settings import DecodingSettings
from collapse.media import Draws
from collapse.media.text.sequences import Sequences


@dataclass(frozen=True)
class Reading:
    """What a model says of each token of a document after the tokens before it.

    Attributes:
        tokens: The document, shape `(n,)`; the last one ends it.
        logprobs: Log-probability of each, in nats, shape `(n,)`.
        candidates: The likeliest tokens at each place but the last, the likeliest first, shape `(n - 1, k)`.
        candidate_logprobs: Their log-probabilities, shape `(n - 1, k)`.
    """

    tokens: np.ndarray
    logprobs: np.ndarray
    candidates: np.ndarray
    candidate_logprobs: np.ndarray


def edited(reading: Reading, above: float, never: Collection[int], seed: int) -> tuple[np.ndarray, float]:
    """Draw anew what is too likely. The end of a document stays, and no candidate ends it earlier.

    Args:
        reading: What the model says of the document.
        above: Probability from which a token is drawn anew.
        never: Tokens that are not drawn, the end of sequence among them.
        seed: Of the row. One number is drawn for each place, so a threshold does not shift the noise of others.

    Returns:
        The new tokens, shape `(n,)`, and the sum of their log-probabilities, each after the original text.
    """
    rng = np.random.Generator(np.random.Philox(key=seed))
    places = len(reading.candidates)
    uniform = rng.random(places)
    allowed = ~np.isin(reading.candidates, list(never))
    likely = reading.logprobs[:places] >= np.log(above)
    rows = np.flatnonzero(likely & allowed.any(axis=1))
    tokens, logprobs = reading.tokens.copy(), reading.logprobs.astype(np.float64)
    weights = np.where(allowed[rows], np.exp(reading.candidate_logprobs[rows].astype(np.float64)), 0.0)
    reached = np.cumsum(weights, axis=1)
    chosen = (reached <= uniform[rows, None] * reached[:, -1:]).sum(axis=1)
    tokens[rows] = reading.candidates[rows, chosen]
    logprobs[rows] = reading.candidate_logprobs[rows, chosen]
    return tokens, float(logprobs.sum())


def drawn(readings: Iterable[Reading], decoding: DecodingSettings, never: Collection[int], seeds: np.ndarray) -> Draws:
    """Edit each document; see `families.Sampler`. A real document has an end, so every edited one has."""
    assert decoding.edit_above is not None
    rows = [
        edited(reading, decoding.edit_above, never, int(seed)) for reading, seed in zip(readings, seeds, strict=True)
    ]
    return Draws(
        outputs=Sequences.of(tokens for tokens, _ in rows),
        stopped=np.ones(len(rows), dtype=bool),
        logprob_nats=np.array([nats for _, nats in rows], dtype=np.float64),
    )
