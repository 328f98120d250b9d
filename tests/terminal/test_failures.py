"""What is said of a job that failed."""

import subprocess
from pathlib import Path

import pytest
from projects import ROOT

from collapse.running import job_shell
from collapse.running.faults import DISK_FULL, KILLED, said_of
from collapse.terminal.failures import exit_status, last_words, reasons


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("Command 'x' returned non-zero exit status 3.", 3),
        ("Command 'exit status' died with <Signals.SIGKILL: 9>.", KILLED),
        ("Command 'echo exit status 7' returned non-zero exit status 1.", 1),
        ("Missing output files", None),
    ],
)
def test_the_exit_status_is_read_from_what_snakemake_says(said, status):
    assert exit_status(said) == status


def test_a_refusal_is_shown_with_what_to_do():
    log = "reading 3 documents\nContractError: samples.parquet: is cut off.\n  Run snakemake again.\n"
    assert last_words(log) == ["ContractError: samples.parquet: is cut off.", "  Run snakemake again."]


def test_of_a_traceback_the_error_is_shown():
    log = 'Traceback (most recent call last):\n  File "x.py", line 1\nKeyError: 1\n\nDuring …\nValueError: bad\n'
    assert last_words(log) == ["ValueError: bad"]


def test_without_an_error_the_last_lines_are_shown():
    assert last_words("one\ntwo\n\nthree\nfour\n") == ["two", "three", "four"]


def test_memory_is_named_only_where_the_job_was_killed(tmp_path):
    log = tmp_path / "train.log"
    log.write_text("MachineError: Stopped by SIGINT (Ctrl-C).\n")
    assert "memory" not in " ".join(reasons([str(log)], 130))
    assert "memory ran out" in " ".join(reasons([str(log)], KILLED))


def test_what_the_shell_of_a_slurm_job_said_is_found_in_slurms_log(tmp_path):
    log = tmp_path / "slurm.log"
    log.write_text(f"{said_of(KILLED)}\nRuleException:\nCalledProcessError in file x, line 3:\n")
    assert reasons([str(log)], None) == [said_of(KILLED)]


def test_a_full_disk_is_named_where_the_log_could_not_name_it(tmp_path):
    assert "The disk is full" in reasons([str(tmp_path / "none.log")], DISK_FULL)[0]


def test_an_empty_log_is_said_to_be_empty(tmp_path):
    log = tmp_path / "train.log"
    log.touch()
    assert reasons([str(log)], 1) == ["It left no word in its log (exit status 1)."]


@pytest.mark.parametrize(
    ("command", "sentence"),
    [("kill -9 $BASHPID", "was killed (signal 9)"), ("exit 28", "The disk is full"), ("exit 1", None)],
)
def test_a_shell_that_must_explains_how_its_job_ended(tmp_path, command, sentence):
    package = tmp_path / "a 'quoted' {folder}"
    package.symlink_to(ROOT / "workflow")
    prefix = job_shell.prefix(package, explains_its_end=True).replace("{{", "{").replace("}}", "}")
    done = subprocess.run(
        ["bash", "-c", f"{prefix} (trap - EXIT; {command})"],
        env=job_shell.environment(package),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (KILLED, DISK_FULL, 1)
    assert sentence is None or sentence in done.stderr
    assert sentence or not done.stderr


def test_elsewhere_the_job_takes_the_place_of_its_shell(tmp_path):
    """So the shell cannot write over what the terminal shows, and its command is short."""
    prefix = job_shell.prefix(ROOT / "workflow", explains_its_end=False).replace("{{", "{").replace("}}", "}")
    command = f"{prefix} python -c 'import os; os.kill(os.getpid(), 9)' &>{tmp_path}/log"
    environment = job_shell.environment(Path(ROOT, "workflow"))
    done = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (-9, "")
    assert "memory" not in prefix and len(prefix) < 80
