"""Reweighted and iterated mixing of real and synthetic labels, without ridge (Dohmatob et al. 2025, section 5).

x ~ N(0, I_d); n₁ real labels y = x·w + ε and n₂ = n − n₁ synthetic ones y = x·(w + δ) + ε, E‖δ‖² = c², ε ~ N(0, σ²).
Test error is E‖ŵ − w‖², in squared units of y. The paper's corollaries give rates; the constants are derived here.
"""

import numpy as np
from scipy.optimize import root_scalar

from collapse.theory.strong_ridge import conjugation

NODES = 400
"""Points of the quadrature over the spectrum; it is exact for polynomials up to twice as high."""


def reweighted_error(
    synthetic_weight: float, n_real: float, n_synthetic: float, dimension: int, noise_variance: float, quality: float
) -> float:
    """Error of weighted least squares, each real label weighted (1 − α)/n₁ and each synthetic one α/n₂.

    Derived here, in the limit of large d, n₁ and n₂. With M = Σ_k a_k X_k'X_k and a₁ = (1 − α)/n₁, a₂ = α/n₂:
    g = tr M⁻¹ solves Σ_k n_k a_k g/(1 + a_k g) = d, the synthetic labels' share is s = n₂a₂g/(1 + a₂g)/d, so that ŵ
    is on average w + sδ, and the misfits s²c² and (1 − s)²c² act as noise:

        E = s²c² + g Σ_k n_k a_k² (σ² + misfit_k)/(1 + a_k g)² / Σ_k n_k a_k/(1 + a_k g)²

    It goes to α²c² as n grows (corollary 2) and, for α = n₂/n, is the corollary-1 error.

    Args:
        synthetic_weight: α.
        n_real: n₁.
        n_synthetic: n₂.
        dimension: d.
        noise_variance: σ².
        quality: c².
    """
    counts = np.array([n_real, n_synthetic], dtype=float)
    weights = np.array([1 - synthetic_weight, synthetic_weight]) / counts

    def surplus(log_g: float) -> float:
        pull = weights * np.exp(log_g)
        return float(np.sum(counts * pull / (1 + pull)) - dimension)

    # Σ n_k a_k = 1, so that the sum is below d at g = d, and it goes to n as g grows.
    bracket = (np.log(dimension / 2), np.log(1e6 * dimension / weights.min()))
    g = float(np.exp(root_scalar(surplus, bracket=bracket, method="brentq", xtol=1e-14).root))
    damping = 1 + weights * g
    share = float((counts * weights * g / damping)[1] / dimension)
    noise = noise_variance + quality * np.array([share**2, (1 - share) ** 2])
    spread = g * np.sum(counts * weights**2 * noise / damping**2) / np.sum(counts * weights / damping**2)
    return share**2 * quality + float(spread)


def iterated_error(
    rounds: int, n_real: float, n_synthetic: float, dimension: int, noise_variance: float, quality: float
) -> np.ndarray:
    """Error after each round of relabelling the synthetic inputs with the last fit, shape `(rounds + 1,)`.

    Round 0 trains on the labels of w + δ. Derived here: with P = S⁻¹S₂ and e_t the error vector of round t,
    e_t = P e_{t−1} + S⁻¹(X₁'ε₁ + X₂'ε₂ₜ), where only ε₂ₜ is new. P is similar to B of `strong_ridge.ridgeless_terms`,
    and with m the mean over its spectrum and k = t + 1

        E_t = (c²/d) E tr(B^k S⁻¹B^k S) + σ²d/(n−d−1) [ m((1 − B^k)²/(1 − B)) + m(B(1 − B^2k)/(1 − B²)) ],

    exact up to the spectrum, for which its limit of large d stands.

    Args:
        rounds: Largest t.
        n_real: n₁.
        n_synthetic: n₂.
        dimension: d.
        noise_variance: σ².
        quality: c².
    """
    n, d = n_real + n_synthetic, dimension
    x, weight = shared_spectrum(n_real, n_synthetic, dimension)
    same, trace = conjugation(n, d)
    errors = []
    for k in range(1, rounds + 2):
        shift = quality * (same * weight @ x ** (2 * k) + trace * d * (weight @ x**k) ** 2)
        kept = weight @ ((1 - x**k) ** 2 / (1 - x))
        renewed = weight @ (x * (1 - x ** (2 * k)) / (1 - x**2))
        errors.append(shift + noise_variance * d / (n - d - 1) * (kept + renewed))
    return np.array(errors)


def iterated_limit(synthetic_fraction: float) -> float:
    """Limit of the error over σ²d/n, after many rounds and for n much larger than d: 1/p₁ + p₂/(1 − p₂²).

    Derived here; 8/3 at p₂ = 1/2, of which 2 is the error of the real half alone.
    """
    p2 = synthetic_fraction
    return 1 / (1 - p2) + p2 / (1 - p2**2)


def shared_spectrum(n_real: float, n_synthetic: float, dimension: int) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues of S^{−½}S₂S^{−½} for large d as quadrature points and weights, each of shape `(NODES,)`.

    The density is (n/d) √((x − l)(u − x)) / (2π x (1 − x)) between l and u (Wachter 1980), for n₁, n₂ ≥ d.
    """
    if min(n_real, n_synthetic) < dimension:
        raise ValueError(f"{n_real:g} and {n_synthetic:g} rows: both parts need at least d = {dimension}")
    n = n_real + n_synthetic
    p2, ratio = n_synthetic / n, dimension / n
    middle = p2 + ratio * (1 - 2 * p2)
    half = 2 * np.sqrt(p2 * (1 - p2) * ratio * (1 - ratio))
    angle = np.arange(1, NODES + 1) * np.pi / (NODES + 1)
    x = middle + half * np.cos(angle)
    weight = (half * np.sin(angle)) ** 2 / (NODES + 1) / (2 * ratio * x * (1 - x))
    return x, weight
