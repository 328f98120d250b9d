"""Chains of Beta laws, each fitted to samples of the last one with its density as weights (Wang et al. 2025)."""

from collections.abc import Iterator

import numpy as np
from scipy.special import digamma, polygamma

from collapse.config.settings import Strategy
from collapse.config.worlds.weighted_likelihood import BetaSettings, WeightedLikelihoodSettings
from collapse.errors import EngineError
from collapse.theory import weighted_likelihood as theory
from collapse.worlds import Observation, Prediction, Sweep, names
from collapse.worlds.chain import Chain, OfExamples, blocks, joined
from collapse.worlds.composition import expected_composition

METRICS = ("shape_a", "shape_b", "model_mean", "model_mode", "model_variance")

BLOCK = 4_000_000
"""Numbers of all sets of a block that are held at once."""

PRECISE = 1e-8
"""Relative change of both shapes below which Newton's method has arrived."""

STEPS = 100
"""Steps after which it has failed; it needs about six."""

NO_FIT = (
    "fits did not converge.\n"
    "  Examples may be too much alike for their variance to be resolved; run fewer generations or draw more samples."
)


class BetaFits(OfExamples):
    """The process: log x and log(1 − x), shape `(replicates, n, 2)`; a model is its two shapes, `(replicates, 2)`.

    A chain's weights are the density of its own last model, so it remembers that model.
    """

    def __init__(self, settings: WeightedLikelihoodSettings, replicates: int) -> None:
        self.settings, self.size, self.replicates = settings, settings.samples, replicates
        self.last = np.broadcast_to(_pair(settings.pretrained), (replicates, 2))

    def draw(self, model: np.ndarray | None, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draw `n` examples per replicate."""
        shapes = np.broadcast_to(_pair(self.settings.data), (self.replicates, 2)) if model is None else model
        x = rng.beta(shapes[:, :1], shapes[:, 1:], size=(self.replicates, n))
        return np.stack([np.log(x), np.log1p(-x)], axis=2)

    def fit(self, examples: np.ndarray) -> np.ndarray:
        """Shapes that maximise the likelihood, weighted by the last model's density."""
        if self.settings.weights == "none":
            means = examples.mean(axis=1)
        else:
            log_density = np.einsum("rnk,rk->rn", examples, self.last - 1)
            weights = np.exp(log_density - log_density.max(axis=1, keepdims=True))
            means = np.einsum("rn,rnk->rk", weights, examples) / weights.sum(axis=1, keepdims=True)
        self.last = maximum_likelihood(means)
        return self.last


def maximum_likelihood(means: np.ndarray) -> np.ndarray:
    """Shapes a, b of the Beta laws with these means of log x and log(1 − x), shape `(replicates, 2)`.

    Newton's method on ψ(a) − ψ(a + b) = mean log x and ψ(b) − ψ(a + b) = mean log(1 − x), in log a and log b, so that
    shapes stay positive.

    Args:
        means: Shape `(replicates, 2)`.

    Raises:
        EngineError: It did not arrive.
    """
    geometric = np.exp(means)
    rest = 1 - geometric.sum(axis=1, keepdims=True)
    if np.any(rest <= 0):
        raise EngineError(f"weighted_likelihood: {int(np.sum(rest <= 0))} of {len(means)} {NO_FIT}")
    # For large n = a + b the geometric means of x and of 1 − x add up to 1 − 1/(2n), and a is about n times that of x.
    shapes = 0.5 + geometric / (2 * rest)
    missed = np.ones(len(means), dtype=bool)
    for _ in range(STEPS):
        step = _newton_step(shapes, means)
        shapes = shapes * np.exp(-step)
        missed = np.abs(step).max(axis=1) >= PRECISE
        if not missed.any():
            return shapes
    raise EngineError(f"weighted_likelihood: {int(missed.sum())} of {len(means)} {NO_FIT}")


def _newton_step(shapes: np.ndarray, means: np.ndarray) -> np.ndarray:
    """Step in log a and log b, at most 1, shape `(replicates, 2)`."""
    total = shapes.sum(axis=1, keepdims=True)
    gap = digamma(shapes) - digamma(total) - means
    shared = polygamma(1, total)
    own = polygamma(1, shapes) - shared
    # The inverse of [[own_a, −shared], [−shared, own_b]], times the gap.
    step = (own[:, ::-1] * gap + shared * gap[:, ::-1]) / (own.prod(axis=1, keepdims=True) - shared**2)
    return np.clip(step / shapes, -1.0, 1.0)


def sweeps(settings: WeightedLikelihoodSettings) -> Iterator[Sweep]:
    """Every generation."""
    strategies = names(settings.strategies)
    yield Sweep(METRICS, strategies, settings.measured_generations, predicted=strategies)


def simulate(settings: WeightedLikelihoodSettings, seed: int) -> Iterator[Observation]:
    """Yield shapes, mean, mode and variance of every generation's model."""
    for strategy in settings.strategies:
        for generation, (a, b) in enumerate(fitted(settings, strategy, seed)):
            for metric, values in zip(METRICS, _measured(a, b), strict=True):
                yield Observation(strategy.name, generation, metric, values)


def fitted(settings: WeightedLikelihoodSettings, strategy: Strategy, seed: int) -> np.ndarray:
    """Shapes of every generation and replicate, shape `(generations + 1, 2, replicates)`."""
    parts = []
    for block, replicates in blocks(settings.replicates, 2 * settings.samples * (settings.generations + 1), BLOCK):
        chain = Chain(BetaFits(settings, replicates), strategy, seed, replicates, block)
        parts.append([shapes.T for _, shapes in chain.models(settings.generations)])
    return joined(parts)


def predict(settings: WeightedLikelihoodSettings) -> Iterator[Prediction]:
    """Yield what endless data fit."""
    for strategy in settings.strategies:
        shapes, formula = _law(settings, strategy)
        for generation, (a, b) in enumerate(zip(*shapes, strict=True)):
            for metric, value in zip(METRICS, _measured(a, b), strict=True):
                source = "derived, after Wang et al. 2025"
                yield Prediction(strategy.name, generation, metric, float(value), "asymptotic", formula, source)


def _law(settings: WeightedLikelihoodSettings, strategy: Strategy) -> tuple[theory.Shapes, str]:
    data, before = (settings.data.a, settings.data.b), (settings.pretrained.a, settings.pretrained.b)
    last = settings.generations
    if settings.weights == "none":
        return theory.unweighted_shapes(data, last), "a_g, b_g = those of the data, N → ∞"
    first = "a_0 = a_data + a_pretrained − 1, N → ∞"
    match strategy.compose:
        case "replace" | "replace_multiple":
            return theory.replace_shapes(data, before, last), f"a_g = 2^g (a_0 − 1) + 1, {first}"
        case "real":
            return theory.real_shapes(data, before, last), f"a_g = a_0 + g (a_data − 1), {first}"
        case _:
            sets = expected_composition(strategy, settings.samples, last)
            shapes = theory.composed_shapes(data, before, sets.taken, sets.fresh)
            return shapes, f"fit to the mixture of all sets, weighted by the last density, {first}"


def _measured(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, ...]:
    """Values in the order of `METRICS`."""
    return a, b, theory.mean(a, b), theory.mode(a, b), theory.variance(a, b)


def _pair(law: BetaSettings) -> np.ndarray:
    return np.array([law.a, law.b])
