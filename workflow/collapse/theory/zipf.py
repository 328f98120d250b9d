"""Zipf's law on finitely many ranks."""

import numpy as np


def zipf(exponent: float, size: int) -> np.ndarray:
    """p_i ∝ i^−exponent on ranks 1 … `size`, most frequent first, shape `(size,)`; exponent 0 is uniform."""
    weights = np.arange(1, size + 1, dtype=float) ** -exponent
    return weights / weights.sum()
