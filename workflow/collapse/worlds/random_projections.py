"""Ridge on random projections, with labels of another rule among the real ones (Dohmatob et al. 2025, theorem 2).

The inputs and their labels are drawn one by one, so that the simulation does not share the closed form's shortcut.
"""

from collections.abc import Iterator
from functools import partial

import numpy as np

from collapse.config.worlds.random_projections import RandomProjectionsSettings
from collapse.randomness import stream
from collapse.theory import random_projections as theory
from collapse.theory.deterministic_equivalents import spectrum, spread
from collapse.worlds import Observation, Prediction, Sweep, grid, line
from collapse.worlds.chain import in_blocks
from collapse.worlds.labelled_sets import gram_factor, rule, solutions, times

METRICS = ("excess_error", "noise_error", "bias_error", "added_error")

STRATEGY = "mix"
SOURCE = "derived; stands for Dohmatob et al. 2025, theorem 2"
LAW = "mean over S of B + V + ζ given S, n, m, d → ∞"

LINE = 40
"""Places of the theory's line along the width, besides the simulated ones."""

BLOCK = 1_000_000
"""Numbers of one matrix of inputs per replicate that are held at once."""


def sweeps(settings: RandomProjectionsSettings) -> Iterator[Sweep]:
    """Every width and quality; real labels add nothing."""
    shifts = [variance for variance in settings.shift_variances if variance > 0]
    for metrics, variances in ((METRICS[:3], settings.shift_variances), (METRICS[3:], shifts)):
        points = grid(width=settings.widths, shift_variance=variances)
        yield Sweep(metrics, (STRATEGY,), points=points, predicted=(STRATEGY,))


def simulate(settings: RandomProjectionsSettings, seed: int) -> Iterator[Observation]:
    """Yield the test error of each width and quality, and what of it noise, synthetic labels and all else make."""
    held = settings.dimension * max(settings.dimension, settings.samples)
    for width in settings.widths:
        run = partial(_errors, settings, width, seed)
        noise, bias, clean, *mixed = in_blocks(run, settings.replicates, held, BLOCK)
        for variance, error in zip(settings.shift_variances, mixed, strict=True):
            point = {"width": width, "shift_variance": variance}
            for metric, values in zip(METRICS, (error, noise, bias, error - clean), strict=True):
                if metric != "added_error" or variance > 0:
                    yield Observation(STRATEGY, 0, metric, values, point)


def _errors(settings: RandomProjectionsSettings, width: int, seed: int, block: int, replicates: int) -> np.ndarray:
    """‖S'v̂ − w₁‖²_Σ of noise, without it, of real labels and of each shift, shape `(3 + shifts, replicates)`."""
    rng = stream(seed, 0, f"m={width}/{block}")
    d, n, eigenvalues = settings.dimension, settings.samples, _covariance(settings)
    truth, shift = (rule(variances, replicates, rng) for variances in _rules(settings))
    inputs = np.sqrt(eigenvalues) * rng.standard_normal((replicates, n, d))
    # Only S'S enters, so S' may be any factor of it, with at most d columns.
    projection = gram_factor(width, np.full(d, 1 / d), replicates, rng)
    noise = np.sqrt(settings.noise_variance) * rng.standard_normal((replicates, n))
    departure = times(inputs, shift)
    departure[:, : n - round(settings.synthetic_fraction * n)] = 0.0
    labels = (times(inputs, truth) + noise, departure, noise)
    fitted, change, scatter = (times(projection, v) for v in _ridge(inputs @ projection, settings.ridge, *labels))
    scales = np.sqrt([0.0, *settings.shift_variances])
    off = [scatter, fitted - scatter - truth, *(fitted + scale * change - truth for scale in scales)]
    return np.array([(one**2 * eigenvalues).sum(axis=1) for one in off])


def _covariance(settings: RandomProjectionsSettings) -> np.ndarray:
    """Eigenvalues of Σ, shape `(d,)`."""
    return spectrum("power_law", settings.dimension, settings.capacity_exponent)


def _rules(settings: RandomProjectionsSettings) -> tuple[np.ndarray, np.ndarray]:
    """Diagonals of Γ and of Δ/c² in the basis of Σ, each of shape `(d,)`."""
    return (
        spread(settings.truth_variance, settings.dimension, settings.truth_exponent),
        spread(1.0, settings.dimension, settings.shift_exponent),
    )


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
    for width in line(settings.widths, LINE):
        noise, bias, added = _terms(settings, int(width))
        for variance in settings.shift_variances:
            point, shifted = {"width": width, "shift_variance": variance}, variance * added
            parts = (("E", noise + bias + shifted), ("V of E", noise), ("B of E", bias), ("ζ of E", shifted))
            for metric, (name, value) in zip(METRICS, parts, strict=True):
                if metric != "added_error" or variance > 0:
                    yield Prediction(STRATEGY, 0, metric, value, "asymptotic", f"{name} = {LAW}", SOURCE, point)


def _terms(settings: RandomProjectionsSettings, width: int) -> tuple[float, float, float]:
    """V, B and ζ/c²."""
    rng, d = stream(0, 0, f"theory/m={width}"), settings.dimension
    terms = []
    for factor in gram_factor(width, np.full(d, 1 / d), settings.theory_draws, rng):
        seen = theory.projected(factor.T, _covariance(settings), *_rules(settings))
        how = (settings.samples, settings.synthetic_fraction, settings.ridge, settings.noise_variance)
        given = theory.error_given_projection(seen, *how)
        terms.append((given.variance, given.bias, given.shift))
    noise, bias, shift = np.mean(terms, axis=0).tolist()
    return noise, bias, shift
