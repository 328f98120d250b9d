"""A watermark in text: which tokens are green after which, and how many of a text's are.

The scheme of Kirchenbauer et al. 2023 (A Watermark for Large Language Models, algorithm 2, soft, a context of one
token): the token before chooses a list of green tokens, a share γ of all; sampling adds δ to their logits; a text with
more green tokens than γ of its length is taken for marked (section 4, equation 3).

Their list is a part of a shuffled vocabulary, γ |V| tokens exactly. Here every pair of a token and the one before is
hashed by itself, and is green if its hash lies below γ, so a list has γ |V| tokens on average. It needs no table and no
shuffled list for every token: a hash is worked out where it is asked for, in 8 nanoseconds, of all tokens at each step
of sampling, of one at each token in detection. It asks nothing of the vocabulary's size, which engines pad. And
different pairs are green independently of one another, so that over keys the count of a text that knows nothing of the
key is binomial. Texts under one key share what is green of the pairs they share: their z are not independent.

The same pair is green or not wherever it occurs, so repeats are no evidence: each counts once a text, as the detector
of the paper's authors does when told to (`ignore_repeated_bigrams`), and as Fernandez et al. 2023 (Three Bricks to
Consolidate Watermarks for Large Language Models) find needed for the test to have the level it claims.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from collapse.config.settings import WatermarkSettings
from collapse.media.text.sequences import Sequences

if TYPE_CHECKING:
    from torch import Tensor

Integers = TypeVar("Integers", np.ndarray, "Tensor")
"""Whole numbers of 64 bits with a sign, as an array or as a tensor: the hash is the same."""

DETECTED = 4.0
"""z from which the paper takes a text for marked: 3 in 100,000 of those that are not."""


def _signed(number: int) -> int:
    """The number of 64 bits with a sign that has the same bits as this one without."""
    return number - 2**64 if number >= 2**63 else number


STEP, FIRST, SECOND = map(_signed, (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
"""Constants of SplitMix64 (Steele, Lea and Flood 2014)."""

BITS = 53
"""Bits of a hash that are compared with γ."""


def _mixed(number: Any) -> Any:
    """The finalizer of SplitMix64; a shift to the right of numbers with a sign is masked, so that zeros come in."""
    number = (number ^ (number >> 30 & 2**34 - 1)) * FIRST
    number = (number ^ (number >> 27 & 2**37 - 1)) * SECOND
    return number ^ (number >> 31 & 2**33 - 1)


def is_green(mark: WatermarkSettings, before: Integers, tokens: Integers) -> Integers:
    """Whether each token is green after the one before it, bool, in the shape of both broadcast.

    Args:
        mark: Share of green tokens, and key.
        before: Tokens that come before, int64.
        tokens: Tokens, int64.
    """
    lists = _mixed(_mixed((before + 1) * STEP) ^ mark.key)
    hashed = _mixed(lists + (tokens + 1) * STEP)
    return (hashed >> 64 - BITS & 2**BITS - 1) < round(mark.green_share * 2**BITS)


@dataclass(frozen=True)
class Counted:
    """What was counted of texts.

    Attributes:
        greens: Different pairs of a text whose second token is green, shape `(n,)`, int.
        pairs: Different pairs of a text, shape `(n,)`, int.
        share: γ.
    """

    greens: np.ndarray
    pairs: np.ndarray
    share: float

    @property
    def z(self) -> np.ndarray:
        """(greens − γ T) / sqrt(γ (1 − γ) T), T the number of pairs (equation 3), shape `(n,)`; `nan` of no token."""
        with np.errstate(invalid="ignore"):
            return (self.greens - self.share * self.pairs) / np.sqrt(self.share * (1 - self.share) * self.pairs)


def counted(mark: WatermarkSettings, texts: Sequences, prompts: Sequences | None, bos: int) -> Counted:
    """Count the green tokens of texts, each pair of tokens once a text.

    Args:
        mark: Share of green tokens, and key.
        texts: What is looked at, to its end of sequence.
        prompts: What came before each; their tokens do not count. None: nothing.
        bos: What came before a text without a prompt.
    """
    n, tokens, last = len(texts), texts.values.astype(np.int64), before(texts, prompts, bos)
    places = (n, *(1 + int(part.max(initial=0)) for part in (last, tokens)))
    pairs = np.unique(np.ravel_multi_index((np.repeat(np.arange(n), texts.lengths), last, tokens), places))
    owners, last, tokens = np.unravel_index(pairs, places)
    greens = np.bincount(owners, weights=is_green(mark, last, tokens), minlength=n).astype(np.int64)
    return Counted(greens, np.bincount(owners, minlength=n), mark.green_share)


def before(texts: Sequences, prompts: Sequences | None, bos: int) -> np.ndarray:
    """The token before each token of the texts, shape `(n_tokens,)`, int64: of the first, the prompt's last."""
    found = np.roll(texts.values.astype(np.int64), 1)
    last = np.full(len(texts), bos, dtype=np.int64)
    if prompts is not None and (given := prompts.lengths > 0).any():
        last[given] = prompts.values[prompts.offsets[1:][given] - 1]
    written = texts.lengths > 0
    found[texts.offsets[:-1][written]] = last[written]
    return found
