"""Scores a summary by ROUGE-1 F against the real one of the same input: the oracle of Feng et al. 2024."""

from collections.abc import Sequence

import numpy as np

from collapse.config.verifiers import RougeVerifier
from collapse.rouge import rouge_1
from collapse.verifiers import Verdicts
from collapse.verifiers.case import Case

VERSION = "rouge/1"


def scores(given: Sequence[str], true: Sequence[str]) -> np.ndarray:
    """ROUGE-1 F of each text against the true one, from 0 to 1, shape `(n,)`; 0 where either has no word."""
    return np.array([rouge_1(one, other) for one, other in zip(given, true, strict=True)], dtype=np.float64)


def judged(settings: RougeVerifier, case: Case, name: str) -> Verdicts:
    """What it says of a case; see `verifiers`."""
    return case.select(settings.select, scores(case.answers, case.true_answers), name)
