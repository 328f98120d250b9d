"""What this machine has: memory and free disk."""

import shutil
from pathlib import Path

import psutil

CONTROL_GROUPS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
"""Where Linux says how much a container may use, in its two versions."""


def memory() -> int:
    """Bytes of memory of this machine, or of this container, whoever uses them now."""
    limits = (path.read_text().strip() for path in CONTROL_GROUPS if path.is_file())
    return min([psutil.virtual_memory().total, *(int(limit) for limit in limits if limit.isdigit())])


def free_disk(folder: Path) -> int:
    """Bytes that may still be written to the file system on which a folder lies, or would lie."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    return shutil.disk_usage(there).free


def size_of(folder: Path) -> int:
    """Bytes of all files in a folder; 0 if there is none."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
