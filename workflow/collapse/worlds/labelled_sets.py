"""Sufficient statistics of Gaussian inputs with labels that are linear in them, drawn without the data.

For inputs X with Gram matrix X'X = FF', the moment X'y of labels y = Xw + ε is FF'w + σFz with z standard normal,
because X'ε ~ N(0, σ²X'X).
"""

import numpy as np

from collapse.worlds.linear_algebra import SMALL, cholesky, solve_lower, solve_upper, wishart_factor


def gram_factor(n: int, eigenvalues: np.ndarray, replicates: int, rng: np.random.Generator) -> np.ndarray:
    """F with FF' distributed as X'X of `n` rows of N(0, Σ), shape `(replicates, d, min(n, d))`.

    Args:
        n: Rows.
        eigenvalues: Of Σ, which is diagonal, shape `(d,)`.
        replicates: Independent draws.
        rng: Source of randomness.
    """
    d = len(eigenvalues)
    # With fewer rows than columns there is no triangular factor; X' itself is no larger than one.
    factor = wishart_factor(n, d, replicates, rng) if n >= d else rng.standard_normal((replicates, d, n))
    return np.sqrt(eigenvalues)[:, None] * factor


def noise_moment(factor: np.ndarray, noise_variance: float, rng: np.random.Generator) -> np.ndarray:
    """X'ε, shape `(replicates, d)`.

    Args:
        factor: F, shape `(replicates, d, rank)`.
        noise_variance: σ².
        rng: Source of randomness.
    """
    noise = rng.standard_normal((len(factor), factor.shape[2]))
    return np.sqrt(noise_variance) * times(factor, noise)


def gram(factor: np.ndarray) -> np.ndarray:
    """FF', shape `(replicates, d, d)`."""
    return factor @ factor.transpose(0, 2, 1)


def times(matrices: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """One product per replicate, shape `(replicates, d)`."""
    return (matrices @ vectors[..., None])[..., 0]


def rule(variances: np.ndarray, replicates: int, rng: np.random.Generator) -> np.ndarray:
    """Weights of independent normal entries with these variances, shape `(replicates, d)`."""
    return np.sqrt(variances) * rng.standard_normal((replicates, len(variances)))


def solutions(matrices: np.ndarray, *right: np.ndarray) -> list[np.ndarray]:
    """Solutions of positive definite systems with the same matrices, each of shape `(replicates, d)`.

    Args:
        matrices: Shape `(replicates, d, d)`.
        right: Right-hand sides, each of shape `(replicates, d)`.
    """
    if matrices.shape[-1] > SMALL:
        solved = np.linalg.solve(matrices, np.stack(right, axis=2))
        return [solved[..., k] for k in range(len(right))]
    factor = cholesky(matrices)
    return [solve_upper(factor, solve_lower(factor, column)) for column in right]
