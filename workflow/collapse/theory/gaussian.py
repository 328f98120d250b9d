"""Gaussians fitted to draws of Gaussians (Shumailov et al. 2024; Kazdan et al. 2025).

N draws per generation. Nothing below uses the Gaussian shape, only that a model has the mean and the biased covariance
of its training set: the laws of means hold for a mixture fitted by EM and for category frequencies just as well. All
moments are relative to the real variance (its trace, in more dimensions), and shifts are squared. The papers count fits
from 1: their fit n is generation n − 1 here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.special import digamma, gammaln


@dataclass(frozen=True)
class Moments:
    """Expected moments of the fitted model at each generation.

    Attributes:
        variance: E Tr Σ_g / Tr Σ_0, shape `(generations + 1,)`.
        shift: E ‖μ_g − μ_0‖² / Tr Σ_0, shape `(generations + 1,)`.
    """

    variance: np.ndarray
    shift: np.ndarray


class Law(Protocol):
    """Expected moments of the chain of one strategy."""

    def __call__(self, samples: int, generations: int, ddof: int = 0, added: float = 0.0) -> Moments:
        """Compute them.

        Args:
            samples: N, draws per generation.
            generations: Turns after generation 0.
            ddof: The fitted variance divides by the number of examples less this: 0 is maximum likelihood, 1 unbiased.
            added: Variance that every fit adds, over the real variance.
        """
        ...


def real(samples: int, generations: int, ddof: int = 0, added: float = 0.0) -> Moments:
    """Every generation is fitted to the same N real draws."""
    once = _refitted(lambda _: samples, 0, ddof, added)
    return Moments(np.repeat(once.variance, generations + 1), np.repeat(once.shift, generations + 1))


def replace(samples: int, generations: int, ddof: int = 0, added: float = 0.0) -> Moments:
    """E Tr = (1 − 1/N)^(g+1) and E‖μ‖² = 1 − (1 − 1/N)^(g+1) for ddof 0; 1 and (g+1)/N for ddof 1.

    Derived here for ddof 0; Shumailov et al. 2024 have Var(X_n) = σ² (1 + n/M) for ddof 1.
    """
    return _refitted(lambda _: samples, generations, ddof, added)


def replace_multiple(samples: int, generations: int, ddof: int = 0, added: float = 0.0) -> Moments:
    """Fit k has k·N draws of the last model: E Tr = Π (1 − 1/(kN)) for ddof 0; derived here."""
    return _refitted(lambda fit: fit * samples, generations, ddof, added)


def accumulate(samples: int, generations: int, ddof: int = 0, added: float = 0.0) -> Moments:
    """E Tr = Π_{j ≤ g+1} (1 − 1/(N j²)), E‖μ‖² = 1 − E Tr, for ddof 0; derived here.

    The pool's mean moves by the error of the newest set's mean over the number of sets; its second moment about the
    real mean stays what it was, so that the variance loses what the shift gains.
    """
    shift, second, variances, shifts = 1 / samples, 1.0, [], []
    for fit in range(1, generations + 2):
        variance = (second - shift) * _bias(fit * samples, ddof) + added
        variances.append(variance)
        shifts.append(shift)
        second = (fit * second + shift + variance) / (fit + 1)
        shift += variance / (samples * (fit + 1) ** 2)
    return Moments(np.array(variances), np.array(shifts))


def accumulate_subsample(samples: int, generations: int, ddof: int = 0, added: float = 0.0) -> Moments:
    """Fit k is to N of the pool's kN examples, drawn without replacement; derived here.

    With pool variance V and f = (kN − N)/(kN − 1), the subsample's mean is off the pool's by f V/N, and its biased
    variance is V (1 − f/N).
    """
    pool_shift, second, variances, shifts = 1 / samples, 1.0, [], []
    for fit in range(1, generations + 2):
        pool = second - pool_shift
        off = pool * (fit * samples - samples) / (fit * samples - 1) / samples
        variance = (pool - off) * _bias(samples, ddof) + added
        variances.append(variance)
        shifts.append(pool_shift + off)
        second = (fit * second + pool_shift + off + variance) / (fit + 1)
        pool_shift += (off + variance / samples) / (fit + 1) ** 2
    return Moments(np.array(variances), np.array(shifts))


LAWS: dict[str, Law] = {
    "real": real,
    "replace": replace,
    "replace_multiple": replace_multiple,
    "accumulate": accumulate,
    "accumulate_subsample": accumulate_subsample,
}
"""By way of composing; the others have no closed form here."""


def accumulate_limit(samples: int) -> float:
    """Limit of E Tr Σ_g / Tr Σ_0 under accumulate, maximum likelihood: sin(π/√N) / (π/√N); derived here."""
    return float(np.sinc(1 / np.sqrt(samples)))


def log_variance(samples: int, generations: int, ddof: int = 0) -> np.ndarray:
    """E ln(σ_g² / σ_0²) in one dimension under replace, shape `(generations + 1,)`; derived here.

    Each fit multiplies the variance by χ²_{N−1} / (N − ddof), whose log has the mean ψ((N−1)/2) + ln 2 − ln(N − ddof).
    That falls faster than the log of the mean: the typical chain loses its variance long before the mean chain does.
    """
    step = digamma((samples - 1) / 2) + np.log(2) - np.log(samples - ddof)
    return step * np.arange(1, generations + 2)


def squared_wasserstein(samples: int, generations: int, ddof: int = 0) -> np.ndarray:
    """E[(μ_g − μ_0)² + (σ_g − σ_0)²] / σ_0² in one dimension under replace, shape `(generations + 1,)`.

    It is the squared Wasserstein-2 distance between the two Gaussians. Shumailov et al. 2024 have 3(g+1)/(2M) to first
    order; exact here, from the mean of a χ: E σ_g = c^(g+1) σ_0 with c = √(2/(N−ddof)) Γ(N/2) / Γ((N−1)/2).
    """
    fits, moments = np.arange(1, generations + 2), replace(samples, generations, ddof)
    shrinkage = np.sqrt(2 / (samples - ddof)) * np.exp(gammaln(samples / 2) - gammaln((samples - 1) / 2))
    return moments.shift + moments.variance - 2 * shrinkage**fits + 1


def _refitted(size_of: Callable[[int], int], generations: int, ddof: int, added: float) -> Moments:
    """Moments where every training set is drawn whole from the last model; fit k has `size_of(k)` examples."""
    variance, shift, variances, shifts = 1.0, 0.0, [], []
    for fit in range(1, generations + 2):
        size = size_of(fit)
        shift += variance / size
        variance = variance * (1 - 1 / size) * _bias(size, ddof) + added
        variances.append(variance)
        shifts.append(shift)
    return Moments(np.array(variances), np.array(shifts))


def _bias(size: int, ddof: int) -> float:
    """Fitted variance over the biased one."""
    return size / (size - ddof)
