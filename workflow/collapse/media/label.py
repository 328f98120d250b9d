"""Labels: one of a closed list of classes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collapse import media
from collapse.columns import Column
from collapse.errors import ContractError
from collapse.media import Draws

REAL = (Column("label", pa.int32(), "the class, by its place in the list of `encoding.json`"),)
INPUT = REAL
DRAWN = (
    *REAL,
    Column("logprob_nats", pa.float32(), "log-probability of the class under the model that gave it", "nat"),
)


OUTPUT_VALUES = INPUT_VALUES = ("label",)


@dataclass(frozen=True)
class Classes:
    """What a model must know of labels: how many classes there are."""

    n: int


@dataclass(frozen=True)
class Labels:
    """Many labels.

    Attributes:
        values: Places in the list of classes, shape `(n,)`, int32.
    """

    values: np.ndarray

    def __len__(self) -> int:
        return len(self.values)

    @property
    def sizes(self) -> np.ndarray:
        """One label each, shape `(n,)`."""
        return np.ones(len(self), dtype=np.int32)

    @classmethod
    def concatenate(cls, parts: Iterable["Labels"]) -> "Labels":
        """Several collections, one after another."""
        return cls(np.concatenate([part.values for part in parts]))

    def take(self, rows: np.ndarray) -> "Labels":
        """Those at these positions, in the order given, repeats allowed."""
        return Labels(self.values[np.asarray(rows, dtype=np.int64)])

    def keys(self) -> list[bytes]:
        """The bytes of each."""
        return [value.tobytes() for value in self.values]


@dataclass(frozen=True)
class Encoder:
    """How labels are written.

    Attributes:
        names: The classes, in the order of their numbers.
    """

    names: tuple[str, ...]

    @property
    def facts(self) -> Classes:
        """What a model must know of it."""
        return Classes(len(self.names))

    @property
    def entry(self) -> dict[str, Any]:
        """What `encoding.json` says of it."""
        return {"classes": list(self.names)}


def load_encoder(path: Path) -> Encoder:
    """The experiment's classes, by its `encoding.json`."""
    names = media.entry(path, "label").get("classes")
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise ContractError(f"{path}: names no classes.\n  Delete it and run snakemake.")
    return Encoder(tuple(names))


def outputs(table: pa.Table) -> Labels:
    """The labels of a table."""
    return Labels(table["label"].to_numpy().astype(np.int32))


inputs = outputs


def texts(table: pa.Table) -> list[str]:
    """The labels of a table, in characters."""
    return [str(label) for label in table["label"].to_pylist()]


def miscounted(table: pa.Table) -> dict[str, Any]:
    """Rows whose label is no place in a list."""
    return {"label": pc.less(table["label"], 0)}


def steps(sizes: np.ndarray, batch_size: int, _length: int | None) -> list[list[list[int]]]:
    """Which examples make each optimizer step, in order."""
    return media.in_order(len(sizes), batch_size)


def nothing(_n: int) -> None:
    """A model that is given nothing has no input."""
    return


def stored(values: Labels) -> dict[str, pa.Array]:
    """Labels as a column."""
    return {"label": pa.array(values.values, pa.int32())}


def given(values: Labels, _encoder: Encoder) -> dict[str, pa.Array]:
    """Inputs as columns of samples."""
    return stored(values)


def drawn(draws: Draws, _encoder: Encoder) -> dict[str, pa.Array]:
    """What a sampler said, as columns of samples."""
    return stored(draws.outputs) | {"logprob_nats": pa.array(draws.logprob_nats.astype(np.float32))}


def sampling_facts(samples: Mapping[str, Any], _real: pa.Table | None) -> dict[str, float | int]:
    """What a sampling record counts."""
    return {"n_samples": len(samples["label"])}


def told(row: Mapping[str, Any]) -> str:
    """A label in words, for a terminal."""
    return f"class {row['label']}"


told_input = told


def told_drawing(_row: Mapping[str, Any]) -> str:
    """Nothing more is to be said of a label."""
    return "given"
