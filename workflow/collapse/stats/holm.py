"""Holm's adjustment of p-values for the number of comparisons (Holm 1979)."""

from collections.abc import Hashable
from dataclasses import replace
from typing import TypeVar

import numpy as np

from collapse.stats.paired import Interval

Key = TypeVar("Key", bound=Hashable)


def holm(p_values: np.ndarray) -> np.ndarray:
    """Adjusted p-values, in the order given; a NaN is no comparison and stays NaN.

    The k-th smallest of m p-values is multiplied by m - k + 1; none falls below a smaller one's, none exceeds 1. The
    chance that any true null hypothesis of the family is rejected stays at most the level, whatever the dependence.

    Args:
        p_values: Shape `(n,)`.
    """
    adjusted = np.full(len(p_values), np.nan)
    tested = np.flatnonzero(~np.isnan(p_values))
    ascending = tested[np.argsort(p_values[tested], kind="stable")]
    factors = np.arange(len(ascending), 0, -1)
    adjusted[ascending] = np.minimum(1, np.maximum.accumulate(p_values[ascending] * factors))
    return adjusted


def adjusted(family: dict[Key, Interval]) -> dict[Key, Interval]:
    """The same intervals, each with its p-value adjusted for the family: all that were tested together."""
    p_values = np.array([interval.p_value for interval in family.values()], dtype=float)
    return {
        name: replace(interval, p_adjusted=None if np.isnan(p) else float(p))
        for (name, interval), p in zip(family.items(), holm(p_values), strict=True)
    }
