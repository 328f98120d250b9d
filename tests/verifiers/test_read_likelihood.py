"""Somebody's model as a verifier: how likely it finds a sample after what it was drawn for, in tokens of its own."""

import json
from pathlib import Path

import numpy as np
import pytest
import tables
import torch
from given_models import save_encoder, save_writer, shape, verdicts_by
from transformers import AutoModelForCausalLM, AutoTokenizer, BertLMHeadModel

from collapse.artifacts.contracts import Record
from collapse.config.specs import CheckpointSpec
from collapse.errors import ConfigError, ContractError, EngineError
from collapse.families import foreign, reading
from collapse.families.foreign import WRITES
from collapse.stages import checkpoint
from collapse.verifiers.read_likelihood import asked

WINDOW = 40


@pytest.fixture(scope="module")
def given(tmp_path_factory) -> Path:
    return save_writer(tmp_path_factory.mktemp("given") / "writer")


def brought(given: Path | str, target: Path, **changes: object) -> Path:
    card = target / "checkpoint=verifier-strong" / "model.json"
    spec = {"asked_by": "verifier", "name": "strong", "checkpoint": str(given), "revision": None, "labels": None}
    spec |= {"window_tokens": WINDOW, "writes": True} | changes
    checkpoint.run(spec=CheckpointSpec.model_validate(spec), checkpoint=card, record=Record())
    return card


@pytest.fixture(scope="module")
def card(given, tmp_path_factory) -> Path:
    return brought(given, tmp_path_factory.mktemp("results"))


def said(given: Path, ids: list[int]) -> np.ndarray:
    """Log-probability of each token but the first after all before it, as transformers itself says."""
    network = AutoModelForCausalLM.from_pretrained(given).eval()
    with torch.no_grad():
        logits = network(torch.tensor([ids])).logits[0].double()
    likely = torch.log_softmax(logits, dim=-1).numpy()
    return np.array([likely[place, token] for place, token in enumerate(ids[1:])])


def split(given: Path, text: str) -> list[int]:
    return AutoTokenizer.from_pretrained(given)(text, add_special_tokens=False)["input_ids"]


def test_a_score_is_the_mean_over_the_sample_s_own_tokens_behind_what_was_given(given, card):
    reader = reading.load(card, WRITES, WINDOW, "cpu")
    pairs = [("we ask:", " peace"), ("", "the people"), ("free and", " strong this year!"), ("we ask:", " peace")]
    expected = []
    for before, text in pairs:
        n_before = len(split(given, before))
        ids = split(given, before + text)
        assert ids[:n_before] == split(given, before), "no token crosses the border here"
        expected.append(said(given, [0, *ids])[n_before:].mean())
    found = reader.logprobs([before for before, _ in pairs], [text for _, text in pairs])
    assert found.dtype == np.float64 and found == pytest.approx(expected, abs=1e-5)


def test_a_token_that_crosses_the_border_is_the_sample_s(given, card):
    reader = reading.load(card, WRITES, WINDOW, "cpu")
    assert AutoTokenizer.from_pretrained(given).tokenize("peace") == ["p", "ea", "ce"]
    (window,) = reader.endings(["pe"], ["ace"])
    assert window.ids == (0, *split(given, "peace")) and window.n_tokens == 2


def test_a_text_without_a_token_has_no_score_and_is_not_let_through(card):
    reader = reading.load(card, WRITES, WINDOW, "cpu")
    found = reader.logprobs(["we ask: ", "we ask: "], ["", "peace"])
    assert np.isnan(found[0]) and found[1] < 0


def test_a_text_that_quotes_the_end_does_not_end(given, card):
    reader = reading.load(card, WRITES, WINDOW, "cpu")
    (window,) = reader.endings([""], ["<|end|>"])
    assert 1 not in window.ids[1:] and window.n_tokens > 1


@pytest.mark.parametrize("window", [2, 5, 8, WINDOW])
def test_of_a_long_text_every_token_is_asked_once_behind_half_a_window_or_all_there_is(given, card, window):
    reader = reading.load(card, WRITES, window, "cpu")
    before, text = "we ask the congress", " for peace and for work this year , the people are strong"
    ids = [0, *split(given, before + text)]
    first = 1 + len(split(given, before))
    likely, at = [], first
    for part in reader.endings([before], [text]):
        for place in range(at, at + part.n_tokens):
            behind = len(part.ids) - part.n_tokens + place - at
            assert window // 2 <= behind <= window or (behind == place and place <= window)
            assert list(part.ids[: behind + 1]) == ids[place - behind : place + 1]
            likely.append(said(given, ids[place - behind : place + 1])[-1])
        at += part.n_tokens
    assert at == len(ids)
    assert reader.logprobs([before], [text])[0] == pytest.approx(np.mean(likely), abs=1e-5)


def test_company_changes_nothing(card, monkeypatch):
    reader = reading.load(card, WRITES, WINDOW, "cpu")
    texts = ["peace", "the people of this union", "year", "we", "peace and work"]
    together = reader.logprobs([""] * 5, texts)
    monkeypatch.setattr(reading, "TEXTS_READ", 2)
    monkeypatch.setattr(reading, "TOKENS_READ", 1)
    assert reader.logprobs([""] * 5, texts) == pytest.approx(together, abs=1e-5)


def test_words_are_put_around_what_a_sample_was_drawn_for():
    assert asked("In short: {input} =", ["an article, a word", "free"], ["a word", "free"]) == [
        "In short: an article,  =",
        "In short:  =",
    ]


def test_samples_are_chosen_by_it_and_their_verdicts_say_how_likely_they_are(given, card):
    texts = ["peace", "xqzj", "", "the people"]
    drawn = [tables.sample("real", 1, draw, [1, 0], text=text, prompt="we ask") for draw, text in enumerate(texts)]
    settings = {"kind": "likelihood", "by": "checkpoint", "checkpoint": "x", "window_tokens": WINDOW}
    settings |= {"template": "({input})", "select": {"rule": "top_fraction", "fraction": 0.5}}
    rows = verdicts_by(card, settings, [tables.document("d0", [1, 0], "train")], drawn)
    n_before = len(split(given, "(we ask)"))
    means = [said(given, [0, *split(given, f"(we ask){text}")])[n_before:].mean() for text in texts if text]
    scores = [row["score"] for row in rows]
    assert [scores[0], scores[1], scores[3]] == pytest.approx(means, abs=1e-5)
    assert rows[2]["reason"] == "unparseable" and not rows[2]["accepted"]
    best = sorted((0, 1, 3), key=lambda place: -scores[place])[:2]
    assert [place for place, row in enumerate(rows) if row["accepted"]] == sorted(best)


# --- what is no such model --------------------------------------------------------------------------------------------


def test_a_folder_is_refused_by_its_files_that_writes_nothing_or_has_no_tokenizer(given, tmp_path):
    foreign.refuse_mute(given, "it")
    encoder = save_encoder(tmp_path / "encoder")
    with pytest.raises(EngineError, match=r"it: is a BertModel, which does not say how likely"):
        foreign.refuse_mute(encoder, "it")
    (encoder / "config.json").write_text(json.dumps({"architectures": ["LlamaForCausalLM"]}))
    (encoder / "tokenizer.json").unlink()
    with pytest.raises(EngineError, match=r"it: there is no tokenizer.json"):
        foreign.refuse_mute(encoder, "it")


def test_a_model_that_looks_ahead_is_refused_before_it_judges(given, tmp_path):
    tokenizer = AutoTokenizer.from_pretrained(given)
    for is_decoder in (True, False):
        network = BertLMHeadModel(shape(is_decoder=is_decoder)).eval()
        reader = reading.Reader(network, tokenizer, 4, torch.device("cpu"))
        if is_decoder:
            reading.refuse_mute(reader, "it")
        else:
            with pytest.raises(EngineError, match=r"it: the model looks at the tokens that come after"):
                reading.refuse_mute(reader, "it")
    tokenizer.bos_token = tokenizer.eos_token = None
    with pytest.raises(EngineError, match=r"it: its tokenizer names neither start nor end"):
        reading.refuse_mute(reading.Reader(network, tokenizer, 4, torch.device("cpu")), "it")


def test_other_models_do_not_come_in(given, tmp_path):
    with pytest.raises(ConfigError, match=r"verifiers.strong.window_tokens: is 65, but the model reads 64"):
        brought(given, tmp_path, window_tokens=65)
    with pytest.raises(ConfigError, match=r"verifiers.strong.checkpoint: `gone/` is not a folder here"):
        brought("gone/", tmp_path)
    with pytest.raises(ContractError, match=r"verifiers.strong.checkpoint: .* its weights are not whole"):
        brought(save_encoder(tmp_path / "encoder"), tmp_path)
