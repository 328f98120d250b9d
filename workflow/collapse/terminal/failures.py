"""Why a job failed, in the few lines that say so."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from collapse.running.faults import DISK_FULL, KILLED, said_of

NAMED = re.compile(r"(\w+\.)*\w*(Error|Exception|Interrupt)(:|$)")
"""How the line begins that names what went wrong."""

STATUS = re.compile(r"(?:exit status|died with <Signals\.\w+:|died with unknown signal) (\d+)")
MOST_LINES, MOST_CHARACTERS, MOST_BYTES = 12, 400, 65_536
"""Of a log: lines that are shown, their length, and what is read of its end."""


def exit_status(said: str) -> int | None:
    """The exit status of a job's shell, from what Snakemake says of its failure; 128 and the number for a signal."""
    found = list(STATUS.finditer(said))  # the command, which may hold anything, comes first
    if not found:
        return None
    return int(found[-1][1]) + (0 if "exit status" in found[-1][0] else 128)


def reasons(logs: Sequence[str], status: int | None) -> list[str]:
    """Why a job failed: what its log ends with, or what its exit status means.

    Args:
        logs: Paths of its logs.
        status: The exit status of its shell, if it is known.
    """
    ends = [_end(Path(path)) for path in logs]
    if status == KILLED or any(said_of(KILLED) in end for end in ends):  # in a Slurm job, its shell has said so
        return [said_of(KILLED)]
    said = next((words for end in ends if (words := last_words(end))), [])
    if status == DISK_FULL and not any("disk" in line for line in said):
        return [said_of(DISK_FULL), *said]
    return said or [f"It left no word in its log (exit status {'unknown' if status is None else status})."]


def last_words(log: str) -> list[str]:
    """The lines of a log that say what went wrong: from the last line that names an error, else the last three."""
    lines = [line.rstrip()[:MOST_CHARACTERS] for line in log.splitlines() if line.strip()]
    named = [number for number, line in enumerate(lines) if NAMED.match(line)]
    return lines[named[-1] :][:MOST_LINES] if named else lines[-3:]


def names_an_error(path: str) -> bool:
    """Whether a log ends with the name of an error."""
    words = last_words(_end(Path(path)))
    return bool(words and NAMED.match(words[0]))


def _end(path: Path) -> str:
    """The end of a file as text; nothing if it cannot be read."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - MOST_BYTES))
            return file.read().decode(errors="replace")
    except OSError:
        return ""
