"""The generated pages say what the code does."""

from pathlib import Path

import pytest

from collapse import schemas

FOLDER = Path(__file__).parents[1] / "workflow" / "schemas"


@pytest.mark.parametrize("name", sorted(schemas.pages()))
def test_a_generated_page_equals_its_source(name):
    assert (FOLDER / name).read_text() == schemas.pages()[name], "run `make schemas` and commit the result"
