"""When an answer in words is right: the real one letter by letter, or as numbers that are near enough."""

import re
from collections.abc import Sequence

import numpy as np

from collapse.config.settings import AnswerSettings

RIGHT, WRONG, UNREADABLE = "right", "wrong", "unreadable"

NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


def judged(settings: AnswerSettings, given: Sequence[str], true: Sequence[str]) -> np.ndarray:
    """Compare each answer with the true one.

    Args:
        settings: What counts as the same.
        given: What a model answered.
        true: What is right.

    Returns:
        `RIGHT`, `WRONG`, or `UNREADABLE` where it is not as many numbers as the true one, shape `(n,)`, object.
    """
    return np.array([_judged(settings, one, other) for one, other in zip(given, true, strict=True)], dtype=object)


def _judged(settings: AnswerSettings, given: str, true: str) -> str:
    if settings.match == "exact":
        return RIGHT if given.strip() == true.strip() else WRONG
    known, said = numbers(true), numbers(given)
    if known is None or said is None or len(said) != len(known):
        return UNREADABLE
    allowed = settings.tolerance * float(np.abs(known).sum())
    return RIGHT if float(np.abs(said - known).sum()) <= allowed else WRONG


def numbers(text: str) -> np.ndarray | None:
    """The numbers of an answer that is nothing but numbers, with spaces or commas between them; else None."""
    words = text.replace(",", " ").split()
    if not words or not all(NUMBER.fullmatch(word) for word in words):
        return None
    return np.array([float(word) for word in words])
