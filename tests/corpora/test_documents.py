"""Cutting texts to a length loses nothing, and every document fits whole."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collapse.artifacts.contracts import DOCUMENTS, Record, read, write
from collapse.corpora import RealText, documents
from collapse.corpora.splits import Placed
from collapse.errors import ConfigError
from collapse.media.text import tokenizer
from collapse.media.text.tokenizer import Codec

PROSE = "We meet again. The work is long, and we have begun it! Who doubts that? Nobody here does. "


@pytest.fixture(scope="module")
def codec(tmp_path_factory: pytest.TempPathFactory) -> Codec:
    folder = tmp_path_factory.mktemp("tokenizer")
    tokenizer.save(tokenizer.train([PROSE * 3], 300), folder)
    return Codec.load(folder)


def fits_characters(limit: int):
    return lambda text: len(text) <= limit


@given(st.text(alphabet="ab .!?\n\t\u3002é😀", min_size=1, max_size=300), st.integers(1, 40))
def test_a_cut_text_fits_and_loses_only_white_space_at_the_cuts(text: str, limit: int) -> None:
    text = text.strip()
    pieces = documents.cut(text, fits_characters(limit))
    assert all(0 < len(piece) <= limit or piece == text == "" for piece in pieces)
    between = r"\s*".join(re.escape(piece) for piece in pieces)
    assert re.fullmatch(between, text)


def test_a_text_is_cut_at_the_last_sentence_end_that_fits() -> None:
    pieces = documents.cut((PROSE * 2).strip(), fits_characters(60))
    assert pieces == [
        "We meet again. The work is long, and we have begun it!",
        "Who doubts that? Nobody here does. We meet again.",
        "The work is long, and we have begun it! Who doubts that?",
        "Nobody here does.",
    ]


def test_a_sentence_that_is_too_long_is_cut_between_words_and_a_word_between_characters() -> None:
    assert documents.cut("one two three four. Five.", fits_characters(9)) == ["one two", "three", "four.", "Five."]
    assert documents.cut("antidisestablish", fits_characters(6)) == ["antidi", "sestab", "lish"]


def test_cutting_a_long_text_encodes_each_part_a_few_times_only() -> None:
    encoded = list[int]()

    def fits(piece: str) -> bool:
        encoded.append(len(piece))
        return len(piece) <= 100

    text = (PROSE * 1000).strip()
    pieces = documents.cut(text, fits)
    assert len(pieces) > 900
    assert sum(encoded) < 20 * len(text)


@given(st.text(alphabet="ab .\n\té😀", max_size=80).map(str.strip).filter(bool), st.integers(1, 30))
def test_a_beginning_is_the_longest_that_fits_and_ends_with_a_word(text: str, limit: int) -> None:
    kept = documents.beginning(text, fits_characters(limit))
    rest = text[len(kept) :]
    assert kept == text[: len(kept)] == kept.strip() and 0 < len(kept) <= limit
    first = re.split(r"\s+", text)[0]
    if len(first) > limit:
        assert len(kept) == limit
    elif rest:
        assert rest[0].isspace() and len(kept + re.match(r"\s+\S+", rest).group()) > limit


def pair(asked: str, text: str, split: str) -> Placed:
    return Placed(RealText(text, asked, "file.txt", "none", input=asked), split)


def test_inputs_lose_what_is_too_long_the_template_counted(codec: Codec) -> None:
    given_pairs = [pair(PROSE.strip(), "long", "train"), pair("We meet again.", "short", "train")]
    short = documents.with_short_inputs(given_pairs, codec, "ask: {}".format, 20)
    assert {placed.real.text for placed in short} == {"long", "short"}
    for placed in short:
        assert len(codec.encode(f"ask: {placed.real.input}")) <= 20
    by_text = {placed.real.text: placed.real.input for placed in short}
    assert by_text["short"] == "We meet again." and PROSE.startswith(by_text["long"]) and len(by_text["long"]) > 10


def test_a_pair_that_is_like_a_held_out_one_once_it_is_cut_is_not_trained_on(codec: Codec) -> None:
    pairs = [pair(f"{PROSE} {end}", "the same", split) for end, split in (("One.", "train"), ("Two.", "test"))]
    assert [placed.split for placed in documents.with_short_inputs(pairs, codec, str, 20)] == ["test"]


def test_a_limit_of_inputs_below_the_template_is_refused(codec: Codec) -> None:
    with pytest.raises(ConfigError, match="max_input_tokens: 2 does not hold prompt"):
        documents.with_short_inputs([pair("a", "b", "train")], codec, "a long template {}".format, 2)


def test_documents_hold_their_tokens_the_end_included_within_the_limit(codec: Codec, tmp_path) -> None:
    texts = [(PROSE * 4).strip(), "Short.", "supercalifragilisticexpialidocious" * 3, "naïve 😀 café"]
    placed = [Placed(RealText(text, f"g{i}", "file.txt", "none"), "train") for i, text in enumerate(texts)]
    table = documents.documents(placed, codec, max_tokens=16)
    write(tmp_path / "documents.parquet", DOCUMENTS, table, Record())
    rows = read(tmp_path / "documents.parquet", DOCUMENTS).to_pylist()
    assert max(row["n_tokens"] for row in rows) <= 16
    for row in rows:
        assert row["token_ids"] == [*codec.encode(row["text"]), codec.eos]
        assert row["n_tokens"] == len(row["token_ids"])
        assert row["n_bytes"] == len(row["text"].encode())
        assert codec.decode(row["token_ids"]) == row["text"]
    for group, text in enumerate(texts):
        pieces = documents.cut(text, lambda piece: len(codec.encode(piece)) < 16)
        assert {row["text"] for row in rows if row["group"] == f"g{group}"} == set(pieces)


def test_a_piece_that_repeats_a_held_out_document_is_not_trained_on(codec: Codec) -> None:
    long = Placed(RealText((PROSE * 4).strip(), "a", "file.txt", "none"), "train")
    (piece, *_) = documents.documents([long], codec, 30)["text"].to_pylist()
    held_out = Placed(RealText(piece, "b", "file.txt", "none"), "test")
    table = documents.documents([long, held_out], codec, 30).to_pylist()
    assert [row["split"] for row in table if row["text"] == piece] == ["test"]
    assert len({row["text"] for row in table}) == len(table)


def test_a_limit_below_one_character_is_refused(codec: Codec) -> None:
    placed = [Placed(RealText("😀", "a", "file.txt", "none"), "train")]
    with pytest.raises(ConfigError, match="max_document_tokens"):
        documents.documents(placed, codec, 4)


def test_of_a_long_text_the_beginning_may_be_all_that_is_kept(codec: Codec) -> None:
    both = " ".join(f"Sentence {number} stands here." for number in range(9)), "A short one."
    long, short = (Placed(RealText(text, text[:5], "file.txt", "none"), "train") for text in both)
    pieces = documents.documents([long, short], codec, 30)["text"].to_pylist()
    kept = documents.documents([long, short], codec, 30, beginnings=True)["text"].to_pylist()
    assert len(pieces) > 3
    assert sorted(kept) == sorted(piece for piece in pieces if piece.startswith(("Sentence 0", "A short")))
