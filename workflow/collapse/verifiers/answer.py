"""Accepts the right answer, where the real example of the same input has one; executable where it is numbers."""

import re
from collections.abc import Sequence

import numpy as np

from collapse.config.verifiers import AnswerVerifier
from collapse.verifiers import ACCEPTED, Verdicts
from collapse.verifiers.case import Case

VERSION = "answer/1"

NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


def judge(settings: AnswerVerifier, given: Sequence[str], true: Sequence[str]) -> Verdicts:
    """Compare each answer with the true one.

    Args:
        settings: What counts as the same.
        given: What a model answered.
        true: What is right.
    """
    reasons = [_judged(settings, one, other) for one, other in zip(given, true, strict=True)]
    reason = np.array(reasons, dtype=object)
    accepted = np.asarray(reason == ACCEPTED, dtype=bool)
    return Verdicts(accepted, reason, score=accepted.astype(float), threshold=np.ones(len(accepted)))


def _judged(settings: AnswerVerifier, given: str, true: str) -> str:
    if settings.match == "exact":
        return ACCEPTED if given.strip() == true.strip() else "wrong_answer"
    known, said = numbers(true), numbers(given)
    if known is None or said is None or len(said) != len(known):
        return "unparseable"
    allowed = settings.tolerance * float(np.abs(known).sum())
    return ACCEPTED if float(np.abs(said - known).sum()) <= allowed else "wrong_answer"


def numbers(text: str) -> np.ndarray | None:
    """The numbers of an answer that is nothing but numbers, with spaces or commas between them; else None."""
    words = text.replace(",", " ").split()
    if not words or not all(NUMBER.fullmatch(word) for word in words):
        return None
    return np.array([float(word) for word in words])


def judged(settings: AnswerVerifier, case: Case, _name: str) -> Verdicts:
    """What it says of a case; see `verifiers`."""
    return judge(settings, case.answers, case.true_answers)
