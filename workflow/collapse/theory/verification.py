"""Least squares on verified labels of a Gaussian mixture (Feng, Dohmatob, Yang, Charton, Kempe 2024).

x ~ N(±μ, I_d) with equal odds and m = ‖μ‖; the true label is the Bayes label, the sign of x·μ. A generated label is
wrong with probability p; a right one is kept with probability φ, a wrong one with ψ. The student is least squares
without intercept on the kept labels. Accuracy is its share of true labels.
"""

import numpy as np
from scipy.special import ndtr, owens_t, roots_genlaguerre, roots_hermitenorm


def breakdown_point(keeps_right: float, keeps_wrong: float) -> float:
    """p* = 1/(1 + ψ/φ) (theorem 4.2): as N/d grows, accuracy goes to 1 for p < p* and to 0 for p > p*."""
    return keeps_right / (keeps_right + keeps_wrong)


def proxy_variance(keeps_right: float, keeps_wrong: float, error_rate: float, samples: int) -> float:
    """Variance of p* estimated from a labelled sample, p̂* = φ̂/(φ̂ + ψ̂), by the delta method; derived here.

    φ̂ and ψ̂ are shares of about n(1 − p) right and np wrong labels.

    Args:
        keeps_right: φ.
        keeps_wrong: ψ.
        error_rate: p.
        samples: n.
    """
    of_right = keeps_right * (1 - keeps_right) / (samples * (1 - error_rate))
    of_wrong = keeps_wrong * (1 - keeps_wrong) / (samples * error_rate)
    return (keeps_wrong**2 * of_right + keeps_right**2 * of_wrong) / (keeps_right + keeps_wrong) ** 4


def accuracy(along: np.ndarray, across: np.ndarray, separation: float) -> np.ndarray:
    """Accuracy of the classifier sign(x·w): 1 − 2 T(m cos θ, tan θ) below a right angle, T Owen's function.

    Derived here: with a = x·μ/m, the classifier is right if |a| cos θ + b sin θ > 0 for an independent b ~ N(0, 1).

    Args:
        along: Component of w along μ.
        across: Length of the rest of w, same shape.
        separation: m.
    """
    with np.errstate(divide="ignore"):
        slope = np.where(along == 0, np.inf, across / np.abs(along))
    wrong = 2 * owens_t(separation / np.sqrt(1 + slope**2), slope)
    return np.where(along >= 0, 1 - wrong, wrong)


def independent_errors_accuracy(
    error_rate: float, keeps_right: float, keeps_wrong: float, samples: int, dimension: int, separation: float
) -> float:
    """Mean accuracy after N labels whose errors do not depend on x, for N ≫ d; a step at p* in the limit.

    Derived here. With s = ±1 for right and wrong labels, of mean q among the n = N(φ(1 − p) + ψp) kept ones, ŵ is
    near qE|a|/(1 + m²) along μ, and by the central limit theorem its entries scatter with variances E r²/n across μ
    and E a²r²/((1 + m²)²n) along it, r the residual.

    Args:
        error_rate: p.
        keeps_right: φ.
        keeps_wrong: ψ.
        samples: N.
        dimension: d.
        separation: m.
    """
    right, wrong = keeps_right * (1 - error_rate), keeps_wrong * error_rate
    kept, q = samples * (right + wrong), (right - wrong) / (right + wrong)
    first, second, third, fourth = folded_moments(separation)
    weight = q * first / second
    across = 1 - q**2 * first**2 / second
    along = (second - 2 * weight * q * third + weight**2 * fourth) / second**2
    return expected_accuracy(
        np.array([weight]), np.array([[along]]) / kept, across / kept, dimension - 1, separation, nodes=41
    )


def folded_moments(separation: float) -> tuple[float, float, float, float]:
    """E|a|, E a², E|a|³ and E a⁴ of a ~ N(m, 1)."""
    m = separation
    sided, density = 1 - 2 * float(ndtr(-m)), float(np.exp(-(m**2) / 2) / np.sqrt(2 * np.pi))
    return m * sided + 2 * density, 1 + m**2, (m**3 + 3 * m) * sided + 2 * (m**2 + 2) * density, m**4 + 6 * m**2 + 3


def expected_accuracy(
    mean: np.ndarray, covariance: np.ndarray, rest_variance: float, n_rest: int, separation: float, nodes: int
) -> float:
    """Mean accuracy of normal weights, by quadrature.

    Args:
        mean: Mean of the first weights, the one along μ first, shape `(k,)`.
        covariance: Of them, shape `(k, k)`.
        rest_variance: Variance of each of the others, which are independent and of mean 0.
        n_rest: How many others.
        separation: m.
        nodes: Quadrature points per dimension.
    """
    points, weights = roots_hermitenorm(nodes)
    grids = np.meshgrid(*[points] * len(mean), indexing="ij")
    normals = np.stack([grid.ravel() for grid in grids])
    odds = np.prod(np.stack([w.ravel() for w in np.meshgrid(*[weights] * len(mean), indexing="ij")]), axis=0)
    placed = mean[:, None] + np.linalg.cholesky(covariance) @ normals
    halves, shares = roots_genlaguerre(nodes, n_rest / 2 - 1)
    squares = (placed[1:] ** 2).sum(axis=0)[:, None] + 2 * rest_variance * halves
    values = accuracy(np.broadcast_to(placed[0][:, None], squares.shape), np.sqrt(squares), separation)
    return float(odds @ values @ shares / (odds.sum() * shares.sum()))
