"""Pretrained weights come in whole, as plain files, and never by a name that could change."""

import json
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel

from collapse import lineage
from collapse.config.plan import BaseModelSpec
from collapse.contracts import Record
from collapse.corpora import tokenizer
from collapse.corpora.tokenizer import Codec
from collapse.errors import ConfigError, EngineError
from collapse.stages import base_model


@pytest.fixture
def pretrained(tmp_path: Path) -> Path:
    folder = tmp_path / "pretrained"
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=270, n_positions=16, n_embd=8, n_layer=1, n_head=1, bos_token_id=0, eos_token_id=1)
    model = GPT2LMHeadModel(config)
    model.generation_config.temperature, model.generation_config.do_sample = 0.1, True
    model.to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save(tokenizer.train(["our union is strong"], 270), folder)
    return folder


def run(source: Path | str, target: Path, revision: str | None = None, context_length: int = 16) -> Path:
    card = target / "base_model.json"
    spec = BaseModelSpec(base_model=str(source), revision=revision, context_length=context_length)
    base_model.run(spec=spec, base_model=card, record=Record())
    return card


def test_weights_and_tokenizer_arrive_in_float32_without_sampling_defaults(pretrained: Path, tmp_path: Path) -> None:
    card = run(pretrained, tmp_path / "base_model")
    facts = json.loads(card.read_text())
    theirs, ours = (AutoModelForCausalLM.from_pretrained(f, dtype=torch.float32) for f in (pretrained, card.parent))
    assert {name: value.dtype for name, value in ours.state_dict().items() if value.dtype != torch.float32} == {}
    assert all(torch.equal(value, theirs.state_dict()[name]) for name, value in ours.state_dict().items())
    assert facts["n_parameters"] == sum(weight.numel() for weight in theirs.parameters())
    assert facts["files"] == {name: lineage.sha256(card.parent / name) for name in facts["files"]}
    assert {"model.safetensors", "config.json", "tokenizer.json"} <= set(facts["files"])
    assert {path.name for path in card.parent.iterdir()} == {*facts["files"], card.name}
    generation = json.loads((card.parent / "generation_config.json").read_text())
    assert not {"temperature", "do_sample", "top_k", "top_p"} & set(generation)
    assert Codec.load(card.parent).encode("our union") == Codec.load(pretrained).encode("our union")


def test_fetching_twice_gives_the_same_bytes_and_leaves_nothing_of_another_model(
    pretrained: Path, tmp_path: Path
) -> None:
    first, second = run(pretrained, tmp_path / "a"), run(pretrained, tmp_path / "b")
    assert first.read_bytes() == second.read_bytes()
    (tmp_path / "b" / "special_tokens_map.json").write_text("{}")
    assert run(pretrained, tmp_path / "b").read_bytes() == first.read_bytes()


@pytest.mark.parametrize(
    ("source", "revision", "message"),
    [
        ("owner/name", None, "transformer.revision: None is not a commit"),
        ("owner/name", "main", "transformer.revision: 'main' is not a commit"),
        ("./no/such/folder", None, "is not a folder here"),
        ("package==1.0:weights.bin", None, "is not a folder here"),
        ("package==1.0:weights.gguf", "0" * 40, "means nothing for package==1.0"),
    ],
)
def test_a_name_that_says_no_fixed_weights_is_refused(
    tmp_path: Path, source: str, revision: str | None, message: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        run(source, tmp_path, revision)
    assert message in str(refused.value)


def test_pickled_weights_are_refused(pretrained: Path, tmp_path: Path) -> None:
    state = AutoModelForCausalLM.from_pretrained(pretrained).state_dict()
    torch.save(state, pretrained / "pytorch_model.bin")
    (pretrained / "model.safetensors").unlink()
    with pytest.raises(EngineError, match="needs safetensors weights"):
        run(pretrained, tmp_path / "base_model")


def test_a_context_longer_than_the_models_is_refused(pretrained: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"context_length: is 17, but .* sees 16 at once"):
        run(pretrained, tmp_path / "base_model", context_length=17)
