"""Ridge on real labels mixed with labels of another rule (Dohmatob, Feng, Subramonian, Kempe 2025, theorem 1).

Runs on Gram matrices and moments of the real and of the synthetic part, so that its cost does not depend on n.
"""

from collections.abc import Iterator
from functools import partial
from itertools import product

import numpy as np

from collapse.config.worlds.strong_ridge import StrongRidgeSettings
from collapse.randomness import stream
from collapse.theory import strong_ridge as theory
from collapse.theory.deterministic_equivalents import spectrum, spread
from collapse.worlds import Observation, Prediction, Sweep, grid, line
from collapse.worlds.chain import in_blocks
from collapse.worlds.labelled_sets import gram, gram_factor, noise_moment, rule, solutions, times

METRICS = ("excess_error", "noise_error", "added_error", "bias_error")

STRATEGY = "mix"
PAPER = "Dohmatob et al. 2025"

BLOCK = 2_000_000
"""Numbers of one Gram matrix per replicate that are held at once."""

LINE = 40
"""Places of the theory's line along n, between the simulated ones."""


def sweeps(settings: StrongRidgeSettings) -> Iterator[Sweep]:
    """Every combination of samples, synthetic fractions and ridges; real labels add nothing, no ridge has no bias."""
    points = grid(samples=settings.samples, synthetic_fraction=settings.synthetic_fractions, ridge=settings.ridges)
    yield Sweep(METRICS[:2], (STRATEGY,), points=points, predicted=(STRATEGY,))
    for metric, parameter in zip(METRICS[2:], ("synthetic_fraction", "ridge"), strict=True):
        there = [point for point in points if point[parameter] > 0]
        yield Sweep((metric,), (STRATEGY,), points=there, predicted=(STRATEGY,))


def simulate(settings: StrongRidgeSettings, seed: int) -> Iterator[Observation]:
    """Yield the test error of each n, p₂ and λ, and what of it noise, synthetic labels and shrinking make."""
    for samples, fraction in product(settings.samples, settings.synthetic_fractions):
        run = partial(_errors, settings, samples, fraction, seed)
        errors = in_blocks(run, settings.replicates, settings.dimension**2, BLOCK)
        for ridge, (mixed, clean, noise, bias) in zip(settings.ridges, errors, strict=True):
            point = {"samples": samples, "synthetic_fraction": fraction, "ridge": ridge}
            yield Observation(STRATEGY, 0, "excess_error", mixed, point)
            yield Observation(STRATEGY, 0, "noise_error", noise, point)
            if fraction > 0:
                yield Observation(STRATEGY, 0, "added_error", mixed - clean, point)
            if ridge > 0:
                yield Observation(STRATEGY, 0, "bias_error", bias, point)


def _errors(
    settings: StrongRidgeSettings, samples: int, fraction: float, seed: int, block: int, replicates: int
) -> np.ndarray:
    """‖ŵ − w₁‖²_Σ as labelled, with real labels everywhere, of their noise alone, and without it.

    Shape `(ridges, 4, replicates)`.
    """
    rng = stream(seed, 0, f"n={samples},p2={fraction}/{block}")
    d, eigenvalues = settings.dimension, covariance(settings)
    truth, shift = (rule(variances, replicates, rng) for variances in rules(settings))
    n_synthetic = round(fraction * samples)
    total, labels, added = np.zeros((replicates, d, d)), np.zeros((replicates, d)), np.zeros((replicates, d))
    for n, departure in ((samples - n_synthetic, None), (n_synthetic, shift)):
        if n == 0:
            continue
        factor = gram_factor(n, eigenvalues, replicates, rng)
        part = gram(factor)
        total += part
        labels += times(part, truth) + noise_moment(factor, settings.noise_variance, rng)
        if departure is not None:
            added += times(part, departure)
    errors = []
    for ridge in settings.ridges:
        matrix = total + samples * ridge * np.eye(d)
        clean, change, noiseless = solutions(matrix, labels, added, times(total, truth))
        off = (clean + change - truth, clean - truth, clean - noiseless, noiseless - truth)
        errors.append([(one**2) @ eigenvalues for one in off])
    return np.array(errors)


def predict(settings: StrongRidgeSettings) -> Iterator[Prediction]:
    """Yield B + V + ζ and its terms at the simulated points and, along n, between them."""
    swept = (line(settings.samples, LINE), settings.synthetic_fractions, settings.ridges)
    for samples, fraction, ridge in product(*swept):
        terms, *how = _terms(settings, samples, fraction, ridge)
        point = {"samples": samples, "synthetic_fraction": fraction, "ridge": ridge}
        yield Prediction(STRATEGY, 0, "excess_error", terms.total, how[0], f"E = {how[1]}", how[2], point)
        if fraction > 0:
            yield Prediction(STRATEGY, 0, "added_error", terms.shift, how[0], f"ζ of E = {how[1]}", how[2], point)
        yield Prediction(STRATEGY, 0, "noise_error", terms.variance, how[0], f"V of E = {how[1]}", how[2], point)
        if ridge > 0:
            yield Prediction(STRATEGY, 0, "bias_error", terms.bias, how[0], f"B of E = {how[1]}", how[2], point)


def _terms(
    settings: StrongRidgeSettings, samples: float, fraction: float, ridge: float
) -> tuple[theory.Terms, str, str, str]:
    eigenvalues, (truth, shift) = covariance(settings), rules(settings)
    if ridge == 0:
        n_synthetic, quality = fraction * samples, float(shift @ eigenvalues)
        exact = theory.ridgeless_terms(
            samples - n_synthetic, n_synthetic, settings.dimension, settings.noise_variance, quality
        )
        return exact, "exact", "σ²d/(n−d−1) + (c²/d) E tr(B S⁻¹B S)", f"derived; {PAPER}, corollary 1, is its limit"
    terms = theory.ridge_terms(eigenvalues, truth, shift, samples, fraction, ridge, settings.noise_variance)
    return terms, "asymptotic", "B + V + ζ, d, n → ∞ at fixed d/n", f"{PAPER}, theorem 1"


def covariance(settings: StrongRidgeSettings) -> np.ndarray:
    """Eigenvalues of Σ, shape `(d,)`."""
    return spectrum("power_law", settings.dimension, settings.capacity_exponent)


def rules(settings: StrongRidgeSettings) -> tuple[np.ndarray, np.ndarray]:
    """Diagonals of Γ and Δ in the basis of Σ, each of shape `(d,)`."""
    return (
        spread(settings.truth_variance, settings.dimension, settings.truth_exponent),
        spread(settings.shift_variance, settings.dimension, settings.shift_exponent),
    )
