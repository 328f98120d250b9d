"""Errors of estimators that refit what they generate, over those of one fit (Dey and Donoho 2024).

Whatever the estimator, if its error has a Gaussian limit then the errors of the chain follow the laws of least squares
in `collapse.theory.linear_regression`, as n grows: the sum of 1/i² under accumulate, linear under replace. The median
nears them slowly, as what is left out of its linear expansion is of order n^(−3/4).
"""

import numpy as np
from scipy.integrate import quad
from scipy.special import ndtri
from scipy.stats import beta


def median_error(samples: int) -> float:
    """Variance of the median of n standard normals, n odd; exact, about π/(2n).

    The median is Φ⁻¹ of the middle of n uniforms, which is Beta((n+1)/2, (n+1)/2).
    """
    middle = beta((samples + 1) / 2, (samples + 1) / 2)
    return quad(lambda u: float(ndtri(u) ** 2 * middle.pdf(u)), 0, 1, points=[0.5], limit=200)[0]


def logistic_error(inputs: np.ndarray, weights: np.ndarray) -> float:
    """Squared error of one logistic fit, tr (X' W X)⁻¹ with W = p(1 − p), as the rows of X grow in number.

    Args:
        inputs: X, shape `(n, d)`.
        weights: True weights, shape `(d,)`.
    """
    probabilities = 1 / (1 + np.exp(-inputs @ weights))
    information = (inputs * (probabilities * (1 - probabilities))[:, None]).T @ inputs
    return float(np.trace(np.linalg.inv(information)))
