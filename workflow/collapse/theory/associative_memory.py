"""Test error of a learner that memorises (Dohmatob et al. 2024, "A Tale of Tails", sections 2 and 3).

Question i of K is asked with probability p_i ∝ i^−β and has one right answer. A learner is shown T questions with their
answers, drawn from q, and later asked questions drawn from p: it is wrong on those it never saw. c = 1 − 1/β. Every
error here is a probability; ranks count from 1.
"""

import numpy as np
from scipy.special import gamma, zeta


def error(p: np.ndarray, q: np.ndarray, samples: np.ndarray | float) -> np.ndarray:
    """E(q, T) = Σ p_i (1 − q_i)^T: mean probability of a wrong answer after T samples of q, exact (section 2, eq. 9).

    Args:
        p: Probabilities in the test, shape `(atoms,)`.
        q: Probabilities in the training set, shape `(atoms,)`.
        samples: T, any shape; need not be whole.

    Returns:
        Of the shape of `samples`.
    """
    shown = q > 0
    never = float(p[~shown].sum())
    weights, logs = p[shown], np.log1p(-np.minimum(q[shown], 1 - 1e-16))
    counts = np.asarray(samples, dtype=float)
    return np.array([never + weights @ np.exp(n * logs) for n in counts.ravel()]).reshape(counts.shape)


def clean_exponent(exponent: float) -> float:
    """The exponent c = 1 − 1/β of the law E ~ T^−c of real data."""
    return 1 - 1 / exponent


def clean_limit(exponent: float, samples: np.ndarray) -> np.ndarray:
    """E(p, T) for large T and endlessly many questions: ζ(β)^−1/β Γ(c)/β · T^−c.

    The rate is the paper's; the constant is derived here: replace the sum over ranks by an integral and put u = T p(x).
    """
    c = clean_exponent(exponent)
    return zeta(exponent) ** (-1 / exponent) * gamma(c) / exponent * np.asarray(samples, dtype=float) ** -c


def cut(p: np.ndarray, rank: int) -> np.ndarray:
    """The tail cut: p on the first `rank` ranks, nothing beyond (theorem 2.1). The error never falls below p's tail."""
    kept = np.where(np.arange(len(p)) < rank, p, 0.0)
    return kept / kept.sum()


def narrowed(p: np.ndarray, temperature: float) -> np.ndarray:
    """The tail narrowed by a temperature τ: q ∝ p^(1/τ), so β' = β/τ, and E ~ T^−(β−1)/β' (section 2)."""
    weights = p ** (1 / temperature)
    return weights / weights.sum()


def top_p_rank(p: np.ndarray, mass: float) -> int:
    """Rank at which top-p cuts: the fewest of the likeliest questions that hold `mass`.

    Derived here: it is about (1 − mass)^−1/(β−1), and the error's floor is what is cut off, at most 1 − mass.
    """
    return min(len(p), int(np.searchsorted(np.cumsum(p), mass)) + 1)


def mixed(p: np.ndarray, rank: int, real_fraction: float) -> np.ndarray:
    """Mixed data, q = π p + (1 − π) p cut at `rank` (theorem 3.2): beyond a plateau, the error of π T real samples."""
    return real_fraction * p + (1 - real_fraction) * cut(p, rank)


def tail_added(p: np.ndarray, rank: int, real_fraction: float, from_rank: int) -> np.ndarray:
    """Data cut at `rank`, and a share π of real data from ranks above `from_rank` only (section 3.1)."""
    deep = np.where(np.arange(len(p)) >= from_rank, p, 0.0)
    return (1 - real_fraction) * cut(p, rank) + real_fraction * deep / deep.sum()


def distinct(boxes: float, draws: np.ndarray | float) -> np.ndarray:
    """Expected number of different ones among `draws` uniform draws with replacement from `boxes`."""
    return boxes * -np.expm1(np.asarray(draws, dtype=float) * np.log1p(-1 / boxes))


def finite_error(p: np.ndarray, real_samples: int, samples: np.ndarray | float) -> np.ndarray:
    """Error of T samples from the empirical distribution of T_0 real ones, for large T_0; of the shape of `samples`.

    Derived here. T draws find D different ones of the T_0 real samples, and any D of these are D clean samples:
    E = E[E(p, D)], exactly. D hardly varies, so its mean stands for it. With the clean law, the limit T → ∞ is the
    paper's floor T_0^−c (equation 6).
    """
    return error(p, p, distinct(real_samples, samples))
