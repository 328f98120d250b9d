"""Text that a terminal can show, wherever it comes from and whatever it can show."""

import re

from collapse.plain_text import printable_lines

COMMANDS = re.compile("\x1b\\[[0-?]*[ -/]*[@-~]|\x1b\\][^\x07\x1b]*(?:\x07|\x1b\\\\)")
"""Colours, titles, movements: what a program in a terminal may have written into its log."""

PLAIN = str.maketrans({"−": "-", "–": "-", "—": "-", "…": "...", "→": "->", "·": "-", "×": "x", "’": "'"})
"""What the project's own sentences hold beyond ASCII, for terminals that cannot show it."""


def printable(text: str) -> str:
    """Text without commands to a terminal, and with an escape for any other character that is unseen."""
    return printable_lines(COMMANDS.sub("", text).expandtabs())


def fitting(text: str, encoding: str) -> str:
    """Printable text in characters that an encoding has, `?` for what it has not."""
    shown = printable(text)
    try:
        shown.encode(encoding)
    except UnicodeEncodeError:
        return shown.translate(PLAIN).encode(encoding, "replace").decode(encoding)
    return shown
