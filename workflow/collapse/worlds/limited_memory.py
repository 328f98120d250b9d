"""Associative memories of limited capacity (after Dohmatob et al. 2024, "A Tale of Tails", section 5).

There is no loop. In place of a strategy, rows have the way questions are weighted in the memory; all ways are given the
same questions, answers, embeddings and counts.
"""

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np

from collapse.config.worlds.limited_memory import LimitedMemorySettings
from collapse.randomness import stream
from collapse.theory import associative_memory
from collapse.theory import limited_memory as theory
from collapse.theory.zipf import zipf
from collapse.worlds import Observation, Point, Prediction, Sweep, evaluation_set, grid
from collapse.worlds.chain import blocks, joined_by_key

METRICS = ("test_error",)

BLOCK = 4_000_000
"""Numbers in the embeddings that are held at once."""


def sweeps(settings: LimitedMemorySettings) -> Iterator[Sweep]:
    """Every dimension, number of samples and rank; the way of weighting stands for the strategy."""
    points = grid(dimension=settings.dimensions, samples=settings.samples, rank=settings.ranks)
    yield Sweep(METRICS, settings.weights, points=points, predicted=settings.weights)


def simulate(settings: LimitedMemorySettings, seed: int) -> Iterator[Observation]:
    """Yield the test error of every way of weighting, at every point of the sweep."""
    p = zipf(settings.exponent, settings.atoms)
    for dimension, samples, rank in product(settings.dimensions, settings.samples, settings.ranks):
        point = _point(dimension, samples, rank)
        q = associative_memory.cut(p, rank)
        parts = []
        for block, replicates in blocks(settings.replicates, min(rank, samples) * dimension, BLOCK):
            rng = stream(seed, 0, f"{evaluation_set('sample', point)}/{block}")
            counts = rng.multinomial(samples, q, size=replicates)
            parts.append(wrong_mass(p, counts / samples, settings.weights, dimension, rng))
        for name, values in joined_by_key(parts).items():
            yield Observation(name, 0, "test_error", values, point)


def wrong_mass(
    p: np.ndarray, frequencies: np.ndarray, ways: Sequence[str], dimension: int, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Σ p_i over the questions that a memory answers wrongly, by way of weighting, each of shape `(replicates,)`.

    Args:
        p: Probabilities in the test, shape `(atoms,)`.
        frequencies: Share of the samples that each question had, shape `(replicates, atoms)`.
        ways: Ways of weighting.
        dimension: d.
        rng: Draws answers and embeddings.
    """
    # The embedding of a question that was not shown is independent of the memory, so its answer is a fair coin's.
    wrong = rng.random(frequencies.shape) < 0.5
    n_shown = int((frequencies > 0).sum(axis=1).max())
    shown = np.argsort(frequencies == 0, axis=1, kind="stable")[:, :n_shown]
    answers = 2.0 * rng.integers(2, size=shown.shape) - 1
    # The embeddings' scale does not change the sign of a score.
    embeddings = rng.standard_normal((*shown.shape, dimension), dtype=np.float32)
    errors = {}
    for name in ways:
        weights = _weights(np.take_along_axis(frequencies, shown, axis=1), theory.POWER[name])
        memory = np.matmul((weights * answers)[:, None, :].astype(np.float32), embeddings)
        scores = np.matmul(embeddings, memory.transpose(0, 2, 1))[..., 0]
        np.put_along_axis(wrong, shown, scores * answers < 0, axis=1)
        errors[name] = wrong @ p
    return errors


def predict(settings: LimitedMemorySettings) -> Iterator[Prediction]:
    """Yield the test error for large T."""
    p = zipf(settings.exponent, settings.atoms)
    law = "E = Σ p_i E P(t_d > w √d / √(V − w²)), w = (N_i/T)^ρ, N_i ~ Bin(T, q_i), V = E Σ w², T ≫ 1"
    for dimension, samples, rank in product(settings.dimensions, settings.samples, settings.ranks):
        q = associative_memory.cut(p, rank)
        for name in settings.weights:
            error = theory.error(p, q, dimension, samples, theory.POWER[name])
            point = _point(dimension, samples, rank)
            yield Prediction(name, 0, "test_error", error, "asymptotic", law, "derived, for section 5", point)


def _weights(frequencies: np.ndarray, power: float) -> np.ndarray:
    return frequencies**power if power else (frequencies > 0).astype(float)


def _point(dimension: int, samples: int, rank: int) -> Point:
    return {"dimension": float(dimension), "samples": float(samples), "rank": float(rank)}
