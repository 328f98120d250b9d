"""A chain of min-norm fits with fewer examples than inputs (Dohmatob, Feng, Kempe 2024; constants derived here).

x ~ N(0, I_d), ‖w_0‖ = 1. ŵ_n is the least-norm solution of T_0 < d − 1 new equations labelled by ŵ_{n−1} with noise
σ_0²: the projection of ŵ_{n−1} onto a random subspace of T_0 dimensions, plus noise. Error is E‖ŵ_n − w_0‖². The n-th
fit is generation n − 1 here.
"""

import numpy as np


def error(dimension: int, samples: int, noise_variance: float, fits: np.ndarray) -> np.ndarray:
    """1 − η_0^n + σ_0² T_0/(d − T_0 − 1) · (1 − η_0^n)/(1 − η_0) with η_0 = T_0/d, shape of `fits`; exact.

    Derived here. The projection keeps a share η_0 of any direction on average, so E ŵ_n = η_0^n w_0 and what is left of
    ‖ŵ_n‖² is η_0 times what was there, plus the noise of the fit, σ_0² E tr (XX')⁻¹ = σ_0² T_0/(d − T_0 − 1).

    Args:
        dimension: d.
        samples: T_0, at most d − 2.
        noise_variance: σ_0².
        fits: n, number of fits.
    """
    if samples > dimension - 2:
        raise ValueError(f"T_0 = {samples} has no finite error for d = {dimension}: at most d - 2 samples are allowed")
    kept = samples / dimension
    lost = 1 - kept ** np.asarray(fits, dtype=float)
    return lost + noise_variance * samples / (dimension - samples - 1) * lost / (1 - kept)
