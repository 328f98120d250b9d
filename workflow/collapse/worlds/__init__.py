"""Closed-form worlds: sources whose truth is known, and families whose whole chain runs in one vectorised job.

Each module has four names: `METRICS`, what it measures; `sweeps(settings)`, where; `simulate(settings, seed)`, what
came out, one value per replicate; and `predict(settings)`, what theory says, from `collapse.theory`. Every array has a
leading replicate axis.
"""

import importlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Protocol

import numpy as np

from collapse.config.settings import Strategy
from collapse.config.worlds import WorldSettings

Point = dict[str, float]
"""Values of the swept parameters, in the order they are named."""


@dataclass(frozen=True)
class Observation:
    """A metric of one strategy at one generation and point, simulated.

    Attributes:
        strategy: Name of the strategy.
        generation: Turn of the loop.
        metric: A name in `collapse.metrics.CATALOGUE`.
        values: One value per replicate, shape `(replicates,)`.
        point: Values of the swept parameters.
    """

    strategy: str
    generation: int
    metric: str
    values: np.ndarray
    point: Point = field(default_factory=dict)


@dataclass(frozen=True)
class Prediction:
    """What theory says about the mean over replicates.

    Attributes:
        strategy: Name of the strategy.
        generation: Turn of the loop.
        metric: A name in `collapse.metrics.CATALOGUE`.
        value: The value.
        status: `exact`; `asymptotic` in a limit that `formula` names; `bound`; or `fitted` to the simulation.
        formula: The formula, in one line of plain Unicode.
        source: Paper and theorem, or `derived`.
        point: Values of the swept parameters.
    """

    strategy: str
    generation: int
    metric: str
    value: float
    status: str
    formula: str
    source: str
    point: Point = field(default_factory=dict)


def by_generation(
    strategy: str,
    metric: str,
    values: Iterable[float],
    status: str,
    formula: str,
    source: str,
    point: Point | None = None,
) -> Iterator[Prediction]:
    """What theory says of generations 0, 1, …, in the order of `values`; see `Prediction`."""
    for generation, value in enumerate(values):
        yield Prediction(strategy, generation, metric, float(value), status, formula, source, point or {})


@dataclass(frozen=True)
class Sweep:
    """Where metrics are measured: at every generation and point, under every strategy.

    Attributes:
        metrics: Names in `collapse.metrics.CATALOGUE`.
        strategies: Names of strategies.
        generations: Turns of the loop.
        points: Values of the swept parameters.
        predicted: The strategies for which theory says something at all these places; it says nothing for the others.
    """

    metrics: Sequence[str]
    strategies: Sequence[str]
    generations: Iterable[int] = (0,)
    points: Sequence[Point] = ({},)
    predicted: Collection[str] = ()


def grid(**swept: Iterable[float]) -> tuple[Point, ...]:
    """Every combination of the values of swept parameters."""
    return tuple(dict(zip(swept, values, strict=True)) for values in product(*swept.values()))


def line(values: Sequence[float], n: int, digits: int = 0, space: Callable = np.geomspace) -> list[float]:
    """Values of a swept parameter and `n` rounded places between the least and the largest, in order: theory's line."""
    return sorted({*values, *(round(place, digits) for place in space(min(values), max(values), n).tolist())})


def names(strategies: Iterable[Strategy], composed: Collection[str] | None = None) -> tuple[str, ...]:
    """Names of strategies; of those that compose in one of these ways, if any are given."""
    return tuple(one.name for one in strategies if composed is None or one.compose in composed)


class WorldModule(Protocol):
    """What a module of this package offers."""

    METRICS: tuple[str, ...]

    def sweeps(self, settings: WorldSettings) -> Iterator[Sweep]:
        """Say what is measured where, and where theory speaks, before anything is simulated."""
        ...

    def simulate(self, settings: WorldSettings, seed: int) -> Iterator[Observation]:
        """Run every chain of one seed."""
        ...

    def predict(self, settings: WorldSettings) -> Iterator[Prediction]:
        """Say what theory expects, at the simulated points and, for lines, between them."""
        ...


def module_of(model: str) -> WorldModule:
    """The module of a world, by the `model` of its settings."""
    return importlib.import_module(f"{__name__}.{model}")  # type: ignore[return-value]


def evaluation_set(world: str, point: Point) -> str:
    """Name of a point of a world's sweep, as in the metrics table: `world/samples=200,ridge=0.1`."""
    return "/".join([world, ",".join(f"{name}={value:.12g}" for name, value in point.items())] if point else [world])
