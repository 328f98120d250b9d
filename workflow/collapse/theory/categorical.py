"""Frequencies of categories, drawn and counted again: the Wright–Fisher model (Seddik et al. 2024).

N draws per generation from K categories of real probabilities q. A draw as a one-hot vector has variance 1 − Σ q², so
heterozygosity follows the law of variances in `collapse.theory.gaussian`. Under replace the count of one category is a
Markov chain on 0 … N whichever the others are, and the chain ends when one category has all N.
"""

import numpy as np
from scipy.stats import binom

from collapse.theory import gaussian


def heterozygosity(probabilities: np.ndarray, compose: str, samples: int, generations: int) -> np.ndarray:
    """E[1 − Σ p_k²] of the fitted frequencies, shape `(generations + 1,)`; (1 − 1/N)^(g+1) H under replace.

    Derived here for all strategies of `gaussian.LAWS`; the law of replace is Wright's.
    """
    law = gaussian.LAWS[compose](samples, generations)
    return (1 - np.sum(probabilities**2)) * law.variance


def surviving_after_one_fit(probabilities: np.ndarray, samples: int) -> float:
    """Expected share of categories that N draws contain: mean of 1 − (1 − q)^N.

    Shumailov et al. 2024: a state of probability q is lost in one step with probability (1 − q)^M.
    """
    return float(np.mean(1 - (1 - probabilities) ** samples))


def transitions(samples: int) -> np.ndarray:
    """P[i, j] = C(N, j) (i/N)^j (1 − i/N)^(N−j), the chance of j counts after i; shape `(N + 1, N + 1)`."""
    counts = np.arange(samples + 1)
    return binom.pmf(counts[None, :], samples, counts[:, None] / samples)


def fates(probabilities: np.ndarray, samples: int, generations: int) -> tuple[np.ndarray, np.ndarray]:
    """Expected share of categories left, and chance that only one is, under replace; exact.

    A category's count starts as Binomial(N, q). Only one category can have all N draws, so the chance of absorption is
    the sum over categories of P(count = N).

    Returns:
        Surviving share and absorbed fraction, each of shape `(generations + 1,)`.
    """
    different, repeats = np.unique(probabilities, return_counts=True)
    step, law = transitions(samples), binom.pmf(np.arange(samples + 1)[None, :], samples, different[:, None])
    surviving, absorbed = [], []
    for _ in range(generations + 1):
        surviving.append(1 - repeats @ law[:, 0] / len(probabilities))
        absorbed.append(repeats @ law[:, -1])
        law = law @ step
    return np.array(surviving), np.array(absorbed)


def absorption_time(probabilities: np.ndarray, samples: int, generations: int) -> float:
    """E min(τ, G), where τ is the first generation with one category left and G = `generations`; exact; E τ as G → ∞.

    A count i is all N in the end with probability h(i) = i/N, so P(τ > g) is the sum over categories of
    P(count is neither 0 nor N, and will be N). Its sum over g < G is E[u(count)] with u = (I − Q)⁻¹ (I − Q^G) h, where
    Q are the transitions between counts 1 … N − 1 and (I − Q)⁻¹ is the chain's fundamental matrix.
    """
    counts = np.arange(1, samples)
    between, share = transitions(samples)[1:-1, 1:-1], counts / samples
    later = np.linalg.matrix_power(between, generations) @ share
    expected = np.linalg.solve(np.eye(samples - 1) - between, share - later)
    different, repeats = np.unique(probabilities, return_counts=True)
    return float(repeats @ binom.pmf(counts[None, :], samples, different[:, None]) @ expected)
