"""Copies of the workflow that tests run, change and disturb."""

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
PARTS = ("Snakefile", "config.yaml", "workflow", "profiles", "slurm")

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
            if source.is_symlink():
                (folder / part).symlink_to(source.readlink())
            elif source.is_dir():
                shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, folder / part)

    def copied(self, folder: Path) -> "Project":
        """A copy of a run, which may be changed."""
        shutil.copytree(self.folder, folder, copy_function=shutil.copy2)
        copy = Project.__new__(Project)
        copy.folder = folder
        return copy

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


SMALL = {
    "seeds": [0],
    "corpus": TINY["corpus"] | {"source": "grammar", "grammar": {"draws": 3_000}},
    "strategies": [{"name": "verified", "compose": "accumulate", "verifiers": ["whole", "plausible"]}],
    "generate": {"engine": "native", "chunk_rows": 10},
    "worlds": {
        "line": {
            "model": "linear_regression",
            "title": "Least squares",
            "paper": "gerstgrasser-2024",
            "panels": [{"metric": "relative_error", "title": "Error"}],
            "samples": 12,
            "dimension": 3,
            "noise_variance": 1.0,
            "design": "same",
            "ridge": 0.0,
            "replicates": 40,
            "generations": 2,
            "strategies": [{"name": "replace", "compose": "replace"}],
        }
    },
    "claims": {
        "A1-line": {
            "kind": "value",
            "paper": "gerstgrasser-2024",
            "where": "theorem 1",
            "statement": "The error grows linearly.",
            "evidence": "source",
            "select": {"world": "line", "metric": "relative_error", "strategy": "replace"},
            "expected": "theory",
            "tolerance": 0.5,
        }
    },
}
"""One arm of a known language with every stage of the loop, a closed-form world, and a claim about it."""


FAULTS = int(os.environ.get("FAULTS", "1"))
"""How often each fault befalls a run, at other moments."""


class Disturbed:
    """A copy of the finished run that is damaged, run and killed."""

    def __init__(self, project) -> None:
        self.project = project
        self.results: Path = project.folder / "results" / "tiny"
        self.arguments: tuple[str, ...] = ("--cores", "2")

    def start(self, *arguments: str) -> subprocess.Popen:
        """Snakemake, running, in a session of its own; what it prints goes to `snakemake.log`."""
        command = [sys.executable, "-m", "snakemake", "--configfile", "experiment.yaml", *self.arguments, *arguments]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        with (self.project.folder / "snakemake.log").open("w") as log:
            return subprocess.Popen(
                command, cwd=self.project.folder, env=environment, stdout=log, stderr=log, start_new_session=True
            )

    @property
    def output(self) -> str:
        """What the last started Snakemake has printed."""
        return (self.project.folder / "snakemake.log").read_text()

    def jobs(self, stage: str = "") -> list[int]:
        """Processes that do the work of a stage, or of all stages, in this project's folder."""
        here = [(pid, words) for pid, words in processes() if self._here(pid)]
        forked = [pid for pid, words in here if f"{words[0]} ".startswith(f"collapse {stage}")]
        by_themselves = [pid for pid, words in here if words[1:3] == ["-m", "collapse"] and stage in ("", words[3])]
        return forked or by_themselves  # of a job that was forked, the latter only wait

    def servers(self) -> list[int]:
        """Processes that this project's jobs are forked from."""
        return [pid for pid, words in processes() if words[1:3] == ["-m", "collapse.fork_server"] and self._here(pid)]

    def _here(self, pid: int) -> bool:
        with contextlib.suppress(OSError):
            return Path(f"/proc/{pid}/cwd").resolve() == self.project.folder.resolve()
        return False

    def interrupt(
        self, stage: str, moment: float, number: int = signal.SIGKILL, when: Callable[[], object] = lambda: True
    ) -> bool:
        """Run Snakemake, and send the stage's process a signal some seconds after `when`; whether it was in time."""
        return self.meet(stage, moment, lambda pid: os.kill(pid, number), when)

    def meet(
        self, stage: str, moment: float, fault: Callable[[int], object], when: Callable[[], object] = lambda: True
    ) -> bool:
        """Run Snakemake to its end, and have a fault befall the stage's process; whether it did, and was felt."""
        run, met = self.start(), False
        while run.poll() is None and not met:
            if (found := self.jobs(stage)) and when():
                time.sleep(moment)
                with contextlib.suppress(ProcessLookupError):
                    fault(found[0])
                    met = True
            time.sleep(0.005)
        run.wait()
        return met and run.returncode != 0

    def forget(self, *patterns: str) -> None:
        """Delete artifacts, so that their stage runs again."""
        for pattern in patterns:
            found = list(self.results.glob(pattern))
            assert found, pattern
            for path in found:
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def processes() -> Iterator[tuple[int, list[str]]]:
    """Every process and its command line."""
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if words := (entry / "cmdline").read_text().rstrip("\0").split("\0"):
                yield int(entry.name), words
