"""Runs of the real workflow in a folder of their own."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PARTS = ("Snakefile", "config.yaml", "workflow", "profiles")

ARTIFACTS = (".parquet", ".svg", ".html", ".json", ".safetensors")

TINY = {
    "experiment": "tiny",
    "generations": 2,
    "seeds": [0, 1],
    "family": "ngram",
    "generate": {"engine": "native"},
    "budget": {"match": "epochs", "amount": 1},
    "corpus": {"train_bytes": 20_000, "validation_bytes": 10_000, "test_bytes": 10_000},
    "evaluation": {"diversity_tokens": 2_000, "self_bleu_samples": 20},
    "strategies": [
        {"name": "real", "compose": "real"},
        {"name": "replace", "compose": "replace"},
        {"name": "verified", "compose": "accumulate", "verifiers": ["whole", "plausible"]},
    ],
}


class Project:
    """A copy of the workflow, and the ways to run it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        for part in PARTS:
            source = ROOT / part
            if source.is_dir():
                shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, folder / part)

    def configure(self, **changes: object) -> None:
        """The tiny experiment with some settings changed."""
        (self.folder / "experiment.yaml").write_text(yaml.safe_dump(TINY | changes))

    def edit(self, path: str, old: str, new: str) -> None:
        """Change a line of the copied package."""
        file = self.folder / path
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new, 1))

    def digests(self) -> dict[str, str]:
        """SHA-256 of every artifact under results/, by path; not of what tells when and where it was made."""
        found = (path.relative_to(self.folder) for path in (self.folder / "results").rglob("*"))
        artifacts = [
            path
            for path in found
            if path.suffix in ARTIFACTS and not {"provenance", "logs"} & set(path.parts) and path.name[0] != "."
        ]
        return {str(p): hashlib.sha256((self.folder / p).read_bytes()).hexdigest() for p in sorted(artifacts)}

    def snakemake(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "snakemake", "--configfile", "experiment.yaml", *arguments]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        result = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)
        output = result.stdout + result.stderr
        assert not check or result.returncode == 0, output
        result.stdout = output
        return result

    def run(self, *arguments: str) -> str:
        return self.snakemake("--cores", "2", *arguments).stdout

    def jobs(self, *arguments: str) -> dict[str, int]:
        """Jobs that a run would start, by rule."""
        output = self.snakemake("-n", "-q", "rules", *arguments).stdout
        if "Nothing to be done" in output:
            return {}
        lines = output.split("Job stats:")[1].splitlines()[3:]
        counted = {}
        for line in lines:
            parts = line.split()
            if len(parts) != 2 or parts[0] == "total":
                break
            counted[parts[0]] = int(parts[1])
        return counted

    def collapse(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "collapse", *arguments]
        environment = os.environ | {"PYTHONPATH": str(self.folder / "workflow")}
        result = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)
        assert not check or result.returncode == 0, result.stdout + result.stderr
        return result


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Project:
    """The tiny experiment, run to its end. Tests that change anything take a copy (`project`)."""
    project = Project(tmp_path_factory.mktemp("finished") / "project")
    project.configure()
    project.run()
    return project


@pytest.fixture
def project(finished, tmp_path) -> Project:
    """A finished run that may be changed."""
    folder = tmp_path / "project"
    shutil.copytree(finished.folder, folder, copy_function=shutil.copy2)
    copy = Project.__new__(Project)
    copy.folder = folder
    return copy


@pytest.fixture(scope="session")
def new_project() -> type[Project]:
    """Makes a copy of the workflow in a folder."""
    return Project


@pytest.fixture
def fresh(tmp_path) -> Project:
    """The workflow, never run."""
    return Project(tmp_path / "project")
