"""Ridge regression on real labels mixed with labels of another rule (Dohmatob, Feng, Subramonian, Kempe 2025).

x ~ N(0, Σ); n₁ = p₁n real labels y = x·w₁ + ε and n₂ = p₂n synthetic ones y = x·(w₁ + δ) + ε, with w₁ ~ N(0, Γ),
δ ~ N(0, Δ), ε ~ N(0, σ²). Test error is E‖ŵ − w₁‖²_Σ, on real labels and above the noise floor, in squared units of y.
Γ and Δ are given by their diagonals in the basis of Σ: nothing else of them enters.
"""

from dataclasses import dataclass

import numpy as np

from collapse.theory.deterministic_equivalents import bias, degrees_of_freedom, kappa, variance


@dataclass(frozen=True)
class Terms:
    """The parts of the test error, in squared units of y.

    Attributes:
        bias: B, of shrinking.
        variance: V, of the labels' noise.
        shift: ζ, of labels that follow another rule.
    """

    bias: float
    variance: float
    shift: float

    @property
    def total(self) -> float:
        """B + V + ζ."""
        return self.bias + self.variance + self.shift


def ridge_terms(
    eigenvalues: np.ndarray,
    truth: np.ndarray,
    shift: np.ndarray,
    samples: float,
    synthetic_fraction: float,
    ridge: float,
    noise_variance: float,
) -> Terms:
    """B, V and ζ of theorem 1, in the limit of large d and n at fixed d/n.

    ζ = p₂² (1 + p₁u) tr ΔΣ³(Σ + κ)⁻² + p₂ u tr ΔΣ(p₁Σ + κ)²(Σ + κ)⁻², with u = (df₂/n)/(1 − df₂/n).

    Args:
        eigenvalues: Of Σ, shape `(d,)`.
        truth: Diagonal of Γ in the basis of Σ, shape `(d,)`.
        shift: Diagonal of Δ in the basis of Σ, shape `(d,)`.
        samples: n, real and synthetic.
        synthetic_fraction: p₂.
        ridge: λ of (X'X/n + λI)⁻¹ X'y/n.
        noise_variance: σ².
    """
    effective = kappa(ridge, eigenvalues, samples)
    p2, p1 = synthetic_fraction, 1 - synthetic_fraction
    share = degrees_of_freedom(2, effective, eigenvalues) / samples
    u = share / (1 - share)
    weight = shift * eigenvalues / (eigenvalues + effective) ** 2
    learnt = p2**2 * (1 + p1 * u) * np.sum(weight * eigenvalues**2)
    misfit = p2 * u * np.sum(weight * (p1 * eigenvalues + effective) ** 2)
    return Terms(
        bias(effective, eigenvalues, truth, samples),
        variance(effective, eigenvalues, noise_variance, samples),
        float(learnt + misfit),
    )


def isotropic_ridgeless_error(ratio: float, synthetic_fraction: float, noise_variance: float, quality: float) -> float:
    """σ²φ/(1−φ) + (p₂² + p₁p₂ φ/(1−φ)) c² (corollary 1), for φ = d/n below 1.

    Args:
        ratio: φ.
        synthetic_fraction: p₂.
        noise_variance: σ².
        quality: c² = tr Δ: how far the synthetic labels' rule is from the true one, in squared units of y.
    """
    if not 0 < ratio < 1:
        raise ValueError(f"d/n = {ratio:g} is not between 0 and 1")
    odds, p2 = ratio / (1 - ratio), synthetic_fraction
    return noise_variance * odds + (p2**2 + p2 * (1 - p2) * odds) * quality


def floor(synthetic_fraction: float, quality: float) -> float:
    """p₂²c², what is left of the test error however large n is (equation 12)."""
    return synthetic_fraction**2 * quality


def ridgeless_terms(n_real: float, n_synthetic: float, dimension: int, noise_variance: float, quality: float) -> Terms:
    """V and ζ of ordinary least squares, exact for every n ≥ d + 2 and every Σ; the paper has the limit of large d.

    Derived here. With S₂ and S the Gram matrices of the synthetic and of all inputs, ζ is E‖S⁻¹S₂δ‖²_Σ, which depends
    on Σ and Δ by c² = tr ΣΔ alone. S₂ = S^½BS^½ with B of a matrix Beta law, independent of S, so that
    ζ = (c²/d) E tr(B S⁻¹B S), see `conjugation` and `beta_moments`.

    Args:
        n_real: n₁.
        n_synthetic: n₂.
        dimension: d.
        noise_variance: σ².
        quality: c² = tr ΣΔ.
    """
    n = n_real + n_synthetic
    same, trace = conjugation(n, dimension)
    squares, square = beta_moments(n_real, n_synthetic, dimension)
    shift = quality / dimension * (same * squares + trace * square)
    return Terms(0.0, noise_variance * dimension / (n - dimension - 1), shift)


def conjugation(samples: float, dimension: int) -> tuple[float, float]:
    """Numbers a and b of E[S⁻¹AS] = aA + b tr(A) I, for S = X'X of n standard normal rows and symmetric A.

    Derived here. S is invariant under rotations, so E[S⁻¹AS] = a₁A + a₂A' + b tr(A) I for any A, and a = a₁ + a₂. The
    three numbers follow from tr E[S⁻¹AS] = tr A, from E tr S⁻¹S' = d, and from E[tr S tr S⁻¹] = d(nd − 2)/(n − d − 1),
    where tr S and S/tr S are independent.
    """
    d, n = dimension, samples
    if n < d + 2:
        raise ValueError(f"n = {n} has no finite error for d = {d}: d + 2 samples are needed")
    if d == 1:
        return 1.0, 0.0
    traces = d * (n * d - 2) / (n - d - 1)
    equations = np.array([[1, 1, d], [d**2, d, d], [d, d**2, d]], dtype=float)
    first, second, trace = np.linalg.solve(equations, np.array([1.0, traces, d]))
    return float(first + second), float(trace)


def beta_moments(n_real: float, n_synthetic: float, dimension: int) -> tuple[float, float]:
    """E tr B² and E (tr B)² of B = S^{−½}S₂S^{−½}, exact.

    From the moments of S₂ = S^½BS^½: E (tr S₂)² = n² E(tr B)² + 2n E tr B² and
    E tr S₂² = n(n + 1) E tr B² + n E(tr B)²; the same hold with n₂ for n and the unit matrix for B.
    """
    n, n2, d = n_real + n_synthetic, n_synthetic, dimension
    equations = np.array([[n * (n + 1), n], [2 * n, n**2]], dtype=float)
    known = np.array([n2 * (n2 + 1) * d + n2 * d**2, (n2 * d) ** 2 + 2 * n2 * d], dtype=float)
    squares, square = np.linalg.solve(equations, known)
    return float(squares), float(square)
