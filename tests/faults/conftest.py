"""Which part of an experiment a fault befalls."""

from pathlib import Path

import pytest

BESIDE_OTHER_WORK = 900
"""Seconds by the clock that a fault's test may take: it starts many processes, which on a busy machine wait for it."""

ARM = "strategy=verified/seed=0/generation=2"


@pytest.fixture(params=[pytest.param(ARM, id="an arm"), pytest.param("", id="everything", marks=pytest.mark.full)])
def part(request, disturbed) -> str:
    """The part that a fault befalls, and that alone is made: the last arm; in the full tier, everything too."""
    if request.param:
        tables = sorted(path.name for path in (disturbed.results / request.param).glob("*.parquet"))
        disturbed.aim_at(*(f"{request.param}/{name}" for name in (*tables, "model/model.json")))
    return request.param


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(BESIDE_OTHER_WORK))
