"""Files that are there whole or not at all, and one writer at a time."""

import fcntl
import json
import logging
import os
import platform
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

logger = logging.getLogger(__name__)

PARTIAL = ".partial"
"""How the names of unfinished files end; they begin with a dot."""


@contextmanager
def written_at_once(path: Path) -> Iterator[Path]:
    """A temporary name beside `path`, renamed to it if the block ends well and removed if not; its folder is made.

    The bytes are on the disk before the name is: after a power cut too, a reader finds a whole file or none.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = _partial(path)
    try:
        yield partial
        flush(partial)
        os.replace(partial, path)
        flush(path.parent)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def folder_written_at_once(folder: Path) -> Iterator[Path]:
    """The same for a whole folder, which takes the place of one that is there."""
    partial = _partial(folder)
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        for path in [*partial.rglob("*"), partial]:
            flush(path)
        old = folder.with_name(f"{partial.name}.old{PARTIAL}")
        if folder.exists():
            folder.rename(old)
        partial.rename(folder)
        flush(folder.parent)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def remove_partials(path: Path) -> None:
    """Remove what processes that were killed left behind on the way to `path`; only its one writer may."""
    for left in path.parent.glob(f".{path.name}.*{PARTIAL}"):
        shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)


def scratch(output: Path, identity: str) -> Path:
    """Folder beside `output` for the work of one job that an interrupted one goes on with.

    Args:
        output: What the job writes.
        identity: Digest of all that decides the output. Work of another identity would be no use and is removed; only
            the output's one writer may ask.
    """
    name = f".{output.name}.{identity[:12]}.work"
    for other in output.parent.glob(f".{output.name}.*.work"):
        if other.name != name:
            shutil.rmtree(other, ignore_errors=True)
    return output.with_name(name)


def _partial(path: Path) -> Path:
    return path.with_name(f".{path.name}.{platform.node()}.{os.getpid()}{PARTIAL}")


def no_file(path: Path) -> str | None:
    """What lies where a file should, in words; None if it is a file or nothing. A pipe would be waited for for ever."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return None
    if stat.S_ISREG(mode):
        return None
    return "is a folder, not a file" if stat.S_ISDIR(mode) else "is a pipe, a socket or a device, not a file"


def entries(path: Path) -> dict[str, object]:
    """The entries of a JSON file that a hand or a disk may have changed.

    Raises:
        OSError: It cannot be read.
        ValueError: It is no file, or not a JSON object; the message says which.
    """
    if strange := no_file(path):
        raise ValueError(f"it {strange}")
    return entries_in(path.read_bytes())


def entries_in(text: bytes) -> dict[str, object]:
    """The entries of a JSON object in UTF-8.

    Raises:
        ValueError: It is something else, or nested too deeply to be one of this project's.
    """
    try:
        found = json.loads(text.decode())
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(found, dict):
        raise ValueError("it holds no entries")
    layer, depth = list[object]([found]), 0
    while layer := [inner for outer in layer for inner in _members(outer)]:
        if (depth := depth + 1) > MOST_NESTED:
            raise ValueError("it is nested too deeply")
    return found


MOST_NESTED = 100
"""Layers of lists and objects in a file of JSON; this project's and its libraries' have at most ten."""


def _members(value: object) -> list[object]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [one for one in inner if isinstance(one, dict | list)]


def date_back(folder: Path) -> int:
    """Give files dated in the future the present date, and return how many there were.

    They were written before the clock was moved back. Snakemake goes by the order of dates, and refuses an output that
    seems older than its inputs.
    """
    now, n_future = time.time(), 0
    for place, _, names in os.walk(folder):
        for path in (Path(place, name) for name in names):
            if path.lstat().st_mtime > now and not path.is_symlink():
                os.utime(path, (now, now))
                n_future += 1
    return n_future


def flush(path: Path) -> None:
    """Have the disk keep a file's bytes, or a folder's names."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def only_writer(lock: Path, outputs: list[Path]) -> Iterator[bool]:
    """Be the only process that writes `outputs` during the block; yields whether another had to be waited for.

    `lock` goes with the process, however it ends. On a file system without locks nothing is held: two writers of the
    same file then both write it, each under a name of its own, and the last whole one stays.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a+") as file:
        waited = _acquire(file.fileno(), lock)
        if waited is not None:
            file.truncate(0)
            file.write(f"process {os.getpid()} on {platform.node()}")
            file.flush()
            for path in outputs:
                remove_partials(path)
                remove_partials(path.parent)
        yield waited is True


def _acquire(descriptor: int, lock: Path) -> bool | None:
    """Take the lock; say whether that meant waiting, or None where there are no locks."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = lock.read_text() or "another process"
        logger.warning("%s is already writing this (%s); waiting for it to end", holder, lock)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return True
    except OSError as error:
        logger.warning("%s: this file system has no locks (%s); going on without", lock, error.strerror)
        return None
    return False
