"""Holm's adjustment of p-values for the number of comparisons (Holm 1979)."""

import numpy as np


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
