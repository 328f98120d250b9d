"""How a set of points lies among another, and how far apart two sets are."""

import numpy as np

NEIGHBOURS = 5
"""How many nearest neighbours make a ball (Naeem et al. 2020)."""


def frechet_distance(one: np.ndarray, other: np.ndarray) -> float:
    """Squared Fréchet distance of the Gaussians with the means and covariances of two sets (Heusel et al. 2017).

    Args:
        one: Points, shape `(n, d)`.
        other: Points, shape `(m, d)`.
    """
    mean_1, mean_2 = one.mean(axis=0), other.mean(axis=0)
    first, second = np.cov(one, rowvar=False), np.cov(other, rowvar=False)
    middle = np.sqrt(np.maximum(np.linalg.eigvals(first @ second).real, 0)).sum()  # the trace of the product's root
    return float(np.sum((mean_1 - mean_2) ** 2) + np.trace(first) + np.trace(second) - 2 * middle)


def precision_recall_density_coverage(real: np.ndarray, made: np.ndarray, k: int = NEIGHBOURS) -> dict[str, float]:
    """Fidelity and diversity of made points (Kynkäänniemi et al. 2019; Naeem et al. 2020).

    A point's ball reaches to its `k`-th nearest neighbour of its own set. Precision: share of made points in a real
    ball. Recall: share of real points in a made ball. Density: real balls around a made point, over `k`. Coverage:
    share of real balls that hold a made point.

    Args:
        real: Real points, shape `(n, d)`, more than `k`.
        made: Made points, shape `(m, d)`, more than `k`.
        k: Neighbours.
    """
    between = _distances(real, made)
    real_radius, made_radius = (_radius(points, k) for points in (real, made))
    in_real = between <= real_radius[:, None]
    return {
        "precision": float(in_real.any(axis=0).mean()),
        "recall": float((between <= made_radius).any(axis=1).mean()),
        "density": float(in_real.sum(axis=0).mean() / k),
        "coverage": float(in_real.any(axis=1).mean()),
    }


def _radius(points: np.ndarray, k: int) -> np.ndarray:
    """Squared distance of each point to its `k`-th nearest neighbour, shape `(n,)`."""
    return np.partition(_distances(points, points), k, axis=1)[:, k]


def _distances(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Squared distances, shape `(n, m)`."""
    squared = (one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1) - 2 * one @ other.T
    return np.maximum(squared, 0)
