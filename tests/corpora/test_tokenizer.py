"""Text to token ids and back, the same in every process and in every order."""

import json
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from collapse.errors import ContractError
from collapse.media.text import tokenizer
from collapse.media.text.sequences import Sequences
from collapse.media.text.tokenizer import Codec

TEXTS = [
    f"The {a} of the {b} is our {a}.\n" for a in ("union", "state", "people") for b in ("house", "nation", "world")
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer")
    tokenizer.save(tokenizer.train(TEXTS, 300), folder)
    return folder


@pytest.fixture(scope="module")
def codec(folder: Path) -> Codec:
    return Codec.load(folder)


def test_start_and_padding_are_never_written_and_an_end_always_may(codec: Codec) -> None:
    assert codec.never_written == {codec.tokenizer.token_to_id(name) for name in (tokenizer.BOS, tokenizer.PAD)}
    like_gpt2 = Codec(codec.tokenizer, bos=codec.eos, eos=codec.eos, pad=codec.eos)
    assert like_gpt2.never_written == set()


@given(text=st.text())
def test_any_text_comes_back_from_its_tokens(codec: Codec, text: str) -> None:
    ids = codec.encode(text)
    assert codec.decode([codec.bos, *ids, codec.eos]) == text
    assert not {codec.bos, codec.eos} & set(ids)
    assert max(ids, default=0) < codec.size <= 300


def test_a_document_that_quotes_a_special_token_does_not_end_there(codec: Codec) -> None:
    text = f"write {tokenizer.EOS} to stop, {tokenizer.BOS} to start"
    assert codec.eos not in codec.encode(text)
    assert codec.decode(codec.encode(text)) == text


def test_many_texts_are_encoded_as_each_alone(codec: Codec) -> None:
    texts = [*TEXTS, "", "  two  blanks", f"{tokenizer.EOS}é😀"]
    together = codec.encode_all(texts)
    assert [row.tolist() for row in together] == [codec.encode(text) for text in texts]
    assert codec.decode_all(together) == texts
    assert codec.decode_all(Sequences.of([[codec.eos]])) == [""]


def test_training_does_not_depend_on_the_order_of_the_texts_or_on_the_process(folder: Path) -> None:
    shuffled = random.Random(1).sample(TEXTS, len(TEXTS))
    assert tokenizer.train(shuffled, 300).to_str(pretty=True) == (folder / "tokenizer.json").read_text()
    script = (
        "import sys, json; from collapse.media.text import tokenizer;"
        "print(tokenizer.train(json.loads(sys.stdin.read()), 300).to_str(pretty=True), end='')"
    )
    other = subprocess.run(
        [sys.executable, "-c", script],
        input=json.dumps(TEXTS),
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(Path(tokenizer.__file__).parents[2]), "PYTHONHASHSEED": "7"},
    )
    assert other.stdout == (folder / "tokenizer.json").read_text()


def test_the_folder_is_a_hugging_face_tokenizer(folder: Path, codec: Codec) -> None:
    theirs = PreTrainedTokenizerFast.from_pretrained(folder)
    assert (theirs.bos_token_id, theirs.eos_token_id) == (codec.bos, codec.eos)
    assert theirs.pad_token_id not in (codec.bos, codec.eos)
    assert [theirs(text)["input_ids"] for text in TEXTS] == [codec.encode(text) for text in TEXTS]
    assert theirs.decode(codec.encode("a , b .")) == "a , b ."


def test_a_tokenizer_without_a_start_starts_with_its_end(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text((folder / "tokenizer.json").read_text())
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"eos_token": {"content": tokenizer.EOS}}))
    codec = Codec.load(tmp_path)
    assert codec.bos == codec.eos == Codec.load(folder).eos


def test_a_tokenizer_without_an_end_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text((folder / "tokenizer.json").read_text())
    with pytest.raises(ContractError, match="names no end-of-sequence token"):
        Codec.load(tmp_path)
    with pytest.raises(ContractError, match="does not hold a tokenizer"):
        Codec.load(tmp_path / "nowhere")


def test_numpy_token_ids_are_decoded(codec: Codec) -> None:
    assert codec.decode(np.array(codec.encode("the state"), dtype=np.int32)) == "the state"
