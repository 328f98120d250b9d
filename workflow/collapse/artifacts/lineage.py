"""Who wrote what, from which model, trained on what: ids, digests and cards."""

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

from collapse.errors import ContractError
from collapse.running.faults import pass_on
from collapse.running.files import entries


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
    n_trained: int
    """Of what it was trained on, repeats counted, in `unit`."""
    unit: str
    n_steps: int
    dtype: str
    files: dict[str, str]
    """SHA-256 of each file beside the card."""

    @model_validator(mode="before")
    @classmethod
    def _counted_in_tokens(cls, given: Any) -> Any:
        """A card that was written when every model was one of text."""
        if isinstance(given, dict) and "n_tokens_trained" in given:
            counted = {"n_trained": given["n_tokens_trained"], "unit": "token"}
            return {key: value for key, value in given.items() if key != "n_tokens_trained"} | counted
        return given


def read_card(path: Path) -> ModelCard:
    """Read a model's card.

    Raises:
        ContractError: It is missing or not a card.
    """
    try:
        return ModelCard.model_validate_json(path.read_text())
    except (OSError, ValueError) as error:
        pass_on(error)
        raise ContractError(f"{path}: is not a model card ({error}).\n  Delete its folder and run snakemake.") from None


CARDS = ("model.json", "base_model.json")
"""Files that stand for the files they name."""


def files_of_card(path: Path) -> dict[str, str]:
    """SHA-256 of each file that a model's or a base model's card names.

    Raises:
        ContractError: It is not a card.
    """
    try:
        found = entries(path).get("files")
        if not isinstance(found, dict) or not all(map(_names_a_neighbour, found.items())):
            raise ValueError("it does not name files beside it, with their digests")
    except (OSError, ValueError) as error:
        pass_on(error)
        raise ContractError(f"{path}: is not a card ({error}).\n  Delete its folder and run snakemake.") from None
    return found


def _names_a_neighbour(item: tuple[str, object]) -> bool:
    """Whether an entry of a card names a file of its own folder; it is somebody else's, and could lead out of it."""
    name, digest = item
    return isinstance(digest, str) and name not in ("", "..") and name == Path(name).name


def sha256(path: Path) -> str:
    """Digest of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def card_faults(path: Path, sha256: Callable[[Path], str] = sha256) -> list[str]:
    """What is wrong with the files that a model's or a base model's card names, a sentence each.

    Args:
        path: The card.
        sha256: Finds a file's digest.

    Raises:
        ContractError: It is not a card.
    """
    faults = list[str]()
    for name, digest in files_of_card(path).items():
        if not (path.parent / name).is_file():
            faults.append(f"it names {name}, which is gone")
        elif sha256(path.parent / name) != digest:
            faults.append(f"it names {name}, which is not what was written")
    return faults


def document_id(source: str, text: str) -> str:
    """128-bit digest of source and text, in hex."""
    return hashlib.sha256(f"{source}\x1f{text}".encode()).hexdigest()[:32]


def sample_ids(strategy: str, seed: int, generation: int, draws: Iterable[int]) -> list[str]:
    """Ids that say their own folder, sort by draw, and can be typed: `replace.0.3.0000017`."""
    return [f"{strategy}.{seed}.{generation}.{draw:07d}" for draw in draws]


def edited_draw(draw: int, n_before: int) -> int:
    """Which draw of the generation before a draw edits, where samples are edits of samples: each in turn.

    Args:
        draw: The draw.
        n_before: Samples of the generation before.
    """
    return draw % max(n_before, 1)


def model_id(strategy: str, seed: int, generation: int, digest: str) -> str:
    """`replace.0.3@1f0c6a9b2d4e`."""
    return f"{strategy}.{seed}.{generation}@{digest[:12]}"
