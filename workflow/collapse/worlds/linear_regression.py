"""Chains of least-squares fits that label one another's data (Gerstgrasser et al. 2024; Kazdan et al. 2025).

Where every set is taken whole, the chain runs on sufficient statistics, drawn directly: exact, and no data. Where parts
of sets are taken, it keeps the examples.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from collapse.config.settings import Strategy
from collapse.config.worlds.linear_regression import LinearRegressionSettings
from collapse.randomness import stream
from collapse.theory import linear_regression as theory
from collapse.worlds import Observation, Prediction, Sweep, names
from collapse.worlds.chain import Chain, OfExamples, blocks, joined, takes_whole_sets
from collapse.worlds.linear_algebra import cholesky, solve, solve_lower, solve_upper, wishart_factor

METRICS = ("excess_error", "relative_error")

BLOCK = 2_000_000
"""Numbers in all sets of a block of replicates: 1,000 replicates of 20 sets in ten dimensions. A quarter of it costs a
fifth more a replicate, because each NumPy call does less; four times as much leaves the cache."""


@dataclass(frozen=True)
class Rotated:
    """A labelled set without its rows: X = QL' for some orthonormal Q, and Q'y.

    Attributes:
        factor: L, shape `(replicates, d, d)`.
        labels: Q'y, shape `(replicates, d)`; what is left of y is orthogonal to X and does not matter to a fit.
    """

    factor: np.ndarray
    labels: np.ndarray

    @cached_property
    def gram(self) -> np.ndarray:
        """X'X, shape `(replicates, d, d)`."""
        return self.factor @ self.factor.transpose(0, 2, 1)

    @cached_property
    def moment(self) -> np.ndarray:
        """X'y, shape `(replicates, d)`."""
        return np.einsum("rij,rj->ri", self.factor, self.labels)


class SufficientStatistics:
    """The process without data.

    Factors are drawn by Bartlett's decomposition, and Q'y = L'w + σ z with z standard normal.
    """

    def __init__(self, settings: LinearRegressionSettings, replicates: int, rng: np.random.Generator) -> None:
        self.settings, self.size, self.replicates = settings, settings.samples, replicates
        self.truth = truth_of(settings, replicates)
        self.factor = self._new_factor(settings.samples, rng)
        self._added, self._pool = list[Rotated](), (np.zeros(0), np.zeros(0))

    def draw(self, model: np.ndarray | None, n: int, rng: np.random.Generator) -> Rotated:
        """Draw a labelled set of `n` examples."""
        same = self.settings.design == "same"
        factor = self.factor * np.sqrt(n / self.size) if same else self._new_factor(n, rng)
        weights = self.truth if model is None else model
        noise = np.sqrt(self.settings.noise_variance) * rng.standard_normal(weights.shape)
        return Rotated(factor, np.einsum("rji,rj->ri", factor, weights) + noise)

    def compose(self, sets: Sequence[Rotated], taken: Sequence[np.ndarray], rng: np.random.Generator) -> Rotated:
        """Gram matrices and moments of whole sets add."""
        if len(sets) == 1:
            return sets[0]
        known = len(self._added)
        grown = 0 < known <= len(sets) and all(a is b for a, b in zip(self._added, sets, strict=False))
        if not grown:
            known, self._pool = 1, (sets[0].gram, sets[0].moment)
        for added in sets[known:]:
            self._pool = (self._pool[0] + added.gram, self._pool[1] + added.moment)
        # A pool that only grows, as accumulate's does, is added to, not added up again.
        self._added = list(sets)
        return _rotated(*self._pool)

    def fit(self, examples: Rotated) -> np.ndarray:
        """Weights, shape `(replicates, d)`."""
        if self.settings.ridge > 0:
            examples = _rotated(examples.gram + self.settings.ridge * np.eye(self.settings.dimension), examples.moment)
        return solve_upper(examples.factor, examples.labels)

    def _new_factor(self, n: int, rng: np.random.Generator) -> np.ndarray:
        d = self.settings.dimension
        if n >= d:
            return wishart_factor(n, d, self.replicates, rng)
        # Fewer rows than columns: X' itself, with columns of zeros, does what L does for Gram matrix and moment.
        rows = np.zeros((self.replicates, d, d))
        rows[:, :, :n] = rng.standard_normal((self.replicates, d, n))
        return rows


def _rotated(gram: np.ndarray, moment: np.ndarray) -> Rotated:
    factor = cholesky(gram)
    return Rotated(factor, solve_lower(factor, moment))


class Examples(OfExamples):
    """The process on inputs and labels, joined: shape `(replicates, n, d + 1)`."""

    def __init__(self, settings: LinearRegressionSettings, replicates: int, rng: np.random.Generator) -> None:
        self.settings, self.size, self.replicates = settings, settings.samples, replicates
        self.truth = truth_of(settings, replicates)
        self.inputs = rng.standard_normal((replicates, settings.samples, settings.dimension))

    def draw(self, model: np.ndarray | None, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draw a labelled set of `n` examples."""
        inputs = self.inputs
        if self.settings.design == "fresh":
            inputs = rng.standard_normal((self.replicates, n, self.settings.dimension))
        weights = self.truth if model is None else model
        noise = np.sqrt(self.settings.noise_variance) * rng.standard_normal(inputs.shape[:2])
        labels = np.matmul(inputs, weights[..., None])[..., 0] + noise
        return np.concatenate([inputs, labels[..., None]], axis=2)

    def fit(self, examples: np.ndarray) -> np.ndarray:
        """Weights, shape `(replicates, d)`."""
        d, inputs = self.settings.dimension, examples[..., :-1]
        products = np.matmul(inputs.transpose(0, 2, 1), examples)
        return solve(products[..., :d] + self.settings.ridge * np.eye(d), products[..., d])


def sweeps(settings: LinearRegressionSettings) -> Iterator[Sweep]:
    """Every generation; errors over one fit's, and theory, without a ridge only."""
    lawful = [one.name for one in settings.strategies if settings.ridge == 0 and _law(settings, one) is not None]
    metrics = METRICS if settings.ridge == 0 else METRICS[:1]
    yield Sweep(metrics, names(settings.strategies), settings.measured_generations, predicted=lawful)


def simulate(settings: LinearRegressionSettings, seed: int) -> Iterator[Observation]:
    """Yield each strategy's test error, over the noise floor and over one fit's."""
    for strategy in settings.strategies:
        for generation, error in enumerate(errors(settings, strategy, seed)):
            yield Observation(strategy.name, generation, "excess_error", error)
            if settings.ridge == 0:
                base = theory.base_error(settings.noise_variance, settings.dimension, settings.samples)
                yield Observation(strategy.name, generation, "relative_error", error / base)


def errors(settings: LinearRegressionSettings, strategy: Strategy, seed: int) -> np.ndarray:
    """‖ŵ − w*‖² of every generation and replicate, shape `(generations + 1, replicates)`."""
    of_set = settings.dimension * (settings.dimension if takes_whole_sets(strategy) else settings.samples)
    parts = []
    for block, replicates in blocks(settings.replicates, of_set * (settings.generations + 1), BLOCK):
        chain = chain_of(settings, strategy, seed, replicates, block)
        truth = truth_of(settings, replicates)
        parts.append([((weights - truth) ** 2).sum(axis=1) for _, weights in chain.models(settings.generations)])
    return joined(parts)


def chain_of(
    settings: LinearRegressionSettings, strategy: Strategy, seed: int, replicates: int, block: int
) -> Chain[Rotated, np.ndarray] | Chain[np.ndarray, np.ndarray]:
    """Chains of one strategy: on sufficient statistics where sets are taken whole, else on examples."""
    rng = stream(seed, 0, f"design/{block}")
    if takes_whole_sets(strategy):
        return Chain(SufficientStatistics(settings, replicates, rng), strategy, seed, replicates, block)
    return Chain(Examples(settings, replicates, rng), strategy, seed, replicates, block)


def predict(settings: LinearRegressionSettings) -> Iterator[Prediction]:
    """Yield the closed forms of the error over one fit's; there are none for ridge, or for partial real data."""
    if settings.ridge > 0:
        return
    base = theory.base_error(settings.noise_variance, settings.dimension, settings.samples)
    for strategy in settings.strategies:
        if (law := _law(settings, strategy)) is None:
            continue
        ratios, status, formula, source = law
        for generation, ratio in enumerate(ratios):
            common = (status, formula, source)
            yield Prediction(strategy.name, generation, "relative_error", float(ratio), *common)
            yield Prediction(strategy.name, generation, "excess_error", float(base * ratio), *common)


def _law(settings: LinearRegressionSettings, strategy: Strategy) -> tuple[np.ndarray, str, str, str] | None:
    d, n, last, same = settings.dimension, settings.samples, settings.generations, settings.design == "same"
    paper = "Gerstgrasser et al. 2024"
    match strategy.compose:
        case "real":
            return np.ones(last + 1), "exact", "E = σ²d/(T−d−1)", paper
        case "replace":
            return theory.replace_ratio(last), "exact", "E_g = (g+1) σ²d/(T−d−1)", f"{paper}, theorem 1"
        case "accumulate" if same:
            law = "E_g = σ²d/(T−d−1) Σ_{i≤g+1} 1/i²"
            return theory.accumulate_ratio(last), "exact", law, f"{paper}, theorem 2"
        case "accumulate":
            law = "E_g = Σ_{i≤g+1} σ²d/(i(iT−d−1))"
            return theory.accumulate_ratio_fresh(d, n, last), "exact", law, "derived, after theorem 2"
        case "replace_multiple" if same:
            law = "E_g = σ²d/(T−d−1) Σ_{i≤g+1} 1/i"
            return theory.replace_multiple_ratio(last), "exact", law, f"derived; {paper}, appendix E, has O(log n)"
        case "replace_multiple":
            law = "E_g = Σ_{i≤g+1} σ²d/(iT−d−1)"
            return theory.replace_multiple_ratio_fresh(d, n, last), "exact", law, "derived"
        case "accumulate_subsample":
            law = "E_g = (A_{g+1} + 1 − 1/(g+1)) σ²d/(T−d−1), T ≫ d"
            return theory.accumulate_subsample_ratio(last), "asymptotic", law, "derived, after Kazdan et al. 2025"
        case _:
            return None


def truth_of(settings: LinearRegressionSettings, replicates: int) -> np.ndarray:
    """w* of length 1; inputs are isotropic, so its direction does not matter."""
    return np.full((replicates, settings.dimension), settings.dimension**-0.5)
