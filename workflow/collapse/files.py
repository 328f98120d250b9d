"""Files that are there whole or not at all, and one writer at a time."""

import fcntl
import logging
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

logger = logging.getLogger(__name__)


@contextmanager
def written_at_once(path: Path) -> Iterator[Path]:
    """A temporary name beside `path`, renamed to it if the block ends well and removed if not; its folder is made.

    The bytes are on the disk before the name is: after a power cut too, a reader finds a whole file or none.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{platform.node()}.{os.getpid()}.partial")
    try:
        yield partial
        flush(partial)
        os.replace(partial, path)
        flush(path.parent)
    finally:
        partial.unlink(missing_ok=True)


def flush(path: Path) -> None:
    """Have the disk keep a file's bytes, or a folder's names."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def only_writer(lock: Path) -> Iterator[bool]:
    """Hold `lock` during the block; yields whether another process had to be waited for.

    The lock goes with the process, however it ends. On a file system without locks nothing is held: two writers of the
    same file then both write it, each under a name of its own, and the last whole one stays.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a+") as file:
        waited = _acquire(file.fileno(), lock)
        file.truncate(0)
        file.write(f"process {os.getpid()} on {platform.node()}")
        file.flush()
        yield waited


def _acquire(descriptor: int, lock: Path) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = lock.read_text() or "another process"
        logger.warning("%s is already writing this (%s); waiting for it to end", holder, lock)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return True
    except OSError as error:
        logger.warning("%s: this file system has no locks (%s); going on without", lock, error.strerror)
    return False
