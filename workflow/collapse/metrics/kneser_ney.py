"""What an n-gram model of the same text loses: a level that a network has to beat to have learned more than counts.

Interpolated Kneser-Ney smoothing (Kneser and Ney 1995) with one discount for each order (Chen and Goodman 1999,
section 3.1).
"""

from dataclasses import dataclass

import numpy as np

from collapse.errors import ContractError
from collapse.media.text.sequences import Sequences

FALLBACK_DISCOUNT = 0.5
"""Where no n-gram occurs once, so that the discount cannot be estimated."""


@dataclass(frozen=True)
class _Level:
    """Counts of the n-grams of one length.

    Attributes:
        grams: The n-grams as numbers to the base of the vocabulary, sorted.
        counts: Their (continuation) counts.
        contexts: The beginnings that occur, sorted.
        totals: Sum of the counts of each beginning's n-grams.
        continuations: How many there are.
        discount: What every count gives up.
    """

    grams: np.ndarray
    counts: np.ndarray
    contexts: np.ndarray
    totals: np.ndarray
    continuations: np.ndarray
    discount: float


def losses(train: Sequences, test: Sequences, order: int, n_types: int, bos: int) -> np.ndarray:
    """Negative log-likelihood in nats of each test document under an n-gram model, shape `(len(test),)`.

    Args:
        train: Documents it is counted on.
        test: Documents it is measured on.
        order: Length of its n-grams.
        n_types: Size of the vocabulary.
        bos: Token before a document's first; it occurs in none.

    Raises:
        ContractError: The vocabulary is so large that an n-gram of this order has no 64-bit number.
    """
    if n_types**order >= 2**63:
        raise ContractError(f"{order}-grams of {n_types} token types cannot be counted in 64 bits.\n  Lower the order.")
    levels = _levels(train, order, n_types, bos)
    asked = _windows(test, order, bos)
    probability = np.full(len(asked), 1 / n_types)
    for length, level in enumerate(levels, start=1):
        probability = _interpolated(_numbers(asked[:, order - length :], n_types), level, n_types, probability)
    owner = np.repeat(np.arange(len(test)), test.lengths)
    return np.bincount(owner, weights=-np.log(probability), minlength=len(test))


def _windows(texts: Sequences, order: int, bos: int) -> np.ndarray:
    """Every token with the `order − 1` before it in its document, shape `(n_tokens, order)`, int64."""
    place = np.arange(texts.n_tokens) - np.repeat(texts.offsets[:-1], texts.lengths)
    columns = [np.where(place >= back, np.roll(texts.values, back), bos) for back in range(order - 1, -1, -1)]
    return np.stack(columns, axis=1).astype(np.int64)


def _numbers(grams: np.ndarray, n_types: int) -> np.ndarray:
    number = np.zeros(len(grams), dtype=np.int64)
    for column in grams.T:
        number = number * n_types + column
    return number


def _levels(train: Sequences, order: int, n_types: int, bos: int) -> list[_Level]:
    """The model, shortest n-grams first."""
    windows = _windows(train, order, bos)
    found = list[_Level]()
    longer = np.empty(0, dtype=np.int64)
    for length in range(order, 0, -1):
        grams, counts = np.unique(_numbers(windows[:, order - length :], n_types), return_counts=True)
        if length < order:
            # what begins a document has nothing before it that could differ, so it keeps its own count
            begins = grams // n_types ** (length - 1) == bos
            suffixes, extensions = np.unique(longer % n_types**length, return_counts=True)
            counts = np.where(begins, counts, extensions[np.searchsorted(suffixes, grams)])
        found.append(_level(grams, counts, n_types))
        longer = grams
    return found[::-1]


def _level(grams: np.ndarray, counts: np.ndarray, n_types: int) -> _Level:
    contexts, first, continuations = np.unique(grams // n_types, return_index=True, return_counts=True)
    n_once, n_twice = int(np.sum(counts == 1)), int(np.sum(counts == 2))
    discount = n_once / (n_once + 2 * n_twice) if n_once and n_twice else FALLBACK_DISCOUNT
    return _Level(grams, counts, contexts, np.add.reduceat(counts, first), continuations, discount)


def _interpolated(asked: np.ndarray, level: _Level, n_types: int, shorter: np.ndarray) -> np.ndarray:
    """p(w | h) = max(c(hw) − D, 0) / c(h) + D N₁₊(h·) / c(h) p(w | h'), or p(w | h') where h never occurs."""
    gram, known = _places(level.grams, asked)
    context, met = _places(level.contexts, asked // n_types)
    kept = np.where(known, np.maximum(level.counts[gram] - level.discount, 0), 0)
    total, freed = level.totals[context], level.discount * level.continuations[context]
    return np.where(met, (kept + freed * shorter) / total, shorter)


def _places(among: np.ndarray, asked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where each number lies in a sorted array, and whether it is there."""
    place = np.minimum(np.searchsorted(among, asked), len(among) - 1)
    return place, among[place] == asked
