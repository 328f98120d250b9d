"""Least squares on labels of a linear generator that a linear verifier kept (Feng et al. 2024, the simulation).

The errors of a linear generator fill a wedge, so accuracy changes smoothly with its angle: there is no jump.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import product

import numpy as np

from collapse.config.worlds.linear_verification import RESERVED, LinearVerificationSettings
from collapse.randomness import stream
from collapse.theory import linear_verification as theory
from collapse.theory.deterministic_equivalents import spectrum
from collapse.theory.verification import accuracy, breakdown_point
from collapse.worlds import Observation, Prediction, Sweep, grid, line
from collapse.worlds.chain import in_blocks
from collapse.worlds.plane_fits import student

METRICS = ("accuracy", "breakdown_proxy")

BLOCK = 500_000
"""Inputs that are held at once."""

LINE = 40
"""Places of the theory's line along the generator's angle, besides the simulated ones."""

PAPER = "Feng et al. 2024"


def sweeps(settings: LinearVerificationSettings) -> Iterator[Sweep]:
    """Every number of samples and generator; the verifier stands for the strategy."""
    points = grid(samples=settings.samples, generator_angle=settings.generator_angles)
    verifiers = [verifier.name for verifier in settings.verifiers]
    yield Sweep(METRICS[:1], [RESERVED, *verifiers], points=points, predicted=[RESERVED, *verifiers])
    yield Sweep(METRICS[1:], verifiers, points=points, predicted=verifiers)


def simulate(settings: LinearVerificationSettings, seed: int) -> Iterator[Observation]:
    """Yield the student's accuracy under each verifier and under true labels, and the verifier's estimated p*."""
    found = in_blocks(partial(_outcomes, settings, seed), settings.replicates, max(settings.samples), BLOCK)
    for case, values in zip(_cases(settings), found, strict=True):
        angle, (name, _), samples = case
        point = {"samples": samples, "generator_angle": angle}
        yield Observation(name, 0, "accuracy", values[0], point)
        if name != RESERVED:
            yield Observation(name, 0, "breakdown_proxy", values[1], point)


def _cases(settings: LinearVerificationSettings) -> list[tuple[float, tuple[str, float | None], int]]:
    verifiers = [(RESERVED, None), *((verifier.name, verifier.angle) for verifier in settings.verifiers)]
    return list(product(settings.generator_angles, verifiers, settings.samples))


def _outcomes(settings: LinearVerificationSettings, seed: int, block: int, replicates: int) -> np.ndarray:
    """Accuracy and p̂* of every case, shape `(angles · verifiers · samples, 2, replicates)`."""
    rng = stream(seed, 0, f"inputs/{block}")
    inputs = rng.standard_normal((3, replicates, max(settings.samples)))
    # The class only moves the mean, and a second class is the first one mirrored, label and verdict included.
    inputs[0] += settings.separation
    roots, outcomes = np.sqrt(_eigenvalues(settings)), []
    for angle, (name, verifier_angle) in product(settings.generator_angles, _verifiers(settings)):
        turned = inputs * np.sign(_view(inputs, 0.0 if name == RESERVED else angle, 1, roots))
        kept = None if verifier_angle is None else _view(turned, verifier_angle, 2, roots) > 0
        for samples, gram in zip(settings.samples, _grams(turned, kept, settings.samples), strict=True):
            weights, across = student(gram, settings.dimension, stream(seed, 0, f"rest/{name}/{samples}/{block}"))
            across = np.sqrt(across**2 + (weights[:, 1:] ** 2).sum(axis=1))
            proxy = _proxy(turned[0, :, :samples] > 0, None if kept is None else kept[:, :samples])
            outcomes.append([accuracy(weights[:, 0], across, settings.separation), proxy])
    return np.array(outcomes)


def _verifiers(settings: LinearVerificationSettings) -> list[tuple[str, float | None]]:
    return [(RESERVED, None), *((verifier.name, verifier.angle) for verifier in settings.verifiers)]


def _eigenvalues(settings: LinearVerificationSettings) -> np.ndarray:
    """Of Σ along μ and in the directions of the generator's and of the verifier's error, shape `(3,)`."""
    return spectrum("power_law", 3, settings.capacity_exponent)


def _view(inputs: np.ndarray, angle: float, direction: int, roots: np.ndarray) -> np.ndarray:
    """x·w for a w at an angle in degrees from μ towards a coordinate, shape `(replicates, n)`.

    Inputs are kept as Σ^{−½}x, which changes no student.
    """
    radians = np.deg2rad(angle)
    return np.cos(radians) * inputs[0] + np.sin(radians) * roots[direction] * inputs[direction]


def _grams(turned: np.ndarray, kept: np.ndarray | None, samples: Sequence[int]) -> Iterator[np.ndarray]:
    """Gram matrices of labels and coordinates of the first n examples, each of shape `(replicates, 4, 4)`."""
    total, start = np.zeros((turned.shape[1], 4, 4)), 0
    for n in samples:
        part = turned[:, :, start:n].transpose(1, 0, 2)
        rows = np.concatenate([np.ones_like(part[:, :1]), part], axis=1)
        total = total + (rows if kept is None else rows * kept[:, None, start:n]) @ rows.transpose(0, 2, 1)
        start = n
        yield total


def _proxy(right: np.ndarray, kept: np.ndarray | None) -> np.ndarray:
    """p̂* = φ̂/(φ̂ + ψ̂) of each replicate, shape `(replicates,)`."""
    if kept is None:
        return np.full(len(right), 0.5)
    shares = [(kept & which).sum(axis=1) / which.sum(axis=1) for which in (right, ~right)]
    return shares[0] / (shares[0] + shares[1])


def predict(settings: LinearVerificationSettings) -> Iterator[Prediction]:
    """Yield the accuracy along the generator's angle, and each verifier's p*."""
    angles = line(settings.generator_angles, LINE, 3, np.linspace)
    _, *eigenvalues = _eigenvalues(settings).tolist()
    for angle, (name, verifier_angle), samples in product(angles, _verifiers(settings), settings.samples):
        by_label = theory.whitened(0.0 if name == RESERVED else angle, eigenvalues[0])
        by_verdict = None if verifier_angle is None else theory.whitened(verifier_angle, eigenvalues[1])
        both, point = (by_label, by_verdict, settings.separation), {"samples": samples, "generator_angle": angle}
        value = theory.mean_accuracy(*both, samples, settings.dimension)
        law = "E acc(ŵ), ŵ normal around its limit, N ≫ d"
        yield Prediction(name, 0, "accuracy", value, "asymptotic", law, "derived", point)
        if name != RESERVED:
            rates = theory.rates(*both)
            proxy = breakdown_point(rates.keeps_right, rates.keeps_wrong)
            law = "p* = 1/(1+ψ/φ), N → ∞"
            yield Prediction(name, 0, "breakdown_proxy", proxy, "asymptotic", law, f"{PAPER}, theorem 4.2", point)
