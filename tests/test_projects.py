"""Whatever tests start, nothing of it runs on."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from projects import Disturbed, Project, state_of, wait_until

ORPHAN = """
import os, subprocess, sys
sleep = [sys.executable, "-c", "import time; print(flush=True); time.sleep(100)"]
child = subprocess.Popen(sleep, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)
child.stdout.readline()
print(child.pid)
"""


@pytest.mark.parametrize("halted", [False, True])
def test_what_runs_in_a_disturbed_project_ends_with_it_whoever_started_it(tmp_path: Path, halted: bool) -> None:
    """It has lost its parent and has a session of its own, as a cancelled Slurm job's Snakemake may."""
    (tmp_path / "project").mkdir()
    disturbed = Disturbed(Project(tmp_path / "project"))
    started = subprocess.run(
        [sys.executable, "-c", ORPHAN], cwd=tmp_path / "project", capture_output=True, text=True, check=True
    )
    process = int(started.stdout)
    if halted:
        os.kill(process, signal.SIGSTOP)
        wait_until(lambda: state_of(process) == "T", "it to halt")
    disturbed.end()
    assert state_of(process) in ("", "Z")
