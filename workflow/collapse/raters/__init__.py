"""What gives texts labels: one module per kind, fitted once for an experiment, the same for all its arms.

A module has `fit(texts, settings, beside)`, which returns what it has learned as a table and what it says of texts
that it was not fitted to; and `load(table, beside)`, which returns a `Rater`. What was learned is a table of names and
numbers, so that it can be looked at, and nothing is unpickled. Somebody's checkpoint lies beside it.
"""

import hashlib
import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collapse.artifacts import contracts
from collapse.errors import ConfigError

MODULES = {name: f"collapse.raters.{name}" for name in ("labels", "fluency", "checkpoint")}
"""Module of each kind; rules add those that a plan uses to the fingerprints of the stages that load them."""


@dataclass(frozen=True)
class Beside:
    """What a rater is given beside its table.

    Attributes:
        checkpoint: Card of somebody's model, where it is one.
        device: Where that computes, `cpu` or `gpu`.
    """

    checkpoint: Path | None = None
    device: str = "cpu"


class Text(Protocol):
    """What a rater learns from, such as `corpora.RealText`."""

    @property
    def text(self) -> str:
        """The text."""
        ...

    @property
    def group(self) -> str:
        """Whose it is (a speaker, an address)."""
        ...

    @property
    def label(self) -> str | None:
        """What a rater that tells labels apart has to learn of it."""
        ...


class Rater(Protocol):
    """What gives texts labels.

    Attributes:
        labels: Its labels; where they are levels, from worst to best.
        are_levels: Whether their order means something: the first is level 0.
    """

    labels: tuple[str, ...]
    are_levels: bool

    def probabilities(self, text: str) -> np.ndarray:
        """Probability of each label, for every part of a text that is rated (the text itself, its sentences), shape
        `(n_parts, n_labels)`, float64; of an empty text there may be no parts.
        """
        ...


@dataclass(frozen=True)
class HeldOut:
    """One text that a rater was not fitted to, and what it says of it.

    Attributes:
        group: Whose it is.
        text: The text.
        label: What it is.
        given: What the rater says.
        probability: How sure it is of that.
    """

    group: str
    text: str
    label: str
    given: str
    probability: float


def table(rows: list[tuple[str, str, str, float]]) -> pa.Table:
    """What a rater has learned: parts, features, labels and values, as rows of the RATER contract."""
    parts, features, labels, values = zip(*rows, strict=True)
    return pa.table({"part": parts, "feature": features, "label": labels, "value": values})


def labels_of(learned: pa.Table) -> tuple[str, ...]:
    """The labels, in their order."""
    rows = learned.filter(pc.equal(learned["part"], "label")).sort_by("value")
    return tuple(rows["label"].to_pylist())


def is_held_out(groups: list[str], share: float) -> np.ndarray:
    """Which groups are held out, by their digests, at least one of them, shape `(n,)`, bool.

    Raises:
        ConfigError: There is one group alone.
    """
    different = sorted(set(groups), key=lambda group: hashlib.sha256(group.encode()).digest())
    if len(different) < 2:
        raise ConfigError(
            f"a rater is tested on groups that it was not fitted to, and there is one alone, `{different[0]:.60}`.\n"
            "  Name a group_column with several values for every label."
        )
    n_held_out = min(len(different) - 1, max(1, round(share * len(different))))
    return np.isin(groups, different[:n_held_out])


def module(kind: str) -> Any:
    """The module of a kind of rater."""
    return importlib.import_module(MODULES[kind])


def loaded(
    learned: Sequence[Path], kinds: Mapping[str, str], checkpoints: Sequence[Path], device: str
) -> dict[str, Rater]:
    """Raters by name.

    Args:
        learned: What each has learned, in a folder `rater=NAME`.
        kinds: The kind of each.
        checkpoints: Cards of somebody's models, each in a folder `checkpoint=rater-NAME`; others are passed over.
        device: Where these compute.
    """
    cards = {path.parent.name: path for path in checkpoints}
    by_name = {path.parent.name.removeprefix("rater="): path for path in learned}
    return {
        name: module(kinds[name]).load(
            contracts.read(path, contracts.RATER), Beside(cards.get(f"checkpoint=rater-{name}"), device)
        )
        for name, path in by_name.items()
    }
