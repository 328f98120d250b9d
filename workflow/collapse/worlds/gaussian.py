"""Chains of fitted Gaussians (Shumailov et al. 2024; Kazdan et al. 2025).

Where every set is taken whole, a set is its mean and scatter, drawn directly: exact, and no data. Where parts of sets
are taken, the chain keeps the draws.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from collapse.config.settings import Strategy
from collapse.config.worlds.gaussian import GaussianSettings
from collapse.theory import gaussian as theory
from collapse.worlds import Observation, Prediction, Sweep, by_generation, names
from collapse.worlds.chain import Chain, OfExamples, Process, blocks, joined, takes_whole_sets
from collapse.worlds.linear_algebra import cholesky, wishart_factor

METRICS = ("variance_ratio", "mean_shift", "draw_variance", "log_variance_ratio", "squared_wasserstein")

BLOCK = 1_000_000
"""Numbers of all sets that are held at once."""


@dataclass(frozen=True)
class Fitted:
    """A Gaussian per replicate.

    Attributes:
        mean: Shape `(replicates, d)`.
        factor: L with Σ = LL', shape `(replicates, d, d)`.
    """

    mean: np.ndarray
    factor: np.ndarray


@dataclass(frozen=True)
class Summary:
    """A set of draws as its sufficient statistics.

    Attributes:
        n: Draws in the set.
        mean: Their mean, shape `(replicates, d)`.
        factor: F, with scatter FF' about the mean, shape `(replicates, d, d)`.
        scatter: FF', shape `(replicates, d, d)`.
    """

    n: int
    mean: np.ndarray
    factor: np.ndarray
    scatter: np.ndarray


class SufficientStatistics:
    """The process on means and scatters: independent, and the scatter of n draws is Wishart with n − 1 degrees."""

    def __init__(self, settings: GaussianSettings, replicates: int) -> None:
        self.settings, self.size = settings, settings.samples
        self.source = _source(settings, replicates)

    def draw(self, model: Fitted | None, n: int, rng: np.random.Generator) -> Summary:
        """Draw a set of `n`."""
        model = model or self.source
        replicates, d = model.mean.shape
        noise = rng.standard_normal((replicates, d)) / np.sqrt(n)
        mean = model.mean + np.einsum("rij,rj->ri", model.factor, noise)
        factor = np.matmul(model.factor, wishart_factor(n - 1, d, replicates, rng))
        return Summary(n, mean, factor, np.matmul(factor, factor.transpose(0, 2, 1)))

    def compose(self, sets: Sequence[Summary], taken: Sequence[np.ndarray], rng: np.random.Generator) -> Summary:
        """Pool whole sets: scatters add, and the distances between their means."""
        if len(sets) == 1:
            return sets[0]  # Its factor is known; that of a sum has to be found.
        n = sum(one.n for one in sets)
        mean, scatter = np.zeros_like(sets[0].mean), np.zeros_like(sets[0].scatter)
        for one in sets:
            mean += one.mean * (one.n / n)
        for one in sets:
            off = one.mean - mean
            scatter += one.scatter
            scatter += one.n * off[:, :, None] * off[:, None, :]
        return Summary(n, mean, cholesky(scatter), scatter)

    def fit(self, examples: Summary) -> Fitted:
        """Mean and covariance."""
        return Fitted(examples.mean, examples.factor / np.sqrt(examples.n - _ddof(self.settings)))


class Examples(OfExamples):
    """The process on draws, shape `(replicates, n, d)`."""

    def __init__(self, settings: GaussianSettings, replicates: int) -> None:
        self.settings, self.size = settings, settings.samples
        self.source = _source(settings, replicates)

    def draw(self, model: Fitted | None, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draw a set of `n`."""
        model = model or self.source
        noise = rng.standard_normal((len(model.mean), n, self.settings.dimension))
        return model.mean[:, None, :] + np.matmul(noise, model.factor.transpose(0, 2, 1))

    def fit(self, examples: np.ndarray) -> Fitted:
        """Mean and covariance."""
        mean = examples.mean(axis=1)
        off = examples - mean[:, None, :]
        covariance = np.matmul(off.transpose(0, 2, 1), off) / (examples.shape[1] - _ddof(self.settings))
        return Fitted(mean, cholesky(covariance))


def sweeps(settings: GaussianSettings) -> Iterator[Sweep]:
    """Every generation; the distance from the source in one dimension only."""
    where = (names(settings.strategies), settings.measured_generations)
    yield Sweep(METRICS[:3], *where, predicted=names(settings.strategies, theory.LAWS))
    line = names(settings.strategies, {"replace"}) if settings.dimension == 1 else ()
    yield Sweep(METRICS[3:4], *where, predicted=line)
    if settings.dimension == 1:
        yield Sweep(METRICS[4:], *where, predicted=line)


def simulate(settings: GaussianSettings, seed: int) -> Iterator[Observation]:
    """Yield each strategy's fitted variance and shift, and in one dimension its distance from the source."""
    for strategy in settings.strategies:
        for generation, (variance, shift) in enumerate(zip(*moments(settings, strategy, seed), strict=True)):
            values = {"variance_ratio": variance, "mean_shift": shift, "draw_variance": variance + shift}
            values["log_variance_ratio"] = np.log(variance)
            if settings.dimension == 1:
                values["squared_wasserstein"] = shift + (np.sqrt(variance) - 1) ** 2
            for metric, value in values.items():
                yield Observation(strategy.name, generation, metric, value)


def moments(settings: GaussianSettings, strategy: Strategy, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Tr Σ_g / d and ‖μ_g‖² / d of every generation and replicate, each of shape `(generations + 1, replicates)`."""
    d = settings.dimension
    held = (2 * d * d + d if takes_whole_sets(strategy) else d * settings.samples) * (settings.generations + 1)
    chains = (
        Chain(_process(settings, strategy, replicates), strategy, seed, replicates, block)
        for block, replicates in blocks(settings.replicates, held, BLOCK)
    )
    found = joined(
        [
            ((model.factor**2).sum(axis=(1, 2)) / d, (model.mean**2).sum(axis=1) / d)
            for _, model in chain.models(settings.generations)
        ]
        for chain in chains
    )
    return found[:, 0], found[:, 1]


def predict(settings: GaussianSettings) -> Iterator[Prediction]:
    """Yield the expected moments, where a strategy has a closed form."""
    for strategy in settings.strategies:
        if (law := theory.LAWS.get(strategy.compose)) is not None:
            expected = law(settings.samples, settings.generations, _ddof(settings))
            yield from _lines(settings, strategy, "variance_ratio", expected.variance)
            yield from _lines(settings, strategy, "mean_shift", expected.shift)
            yield from _lines(settings, strategy, "draw_variance", expected.variance + expected.shift)
        if strategy.compose == "replace" and settings.dimension == 1:
            common = (settings.samples, settings.generations, _ddof(settings))
            yield from _lines(settings, strategy, "log_variance_ratio", theory.log_variance(*common))
            yield from _lines(settings, strategy, "squared_wasserstein", theory.squared_wasserstein(*common))


def _lines(settings: GaussianSettings, strategy: Strategy, metric: str, values: np.ndarray) -> Iterator[Prediction]:
    formula, source = _FORMULAS.get((strategy.compose, settings.variance, metric), _RECURSION)
    return by_generation(strategy.name, metric, values, "exact", formula, source)


_SHUMAILOV = "Shumailov et al. 2024, theorem of the one-dimensional Gaussian"
_RECURSION = ("linear recursion of E Tr Σ_g and E‖μ_g‖²", "derived")
_FORMULAS = {
    ("replace", "biased", "variance_ratio"): ("E Tr Σ_g / Tr Σ_0 = (1 − 1/N)^(g+1)", "derived"),
    ("replace", "biased", "mean_shift"): ("E‖μ_g − μ_0‖² / Tr Σ_0 = 1 − (1 − 1/N)^(g+1)", "derived"),
    ("replace", "biased", "draw_variance"): ("E(X_g − μ_0)² / σ_0² = 1", "derived"),
    ("replace", "unbiased", "variance_ratio"): ("E Tr Σ_g / Tr Σ_0 = 1", "derived"),
    ("replace", "unbiased", "mean_shift"): ("E‖μ_g − μ_0‖² / Tr Σ_0 = (g+1)/N", _SHUMAILOV),
    ("replace", "unbiased", "draw_variance"): ("Var(X_g) / σ_0² = 1 + (g+1)/N", _SHUMAILOV),
    ("accumulate", "biased", "variance_ratio"): ("E Tr Σ_g / Tr Σ_0 = Π_{j≤g+1} (1 − 1/(N j²))", "derived"),
    ("accumulate", "biased", "mean_shift"): ("E‖μ_g − μ_0‖² / Tr Σ_0 = 1 − Π_{j≤g+1} (1 − 1/(N j²))", "derived"),
    ("accumulate", "biased", "draw_variance"): ("E(X_g − μ_0)² / σ_0² = 1", "derived"),
    **{
        ("replace", variance, "log_variance_ratio"): (
            f"E ln σ_g²/σ_0² = (g+1)(ψ((N−1)/2) + ln 2 − ln({divisor}))",
            "derived",
        )
        for variance, divisor in (("biased", "N"), ("unbiased", "N−1"))
    },
    **{
        ("replace", variance, "squared_wasserstein"): (
            "E(μ_g−μ_0)² + E(σ_g−σ_0)², exact; 3(g+1)/(2N) to first order",
            f"derived, after {_SHUMAILOV}",
        )
        for variance in ("biased", "unbiased")
    },
}


def _process(settings: GaussianSettings, strategy: Strategy, replicates: int) -> Process:
    return (SufficientStatistics if takes_whole_sets(strategy) else Examples)(settings, replicates)


def _source(settings: GaussianSettings, replicates: int) -> Fitted:
    d = settings.dimension
    return Fitted(np.zeros((replicates, d)), np.broadcast_to(np.eye(d), (replicates, d, d)))


def _ddof(settings: GaussianSettings) -> int:
    return 0 if settings.variance == "biased" else 1
