"""What stopped Snakemake itself, where all it has to say is a traceback: a config file, a disk, permissions."""

import re
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

from collapse.config.files import read
from collapse.errors import ConfigError
from collapse.running.faults import ADVICE
from collapse.terminal.printable import printable

OPTIONS = ("--configfile", "--configfiles")

OF_THE_SYSTEM = re.compile(r"^(?:\w*Error): \[Errno (?P<number>\d+)\] [^\n]*$", re.MULTILINE)
"""The line of a traceback in which the operating system says why."""


def refused_by_the_system(said: str) -> str | None:
    """What to do about a fault of the machine that Snakemake ended with; None if it was another.

    Args:
        said: Its traceback.
    """
    found = list(OF_THE_SYSTEM.finditer(said.rstrip()))
    if not found or found[-1].end() < len(said.rstrip()):
        return None
    advice = ADVICE.get(int(found[-1]["number"]))
    return printable(f"{advice}\n  ({found[-1][0]})") if advice else None


def explained(words: Sequence[str]) -> str | None:
    """Which config file of a command line cannot be read, where and why; None if all can.

    Args:
        words: Snakemake's command line. Snakemake names neither file nor line of what it cannot read.
    """
    for path in _config_files(words):
        try:
            read(path)
        except ConfigError as error:
            return printable(f"ConfigError: {error}")
    return None


def _config_files(words: Sequence[str]) -> list[Path]:
    found = list[Path]()
    for place, word in enumerate(words):
        option, given, value = word.partition("=")
        if option in OPTIONS:
            values = [value] if given else takewhile(lambda one: not one.startswith("-"), words[place + 1 :])
            found += map(Path, values)
    return found
