"""Texts to documents: cut to a length that a model's context holds, tokenized once, and put into a table."""

import re
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyarrow as pa

from collapse.artifacts import lineage
from collapse.corpora.splits import Placed, without_repeats
from collapse.errors import ConfigError
from collapse.media.text.sequences import Sequences
from collapse.media.text.tokenizer import Codec

SENTENCE_END = re.compile(r"""[.!?…]+["'”’)\]]*\s+|[。！？]+|\s*\n\s*""")
WORD_END = re.compile(r"\s+")
CHARACTER_END = re.compile(r"(?s:.)")

BOUNDARIES = (SENTENCE_END, WORD_END, CHARACTER_END)
"""Where a text may be cut, best first; a cut is at the end of a match."""


def documents(texts: list[Placed], codec: Codec, max_tokens: int, beginnings: bool = False) -> pa.Table:
    """Make the `documents` table: one row per text, or per piece of a text that is too long.

    Args:
        texts: Texts and their splits.
        codec: The tokenizer.
        max_tokens: Most tokens of a document, its end of sequence included.
        beginnings: Whether only the first piece of a text is kept.

    Raises:
        ConfigError: `max_tokens` does not hold a single character.
    """

    def fits(text: str) -> bool:
        return len(codec.encode(text)) < max_tokens

    pieces = [
        Placed(replace(placed.real, text=piece), placed.split)
        for placed in texts
        for piece in cut(placed.real.text, fits)[: 1 if beginnings else None]
    ]
    return _table(without_repeats(pieces), codec)


def pairs(texts: list[Placed], codec: Codec, template: Callable[[str], str], room: tuple[int, int]) -> pa.Table:
    """Make the `documents` table of inputs and outputs: one row per pair; none is cut.

    Args:
        texts: Pairs and their splits.
        codec: The tokenizer.
        template: Puts an input into the words that a model is given.
        room: Most tokens of an input, and of an input and its output together, the end of sequence included.

    Raises:
        ConfigError: A pair is longer; the message names its file and row.
    """
    asked = [template(placed.real.input or "") for placed in texts]
    prompts = codec.encode_all(asked)
    table = _table(texts, codec)
    answers = Sequences.from_arrow(table["token_ids"])
    for lengths, most, what, settings in (
        (
            prompts.lengths,
            room[0],
            "the input has",
            "lower decoding.max_new_tokens, or raise transformer.context_length",
        ),
        (prompts.lengths + answers.lengths, room[1], "input and output have", "raise corpus.max_document_tokens"),
    ):
        if len(long := np.flatnonzero(lengths > most)):
            place = texts[long[0]].real.place or f"corpus: `{asked[long[0]][:60]}`"
            raise ConfigError(
                f"{place}: {what} {lengths[long[0]]} tokens, and there is room for {most}; so it is with {len(long)} "
                f"of {len(texts)} pairs.\n  Leave them out, or {settings}."
            )
    given = {"prompt": pa.array(asked, pa.string()), "prompt_token_ids": prompts.to_arrow()}
    return pa.table(given | {name: table[name] for name in table.column_names})


def with_short_inputs(
    texts: list[Placed], codec: Codec, template: Callable[[str], str], max_tokens: int
) -> list[Placed]:
    """Pairs whose inputs are no longer than allowed: of each, the words from the beginning that fit.

    Args:
        texts: Pairs and their splits.
        codec: The tokenizer.
        template: Puts an input into the words that a model is given, which count.
        max_tokens: Most tokens of an input.

    Raises:
        ConfigError: The template and a single character are more.
    """

    def fits(asked: str) -> bool:
        return len(codec.encode(template(asked))) <= max_tokens

    asked = [beginning(placed.real.input or "", fits) for placed in texts]
    if "" in asked:
        raise ConfigError(
            f"corpus.max_input_tokens: {max_tokens} does not hold prompt.template and the first character of an input."
            "\n  Raise it."
        )
    pairs = zip(texts, asked, strict=True)
    return without_repeats([Placed(replace(placed.real, input=short), placed.split) for placed, short in pairs])


def beginning(text: str, fits: Callable[[str], bool]) -> str:
    """The longest beginning that fits and ends with a word, or inside the first word if that is too long; or nothing.

    Args:
        text: The text, blank at neither end.
        fits: Whether a text is short enough; if it is, so are its beginnings.
    """
    if fits(text):
        return text
    for boundary in (WORD_END, CHARACTER_END):
        ends = [match.end() for match in boundary.finditer(text)]
        n_fit = bisect_right(ends, False, key=lambda end: not fits(text[:end].strip()))
        if n_fit:
            return text[: ends[n_fit - 1]].strip()
    return ""


def cut(text: str, fits: Callable[[str], bool], boundaries: tuple[re.Pattern[str], ...] = BOUNDARIES) -> list[str]:
    """Cut a text into the longest pieces that fit, at the best boundaries that do.

    Nothing but white space at the cuts is lost. A sentence that does not fit is cut between words, a word between
    characters.

    Args:
        text: The text, blank at neither end.
        fits: Whether a piece is short enough.
        boundaries: Where a text may be cut, best first.
    """
    if fits(text):
        return [text]
    if not boundaries:
        raise ConfigError(
            f"corpus.max_document_tokens: does not hold the character {text!r} and the end of sequence.\n  Raise it."
        )
    ends = [match.end() for match in boundaries[0].finditer(text) if match.end() < len(text)] + [len(text)]
    pieces, begin = list[str](), 0
    while begin < len(text):
        end = _longest(text, begin, ends, fits)
        piece = text[begin:end].strip()
        pieces += cut(piece, fits, boundaries[1:]) if piece else []
        begin = end
    return pieces


def _longest(text: str, begin: int, ends: list[int], fits: Callable[[str], bool]) -> int:
    """The furthest of `ends` such that the piece from `begin` fits, or else the first after `begin`."""

    def enough(index: int) -> bool:
        return fits(text[begin : ends[index]].strip())

    first = bisect_right(ends, begin)
    low, step = first, 1  # doubling the step keeps what is encoded in proportion to the piece, not to the text
    while low + step < len(ends) and enough(low + step):
        low, step = low + step, 2 * step
    high = min(low + step, len(ends))
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if enough(middle) else (low, middle)
    return ends[low]


def _table(texts: list[Placed], codec: Codec) -> pa.Table:
    reals = [placed.real for placed in texts]
    tokens = with_end(codec.encode_all([real.text for real in reals]), codec.eos)
    return pa.table(
        {
            "document_id": [lineage.document_id(real.source, real.whole) for real in reals],
            "split": [placed.split for placed in texts],
            "text": [real.text for real in reals],
            "token_ids": tokens.to_arrow(),
            "n_tokens": pa.array(tokens.lengths, pa.int32()),
            "n_bytes": pa.array([len(real.text.encode()) for real in reals], pa.int32()),
            "reference_answer": pa.array([real.reference_answer for real in reals], pa.string()),
            "group": [real.group for real in reals],
            "source": [real.source for real in reals],
            "licence": [real.licence for real in reals],
        }
    )


def with_end(tokens: Sequences, eos: int) -> Sequences:
    """Every sequence with the end of sequence after it."""
    return Sequences(np.insert(tokens.values, tokens.offsets[1:], eos), tokens.offsets + np.arange(len(tokens) + 1))
