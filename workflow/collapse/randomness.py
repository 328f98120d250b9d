"""Random streams: shared across strategies, independent across stages, one seed per row.

Two strategies with the same run seed see the same initial weights, the same shuffles and the same sampler noise, so
their contrast is paired. Two stages, generations or rows never share a stream.
"""

import hashlib
from collections.abc import Sequence

import numpy as np


def lane(seed: int, number: int) -> int:
    """Return the seed that strategies of one number draw from: the run's own for 0, another for each other number."""
    return _digest(seed, "lane", number, bits=63) if number else seed


def stream(seed: int, generation: int, purpose: str) -> np.random.Generator:
    """Return the generator of one purpose (`"initialise"`, `"shuffle"`, …) at one generation of one replicate."""
    return np.random.Generator(np.random.Philox(key=_digest(seed, generation, purpose, bits=128)))


def stream_seed(seed: int, generation: int, purpose: str) -> int:
    """Return a 63-bit seed for a library that draws its own numbers (PyTorch)."""
    return _digest(seed, generation, purpose, bits=63)


def row_seeds(seed: int, generation: int, purpose: str, rows: range) -> np.ndarray:
    """Return one independent 63-bit seed per row, shape `(len(rows),)`, dtype int64.

    Row *i* has the same seed whichever other rows are asked for, so a shard, a resumed job and a whole run draw the
    same text. One seed broadcast over a batch would give every prompt the same noise.
    """
    return np.fromiter(
        (_digest(seed, generation, purpose, row, bits=63) for row in rows), dtype=np.int64, count=len(rows)
    )


def uniform_by_name(seed: int, purpose: str, names: Sequence[str]) -> np.ndarray:
    """Return one number in [0, 1) per name, the same wherever the name occurs in a replicate, shape `(len(names),)`."""
    return np.fromiter((_digest(seed, purpose, name, bits=53) / 2**53 for name in names), float, count=len(names))


def _digest(*parts: int | str, bits: int) -> int:
    text = "\x1f".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=16).digest(), "big") >> (128 - bits)
