import math

import pytest

from collapse.artifacts import contracts
from collapse.artifacts.contracts import METRICS, Record
from collapse.errors import ContractError
from collapse.metrics import CATALOGUE, Measurement, table


def test_measurements_come_back_from_disk_with_the_unit_of_the_catalogue(tmp_path):
    measurements = [
        Measurement("test_loss", "real_test", 3.5, 120, 0.02),
        Measurement("distinct_4", "samples", 0.8, 5000),
        Measurement("distinct_4", "real_test", math.nan, 0),
    ]
    path = tmp_path / "metrics.parquet"
    contracts.write(path, METRICS, table(measurements, "sotu", "replace", 3, 2), Record())
    rows = contracts.read(path, METRICS).to_pylist()
    assert [(row["metric"], row["evaluation_set"], row["unit"], row["n"]) for row in rows] == [
        ("distinct_4", "real_test", "1", 0),
        ("distinct_4", "samples", "1", 5000),
        ("test_loss", "real_test", "nat/token", 120),
    ]
    assert math.isnan(rows[0]["value"]) and [row["value"] for row in rows[1:]] == [0.8, 3.5]
    assert [row["standard_error"] for row in rows] == [None, None, 0.02]
    assert {(row["experiment"], row["strategy"], row["seed"], row["generation"]) for row in rows} == {
        ("sotu", "replace", 3, 2)
    }


def test_a_metric_that_nobody_defined_is_refused():
    with pytest.raises(ContractError, match="tets_loss"):
        table([Measurement("tets_loss", "real_test", 1.0, 1)], "sotu", "replace", 0, 0)


def test_every_definition_is_a_sentence_with_a_unit_and_a_direction():
    for name, definition in CATALOGUE.items():
        assert definition.doc.endswith("."), name
        assert definition.unit and definition.direction in {"lower", "higher", "none"}, name
