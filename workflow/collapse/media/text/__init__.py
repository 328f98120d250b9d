"""Text as a language model meets it: sequences of token ids, of which the last ends the text."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collapse.columns import Column, category
from collapse.media import Draws
from collapse.media.text.packing import assign_batches
from collapse.media.text.sequences import Sequences

ENCODING = "tokenizer/tokenizer.json"

OUTPUT_VALUES, INPUT_VALUES = ("token_ids",), ("prompt_token_ids",)

TELLING = "text"
"""The column that tells two real examples apart, where they have no input."""

_TEXT, _TOKENS = pa.string(), pa.list_(pa.int32())

REAL = (
    Column("text", _TEXT, "the document"),
    Column("token_ids", _TOKENS, "the document's tokens, end of sequence included; never tokenized again"),
    Column("n_tokens", pa.int32(), "tokens to predict, end of sequence included", "token"),
    Column("n_bytes", pa.int32(), "UTF-8 bytes of the text", "byte"),
    Column("reference_answer", _TEXT, "the right answer, where there is one", nullable=True),
)
INPUT = (
    Column("prompt", _TEXT, "text given to the model"),
    Column("prompt_token_ids", _TOKENS, "tokens given to the model, after the start of sequence"),
)
DRAWN = (
    Column("text", _TEXT, "text the model wrote"),
    Column("token_ids", _TOKENS, "tokens as sampled; training never tokenizes them again"),
    Column("n_tokens", pa.int32(), "sampled tokens, end of sequence included", "token"),
    category("finish_reason", "`stop`: the model ended the document; `length`: it was cut", "stop", "length"),
    Column("logprob_nats", pa.float32(), "log-probability of the tokens, before tempering or truncation", "nat"),
)


@dataclass(frozen=True)
class Vocabulary:
    """What a family must know of the tokenizer.

    Attributes:
        size: Number of token ids.
        bos: Token put before every sequence; never stored, never predicted.
        eos: Token that ends a document; stored as its last token, predicted like any other.
    """

    size: int
    bos: int
    eos: int


def outputs(table: pa.Table) -> Sequences:
    """The tokens of texts."""
    return Sequences.from_arrow(table["token_ids"])


def inputs(table: pa.Table) -> Sequences:
    """The tokens given before them."""
    return Sequences.from_arrow(table["prompt_token_ids"])


def steps(sizes: np.ndarray, batch_size: int, length: int | None) -> list[list[list[int]]]:
    """Which texts make each optimizer step: as many as rows of `length` tokens hold, in order."""
    assert length is not None
    return assign_batches(sizes, length, batch_size)


def texts(table: pa.Table) -> list[str]:
    """The texts of a table, as characters."""
    return table["text"].to_pylist()


def whole_texts(table: pa.Table) -> list[str]:
    """The texts of a table with what comes before them: a prompt, or an input."""
    before = table["prompt"].to_pylist() if "prompt" in table.column_names else [""] * table.num_rows
    return [given + text for given, text in zip(before, texts(table), strict=True)]


def features(table: pa.Table) -> Any:
    """What classifiers see of texts: how often each word and each pair of words occurs, hashed, as rows of length 1.

    Returns:
        A sparse matrix of shape `(n, 65536)`.
    """
    from sklearn.feature_extraction.text import HashingVectorizer  # most experiments need no classifier

    words = HashingVectorizer(n_features=2**16, ngram_range=(1, 2), alternate_sign=False)
    return words.transform(texts(table))


def nothing(n: int) -> Sequences:
    """Prompts without a token."""
    return Sequences(np.empty(0, dtype=np.int32), np.zeros(n + 1, dtype=np.int64))


def given(values: Sequences, encoder) -> dict[str, pa.Array]:
    """Prompts as columns of samples."""
    return {"prompt": pa.array(encoder.decode_all(values), pa.string()), "prompt_token_ids": values.to_arrow()}


def stored(values: Sequences) -> dict[str, pa.Array]:
    """Texts as they are kept while more of them are drawn."""
    return {"token_ids": values.to_arrow()}


def drawn(draws: Draws, encoder) -> dict[str, pa.Array]:
    """What a sampler wrote, as columns of samples."""
    return {
        "text": pa.array(encoder.decode_all(draws.outputs), pa.string()),
        "token_ids": draws.outputs.to_arrow(),
        "n_tokens": pa.array(draws.outputs.lengths.astype(np.int32)),
        "finish_reason": pa.array(np.where(draws.stopped, "stop", "length")),
        "logprob_nats": pa.array(draws.logprob_nats.astype(np.float32)),
    }


def sampling_facts(samples: Mapping[str, Any], real: pa.Table | None) -> dict[str, float | int]:
    """What a sampling record counts.

    Args:
        samples: Columns of samples.
        real: Real training documents; None: what is theirs is left out.
    """
    tokens, stopped = outputs(pa.table(dict(samples))), pa.array(samples["finish_reason"]).to_pylist().count("stop")
    n = len(tokens)
    return {
        "n_samples": n,
        "n_stopped": stopped,
        "n_truncated": n - stopped,
        "n_empty": sum(not text.strip() for text in samples["text"].to_pylist()),
        "n_duplicates": n - len(set(tokens.keys())),
        "mean_tokens": round(float(tokens.lengths.mean()), 4),
    } | ({} if real is None else {"mean_real_tokens": round(float(outputs(real).lengths.mean()), 4)})


def miscounted(table: pa.Table) -> dict[str, Any]:
    """Rows of a table of texts whose counts are not those of their tokens and bytes, by column."""
    wrong = {"n_tokens": pc.not_equal(pc.list_value_length(table["token_ids"]), table["n_tokens"])}
    if "n_bytes" in table.column_names:
        wrong["n_bytes"] = pc.not_equal(pc.binary_length(table["text"]), table["n_bytes"])
        wrong["token_ids"] = pc.equal(pc.list_value_length(table["token_ids"]), 0)
    return wrong


def load_encoder(path: Path):
    """The experiment's tokenizer, by its `tokenizer.json`."""
    from collapse.media.text.tokenizer import Codec  # the tokenizers library, which only those who read text need

    return Codec.load(path.parent)


def told(row: Mapping[str, Any]) -> str:
    """A sample in words, for a terminal."""
    return row["text"]


def told_input(row: Mapping[str, Any]) -> str:
    """What was given before a sample."""
    return row["prompt"]


def told_drawing(row: Mapping[str, Any]) -> str:
    """How a sample ended."""
    end = "ended by the model" if row["finish_reason"] == "stop" else "cut at the length limit"
    return f"{row['n_tokens']} tokens, {end}"


def joined(before: Sequences, after: Sequences) -> Sequences:
    """Each text behind what was given."""
    return before.joined(after)


def beginnings(texts: Sequences, n: int) -> Sequences:
    """The first `n` tokens of each."""
    return Sequences.of(text[:n] for text in texts)


def blocks(documents: Sequences, n: int) -> tuple[Sequences, np.ndarray]:
    """Blocks of `n` tokens, one after another, and how many each document has; the last may be shorter, and the end of
    a document is in none. A document of nothing but its end has one block without a token.
    """
    contents = [document[:-1] for document in documents]
    counts = np.array([max(1, -(-len(content) // n)) for content in contents], dtype=np.int64)
    cut = (
        content[at * n : (at + 1) * n] for content, count in zip(contents, counts, strict=True) for at in range(count)
    )
    return Sequences.of(cut), counts


def cut(texts: Sequences, n: int) -> tuple[Sequences, Sequences]:
    """Split texts of more than `n` tokens after the first `n`; shorter ones are left out."""
    long = texts.take(np.flatnonzero(texts.lengths > n))
    in_head = np.arange(long.n_tokens) - np.repeat(long.offsets[:-1], long.lengths) < n
    heads = Sequences(long.values[in_head], np.arange(len(long) + 1) * n)
    return heads, Sequences(long.values[~in_head], long.offsets - heads.offsets)
