"""Least-squares classifiers whose labels depend on a few coordinates of standard normal inputs.

The other coordinates are independent of labels and verdicts, so their products are drawn from the kept labels' Gram
matrix instead of from examples: exact, and free of the number of examples.
"""

import numpy as np

from collapse.errors import EngineError
from collapse.worlds.linear_algebra import cholesky, solve, wishart_factor


def student(gram: np.ndarray, dimension: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Weights of least squares on kept examples.

    With Z the labels and the k coordinates of n examples, Z'Z = LL', and X the d − k others, Z'X is LG for a standard
    normal G, and X'X is G'G plus an independent Wishart matrix of n − 1 − k rows.

    Args:
        gram: Z'Z, its first row and column the labels', so that its first entry is n; shape
            `(replicates, 1 + k, 1 + k)`.
        dimension: d.
        rng: Source of randomness.

    Returns:
        Weights of the k coordinates, shape `(replicates, k)`, and the length of the others, shape `(replicates,)`.

    Raises:
        EngineError: A replicate has fewer examples than dimensions.
    """
    k, rest = gram.shape[1] - 1, dimension - gram.shape[1] + 1
    counts = np.rint(gram[:, 0, 0]).astype(int)
    if counts.min() <= dimension:
        raise EngineError(
            f"A verifier keeps {counts.min()} labels in one replicate, too few for a fit in {dimension} dimensions.\n"
            "  Raise `samples`, or drop the verifier or the generator that leaves so few."
        )
    directions = rng.standard_normal((len(gram), k + 1, rest))
    crossed = cholesky(gram) @ directions
    factor = wishart_factor(counts - k - 1, rest, len(gram), rng)
    scatter = factor @ factor.transpose(0, 2, 1) + directions.transpose(0, 2, 1) @ directions
    system = np.empty((len(gram), dimension, dimension))
    system[:, :k, :k], system[:, k:, k:] = gram[:, 1:, 1:], scatter
    system[:, :k, k:] = crossed[:, 1:]
    system[:, k:, :k] = crossed[:, 1:].transpose(0, 2, 1)
    weights = solve(system, np.concatenate([gram[:, 1:, 0], crossed[:, 0]], axis=1))
    return weights[:, :k], np.linalg.norm(weights[:, k:], axis=1)
