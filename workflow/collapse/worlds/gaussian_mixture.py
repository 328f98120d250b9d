"""Chains of mixtures of two Gaussians, fitted by EM to draws of the last mixture (after Shumailov et al. 2024)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from collapse.config.settings import Strategy
from collapse.config.worlds.gaussian_mixture import GaussianMixtureSettings
from collapse.theory import gaussian
from collapse.theory import gaussian_mixture as theory
from collapse.worlds import Observation, Prediction, Sweep, by_generation, names
from collapse.worlds.chain import Chain, blocks, collected, selected
from collapse.worlds.linear_algebra import cholesky

METRICS = ("variance_ratio", "component_variance", "density_distance")

BLOCK = 400_000
"""Numbers of all sets that are held at once: 3 MB, so that EM's passes over them stay in a core's cache."""

TINY = 1e-300
"""Least weight of a component: one that no draw belongs to keeps a mean."""


@dataclass(frozen=True)
class Mixture:
    """Two components per replicate.

    Attributes:
        weights: Shape `(2, replicates)`.
        means: Shape `(2, replicates, d)`.
        covariances: Shape `(2, replicates, d, d)`.
    """

    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray


@dataclass(frozen=True)
class Draws:
    """Draws, shape `(replicates, n, d)`, and the mixture that wrote the newest of them, where EM starts."""

    points: np.ndarray
    writer: Mixture


class ExpectationMaximisation:
    """The process: draw from a mixture, pool, fit another."""

    def __init__(self, settings: GaussianMixtureSettings, replicates: int) -> None:
        self.settings, self.size = settings, settings.samples
        self.source = source(settings, replicates)

    def draw(self, model: Mixture | None, n: int, rng: np.random.Generator) -> Draws:
        """Draw `n` points."""
        model = model or self.source
        replicates, d = model.means.shape[1:]
        first = rng.random((replicates, n)) < model.weights[0][:, None]
        noise = rng.standard_normal((replicates, n, d))
        points = [
            mean[:, None, :] + np.matmul(noise, cholesky(covariance).transpose(0, 2, 1))
            for mean, covariance in zip(model.means, model.covariances, strict=True)
        ]
        return Draws(np.where(first[..., None], *points), model)

    def compose(self, sets: Sequence[Draws], taken: Sequence[np.ndarray], rng: np.random.Generator) -> Draws:
        """A uniform part of each set."""
        return Draws(selected([one.points for one in sets], taken, rng), sets[-1].writer)

    def fit(self, examples: Draws) -> Mixture:
        """A fixed number of EM steps."""
        points, mixture = examples.points, examples.writer
        for _ in range(self.settings.em_steps):
            mixture = maximised(points, responsibilities(points, mixture), self.settings.variance_floor)
        return mixture


def source(settings: GaussianMixtureSettings, replicates: int) -> Mixture:
    """Two equal unit components, half the separation to each side of the origin on the first axis."""
    d = settings.dimension
    means = np.zeros((2, replicates, d))
    means[0, :, 0], means[1, :, 0] = -settings.separation / 2, settings.separation / 2
    return Mixture(np.full((2, replicates), 0.5), means, np.broadcast_to(np.eye(d), (2, replicates, d, d)))


def responsibilities(points: np.ndarray, mixture: Mixture) -> np.ndarray:
    """Chance that each point is from the first component, shape `(replicates, n)`."""
    with np.errstate(divide="ignore"):  # A component that died out has weight 0 and log weight −∞.
        first, second = (
            np.log(weight)[:, None] + log_density(points, mean, covariance)
            for weight, mean, covariance in zip(mixture.weights, mixture.means, mixture.covariances, strict=True)
        )
    return 1 / (1 + np.exp(np.clip(second - first, -700, 700)))


def log_density(points: np.ndarray, mean: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Log density of one Gaussian per replicate, without the constant of 2π, shape `(replicates, n)`."""
    factor, whitened = cholesky(covariance), np.empty((points.shape[2], *points.shape[:2]))
    squared = np.zeros(points.shape[:2])
    for i in range(points.shape[2]):
        rest = points[:, :, i] - mean[:, None, i]
        for j in range(i):
            rest -= factor[:, i, j, None] * whitened[j]
        whitened[i] = rest / factor[:, i, i, None]
        squared += whitened[i] ** 2
    diagonal = np.einsum("rii->ri", factor)
    return -squared / 2 - np.log(diagonal).sum(axis=1)[:, None]


def maximised(points: np.ndarray, first: np.ndarray, floor: float) -> Mixture:
    """Weights, means and covariances from responsibilities.

    Args:
        points: Shape `(replicates, n, d)`.
        first: Chance of the first component, shape `(replicates, n)`.
        floor: Variance added to every component.
    """
    weights, means, covariances = [], [], []
    for share in (first, 1 - first):
        total = np.maximum(share.sum(axis=1), TINY)
        mean = np.matmul(share[:, None, :], points)[:, 0] / total[:, None]
        off = points - mean[:, None, :]
        scatter = np.matmul((off * share[..., None]).transpose(0, 2, 1), off)
        weights.append(total / points.shape[1])
        means.append(mean)
        covariances.append(scatter / total[:, None, None] + floor * np.eye(points.shape[2]))
    return Mixture(np.array(weights), np.array(means), np.array(covariances))


def sweeps(settings: GaussianMixtureSettings) -> Iterator[Sweep]:
    """Every measured generation."""
    where = (names(settings.strategies), settings.measured_generations)
    yield Sweep(METRICS[:1], *where, predicted=names(settings.strategies, gaussian.LAWS))
    yield Sweep(METRICS[1:], *where)


def simulate(settings: GaussianMixtureSettings, seed: int) -> Iterator[Observation]:
    """Yield each strategy's variances and distance from the source, where it is measured."""
    for strategy in settings.strategies:
        for generation, metric, values in collected(_chains(settings, strategy, seed)):
            yield Observation(strategy.name, generation, metric, values)


def predict(settings: GaussianMixtureSettings) -> Iterator[Prediction]:
    """Yield the expected variance of the mixture; its components have no closed form."""
    total, formula = _real_variance(settings), "as for one Gaussian: EM keeps the mean and the biased covariance"
    for strategy in settings.strategies:
        if (law := gaussian.LAWS.get(strategy.compose)) is not None:
            added = settings.variance_floor * settings.dimension / total
            expected = law(settings.samples, settings.generations, added=added).variance
            yield from by_generation(strategy.name, "variance_ratio", expected, "exact", formula, "derived")


def _chains(settings: GaussianMixtureSettings, strategy: Strategy, seed: int) -> Iterator[tuple[int, str, np.ndarray]]:
    held = settings.samples * settings.dimension * (settings.generations + 1)
    for block, replicates in blocks(settings.replicates, held, BLOCK):
        process = ExpectationMaximisation(settings, replicates)
        for generation, mixture in Chain(process, strategy, seed, replicates, block).models(settings.generations):
            if settings.is_measured(generation):
                within = _within(mixture)
                yield generation, "component_variance", within / settings.dimension
                yield generation, "variance_ratio", (within + _between(mixture)) / _real_variance(settings)
                yield generation, "density_distance", density_distance(mixture, process.source)


def density_distance(mixture: Mixture, other: Mixture) -> np.ndarray:
    """∫ (p − q)² of two mixtures, shape `(replicates,)`."""
    return _product(mixture, mixture) - 2 * _product(mixture, other) + _product(other, other)


def _product(mixture: Mixture, other: Mixture) -> np.ndarray:
    return sum(
        weight * other_weight * theory.overlap(*component, *other_component)
        for weight, *component in zip(mixture.weights, mixture.means, mixture.covariances, strict=True)
        for other_weight, *other_component in zip(other.weights, other.means, other.covariances, strict=True)
    )  # type: ignore[return-value]


def _within(mixture: Mixture) -> np.ndarray:
    """Tr Σ_k, mean over components, shape `(replicates,)`."""
    return np.einsum("kr,krii->r", mixture.weights, mixture.covariances)


def _between(mixture: Mixture) -> np.ndarray:
    """Squared distance of the components' means from their common mean, shape `(replicates,)`."""
    mean = np.einsum("kr,krd->rd", mixture.weights, mixture.means)
    return np.einsum("kr,krd->r", mixture.weights, (mixture.means - mean) ** 2)


def _real_variance(settings: GaussianMixtureSettings) -> float:
    along, across = theory.source_variance(settings.separation)
    return along + (settings.dimension - 1) * across
