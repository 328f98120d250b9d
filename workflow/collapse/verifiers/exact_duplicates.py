"""Accepts the first of identical samples, and none that repeats a real training document."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from collapse import media
from collapse.config.verifiers import ExactDuplicatesVerifier
from collapse.media import Examples
from collapse.verifiers import ACCEPTED, Verdicts
from collapse.verifiers.case import ROWS_READ, Case

VERSION = "exact_duplicates/1"


def judge(
    samples: Iterable[bytes], sample_ids: Sequence[str], documents: Iterable[bytes], document_ids: Sequence[str]
) -> Verdicts:
    """Name for each sample the document, or else the earliest sample, that is equal to it.

    Args:
        samples: A key for each sample, the same for equal ones only, in the order of their draws.
        sample_ids: Their ids.
        documents: A key for each real training document.
        document_ids: Their ids.
    """
    first: dict[bytes, str] = {}
    for key, name in zip(documents, document_ids, strict=True):
        first.setdefault(key, name)
    earliest = [first.setdefault(key, name) for key, name in zip(samples, sample_ids, strict=True)]
    accepted = np.array([earlier == name for earlier, name in zip(earliest, sample_ids, strict=True)], dtype=bool)
    duplicate_of = np.array(
        [None if first else name for first, name in zip(accepted, earliest, strict=True)], dtype=object
    )
    return Verdicts(accepted=accepted, reason=np.where(accepted, ACCEPTED, "duplicate"), duplicate_of=duplicate_of)


def judged(_settings: ExactDuplicatesVerifier, case: Case, _name: str) -> Verdicts:
    """What it says of a case; see `verifiers`."""
    real = case.real("train")
    return judge(_keys(case), case.ids, media.examples(real, case.form).keys(), real["document_id"].to_pylist())


def _keys(case: Case) -> Iterator[bytes]:
    """A key for each sample, of so many samples at a time."""
    n = len(case.drawn)
    for start in range(0, n, ROWS_READ):
        part = case.drawn.take(np.arange(start, min(start + ROWS_READ, n)))
        if part.inputs is not None and case.form.input is None:  # the beginning of a text is a part of it
            part = Examples(case.medium.joined(part.inputs, part.outputs))
        yield from part.keys()
