"""Runs that are disturbed on purpose, and the undisturbed one that they must equal."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

SMALL = {
    "seeds": [0],
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
}
"""One arm with every stage of the loop, and a closed-form world."""


class Disturbed:
    """A copy of the finished run that is damaged, run and killed."""

    def __init__(self, project) -> None:
        self.project = project
        self.results: Path = project.folder / "results" / "tiny"

    def start(self, *arguments: str) -> subprocess.Popen:
        """Snakemake, running, in a session of its own; what it prints goes to `snakemake.log`."""
        command = [sys.executable, "-m", "snakemake", "--configfile", "experiment.yaml", "--cores", "2", *arguments]
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
        """Processes of a stage, or of all stages, in this project's folder."""
        return [pid for pid, words in processes() if words[1:3] == ["-m", "collapse"] and self._here(pid, words, stage)]

    def _here(self, pid: int, words: list[str], stage: str) -> bool:
        with contextlib.suppress(OSError):
            return Path(f"/proc/{pid}/cwd").resolve() == self.project.folder.resolve() and words[3].startswith(stage)
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

    def wait_for_jobs(self) -> None:
        """Wait until no job of this project runs any more."""
        while self.jobs():
            time.sleep(0.05)


def processes() -> Iterator[tuple[int, list[str]]]:
    """Every process and its command line."""
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            yield int(entry.name), (entry / "cmdline").read_text().split("\0")[:-1]


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory, new_project):
    """The small experiment, run to its end in peace."""
    project = new_project(tmp_path_factory.mktemp("undisturbed") / "project")
    project.configure(**SMALL)
    project.run()
    return project


@pytest.fixture
def disturbed(undisturbed, tmp_path, new_project) -> Iterator[Disturbed]:
    """A copy of it that may be disturbed; nothing of it runs on when the test has ended."""
    folder = tmp_path / "project"
    shutil.copytree(undisturbed.folder, folder, copy_function=shutil.copy2)
    copy = new_project.__new__(new_project)
    copy.folder = folder
    disturbed = Disturbed(copy)
    yield disturbed
    for pid in disturbed.jobs():
        os.kill(pid, signal.SIGKILL)


@pytest.fixture
def assert_recovers(undisturbed) -> Callable[[Disturbed], str]:
    """Run Snakemake as before, with nothing repaired by hand: every artifact must equal the undisturbed run's."""

    def check(disturbed: Disturbed) -> str:
        output = disturbed.project.run()
        assert disturbed.project.digests() == undisturbed.digests()
        assert not list(disturbed.results.rglob(".*.partial"))
        assert not list(disturbed.results.rglob(".*.work"))
        return output

    return check


@pytest.fixture
def chance(request) -> random.Random:
    """Random moments, other ones in every run; the seed is printed when a test fails."""
    seed = random.SystemRandom().randrange(2**32)
    print(f"{request.node.name}: random.Random({seed})")
    return random.Random(seed)
