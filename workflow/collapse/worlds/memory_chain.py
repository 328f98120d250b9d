"""Chains of memories, each trained on samples of the last one (after Dohmatob et al. 2024, "A Tale of Tails").

A model is the array of its training examples; to sample from it is to draw examples with replacement.
"""

from collections.abc import Iterator

import numpy as np

from collapse.config.settings import Strategy
from collapse.config.worlds.memory_chain import MemoryChainSettings
from collapse.theory import associative_memory, memory_chain
from collapse.theory.zipf import zipf
from collapse.worlds import Observation, Prediction, Sweep, by_generation, grid, names
from collapse.worlds.associative_memory import drawn, mass_of_different
from collapse.worlds.chain import Chain, OfExamples, blocks, joined
from collapse.worlds.composition import expected_composition

METRICS = ("test_error",)

BLOCK = 4_000_000
"""Examples of all sets of a block that are held at once."""


class Memories(OfExamples):
    """The process: questions by rank, shape `(replicates, n)`."""

    def __init__(self, p: np.ndarray, size: int, replicates: int) -> None:
        self.size, self.replicates = size, replicates
        self.cumulative = np.cumsum(p)

    def draw(self, model: np.ndarray | None, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draw `n` questions per replicate."""
        if model is None:
            return drawn(self.cumulative, rng.random((self.replicates, n))).astype(np.int32)
        return np.take_along_axis(model, rng.integers(model.shape[1], size=(self.replicates, n)), axis=1)

    def fit(self, examples: np.ndarray) -> np.ndarray:
        """A memory is what it was shown."""
        return examples


def sweeps(settings: MemoryChainSettings) -> Iterator[Sweep]:
    """Every generation of every size."""
    strategies, points = names(settings.strategies), grid(samples=settings.samples)
    yield Sweep(METRICS, strategies, settings.measured_generations, points, strategies)


def simulate(settings: MemoryChainSettings, seed: int) -> Iterator[Observation]:
    """Yield each generation's test error."""
    p = zipf(settings.exponent, settings.atoms)
    for strategy in settings.strategies:
        for size in settings.samples:
            for generation, values in enumerate(errors(settings, strategy, p, size, seed)):
                yield Observation(strategy.name, generation, "test_error", values, {"samples": float(size)})


def errors(settings: MemoryChainSettings, strategy: Strategy, p: np.ndarray, size: int, seed: int) -> np.ndarray:
    """Σ p_i over unseen questions of every generation and replicate, shape `(generations + 1, replicates)`."""
    parts = []
    for block, replicates in blocks(settings.replicates, size * (settings.generations + 1), BLOCK):
        chain = Chain(Memories(p, size, replicates), strategy, seed, replicates, block)
        parts.append([1 - mass_of_different(p, memory) for _, memory in chain.models(settings.generations)])
    return joined(parts)


def predict(settings: MemoryChainSettings) -> Iterator[Prediction]:
    """Yield the test error that the number of real ancestors implies."""
    p = zipf(settings.exponent, settings.atoms)
    law = "E = Σ p_i (1 − p_i)^A, A real ancestors of the training set, T ≫ 1"
    for strategy in settings.strategies:
        for size in settings.samples:
            ancestors = expected_ancestors(strategy, size, settings.generations)
            errors, point = associative_memory.error(p, p, ancestors), {"samples": float(size)}
            yield from by_generation(strategy.name, "test_error", errors, "asymptotic", law, "derived", point)


def expected_ancestors(strategy: Strategy, size: int, generations: int) -> np.ndarray:
    """Mean number of real ancestors of each generation's training set, shape `(generations + 1,)`."""
    sets = expected_composition(strategy, size, generations)
    behind = memory_chain.real_ancestors
    ancestors = [behind(size, sets.taken[:g], sets.fresh[:g], sets.offered[:g]) for g in range(generations + 1)]
    return np.array(ancestors)
