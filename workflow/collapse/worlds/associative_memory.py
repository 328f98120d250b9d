"""Learners that memorise, trained on data whose tail is cut, narrowed, finite or mended (Dohmatob et al. 2024).

A point of the sweep is one training distribution q and one number of samples T. There is no loop: what generations of
resampling do to q is the world `memory_chain`. In place of a strategy, rows have the kind of source.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from collapse.config.worlds.associative_memory import (
    AssociativeMemorySettings,
    CleanSource,
    CutSource,
    FiniteSource,
    MixedSource,
    NarrowedSource,
    Source,
    TailSource,
    TopPSource,
)
from collapse.randomness import stream
from collapse.theory import associative_memory as theory
from collapse.theory.zipf import zipf
from collapse.worlds import Observation, Point, Prediction, Sweep, evaluation_set, grid
from collapse.worlds.chain import blocks, joined

METRICS = ("test_error",)

BLOCK = 2_000_000
"""Numbers that are held at once."""

LINE_POINTS = 13
"""Numbers of samples that theory is also evaluated at, so that its line is smooth."""

PAPER = "Dohmatob et al. 2024 (A Tale of Tails)"

SWEPT = {
    "clean": ("exponent", "exponents"),
    "cut": ("rank", "ranks"),
    "narrowed": ("temperature", "temperatures"),
    "top_p": ("cut_mass", "cut_masses"),
    "finite": ("real_samples", "real_samples"),
    "mixed": ("real_fraction", "real_fractions"),
    "tail_added": ("from_rank", "from_ranks"),
}
"""What is swept by kind of source, and the key that has its values."""


@dataclass(frozen=True)
class Data:
    """One training distribution.

    Attributes:
        point: Values of the source's swept parameters.
        p: Probabilities in the test, shape `(atoms,)`.
        q: Probabilities in the training set, shape `(atoms,)`.
        real_samples: T_0 if the learner sees the empirical distribution of so many draws of q; else None.
    """

    point: Point
    p: np.ndarray
    q: np.ndarray
    real_samples: int | None = None

    @cached_property
    def cumulative(self) -> np.ndarray:
        """Cumulative probabilities in the training set, shape `(atoms,)`."""
        return np.cumsum(self.q)


def sweeps(settings: AssociativeMemorySettings) -> Iterator[Sweep]:
    """Every number of samples of every training distribution."""
    source = settings.source
    parameter, key = SWEPT[source.kind]
    points = grid(samples=settings.samples, **{parameter: getattr(source, key)})
    yield Sweep(METRICS, (source.kind,), points=points, predicted=(source.kind,))


def simulate(settings: AssociativeMemorySettings, seed: int) -> Iterator[Observation]:
    """Yield the test error of learners that were really shown T samples, a stream of its own for every point."""
    for data in training_data(settings.source, settings.atoms):
        for samples in settings.samples:
            point = {"samples": float(samples)} | data.point
            place, fitting = evaluation_set("sample", point), blocks(settings.replicates, _held(data, samples), BLOCK)
            parts = (_error(data, samples, size, stream(seed, 0, f"{place}/{block}")) for block, size in fitting)
            yield Observation(settings.source.kind, 0, "test_error", joined(parts), point)


def predict(settings: AssociativeMemorySettings) -> Iterator[Prediction]:
    """Yield the test error at the simulated numbers of samples and between them."""
    line = np.geomspace(min(settings.samples), max(settings.samples), LINE_POINTS)
    samples = np.union1d(line, settings.samples)
    status, formula, source = _law(settings.source)
    for data in training_data(settings.source, settings.atoms):
        errors = _expected(data, samples)
        for n, error in zip(samples, errors, strict=True):
            point = {"samples": float(n)} | data.point
            yield Prediction(settings.source.kind, 0, "test_error", float(error), status, formula, source, point)


def training_data(source: Source, atoms: int) -> Iterator[Data]:
    """Every training distribution of a source."""
    if isinstance(source, CleanSource):
        for exponent in source.exponents:
            p = zipf(exponent, atoms)
            yield Data({"exponent": exponent}, p, p)
        return
    p = zipf(source.exponent, atoms)
    match source:
        case CutSource():
            yield from (Data({"rank": float(rank)}, p, theory.cut(p, rank)) for rank in source.ranks)
        case NarrowedSource():
            yield from (Data({"temperature": tau}, p, theory.narrowed(p, tau)) for tau in source.temperatures)
        case TopPSource():
            for mass in source.cut_masses:
                yield Data({"cut_mass": mass}, p, theory.cut(p, theory.top_p_rank(p, 1 - mass)))
        case FiniteSource():
            yield from (Data({"real_samples": float(n)}, p, p, n) for n in source.real_samples)
        case MixedSource():
            for share in source.real_fractions:
                yield Data({"real_fraction": share}, p, theory.mixed(p, source.rank, share))
        case TailSource():
            for rank in source.from_ranks:
                q = theory.tail_added(p, source.rank, source.real_fraction, rank)
                yield Data({"from_rank": float(rank)}, p, q)


def _expected(data: Data, samples: np.ndarray) -> np.ndarray:
    if data.real_samples is None:
        return theory.error(data.p, data.q, samples)
    return theory.finite_error(data.p, data.real_samples, samples)


def _law(source: Source) -> tuple[str, str, str]:
    """Status, formula and source of a prediction."""
    exact = "E = Σ p_i (1 − q_i)^T"
    match source:
        case FiniteSource():
            return "asymptotic", "E = Σ p_i (1 − p_i)^D, D = T_0 (1 − (1 − 1/T_0)^T), T_0 ≫ 1", "derived, after eq. 6"
        case CleanSource():
            return "exact", f"{exact}, q = p", f"{PAPER}, section 2"
        case CutSource():
            return "exact", f"{exact}, q = p cut at rank k", f"{PAPER}, theorem 2.1"
        case NarrowedSource():
            return "exact", f"{exact}, q ∝ p^(1/τ)", f"{PAPER}, section 2"
        case TopPSource():
            return "exact", f"{exact}, q = the likeliest that hold 1 − cut mass", "derived, after theorem 2.1"
        case MixedSource():
            return "exact", f"{exact}, q = π p + (1 − π) p cut at rank k", f"{PAPER}, theorem 3.2"
        case TailSource():
            return "exact", f"{exact}, q = π p beyond a rank + (1 − π) p cut at rank k", f"{PAPER}, section 3.1"


def _error(data: Data, samples: int, replicates: int, rng: np.random.Generator) -> np.ndarray:
    """Test error of each replicate, shape `(replicates,)`."""
    if data.real_samples is None:
        return unseen_mass(data, samples, replicates, rng)
    n = data.real_samples
    real = drawn(data.cumulative, rng.random((replicates, n)))
    shown = rng.multinomial(samples, np.full(n, 1 / n), size=replicates) > 0
    # A question that was not shown is given the place after the last, which no test asks for.
    return 1 - mass_of_different(np.append(data.p, 0.0), np.where(shown, real, len(data.p)))


def unseen_mass(data: Data, samples: int, replicates: int, rng: np.random.Generator) -> np.ndarray:
    """Σ p_i over the atoms that `samples` draws of q did not hit, shape `(replicates,)`.

    Multinomial counts for the first ranks, and the draws beyond them one by one: the same law as drawing all one by
    one, without the many draws that hit what is known already.
    """
    p, q, cumulative, atoms = data.p, data.q, data.cumulative, len(data.p)
    head = counted_ranks(cumulative, samples)
    tail = max(0.0, 1.0 - cumulative[head - 1])
    counts = rng.multinomial(samples, np.append(q[:head], tail), size=replicates)
    unseen = (counts[:, :-1] == 0) @ p[:head] + p[head:].sum()
    beyond = counts[:, -1]
    where = cumulative[head - 1] + tail * rng.random(int(beyond.sum()))
    pairs = np.unique(np.repeat(np.arange(replicates), beyond) * atoms + drawn(cumulative, where))
    return unseen - np.bincount(pairs // atoms, weights=p[pairs % atoms], minlength=replicates)


def drawn(cumulative: np.ndarray, uniforms: np.ndarray) -> np.ndarray:
    """Atoms by inversion of a cumulative distribution, counted from 0, of the shape of `uniforms`."""
    last = np.searchsorted(cumulative, cumulative[-1])
    return np.minimum(np.searchsorted(cumulative, uniforms, side="right"), last)


def mass_of_different(p: np.ndarray, drawn_atoms: np.ndarray) -> np.ndarray:
    """Σ p_i over the different atoms of each row, shape `(replicates,)`.

    Args:
        p: Probabilities, shape `(atoms,)`.
        drawn_atoms: Shape `(replicates, n)`.
    """
    ordered = np.sort(drawn_atoms, axis=1)
    first = np.diff(ordered, axis=1, prepend=-1) > 0
    return (p[ordered] * first).sum(axis=1)


def counted_ranks(cumulative: np.ndarray, samples: float) -> int:
    """Ranks to count by a multinomial: as many as draws are expected beyond them, which is about the least work."""
    last = len(cumulative)
    first = bisect_left(range(1, last), 0, key=lambda rank: rank - samples * (1 - cumulative[rank - 1]))
    return first + 1


def _held(data: Data, samples: int) -> int:
    """Numbers held for one replicate."""
    return data.real_samples or 2 * counted_ranks(data.cumulative, samples)
