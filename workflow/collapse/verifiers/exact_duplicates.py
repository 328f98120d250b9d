"""Accepts the first of identical samples, and none that repeats a real training document."""

from collections.abc import Sequence

import numpy as np

from collapse.media.text.sequences import Sequences
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
    earliest = [first.setdefault(tokens.tobytes(), name) for tokens, name in zip(samples, sample_ids, strict=True)]
    accepted = np.array([earlier == name for earlier, name in zip(earliest, sample_ids, strict=True)], dtype=bool)
    duplicate_of = np.array(
        [None if first else name for first, name in zip(accepted, earliest, strict=True)], dtype=object
    )
    return Verdicts(accepted=accepted, reason=np.where(accepted, ACCEPTED, "duplicate"), duplicate_of=duplicate_of)
