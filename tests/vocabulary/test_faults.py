"""What the machine does to a job, in a sentence."""

import pytest

from collapse import command_line
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


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(2), KeyboardInterrupt()])
def test_what_is_not_the_machines_fault_is_not_explained(error):
    assert faults.explained(error) is None
