"""Accepts the right answer, where the real example of the same input has one; executable where it is numbers."""

from collections.abc import Sequence

import numpy as np

from collapse.config.settings import AnswerSettings
from collapse.config.verifiers import AnswerVerifier
from collapse.media import answers
from collapse.verifiers import ACCEPTED, Verdicts
from collapse.verifiers.case import Case

VERSION = "answer/1"

REASONS = {answers.RIGHT: ACCEPTED, answers.WRONG: "wrong_answer", answers.UNREADABLE: "unparseable"}


def judge(settings: AnswerSettings, given: Sequence[str], true: Sequence[str]) -> Verdicts:
    """Compare each answer with the true one.

    Args:
        settings: What counts as the same.
        given: What a model answered.
        true: What is right.
    """
    reason = np.array([REASONS[one] for one in answers.judged(settings, given, true)], dtype=object)
    accepted = np.asarray(reason == ACCEPTED, dtype=bool)
    return Verdicts(accepted, reason, score=accepted.astype(float), threshold=np.ones(len(accepted)))


def judged(settings: AnswerVerifier, case: Case, _name: str) -> Verdicts:
    """What it says of a case; see `verifiers`."""
    return judge(settings, case.answers, case.true_answers)
