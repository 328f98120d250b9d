"""Small positive definite systems, thousands at a time, and Gram matrices drawn without their data.

LAPACK is called once per matrix, and at ten unknowns the call costs more than the work; here the loops run over
unknowns and the replicates are the vectors.
"""

import numpy as np

SMALL = 24
"""Unknowns up to which looping over them beats a LAPACK call per replicate."""


def wishart_factor(n: int | np.ndarray, dimension: int, replicates: int, rng: np.random.Generator) -> np.ndarray:
    """Lower triangular L with LL' distributed as X'X of `n` standard normal rows, shape `(replicates, d, d)`.

    `n` is one number, or one per replicate, shape `(replicates,)`.

    Bartlett's decomposition: standard normals below the diagonal, the root of a χ² with n − i degrees of freedom on it.
    Exact, and d(d + 1)/2 numbers instead of n·d. Needs n ≥ d.
    """
    if np.min(n) < dimension:
        raise ValueError(f"{np.min(n)} rows have no Gram matrix of full rank in {dimension} dimensions")
    factor = np.zeros((replicates, dimension, dimension))
    rows, columns = np.tril_indices(dimension, -1)
    factor[:, rows, columns] = rng.standard_normal((replicates, len(rows)))
    diagonal = np.arange(dimension)
    factor[:, diagonal, diagonal] = np.sqrt(rng.chisquare(np.asarray(n)[..., None] - diagonal, (replicates, dimension)))
    return factor


def cholesky(matrices: np.ndarray) -> np.ndarray:
    """Lower triangular factors of positive definite matrices, shape `(replicates, d, d)`."""
    if matrices.shape[-1] > SMALL:
        return np.linalg.cholesky(matrices)
    factor = np.zeros_like(matrices)
    for j in range(matrices.shape[-1]):
        known = factor[:, j:, :j]
        column = matrices[:, j:, j] - np.einsum("rik,rk->ri", known, factor[:, j, :j])
        factor[:, j:, j] = column / np.sqrt(column[:, :1])
    return factor


def solve(matrices: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Solutions of positive definite systems, shape `(replicates, d)`.

    Args:
        matrices: Shape `(replicates, d, d)`.
        right: Right-hand sides, shape `(replicates, d)`.
    """
    if matrices.shape[-1] > SMALL:
        return np.linalg.solve(matrices, right[..., None])[..., 0]
    factor = cholesky(matrices)
    return solve_upper(factor, solve_lower(factor, right))


def solve_lower(factor: np.ndarray, right: np.ndarray) -> np.ndarray:
    """L⁻¹ b, shape `(replicates, d)`."""
    solution = np.empty_like(right)
    for i in range(right.shape[1]):
        known = np.einsum("rk,rk->r", factor[:, i, :i], solution[:, :i])
        solution[:, i] = (right[:, i] - known) / factor[:, i, i]
    return solution


def solve_upper(factor: np.ndarray, right: np.ndarray) -> np.ndarray:
    """L'⁻¹ b, shape `(replicates, d)`."""
    solution = np.empty_like(right)
    for i in reversed(range(right.shape[1])):
        known = np.einsum("rk,rk->r", factor[:, i + 1 :, i], solution[:, i + 1 :])
        solution[:, i] = (right[:, i] - known) / factor[:, i, i]
    return solution
