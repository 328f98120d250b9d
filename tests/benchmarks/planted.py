"""Texts of which it is known which are copies, and which nearly are: what the benchmark `filtering` filters.

Words are drawn by Zipf's law. A copy repeats an earlier text letter by letter; a near copy exchanges one of its words;
a few texts are too short.
"""

from dataclasses import dataclass
from itertools import islice, pairwise, product
from pathlib import Path

import numpy as np
import pyarrow as pa

from collapse.artifacts import contracts
from collapse.artifacts.contracts import DOCUMENTS, SAMPLES, Record

TYPES, WORDS = 20_000, (25, 45)
"""Different words, and the fewest and the most of a text, which is as long as a paragraph."""

SHORT = 5
"""Words of a text that is too short, and most tokens that are too few, its end included."""

COPIES, NEAR, TOO_SHORT = 0.1, 0.1, 0.02
"""Shares of texts."""

END = 0
KINDS = ("first", "copy", "near", "short")


@dataclass(frozen=True)
class Texts:
    """Texts as token ids, one a word.

    Attributes:
        tokens: All of them, shape `(n_tokens,)`, int32.
        offsets: Where each begins, and the end of the last, shape `(n + 1,)`.
        kind: Place in `KINDS` of each, shape `(n,)`.
    """

    tokens: np.ndarray
    offsets: np.ndarray
    kind: np.ndarray


def planted(n: int, seed: int = 0) -> Texts:
    """So many texts, of which copies and near copies repeat one of the first half."""
    rng = np.random.default_rng(seed)
    chance = rng.random(n)
    kind = np.select([chance < COPIES, chance < COPIES + NEAR, chance < COPIES + NEAR + TOO_SHORT], [1, 2, 3], 0)
    kind[: n // 2] = 0
    source = np.where((kind == 1) | (kind == 2), rng.integers(0, n // 2, n), np.arange(n))
    length = np.where(kind == 3, SHORT, rng.integers(*WORDS, n))[source] + 1
    offsets = np.concatenate([[0], np.cumsum(length)])
    law = 1 / np.arange(1, TYPES + 1)
    tokens = (1 + np.searchsorted(np.cumsum(law) / law.sum(), rng.random(offsets[-1]))).astype(np.int32)
    tokens = tokens[np.arange(offsets[-1]) + np.repeat(offsets[:-1][source] - offsets[:-1], length)]
    near = np.flatnonzero(kind == 2)
    tokens[offsets[near] + rng.integers(0, length[near] - 1)] = TYPES + 1 + rng.integers(0, TYPES, len(near))
    tokens[offsets[1:] - 1] = END
    return Texts(tokens, offsets, kind)


def words(texts: Texts) -> list[str]:
    """The texts as characters: words of five letters, without digits, which some filters read as one number."""
    names = ["".join(letters) for letters in islice(product("abcdefghij", repeat=5), 2 * TYPES + 2)]
    tokens = texts.tokens.tolist()
    return [
        " ".join(names[token] for token in tokens[start : end - 1]) for start, end in pairwise(texts.offsets.tolist())
    ]


def write(texts: Texts, folder: Path) -> None:
    """Write them as samples, beside documents that none of them repeats."""
    n, said = len(texts.kind), words(texts)
    lists = pa.ListArray.from_arrays(pa.array(texts.offsets.astype(np.int32)), pa.array(texts.tokens))
    same = {"strategy": "verified", "generation": np.int32(1), "seed": np.int32(0), "sampled_from": "model"}
    given = {"prompt": "", "prompt_id": None, "finish_reason": "stop", "logprob_nats": 0.0}
    columns = {name: pa.array([value] * n) for name, value in (same | given).items()}
    columns |= {
        "sample_id": pa.array([f"verified.0.1.{row:07d}" for row in range(n)]),
        "draw": pa.array(np.arange(n, dtype=np.int32)),
        "sampler_seed": pa.array(np.arange(n)),
        "text": pa.array(said),
        "token_ids": lists,
        "n_tokens": pa.array(np.diff(texts.offsets).astype(np.int32)),
        "prompt_token_ids": pa.array([[]] * n, pa.list_(pa.int32())),
    }
    contracts.write(folder / "samples.parquet", SAMPLES, pa.table(columns), Record())
    contracts.write(folder / "documents.parquet", DOCUMENTS, _documents(), Record())


def _documents() -> pa.Table:
    """Real ones of which no text is a copy."""
    texts = planted(200, seed=1)
    said, names = [f"real {text}" for text in words(texts)], [f"d{row}" for row in range(200)]
    same = {"split": "train", "source": "made up", "licence": "none", "reference_answer": None}
    columns = {name: pa.array([value] * 200, pa.string()) for name, value in same.items()}
    tokens = [[-1, *texts.tokens[start:end].tolist()] for start, end in pairwise(texts.offsets)]
    counts = {"n_tokens": [len(row) for row in tokens], "n_bytes": [len(text) for text in said]}
    return pa.table(columns | counts | {"document_id": names, "group": names, "text": said, "token_ids": tokens})
