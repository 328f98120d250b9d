"""How different samples are from each other.

All measures here depend on how much text they see: compare equal sizes (`Sequences.first_tokens`). N-grams never cross
the border between two samples, and the end of sequence is a token like any other.
"""

import math
import zlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from collapse.media.text.sequences import Sequences

SMOOTHING = 0.1
"""Matches that BLEU counts where there are none (Chen and Cherry 2014, method 1)."""


class NGrams(NamedTuple):
    """All n-grams of a collection, in order of their first token.

    Attributes:
        ranks: Which n-gram, numbered from 0 without gaps in dictionary order, shape `(n_ngrams,)`, int64.
        rows: Sequence it stands in, shape `(n_ngrams,)`, int64.
        n_distinct: Different n-grams.
    """

    ranks: np.ndarray
    rows: np.ndarray
    n_distinct: int


def ngrams(sequences: Sequences, n: int) -> NGrams:
    """Number the n-grams within each sequence.

    An n-gram is the pair of the (n-1)-gram it begins with and its last token. Both are ranks below the number of
    tokens, so a pair fits into 64 bits for any n and any vocabulary.
    """
    tokens = _ranks(sequences.values)
    starts, ranks = np.arange(len(tokens)), tokens
    left = np.repeat(sequences.offsets[1:], sequences.lengths) - starts  # tokens from here to the sequence's end
    for length in range(2, n + 1):
        keeps = left[starts] >= length
        starts, ranks = starts[keeps], ranks[keeps]
        ranks = _ranks(ranks * len(tokens) + tokens[starts + length - 1])
    rows = np.repeat(np.arange(len(sequences)), sequences.lengths)
    return NGrams(ranks, rows[starts], int(ranks.max(initial=-1)) + 1)


def distinct_n(sequences: Sequences, n: int) -> float:
    """Different n-grams over n-grams, in (0, 1] (Li et al. 2016); nan if no sequence has n tokens."""
    found = ngrams(sequences, n)
    return found.n_distinct / len(found.ranks) if len(found.ranks) else math.nan


def self_bleu(sequences: Sequences, max_n: int = 4) -> float:
    """Mean BLEU of each sequence with all others as references, in (0, 1] (Zhu et al. 2018).

    BLEU (Papineni et al. 2002) is the geometric mean of clipped n-gram precisions, n = 1 … `max_n`, times the brevity
    penalty. Choices made here:

    * Smoothing: a precision without a match counts 0.1 matches (Chen and Cherry 2014, method 1).
    * Order: a sequence of fewer than `max_n` tokens is judged by the n-grams it has.
    * Brevity: the reference length is the other sequence's that is closest, the shorter of two equally close.
    * Sequences without tokens are left out.

    Exact and without comparing pairs: a count is clipped at the largest count in any other sequence, which is the
    largest of all, or the second largest in the sequence that holds the largest.

    Args:
        sequences: The samples' tokens.
        max_n: Longest n-gram.

    Returns:
        The mean over sequences; nan for fewer than two.
    """
    kept = sequences.take(np.flatnonzero(sequences.lengths > 0))
    if len(kept) < 2:
        return math.nan
    lengths, log_precision = kept.lengths, np.zeros(len(kept))
    for n in range(1, max_n + 1):
        totals, matches = np.maximum(lengths - n + 1, 0), _clipped_matches(ngrams(kept, n), len(kept))
        precision = np.where(matches > 0, matches, SMOOTHING) / np.maximum(totals, 1)
        log_precision += np.where(totals > 0, np.log(precision), 0.0)
    brevity = np.minimum(0.0, 1 - _closest_other(lengths) / lengths)
    return float(np.mean(np.exp(brevity + log_precision / np.minimum(lengths, max_n))))


def type_entropy(sequences: Sequences) -> float:
    """Entropy in nats of the distribution of token types, from their counts; nan if there are no tokens.

    The estimate is low by about (types - 1) / (2 tokens) (Miller 1955): compare equal sizes.
    """
    if not sequences.n_tokens:
        return math.nan
    shares = np.bincount(_ranks(sequences.values)) / sequences.n_tokens
    return float(-np.sum(shares * np.log(shares))) + 0.0  # + 0.0: one type gives 0, not -0


def compression_ratio(texts: Sequence[str]) -> float:
    """Bytes before over bytes after compression of the texts, one a line (Shaib et al. 2024); nan if there are none.

    zlib at level 6. It sees repeats up to 32 KiB back, and its builds differ by a few bytes.
    """
    raw = "\n".join(texts).encode()
    return len(raw) / len(zlib.compress(raw, level=6)) if raw else math.nan


def duplicate_fraction(sequences: Sequences) -> float:
    """Share of sequences that repeat an earlier one token by token, in [0, 1); nan if there are none."""
    different = len({row.tobytes() for row in sequences})
    return 1 - different / len(sequences) if len(sequences) else math.nan


def _ranks(values: np.ndarray) -> np.ndarray:
    """Replace values by their ranks, equal values sharing one: 0 … different values - 1, int64."""
    order = np.argsort(values)
    ordered = values[order]
    ranks = np.empty(len(values), dtype=np.int64)
    ranks[order] = np.cumsum(np.diff(ordered, prepend=ordered[:1]) != 0)
    return ranks


def _clipped_matches(found: NGrams, n_rows: int) -> np.ndarray:
    """N-grams of each row that another row has too, clipped at the largest count there, shape `(n_rows,)`."""
    pairs, counts = _counted(found.ranks * n_rows + found.rows)
    grams, rows = np.divmod(pairs, n_rows)
    order = np.lexsort((-counts, grams))  # by n-gram, the row that has it most often first
    grams, rows, counts = grams[order], rows[order], counts[order]
    firsts = np.searchsorted(grams, np.arange(found.n_distinct + 1))
    is_first = np.zeros(len(grams), dtype=bool)
    is_first[firsts[:-1]] = True
    has_second = np.diff(firsts) > 1
    second = np.where(has_second, counts[np.minimum(firsts[:-1] + 1, len(counts) - 1)], 0)
    elsewhere = np.where(is_first, second[grams], counts[firsts[:-1]][grams])
    return np.bincount(rows, weights=np.minimum(counts, elsewhere), minlength=n_rows)


def _counted(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Different values in ascending order, and how often each occurs."""
    ordered = np.sort(values)
    firsts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])[: len(ordered)])
    return ordered[firsts], np.diff(firsts, append=len(ordered))


def _closest_other(lengths: np.ndarray) -> np.ndarray:
    """For each length, the closest one of another row; the shorter of two equally close; shape `(n_rows,)`."""
    order = np.argsort(lengths, kind="stable")
    ordered = lengths[order].astype(np.float64)
    shorter = np.concatenate([[-np.inf], ordered[:-1]])
    longer = np.concatenate([ordered[1:], [np.inf]])
    closest = np.empty(len(lengths))
    closest[order] = np.where(ordered - shorter <= longer - ordered, shorter, longer)
    return closest
