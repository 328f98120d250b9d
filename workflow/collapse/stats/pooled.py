"""Measured values pooled over seeds, with their points and their theory: what claims and figures of worlds read."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter

import numpy as np
import pyarrow as pa

KEY = ("strategy", "generation", "metric", "evaluation_set")


@dataclass(frozen=True)
class Predicted:
    """What theory says somewhere in a closed-form world.

    Attributes:
        world: Name of the world.
        metric: What is predicted.
        strategy: Its strategy.
        generation: Its generation.
        point: Swept parameters by name; empty without a sweep.
        value: The mean over replicates that it predicts.
        status: `exact`, `asymptotic`, `bound` or `fitted`.
        formula: The formula, in one line.
        source: Paper and theorem.
    """

    world: str
    metric: str
    strategy: str
    generation: int
    point: dict[str, float]
    value: float
    status: str
    formula: str
    source: str

    def along(self, axis: str) -> float:
        """Its place on an axis: `generation` or a swept parameter."""
        return float(self.generation) if axis == "generation" else self.point[axis]


@dataclass(frozen=True)
class Value:
    """A mean over all seeds.

    Attributes:
        world: The closed-form world it is from; None in the loop of models.
        evaluation_set: What it was measured on.
        metric: What was measured.
        strategy: Its strategy.
        generation: Its generation.
        point: Swept parameters by name; empty without a sweep.
        mean: The value.
        standard_error: Within a closed-form world, over its replicates; else between seeds. None if neither is known.
        n: Replicates, or units averaged.
        theory: What the closed form gives here, if there is one.
        by_seed: The value of each seed.
    """

    world: str | None
    evaluation_set: str
    metric: str
    strategy: str
    generation: int
    point: dict[str, float]
    mean: float
    standard_error: float | None
    n: int
    theory: float | None
    by_seed: dict[int, float] = field(default_factory=dict)

    def along(self, axis: str) -> float:
        """Its place on an axis: `generation` or a swept parameter."""
        return float(self.generation) if axis == "generation" else self.point[axis]

    @property
    def place(self) -> str:
        """Where it is, in words."""
        swept = [f"{name} {value:g}" for name, value in self.point.items()]
        return ", ".join([self.strategy, f"generation {self.generation}", *swept])


@dataclass(frozen=True)
class Pooled:
    """Everything an experiment measured and predicted.

    Attributes:
        values: Measured values, in the order of generations and points.
        predictions: Predicted values, likewise.
    """

    values: tuple[Value, ...]
    predictions: tuple[Predicted, ...]


def pooled(metrics: pa.Table, theory: pa.Table, points: pa.Table) -> Pooled:
    """Pool an experiment's tables.

    Args:
        metrics: Rows of the METRICS contract.
        theory: Rows of the THEORY contract.
        points: Rows of the POINTS contract.
    """
    worlds, swept = _points(points)
    predictions = tuple(_predictions(theory, worlds, swept))
    known = {_place(p.strategy, p.generation, p.metric, p.world, p.point): p.value for p in predictions}
    values = []
    rows = sorted(metrics.to_pylist(), key=itemgetter(*KEY, "seed"))
    for key, group in groupby(rows, key=itemgetter(*KEY)):
        strategy, generation, metric, evaluation_set = key
        world, point = worlds.get(evaluation_set), swept.get(evaluation_set, {})
        of_seeds = list(group)
        mean, error, n = _mean(of_seeds, world is not None)
        expected = known.get(_place(strategy, generation, metric, world, point))
        place = (world, evaluation_set, metric, strategy, generation, point)
        values.append(Value(*place, mean, error, n, expected, {row["seed"]: row["value"] for row in of_seeds}))
    return Pooled(tuple(sorted(values, key=_order)), tuple(sorted(predictions, key=_order)))


def _place(
    strategy: str, generation: int, metric: str, world: str | None, point: dict[str, float]
) -> tuple[object, ...]:
    return (strategy, generation, metric, world, *point.items())


def _order(value: Value | Predicted) -> tuple[float, ...]:
    return (value.generation, *value.point.values())


def _points(points: pa.Table) -> tuple[dict[str, str], dict[str, dict[str, float]]]:
    """World and swept parameters of every evaluation set."""
    worlds, swept = dict[str, str](), dict[str, dict[str, float]]()
    for row in points.to_pylist():
        worlds[row["evaluation_set"]] = row["world"]
        point = swept.setdefault(row["evaluation_set"], {})
        if row["parameter"] != "replicates":
            point[row["parameter"]] = row["value"]
    return worlds, swept


def _predictions(theory: pa.Table, worlds: dict[str, str], swept: dict[str, dict[str, float]]) -> Iterator[Predicted]:
    for row in theory.to_pylist():
        place = row.pop("evaluation_set")
        yield Predicted(world=worlds[place], point=swept[place], **row)


def _mean(rows: list[dict], simulated: bool) -> tuple[float, float | None, int]:
    """Mean over seeds, its standard error, and how many units are behind it."""
    means, n = np.array([row["value"] for row in rows]), sum(row["n"] for row in rows)
    within = [row["standard_error"] for row in rows]
    if simulated:
        error = float(np.sqrt(np.sum(np.square(within))) / len(rows)) if None not in within else None
    else:
        error = float(means.std(ddof=1) / np.sqrt(len(rows))) if len(rows) > 1 else None
    return float(means.mean()), error, n
