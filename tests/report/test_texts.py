import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collapse.reporting.texts import segments


@given(st.text())
def test_no_unseen_character_reaches_the_page(text):
    shown = "".join(segment.text for segment in segments(text))
    assert all(unicodedata.category(character)[0] != "C" or character == "\n" for character in shown)


@given(
    st.text(
        alphabet=st.characters(categories=["L", "N", "P", "S", "Zs"], exclude_characters="\N{REPLACEMENT CHARACTER}")
    )
)
def test_what_can_be_seen_is_shown_as_it_is(text):
    assert "".join(segment.text for segment in segments(text)) == text
    assert not any(segment.stands_for for segment in segments(text))


@pytest.mark.parametrize(
    ("character", "sign"), [("\x00", "[U+0000]"), ("\u200b", "[U+200B]"), ("\u202e", "[U+202E]"), ("\n", "↵\n")]
)
def test_an_unseen_character_has_a_sign_that_names_it(character, sign):
    before, found, after = segments(f"a{character}b")
    assert (before.text, found.text, after.text) == ("a", sign, "b")
    assert found.stands_for.startswith(f"U+{ord(character):04X}")
