"""ROUGE-1 F, one fixed implementation: the score of Feng et al. 2024's oracle for summaries (Lin 2004).

Words are runs of letters and digits in small letters, without stemming: F = 2PR/(P + R) of the counts of words that two
texts share, each as often as both have it.
"""

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from collapse.config.verifiers import RougeVerifier
from collapse.verifiers import Verdicts
from collapse.verifiers.case import Case

VERSION = "rouge/1"

WORD = re.compile(r"[^\W_]+")


def scores(given: Sequence[str], true: Sequence[str]) -> np.ndarray:
    """ROUGE-1 F of each text against the true one, from 0 to 1, shape `(n,)`; 0 where either has no word."""
    return np.array([rouge_1(one, other) for one, other in zip(given, true, strict=True)], dtype=np.float64)


def rouge_1(given: str, true: str) -> float:
    """ROUGE-1 F of one text against another."""
    one, other = (Counter(WORD.findall(text.lower())) for text in (given, true))
    # 2PR/(P + R) with P = shared / words given and R = shared / words true
    total = one.total() + other.total()
    return 2 * (one & other).total() / total if total else 0.0


def judged(settings: RougeVerifier, case: Case, name: str) -> Verdicts:
    """What it says of a case; see `verifiers`."""
    return case.select(settings.select, scores(case.answers, case.true_answers), name)
