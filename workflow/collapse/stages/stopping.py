"""Say when each rule would have stopped the loop, and what the model that it keeps loses."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from collapse.artifacts import contracts
from collapse.artifacts.contracts import METRICS, STOPPING, Record
from collapse.config.settings import StoppingSettings
from collapse.config.specs import StoppingSpec
from collapse.errors import ConfigError
from collapse.stages import Output
from collapse.stats.stopping import stopped

Series = dict[int, float]
"""What was measured, by generation."""


def run(*, spec: StoppingSpec, metrics: Path, stopping: Output, record: Record) -> None:
    """Apply every rule to every strategy and seed of a run that went on to its end.

    Args:
        spec: The rules, the strategies and seeds.
        metrics: The experiment's metrics table.
        stopping: One row per rule, strategy and seed.
        record: What the table is made from.

    Raises:
        ConfigError: What a rule goes by was not measured.
    """
    measured = contracts.read(metrics, METRICS)
    losses = _series(measured, "test_loss", "real_test")
    arms = [(strategy, seed) for strategy in spec.arms.strategies for seed in spec.arms.seeds]
    rows = list[dict[str, object]]()
    for name, rule in spec.rules.items():
        signals = _series(measured, rule.metric, rule.evaluation_set)
        for arm in arms:
            rows.append(
                {"rule": name, "strategy": arm[0], "seed": arm[1]} | _row(name, rule, signals.get(arm, {}), losses[arm])
            )
    contracts.write(stopping, STOPPING, pa.Table.from_pylist(rows, schema=STOPPING.schema), record)


def _row(name: str, rule: StoppingSettings, signal: Series, loss: Series) -> dict[str, object]:
    if len(signal) < 2:
        raise ConfigError(
            f"stopping.{name}: {rule.metric}@{rule.evaluation_set} was not measured at two generations.\n"
            "  Name a metric and an evaluation set of metrics.parquet."
        )
    found, last = stopped(rule, list(signal), list(signal.values())), max(loss)
    best = min(loss, key=lambda generation: (loss[generation], generation))
    return {
        "stopped_at": found.at,
        "kept": found.kept,
        "best": best,
        "loss_kept": loss[found.kept],
        "loss_last": loss[last],
        "loss_best": loss[best],
        "generations_saved": 0 if found.at is None else last - found.at,
    }


def _series(metrics: pa.Table, metric: str, evaluation_set: str) -> dict[tuple[str, int], Series]:
    """What was measured, by strategy and seed, of rising generations."""
    found: dict[tuple[str, int], Series] = {}
    rows = metrics.filter((pc.field("metric") == metric) & (pc.field("evaluation_set") == evaluation_set))
    for row in rows.sort_by("generation").to_pylist():
        found.setdefault((row["strategy"], row["seed"]), {})[row["generation"]] = row["value"]
    return found
