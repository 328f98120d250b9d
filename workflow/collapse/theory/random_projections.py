"""Ridge on random projections with labels of two rules (Dohmatob, Feng, Subramonian, Kempe 2025, theorem 2).

f(x) = v'Sx. Given S, the problem is ridge on the inputs z = Sx ~ N(0, K), K = SΣS': a rule w is x·w = z·v + r with
v = K⁻¹SΣw and an independent residual r, so that the terms of `strong_ridge.ridge_terms` apply with (Σ, Γ, Δ) replaced
by (K, AΓA', AΔA'), A = K⁻¹SΣ, the residuals' variance added to the noise and the true rule's to the test error.
Derived here; the paper solves four coupled equations instead, in the limit of large d, m and n.
"""

import numpy as np

from collapse.theory.strong_ridge import Terms, ridge_terms


def error_given_projection(
    projection: np.ndarray,
    samples: float,
    synthetic_fraction: float,
    ridge: float,
    noise_variance: float,
    truth_variance: float,
    shift_variance: float,
) -> Terms:
    """The parts of the test error given S, for x ~ N(0, I) and isotropic rules; in squared units of y.

    The bias includes what no v can learn, the variance what the residuals add to the noise of real labels.

    Args:
        projection: S of full row rank, shape `(m, d)`; for m > d, any d rows with the same S'S will do.
        samples: n.
        synthetic_fraction: p₂.
        ridge: λ of (Z'Z/n + λI)⁻¹ Z'y/n.
        noise_variance: σ².
        truth_variance: tr Γ.
        shift_variance: tr Δ.
    """
    d = projection.shape[1]
    eigenvalues, basis = np.linalg.eigh(projection @ projection.T)
    # A = K⁻¹S, so AA' = K⁻¹ and AΓA' is diagonal in the basis of K.
    visible = 1 / (d * eigenvalues)
    hidden = max(0.0, 1 - len(basis) / d)
    with_truth = noise_variance + hidden * truth_variance
    noise = with_truth + synthetic_fraction * hidden * shift_variance
    terms = ridge_terms(
        eigenvalues, truth_variance * visible, shift_variance * visible, samples, synthetic_fraction, ridge, noise
    )
    clean_share = with_truth / noise
    return Terms(
        terms.bias + hidden * truth_variance,
        terms.variance * clean_share,
        terms.shift + terms.variance * (1 - clean_share),
    )
