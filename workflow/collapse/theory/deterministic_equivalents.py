"""Ridge regression with Gaussian inputs in high dimension: what its random test error concentrates on.

x ~ N(0, Σ) with eigenvalues λ_j, y = x·w + ε, ε ~ N(0, σ²), T samples, ŵ = (X'X/T + λI)⁻¹ X'Y/T. In the limit of
large d and T the sample covariance acts as Σ with a larger ridge κ ("effective ridge"), the root of

    κ − λ = κ df₁(κ)/T,    df_m(κ) = tr Σ^m (Σ + κI)^{−m}

(Dohmatob, Feng, Kempe 2024, section 4; Dohmatob et al. 2025 for strong collapse). κ has the unit of Σ, df_m has none.
"""

import numpy as np
from scipy.optimize import root_scalar

SPECTRA = ("isotropic", "power_law")
"""Kinds of covariance."""


def spectrum(kind: str, dimension: int, exponent: float) -> np.ndarray:
    """Eigenvalues of Σ, largest first, shape `(dimension,)`.

    Args:
        kind: `isotropic`, all 1; or `power_law`, λ_j = j^{−exponent} for j = 1 … d, not normalised.
        dimension: d.
        exponent: β, the capacity exponent; `isotropic` does not read it.
    """
    if kind not in SPECTRA:
        raise ValueError(f"spectrum: `{kind}` is none of {', '.join(SPECTRA)}")
    if kind == "isotropic":
        return np.ones(dimension)
    return np.arange(1, dimension + 1, dtype=float) ** -exponent


def spread(total: float, dimension: int, exponent: float) -> np.ndarray:
    """Variances of a random rule's coordinates in the basis of Σ, of sum `total`, shape `(dimension,)`.

    Args:
        total: tr Γ, the expected squared length of the rule.
        dimension: d.
        exponent: They fall as j^{−exponent}, j = 1 … d; 0: all alike.
    """
    shape = np.arange(1, dimension + 1, dtype=float) ** -exponent
    return total * shape / shape.sum()


def kappa(ridge: float, eigenvalues: np.ndarray, samples: float) -> float:
    """The effective ridge κ, in the unit of Σ.

    For λ = 0 it is 0 if there are at least as many samples as dimensions, else the root of df₁(κ) = T. The root is
    unique: 1 − λ/κ − df₁(κ)/T increases with κ. It lies above λ and above the smallest λ_j times d/T − 1, where
    df₁ is at least T, and below λ + tr Σ/T, because κ λ_j/(λ_j + κ) < λ_j.

    Args:
        ridge: λ, at least 0.
        eigenvalues: λ_j, all above 0, shape `(d,)`.
        samples: T, above 0.
    """
    if ridge < 0 or samples <= 0 or np.any(eigenvalues <= 0):
        raise ValueError("kappa: needs a ridge of at least 0, and samples and eigenvalues above 0")
    low = max(ridge, float(eigenvalues.min()) * (len(eigenvalues) / samples - 1))
    if low <= 0:
        return 0.0
    high = ridge + float(eigenvalues.sum()) / samples

    def excess(log_kappa: float) -> float:
        value = np.exp(log_kappa)
        return 1 - ridge / value - degrees_of_freedom(1, value, eigenvalues) / samples

    # Both ends are roots up to rounding when all eigenvalues are equal and λ = 0; a step outwards keeps the bracket.
    bracket = (np.log(low) - 1e-9, np.log(high) + 1e-9)
    return float(np.exp(root_scalar(excess, bracket=bracket, method="brentq", xtol=1e-14).root))


def degrees_of_freedom(order: int, kappa: float, eigenvalues: np.ndarray) -> float:
    """df_m(κ) = Σ_j (λ_j / (λ_j + κ))^m: directions that the ridge leaves free, between 0 and d."""
    return float(np.sum((eigenvalues / (eigenvalues + kappa)) ** order))


def bias(kappa: float, eigenvalues: np.ndarray, squared_weights: np.ndarray, samples: float) -> float:
    """κ² Σ_j w_j² λ_j/(λ_j + κ)² / (1 − df₂/T), in squared units of y.

    Args:
        kappa: κ.
        eigenvalues: λ_j, shape `(d,)`.
        squared_weights: w_j² in the basis of Σ, or their mean where the weights are random, shape `(d,)`.
        samples: T.
    """
    shrunk = kappa**2 * np.sum(squared_weights * eigenvalues / (eigenvalues + kappa) ** 2)
    return float(shrunk / (1 - _variance_share(kappa, eigenvalues, samples)))


def variance(kappa: float, eigenvalues: np.ndarray, noise_variance: float, samples: float) -> float:
    """σ² df₂/(T − df₂), in squared units of y."""
    share = _variance_share(kappa, eigenvalues, samples)
    return float(noise_variance * share / (1 - share))


def _variance_share(kappa: float, eigenvalues: np.ndarray, samples: float) -> float:
    """df₂(κ)/T, below 1 wherever the error is finite."""
    share = degrees_of_freedom(2, kappa, eigenvalues) / samples
    if share >= 1:
        raise ValueError(f"the error is infinite: df2 = {share * samples:g} is not below the {samples:g} samples")
    return share
