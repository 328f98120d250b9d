"""Ridge on random projections with labels of two rules (Dohmatob, Feng, Subramonian, Kempe 2025, theorem 2).

f(x) = v'Sx. Given S, the problem is ridge on the inputs z = Sx ~ N(0, K), K = SΣS': a rule w is x·w = z·v + r with
v = K⁻¹SΣw and an independent residual r, so that the terms of `strong_ridge.ridge_terms` apply with (Σ, Γ, Δ) replaced
by (K, AΓA', AΔA'), A = K⁻¹SΣ, the residuals' variance added to the noise and the true rule's to the test error.
Derived here; the paper solves four coupled equations instead, in the limit of large d, m and n.
"""

from dataclasses import dataclass

import numpy as np

from collapse.theory.strong_ridge import Terms, ridge_terms


@dataclass(frozen=True)
class Projected:
    """What S leaves to be seen of inputs and of two random rules.

    Attributes:
        eigenvalues: Of K, shape `(rank,)`.
        truth: Diagonal of AΓA' in the basis of K, shape `(rank,)`.
        shift: Diagonal of AΔA', likewise.
        hidden_truth: Variance of what no v can say of the true rule, in squared units of y.
        hidden_shift: The same of the difference of both rules.
    """

    eigenvalues: np.ndarray
    truth: np.ndarray
    shift: np.ndarray
    hidden_truth: float
    hidden_shift: float


def projected(projection: np.ndarray, eigenvalues: np.ndarray, truth: np.ndarray, shift: np.ndarray) -> Projected:
    """Look at inputs and rules through S.

    With SΣ^½ = U s V', K has the eigenvalues s² and AΓA' the diagonal Σ_j V_jk² λ_jγ_j/s_k² in the basis U, since
    A = U s⁻¹V'Σ^½; what is left of Σ_j λ_jγ_j is hidden.

    Args:
        projection: S of full row rank, shape `(m, d)`; for m > d, any d rows with the same S'S will do.
        eigenvalues: λ_j of Σ, shape `(d,)`.
        truth: γ_j, diagonal of Γ in the basis of Σ, shape `(d,)`.
        shift: Diagonal of Δ, likewise.
    """
    _, roots, directions = np.linalg.svd(projection * np.sqrt(eigenvalues), full_matrices=False)
    variances = eigenvalues[:, None] * np.stack([truth, shift], axis=1)
    seen = directions**2 @ variances
    hidden = np.maximum(0.0, variances.sum(axis=0) - seen.sum(axis=0))
    return Projected(roots**2, *(seen / roots[:, None] ** 2).T, *hidden.tolist())


def error_given_projection(
    seen: Projected, samples: float, synthetic_fraction: float, ridge: float, noise_variance: float
) -> Terms:
    """The parts of the test error given S, in squared units of y.

    The bias is all of the error of real labels without noise: of shrinking, of what no v can say, and of its scatter.
    What is hidden of the difference of both rules scatters too, and counts as theirs.

    Args:
        seen: What S leaves of the source.
        samples: n.
        synthetic_fraction: p₂.
        ridge: λ of (Z'Z/n + λI)⁻¹ Z'y/n.
        noise_variance: σ².
    """
    plain = ridge_terms(seen.eigenvalues, seen.truth, seen.shift, samples, synthetic_fraction, ridge, 1.0)
    return Terms(
        plain.bias + seen.hidden_truth * (1 + plain.variance),
        plain.variance * noise_variance,
        plain.shift + plain.variance * synthetic_fraction * seen.hidden_shift,
    )
