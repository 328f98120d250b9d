"""Which neurons move with what is measured of a model's text, and how many would by chance.

A version is a model: strategy, seed and generation. What is measured of it is measured of the samples it wrote. Levels
are correlated over all versions (Pearson); differences between one generation and the next of the same strategy and
seed are regressed on one another, with Newey and West's errors (Wang et al. 2025, appendix K). Counts of significant
neurons stand beside what chance gives: the nominal share, and what is found after the differences of the outcome have
been shuffled over versions, two outcomes in the same way, so that what they share is kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import false_discovery_control

from collapse.stats.newey_west import Slopes, slopes

LEVEL = 0.05
SHUFFLES = 200
MAX_LAG = 1
"""Of Newey and West's errors, as in the code of Wang et al. 2025."""


@dataclass(frozen=True)
class Versions:
    """Models and what was measured of them, ordered by series, then by generation.

    Attributes:
        series: Strategy and seed of each, as a number, shape `(n,)`.
        neurons: A value of each neuron, `(n, n_neurons)`.
        outcomes: What was measured, by its name, shape `(n,)` each.
        is_repeated: Whether a version stands in another series too (generation 0, shared by all), shape `(n,)`.
    """

    series: np.ndarray
    neurons: np.ndarray
    outcomes: dict[str, np.ndarray]
    is_repeated: np.ndarray

    @property
    def steps(self) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
        """Series, neurons and outcomes as differences from one generation to the next."""
        together = self.series[1:] == self.series[:-1]
        changes = {name: np.diff(values)[together] for name, values in self.outcomes.items()}
        return self.series[1:][together], np.diff(self.neurons, axis=0)[together], changes


@dataclass(frozen=True)
class Found:
    """Of one outcome, by neuron.

    Attributes:
        correlation: Pearson's r of levels over versions, shape `(n_neurons,)`.
        changes: Slopes of the outcome's differences in the neuron's.
        p_bonferroni: Times the number of neurons.
        p_discovery: After Benjamini and Hochberg.
    """

    correlation: np.ndarray
    changes: Slopes
    p_bonferroni: np.ndarray
    p_discovery: np.ndarray

    @property
    def is_significant(self) -> np.ndarray:
        """Whether p is below 5 %, adjusted for nothing, shape `(n_neurons,)`."""
        return self.changes.p_value < LEVEL


@dataclass(frozen=True)
class Counted:
    """How many neurons are significant, and how many would be by chance.

    Attributes:
        outcomes: One, or two where it is about the neurons that are significant for both.
        n: How many there are.
        nominal: How many chance gives: 5 %; of two outcomes, if they were independent.
        shuffled: Mean over shuffles.
        shuffled_most: Their 95 % quantile.
        p_value: Share of shuffles with as many or more, the observed order among them.
    """

    outcomes: tuple[str, ...]
    n: int
    nominal: float
    shuffled: float
    shuffled_most: float
    p_value: float


def found(versions: Versions) -> dict[str, Found]:
    """What each outcome has to do with each neuron."""
    series, neurons, changes = versions.steps
    once = ~versions.is_repeated
    tables = dict[str, Found]()
    for name, levels in versions.outcomes.items():
        moved = slopes(changes[name], neurons, series, MAX_LAG)
        several, discovery = adjusted(moved.p_value)
        tables[name] = Found(_correlation(levels[once], versions.neurons[once]), moved, several, discovery)
    return tables


def adjusted(p_value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values of p for as many tests as there are, by Bonferroni and by Benjamini and Hochberg, shape `(n,)` each; `nan`
    is no test.
    """
    known = np.isfinite(p_value)
    several = np.where(known, np.minimum(1, p_value * known.sum()), np.nan)
    discovery = np.full(len(known), np.nan)
    if known.any():
        discovery[known] = false_discovery_control(p_value[known])
    return several, discovery


def counted(versions: Versions, tables: dict[str, Found], rng: np.random.Generator) -> list[Counted]:
    """Counts of each outcome, and of every pair of them, beside those of shuffled versions."""
    series, neurons, changes = versions.steps
    by_chance = [_significant(changes, neurons, series, rng.permutation(len(series))) for _ in range(SHUFFLES)]
    names = list(tables)
    rows = [
        _row((name,), tables[name].is_significant, [one[name] for one in by_chance], LEVEL * neurons.shape[1])
        for name in names
    ]
    for place, first in enumerate(names):
        for second in names[place + 1 :]:
            both = tables[first].is_significant & tables[second].is_significant
            independent = tables[first].is_significant.sum() * tables[second].is_significant.mean()
            shuffled = [one[first] & one[second] for one in by_chance]
            rows.append(_row((first, second), both, shuffled, float(independent)))
    return rows


def _significant(
    changes: dict[str, np.ndarray], neurons: np.ndarray, series: np.ndarray, order: np.ndarray
) -> dict[str, np.ndarray]:
    return {name: slopes(values[order], neurons, series, MAX_LAG).p_value < LEVEL for name, values in changes.items()}


def _row(outcomes: tuple[str, ...], here: np.ndarray, by_chance: Sequence[np.ndarray], nominal: float) -> Counted:
    n, counts = int(here.sum()), np.array([one.sum() for one in by_chance])
    as_many = (1 + np.sum(counts >= n)) / (1 + len(counts))
    return Counted(outcomes, n, nominal, float(counts.mean()), float(np.quantile(counts, 0.95)), float(as_many))


def _correlation(levels: np.ndarray, neurons: np.ndarray) -> np.ndarray:
    """Pearson's r of the levels with each neuron, shape `(n_neurons,)`; `nan` where either does not vary."""
    one, others = levels - levels.mean(), neurons - neurons.mean(axis=0)
    scale = np.sqrt((one**2).sum() * (others**2).sum(axis=0))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(scale > 0, one @ others / scale, np.nan)
