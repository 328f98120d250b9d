"""Test error of chains of least-squares fits (Gerstgrasser et al. 2024, section 3; Kazdan et al. 2025).

x ~ N(0, I_d), y = x·w* + ε, ε ~ N(0, σ²), T samples per generation. Test error is E‖ŵ − w*‖², above the noise floor, in
squared units of y. The papers count fits from 1: their fit n is generation n − 1 here.
"""

import numpy as np


def base_error(noise_variance: float, dimension: int, samples: int) -> float:
    """Error of one fit on real data, σ² d / (T − d − 1), from E tr (X'X)⁻¹; exact for T ≥ d + 2."""
    if samples < dimension + 2:
        raise ValueError(f"T = {samples} has no finite error for d = {dimension}: d + 2 samples are needed")
    return noise_variance * dimension / (samples - dimension - 1)


def replace_ratio(generations: int) -> np.ndarray:
    """Error over the base error under replace: g + 1 (theorem 1), shape `(generations + 1,)`; any design."""
    return np.arange(1, generations + 2, dtype=float)


def accumulate_ratio(generations: int) -> np.ndarray:
    """Under accumulate, on the same inputs: Σ_{i ≤ g+1} 1/i² ≤ π²/6 (theorem 2), shape `(generations + 1,)`."""
    return np.cumsum(1 / np.arange(1, generations + 2, dtype=float) ** 2)


def accumulate_ratio_fresh(dimension: int, samples: int, generations: int) -> np.ndarray:
    """Under accumulate, with new inputs every generation: Σ (T − d − 1) / (i (iT − d − 1)), below the same-input law.

    Derived here: w_n = w_{n−1} + S_n⁻¹ X_n'ε_n, where S_n is the Gram matrix of n sets, and the sets are exchangeable.
    """
    i = np.arange(1, generations + 2, dtype=float)
    return np.cumsum((samples - dimension - 1) / (i * (i * samples - dimension - 1)))


def replace_multiple_ratio(generations: int) -> np.ndarray:
    """Under replace at accumulate's size, on the same inputs: H_{g+1} = Σ 1/i, shape `(generations + 1,)`.

    Derived here; the paper's appendix E gives the order, O(log n).
    """
    return np.cumsum(1 / np.arange(1, generations + 2, dtype=float))


def replace_multiple_ratio_fresh(dimension: int, samples: int, generations: int) -> np.ndarray:
    """Under replace at accumulate's size, with new inputs: Σ (T − d − 1) / (iT − d − 1); derived here."""
    i = np.arange(1, generations + 2, dtype=float)
    return np.cumsum((samples - dimension - 1) / (i * samples - dimension - 1))


def accumulate_subsample_ratio(generations: int) -> np.ndarray:
    """Under accumulate-subsample, for T much larger than d, shape `(generations + 1,)`; limit π²/2 − 2.

    Derived here. A_k is the error of the pool's mean label: A_1 = 1, A_{k+1} = A_k + (2 − 1/k) / (k + 1)²; the fit on a
    random part of the pool adds 1 − 1/k. Finite d adds to it: about 8 % at d = 10, T = 100.
    """
    pool, ratios = 1.0, []
    for k in range(1, generations + 2):
        ratios.append(pool + 1 - 1 / k)
        pool += (2 - 1 / k) / (k + 1) ** 2
    return np.array(ratios)


ACCUMULATE_LIMIT = np.pi**2 / 6
"""Limit of the error under accumulate, over the base error."""

ACCUMULATE_SUBSAMPLE_LIMIT = np.pi**2 / 2 - 2
"""Limit under accumulate-subsample, over the base error, for T much larger than d."""
