"""Chains of medians and of logistic regressions, which follow the laws of least squares (Dey and Donoho 2024).

Where every set is taken whole, a logistic set is the number of successes at each row of the inputs, which is all a fit
needs. Where parts of sets are taken, the chain keeps each row's number with its label.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np

from collapse.config.settings import Strategy
from collapse.config.worlds.universality import UniversalitySettings
from collapse.randomness import stream
from collapse.theory import linear_regression as least_squares
from collapse.theory import universality as theory
from collapse.worlds import Observation, Prediction, Sweep, by_generation, names
from collapse.worlds.chain import Chain, OfExamples, Process, blocks, joined, takes_whole_sets
from collapse.worlds.linear_algebra import solve

METRICS = ("excess_error", "relative_error")

BLOCK = 4_000_000
"""Numbers of all sets that are held at once."""

CONVERGED = 1e-5
"""Newton's method stops when no weight of any replicate moves by more; what is then left is about the square of it."""

MOST_STEPS = 50
"""Newton steps after which a fit is given up; a model that fits needs about six."""

Trials = tuple[np.ndarray, np.ndarray]
"""Labels drawn at each row, shape `(replicates, n)` or `(1, n)`, and how many of them are 1, `(replicates, n)`."""


class Estimated(Protocol):
    """What both processes know beside drawing and fitting."""

    truth: np.ndarray
    base: float


class Median(OfExamples):
    """The process on draws, shape `(replicates, n)`; a model is a location, shape `(replicates, 1)`."""

    def __init__(self, settings: UniversalitySettings, replicates: int) -> None:
        self.size, self.truth = settings.samples, np.full((replicates, 1), settings.signal)
        self.base = theory.median_error(settings.samples)

    def draw(self, model: np.ndarray | None, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draw `n` values about the location."""
        return (self.truth if model is None else model) + rng.standard_normal((len(self.truth), n))

    def fit(self, examples: np.ndarray) -> np.ndarray:
        """The median."""
        return np.median(examples, axis=1, keepdims=True)


class Logistic:
    """The process on labels of given inputs; a model is its weights, shape `(replicates, d)`."""

    def __init__(self, settings: UniversalitySettings, replicates: int, rng: np.random.Generator) -> None:
        d, n = settings.dimension, settings.samples
        self.size, self.truth = n, np.full((replicates, d), settings.signal * d**-0.5)
        self.inputs = rng.standard_normal((n, d))
        self.products = (self.inputs[:, :, None] * self.inputs[:, None, :]).reshape(n, d * d)
        self.base = theory.logistic_error(self.inputs, self.truth[0])

    def probabilities(self, weights: np.ndarray) -> np.ndarray:
        """Chance of a label 1 at each row, shape `(replicates, n)`."""
        return 1 / (1 + np.exp(-weights @ self.inputs.T))

    def weights(self, trials: Trials) -> np.ndarray:
        """Maximum-likelihood weights by Newton's method, all replicates at once."""
        drawn, successes = trials
        d, weights = self.inputs.shape[1], self.truth.copy()
        for _ in range(MOST_STEPS):
            probabilities = self.probabilities(weights)
            expected = drawn * probabilities
            score = (successes - expected) @ self.inputs
            information = (expected * (1 - probabilities)) @ self.products
            step = solve(information.reshape(-1, d, d), score)
            weights += step
            if np.abs(step).max() < CONVERGED:
                return weights
        return np.full_like(weights, np.nan)


class WholeLogistic(Logistic):
    """Labels as their numbers, which add."""

    def draw(self, model: np.ndarray | None, n: int, rng: np.random.Generator) -> Trials:
        """Draw `n` labels, as many at every row."""
        repeats = n // self.size
        drawn = rng.binomial(repeats, self.probabilities(self.truth if model is None else model))
        return np.full((1, self.size), repeats), drawn

    def compose(self, sets: Sequence[Trials], taken: Sequence[np.ndarray], rng: np.random.Generator) -> Trials:
        """Add whole sets."""
        return sum(drawn for drawn, _ in sets), sum(successes for _, successes in sets)  # type: ignore[return-value]

    def fit(self, examples: Trials) -> np.ndarray:
        """Weights."""
        return self.weights(examples)


class LabelledLogistic(OfExamples, Logistic):
    """Labels with their rows: twice the row's number, plus the label; shape `(replicates, n)`."""

    def draw(self, model: np.ndarray | None, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draw `n` labels, as many at every row."""
        probabilities = self.probabilities(self.truth if model is None else model)
        rows = np.tile(np.arange(self.size), n // self.size)
        return 2 * rows + (rng.random((len(probabilities), n)) < probabilities[:, rows])

    def fit(self, examples: np.ndarray) -> np.ndarray:
        """Weights."""
        replicates = len(examples)
        places = examples + 2 * self.size * np.arange(replicates)[:, None]
        counts = np.bincount(places.ravel(), minlength=2 * self.size * replicates).reshape(replicates, self.size, 2)
        return self.weights((counts.sum(axis=2), counts[:, :, 1]))


def sweeps(settings: UniversalitySettings) -> Iterator[Sweep]:
    """Every generation."""
    where = (names(settings.strategies), settings.measured_generations)
    yield Sweep(METRICS[:1], *where)
    yield Sweep(METRICS[1:], *where, predicted=names(settings.strategies, _LAWS))


def simulate(settings: UniversalitySettings, seed: int) -> Iterator[Observation]:
    """Yield each strategy's squared error, and that over the expected error of one fit."""
    for strategy in settings.strategies:
        for generation, (error, ratio) in enumerate(errors(settings, strategy, seed)):
            yield Observation(strategy.name, generation, "excess_error", error)
            yield Observation(strategy.name, generation, "relative_error", ratio)


def errors(settings: UniversalitySettings, strategy: Strategy, seed: int) -> np.ndarray:
    """‖θ̂ − θ‖² of every generation, and that over one fit's, shape `(generations + 1, 2, replicates)`."""
    parts = []
    for block, replicates in blocks(settings.replicates, settings.samples * (settings.generations + 1), BLOCK):
        process = _process(settings, strategy, replicates, stream(seed, 0, f"design/{block}"))
        models = Chain(process, strategy, seed, replicates, block).models(settings.generations)
        squared = np.array([((model - process.truth) ** 2).sum(axis=1) for _, model in models])
        parts.append(np.stack([squared, squared / process.base], axis=1))
    return joined(parts)


def predict(settings: UniversalitySettings) -> Iterator[Prediction]:
    """Yield the laws of least squares, which hold as n grows."""
    for strategy in settings.strategies:
        if strategy.compose in _LAWS:
            law, formula = _LAWS[strategy.compose]
            source = "Dey and Donoho 2024" if strategy.compose in ("replace", "accumulate") else "derived"
            ratios = law(settings.generations)
            yield from by_generation(strategy.name, "relative_error", ratios, "asymptotic", formula, source)


_LAWS = {
    "real": (lambda generations: np.ones(generations + 1), "E_g = E_0"),
    "replace": (least_squares.replace_ratio, "E_g = (g+1) E_0 as n → ∞"),
    "accumulate": (least_squares.accumulate_ratio, "E_g = E_0 Σ_{i≤g+1} 1/i² → π²/6 E_0 as n → ∞"),
    "replace_multiple": (least_squares.replace_multiple_ratio, "E_g = E_0 Σ_{i≤g+1} 1/i as n → ∞"),
    "accumulate_subsample": (
        least_squares.accumulate_subsample_ratio,
        "E_g = (A_{g+1} + 1 − 1/(g+1)) E_0 → (π²/2 − 2) E_0 as n → ∞",
    ),
}


class _Estimator(Process, Estimated, Protocol):
    """A process that knows the truth."""


def _process(
    settings: UniversalitySettings, strategy: Strategy, replicates: int, rng: np.random.Generator
) -> _Estimator:
    if settings.estimator == "median":
        return Median(settings, replicates)
    logistic = WholeLogistic if takes_whole_sets(strategy) else LabelledLogistic
    return logistic(settings, replicates, rng)
