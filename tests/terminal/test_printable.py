"""What may reach a terminal."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collapse.terminal.printable import fitting, printable


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;a title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9b2Jcleared", r"\x9b2Jcleared"),
        ("abc\u202edcba\u2066", r"abc\u202edcba\u2066"),
        ("first\rsecond\tthird\nfourth", "first\\rsecond  third\nfourth"),
        ("−0.01 … Füße 日本", "−0.01 … Füße 日本"),
    ],
)
def test_commands_go_other_unseen_characters_are_escaped_and_text_stays(hostile, shown):
    assert printable(hostile) == shown


@given(st.text(st.characters(codec=None, exclude_categories=[])))
def test_no_character_that_commands_is_left(text):
    left = set(printable(text)) - {"\n"}
    assert not any(unicodedata.category(c) in ("Cc", "Cs") or unicodedata.bidirectional(c) in BIDI for c in left)


BIDI = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_what_is_written_fits_the_terminals_encoding(encoding):
    shown = fitting("−0.5 … 95 % ±0.1 日", encoding)
    assert shown.encode(encoding)
    assert shown.startswith({"ascii": "-0.5 ... 95 % ?", "latin-1": "-0.5 ... 95 % ±"}.get(encoding, "−0.5 …"))
