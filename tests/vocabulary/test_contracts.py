import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collapse.artifacts import contracts
from collapse.artifacts.contracts import METRICS, TRAINING_LOG, VERDICTS, Record
from collapse.errors import ContractError


def log_table(steps) -> pa.Table:
    n = len(steps)
    return pa.table(
        {
            "strategy": ["replace"] * n,
            "seed": [0] * n,
            "generation": [1] * n,
            "step": steps,
            "tokens_seen": [10] * n,
            "loss_nats": [1.5] * n,
            "learning_rate": [0.1] * n,
            "gradient_norm": [0.2] * n,
        }
    )


def verdict(**changes) -> pa.Table:
    row = {
        "strategy": "replace",
        "seed": 0,
        "generation": 1,
        "sample_id": "replace.0.1.0000000",
        "verifier": "unique",
        "verifier_version": "exact_duplicates/1",
        "score": None,
        "threshold": None,
        "accepted": True,
        "reason": "accepted",
        "duplicate_of": None,
    }
    return pa.Table.from_pylist([row | changes])


@given(steps=st.lists(st.integers(1, 1000), unique=True, min_size=1, max_size=30))
def test_rows_come_back_sorted_by_key_whatever_their_order(tmp_path_factory, steps):
    path = tmp_path_factory.mktemp("log") / "training_log.parquet"
    contracts.write(path, TRAINING_LOG, log_table(steps), Record())
    assert contracts.read(path, TRAINING_LOG)["step"].to_pylist() == sorted(steps)


def test_the_same_rows_give_the_same_bytes_in_any_order(tmp_path):
    record = Record(spec={"b": 1, "a": 2}, code="abc", inputs={"x": "1"})
    for name, steps in (("one", [3, 1, 2]), ("two", [2, 3, 1])):
        contracts.write(tmp_path / name, TRAINING_LOG, log_table(steps), record)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert contracts.spec_of(tmp_path / "one") == record


def test_categories_are_stored_small_and_read_as_strings(tmp_path):
    contracts.write(tmp_path / "v.parquet", VERDICTS, verdict(), Record())
    assert pa.types.is_dictionary(pq.read_schema(tmp_path / "v.parquet").field("reason").type)
    assert contracts.read(tmp_path / "v.parquet", VERDICTS)["reason"].to_pylist() == ["accepted"]


def test_units_and_meanings_are_in_the_file(tmp_path):
    contracts.write(tmp_path / "log.parquet", TRAINING_LOG, log_table([1]), Record())
    metadata = pq.read_schema(tmp_path / "log.parquet").field("loss_nats").metadata
    assert metadata[b"unit"] == b"nat/token"


@pytest.mark.parametrize(
    ("contract", "table", "words"),
    [
        (TRAINING_LOG, log_table([1, 1]), "repeats"),
        (TRAINING_LOG, log_table([1]).drop_columns("step"), "step"),
        (TRAINING_LOG, log_table([1]).append_column("speed", pa.array([1])), "speed"),
        (TRAINING_LOG, log_table([None]), "missing value"),
        (TRAINING_LOG, log_table(["a"]), "cannot be stored as int32"),
        (VERDICTS, verdict(reason="disliked"), "disliked"),
    ],
)
def test_a_table_that_breaks_its_promise_is_refused_and_leaves_no_file(tmp_path, contract, table, words):
    with pytest.raises(ContractError, match=words):
        contracts.write(tmp_path / "table.parquet", contract, table, Record())
    assert list(tmp_path.iterdir()) == []


def test_another_contract_a_damaged_file_and_no_file_are_told_apart(tmp_path):
    path = tmp_path / "log.parquet"
    with pytest.raises(ContractError, match="no such file"):
        contracts.read(path, TRAINING_LOG)
    contracts.write(path, TRAINING_LOG, log_table([1]), Record())
    with pytest.raises(ContractError, match="holds `training_log/1`, but `metrics/1`"):
        contracts.read(path, METRICS)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ContractError, match="not a readable Parquet"):
        contracts.read(path, TRAINING_LOG)


def test_hive_folders_read_back_as_one_table(tmp_path):
    for generation in (0, 1):
        folder = tmp_path / f"strategy=replace/seed=0/generation={generation}"
        table = log_table([1]).set_column(2, "generation", pa.array(np.array([generation])))
        contracts.write(folder / "training_log.parquet", TRAINING_LOG, table, Record())
    assert ds.dataset(tmp_path, partitioning="hive").to_table()["generation"].to_pylist() == [0, 1]


@pytest.mark.parametrize(
    "fault",
    [pa.lib.ArrowMemoryError("malloc of size 65536 failed"), OSError(12, "Cannot allocate memory"), OSError(5, "I/O")],
)
def test_a_table_that_the_machine_cannot_read_is_not_called_damaged(tmp_path, monkeypatch, fault):
    """Who is told to delete it would lose a whole file."""
    (tmp_path / "table.parquet").touch()

    def fail(*_, **__):
        raise fault

    monkeypatch.setattr(contracts.pq, "ParquetFile", fail)
    with pytest.raises(type(fault)):
        contracts.read(tmp_path / "table.parquet", contracts.DOCUMENTS)
