"""Copies of the workflow that benchmarks run, set to the study from scratch or to a small one of the same kind.

The models of that study start from nothing, as a plain script's do, so the two can be compared.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from projects import Project

from benchmarks.costs import ROOT, Cost, of_command
from collapse.config import load_plan
from collapse.config.plan import Plan

SMALL: dict[str, Any] = {
    "generations": 1,
    "seeds": [0],
    "corpus": {"train_bytes": 20_000, "validation_bytes": 10_000, "test_bytes": 10_000},
    "budget": {"amount": 4_000},
    "strategies": [
        {"name": "real", "compose": "real"},
        {"name": "replace", "compose": "replace", "verifiers": ["plausible"], "oversample": 2},
    ],
}
"""What a small experiment changes of the study."""

STUDY = ROOT / "workflow" / "experiments" / "studies" / "from-scratch.yaml"


def new_copy(folder: Path, small: bool) -> Project:
    """The workflow, never run, in a folder of its own."""
    project = Project(folder)
    (folder / "config.yaml").write_text(yaml.safe_dump(_study(SMALL if small else {})))
    return project


def study() -> Plan:
    """The study from scratch."""
    return load_plan(_study({}), str(STUDY))


def _study(changes: dict[str, Any]) -> dict[str, Any]:
    from snakemake.utils import update_config  # most who ask for a plan need no Snakemake

    settings = _settings(ROOT)
    for overriding in (yaml.safe_load(STUDY.read_text()), changes):
        update_config(settings, overriding)
    return settings


def plan_of(folder: Path) -> Plan:
    """The experiment that a copy is set to."""
    return load_plan(_settings(folder), str(folder / "config.yaml"))


def _settings(folder: Path) -> dict[str, Any]:
    return yaml.safe_load((folder / "config.yaml").read_text())


def snakemake(project: Project, *arguments: str, environment: Mapping[str, str] | None = None) -> Cost:
    """Run a copy as `make run` does, on all cores, and say what that took."""
    command = [sys.executable, "-m", "snakemake", "--cores", "all", *arguments]
    return of_command(command, project.folder, environment or {})
