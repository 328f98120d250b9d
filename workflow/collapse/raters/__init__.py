"""What gives texts labels: one module per kind, fitted once for an experiment, the same for all its arms.

A module has `fit(texts, settings)`, which returns what it has learned as a table and what it says of texts
that it was not fitted to; and `load(table)`, which returns a `Rater`. What was learned is a table of names and numbers,
so that it can be looked at, and nothing is unpickled.
"""

import hashlib
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collapse.errors import ConfigError

MODULES = {"labels": "collapse.raters.labels", "fluency": "collapse.raters.fluency"}
"""Module of each kind; rules add those that a plan uses to the fingerprints of the stages that load them."""


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
