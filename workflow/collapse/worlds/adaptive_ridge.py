"""Students of generated labels with a ridge for real labels, or the ridge they need (Dohmatob et al. 2024, section 5).

Each student's covariance is decomposed once, which leaves λ free: the sweep, both choices of λ, and the best λ of each
replicate come from the same fit. Coordinates and generators are those of `ridge_chain`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np

from collapse.config.worlds.adaptive_ridge import AdaptiveRidgeSettings
from collapse.config.worlds.linear_regression import LinearRegressionSettings
from collapse.randomness import stream
from collapse.theory import adaptive_ridge as theory
from collapse.theory.deterministic_equivalents import spectrum
from collapse.theory.ridge_chain import Source, student_error
from collapse.worlds import Observation, Prediction, Sweep, grid, names
from collapse.worlds.chain import joined_by_key
from collapse.worlds.ridge_chain import (
    StudentData,
    generator_shifts,
    generators,
    replicate_blocks,
    student_data,
)

METRICS = ("excess_error", "clean_ridge_error", "adaptive_ridge_error", "optimal_ridge")

PAPER = "Dohmatob et al. 2024, section 5"

SEARCH_STEPS = 48
"""Steps, even on a logarithmic axis, in which a replicate's best λ is looked for from end to end of the sweep."""

THEORY_STEPS = 4
"""Predicted points from each simulated point of a sweep to the next, so that lines are smooth."""

Key = tuple[str, str, int, int, float | None]
"""Strategy, metric, generation, samples, ridge."""


@dataclass(frozen=True)
class Decomposed:
    """Students' data in the eigenbasis of their own sample covariance, in the coordinates of w.

    Attributes:
        values: Eigenvalues s of X'X/T, shape `(replicates, d)`.
        back: Σ^{1/2} V, from that basis to Σ^{1/2} w, shape `(replicates, d, d)`.
        truth: V'w_0, shape `(replicates, d, 1)`.
        pushed: V'(X'X/T (ŵ_n − w_0) + X'ε/T) of each generation, shape `(replicates, d, generations)`.
    """

    values: np.ndarray
    back: np.ndarray
    truth: np.ndarray
    pushed: np.ndarray

    def errors(self, ridges: np.ndarray) -> np.ndarray:
        """Excess errors, shape `(ridges, generations, replicates)`; ŵ − w_0 = V (s + λ)⁻¹ (pushed − λ V'w_0)."""
        n_replicates, d, n_generations = self.pushed.shape
        numerator = self.pushed[:, :, None, :] - ridges[:, None] * self.truth[..., None]
        offsets = numerator / (self.values[:, :, None, None] + ridges[:, None])
        squared = (self.back @ offsets.reshape(n_replicates, d, -1)) ** 2
        return squared.sum(axis=1).reshape(n_replicates, len(ridges), n_generations).transpose(1, 2, 0)


def decomposed(data: StudentData, source: Source, shifts: np.ndarray) -> Decomposed:
    """Decompose students' sample covariance.

    Args:
        data: What they learn from, in the coordinates Σ^{1/2} w.
        source: Σ and w_0.
        shifts: Σ^{1/2}(ŵ_n − w_0) of each generation, shape `(replicates, d, generations)`.
    """
    root = np.sqrt(source.eigenvalues)
    values, vectors = np.linalg.eigh(root[:, None] * data.gram * root)
    pushed = root[:, None] * (data.gram @ shifts + data.noise[..., None])
    onto = vectors.transpose(0, 2, 1)
    truth = onto @ np.sqrt(source.squared_weights)
    return Decomposed(np.maximum(values, 0), root[:, None] * vectors, truth[..., None], onto @ pushed)


def sweeps(settings: AdaptiveRidgeSettings) -> Iterator[Sweep]:
    """Errors over the ridge; those of both choices of λ, and the best λ, by samples alone."""
    where = (names(settings.strategies), settings.measured_generations)
    predicted = names(settings.strategies, {"replace"})
    yield Sweep(METRICS[:1], *where, grid(samples=settings.samples, ridge=settings.ridges), predicted)
    yield Sweep(METRICS[1:], *where, grid(samples=settings.samples), predicted)


def simulate(settings: AdaptiveRidgeSettings, seed: int) -> Iterator[Observation]:
    """Yield errors over the sweep, errors of both choices of λ, and the best λ, by samples and generation."""
    chain = generators(
        settings.dimension,
        settings.generator_samples,
        settings.generator_noise_variance,
        settings.generations,
        settings.strategies,
    )
    chosen = {samples: _chosen(settings, samples) for samples in settings.samples}
    parts = [_block(settings, chain, chosen, seed, *block) for block in replicate_blocks(settings.replicates, chain)]
    for (strategy, metric, generation, samples, ridge), values in joined_by_key(parts).items():
        point = {"samples": float(samples)} | ({} if ridge is None else {"ridge": ridge})
        yield Observation(strategy, generation, metric, values, point)


def _block(
    settings: AdaptiveRidgeSettings,
    chain: LinearRegressionSettings,
    chosen: dict[int, np.ndarray],
    seed: int,
    block: int,
    replicates: int,
) -> dict[Key, np.ndarray]:
    source, found = _source(settings), dict[Key, np.ndarray]()
    for strategy in settings.strategies:
        shifts = generator_shifts(chain, strategy, seed, replicates, block)[..., list(settings.measured)]
        for samples, ridges in chosen.items():
            rng = stream(seed, 0, f"student of {samples}/{block}")
            data = student_data(samples, settings.dimension, settings.noise_variance, replicates, rng)
            found |= _measured(settings, strategy.name, samples, decomposed(data, source, shifts), ridges)
    return found


def _chosen(settings: AdaptiveRidgeSettings, samples: int) -> np.ndarray:
    """The λ for real labels, then those that theory finds best for each measured generation."""
    best = [theory.optimal_ridge(_source(settings), samples, n) for n in settings.measured]
    return np.array([_clean_ridge(settings, samples), *best])


def _measured(
    settings: AdaptiveRidgeSettings, strategy: str, samples: int, student: Decomposed, chosen: np.ndarray
) -> dict[Key, np.ndarray]:
    search = np.geomspace(settings.ridges[0], settings.ridges[-1], SEARCH_STEPS + 1)
    n_swept, n_chosen = len(settings.ridges), len(chosen)
    errors = student.errors(np.concatenate([settings.ridges, chosen, search]))
    best = search[errors[n_swept + n_chosen :].argmin(axis=0)]
    found: dict[Key, np.ndarray] = {}
    for i, generation in enumerate(settings.measured):
        for ridge, error in zip(settings.ridges, errors[:, i], strict=False):
            found[strategy, "excess_error", generation, samples, ridge] = error
        found[strategy, "clean_ridge_error", generation, samples, None] = errors[n_swept, i]
        found[strategy, "adaptive_ridge_error", generation, samples, None] = errors[n_swept + 1 + i, i]
        found[strategy, "optimal_ridge", generation, samples, None] = best[i]
    return found


def predict(settings: AdaptiveRidgeSettings) -> Iterator[Prediction]:
    """Yield the deterministic equivalents under replace, at the simulated points and between them."""
    for strategy in settings.strategies:
        if strategy.compose == "replace":
            for generation in settings.measured:
                yield from _sweep(settings, strategy.name, generation)
                yield from _choices(settings, strategy.name, generation)


def _sweep(settings: AdaptiveRidgeSettings, strategy: str, n: int) -> Iterator[Prediction]:
    source, formula = _source(settings), "E_n = B + V + n σ_0² ρ, d, T → ∞"
    for samples, ridge in product(settings.samples, _between(settings.ridges)):
        error, point = student_error(source, samples, ridge, n), {"samples": float(samples), "ridge": ridge}
        yield Prediction(strategy, n, "excess_error", error, "asymptotic", formula, PAPER, point)


def _choices(settings: AdaptiveRidgeSettings, strategy: str, n: int) -> Iterator[Prediction]:
    source = _source(settings)
    for samples in _between(settings.samples):
        clean, best = _clean_ridge(settings, samples), theory.optimal_ridge(source, samples, n)
        predicted = (
            ("clean_ridge_error", student_error(source, samples, clean, n), "E_n at λ = T^{−l*}, d, T → ∞"),
            ("adaptive_ridge_error", student_error(source, samples, best, n), "min_λ E_n, d, T → ∞"),
            ("optimal_ridge", best, "argmin_λ E_n, d, T → ∞"),
        )
        for metric, value, formula in predicted:
            yield Prediction(strategy, n, metric, value, "asymptotic", formula, PAPER, {"samples": samples})


def _between(values: Sequence[float]) -> list[float]:
    """The values, and places between each and the next, evenly on a logarithmic axis."""
    places = [np.geomspace(low, high, THEORY_STEPS, endpoint=False) for low, high in pairwise(values)]
    return [*(float(place) for place in np.concatenate(places)), float(values[-1])]


def _clean_ridge(settings: AdaptiveRidgeSettings, samples: float) -> float:
    return theory.clean_ridge(samples, settings.capacity_exponent, settings.source_exponent)


def _source(settings: AdaptiveRidgeSettings) -> Source:
    eigenvalues = spectrum("power_law", settings.dimension, settings.capacity_exponent)
    return Source(
        eigenvalues=eigenvalues,
        squared_weights=theory.squared_weights(eigenvalues, settings.capacity_exponent, settings.source_exponent),
        noise_variance=settings.noise_variance,
        generator_samples=settings.generator_samples,
        generator_noise_variance=settings.generator_noise_variance,
    )
