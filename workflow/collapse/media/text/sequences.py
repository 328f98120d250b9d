"""Many token sequences in two arrays.

Documents and samples are ragged. One flat array of token ids with offsets is what Parquet stores, what the packer
and the metrics read, and what costs nothing to slice; no token passes through text on its way.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa


@dataclass(frozen=True)
class Sequences:
    """A ragged array of token ids.

    Attributes:
        values: All tokens, one sequence after another, shape `(n_tokens,)`, int32.
        offsets: Where each sequence begins, and the end of the last, shape `(n_sequences + 1,)`, int64.
    """

    values: np.ndarray
    offsets: np.ndarray

    @classmethod
    def of(cls, rows: Iterable[Iterable[int]]) -> "Sequences":
        """Build from any nested iterable of token ids."""
        arrays = [np.asarray(list(row), dtype=np.int32) for row in rows]
        lengths = np.fromiter((len(row) for row in arrays), dtype=np.int64, count=len(arrays))
        values = np.concatenate(arrays) if arrays else np.empty(0, dtype=np.int32)
        return cls(values, np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))

    @classmethod
    def from_arrow(cls, column: pa.ChunkedArray) -> "Sequences":
        """Read a `list<int32>` column without copying token by token."""
        array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        offsets = array.offsets.to_numpy().astype(np.int64)
        values = array.values.to_numpy(zero_copy_only=False).astype(np.int32, copy=False)
        return cls(values[offsets[0] : offsets[-1]], offsets - offsets[0])

    @classmethod
    def concatenate(cls, parts: Iterable["Sequences"]) -> "Sequences":
        """Put several collections one after another."""
        kept = list(parts)
        lengths = np.concatenate([part.lengths for part in kept] or [np.empty(0, dtype=np.int64)])
        values = np.concatenate([part.values for part in kept] or [np.empty(0, dtype=np.int32)])
        return cls(values, np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))

    def to_arrow(self) -> pa.ListArray:
        """Write as a `list<int32>` array."""
        return pa.ListArray.from_arrays(pa.array(self.offsets.astype(np.int32)), pa.array(self.values.astype(np.int32)))

    @property
    def lengths(self) -> np.ndarray:
        """Tokens per sequence, shape `(n_sequences,)`."""
        return np.diff(self.offsets)

    @property
    def sizes(self) -> np.ndarray:
        """Tokens per sequence, shape `(n_sequences,)`."""
        return self.lengths

    def keys(self) -> list[bytes]:
        """The bytes of each sequence's tokens."""
        return [row.tobytes() for row in self]

    @property
    def n_tokens(self) -> int:
        """Tokens in all."""
        return len(self.values)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, index: int) -> np.ndarray:
        return self.values[self.offsets[index] : self.offsets[index + 1]]

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self[index] for index in range(len(self)))

    def take(self, rows: np.ndarray) -> "Sequences":
        """Select sequences by position, in the order given, repeats allowed."""
        rows = np.asarray(rows, dtype=np.int64)
        lengths = self.lengths[rows]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        shift = np.repeat(self.offsets[:-1][rows] - offsets[:-1], lengths)
        return Sequences(self.values[np.arange(offsets[-1]) + shift], offsets)

    def joined(self, others: "Sequences") -> "Sequences":
        """Each sequence followed by the one at the same place in `others`."""
        both = Sequences.concatenate([self, others])
        pairs = both.take(np.arange(len(both)).reshape(2, -1).T.ravel())
        return Sequences(pairs.values, pairs.offsets[::2])

    def first_tokens(self, n_tokens: int) -> "Sequences":
        """Keep whole sequences from the start until `n_tokens` are held: equal sizes for size-dependent metrics."""
        kept = int(np.searchsorted(self.offsets, n_tokens, side="left"))
        return self.take(np.arange(min(kept, len(self))))
