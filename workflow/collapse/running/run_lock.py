"""One Snakemake per experiment, and none that was killed in the way of the next.

Snakemake locks the files of a run by name, and a Snakemake that was killed leaves its locks behind for a person to
remove. Beside them each run holds a lock that goes with its process; where that one is free, the locks are nobody's.
"""

import fcntl
import os
import platform
from pathlib import Path
from typing import TextIO

SNAKEMAKE = Path(".snakemake")


class RunLock:
    """The lock of an experiment's run, in the folder that Snakemake runs in."""

    def __init__(self, experiment: str, folder: Path = SNAKEMAKE) -> None:
        self._experiment = experiment
        self._locks = folder / "locks"
        self._path = folder / f"{experiment}.running"
        self._held: TextIO | None = None

    def hold(self) -> None:
        """Hold the lock until this process ends; another run's is respected by Snakemake's own locks."""
        file = self._opened()
        if file is not None:
            file.truncate(0)
            file.write(_self())
            file.flush()
            self._held = file

    def is_free(self) -> bool:
        """Whether no living run of this experiment holds it; where there are no locks, nobody can say, so it is not."""
        try:
            file = self._opened()
        except OSError:  # nothing may be written here, which is told elsewhere
            return False
        if file is not None:
            file.close()
        return file is not None

    def remove_stale(self) -> list[Path]:
        """Remove the locks of a run of this experiment that was killed; those of a living one stay.

        Returns:
            What was removed.
        """
        if not self._locks.is_dir() or not self._path.is_file():
            return []
        holder = self._path.read_text().rpartition(" on ")[2]
        file = self._opened() if holder == platform.node() else None  # locks may not reach from host to host
        if file is None:
            return []
        stale = [path for path in sorted(self._locks.glob("*.lock")) if self._of_this_experiment(path)]
        for path in stale:
            path.unlink(missing_ok=True)
        file.close()
        return stale

    def _opened(self) -> TextIO | None:
        """The lock's file, locked; None if another process holds it, or none can be had or written here."""
        try:
            self._path.parent.mkdir(exist_ok=True)
            file = self._path.open("a+")
        except OSError:  # of which a warning and Snakemake tell
            return None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return None
        return file

    def _of_this_experiment(self, lock: Path) -> bool:
        return any(line.startswith(f"results/{self._experiment}/") for line in lock.read_text().splitlines())


def _self() -> str:
    return f"process {os.getpid()} on {platform.node()}"
