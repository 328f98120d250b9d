"""Run a closed-form world: every chain of every replicate in one job, beside what theory predicts."""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from collapse import worlds
from collapse.artifacts import contracts
from collapse.artifacts.contracts import METRICS, POINTS, THEORY, Record
from collapse.config.specs import SimulateSpec
from collapse.errors import EngineError
from collapse.metrics import CATALOGUE
from collapse.stages import Output
from collapse.worlds import Observation, Prediction, evaluation_set


def run(*, spec: SimulateSpec, metrics: Output, theory: Output, points: Output, record: Record) -> None:
    """Simulate each seed and write means over replicates, predictions, and what the points of a sweep are.

    Args:
        spec: The world and the seeds.
        metrics: Mean over replicates and its standard error, by seed.
        theory: Predicted means.
        points: Swept parameters of every evaluation set.
        record: What the tables are made from.

    Raises:
        EngineError: A simulated value is not a number.
    """
    module = worlds.module_of(spec.world.model)
    known, rows = dict[str, worlds.Point](), []
    for seed in spec.seeds:
        for seen in module.simulate(spec.world, seed):
            known[evaluation_set(spec.name, seen.point)] = seen.point
            rows.append(_measured(spec, seed, seen))
    predictions = list(module.predict(spec.world))
    known |= {evaluation_set(spec.name, one.point): one.point for one in predictions}
    contracts.write(metrics, METRICS, pa.Table.from_pylist(rows, METRICS.schema), record)
    contracts.write(theory, THEORY, _theory(spec, predictions), record)
    contracts.write(points, POINTS, _points(spec, known), record)


def _measured(spec: SimulateSpec, seed: int, seen: Observation) -> dict[str, object]:
    values = np.asarray(seen.values, dtype=float)
    if not np.all(np.isfinite(values)):
        raise EngineError(
            f"world `{spec.name}`: {int(np.sum(~np.isfinite(values)))} of {len(values)} values of {seen.metric} at "
            f"generation {seen.generation} under {seen.strategy} are not numbers.\n"
            "  The setting may leave its model without a finite mean; look at the world's parameters."
        )
    return {
        "experiment": spec.experiment,
        "strategy": seen.strategy,
        "seed": seed,
        "generation": seen.generation,
        "metric": seen.metric,
        "evaluation_set": evaluation_set(spec.name, seen.point),
        "value": float(values.mean()),
        "unit": CATALOGUE[seen.metric].unit,
        "n": len(values),
        "standard_error": float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else None,
    }


def _theory(spec: SimulateSpec, predictions: Iterable[Prediction]) -> pa.Table:
    rows = [
        {name: value for name, value in vars(one).items() if name != "point"}
        | {"evaluation_set": evaluation_set(spec.name, one.point)}
        for one in predictions
    ]
    return pa.Table.from_pylist(rows, THEORY.schema)


def _points(spec: SimulateSpec, known: dict[str, worlds.Point]) -> pa.Table:
    replicates = {"replicates": spec.world.replicates * len(spec.seeds)}
    rows = [
        {"evaluation_set": name, "world": spec.name, "parameter": parameter, "value": float(value)}
        for name, point in known.items()
        for parameter, value in (point | replicates).items()
    ]
    return pa.Table.from_pylist(rows, POINTS.schema)
