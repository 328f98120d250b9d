"""Accepts the first of texts that are nearly the same, and none that is nearly a real training text.

MinHash (Broder 1997) of the set of n-grams of words, by `rensa`; candidates come from its index of bands, and their
similarity is estimated from all hashes. Texts are read in order: a refused one is not compared with again, so a chain
of small changes does not refuse what is far from every text that was kept.
"""

import re
from collections.abc import Iterable, Sequence

import numpy as np

from collapse.config.verifiers import NearDuplicatesVerifier
from collapse.verifiers import ACCEPTED, Verdicts
from collapse.verifiers.case import Case

VERSION = "near_duplicates/1"

HASHES, SEED = 128, 1
"""Hashes of a text, and what they are made from."""

FOUND = 0.94
"""Least probability that two texts of just the similarity that counts as near are compared at all."""

WORD = re.compile(r"\w+")


def judge(
    settings: NearDuplicatesVerifier,
    samples: Sequence[str],
    sample_ids: Sequence[str],
    documents: Sequence[str],
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
    index = _Index(settings.similarity)
    for text, name in zip(documents, document_ids, strict=True):
        index.keep(shingles(text, settings.words), name)
    near = list[tuple[str, float] | None]()
    for text, name in zip(samples, sample_ids, strict=True):
        near.append(index.found_or_kept(shingles(text, settings.words), name))
    accepted = np.array([one is None for one in near], dtype=bool)
    return Verdicts(
        accepted,
        reason=np.where(accepted, ACCEPTED, "duplicate"),
        score=np.array([0.0 if one is None else -one[1] for one in near]),
        threshold=np.full(len(near), -settings.similarity),
        duplicate_of=np.array([None if one is None else one[0] for one in near], dtype=object),
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


class _Index:
    """Texts that were kept, by their MinHash: 512 bytes each, and their place in every band."""

    def __init__(self, similarity: float) -> None:
        from rensa import RMinHashLSH

        self.similarity, self.names = similarity, list[str]()
        self.hashes = np.empty((1_024, HASHES), dtype=np.uint32)
        self.bands = RMinHashLSH(threshold=similarity, num_perm=HASHES, num_bands=bands(similarity))

    def keep(self, grams: Iterable[str], name: str) -> None:
        self._keep(self._hashed(grams), name)

    def found_or_kept(self, grams: Iterable[str], name: str) -> tuple[str, float] | None:
        """The first kept text that is near, and how near; if there is none, the text is kept."""
        hashed = self._hashed(grams)
        if places := sorted(self.bands.query(hashed)):
            similar = (self.hashes[places] == _digest(hashed)).mean(axis=1)
            if (near := np.flatnonzero(similar >= self.similarity)).size:
                return self.names[places[near[0]]], float(similar[near[0]])
        self._keep(hashed, name)
        return None

    def _hashed(self, grams: Iterable[str]):
        from rensa import RMinHash

        hashed = RMinHash(num_perm=HASHES, seed=SEED)
        hashed.update(list(grams))
        return hashed

    def _keep(self, hashed, name: str) -> None:
        self.bands.insert(len(self.names), hashed)
        if len(self.names) == len(self.hashes):
            self.hashes = np.concatenate([self.hashes, np.empty_like(self.hashes)])
        self.hashes[len(self.names)] = _digest(hashed)
        self.names.append(name)


def _digest(hashed) -> np.ndarray:
    return np.array(hashed.digest(), dtype=np.uint32)


def judged(settings: NearDuplicatesVerifier, case: Case, _name: str) -> Verdicts:
    """What it says of a case; see `verifiers`."""
    real = case.real("train")
    samples, documents = (case.medium.whole_texts(table) for table in (case.samples, real))
    return judge(settings, samples, case.ids, documents, real["document_id"].to_pylist())
