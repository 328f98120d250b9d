"""Digests of files that were read before and that nothing has touched since.

A file is known by its size, its times and its place on the disk. Whatever changes its bytes changes at least the time
of that change (`st_ctime`), which no program can set back: an edit that keeps the modification time, a copy with its
times, a file that was moved over another. Decay of the disk changes none of it; only reading the bytes finds that.
"""

import json
import os
import time
from pathlib import Path

from collapse.artifacts import lineage
from collapse.running.files import written_at_once

SETTLED = 2.0
"""Seconds since a file was last changed before it is remembered: a change in the same tick of the clock shows no other
time."""

NANOSECONDS = 10**9


class KnownDigests:
    """The digests of files, from memory where they are as they were; forgotten, they are computed anew."""

    def __init__(self, memory: Path) -> None:
        """Remembers in the file `memory`, which may be missing, damaged, or not writable."""
        self._memory = memory
        self._found = dict[str, list[int | str]]()
        try:
            remembered = json.loads(memory.read_text())
        except (OSError, ValueError, RecursionError):
            remembered = {}
        self._remembered: dict[str, list[int | str]] = remembered if isinstance(remembered, dict) else {}

    def sha256(self, path: Path) -> str:
        """Digest of a file's bytes, in hex.

        Raises:
            OSError: It cannot be read.
        """
        name, state = str(path), _state(path)
        match self._found.get(name) or self._remembered.get(name):
            case [*known, str(digest)] if known == state:
                pass
            case _:
                digest = lineage.sha256(path)
        if _settled(path, state):
            self._found[name] = [*state, digest]
        return digest

    def keep(self) -> None:
        """Write down what is known of files that are there; where that is impossible, nothing is remembered."""
        others = {name: known for name, known in self._remembered.items() if os.path.exists(name)}
        try:
            with written_at_once(self._memory) as partial:
                partial.write_text(json.dumps(others | self._found))
        except OSError:
            return


def _state(path: Path) -> list[int]:
    found = path.stat()
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev]


def _settled(path: Path, state: list[int]) -> bool:
    """Whether the file is old enough to be remembered, and was not changed while it was read."""
    _, modified, changed, *_ = state
    is_old = max(modified, changed) < time.time_ns() - SETTLED * NANOSECONDS
    return is_old and os.path.exists(path) and _state(path) == state
