"""What stopped Snakemake before it had read the Snakefile: a config file that it cannot read."""

from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

from collapse.config.files import read
from collapse.errors import ConfigError
from collapse.terminal.printable import printable

OPTIONS = ("--configfile", "--configfiles")


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
