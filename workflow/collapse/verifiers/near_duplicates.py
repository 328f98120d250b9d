"""Accepts the first of texts that are nearly the same, and none that is nearly a real training text.

MinHash (Broder 1997) of the set of n-grams of words, by `rensa`; two texts are compared if a band of their hashes is
the same, and their similarity is estimated from all hashes. Texts are read in order: a refused one is not compared with
again, so a chain of small changes does not refuse what is far from every text that was kept.

A text costs 512 bytes of hashes, and in every band that it shares with another ten or so; no object of Python's. What
shares no band with any other is never looked at again.
"""

import mmap
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import numpy as np

from collapse.config.verifiers import NearDuplicatesVerifier
from collapse.verifiers import ACCEPTED, Verdicts
from collapse.verifiers.case import Case, read_in_parts

VERSION = "near_duplicates/1"

HASHES, SEED = 128, 1
"""Hashes of a text, and what they are made from."""

FOUND = 0.94
"""Least probability that two texts of just the similarity that counts as near are compared at all."""

STEP = np.uint64(0x9E3779B97F4A7C15)
"""Odd, so that every hash of a band counts in its number."""

WORD = re.compile(r"\w+")


def judge(
    settings: NearDuplicatesVerifier,
    samples: Iterable[str],
    sample_ids: Sequence[str],
    documents: Iterable[str],
    document_ids: Sequence[str],
) -> Verdicts:
    """Name for each sample the document, or else the earliest accepted sample, that it is near to.

    Args:
        settings: How near, and n of the n-grams.
        samples: Texts, in the order of their draws.
        sample_ids: Their ids.
        documents: Real training texts.
        document_ids: Their ids.
    """
    n_real, n = len(document_ids), len(sample_ids)
    hashes = _hashes((shingles(text, settings.words) for text in chain(documents, samples)), n_real + n)
    near, similar = np.full(n, -1), np.zeros(n)
    for place, other, how_near in first_near(hashes, settings.similarity, n_real):
        near[place - n_real], similar[place - n_real] = other, how_near
    named = [None if at < 0 else document_ids[at] if at < n_real else sample_ids[at - n_real] for at in near.tolist()]
    return Verdicts(
        near < 0,
        reason=np.where(near < 0, ACCEPTED, "duplicate"),
        score=np.where(near < 0, 0.0, -similar),
        threshold=np.full(n, -settings.similarity),
        duplicate_of=np.array(named, dtype=object),
    )


def shingles(text: str, words: int) -> list[str]:
    """The n-grams of a text's words, in small letters; of a shorter text, all of it."""
    found = WORD.findall(text.lower())
    n = max(1, len(found) - words + 1)
    return [" ".join(found[start : start + words]) for start in range(n)]


def bands(similarity: float) -> int:
    """The fewest that find near texts: two of similarity s are compared with probability 1 − (1 − s^(128/b))^b."""
    enough = (b for b in (8, 16, 32, 64) if 1 - (1 - similarity ** (HASHES / b)) ** b >= FOUND)
    return next(enough, HASHES)


def first_near(hashes: np.ndarray, similarity: float, n_real: int) -> Iterator[tuple[int, int, float]]:
    """Each text that is near to one that was kept before: its place, the first such one's, and how near they are.

    Args:
        hashes: Of every text, in their order, shape `(n, HASHES)`, uint32.
        similarity: From where on two texts are near.
        n_real: The first so many are kept whatever they are near to.
    """
    shared = _Shared(hashes, bands(similarity))
    for row, place in enumerate(shared.places.tolist()):
        if place >= n_real and (others := shared.kept_beside(row)).size:
            similar = (hashes[shared.places[others]] == hashes[place]).mean(axis=1)
            if (near := np.flatnonzero(similar >= similarity)).size:
                yield place, int(shared.places[others[near[0]]]), float(similar[near[0]])
                continue
        shared.keep(row)


class _Shared:
    """Texts that share a band of hashes with another, and which of them were kept.

    A group is what shares one band; groups of all bands are numbered through, and each has room for its members.

    Attributes:
        places: Places of such texts among all, ascending, shape `(rows,)`; a row stands for one.
    """

    def __init__(self, hashes: np.ndarray, n_bands: int) -> None:
        width, found = HASHES // n_bands, list[tuple[np.ndarray, np.ndarray]]()
        for first in range(0, HASHES, width):
            found.append(_groups(hashes[:, first : first + width]))
        is_shared = np.zeros(len(hashes), dtype=bool)
        for members, _ in found:
            is_shared[members] = True
        self.places = np.flatnonzero(is_shared)
        sizes = np.concatenate([np.bincount(group) for _, group in found])
        self._groups = np.full((len(self.places), n_bands), -1, dtype=np.int32)
        n_groups = 0
        for band, (members, group) in enumerate(found):
            self._groups[np.searchsorted(self.places, members), band] = n_groups + group
            n_groups += group.max(initial=-1) + 1
        self._begin, self._n_kept = np.cumsum(sizes) - sizes, np.zeros(n_groups, dtype=np.int64)
        self._kept = np.empty(sizes.sum(), dtype=np.int32)

    def keep(self, row: int) -> None:
        """Keep a text."""
        groups = self._of(row)
        self._kept[self._begin[groups] + self._n_kept[groups]] = row
        self._n_kept[groups] += 1

    def kept_beside(self, row: int) -> np.ndarray:
        """Rows of the kept texts that share a band with this one, ascending."""
        groups = self._of(row)
        counts = self._n_kept[groups]
        shift = np.repeat(self._begin[groups] - np.cumsum(counts) + counts, counts)
        return np.unique(self._kept[np.arange(counts.sum()) + shift])

    def _of(self, row: int) -> np.ndarray:
        groups = self._groups[row]
        return groups[groups >= 0]


def _groups(band: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Texts whose band another has too, a group after the other, each in order; and the number of each one's group.

    Bands are compared by a number of 64 bits. Two that differ and share it make a comparison more, and no verdict.
    """
    keys = np.zeros(len(band), dtype=np.uint64)
    for column in band.T:
        keys = keys * STEP + column
    order = np.argsort(keys, kind="stable")
    as_before = np.diff(keys[order], prepend=keys[order[:1]] + np.uint64(1)) == 0
    several = as_before | np.append(as_before[1:], False)[: len(order)]
    return order[several].astype(np.int32), np.cumsum(~as_before[several], dtype=np.int32) - 1


def _hashes(texts: Iterable[Iterable[str]], n: int) -> np.ndarray:
    """MinHashes of texts, by their n-grams, shape `(n, HASHES)`, uint32."""
    from rensa import RMinHash

    # Pages of their own go back to the system with the array; of its heap the allocator of jobs gives nothing back.
    pages = mmap.mmap(-1, max(1, n) * HASHES * 4)
    found = np.frombuffer(pages, dtype=np.uint32, count=n * HASHES).reshape(n, HASHES)
    for row, grams in zip(found, texts, strict=True):
        hashed = RMinHash(num_perm=HASHES, seed=SEED)
        hashed.update(list(grams))
        row[:] = hashed.digest()
    return found


def judged(settings: NearDuplicatesVerifier, case: Case, _name: str) -> Verdicts:
    """What it says of a case; see `verifiers`."""
    real = case.real("train")
    samples, documents = (read_in_parts(table, case.medium.whole_texts) for table in (case.samples, real))
    return judge(settings, samples, case.ids, documents, real["document_id"].to_pylist())
