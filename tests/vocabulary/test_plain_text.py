"""Nothing of a text steers a terminal, and all of it can be read."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collapse.plain_text import printable, printable_lines


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", "\\x1b[2J"),
        ("\x9b31m\x7f\x00", "\\x9b31m\\x7f\\x00"),
        ("\u202egpj.exe\u2066", "\\u202egpj.exe\\u2066"),
        ("a\u200bb\ufeffc", "a\\u200bb\\ufeffc"),
        ("one\ntwo\r\tthree\u2028", "one\\ntwo\\r\\tthree\\u2028"),
        ("half \ud800", "half \\ud800"),
        ("\U000e0041", "\\U000e0041"),
        ("Grüße – 日本語\u3000😀\u00a0e\u0301", "Grüße – 日本語\u3000😀\u00a0e\u0301"),
    ],
)
def test_unseen_characters_are_escapes_and_all_others_themselves(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text())
def test_what_is_printed_has_a_shape_and_can_be_encoded(text: str) -> None:
    shown = printable(text)
    assert not [
        one for one in shown if unicodedata.category(one)[0] == "C" or unicodedata.category(one) in ("Zl", "Zp")
    ]
    assert printable(shown) == shown
    shown.encode()


def test_lines_of_ones_own_stay_lines() -> None:
    assert printable_lines("one\x1b\n  two\n") == "one\\x1b\n  two\n"
