"""Runs of the real workflow in a folder of their own."""

import os
import random
import signal
from collections.abc import Callable, Iterator

import pytest
from projects import SMALL, Disturbed, Project


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
    return finished.copied(tmp_path / "project")


@pytest.fixture(scope="session")
def new_project() -> type[Project]:
    """Makes a copy of the workflow in a folder."""
    return Project


@pytest.fixture
def fresh(tmp_path) -> Project:
    """The workflow, never run."""
    return Project(tmp_path / "project")


# --- disturbed on purpose ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory):
    """The small experiment, run to its end in peace."""
    project = Project(tmp_path_factory.mktemp("undisturbed") / "project")
    project.configure(**SMALL)
    project.run()
    return project


@pytest.fixture
def disturbed(undisturbed, tmp_path) -> Iterator[Disturbed]:
    """A copy of it that may be disturbed; nothing of it runs on when the test has ended."""
    disturbed = Disturbed(undisturbed.copied(tmp_path / "project"))
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
