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
from typing import TypeVar

import snakemake_once
import yaml

T = TypeVar("T")

Started = snakemake_once.Run | subprocess.Popen
"""A Snakemake that runs."""

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


def copy_workflow(folder: Path) -> None:
    """Make a folder with all that a run needs and nothing that one has made."""
    folder.mkdir(parents=True)
    for part in PARTS:
        source = ROOT / part
        if source.is_dir() and not source.is_symlink():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / part, follow_symlinks=False)


class Project:
    """A copy of the workflow, and the ways to run it."""

    def __init__(self, folder: Path, run: "Project | None" = None) -> None:
        """The one that is in a folder; made if there is none, from the workflow alone or from a run and all of its."""
        self.folder = folder
        if run is not None:
            shutil.copytree(run.folder, folder, symlinks=True)
        elif not folder.exists():
            copy_workflow(folder)

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

    @property
    def environment(self) -> dict[str, str]:
        """The variables of a Snakemake that finds this copy's logger plugin, as if this copy were the one installed."""
        return os.environ | {"PYTHONPATH": str(self.folder / "workflow")}

    def snakemake(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess:
        words = ["--configfile", "experiment.yaml", *arguments]
        result = snakemake_once.run(words, self.folder, self.environment)
        assert not check or result.returncode == 0, result.stdout
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
        result = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        assert not check or result.returncode == 0, result.stdout + result.stderr
        return result


SMALL = {
    "seeds": [0],
    "corpus": TINY["corpus"] | {"source": "grammar", "grammar": {"draws": 3_000}},
    "strategies": [{"name": "verified", "compose": "accumulate", "verifiers": ["whole", "plausible"]}],
    "generate": {"engine": "native", "chunk_rows": 10},
    "stopping": {"noise": {"metric": "distinct_2", "evaluation_set": "samples", "change": 0.001, "patience": 1}},
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
            "evidence": "theorem",
            "select": {"world": "line", "metric": "relative_error", "strategy": "replace"},
            "expected": "theory",
            "tolerance": 0.5,
        }
    },
}
"""One arm of a known language with every stage of the loop, a closed-form world, and a claim about it."""


MINUTES = 4
"""By the clock; what a run of the small experiment never takes, however busy the machine is."""


def wait_until(
    happened: Callable[[], T],
    what: str,
    output: Callable[[], str] = str,
    minutes: float = MINUTES,
    pause: float = 0.03,
) -> T:
    """Wait for something to be true, and return it.

    Args:
        happened: Asked again and again.
        what: What is waited for, in words for the failure.
        output: What the failure shows besides.
        minutes: How long, by the clock.
        pause: Seconds between two questions.
    """
    end = time.monotonic() + 60 * minutes
    while not (found := happened()):
        assert time.monotonic() < end, f"waited {minutes} minutes for {what}:\n{output()}"
        time.sleep(pause)
    return found


class Disturbed:
    """A copy of a finished run that is damaged, run and killed."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.results: Path = project.folder / "results" / "tiny"
        self.arguments: tuple[str, ...] = ("--cores", "2")
        self.targets: tuple[str, ...] = ()
        """What is made; everything if empty."""
        self.minutes = MINUTES
        self._runs: list[Started] = []

    def aim_at(self, *artifacts: str) -> None:
        """Have nothing made but these, named below the results' folder, and what they need."""
        self.targets = tuple(f"results/tiny/{artifact}" for artifact in artifacts)

    def run(self, check: bool = True) -> subprocess.CompletedProcess:
        """Run Snakemake to its end."""
        return self.project.snakemake(*self.arguments, *self._asked(), check=check)

    def _asked(self) -> tuple[str, ...]:
        return ("--", *self.targets) if self.targets else ()

    def start(self, *arguments: str) -> Started:
        """Snakemake, running, in a session of its own; what it prints goes to `snakemake.log`."""
        words = ["--configfile", "experiment.yaml", *self.arguments, *arguments, *self._asked()]
        with (self.project.folder / "snakemake.log").open("w") as log:
            run = snakemake_once.start(words, self.project.folder, self.project.environment, log)
        self._runs.append(run)
        return run

    def ended(self, run: Started) -> int:
        """Wait for a run to end; its exit status."""
        self._wait_until(lambda: run.poll() is not None, "the end of Snakemake")
        assert run.returncode is not None
        return run.returncode

    @property
    def output(self) -> str:
        """What the last started Snakemake has printed."""
        return (self.project.folder / "snakemake.log").read_text()

    def jobs(self, stage: str = "") -> list[int]:
        """Processes that do the work of a stage, or of all stages, in this project's folder."""
        here = [(pid, words) for pid, words in processes() if self._here(pid)]
        forked = [pid for pid, words in here if f"{words[0]} ".startswith(f"{f'collapse {stage}'.strip()} ")]
        by_themselves = [pid for pid, words in here if words[1:3] == ["-m", "collapse"] and stage in ("", words[3])]
        return forked or by_themselves  # of a job that was forked, the latter only wait

    def servers(self) -> list[int]:
        """Processes that this project's jobs are forked from."""
        return [
            pid
            for pid, words in processes()
            if words[1:3] == ["-m", "collapse.running.fork_server"] and self._here(pid)
        ]

    def _here(self, pid: int) -> bool:
        with contextlib.suppress(OSError):
            return Path(f"/proc/{pid}/cwd").resolve() == self.project.folder.resolve()
        return False

    def at_work(self, stage: str) -> bool:
        """Whether a process of the stage has read what it needs and holds the lock of what it writes."""
        holders = [f"process {pid} on" for pid in self.jobs(stage)]
        locks = [lock.read_text() for lock in self.results.rglob("provenance/.*.lock")] if holders else []
        return any(text.startswith(holder) for holder in holders for text in locks)

    def first_job(self, run: Started) -> bool:
        """Wait until a job of a run is there; False if the run ended without one."""
        self._wait_until(lambda: run.poll() is not None or self.jobs(), "a job")
        return run.poll() is None

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
        self._wait_until(lambda: run.poll() is not None or self.jobs(stage), f"{stage} to run")
        self._wait_until(lambda: when() or not self.jobs(stage), f"the moment in {stage}", pause=0.005)
        time.sleep(moment)
        for pid in self.jobs(stage)[:1]:
            with contextlib.suppress(ProcessLookupError):
                fault(pid)
                met = True
        return self.ended(run) != 0 and met

    def _wait_until(self, happened: Callable[[], object], what: str, pause: float = 0.03) -> None:
        wait_until(happened, what, lambda: self.output, self.minutes, pause)

    def forget(self, *patterns: str) -> None:
        """Delete artifacts, so that their stage runs again."""
        for pattern in patterns:
            found = list(self.results.glob(pattern))
            assert found, pattern
            for path in found:
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def end(self) -> None:
        """Kill what still runs in its folder, whoever started it, and wait for the end of it.

        A Slurm job runs a Snakemake of its own there. One that is cancelled may have lost its parent, and with it
        Slurm's sight, while its own job is halted: it would wait for that for ever.
        """
        for run in self._runs:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(run.pid, signal.SIGKILL)
            run.wait()

        def killed() -> bool:
            left = [pid for pid, _ in processes() if self._here(pid)]
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return not left

        wait_until(killed, f"the end of all that runs in {self.project.folder}")


def processes() -> Iterator[tuple[int, list[str]]]:
    """Every process and its command line."""
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if words := (entry / "cmdline").read_text().rstrip("\0").split("\0"):
                yield int(entry.name), words


def state_of(process: int) -> str:
    """The letter of a process's state, such as T for stopped; nothing if there is no such process."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    return ""
