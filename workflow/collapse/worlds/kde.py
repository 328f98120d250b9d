"""Chains of kernel density estimates of shapes in the plane (Kazdan et al. 2025).

A kernel density model is its data, so a chain keeps its points. The paper's code draws training and test blobs about
centres of their own, so that the likelihood of test points can rise by forgetting; here both share fixed centres.
"""

from collections.abc import Iterator

import numpy as np

from collapse.config.settings import Strategy
from collapse.config.worlds.kde import KdeSettings
from collapse.randomness import stream
from collapse.theory import gaussian, kde
from collapse.worlds import Observation, Prediction, Sweep, by_generation, names
from collapse.worlds.chain import Chain, OfExamples, blocks, collected

METRICS = ("negative_log_likelihood", "variance_ratio")

BLOCK = 4_000_000
"""Numbers of all sets that are held at once."""

CHUNK = 500_000
"""Kernels that are evaluated at once: 4 MB, about what a core's cache holds."""


class Points(OfExamples):
    """The process on points, shape `(replicates, n, 2)`."""

    def __init__(self, settings: KdeSettings, replicates: int) -> None:
        self.settings, self.size, self.replicates = settings, settings.samples, replicates

    def draw(self, model: np.ndarray | None, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draw `n` points: a centre among the model's, and a step of the kernel."""
        if model is None:
            return source(self.settings.shape, self.settings.noise, (self.replicates, n), rng)
        chosen = rng.integers(model.shape[1], size=(self.replicates, n))
        steps = rng.standard_normal((self.replicates, n, 2))
        return np.take_along_axis(model, chosen[..., None], axis=1) + self.settings.bandwidth * steps

    def fit(self, examples: np.ndarray) -> np.ndarray:
        """The model is its points."""
        return examples


def source(shape: str, noise: float, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Independent points of a shape with normal noise, shape `(*size, 2)`."""
    match shape:
        case "blobs":
            points = kde.BLOB_CENTRES[rng.integers(len(kde.BLOB_CENTRES), size=size)]
        case "moons":
            angle, lower = np.pi * rng.random(size), rng.random(size) < 0.5
            upper_moon, lower_moon = (np.cos(angle), np.sin(angle)), (1 - np.cos(angle), 0.5 - np.sin(angle))
            points = np.where(lower[..., None], np.stack(lower_moon, axis=-1), np.stack(upper_moon, axis=-1))
        case "circles":
            angle, radius = 2 * np.pi * rng.random(size), np.array(kde.CIRCLE_RADII)[rng.integers(2, size=size)]
            points = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)
        case _:
            angle = rng.uniform(*kde.ROLL, size)
            points = np.stack([angle * np.cos(angle), angle * np.sin(angle)], axis=-1)
    return points + noise * rng.standard_normal((*size, 2))


def sweeps(settings: KdeSettings) -> Iterator[Sweep]:
    """Every measured generation."""
    where = (names(settings.strategies), settings.measured_generations)
    yield Sweep(METRICS[:1], *where)
    yield Sweep(METRICS[1:], *where, predicted=names(settings.strategies, gaussian.LAWS))


def simulate(settings: KdeSettings, seed: int) -> Iterator[Observation]:
    """Yield each strategy's loss on real points, and its variance, where it is measured."""
    for strategy in settings.strategies:
        for generation, metric, values in collected(_measured(settings, strategy, seed)):
            yield Observation(strategy.name, generation, metric, values)


def predict(settings: KdeSettings) -> Iterator[Prediction]:
    """Yield the expected variance; the loss has no closed form."""
    variance = kde.source_variance(settings.shape, settings.noise)
    for strategy in settings.strategies:
        if (law := gaussian.LAWS.get(strategy.compose)) is not None:
            expected = law(settings.samples, settings.generations, added=settings.bandwidth**2 / variance).variance
            formula, source = _FORMULAS.get(strategy.compose, "linear recursion of the variance"), "derived"
            yield from by_generation(strategy.name, "variance_ratio", expected, "exact", formula, source)


_FORMULAS = {
    "replace": "V_g = (1 − 1/N) V_{g−1} + h²: about V_0 + g h² while g ≪ N",
    "accumulate": "linear recursion of the pool's moments: about V_0 + h² Σ_{2≤j≤g+1} 1/j while g ≪ N",
}


def log_density(model: np.ndarray, points: np.ndarray, bandwidth: float) -> np.ndarray:
    """Log density in nats of one model at `points`, shape `(m,)`.

    Args:
        model: Its kernels' centres, shape `(n, 2)`.
        points: Where it is evaluated, shape `(m, 2)`.
        bandwidth: h, standard deviation of the kernel.
    """
    at = points / bandwidth
    # −‖x − c‖²/2 as one matrix product of (x, −‖x‖²/2, 1) and (c, 1, −‖c‖²/2).
    at = np.column_stack([at, -(at**2).sum(axis=1) / 2, np.ones(len(at))])
    parts = []
    for start in range(0, len(model), rows := max(1, CHUNK // len(points))):
        centres = model[start : start + rows] / bandwidth
        exponents = at @ np.column_stack([centres, np.ones(len(centres)), -(centres**2).sum(axis=1) / 2]).T
        highest = exponents.max(axis=1, keepdims=True)
        exponents -= highest
        parts.append(highest[:, 0] + np.log(np.exp(exponents, out=exponents).sum(axis=1)))
    return np.logaddexp.reduce(parts) - np.log(len(model) * 2 * np.pi * bandwidth**2)


def _measured(settings: KdeSettings, strategy: Strategy, seed: int) -> Iterator[tuple[int, str, np.ndarray]]:
    """Generation, metric and one value per replicate, block by block."""
    held = 2 * settings.samples * (settings.generations + 1)
    for block, replicates in blocks(settings.replicates, held, BLOCK):
        rng = stream(seed, 0, f"test/{block}")
        tests = source(settings.shape, settings.noise, (replicates, settings.test_points), rng)
        chain = Chain(Points(settings, replicates), strategy, seed, replicates, block)
        for generation, models in chain.models(settings.generations):
            if settings.is_measured(generation):
                for metric, values in _values(settings, models, tests).items():
                    yield generation, metric, values


def _values(settings: KdeSettings, models: np.ndarray, tests: np.ndarray) -> dict[str, np.ndarray]:
    pairs = zip(models, tests, strict=True)
    losses = [-log_density(model, points, settings.bandwidth).mean() for model, points in pairs]
    variance = models.var(axis=1).mean(axis=1) + settings.bandwidth**2
    return {
        "negative_log_likelihood": np.array(losses),
        "variance_ratio": variance / kde.source_variance(settings.shape, settings.noise),
    }
