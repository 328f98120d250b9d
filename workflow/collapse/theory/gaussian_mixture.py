"""Two Gaussians and their mixture: moments and distance of densities (after Shumailov et al. 2024).

Every step of EM gives the mixture the mean and the biased covariance of the data, plus the floor that keeps components
from shrinking to a point. So the mixture's variance follows `collapse.theory.gaussian` with the floor as `added`.
"""

import numpy as np


def source_variance(separation: float) -> tuple[float, float]:
    """Variance of the real mixture along the line of its centres, and across it; components have variance 1."""
    return 1 + separation**2 / 4, 1.0


def overlap(
    mean: np.ndarray, covariance: np.ndarray, other_mean: np.ndarray, other_covariance: np.ndarray
) -> np.ndarray:
    """∫ p q of two Gaussian densities: the density of N(0, Σ + Σ') at μ − μ', shape `(replicates,)`.

    Args:
        mean: μ, shape `(replicates, d)`.
        covariance: Σ, shape `(replicates, d, d)`.
        other_mean: μ', likewise.
        other_covariance: Σ', likewise.
    """
    total, off = covariance + other_covariance, mean - other_mean
    distance = np.einsum("ri,ri->r", off, np.linalg.solve(total, off[..., None])[..., 0])
    _, log_determinant = np.linalg.slogdet(2 * np.pi * total)
    return np.exp(-(distance + log_determinant) / 2)
