"""Accepts the first of identical samples, and none that repeats a real training document."""

from collections.abc import Sequence

import numpy as np

from collapse.sequences import Sequences
from collapse.verifiers import ACCEPTED, Verdicts

VERSION = "exact_duplicates/1"


def judge(samples: Sequences, sample_ids: Sequence[str], documents: Sequences, document_ids: Sequence[str]) -> Verdicts:
    """Name for each sample the document, or else the earliest sample, with the same tokens.

    Args:
        samples: Whole samples, prompt and continuation, in the order of their draws.
        sample_ids: Their ids.
        documents: Real training documents.
        document_ids: Their ids.
    """
    first: dict[bytes, str] = {}
    for tokens, name in zip(documents, document_ids, strict=True):
        first.setdefault(tokens.tobytes(), name)
    duplicate_of = np.full(len(samples), None, dtype=object)
    for row, (tokens, name) in enumerate(zip(samples, sample_ids, strict=True)):
        earlier = first.setdefault(tokens.tobytes(), name)
        duplicate_of[row] = None if earlier == name else earlier
    accepted = np.equal(duplicate_of, None).astype(bool)
    return Verdicts(accepted=accepted, reason=np.where(accepted, ACCEPTED, "duplicate"), duplicate_of=duplicate_of)
