"""What `python -m collapse` prints and refuses, whatever it is given."""

import json
import logging
import os
import signal
import subprocess
import sys
import typing
from collections.abc import Callable
from pathlib import Path

import pytest
from projects import ROOT

from collapse import command_line
from collapse.errors import ConfigError, ContractError
from collapse.running.files import written_at_once
from collapse.stages import Output

HOSTILE = "\x1b[2J\x9b31m\u202egpj\u200b"
SHOWN = r"\x1b[2J\x9b31m\u202egpj\u200b"


@pytest.fixture(autouse=True)
def handlers():
    """A command takes over signals; a test gives them back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGXCPU)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(
    "words",
    [
        ["describe", f"{HOSTILE}.parquet"],
        ["trace", HOSTILE],
        ["audit", HOSTILE],
        ["measure", HOSTILE],
        ["explain", "--configfile", HOSTILE],
    ],
)
def test_a_message_that_quotes_a_word_does_not_steer_the_terminal(words: list[str], capsys, monkeypatch) -> None:
    monkeypatch.chdir(ROOT)
    assert command_line.main(words) == 1
    told = capsys.readouterr()
    assert SHOWN in told.err and "\x1b" not in told.err + told.out and len(told.err.splitlines()) > 1


def test_a_log_that_quotes_others_does_not_steer_the_terminal(capsys, monkeypatch) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    command_line._log_in_plain_text()
    logging.getLogger("stage").warning("%s\n  %s", HOSTILE, "next line")
    assert capsys.readouterr().err == f"{SHOWN}\n  next line\n"


def test_an_answer_that_quotes_others_does_not_steer_the_terminal(capsys, monkeypatch) -> None:
    def explain(**_: object) -> str:
        return f"one\n{HOSTILE}"

    monkeypatch.setattr("collapse.questions.drift.explain", explain)
    assert command_line.main(["explain"]) == 0
    assert capsys.readouterr().out == f"one\n{SHOWN}\n"


def test_a_setting_of_a_stage_is_quoted_in_plain_text(capsys) -> None:
    words = ["contrast", "--metrics", "m", "--contrasts", "c", "--spec", json.dumps({HOSTILE: HOSTILE})]
    assert command_line.main(words) == 1
    told = capsys.readouterr().err
    assert ConfigError.__name__ in told and SHOWN in told and "\x1b" not in told


# --- folders in the place of files ------------------------------------------------------------------------------------


def copy(*, source: Path, made: Output) -> None:
    """A stage."""
    with written_at_once(made) as partial:
        partial.write_bytes(source.read_bytes())


@pytest.fixture
def run_copy(tmp_path: Path) -> Callable[[], None]:
    hints = typing.get_type_hints(copy, include_extras=True)
    options = {"source": tmp_path / "source.parquet", "made": tmp_path / "made.parquet", "code": ""}
    options["source"].write_text("whole")
    return lambda: command_line._run_stage("copy", copy, hints, dict(options))


@pytest.mark.parametrize(("make", "words"), [(os.mkdir, "is a folder"), (os.mkfifo, "is a pipe")])
def test_an_input_that_is_no_file_is_refused_and_set_aside(tmp_path: Path, run_copy, make, words: str) -> None:
    (tmp_path / "source.parquet").unlink()
    make(tmp_path / "source.parquet")
    with pytest.raises(ContractError, match=f"source.parquet: {words}"):
        run_copy()
    assert (tmp_path / "source.parquet.damaged").exists() and not (tmp_path / "source.parquet").exists()


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_what_lies_where_an_output_goes_is_set_aside(tmp_path: Path, run_copy, make, caplog) -> None:
    make(tmp_path / "made.parquet")
    run_copy()
    assert (tmp_path / "made.parquet").read_text() == "whole"
    assert (tmp_path / "made.parquet.damaged").exists()
    assert "it is set aside as made.parquet.damaged" in caplog.text


# --- signals ----------------------------------------------------------------------------------------------------------


def test_ctrl_c_while_a_command_imports_ends_in_a_sentence(tmp_path: Path) -> None:
    """It comes as the first library is imported."""
    (tmp_path / "pydantic.py").write_text(
        "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(9)\n"
    )
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}:{ROOT / 'workflow'}", "COLLAPSE_FORK_SERVER": "off"}
    command = [sys.executable, "-m", "collapse", "describe", "a"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 128 + signal.SIGINT
    assert "Stopped by SIGINT (Ctrl-C)" in done.stderr and "Traceback" not in done.stderr


def test_ctrl_c_while_snakemake_plans_ends_in_a_sentence() -> None:
    code = "from collapse.running import faults; faults.explain_interrupt(); raise {}"
    told = {}
    for error in ("KeyboardInterrupt", "ValueError"):
        command = [sys.executable, "-c", code.format(error)]
        environment = os.environ | {"PYTHONPATH": str(ROOT / "workflow")}
        told[error] = subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stderr
    assert "Stopped by SIGINT (Ctrl-C)" in told["KeyboardInterrupt"]
    assert "Traceback" in told["ValueError"] and "Traceback" not in told["KeyboardInterrupt"]
