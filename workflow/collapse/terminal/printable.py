"""Text that may be shown on a terminal, wherever it comes from."""

import re

UNPRINTABLE = re.compile(
    "\x1b\\[[0-?]*[ -/]*[@-~]|\x1b\\][^\x07\x1b]*(?:\x07|\x1b\\\\)"
    "|[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Commands to a terminal, control characters but tabs and ends of lines, what turns text round, surrogates."""

PLAIN = str.maketrans({"−": "-", "–": "-", "—": "-", "…": "...", "→": "->", "·": "-", "×": "x", "’": "'"})
"""What the project's own sentences hold beyond ASCII, for terminals that cannot show it."""


def printable(text: str) -> str:
    """Text without the characters that command a terminal or hide what is written."""
    return UNPRINTABLE.sub("", text)


def fitting(text: str, encoding: str) -> str:
    """Printable text in characters that an encoding has, `?` for what it has not."""
    shown = printable(text)
    try:
        shown.encode(encoding)
    except UnicodeEncodeError:
        return shown.translate(PLAIN).encode(encoding, "replace").decode(encoding)
    return shown
