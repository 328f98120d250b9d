"""What the machine does to a job, in a sentence."""

import errno

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from collapse import command_line
from collapse.artifacts import contracts
from collapse.families import weights
from collapse.running import faults


class PanicException(BaseException):
    """What a library in Rust panics with is no Exception."""


NO_THREADS = PanicException('ThreadPoolBuildError { kind: IOError(Os { code: 11, kind: WouldBlock, message: "…" }) }')


def test_threads_that_cannot_be_started_are_told_as_memory_or_a_limit(monkeypatch, capsys):
    def panic(_words):
        raise NO_THREADS

    monkeypatch.setattr(command_line, "option_parser", panic)
    monkeypatch.setattr(faults, "explain_signals", lambda: None)
    assert command_line.main(["generate"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("MachineError: No more threads can be started: memory ran out") and "ulimit -u" in said


def test_a_library_that_memory_is_too_small_to_load_is_told_as_memory():
    found = faults.explained(
        ImportError("pyarrow is not built with 'acero' (x.so: failed to map segment from shared object)")
    )
    assert str(found).startswith("Memory ran out")


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(2), KeyboardInterrupt()])
def test_what_is_not_the_machines_fault_is_not_explained(error):
    assert faults.explained(error) is None


def test_a_table_that_a_starved_machine_could_not_read_is_not_called_damaged(monkeypatch, tmp_path):
    """Arrow says so where it can start no thread; the reader would be told to delete what is whole."""
    path = tmp_path / "documents.parquet"
    pq.write_table(pa.table({"text": ["a"]}), path)

    def starved(*_arguments, **_named):
        raise OSError("Unknown error: Failed to launch worker thread: Resource temporarily unavailable")

    monkeypatch.setattr(pq, "ParquetFile", starved)
    with pytest.raises(OSError, match="Failed to launch") as raised:
        contracts.read(path, contracts.DOCUMENTS)
    assert "memory ran out" in str(faults.explained(raised.value))


def test_weights_that_memory_is_too_small_for_are_not_called_damaged(monkeypatch, tmp_path):
    def starved(*_arguments, **_named):
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    monkeypatch.setattr(weights, "safe_open", starved)
    with pytest.raises(OSError, match="Cannot allocate"):
        weights.read(tmp_path / "model.safetensors")
