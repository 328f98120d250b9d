"""Least squares with errors that allow for neighbouring residuals to be correlated (Newey and West 1987).

Of one outcome on each of many regressors at once, with an intercept; several series may be joined, and residuals of
different series are not multiplied. For one series it is what statsmodels' `OLS.fit(cov_type="HAC")` computes, which a
test holds it to.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm


@dataclass(frozen=True)
class Slopes:
    """Of every regressor, alone.

    Attributes:
        slope: Shape `(n_regressors,)`; `nan` where a regressor does not vary.
        standard_error: The same shape.
        p_value: Two-sided, of no slope, by the normal distribution; the same shape.
    """

    slope: np.ndarray
    standard_error: np.ndarray
    p_value: np.ndarray


def slopes(y: np.ndarray, x: np.ndarray, series: np.ndarray, max_lag: int) -> Slopes:
    """Regress an outcome on every column of `x` alone.

    Args:
        y: Outcome, shape `(n,)`, in the order of time within each series.
        x: Regressors, `(n, n_regressors)`.
        series: Which series each row is of, shape `(n,)`; rows of one series lie together.
        max_lag: Farthest neighbours whose residuals may be correlated; weights fall linearly (Bartlett).
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        centred = x - x.mean(axis=0)
        power = (centred**2).sum(axis=0)
        slope = centred.T @ (y - y.mean()) / np.where(power > VARIES * (x**2).sum(axis=0), power, np.nan)
        residuals = (y - y.mean())[:, None] - centred * slope
        # the slope's row of (X'X)^-1 X' is centred / power, so its variance needs centred regressors only
        scores = centred * residuals
        spread = (scores**2).sum(axis=0)
        for lag in range(1, max_lag + 1):
            together = series[lag:] == series[:-lag]
            products = (scores[lag:] * scores[:-lag])[together].sum(axis=0)
            spread += 2 * (1 - lag / (max_lag + 1)) * products
        error = np.sqrt(np.maximum(spread, 0)) / power
        p_value = 2 * norm.sf(np.abs(slope) / error)
    return Slopes(slope, error, np.where(np.isfinite(slope), p_value, np.nan))


VARIES = 1e-20
"""A regressor whose variance is a smaller share of its squares is a constant, and rounding."""
