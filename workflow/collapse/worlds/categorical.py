"""Chains of category frequencies, which lose categories for good (Shumailov et al. 2024; Seddik et al. 2024).

Where every set is taken whole, a set is its counts. Where parts of sets are taken, the chain keeps the draws.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from collapse.config.settings import Strategy
from collapse.config.worlds.categorical import CategoricalSettings
from collapse.theory import categorical as theory
from collapse.theory import gaussian
from collapse.theory.zipf import zipf
from collapse.worlds import Observation, Prediction, Sweep, by_generation, grid, names
from collapse.worlds.chain import Chain, OfExamples, blocks, collected, takes_whole_sets

METRICS = ("heterozygosity", "model_entropy", "surviving_support", "absorbed_fraction", "absorption_time")

BLOCK = 4_000_000
"""Numbers of all sets that are held at once."""

EXACT = 400
"""Most draws per generation for which the chain of counts is solved; its matrix has the square of that."""

Measured = tuple[int, str, np.ndarray]
"""Generation, metric, and one value per replicate."""


class Counts:
    """The process on counts, shape `(replicates, K)`; a model is its frequencies, of the same shape."""

    def __init__(self, probabilities: np.ndarray, samples: int, replicates: int) -> None:
        self.size, self.source = samples, np.broadcast_to(probabilities, (replicates, len(probabilities)))

    def draw(self, model: np.ndarray | None, n: int, rng: np.random.Generator) -> np.ndarray:
        """Count `n` draws."""
        return rng.multinomial(n, self.source if model is None else model)

    def compose(self, sets: Sequence[np.ndarray], taken: Sequence[np.ndarray], rng: np.random.Generator) -> np.ndarray:
        """Counts of whole sets add."""
        return np.sum(sets, axis=0)

    def fit(self, examples: np.ndarray) -> np.ndarray:
        """Frequencies."""
        return examples / examples.sum(axis=1, keepdims=True)


class Draws(OfExamples):
    """The process on draws, shape `(replicates, n)`; a model is its frequencies, shape `(replicates, K)`."""

    def __init__(self, probabilities: np.ndarray, samples: int, replicates: int) -> None:
        self.size, self.source = samples, np.broadcast_to(probabilities, (replicates, len(probabilities)))
        self.rows = np.arange(replicates)[:, None]

    def draw(self, model: np.ndarray | None, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draw `n` categories, by inverting the cumulative frequencies of all rows at once."""
        levels = np.cumsum(self.source if model is None else model, axis=1)
        # Row r's levels lie in (r, r + 1], its draws in [r, r + 1); rounding must move neither into the next row.
        levels[:, -1] = 1.0
        levels += self.rows
        drawn = np.minimum(rng.random((len(levels), n)) + self.rows, np.nextafter(self.rows + 1.0, 0))
        return np.searchsorted(levels.ravel(), drawn.ravel(), side="right").reshape(drawn.shape) % levels.shape[1]

    def fit(self, examples: np.ndarray) -> np.ndarray:
        """Frequencies."""
        n_rows, categories = self.source.shape
        counts = np.bincount((examples + categories * self.rows).ravel(), minlength=n_rows * categories)
        return counts.reshape(n_rows, categories) / examples.shape[1]


def sweeps(settings: CategoricalSettings) -> Iterator[Sweep]:
    """Every number of draws; the time until one category is left stands at the last generation."""
    strategies, exact = names(settings.strategies), names(settings.strategies, {"replace"})
    lawful = names(settings.strategies, gaussian.LAWS)
    for n in settings.samples:
        fate, points = exact if n <= EXACT else (), grid(samples=(n,))
        yield Sweep(METRICS[:1], strategies, settings.measured_generations, points, lawful)
        yield Sweep(METRICS[1:2], strategies, settings.measured_generations, points)
        yield Sweep(METRICS[2:4], strategies, settings.measured_generations, points, fate)
        yield Sweep(METRICS[4:], strategies, (settings.generations,), points, fate)


def simulate(settings: CategoricalSettings, seed: int) -> Iterator[Observation]:
    """Yield what is left of the categories, for every number of draws."""
    for samples in settings.samples:
        for strategy in settings.strategies:
            for generation, metric, values in collected(_chains(settings, strategy, samples, seed)):
                yield Observation(strategy.name, generation, metric, values, {"samples": float(samples)})


def predict(settings: CategoricalSettings) -> Iterator[Prediction]:
    """Yield the law of heterozygosity; and under replace, for at most `EXACT` draws, the fate of the categories."""
    q = zipf(settings.exponent, settings.categories)
    for samples in settings.samples:
        for strategy in settings.strategies:
            if strategy.compose in gaussian.LAWS:
                values = theory.heterozygosity(q, strategy.compose, samples, settings.generations)
                formula, source = _HETEROZYGOSITY.get(strategy.compose, ("linear recursion of E Σ p²", "derived"))
                yield from _lines(strategy, samples, "heterozygosity", values, formula, source)
            if strategy.compose == "replace" and samples <= EXACT:
                yield from _fates(q, strategy, samples, settings.generations)


def _chains(settings: CategoricalSettings, strategy: Strategy, samples: int, seed: int) -> Iterator[Measured]:
    q, whole = zipf(settings.exponent, settings.categories), takes_whole_sets(strategy)
    held = (settings.categories if whole else samples) * (settings.generations + 1)
    for block, replicates in blocks(settings.replicates, held, BLOCK):
        process = (Counts if whole else Draws)(q, samples, replicates)
        time = np.zeros(replicates)
        for generation, frequencies in Chain(process, strategy, seed, replicates, block).models(settings.generations):
            left = frequencies.max(axis=1) < 1
            time += left & (generation < settings.generations)
            if settings.is_measured(generation):
                yield generation, "heterozygosity", 1 - (frequencies**2).sum(axis=1)
                yield generation, "model_entropy", _entropy(frequencies)
                yield generation, "surviving_support", (frequencies > 0).mean(axis=1)
                yield generation, "absorbed_fraction", 1.0 - left
        yield settings.generations, "absorption_time", time


def _entropy(frequencies: np.ndarray) -> np.ndarray:
    logs = np.log(frequencies, out=np.zeros_like(frequencies), where=frequencies > 0)
    return -(frequencies * logs).sum(axis=1)


def _fates(q: np.ndarray, strategy: Strategy, samples: int, generations: int) -> Iterator[Prediction]:
    surviving, absorbed = theory.fates(q, samples, generations)
    one_fit = "; 1 − mean (1 − q)^N at g = 0"
    yield from _lines(
        strategy, samples, "surviving_support", surviving, f"{_CHAIN}: mean P(count > 0){one_fit}", _SHUMAILOV
    )
    yield from _lines(strategy, samples, "absorbed_fraction", absorbed, f"{_CHAIN}: Σ_k P(count_k = N)", "derived")
    formula = "E min(τ, G) = Σ_k E u(count_k), u = (I − Q)⁻¹ (I − Q^G) (i/N), Q of the " + _CHAIN
    time = theory.absorption_time(q, samples, generations)
    point = {"samples": float(samples)}
    yield Prediction(strategy.name, generations, "absorption_time", time, "exact", formula, "derived", point)


def _lines(
    strategy: Strategy, samples: int, metric: str, values: np.ndarray, formula: str, source: str
) -> Iterator[Prediction]:
    return by_generation(strategy.name, metric, values, "exact", formula, source, {"samples": float(samples)})


_CHAIN = "chain of counts, C(N, j) (i/N)^j (1 − i/N)^(N−j)"
_SHUMAILOV = "one step: Shumailov et al. 2024; more: derived"
_HETEROZYGOSITY = {
    "replace": ("E[1 − Σ p²] = (1 − 1/N)^(g+1) (1 − Σ q²)", "Wright–Fisher model"),
    "accumulate": ("E[1 − Σ p²] = (1 − Σ q²) Π_{j≤g+1} (1 − 1/(N j²))", "derived"),
    "replace_multiple": ("E[1 − Σ p²] = (1 − Σ q²) Π_{j≤g+1} (1 − 1/(N j))", "derived"),
    "real": ("E[1 − Σ p²] = (1 − 1/N) (1 − Σ q²)", "Wright–Fisher model"),
}
