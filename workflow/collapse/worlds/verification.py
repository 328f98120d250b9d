"""Least squares on verified labels whose errors do not depend on the input (Feng et al. 2024, theorem 4.2).

Inputs are turned so that their true label is 1; then labels are ±1 for right and wrong, and only |x·μ| is not normal.
"""

from collections.abc import Iterator
from functools import partial
from itertools import product

import numpy as np

from collapse.config.worlds.verification import RateVerifierSettings, VerificationSettings
from collapse.randomness import stream
from collapse.theory import verification as theory
from collapse.worlds import Observation, Prediction, Sweep, grid, line
from collapse.worlds.chain import in_blocks
from collapse.worlds.plane_fits import student

METRICS = ("accuracy", "breakdown_proxy", "proxy_squared_error")

BLOCK = 2_000_000
"""Inputs that are held at once."""

LINE = 120
"""Places of the theory's line along the error rate, besides the simulated ones."""

PAPER = "Feng et al. 2024"


def sweeps(settings: VerificationSettings) -> Iterator[Sweep]:
    """Every number of samples and error rate, and every labelled sample; the verifier stands for the strategy."""
    verifiers = [verifier.name for verifier in settings.verifiers]
    points = grid(samples=settings.samples, error_rate=settings.error_rates)
    yield Sweep(METRICS[:1], verifiers, points=points, predicted=verifiers)
    yield Sweep(METRICS[1:], verifiers, points=grid(labelled_samples=settings.proxy_samples), predicted=verifiers)


def simulate(settings: VerificationSettings, seed: int) -> Iterator[Observation]:
    """Yield the student's accuracy under each verifier, and the breakdown point estimated from labelled samples."""
    found = in_blocks(partial(_accuracies, settings, seed), settings.replicates, max(settings.samples), BLOCK)
    cases = product(settings.verifiers, settings.samples, settings.error_rates)
    for (verifier, samples, rate), values in zip(cases, found, strict=True):
        yield Observation(verifier.name, 0, "accuracy", values, {"samples": samples, "error_rate": rate})
    for verifier, samples in product(settings.verifiers, settings.proxy_samples):
        proxies = _proxies(settings, verifier, samples, seed)
        off = proxies - theory.breakdown_point(verifier.keeps_right, verifier.keeps_wrong)
        yield Observation(verifier.name, 0, "breakdown_proxy", proxies, {"labelled_samples": float(samples)})
        yield Observation(verifier.name, 0, "proxy_squared_error", off**2, {"labelled_samples": float(samples)})


def _accuracies(settings: VerificationSettings, seed: int, block: int, replicates: int) -> np.ndarray:
    """Accuracy by verifier, samples and error rate, shape `(verifiers · samples · rates, replicates)`."""
    rng = stream(seed, 0, f"inputs/{block}")
    depth = np.abs(settings.separation + rng.standard_normal((replicates, max(settings.samples))))
    sums = [np.pad(np.cumsum(depth**power, axis=1), ((0, 0), (1, 0))) for power in (1, 2)]
    accuracies = []
    for verifier, samples, rate in product(settings.verifiers, settings.samples, settings.error_rates):
        rng = stream(seed, 0, f"labels/{verifier.name}/{samples}/{rate}/{block}")
        n_wrong = rng.binomial(samples, rate, replicates)
        kept = (rng.binomial(samples - n_wrong, verifier.keeps_right), rng.binomial(n_wrong, verifier.keeps_wrong))
        along, across = student(_gram(sums, *kept), settings.dimension, rng)
        accuracies.append(theory.accuracy(along[:, 0], across, settings.separation))
    return np.array(accuracies)


def _gram(sums: list[np.ndarray], n_right: np.ndarray, n_wrong: np.ndarray) -> np.ndarray:
    """Gram matrix of labels and |x·μ|/m, shape `(replicates, 2, 2)`; inputs are alike, so the first ones are kept."""
    rows, n_kept = np.arange(len(n_right)), n_right + n_wrong
    agreement = 2 * sums[0][rows, n_right] - sums[0][rows, n_kept]
    return np.array([[n_kept, agreement], [agreement, sums[1][rows, n_kept]]]).transpose(2, 0, 1)


def _proxies(settings: VerificationSettings, verifier: RateVerifierSettings, samples: int, seed: int) -> np.ndarray:
    """p̂* of each replicate, from a labelled sample of its own, shape `(replicates,)`."""
    rng = stream(seed, 0, f"proxy/{verifier.name}/{samples}")
    n_wrong = rng.binomial(samples, settings.proxy_error_rate, settings.replicates)
    keeps_right = rng.binomial(samples - n_wrong, verifier.keeps_right) / (samples - n_wrong)
    keeps_wrong = rng.binomial(n_wrong, verifier.keeps_wrong) / n_wrong
    return keeps_right / (keeps_right + keeps_wrong)


def predict(settings: VerificationSettings) -> Iterator[Prediction]:
    """Yield the accuracy along the error rate, a step at p* for N ≫ d, and the proxy's mean and variance."""
    rates = line(settings.error_rates, LINE, 4, np.linspace)
    law, source = "E acc(ŵ), ŵ normal, N ≫ d; → 1[p < 1/(1+ψ/φ)]", f"derived; {PAPER}, theorem 4.2, is its limit"
    for verifier, samples, rate in product(settings.verifiers, settings.samples, rates):
        accuracy = theory.independent_errors_accuracy(
            rate, verifier.keeps_right, verifier.keeps_wrong, samples, settings.dimension, settings.separation
        )
        point = {"samples": samples, "error_rate": rate}
        yield Prediction(verifier.name, 0, "accuracy", accuracy, "asymptotic", law, source, point)
    for verifier, samples in product(settings.verifiers, settings.proxy_samples):
        point, both = {"labelled_samples": float(samples)}, (verifier.keeps_right, verifier.keeps_wrong)
        mean, spread = theory.breakdown_point(*both), theory.proxy_variance(*both, settings.proxy_error_rate, samples)
        law = "p* = 1/(1+ψ/φ), n → ∞"
        yield Prediction(verifier.name, 0, "breakdown_proxy", mean, "asymptotic", law, f"{PAPER}, theorem 4.2", point)
        law = "Var p̂* = (ψ²φ(1−φ)/(1−p) + φ²ψ(1−ψ)/p) / (n(φ+ψ)⁴), n → ∞"
        yield Prediction(
            verifier.name, 0, "proxy_squared_error", spread, "asymptotic", law, "derived, delta method", point
        )
