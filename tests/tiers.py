"""How the tests run: which of them, on how many threads, with what chance, in what order, for how long."""

import os

import pytest
import snakemake_once
from hypothesis import settings

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
os.environ.update(dict.fromkeys(THREADS, "1"))  # before NumPy is imported: threads that wait for small matrices spin

EVERYDAY = "not full and not slurm"
"""What runs where nothing else is asked for."""

MOST_SECONDS = 20.0
"""CPU seconds that a test outside the full tier may take, its own fixtures among them."""

LONGEST = ("faults/test_kills", "workflow/test_audit", "faults/", "workflow/", "engines/")
"""What begins, so that no worker is left alone at the end; the first two each make a run that the others share."""

SECONDS = pytest.StashKey[float]()
"""CPU seconds of a test's own fixtures so far."""

# Where examples are always the same, a test that fails was broken by the change that is tested.
settings.register_profile("everyday", deadline=None, derandomize=True, max_examples=100)
settings.register_profile("full", deadline=None, max_examples=500)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--full",
        action="store_true",
        help="every test, Slurm too; each fault befalls three times, at random moments; random examples",
    )


def pytest_configure(config: pytest.Config) -> None:
    full = config.getoption("full")
    settings.load_profile("full" if full else "everyday")
    if not (config.option.markexpr or full):
        config.option.markexpr = EVERYDAY


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that take longest first; workers take them in this order."""
    items.sort(key=lambda item: next((n for n, part in enumerate(LONGEST) if part in item.nodeid), len(LONGEST)))


# --- time -------------------------------------------------------------------------------------------------------------


def cpu_seconds() -> float:
    """CPU seconds of this process, of its children that have ended, and of every Snakemake that ran for it."""
    times = os.times()
    own = times.user + times.system + times.children_user + times.children_system
    return own + snakemake_once.CHILDREN["cpu_seconds"]


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef, request: pytest.FixtureRequest):
    """Count what a test's own fixtures take; what it shares with others is nobody's."""
    before = cpu_seconds()
    try:
        return (yield)
    finally:
        if fixturedef.scope == "function":
            stash = request.node.stash
            stash[SECONDS] = stash.get(SECONDS, 0.0) + cpu_seconds() - before


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item):
    """Fail a test that takes too long for its tier, by CPU seconds: a busy machine changes them less than the clock."""
    before = cpu_seconds()
    result = yield
    seconds = item.stash.get(SECONDS, 0.0) + cpu_seconds() - before
    is_limited = not (item.config.getoption("full") or any(map(item.get_closest_marker, ("full", "slurm"))))
    if is_limited and seconds > MOST_SECONDS:
        pytest.fail(
            f"{item.nodeid} took {seconds:.0f} CPU seconds, its children's among them; {MOST_SECONDS:.0f} are allowed. "
            "Make it quicker, or mark it `full`.",
            pytrace=False,
        )
    return result
