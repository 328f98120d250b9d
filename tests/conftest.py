"""Runs of the real workflow in a folder of their own."""

import os
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from filelock import FileLock
from projects import SMALL, Disturbed, Project

pytest_plugins = ["tiers"]

OUTPUT = "output.txt"
"""Beside a shared run: what Snakemake printed into a pipe."""


@pytest.fixture(scope="session")
def project_for_all(tmp_path_factory: pytest.TempPathFactory):
    """The workflow in a folder that the tests of a file share, removed after the last of them."""

    @contextmanager
    def made(name: str) -> Iterator[Project]:
        folder = tmp_path_factory.mktemp("shared")
        yield Project(folder / name)
        shutil.rmtree(folder)

    return made


@pytest.fixture(scope="session")
def run_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Project]:
    """A run of the workflow that is made once, by the worker that asks first; the others wait for it."""
    mine = tmp_path_factory.getbasetemp()
    base = mine.parent if "PYTEST_XDIST_WORKER" in os.environ else mine

    def made(name: str, **changes: object) -> Project:
        folder, done = base / name, base / f"{name}.done"
        with FileLock(base / f"{name}.lock"):
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)  # another worker's attempt that failed
                project = Project(folder)
                project.configure(**changes)
                (folder / OUTPUT).write_text(project.run())
                done.touch()
        return Project(folder)

    return made


@pytest.fixture(scope="session")
def finished(run_once) -> Project:
    """The tiny experiment, run to its end. Tests that change anything take a copy (`project`)."""
    return run_once("finished")


@pytest.fixture
def project(finished, tmp_path) -> Project:
    """A finished run that may be changed."""
    return Project(tmp_path / "project", finished)


@pytest.fixture
def fresh(tmp_path) -> Project:
    """The workflow, never run."""
    return Project(tmp_path / "project")


# --- disturbed on purpose ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def undisturbed(run_once) -> Project:
    """The small experiment, run to its end in peace."""
    return run_once("undisturbed", **SMALL)


@pytest.fixture
def disturbed(undisturbed, tmp_path) -> Iterator[Disturbed]:
    """A copy of it that may be disturbed; nothing of it runs on when the test has ended."""
    disturbed = Disturbed(Project(tmp_path / "project", undisturbed))
    yield disturbed
    disturbed.end()


@pytest.fixture
def assert_whole(undisturbed) -> Callable[[Disturbed], None]:
    """Every artifact must equal the undisturbed run's, and nothing half-done may be left."""

    def check(disturbed: Disturbed) -> None:
        assert disturbed.project.digests() == undisturbed.digests()
        assert not list(disturbed.results.rglob(".*.partial"))
        assert not list(disturbed.results.rglob(".*.work"))

    return check


@pytest.fixture
def assert_recovers(assert_whole) -> Callable[[Disturbed], str]:
    """Run Snakemake as before, with nothing repaired by hand, and find everything whole."""

    def check(disturbed: Disturbed) -> str:
        output = disturbed.run().stdout
        assert_whole(disturbed)
        return output

    return check


@pytest.fixture
def n_faults(request) -> int:
    """How often each fault befalls a run, at other moments."""
    return 3 if request.config.getoption("full") else 1


@pytest.fixture
def chance(request) -> random.Random:
    """Random moments: a test's own, the same in every run; in the full tier, new ones, told when a test fails."""
    seed = request.node.name
    if request.config.getoption("full"):
        seed = random.SystemRandom().randrange(2**32)
        print(f"{request.node.name}: random.Random({seed})")
    return random.Random(seed)
