"""Samples as they are: characters that cannot be seen are made visible, and nothing is cut silently."""

import unicodedata
from dataclasses import dataclass

from collapse.plain_text import UNSEEN

LONGEST = 700
"""Characters of a text that are shown."""


@dataclass(frozen=True)
class Segment:
    """A run of text to be shown as it is, or a sign that stands for one unseen character.

    Attributes:
        text: What is shown.
        stands_for: Code point and name of the character the sign stands for; empty for plain text.
    """

    text: str
    stands_for: str = ""


def segments(text: str) -> tuple[Segment, ...]:
    """Split into plain runs and signs for unseen characters; a line break keeps its break after the sign."""
    found: list[Segment] = []
    plain: list[str] = []
    for character in text:
        if unicodedata.category(character) not in UNSEEN and character != "\N{REPLACEMENT CHARACTER}":
            plain.append(character)
            continue
        if plain:
            found.append(Segment("".join(plain)))
            plain = []
        found.append(Segment(_sign(character), _name(character)))
    return (*found, Segment("".join(plain))) if plain else tuple(found)


def _sign(character: str) -> str:
    known = {
        "\n": "\N{DOWNWARDS ARROW WITH CORNER LEFTWARDS}\n",
        "\t": "\N{RIGHTWARDS ARROW TO BAR}",
        "\N{REPLACEMENT CHARACTER}": "\N{REPLACEMENT CHARACTER}",
    }
    return known.get(character, f"[U+{ord(character):04X}]")


def _name(character: str) -> str:
    return f"U+{ord(character):04X} {unicodedata.name(character, 'control character').lower()}"
