"""The Makefile, with programs that only write down what they were told."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from projects import ROOT

NAME = """a "b" $c 'd' e"""
NEEDED = ("sh", "env", "make", "grep", "touch", "mkdir", "cp", "dirname", "cat")
PRETENDED = """#!/bin/sh
echo "$*" >> "$TOLD"
case "$*" in *"-m venv "*) mkdir -p .venv/bin && cp "$0" .venv/bin/python;; esac
"""


@pytest.fixture
def checkout(tmp_path, monkeypatch) -> Path:
    """A folder of a difficult name with the Makefile and a lock file, and a PATH with nothing but what make needs."""
    folder, programs = tmp_path / NAME, tmp_path / "bin"
    (folder / "envs").mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", folder)
    (folder / "pyproject.toml").touch()
    (folder / "envs/cpu.txt").write_text("torch==1\n")
    programs.mkdir()
    for name in NEEDED:
        (programs / name).symlink_to(str(shutil.which(name)))
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setenv("TOLD", str(tmp_path / "told"))
    return folder


def pretend(name: str, text: str = PRETENDED) -> None:
    path = Path(os.environ["PATH"]) / name
    path.write_text(text)
    path.chmod(0o755)


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(["make", *arguments], cwd=folder, capture_output=True, text=True, check=False)


def told() -> list[str]:
    return Path(os.environ["TOLD"]).read_text().splitlines()


def test_a_folder_of_any_name_is_set_up_and_runs(checkout):
    pretend("python3.11")
    done = make(checkout, "run")
    assert done.returncode == 0, done.stdout + done.stderr
    assert told()[-1] == "-m snakemake"  # no script, whose first line would hold the folder's name
    assert any("install" in line and "-e ." in line for line in told())


def test_where_there_is_no_python_the_one_that_uv_brings_is_taken(checkout, tmp_path):
    pretend("python-of-uv")
    found = tmp_path / "fetched"
    finds = f'[ -e "{found}" ] && echo "{tmp_path}/bin/python-of-uv" || exit 2'
    pretend("uv", f'#!/bin/sh\ncase "$*" in "python install 3.11") touch "{found}";; *) {finds};; esac\n')
    done = make(checkout, "environment")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "-m venv .venv" in told() and found.exists()


def test_without_python_and_uv_one_sentence_says_what_to_do(checkout):
    done = make(checkout, "environment")
    assert done.returncode != 0
    assert "Python 3.11 is needed" in done.stdout and "uv" in done.stdout and "make PYTHON=" in done.stdout
    assert not (checkout / ".venv").exists()
