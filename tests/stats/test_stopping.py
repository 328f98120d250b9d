"""Rules that would stop a loop: by hand, and by their properties."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collapse.artifacts import contracts
from collapse.artifacts.contracts import METRICS, STOPPING, Record
from collapse.config.settings import StoppingSettings
from collapse.config.specs import CollectSpec, StoppingSpec
from collapse.errors import ConfigError
from collapse.reporting.stopping import stopping as section
from collapse.stages import stopping
from collapse.stats.stopping import stopped


def rule(change: float, patience: int = 1, metric: str = "sampler_loss", place: str = "samples") -> StoppingSettings:
    return StoppingSettings(metric=metric, evaluation_set=place, change=change, patience=patience)


@pytest.mark.parametrize(
    ("change", "patience", "values", "at", "kept"),
    [
        (0.5, 1, [1.0, 1.2, 1.5, 3.0], 3, 2),  # just as far is far enough
        (0.5, 2, [1.0, 1.2, 1.5, 3.0], 4, 2),  # the generation before the first of the two
        (0.5, 2, [1.0, 2.0, 1.0, 2.0], None, 4),  # never twice in a row
        (0.5, 3, [1.0, 2.0, 2.0, 2.0], 4, 1),
        (-0.25, 1, [1.0, 2.0, 0.75, 9.0], 3, 2),  # a fall; a rise is none
        (0.5, 1, [1.0, np.nan, 2.0], 3, 2),  # what is undefined has not moved
        (0.5, 1, [1.0, 1.0], None, 2),
    ],
)
def test_a_rule_stops_where_it_says(change, patience, values, at, kept):
    assert stopped(rule(change, patience), range(1, len(values) + 1), values) == (at, kept)


@given(
    values=st.lists(st.floats(-5, 5), min_size=2, max_size=12),
    change=st.floats(0.1, 3),
    patience=st.integers(1, 4),
    falls=st.booleans(),
)
def test_what_comes_after_a_stop_changes_nothing_and_less_patience_stops_no_later(values, change, patience, falls):
    sign = -1 if falls else 1
    generations = range(len(values))
    found = stopped(rule(sign * change, patience), generations, values)
    mirrored = stopped(rule(-sign * change, patience), generations, [-value for value in values])
    assert found == mirrored
    if found.at is None:
        assert found.kept == generations[-1]
        return
    assert found.kept == found.at - patience
    again = stopped(rule(sign * change, patience), generations, [*values[: found.at + 1], *[99.0] * 3])
    assert again == found
    sooner = stopped(rule(sign * change, 1), generations, values)
    assert sooner.at is not None and sooner.at <= found.at


def measured(folder: Path, signal: dict[str, list[float]], loss: dict[str, list[float]]) -> Path:
    names = {"sampler_loss": ("samples", signal, 1), "test_loss": ("real_test", loss, 0)}
    rows = [
        {
            "experiment": "e",
            "strategy": strategy,
            "seed": 0,
            "generation": first + place,
            "metric": metric,
            "evaluation_set": where,
            "value": value,
            "unit": "nat",
            "n": 1,
            "standard_error": None,
        }
        for metric, (where, series, first) in names.items()
        for strategy, values in series.items()
        for place, value in enumerate(values)
    ]
    path = folder / "metrics.parquet"
    contracts.write(path, METRICS, pa.Table.from_pylist(rows), Record())
    return path


def spec(**rules: StoppingSettings) -> StoppingSpec:
    arms = CollectSpec(strategies=("real", "replace"), seeds=(0,), generations=3, worlds=(), unit="token")
    return StoppingSpec(arms=arms, rules=rules)


SIGNAL = {"real": [2.0, 2.0, 2.1], "replace": [2.0, 2.3, 2.9]}
LOSS = {"real": [3.0, 3.0, 3.0, 3.0], "replace": [3.0, 2.9, 3.1, 3.6]}


def test_the_table_says_what_is_kept_and_what_it_loses(tmp_path):
    made = spec(noise=rule(0.2), late=rule(5.0))
    stopping.run(
        spec=made,
        metrics=measured(tmp_path, SIGNAL, LOSS),
        stopping=tmp_path / "stopping.parquet",
        record=Record(),
    )
    table = contracts.read(tmp_path / "stopping.parquet", STOPPING)
    rows = {(row["rule"], row["strategy"]): row for row in table.to_pylist()}
    found = rows["noise", "replace"]
    assert (found["stopped_at"], found["kept"], found["best"], found["generations_saved"]) == (2, 1, 1, 1)
    assert (found["loss_kept"], found["loss_last"], found["loss_best"]) == (2.9, 3.6, 2.9)
    assert rows["noise", "real"]["stopped_at"] is None and rows["noise", "real"]["kept"] == 3
    assert rows["late", "replace"]["loss_kept"] == 3.6 and rows["late", "replace"]["generations_saved"] == 0
    page = section(table, made.rules, ["real", "replace"])
    assert [row.stopped for row in page.rows] == ["0 of 1", "1 of 1", "0 of 1", "0 of 1"]
    assert page.false_alarms == () and "rises by 0.2 or more" in page.rules[0].says
    alarmed = section(table, {"noise": made.rules["noise"]}, ["replace"])
    assert alarmed.rows[0].at == "2" and alarmed.rows[0].loss_kept == "2.900"


def test_a_rule_that_stops_the_control_is_a_false_alarm(tmp_path):
    made = spec(nervous=rule(0.05))
    stopping.run(spec=made, metrics=measured(tmp_path, SIGNAL, LOSS), stopping=tmp_path / "s.parquet", record=Record())
    page = section(contracts.read(tmp_path / "s.parquet", STOPPING), made.rules, ["real", "replace"])
    assert page.false_alarms == ("nervous",)


def test_a_rule_by_what_was_not_measured_is_refused_by_name(tmp_path):
    with pytest.raises(ConfigError, match=r"stopping.gone: rouge_1@samples was not measured at two generations"):
        stopping.run(
            spec=spec(gone=rule(1, metric="rouge_1")),
            metrics=measured(tmp_path, SIGNAL, LOSS),
            stopping=tmp_path / "s.parquet",
            record=Record(),
        )
