"""What was written down of a run besides its artifacts: Snakemake's own records, and the project's provenance.

Snakemake decides reruns from `.snakemake/metadata/`, one JSON file per output, named after its path in base 64.
"""

import ast
import json
import os
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from collapse import lineage
from collapse.provenance import FOLDER

LARGEST_HASHED = 100_000_000
"""Bytes up to which Snakemake compares contents (`max-checksum-file-size` in profiles/default)."""


@dataclass(frozen=True)
class Ledger:
    """Snakemake's records of the outputs below one folder.

    Attributes:
        folder: The folder that Snakemake runs in.
    """

    folder: Path

    def has(self, outputs: tuple[str, ...]) -> bool:
        """Whether every output has a record; Snakemake compares nothing of a job where one has none."""
        return all(_record(self.folder, path) for path in outputs)

    def params(self, output: str) -> frozenset[str]:
        """The rule's `params` when `output` was made, each as Python writes it."""
        return frozenset(_record(self.folder, output).get("params") or ())

    def spec(self, output: str) -> dict[str, object] | None:
        """The stage's settings when `output` was made, found among the params; None if there is no record."""
        values = (ast.literal_eval(param) for param in self.params(output))
        return next((json.loads(value) for value in values if value.startswith("{")), None)

    def code(self, output: str) -> str | None:
        """The fingerprint of the stage's code when `output` was made."""
        values = (ast.literal_eval(param) for param in self.params(output))
        return next((value for value in values if not value.startswith("{")), None)

    def inputs(self, output: str) -> list[str]:
        """Paths that the job read, sorted."""
        return _record(self.folder, output).get("input") or []

    def is_incomplete(self, output: str) -> bool:
        """Whether a run that wrote `output` did not end."""
        return (self.folder / output).exists() and _entry(self.folder, "incomplete", output).exists()

    def is_updated(self, path: str, outputs: tuple[str, ...]) -> bool:
        """Whether Snakemake takes an input for changed: newer than the oldest output, and of other bytes."""
        written = [found.stat().st_mtime for one in outputs if (found := self.folder / one).exists()]
        file = self.folder / path
        if not written or not file.exists() or file.stat().st_mtime <= min(written):
            return False
        if file.stat().st_size > LARGEST_HASHED:
            return True
        known = {(_record(self.folder, one).get("input_checksums") or {}).get(path) for one in outputs}
        return known != {f"sha256:{lineage.sha256(file)}"}


@cache
def _record(folder: Path, path: str) -> dict[str, Any]:
    try:
        return json.loads(_entry(folder, "metadata", path).read_text())
    except (OSError, ValueError):  # none, or one that Snakemake is writing at this moment
        return {}


def _entry(folder: Path, kind: str, path: str) -> Path:
    """The file of a record; a name that is too long for the file system is cut into folders."""
    name, most = urlsafe_b64encode(path.encode()).decode(), os.pathconf("/", "PC_NAME_MAX") - 1
    parts = [name[begin : begin + most] for begin in range(0, len(name), most)]
    return folder.joinpath(".snakemake", kind, *(f"@{part}" for part in parts[:-1]), parts[-1])


@dataclass(frozen=True)
class Written:
    """What provenance says of one file: its digest, and the packages of the job that wrote it.

    `when` is the time of the record, after which the file should not have changed, in nanoseconds.
    """

    digest: str
    packages: dict[str, str | None]
    when: int


def written_files(experiment: Path) -> dict[str, Written]:
    """Provenance of every file of an experiment, by its path inside the experiment's folder."""
    found = dict[str, Written]()
    for record in experiment.rglob(f"{FOLDER}/*.json"):
        try:
            facts = json.loads(record.read_text())
        except ValueError:  # cut off by a fault
            continue
        when = record.stat().st_mtime_ns
        for name, digest in facts.get("outputs", {}).items():
            found[name] = Written(digest, facts.get("packages", {}), when)
    return found
