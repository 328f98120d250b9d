"""Ridge on random projections, with labels of another rule among the real ones (Dohmatob et al. 2025, theorem 2).

The inputs and their labels are drawn one by one, so that the simulation does not share the closed form's shortcut.
"""

from collections.abc import Iterator

import numpy as np

from collapse.config.worlds.random_projections import RandomProjectionsSettings
from collapse.randomness import stream
from collapse.theory import random_projections as theory
from collapse.worlds import Observation, Prediction, Sweep, grid
from collapse.worlds.chain import blocks, joined
from collapse.worlds.labelled_sets import gram_factor, rule, solutions, times

METRICS = ("excess_error", "added_error")

STRATEGY = "mix"

LINE = 40
"""Places of the theory's line along the width, besides the simulated ones."""

BLOCK = 1_000_000
"""Numbers of one matrix of inputs per replicate that are held at once."""


def sweeps(settings: RandomProjectionsSettings) -> Iterator[Sweep]:
    """Every width and quality; real labels add nothing."""
    shifts = [variance for variance in settings.shift_variances if variance > 0]
    for metric, variances in zip(METRICS, (settings.shift_variances, shifts), strict=True):
        points = grid(width=settings.widths, shift_variance=variances)
        yield Sweep((metric,), (STRATEGY,), points=points, predicted=(STRATEGY,))


def simulate(settings: RandomProjectionsSettings, seed: int) -> Iterator[Observation]:
    """Yield the test error, and what the synthetic labels added to it, of each width and quality."""
    held = settings.dimension * max(settings.dimension, settings.samples)
    for width in settings.widths:
        parts = [
            _errors(settings, width, replicates, stream(seed, 0, f"m={width}/{block}"))
            for block, replicates in blocks(settings.replicates, held, BLOCK)
        ]
        clean, *mixed = joined(parts)
        for variance, error in zip(settings.shift_variances, mixed, strict=True):
            point = {"width": width, "shift_variance": variance}
            yield Observation(STRATEGY, 0, "excess_error", error, point)
            if variance > 0:
                yield Observation(STRATEGY, 0, "added_error", error - clean, point)


def _errors(settings: RandomProjectionsSettings, width: int, replicates: int, rng: np.random.Generator) -> np.ndarray:
    """‖S'v̂ − w₁‖² with real labels and with each shift, shape `(1 + shifts, replicates)`."""
    d, n = settings.dimension, settings.samples
    truth, shift = (rule(variance, replicates, d, rng) for variance in (settings.truth_variance, 1.0))
    inputs = rng.standard_normal((replicates, n, d))
    # Only S'S enters, so S' may be any factor of it, with at most d columns.
    projection = gram_factor(width, np.full(d, 1 / d), replicates, rng)
    features = inputs @ projection
    labels = times(inputs, truth) + np.sqrt(settings.noise_variance) * rng.standard_normal((replicates, n))
    departure = times(inputs, shift)
    departure[:, : n - round(settings.synthetic_fraction * n)] = 0.0
    fitted, change = (times(projection, v) for v in _ridge(features, settings.ridge, labels, departure))
    scales = np.sqrt([0.0, *settings.shift_variances])
    return np.array([((fitted + scale * change - truth) ** 2).sum(axis=1) for scale in scales])


def _ridge(features: np.ndarray, ridge: float, *labels: np.ndarray) -> list[np.ndarray]:
    """(Z'Z + nλI)⁻¹Z'y of each set of labels, solved on the smaller side of Z."""
    n, width = features.shape[1:]
    flipped = features.transpose(0, 2, 1)
    if width <= n:
        return solutions(flipped @ features + n * ridge * np.eye(width), *(times(flipped, y) for y in labels))
    dual = solutions(features @ flipped + n * ridge * np.eye(n), *labels)
    return [times(flipped, weights) for weights in dual]


def predict(settings: RandomProjectionsSettings) -> Iterator[Prediction]:
    """Yield the closed form given S, averaged over draws of S."""
    source = "derived; stands for Dohmatob et al. 2025, theorem 2"
    law = "mean over S of B + V + ζ given S, n, m, d → ∞"
    dense = np.geomspace(min(settings.widths), max(settings.widths), LINE)
    for width in sorted({*settings.widths, *(round(width) for width in dense)}):
        rng = stream(0, 0, f"theory/m={width}")
        factors = gram_factor(width, np.full(settings.dimension, 1 / settings.dimension), settings.theory_draws, rng)
        for variance in settings.shift_variances:
            terms = [
                theory.error_given_projection(
                    factor.T,
                    settings.samples,
                    settings.synthetic_fraction,
                    settings.ridge,
                    settings.noise_variance,
                    settings.truth_variance,
                    variance,
                )
                for factor in factors
            ]
            point = {"width": width, "shift_variance": variance}
            total, added = (float(np.mean(values)) for values in zip(*((t.total, t.shift) for t in terms), strict=True))
            yield Prediction(STRATEGY, 0, "excess_error", total, "asymptotic", f"E = {law}", source, point)
            if variance > 0:
                yield Prediction(STRATEGY, 0, "added_error", added, "asymptotic", f"ζ of E = {law}", source, point)
