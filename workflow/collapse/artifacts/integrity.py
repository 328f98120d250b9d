"""Whether what a plan's rules have made is still what they wrote, looked at before a run.

Snakemake goes by names and times. So that an artifact that was swapped, copied over or damaged under an old date is not
taken for finished work, its bytes are compared with what its provenance says. What no provenance speaks of, and whether
artifacts fit together, is the audit's to say.
"""

import fcntl
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from collapse.artifacts import layout, provenance
from collapse.errors import ContractError

MOST_TOLD = 20
"""Finds that get a sentence of their own."""


@dataclass(frozen=True)
class Find:
    """An artifact that is not what its provenance says.

    Attributes:
        path: What is made again.
        fault: What is wrong with it.
    """

    path: Path
    fault: str


@dataclass(frozen=True)
class _Written:
    """What the provenance of an experiment says.

    Attributes:
        sha256: The digest of each file, by its path inside the experiment.
        record: The record that says so.
        named_in: The files that the records of a folder speak of.
    """

    sha256: dict[str, str]
    record: dict[str, Path]
    named_in: dict[Path, list[str]]

    @classmethod
    def of(cls, folder: Path) -> "_Written":
        """All of an experiment's."""
        written = cls({}, {}, {})
        for record in sorted(folder.rglob(f"{provenance.FOLDER}/*.json")):
            for name, digest in provenance.digests_in(record).items():
                written.sha256.setdefault(name, digest)
                written.record.setdefault(name, record)
                written.named_in.setdefault(record.parent.parent, []).append(name)
        return written


def look(artifacts: Iterable[str], sha256: Callable[[Path], str]) -> list[Find]:
    """Compare the artifacts that are there with what was written.

    Args:
        artifacts: Every file that rules make, below `results/`.
        sha256: Finds a file's digest.

    Returns:
        Those that are something else, in order. One that a job is writing at this moment is not among them.
    """
    there = sorted({path for path in map(Path, artifacts) if path.exists()})
    finds = list[Find]()
    for folder, paths in groupby(there, layout.experiment_folder):
        written = _Written.of(folder) if folder else _Written({}, {}, {})
        finds += [find for path in paths if (find := _compared(path, written, sha256))]
    return finds


def mend(artifacts: Iterable[str], sha256: Callable[[Path], str], is_run: Callable[[], bool]) -> list[str]:
    """Rename what is not what was written, so that its rule makes it again; where nothing is run, only say so.

    Args:
        artifacts: Every file that rules make, below `results/`.
        sha256: Finds a file's digest.
        is_run: Whether jobs will run; asked only if something is found.

    Returns:
        One sentence for each find.
    """
    finds = look(artifacts, sha256)
    if not finds:
        return []
    runs = is_run()
    for find in finds if runs else []:
        with suppress(FileNotFoundError):
            provenance.set_aside(find.path)
    return told(finds, runs)


def told(finds: list[Find], is_run: bool) -> list[str]:
    """One sentence for each find, for the first of very many.

    Args:
        finds: What was found.
        is_run: Whether they are set aside now, or will be by the next run.
    """
    then = "it is set aside as {}.damaged and made again" if is_run else "a run sets it aside and makes it again"
    lines = [f"{find.path}: {find.fault}; {then.format(find.path.name)}." for find in finds[:MOST_TOLD]]
    return [*lines, f"And {len(finds) - MOST_TOLD} more like these."] if len(finds) > MOST_TOLD else lines


def _compared(path: Path, written: _Written, sha256: Callable[[Path], str]) -> Find | None:
    name = layout.inside_experiment(path)
    try:
        faults = provenance.faults(path, written.sha256.get(name), sha256)
        faults += [f"{other} beside it is gone or changed" for other in _changed_beside(path, written, sha256)]
    except (ContractError, OSError) as error:
        faults = [str(error).splitlines()[0].removeprefix(f"{path}: ")]
    if not faults and name not in written.sha256:
        return _of_another_place(path, written)
    record = written.record.get(name)
    return Find(path, "; ".join(faults)) if faults and not (record and _being_written(record)) else None


def _changed_beside(path: Path, written: _Written, sha256: Callable[[Path], str]) -> list[str]:
    """Names of the files that an artifact stands for, and that are not what was written along with it."""
    names = {other.name: layout.inside_experiment(other) for other in provenance.companions(path)}
    return [
        name
        for name, inside in names.items()
        if (known := written.sha256.get(inside))
        and not ((path.parent / name).is_file() and sha256(path.parent / name) == known)
    ]


def _of_another_place(path: Path, written: _Written) -> Find | None:
    """A find, if all provenance beside an artifact speaks of another folder, from which it was copied."""
    for place in (path.parent, path.parent.parent):
        names, here = written.named_in.get(place, []), f"{layout.inside_experiment(place)}/"
        if names and place != layout.experiment_folder(path) and not any(name.startswith(here) for name in names):
            return Find(path, f"its provenance is that of {names[0]}")
    return None


def _being_written(record: Path) -> bool:
    """Whether the job that a record is of holds its lock: it may have written, and not yet said what."""
    try:
        with provenance.lock(record).open("r") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # no lock was ever held, or there are none on this file system
        return False
    return False
