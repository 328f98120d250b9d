"""Error of an associative memory of limited capacity (after Dohmatob et al. 2024, section 5).

A question i has an embedding e_i ~ N(0, I/d) and an answer ±1, at random. The memory is the sum of outer products
W = Σ w_i e_i u' with u the embedding of the answer, and it answers with the better of the two scores. With two opposite
answers, u = ± u_1, that is the sign of ⟨m, e_i⟩ with m = Σ w_i y_i e_i. The weight w_i of a question that was shown N_i
times in T is (N_i/T)^ρ: its frequency (ρ = 1), the root of it (½), or one for all that were seen (0).

All laws here are derived, for this way of learning; they are not quoted from the paper. The error is a sum of three
powers, E ~ T^−c + d^−c_q + k^−(β−1), with c = 1 − 1/β for the samples T, c_q = c/(2ρ) for the dimension, and k the rank
at which the training set is cut. What is lost costs half its probability, as guesses are right half the time.
"""

import numpy as np
from scipy.special import gammaln, stdtr

POWER = {"frequency": 1.0, "root": 0.5, "seen": 0.0}
"""ρ by the name of the weights."""

COUNTED_TO = 1500
"""Counts up to which expectations over N_i are sums; beyond, and above a mean of half of it, quadratures."""


def recall_error(weight: np.ndarray | float, power: np.ndarray | float, dimension: int) -> np.ndarray:
    """Probability of a wrong answer to a question of weight w in a memory with V = Σ w_j² in all, exact.

    The noise Σ_{j≠i} w_j y_j ⟨e_j, e_i⟩ is N(0, (V − w²)|e_i|²/d) given e_i, the signal is w|e_i|², and d|e_i|² is χ²
    with d degrees of freedom: so the error is P(t_d > w √d / √(V − w²)), of Student's t. It is ½ for a question never
    shown.

    Args:
        weight: w, any shape.
        power: V, at least w².
        dimension: d.
    """
    noise = np.maximum(np.asarray(power) - np.square(weight), 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(np.asarray(weight) > 0, weight * np.sqrt(dimension / noise), 0.0)
    return stdtr(dimension, -ratio)


def unlimited_error(p: np.ndarray, q: np.ndarray, dimension: int, rho: float) -> float:
    """Test error Σ p_i P(wrong on i) after endless samples of q, so that N_i/T = q_i; exact."""
    weights = np.where(q > 0, np.power(q, rho, where=q > 0, out=np.zeros_like(q)), 0.0)
    return float(p @ recall_error(weights, float(weights @ weights), dimension))


def error(p: np.ndarray, q: np.ndarray, dimension: int, samples: int, rho: float) -> float:
    """Test error after T samples of q, for large T: V = Σ (N_j/T)^2ρ has its mean, and N_i its binomial law.

    Args:
        p: Probabilities in the test, shape `(atoms,)`.
        q: Probabilities in the training set, shape `(atoms,)`.
        dimension: d.
        samples: T.
        rho: ρ of the weights.
    """
    shown = q > 0
    power = mean_power(q[shown], samples, rho)
    counts = np.arange(min(samples, COUNTED_TO) + 1)
    at_count = recall_error(_weights(counts, samples, rho), power, dimension)
    errors = np.empty(int(shown.sum()))
    rare = q[shown] * samples <= COUNTED_TO / 2
    errors[rare] = binomial(counts, samples, q[shown][rare]) @ at_count
    nodes, node_weights = np.polynomial.hermite_e.hermegauss(31)
    often = q[shown][~rare]
    scatter = np.sqrt(samples * often * (1 - often))
    around = samples * often[:, None] + scatter[:, None] * nodes
    errors[~rare] = recall_error(_weights(around, samples, rho), power, dimension) @ node_weights / node_weights.sum()
    return float(p[shown] @ errors + p[~shown].sum() / 2)


def mean_power(q: np.ndarray, samples: int, rho: float) -> float:
    """E Σ (N_j/T)^2ρ for ρ = 1, ½, 0, exact: Σ q² (1 − 1/T) + 1/T, 1, and the expected number of different ones."""
    if rho == 1:
        return float(q @ q) * (1 - 1 / samples) + 1 / samples
    if rho == 0.5:
        return 1.0
    return float(-np.expm1(samples * np.log1p(-q)).sum())


def capacity_exponent(exponent: float, rho: float) -> float:
    """c_q = (1 − 1/β)/(2ρ) of E ~ d^−c_q, for 2ρβ > 1.

    Derived here: V is finite, so a question is recalled if p_i^ρ > about d^−½, which ranks up to about d^1/(2ρβ) meet.
    """
    return (1 - 1 / exponent) / (2 * rho)


def _weights(counts: np.ndarray, samples: int, rho: float) -> np.ndarray:
    return np.where(counts > 0, np.maximum(counts, 0) / samples, 0.0) ** rho if rho else (counts > 0).astype(float)


def binomial(counts: np.ndarray, n: int, probability: np.ndarray) -> np.ndarray:
    """P(Bin(n, θ) = x), shape `(len(probability), len(counts))`."""
    choose = gammaln(n + 1) - gammaln(counts + 1) - gammaln(n - counts + 1)
    return np.exp(choose + counts * np.log(probability)[:, None] + (n - counts) * np.log1p(-probability)[:, None])
