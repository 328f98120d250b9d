"""Chains of min-norm fits with fewer examples than inputs (Dohmatob, Feng, Kempe 2024).

A fit is linear in its labels, so chains of several noise variances share their inputs, and their noise up to its scale.
"""

from collections.abc import Iterator

import numpy as np

from collapse.config.settings import Strategy
from collapse.config.worlds.overparametrised_chain import OverparametrisedChainSettings
from collapse.theory import overparametrised_chain as theory
from collapse.worlds import Observation, Prediction, Sweep, grid, names
from collapse.worlds.chain import Chain, OfExamples, blocks, joined

METRICS = ("excess_error",)

BLOCK = 4_000_000
"""Numbers of one set that are held at once."""


class MinNorm(OfExamples):
    """The process on inputs and labels, joined: shape `(replicates, n, d + K)`, with labels for each of K noises."""

    def __init__(self, settings: OverparametrisedChainSettings, replicates: int) -> None:
        self.settings, self.size, self.replicates = settings, settings.samples, replicates
        self.noise = np.sqrt(settings.noise_variances)
        d = settings.dimension
        self.truth = np.full((replicates, d, len(self.noise)), d**-0.5)

    def draw(self, model: np.ndarray | None, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draw a labelled set of `n` examples."""
        inputs = rng.standard_normal((self.replicates, n, self.settings.dimension))
        noise = rng.standard_normal((self.replicates, n, 1)) * self.noise
        return np.concatenate([inputs, inputs @ (self.truth if model is None else model) + noise], axis=2)

    def fit(self, examples: np.ndarray) -> np.ndarray:
        """Least-norm weights X'(XX')⁻¹Y, shape `(replicates, d, K)`."""
        d = self.settings.dimension
        inputs, labels = examples[..., :d], examples[..., d:]
        return inputs.transpose(0, 2, 1) @ np.linalg.solve(inputs @ inputs.transpose(0, 2, 1), labels)


def sweeps(settings: OverparametrisedChainSettings) -> Iterator[Sweep]:
    """Every generation at every noise variance."""
    predicted = names(settings.strategies, {"real", "replace"})
    points = grid(noise_variance=settings.noise_variances)
    yield Sweep(METRICS, names(settings.strategies), settings.measured_generations, points, predicted)


def simulate(settings: OverparametrisedChainSettings, seed: int) -> Iterator[Observation]:
    """Yield each fit's squared distance from the truth, by noise variance."""
    for strategy in settings.strategies:
        for generation, errors in enumerate(_errors(settings, strategy, seed)):
            for variance, error in zip(settings.noise_variances, errors, strict=True):
                yield Observation(strategy.name, generation, "excess_error", error, {"noise_variance": variance})


def _errors(settings: OverparametrisedChainSettings, strategy: Strategy, seed: int) -> np.ndarray:
    """‖ŵ − w_0‖², shape `(generations + 1, K, replicates)`."""
    parts = []
    for block, replicates in blocks(settings.replicates, settings.dimension * settings.samples, BLOCK):
        process = MinNorm(settings, replicates)
        chain = Chain(process, strategy, seed, replicates, block)
        parts.append([((model - process.truth) ** 2).sum(axis=1).T for _, model in chain.models(settings.generations)])
    return joined(parts)


def predict(settings: OverparametrisedChainSettings) -> Iterator[Prediction]:
    """Yield the exact errors of replace, and of real, whose every fit is a first one."""
    generations = np.arange(settings.generations + 1)
    for strategy in settings.strategies:
        if strategy.compose not in ("real", "replace"):
            continue
        fits = generations + 1 if strategy.compose == "replace" else np.ones_like(generations)
        n = "n" if strategy.compose == "replace" else "1"
        formula = f"E = (1 − η_0^{n}) (1 + σ_0² T_0/((d−T_0−1)(1−η_0))), η_0 = T_0/d"
        for variance in settings.noise_variances:
            errors = theory.error(settings.dimension, settings.samples, variance, fits)
            for generation, error in zip(generations, errors, strict=True):
                yield Prediction(
                    strategy.name,
                    int(generation),
                    "excess_error",
                    float(error),
                    "exact",
                    formula,
                    "derived, after Dohmatob et al. 2024",
                    {"noise_variance": variance},
                )
