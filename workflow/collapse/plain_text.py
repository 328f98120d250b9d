"""Text from data as a terminal may be given it: what would steer the terminal, or turn or hide words, is an escape."""

import unicodedata

UNSEEN = frozenset({"Cc", "Cf", "Co", "Cn", "Cs", "Zl", "Zp"})
"""Unicode categories without a shape of their own: controls, bidirectional and zero-width marks, line separators, half
surrogate pairs, and code points that mean nothing, or something only to some fonts."""


def printable(text: str) -> str:
    r"""The text on one line, with an escape such as `\x1b` or `\u202e` in the place of each unseen character."""
    if text.isprintable():
        return text
    return "".join(_escaped(one) if unicodedata.category(one) in UNSEEN else one for one in text)


def printable_lines(text: str) -> str:
    """The same for a text whose line feeds are its own."""
    return "\n".join(map(printable, text.split("\n")))


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
