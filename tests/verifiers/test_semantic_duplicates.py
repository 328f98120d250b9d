"""Texts that mean nearly the same: the first is kept, real ones before all, whatever blocks they are compared in."""

from pathlib import Path

import numpy as np
import pytest
import tables
import torch
from given_models import CONTEXT, save_encoder, verdicts_by
from transformers import AutoModel, AutoTokenizer

from collapse.artifacts.contracts import Record
from collapse.config.specs import CheckpointSpec
from collapse.errors import ConfigError
from collapse.families import reading
from collapse.families.foreign import ENCODES
from collapse.stages import checkpoint
from collapse.verifiers import Verdicts, semantic_duplicates
from collapse.verifiers.semantic_duplicates import judge


def at(*degrees: float) -> np.ndarray:
    """Vectors of length 1 in a plane, by their angles: two are as near as the cosine of what lies between them."""
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


NOTHING = np.zeros((0, 2), np.float32)


def near(samples: np.ndarray, documents: np.ndarray = NOTHING, similarity: float = 0.9) -> Verdicts:
    names = [[f"{letter}{n}" for n in range(len(rows))] for letter, rows in (("s", samples), ("d", documents))]
    return judge(similarity, samples, names[0], documents, names[1])


def brute(samples: np.ndarray, documents: np.ndarray, similarity: float) -> list[str | None]:
    """One text after the other, each with all real ones and all that were kept before."""
    known = [(f"d{n}", row) for n, row in enumerate(documents)]
    found = list[str | None]()
    for n, row in enumerate(samples):
        found.append(next((name for name, other in known if row @ other >= similarity - 1e-6), None))
        known += [(f"s{n}", row)] if found[-1] is None else []
    return found


# cos 25° = 0.906 and cos 26° = 0.899: with 0.9, what is 25 degrees apart is near, what is 26 apart is not


def test_the_first_of_near_texts_is_kept_and_named_with_how_near_they_are():
    verdicts = near(at(0, 25, 90, 64))
    assert verdicts.accepted.tolist() == [True, False, True, True]
    assert verdicts.reason.tolist() == ["accepted", "duplicate", "accepted", "accepted"]
    assert verdicts.duplicate_of is not None and verdicts.duplicate_of.tolist() == [None, "s0", None, None]
    assert verdicts.score is not None and verdicts.score == pytest.approx([0, -np.cos(np.radians(25)), 0, 0])
    assert verdicts.threshold is not None and verdicts.threshold.tolist() == [-0.9] * 4


def test_what_was_refused_refuses_nothing():
    verdicts = near(at(0, 20, 40))
    assert verdicts.duplicate_of is not None and verdicts.duplicate_of.tolist() == [None, "s0", None]


def test_of_several_that_are_near_the_earliest_is_named_and_real_ones_come_first():
    verdicts = near(at(0, 30, 15), documents=at(200, 170, 190))
    assert verdicts.duplicate_of is not None and verdicts.duplicate_of.tolist() == [None, None, "s0"]
    verdicts = near(at(0, 30, 15), documents=at(200, 40, 35))
    assert verdicts.duplicate_of is not None and verdicts.duplicate_of.tolist() == [None, "d1", "d1"]


def test_the_same_text_is_near_at_a_similarity_of_one_and_nothing_else_is():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(40, 384))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    verdicts = near(np.concatenate([vectors, vectors]), np.zeros((0, 384), np.float32), similarity=1)
    assert verdicts.accepted.tolist() == [True] * 40 + [False] * 40


def test_nothing_to_compare_is_no_fault():
    assert len(near(np.zeros((0, 2), np.float32))) == 0


@pytest.mark.parametrize("rows", [1, 3, 7, 1_000])
@pytest.mark.parametrize("seed", range(3))
def test_blocks_of_any_size_find_what_one_after_the_other_does(monkeypatch, rows, seed):
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(90, 3))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    monkeypatch.setattr(semantic_duplicates, "BLOCK_ROWS", rows)
    samples, documents = vectors[:70], vectors[70:]
    verdicts = near(samples, documents, similarity=0.95)
    assert verdicts.duplicate_of is not None and verdicts.duplicate_of.tolist() == brute(samples, documents, 0.95)
    assert 10 < verdicts.accepted.sum() < 50


def test_no_more_is_held_than_a_block_by_a_block(monkeypatch):
    seen = list[tuple[int, ...]]()

    class Watched(np.ndarray):
        def __matmul__(self, other):
            found = np.asarray(self) @ np.asarray(other)
            seen.append(found.shape)
            return found

    monkeypatch.setattr(semantic_duplicates, "BLOCK_ROWS", 8)
    near(at(*range(0, 180, 2)).view(Watched), at(*range(180, 360, 3)))
    assert len(seen) > 20 and all(max(shape) <= 8 for shape in seen)


# --- what an encoder says ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def given(tmp_path_factory) -> Path:
    return save_encoder(tmp_path_factory.mktemp("given") / "encoder")


def brought(given: Path, target: Path, **changes: object) -> Path:
    card = target / "checkpoint=verifier-unlike" / "model.json"
    asked = {"asked_by": "verifier", "name": "unlike", "checkpoint": str(given), "revision": None, "labels": None}
    asked |= {"window_tokens": CONTEXT - 2} | changes
    checkpoint.run(spec=CheckpointSpec.model_validate(asked), checkpoint=card, record=Record())
    return card


@pytest.fixture(scope="module")
def card(given, tmp_path_factory) -> Path:
    return brought(given, tmp_path_factory.mktemp("results"))


def test_a_texts_vector_is_the_mean_of_its_tokens_states_of_length_one(given, card):
    texts = ["the people are free", "we ask", "", "peace and work this year!"]
    network, tokenizer = AutoModel.from_pretrained(given), AutoTokenizer.from_pretrained(given)
    with torch.no_grad():
        means = [network(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].mean(0) for text in texts]
    expected = [(mean / mean.norm()).numpy() for mean in means]
    found = reading.load(card, ENCODES, CONTEXT - 2, "cpu").vectors(texts)
    assert found.dtype == np.float32 and found == pytest.approx(np.array(expected), abs=1e-5)


def test_of_a_long_text_the_mean_is_over_all_windows_and_order_and_company_change_nothing(given, card, monkeypatch):
    text, start, end = "the people of this union are free", 2, 3
    network, tokenizer = AutoModel.from_pretrained(given), AutoTokenizer.from_pretrained(given)
    tokens = tokenizer(text, add_special_tokens=False)["input_ids"]
    windows = [[start, *tokens[first : first + 3], end] for first in range(0, len(tokens), 3)]
    assert len(windows) > 1
    with torch.no_grad():
        mean = torch.cat([network(torch.tensor([window])).last_hidden_state[0] for window in windows]).mean(0)
    encoder = reading.load(card, ENCODES, 3, "cpu")
    others = ["we ask for peace", "year", text, "strong"]
    alone, together = encoder.vectors([text])[0], encoder.vectors(others)
    assert alone == pytest.approx((mean / mean.norm()).numpy(), abs=1e-5)
    assert together[2] == pytest.approx(alone, abs=1e-6)
    monkeypatch.setattr(reading, "TEXTS_READ", 2)
    assert encoder.vectors(others) == pytest.approx(together, abs=1e-6)


def test_an_encoder_that_reads_less_than_is_asked_is_refused(given, tmp_path):
    with pytest.raises(ConfigError, match=r"verifiers.unlike.window_tokens: is 99, but the model reads 14"):
        brought(given, tmp_path, window_tokens=99)
    with pytest.raises(ConfigError, match=r"verifiers.unlike.encoder: `gone` .*is not a folder here|revision: None"):
        brought(Path("gone"), tmp_path)


def test_samples_are_compared_with_real_training_texts_and_with_earlier_ones(card):
    texts = [
        "we ask for peace",
        "the people are free",
        "WE ASK FOR PEACE",
        "strong work this year",
        "the People are free",
    ]
    real = [
        tables.document("d0", [1, 0], "train", text="Strong work this year"),
        tables.document("d1", [1, 0], "test", text="we ask for peace"),
    ]
    drawn = [tables.sample("real", 1, draw, [1, 0], text=text) for draw, text in enumerate(texts)]
    near = {"kind": "semantic_duplicates", "similarity": 0.9999, "encoder": "x", "revision": None, "window_tokens": 14}
    rows = verdicts_by(card, near, real, drawn)
    assert [row["duplicate_of"] for row in rows] == [
        None,
        None,
        "real.0.1.0000000",  # its tokenizer reads small letters
        "d0",
        "real.0.1.0000001",
    ]
    assert [row["reason"] for row in rows] == ["accepted", "accepted", "duplicate", "duplicate", "duplicate"]
