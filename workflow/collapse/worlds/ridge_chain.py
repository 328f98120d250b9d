"""Ridge students of chains of unregularised fits (Dohmatob, Feng, Kempe 2024, section 4).

Everything is computed in the coordinates u = Σ^{1/2} w, where inputs are standard normal: least squares does not
depend on coordinates, so the generators are those of `linear_regression`, and only a student's ridge, λΣ⁻¹, knows of
Σ. A student of generation n has the same inputs and noise whatever n is, so its errors are paired over generations.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from collapse.config.settings import Strategy
from collapse.config.worlds.linear_regression import LinearRegressionSettings
from collapse.config.worlds.ridge_chain import RidgeChainSettings, StudentSettings
from collapse.randomness import stream
from collapse.strategies import generations_read
from collapse.theory import linear_regression
from collapse.theory import ridge_chain as theory
from collapse.theory.deterministic_equivalents import spectrum
from collapse.worlds import Observation, Point, Prediction, Sweep, names
from collapse.worlds.chain import blocks, joined_by_key, takes_whole_sets
from collapse.worlds.labelled_sets import gram, gram_factor, noise_moment
from collapse.worlds.linear_regression import chain_of, truth_of

METRICS = ("excess_error", "added_error", "noise_error", "bias_error")

PAPER = "Dohmatob et al. 2024, section 4"

BLOCK = 2_000_000
"""Numbers in all sets that a block of replicates holds at once."""


@dataclass(frozen=True)
class StudentData:
    """What students of T examples learn from, in the coordinates Σ^{1/2} w; shapes begin with `(replicates, d`.

    Attributes:
        gram: X'X/T, shape `(replicates, d, d)`.
        noise: X'ε/T, shape `(replicates, d)`.
    """

    gram: np.ndarray
    noise: np.ndarray

    def errors(self, ridge: float, eigenvalues: np.ndarray, truth: np.ndarray, shifts: np.ndarray) -> np.ndarray:
        """Excess errors of a student of each generation, then of noise alone and without it from real labels.

        û − u_0 solves (X'X/T + λΣ⁻¹)(û − u_0) = X'X/T · shift + X'ε/T − λΣ⁻¹u_0. Shape `(generations + 3, replicates)`.

        Args:
            ridge: λ.
            eigenvalues: λ_j of Σ, shape `(d,)`.
            truth: u_0, shape `(d,)`.
            shifts: Σ^{1/2}(ŵ_n − w_0) of the model that labels, shape `(replicates, d, generations + 1)`.
        """
        pull = np.broadcast_to(ridge * truth / eigenvalues, self.noise.shape)
        labelled = self.gram @ shifts + (self.noise - pull)[..., None]
        right = np.concatenate([labelled, self.noise[..., None], pull[..., None]], axis=2)
        return (np.linalg.solve(self.gram + np.diag(ridge / eigenvalues), right) ** 2).sum(axis=1).T


def student_data(
    samples: int, dimension: int, noise_variance: float, replicates: int, rng: np.random.Generator
) -> StudentData:
    """Draw what students of `samples` = T examples learn from."""
    factor = gram_factor(samples, np.ones(dimension), replicates, rng)
    return StudentData(gram(factor) / samples, noise_moment(factor, noise_variance, rng) / samples)


def generator_shifts(
    settings: LinearRegressionSettings, strategy: Strategy, seed: int, replicates: int, block: int
) -> np.ndarray:
    """Σ^{1/2}(ŵ_n − w_0) for n = 0 … N, shape `(replicates, d, N + 1)`; ŵ_0 = w_0, ŵ_n is fitted at generation n − 1.

    Args:
        settings: The chain in the coordinates where inputs are standard normal; `generations` is N.
        strategy: How generators' training sets are composed.
        seed: The run's seed.
        replicates: Number of chains of this block.
        block: Number of this block.
    """
    truth = truth_of(settings, replicates)
    chain = chain_of(settings, strategy, seed, replicates, block)
    fitted = [weights - truth for _, weights in chain.models(settings.generations - 1)]
    return np.stack([np.zeros_like(truth), *fitted], axis=2)


def generators(
    dimension: int, samples: int, noise_variance: float, generations: int, strategies: Sequence[Strategy]
) -> LinearRegressionSettings:
    """Settings of the chain that `generator_shifts` runs: unregularised fits, new inputs every generation."""
    return LinearRegressionSettings(
        model="linear_regression",
        replicates=2,
        dimension=dimension,
        samples=samples,
        noise_variance=noise_variance,
        design="fresh",
        ridge=0.0,
        generations=generations,
        strategies=tuple(strategies),
    )


def replicate_blocks(replicates: int, chain: LinearRegressionSettings) -> Iterator[tuple[int, int]]:
    """Blocks of replicates whose sets fit into memory."""
    held = max(
        (len(generations_read(strategy, chain.generations)) + 1)
        * (chain.dimension if takes_whole_sets(strategy) else chain.samples)
        for strategy in chain.strategies
    )
    return blocks(replicates, chain.dimension * held, BLOCK)


def sweeps(settings: RidgeChainSettings) -> Iterator[Sweep]:
    """Every student of every generation; the parts of the error are those of real labels, to which nothing is added."""
    lawful = [one.name for one in settings.strategies if _fits(settings, one) is not None]
    points = [_point(student) for student in settings.students]
    shrunk = [_point(student) for student in settings.students if student.ridge > 0]
    generations = settings.measured_generations
    everywhere = (generations, points), (generations[1:], points), ((0,), points), ((0,), shrunk)
    for metric, where in zip(METRICS, everywhere, strict=True):
        yield Sweep((metric,), names(settings.strategies), *where, lawful)


def simulate(settings: RidgeChainSettings, seed: int) -> Iterator[Observation]:
    """Yield each student's error at every generation, what the generations added, and what noise and shrinking make."""
    chain = _chain(settings)
    parts = [_errors(settings, chain, seed, *block) for block in replicate_blocks(settings.replicates, chain)]
    for (strategy, student), (*errors, noise, bias) in joined_by_key(parts).items():
        point = _point(student)
        yield Observation(strategy, 0, "noise_error", noise, point)
        if student.ridge > 0:
            yield Observation(strategy, 0, "bias_error", bias, point)
        for generation, error in enumerate(errors):
            yield Observation(strategy, generation, "excess_error", error, point)
            if generation > 0:
                yield Observation(strategy, generation, "added_error", error - errors[0], point)


def _errors(
    settings: RidgeChainSettings, chain: LinearRegressionSettings, seed: int, block: int, replicates: int
) -> dict[tuple[str, StudentSettings], np.ndarray]:
    """`StudentData.errors` by strategy and student, each of shape `(generations + 3, replicates)`."""
    source, errors = _source(settings), {}
    truth = np.sqrt(source.eigenvalues * source.squared_weights)
    data = {
        samples: student_data(
            samples,
            settings.dimension,
            settings.noise_variance,
            replicates,
            stream(seed, 0, f"student of {samples}/{block}"),
        )
        for samples in {student.samples for student in settings.students}
    }
    for strategy in settings.strategies:
        shifts = generator_shifts(chain, strategy, seed, replicates, block)
        for student in settings.students:
            found = data[student.samples].errors(student.ridge, source.eigenvalues, truth, shifts)
            errors[strategy.name, student] = found
    return errors


def predict(settings: RidgeChainSettings) -> Iterator[Prediction]:
    """Yield the deterministic equivalents, or without a ridge the exact errors, of strategies whose ŵ_n has a law."""
    source = _source(settings)
    for strategy in settings.strategies:
        if (law := _fits(settings, strategy)) is None:
            continue
        fits, multiple, origin = law
        for student in settings.students:
            yield from _parts(source, strategy.name, student)
            for generation, n in enumerate(fits):
                yield from _predicted(source, strategy.name, student, generation, float(n), multiple, origin)


def _predicted(
    source: theory.Source,
    strategy: str,
    student: StudentSettings,
    generation: int,
    n: float,
    multiple: str,
    origin: str,
) -> Iterator[Prediction]:
    samples, point = student.samples, _point(student)
    if student.ridge == 0:
        clean, error = (theory.ridgeless_error(source, samples, fits) for fits in (0.0, n))
        status = "exact"
        formula, added = f"E_n = σ²d/(T−d−1) + {multiple} σ_0²d/(T_0−d−1)", f"E_n − E_0 = {multiple} σ_0²d/(T_0−d−1)"
    else:
        clean, error = (theory.student_error(source, samples, student.ridge, fits) for fits in (0.0, n))
        status = "asymptotic"
        formula, added = f"E_n = B + V + {multiple} σ_0² ρ, d, T → ∞", f"E_n − E_0 = {multiple} σ_0² ρ, d, T → ∞"
    yield Prediction(strategy, generation, "excess_error", error, status, formula, origin, point)
    if generation > 0:
        yield Prediction(strategy, generation, "added_error", error - clean, status, added, origin, point)


def _parts(source: theory.Source, strategy: str, student: StudentSettings) -> Iterator[Prediction]:
    """V and B of a student of real labels."""
    samples, point = student.samples, _point(student)
    if student.ridge == 0:
        error = theory.ridgeless_error(source, samples, 0.0)
        yield Prediction(strategy, 0, "noise_error", error, "exact", "V = σ²d/(T−d−1)", PAPER, point)
        return
    bias, noise = theory.clean_parts(source, samples, student.ridge)
    law = "V = σ² df₂/(T − df₂), d, T → ∞"
    yield Prediction(strategy, 0, "noise_error", noise, "asymptotic", law, PAPER, point)
    law = "B = κ² w_0'Σ(Σ + κ)⁻²w_0/(1 − df₂/T), d, T → ∞"
    yield Prediction(strategy, 0, "bias_error", bias, "asymptotic", law, PAPER, point)


def _fits(settings: RidgeChainSettings, strategy: Strategy) -> tuple[np.ndarray, str, str] | None:
    """The error of ŵ_n over that of ŵ_1 for n = 0 … N, what it is called in a formula, and whose law it is."""
    d, samples, last = settings.dimension, settings.generator_samples, settings.generations - 1
    match strategy.compose:
        case "real":
            return np.append(0.0, np.ones(last + 1)), "1", PAPER
        case "replace":
            return np.append(0.0, linear_regression.replace_ratio(last)), "n", PAPER
        case "accumulate":
            ratio = linear_regression.accumulate_ratio_fresh(d, samples, last)
            return np.append(0.0, ratio), "(T_0−d−1) Σ_{i≤n} 1/(i(iT_0−d−1))", f"derived, after {PAPER}"
        case "replace_multiple":
            ratio = linear_regression.replace_multiple_ratio_fresh(d, samples, last)
            return np.append(0.0, ratio), "(T_0−d−1) Σ_{i≤n} 1/(iT_0−d−1)", f"derived, after {PAPER}"
        case _:
            return None


def _source(settings: RidgeChainSettings) -> theory.Source:
    d = settings.dimension
    return theory.Source(
        eigenvalues=spectrum(settings.spectrum, d, settings.exponent or 0.0),
        squared_weights=np.full(d, 1 / d),
        noise_variance=settings.noise_variance,
        generator_samples=settings.generator_samples,
        generator_noise_variance=settings.generator_noise_variance,
    )


def _chain(settings: RidgeChainSettings) -> LinearRegressionSettings:
    return generators(
        settings.dimension,
        settings.generator_samples,
        settings.generator_noise_variance,
        settings.generations,
        settings.strategies,
    )


def _point(student: StudentSettings) -> Point:
    return {"samples": float(student.samples), "ridge": student.ridge}
