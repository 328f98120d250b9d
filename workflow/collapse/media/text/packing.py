"""Puts documents into rows of one context length, many to a row, in training order.

A document is never cut and never sees its neighbours: attention stays inside it and its positions start at 0, so a
model is trained on documents exactly as it will later be asked to write them. A sampler that starts every document at
position 0 would otherwise meet a model trained on something else, and two thirds of what looks like collapse can come
from that.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from collapse.errors import ContractError
from collapse.media.text.sequences import Sequences

IGNORED = -100
"""Target of positions that no loss is taken on (padding, prompts)."""


@dataclass(frozen=True)
class Batch:
    """One optimizer step's rows, arrays of shape `(n_rows, context_length)`.

    Attributes:
        inputs: Token the model sees, int64.
        targets: Token it should predict, or `IGNORED`, int64.
        positions: Place inside the document, from 0, int64.
        segments: Which document of the batch a position belongs to; -1 for padding, int64.
    """

    inputs: np.ndarray
    targets: np.ndarray
    positions: np.ndarray
    segments: np.ndarray


def assign_batches(lengths: np.ndarray, context_length: int, n_rows: int) -> list[list[list[int]]]:
    """Decide which documents share a row and which rows a batch: `batches[b][row]` lists document indices.

    Documents are placed in order into the first row of the current batch that has room; the first that fits nowhere
    opens the next batch.

    Raises:
        ContractError: A document is longer than a row.
    """
    if len(lengths) and lengths.max() > context_length:
        raise ContractError(
            f"a document has {lengths.max()} tokens, but a row holds context_length = {context_length}.\n"
            "  Lower corpus.max_document_tokens or raise transformer.context_length."
        )
    batches, room = list[list[list[int]]](), list[int]()
    for document, length in enumerate(lengths.tolist()):
        row = next((row for row, free in enumerate(room) if free >= length), None)
        if row is None:
            batches.append([[] for _ in range(n_rows)])
            room, row = [context_length] * n_rows, 0
        batches[-1][row].append(document)
        room[row] -= length
    return batches


def fill(rows: list[list[int]], texts: Sequences, prompts: Sequences | None, bos: int, context_length: int) -> Batch:
    """Lay the assigned documents out as arrays; prompts are seen, not predicted.

    Args:
        rows: Documents of each row.
        texts: Tokens to predict, by document.
        prompts: Tokens seen before them, by document; None for none.
        bos: Token put before every document.
        context_length: Length of a row.
    """
    shape = (len(rows), context_length)
    batch = Batch(
        inputs=np.full(shape, bos, dtype=np.int64),
        targets=np.full(shape, IGNORED, dtype=np.int64),
        positions=np.zeros(shape, dtype=np.int64),
        segments=np.full(shape, -1, dtype=np.int64),
    )
    segment = 0
    for row, documents in enumerate(rows):
        start = 0
        for document in documents:
            prompt = prompts[document] if prompts is not None else texts.values[:0]
            tokens = np.concatenate([[bos], prompt, texts[document]])
            end = start + len(tokens) - 1
            batch.inputs[row, start:end] = tokens[:-1]
            batch.targets[row, start + len(prompt) : end] = texts[document]
            batch.positions[row, start:end] = np.arange(end - start)
            batch.segments[row, start:end] = segment
            start, segment = end, segment + 1
    return batch


def batches(
    texts: Sequences, prompts: Sequences | None, bos: int, context_length: int, n_rows: int
) -> Iterator[tuple[np.ndarray, Batch]]:
    """Yield every batch in order, with the documents of its segments, shape `(n_segments,)`."""
    lengths = texts.lengths if prompts is None else texts.lengths + prompts.lengths
    for rows in assign_batches(lengths, context_length, n_rows):
        documents = np.array([document for row in rows for document in row], dtype=np.int64)
        yield documents, fill(rows, texts, prompts, bos, context_length)


def by_length(texts: Sequences, prompts: Sequences | None, bos: int, n_rows: int) -> Iterator[tuple[np.ndarray, Batch]]:
    """Yield batches that are read, not learned from, with the documents of their segments, longest first.

    A document has a row of its own beside others of about its length, so hardly a position is padding; in rows as long
    as the longest, a fifth was. A batch has as many positions as `n_rows` rows of the longest would have, at most.
    """
    lengths = np.maximum(1, texts.lengths if prompts is None else texts.lengths + prompts.lengths)
    order = np.argsort(-lengths, kind="stable")
    n_positions, start = n_rows * int(lengths.max(initial=1)), 0
    while start < len(order):
        longest = int(lengths[order[start]])
        documents = order[start : start + n_positions // longest]
        yield documents, fill([[document] for document in documents], texts, prompts, bos, longest)
        start += len(documents)
