"""Scores texts by a rater that the plan names: what a classifier or a reward model says of each.

The rater is fitted to text of its own, or is somebody's checkpoint; it is the one whose shares are measured too.
"""

from collections.abc import Sequence

import numpy as np

from collapse.config.verifiers import RatingVerifier
from collapse.errors import ConfigError
from collapse.raters import Rater
from collapse.verifiers import Verdicts
from collapse.verifiers.case import Case

VERSION = "rating/1"


def scores(rater: Rater, weights: np.ndarray, texts: Sequence[str]) -> np.ndarray:
    """Mean over a text's parts of what its labels' probabilities weigh, `(n_texts,)`; nan where there are no parts.

    Args:
        rater: Gives every part a probability of each label.
        weights: What each label counts: its level, or 1 for one label and 0 for the others, shape `(n_labels,)`.
        texts: What is rated.
    """
    said = (rater.probabilities(text) for text in texts)
    return np.array([float((parts @ weights).mean()) if len(parts) else np.nan for parts in said])


def weights(settings: RatingVerifier, rater: Rater) -> np.ndarray:
    """What each of a rater's labels counts, shape `(n_labels,)`.

    Raises:
        ConfigError: It has no such label.
    """
    if settings.by == "level":
        return np.arange(len(rater.labels), dtype=np.float64)
    if settings.label not in rater.labels:
        raise ConfigError(
            f"label: `{settings.label}` is none of the labels that `raters.{settings.rater}` has learned "
            f"({', '.join(rater.labels)}).\n  Name one of these."
        )
    return np.array([float(label == settings.label) for label in rater.labels])


def judged(settings: RatingVerifier, case: Case, name: str) -> Verdicts:
    """What it says of a case; see `verifiers`."""
    rater = case.raters[settings.rater]
    try:
        counted = weights(settings, rater)
    except ConfigError as error:
        raise ConfigError(f"verifiers.{name}.{error}") from None
    return case.select(settings.select, scores(rater, counted, case.answers), name)
