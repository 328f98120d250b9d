"""Error of a bigram learned by counting, where next tokens have a Zipf law (Dohmatob et al. 2024, section 4).

The paper's model with random answers: a context is one of M, equally often, and the next token has rank j in its
context's own order with p_j ∝ j^−β. A learner counts T pairs of context and rank, N_ij; the true probability of a pair
is p_j / M. Relabelling tokens changes neither error below, so the orders of the contexts do not appear. The laws here
are derived for these two errors; they are not quoted from the paper.
"""

import numpy as np
from scipy.stats import binom


def unseen_probability(p: np.ndarray, q: np.ndarray, contexts: int, samples: int) -> float:
    """Probability that a real pair was never shown, Σ p_j (1 − q_j/M)^T; exact. Falls as T^−(1 − 1/β).

    Args:
        p: Real probabilities of next tokens by rank, shape `(tokens,)`.
        q: Probabilities in the training set, shape `(tokens,)`.
        contexts: M.
        samples: T.
    """
    return float(p @ np.exp(samples * np.log1p(-q / contexts)))


def total_variation(p: np.ndarray, q: np.ndarray, contexts: int, samples: int) -> float:
    """½ Σ_ij E|N_ij/T − p_j/M|, the distance between counted and true bigrams; exact.

    Falls as T^−min(1 − 1/β, ½): tokens rarer than one in T/M are missing, and the counts of the others scatter.
    """
    return contexts / (2 * samples) * float(_mean_distance(samples, q / contexts, samples * p / contexts).sum())


def rate(exponent: float) -> float:
    """min(1 − 1/β, ½), the exponent of the distance's law; at β = 2 a factor log T comes with it.

    Ranks up to about T^1/β are counted, with errors of √(p_j/T) each, and those beyond are not. The sum of √(p_j/T)
    is T^−(1 − 1/β) for β < 2, as is the missing mass, and T^−½ for β > 2, which is more than the missing mass.
    """
    return min(1 - 1 / exponent, 0.5)


def _mean_distance(n: int, probability: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """E|X − a| of X ~ Bin(n, θ), elementwise: nθ − a + 2 E max(a − X, 0).

    With m = ⌊a⌋, E max(a − X, 0) = (a − nθ) P(X ≤ m) + (m + 1)(1 − θ) P(X = m + 1), after de Moivre; for a < 1 it is
    a P(X = 0).

    Args:
        n: Number of draws.
        probability: θ.
        centre: a ≥ 0.
    """
    mean, shortfall = n * probability, centre * np.exp(n * np.log1p(-probability))
    above_one = centre >= 1
    a, theta, last = centre[above_one], probability[above_one], np.floor(centre[above_one])
    scatter = (last + 1) * (1 - theta) * binom.pmf(last + 1, n, theta)
    shortfall[above_one] = (a - n * theta) * binom.cdf(last, n, theta) + scatter
    return mean - centre + 2 * shortfall
