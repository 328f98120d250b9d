"""Which ridge a student of generated labels needs, under a power law (Dohmatob, Feng, Kempe 2024, section 5).

λ_j = j^{−β} (capacity) and λ_j w_{0j}² = j^{−(1 + 2rβ)} (source). On real labels the best λ falls as T^{−l*}; generated
labels bring an error that a larger λ holds back, so the best λ rises with n. Errors are those of `theory.ridge_chain`.
"""

import numpy as np
from scipy.optimize import minimize_scalar

from collapse.theory.ridge_chain import Source, student_error

SMALLEST, LARGEST = 1e-10, 1e4
"""Between which λ the best one is looked for, in the unit of the largest eigenvalue."""


def squared_weights(eigenvalues: np.ndarray, capacity_exponent: float, source_exponent: float) -> np.ndarray:
    """w_{0j}² = j^{−(1 + 2rβ)}/λ_j, shape `(d,)`.

    Args:
        eigenvalues: λ_j, largest first, shape `(d,)`.
        capacity_exponent: β.
        source_exponent: r.
    """
    index = np.arange(1, len(eigenvalues) + 1, dtype=float)
    return index ** -(1 + 2 * source_exponent * capacity_exponent) / eigenvalues


def clean_exponent(capacity_exponent: float, source_exponent: float) -> float:
    """l* = β/(1 + 2βr̲) with r̲ = min(r, 1): λ = T^{−l*} gives the best rate on real labels."""
    return capacity_exponent / (1 + 2 * capacity_exponent * min(source_exponent, 1.0))


def clean_rate(capacity_exponent: float, source_exponent: float) -> float:
    """The rate of the best error on real labels with noise, T^{−c}: c = 2βr̲/(1 + 2βr̲)."""
    reach = 2 * capacity_exponent * min(source_exponent, 1.0)
    return reach / (1 + reach)


def clean_ridge(samples: float, capacity_exponent: float, source_exponent: float) -> float:
    """λ = T^{−l*}."""
    return float(samples) ** -clean_exponent(capacity_exponent, source_exponent)


def optimal_ridge(source: Source, samples: float, fits: float) -> float:
    """The λ with the least E_n, found numerically to a share of 10⁻⁵; in the unit of Σ."""
    scale = np.log(float(source.eigenvalues.max()))
    found = minimize_scalar(
        lambda log_ridge: np.log(student_error(source, samples, float(np.exp(log_ridge)), fits)),
        bounds=(np.log(SMALLEST) + scale, np.log(LARGEST) + scale),
        method="bounded",
        options={"xatol": 1e-5},
    )
    return float(np.exp(found.x))
