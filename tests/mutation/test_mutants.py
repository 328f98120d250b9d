"""The tests that `make mutants` asks are there."""

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import mutants

ASKED = sorted({test for tests in (*mutants.NEAR.values(), mutants.FAR) for test in tests})


@pytest.mark.parametrize("test", ASKED)
def test_what_mutants_are_shown_to_is_there(test):
    path, _, name = test.partition("::")
    assert (mutants.ROOT / path).exists()
    assert not name or re.search(rf"^def {name}\(", (mutants.ROOT / path).read_text(), re.MULTILINE)


@pytest.mark.parametrize("target", mutants.TARGETS)
def test_what_is_broken_is_there(target):
    assert (mutants.ROOT / mutants.PACKAGE / target).exists()
