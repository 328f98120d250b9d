"""Test error of a ridge student of a chain of unregularised fits (Dohmatob, Feng, Kempe 2024, section 4).

x ~ N(0, Σ). Generators: ŵ_0 = w_0 and ŵ_m is the least-squares fit to T_0 new inputs labelled by ŵ_{m−1} with noise
σ_0². The student of generation n learns from T inputs labelled by ŵ_n with noise σ² and a ridge λ. Its error is
E (ŵ − w_0)'Σ(ŵ − w_0), above the noise floor, in squared units of y:

    E_n = B + V + n σ_0² ρ

B and V are the bias and variance on real labels, `deterministic_equivalents.bias` and `variance`. Generation n is the
paper's n: the student of generation 0 learns from real labels.
"""

from dataclasses import dataclass

import numpy as np

from collapse.theory.deterministic_equivalents import bias, degrees_of_freedom, kappa, variance


@dataclass(frozen=True)
class Source:
    """Where students' labels come from.

    Attributes:
        eigenvalues: λ_j of Σ, shape `(d,)`.
        squared_weights: w_{0j}² in the eigenbasis of Σ, shape `(d,)`.
        noise_variance: σ², noise on the labels students learn from.
        generator_samples: T_0, examples of each generator's fit, at least d + 2.
        generator_noise_variance: σ_0², noise on the labels generators learn from.
    """

    eigenvalues: np.ndarray
    squared_weights: np.ndarray
    noise_variance: float
    generator_samples: int
    generator_noise_variance: float


def student_error(source: Source, samples: float, ridge: float, fits: float) -> float:
    """E_n of a student of `samples` = T examples at λ = `ridge`, in the limit of large d and T.

    Args:
        source: Where its labels come from.
        samples: T.
        ridge: λ.
        fits: n where each generator replaces the last; else the error of ŵ_n over that of ŵ_1.
    """
    return clean_error(source, samples, ridge) + fits * error_per_fit(source, samples, ridge)


def clean_error(source: Source, samples: float, ridge: float) -> float:
    """B + V: the error of a student of real labels."""
    return sum(clean_parts(source, samples, ridge))


def clean_parts(source: Source, samples: float, ridge: float) -> tuple[float, float]:
    """B, what shrinking makes of it, and V, what the labels' noise makes."""
    effective = kappa(ridge, source.eigenvalues, samples)
    return (
        bias(effective, source.eigenvalues, source.squared_weights, samples),
        variance(effective, source.eigenvalues, source.noise_variance, samples),
    )


def error_per_fit(source: Source, samples: float, ridge: float) -> float:
    """σ_0² ρ: what one more generation adds to the error.

    ŵ_n − w_0 has mean 0 and covariance n σ_0² Σ⁻¹/(T_0 − d − 1). What the student sees of it is tr Σ²(Σ + κ)⁻² = df₂,
    and what its own sampling adds is κ² tr (Σ + κ)⁻² df₂/(T − df₂): ρ = (df₂ + that)/(T_0 − d − 1).
    """
    eigenvalues = source.eigenvalues
    effective = kappa(ridge, eigenvalues, samples)
    seen = degrees_of_freedom(2, effective, eigenvalues)
    spread = effective**2 * float(np.sum((eigenvalues + effective) ** -2.0)) * seen / (samples - seen)
    return source.generator_noise_variance * (seen + spread) / (source.generator_samples - len(eigenvalues) - 1)


def ridgeless_error(source: Source, samples: float, fits: float) -> float:
    """E_n at λ = 0 and T ≥ d + 2, for any Σ: σ² d/(T − d − 1) + n σ_0² d/(T_0 − d − 1).

    Exact, by E (X'X)⁻¹ = Σ⁻¹/(T − d − 1); the paper has its limit, σ² φ/(1 − φ) + n σ_0² φ_0/(1 − φ_0) with φ = d/T and
    φ_0 = d/T_0.
    """
    d = len(source.eigenvalues)
    if samples < d + 2:
        raise ValueError(f"T = {samples} has no finite error for d = {d} without a ridge: d + 2 samples are needed")
    own = source.noise_variance * d / (samples - d - 1)
    return own + fits * source.generator_noise_variance * d / (source.generator_samples - d - 1)
