"""Accepts the first of texts that mean nearly the same, and none that means nearly what a real training text does.

An encoder gives each text a vector of length 1; two are near if the cosine of their angle, their inner product, is at
least so much (SemDeDup, Abbas et al. 2023). Every pair is compared, where the paper looks within clusters, so nothing
near is overlooked. Texts are read in order, as by `near_duplicates`: a refused one is not compared with again.

Memory: the vectors, and the similarities of a block of texts with a block of those they are compared with.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from collapse.config.verifiers import SemanticDuplicatesVerifier
from collapse.families import reading
from collapse.families.foreign import ENCODES, READ_BY
from collapse.verifiers import ACCEPTED, Verdicts
from collapse.verifiers.case import Case

VERSION = "semantic_duplicates/1"

IMPORTED_LATE = {"verify": READ_BY}
"""What the stage will import when it loads the encoder; a fork server imports it before."""

BLOCK_ROWS = 1_024
"""Texts of a block: the similarities of two blocks are 4 MiB."""

SLACK = 1e-6
"""What rounding in float32 may take from the similarity of a text with itself."""


def judge(
    similarity: float,
    samples: np.ndarray,
    sample_ids: Sequence[str],
    documents: np.ndarray,
    document_ids: Sequence[str],
) -> Verdicts:
    """Name for each sample the first document, or else the earliest accepted sample, that it is near to.

    Args:
        similarity: Cosine from which two count as near.
        samples: Vectors of length 1, `(n_samples, width)`, float32, in the order of their draws.
        sample_ids: Their ids.
        documents: Those of real training texts, `(n_documents, width)`.
        document_ids: Their ids.
    """
    least = similarity - SLACK
    document, of_document = first_near(samples, documents, np.arange(len(documents)), least)
    sample, of_sample = first_kept(samples, document < 0, least)
    accepted = (document < 0) & (sample < 0)
    names = [*document_ids, *sample_ids, None]
    place = np.select([document >= 0, sample >= 0], [document, len(documents) + sample], len(names) - 1)
    return Verdicts(
        accepted,
        reason=np.where(accepted, ACCEPTED, "duplicate"),
        score=-np.maximum(of_document, of_sample),
        threshold=np.full(len(samples), -similarity),
        duplicate_of=np.array([names[index] for index in place], dtype=object),
    )


def first_near(
    vectors: np.ndarray, others: np.ndarray, among: np.ndarray, least: float
) -> tuple[np.ndarray, np.ndarray]:
    """The first of some others that each vector is near to, and how near; −1 and 0 where there is none.

    Args:
        vectors: Shape `(n, width)`.
        others: Shape `(m, width)`.
        among: Places of those of the others that count, in order, shape `(k,)`.
        least: Cosine from which two are near.

    Returns:
        Places among the others and cosines, each of shape `(n,)`.
    """
    place, cosine = np.full(len(vectors), -1), np.zeros(len(vectors))
    for rows in _blocks(len(vectors)):
        for columns in _blocks(len(among)):
            similar = vectors[rows] @ others[among[columns]].T
            first = (similar >= least).argmax(axis=1)
            value = similar[np.arange(len(first)), first]
            new = (value >= least) & (place[rows] < 0)
            place[rows] = np.where(new, among[columns][first], place[rows])
            cosine[rows] = np.where(new, value, cosine[rows])
    return place, cosine


def first_kept(vectors: np.ndarray, eligible: np.ndarray, least: float) -> tuple[np.ndarray, np.ndarray]:
    """The earliest kept vector that each eligible one is near to, and how near; it is kept itself if there is none.

    Args:
        vectors: Shape `(n, width)`, in order.
        eligible: Which of them are looked at; others are neither kept nor compared with, shape `(n,)`, bool.
        least: Cosine from which two are near.

    Returns:
        Places, −1 where there is none, and cosines, each of shape `(n,)`.
    """
    place, cosine = np.full(len(vectors), -1), np.zeros(len(vectors))
    kept = np.zeros(0, dtype=np.int64)
    for rows in _blocks(len(vectors)):
        place[rows], cosine[rows] = first_near(vectors[rows], vectors, kept, least)
        similar, own = vectors[rows] @ vectors[rows].T, np.zeros(rows.stop - rows.start, dtype=bool)
        for row in np.flatnonzero(eligible[rows] & (place[rows] < 0)):
            near = np.flatnonzero(own[:row] & (similar[row, :row] >= least))
            if near.size:
                place[rows.start + row], cosine[rows.start + row] = rows.start + near[0], similar[row, near[0]]
            own[row] = not near.size
        kept = np.concatenate([kept, rows.start + np.flatnonzero(own)])
    return np.where(eligible, place, -1), np.where(eligible, cosine, 0)


def _blocks(n: int) -> Iterator[slice]:
    return (slice(start, min(start + BLOCK_ROWS, n)) for start in range(0, n, BLOCK_ROWS))


def judged(settings: SemanticDuplicatesVerifier, case: Case, name: str) -> Verdicts:
    """What it says of a case; see `verifiers`."""
    encoder = reading.load(case.checkpoints[f"verifier-{name}"], ENCODES, settings.window_tokens, case.device)
    real = case.real("train")
    samples, documents = (encoder.vectors(case.medium.whole_texts(table)) for table in (case.samples, real))
    return judge(settings.similarity, samples, case.ids, documents, real["document_id"].to_pylist())
