"""The shell that every job runs in: which interpreter and package it finds, and what it says when a job cannot."""

import os
import shlex
import sys
from pathlib import Path

from collapse.errors import EngineError

ALLOCATOR = {
    "MALLOC_MMAP_THRESHOLD_": "4294967296",
    "MALLOC_TRIM_THRESHOLD_": "8589934592",
    "MALLOC_TOP_PAD_": "67108864",
}
"""Freed memory is kept for the next step, not handed back to the system: a tenth of a small model's training time."""

THREADS = ("OMP", "GOTO", "OPENBLAS", "MKL", "NUMEXPR")
THREADED = {f"{library}_NUM_THREADS": "1" for library in THREADS} | {"VECLIB_MAXIMUM_THREADS": "1"}
"""What Snakemake sets for a rule of one thread."""


def interpreter() -> str:
    """The interpreter of every step: `COLLAPSE_PYTHON` where it must be another than Snakemake's own.

    Raises:
        EngineError: It is no program.
    """
    named = os.environ.get("COLLAPSE_PYTHON") or sys.executable
    if not os.access(named, os.X_OK):
        raise EngineError(f"COLLAPSE_PYTHON: {named} is not a program.\n  Name a python, or unset it.")
    return named


def prefix(package: Path, explains_its_end: bool) -> str:
    """What precedes every job's command.

    Args:
        package: The folder that holds this package.
        explains_its_end: Whether the shell must say what an exit status means, because nobody else does.
    """
    if explains_its_end:
        return f"set -euo pipefail; . {_word(str(package / 'collapse' / 'running' / 'ending.sh'))}; "
    # The job takes the place of its shell, which would write "Killed" over what the terminal shows.
    return 'set -euo pipefail; python() {{ exec python "$@"; }}; '


def environment(package: Path) -> dict[str, str]:
    """The variables that a job of one thread finds, whatever the user's shell has activated."""
    path = f"{os.path.dirname(interpreter())}:{os.environ.get('PATH', os.defpath)}"
    return {**os.environ, **THREADED, **_settings(package), "PATH": path}


def _settings(package: Path) -> dict[str, str]:
    return {"PYTHONPATH": str(package), **ALLOCATOR}


def _word(path: str) -> str:
    """A path as one word: its name may hold what the shell would read, and braces, which Snakemake would."""
    return shlex.quote(path).replace("{", "{{").replace("}", "}}")
