"""Reweighted and iterated mixing of real and synthetic labels (Dohmatob et al. 2025, corollaries 2 and 3).

The rounds of `iterate` are a swept parameter and no generations: its first synthetic labels are those of a poor rule,
not of a fit on real data. Later rounds relabel the same inputs, and the real part stays: with new real labels it would
be better than the real half alone, which the paper says it is not. The true rule is 0 without loss.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from collapse.config.worlds.mixing_schemes import MixingSchemesSettings
from collapse.randomness import stream
from collapse.theory import mixing_schemes as theory
from collapse.theory.deterministic_equivalents import spread
from collapse.theory.linear_regression import base_error
from collapse.worlds import Observation, Point, Prediction, Sweep, grid
from collapse.worlds.chain import blocks, joined
from collapse.worlds.labelled_sets import gram, gram_factor, noise_moment, rule, solutions, times

METRICS = ("excess_error", "relative_error")

BLOCK = 2_000_000
"""Numbers of one Gram matrix per replicate that are held at once."""

PAPER = "Dohmatob et al. 2025"


@dataclass(frozen=True)
class Part:
    """Inputs of one origin.

    Attributes:
        n: How many.
        factor: F with FF' = X'X, shape `(replicates, d, d)`.
        gram: X'X, shape `(replicates, d, d)`.
        noise: X'ε, shape `(replicates, d)`.
    """

    n: int
    factor: np.ndarray
    gram: np.ndarray
    noise: np.ndarray


def sweeps(settings: MixingSchemesSettings) -> Iterator[Sweep]:
    """Every weight of `reweight`, and every round of the other schemes; the scheme stands for the strategy."""
    weighted = grid(samples=settings.samples, synthetic_weight=settings.synthetic_weights)
    yield Sweep(METRICS, ("reweight",), points=weighted, predicted=("reweight",))
    rounds, schemes = grid(samples=settings.samples, round=range(settings.rounds + 1)), ("iterate", "real", "clean")
    yield Sweep(METRICS, schemes, points=rounds, predicted=schemes)


def simulate(settings: MixingSchemesSettings, seed: int) -> Iterator[Observation]:
    """Yield the test error of each scheme, over the noise floor and over that of n real labels."""
    for samples in settings.samples:
        n_synthetic = round(settings.synthetic_fraction * samples)
        reweighted, rounds = [], []
        for block, replicates in blocks(settings.replicates, settings.dimension**2, BLOCK):
            rng = stream(seed, 0, f"n={samples}/{block}")
            shift = rule(spread(settings.shift_variance, settings.dimension, 0), replicates, rng)
            real, synthetic = (_part(settings, n, replicates, rng) for n in (samples - n_synthetic, n_synthetic))
            reweighted.append(_reweighted(settings, real, synthetic, shift))
            rounds.append(_rounds(settings, real, synthetic, shift, rng))
        for weight, errors in zip(settings.synthetic_weights, joined(reweighted), strict=True):
            point = {"samples": float(samples), "synthetic_weight": weight}
            yield from _observed(settings, "reweight", errors, point)
        for turn, errors in enumerate(joined(rounds)):
            for strategy, error in zip(("iterate", "real", "clean"), errors, strict=True):
                yield from _observed(settings, strategy, error, {"samples": float(samples), "round": float(turn)})


def _part(settings: MixingSchemesSettings, n: int, replicates: int, rng: np.random.Generator) -> Part:
    factor = gram_factor(n, np.ones(settings.dimension), replicates, rng)
    return Part(n, factor, gram(factor), noise_moment(factor, settings.noise_variance, rng))


def _reweighted(settings: MixingSchemesSettings, real: Part, synthetic: Part, shift: np.ndarray) -> np.ndarray:
    """Squared errors by weight, shape `(weights, replicates)`."""
    moment = times(synthetic.gram, shift) + synthetic.noise
    errors = []
    for weight in settings.synthetic_weights:
        by_real, by_synthetic = (1 - weight) / real.n, weight / synthetic.n
        matrix = by_real * real.gram + by_synthetic * synthetic.gram
        (error,) = solutions(matrix, by_real * real.noise + by_synthetic * moment)
        errors.append((error**2).sum(axis=1))
    return np.array(errors)


def _rounds(
    settings: MixingSchemesSettings, real: Part, synthetic: Part, shift: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Squared errors of `iterate`, `real` and `clean` by round, shape `(rounds + 1, 3, replicates)`."""
    total = real.gram + synthetic.gram
    (real_only,) = solutions(real.gram, real.noise)
    labeller, noise, errors = shift, synthetic.noise, []
    for _ in range(settings.rounds + 1):
        labeller, clean = solutions(
            total, times(synthetic.gram, labeller) + noise + real.noise, real.noise + synthetic.noise
        )
        errors.append([(error**2).sum(axis=1) for error in (labeller, real_only, clean)])
        noise = noise_moment(synthetic.factor, settings.noise_variance, rng)
    return np.array(errors)


def _observed(settings: MixingSchemesSettings, strategy: str, error: np.ndarray, point: Point) -> Iterator[Observation]:
    base = base_error(settings.noise_variance, settings.dimension, int(point["samples"]))
    yield Observation(strategy, 0, "excess_error", error, point)
    yield Observation(strategy, 0, "relative_error", error / base, point)


def predict(settings: MixingSchemesSettings) -> Iterator[Prediction]:
    """Yield the constants behind the paper's rates, and the exact error of fits on real labels."""
    for samples in settings.samples:
        yield from _reweighted_predictions(settings, samples)
        yield from _round_predictions(settings, samples)


def _reweighted_predictions(settings: MixingSchemesSettings, samples: int) -> Iterator[Prediction]:
    law, source = "E = s²c² + spread, n → ∞; s²c² → α²c²", f"derived; {PAPER}, corollary 2, has the floor"
    for weight in settings.synthetic_weights:
        error = theory.reweighted_error(weight, *_sizes(settings, samples))
        point = {"samples": float(samples), "synthetic_weight": weight}
        yield from _predicted(settings, "reweight", error, ("asymptotic", law, source), point)


def _round_predictions(settings: MixingSchemesSettings, samples: int) -> Iterator[Prediction]:
    n_real = samples - round(settings.synthetic_fraction * samples)
    law = "E_t = (c²/d) E tr(B^k S⁻¹B^k S) + σ²d/(n−d−1) m(…), k = t + 1, d → ∞"
    iterated = ("asymptotic", law, f"derived; {PAPER}, corollary 3, has the rate")
    exact = [
        (strategy, base_error(settings.noise_variance, settings.dimension, n), ("exact", law, "derived, E tr (X'X)⁻¹"))
        for strategy, n, law in (("real", n_real, "E = σ²d/(n₁−d−1)"), ("clean", samples, "E = σ²d/(n−d−1)"))
    ]
    for turn, error in enumerate(theory.iterated_error(settings.rounds, *_sizes(settings, samples))):
        point = {"samples": float(samples), "round": float(turn)}
        for strategy, value, how in (("iterate", float(error), iterated), *exact):
            yield from _predicted(settings, strategy, value, how, point)


def _predicted(
    settings: MixingSchemesSettings, strategy: str, error: float, how: tuple[str, str, str], point: Point
) -> Iterator[Prediction]:
    base = base_error(settings.noise_variance, settings.dimension, int(point["samples"]))
    yield Prediction(strategy, 0, "excess_error", error, *how, point)
    yield Prediction(strategy, 0, "relative_error", error / base, *how, point)


def _sizes(settings: MixingSchemesSettings, samples: int) -> tuple[int, int, int, float, float]:
    n_synthetic = round(settings.synthetic_fraction * samples)
    return (
        samples - n_synthetic,
        n_synthetic,
        settings.dimension,
        settings.noise_variance,
        settings.shift_variance,
    )
