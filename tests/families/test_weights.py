"""Weights are whole or refused, by the names of their tensors, wherever a model of this project is loaded."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from odd_models import config, file, one_value, weights, without
from safetensors.numpy import load_file, save_file
from transformers import LlamaConfig, LlamaForCausalLM

from collapse import engines, families
from collapse.config.settings import NgramSettings, TrainingSettings, TransformerSettings
from collapse.config.specs import FamilySpec
from collapse.errors import CollapseError, ConfigError, ContractError
from collapse.families import TrainingJob, ngram, transformer
from collapse.families import weights as whole
from collapse.families.llama import Llama, configuration
from collapse.families.transformer import TransformerModel
from collapse.media import Examples, Facts
from collapse.media.text import Vocabulary
from collapse.media.text.sequences import Sequences

VOCABULARY = Vocabulary(size=64, bos=0, eos=1)
TEXTS = Sequences.of([[5, 6, 7, 1]] * 40)
SETTINGS = TransformerSettings(
    base_model=None,
    revision=None,
    architecture="llama",
    n_layers=1,
    n_heads=1,
    width=8,
    context_length=16,
    tuning="full",
    lora_rank=1,
    precision="float32",
)
TRAINING = TrainingSettings(
    batch_size=2, learning_rate=1e-3, schedule="constant", warmup_fraction=0, weight_decay=0, gradient_clip=1
)
NORM = "model.norm.weight"


def train(
    initial: Path | None = None,
    texts: Sequences = TEXTS,
    learning_rate: float = 1e-3,
    architecture: Literal["llama", "gpt2"] = "llama",
) -> TransformerModel:
    settings = SETTINGS.model_copy(update={"architecture": architecture})
    training = TRAINING.model_copy(update={"learning_rate": learning_rate})
    family = FamilySpec(name="transformer", settings=settings, device="cpu")
    job = TrainingJob(family, training, Facts(VOCABULARY), Examples(texts), initial, 0, Path("none"), 10)
    return transformer.fit(job)[0]


@pytest.fixture(params=["made here", "somebody else's"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A model that was trained here, or the same kind of transformers', with an output layer of its own."""
    if request.param == "made here":
        TransformerModel(Llama(SETTINGS, 64), configuration(SETTINGS, 64, 0, 1), torch.device("cpu")).save(tmp_path)
    else:
        shape = {"hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 1}
        settings = LlamaConfig(vocab_size=64, max_position_embeddings=16, tie_word_embeddings=False, **shape)
        LlamaForCausalLM(settings).save_pretrained(tmp_path)
    return tmp_path


DAMAGES = {
    "missing": (weights(lambda found: found.pop(NORM)), f"{NORM} is missing"),
    "unknown": (weights(lambda found: found.update(more=torch.ones(2))), "more is none of this model's"),
    "of another shape": (
        weights(lambda found: found.update({NORM: torch.ones(9)})),
        f"{NORM} is of shape (9,), not (8,)",
    ),
    "not a number": (weights(one_value(NORM, torch.nan)), f"1 of the 8 values of {NORM} are not finite"),
    "infinite": (weights(one_value("model.embed_tokens.weight", torch.inf)), "values of model.embed_tokens.weight are"),
    "of a larger model": (
        config(vocab_size=10**12),
        "model.embed_tokens.weight is of shape (64, 8), not (1000000000000",
    ),
}
ODD_FILES = {
    "no weights": without("model.safetensors"),
    "no config": without("config.json"),
    "other weights": file("model.safetensors", "weights"),
    "a config that is a list": file("config.json", "[]"),
}


def scored(folder: Path) -> object:
    return families.load("transformer", folder, "cpu")


def opened_elsewhere(folder: Path) -> object:
    """What the engine does that hands the folder to vLLM."""
    return transformer.refuse_damaged(folder)


LOADS = {"scored": scored, "trained on": train, "opened elsewhere": opened_elsewhere}


@pytest.mark.parametrize("load", LOADS.values(), ids=LOADS)
def test_whole_weights_are_taken(folder: Path, load: Callable[[Path], object]) -> None:
    load(folder)


@pytest.mark.parametrize("name", DAMAGES)
@pytest.mark.parametrize("load", LOADS.values(), ids=LOADS)
def test_weights_that_are_not_whole_are_refused_by_name(
    folder: Path, load: Callable[[Path], object], name: str
) -> None:
    damage, words = DAMAGES[name]
    damage(folder)
    with pytest.raises(ContractError) as refused:
        load(folder)
    assert f"{folder}: its weights are not whole" in str(refused.value) and words in str(refused.value)
    assert "run snakemake" in str(refused.value)


@pytest.mark.parametrize("name", ODD_FILES)
def test_a_folder_that_holds_no_model_is_refused_in_words(tmp_path: Path, name: str) -> None:
    TransformerModel(Llama(SETTINGS, 64), configuration(SETTINGS, 64, 0, 1), torch.device("cpu")).save(tmp_path)
    ODD_FILES[name](tmp_path)
    with pytest.raises(ContractError, match=str(tmp_path)):
        scored(tmp_path)


def test_shapes_are_known_without_a_draw_or_a_value() -> None:
    before = torch.get_rng_state()
    with whole.shapes_only():
        network = Llama(SETTINGS, VOCABULARY.size)
    shapes = {name: (tensor.shape, tensor.device.type) for name, tensor in network.state_dict().items()}
    assert torch.equal(torch.get_rng_state(), before)
    drawn = Llama(SETTINGS, VOCABULARY.size).state_dict()
    assert shapes == {name: (tensor.shape, "meta") for name, tensor in drawn.items()}
    assert drawn["embed_tokens.weight"].std() > 0.01  # outside, weights are drawn as ever


def test_weights_of_another_type_are_refused(tmp_path: Path) -> None:
    train().save(tmp_path)
    weights(lambda found: found.update({NORM: found[NORM].to(torch.int32)}))(tmp_path)
    with pytest.raises(ContractError, match=rf"{NORM} is of torch.int32, not torch.float32"):
        scored(tmp_path)


@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
def test_training_that_diverges_is_refused_with_the_setting(architecture: str) -> None:
    with pytest.raises(ConfigError, match=r"training.learning_rate: is 1e\+30, and training has diverged by step \d+"):
        train(learning_rate=1e30, architecture=architecture)


def test_a_last_step_that_diverges_is_refused_too() -> None:
    """Its loss was still finite."""
    with pytest.raises(ConfigError, match=r"training has diverged by step 1: .* are not finite"):
        train(texts=Sequences.of([[5, 6, 7, 1]]), learning_rate=3e38)


# --- n-grams ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def counted(tmp_path: Path) -> Path:
    ngram.count(NgramSettings(order=2, discount=0.5), VOCABULARY, TEXTS).save(tmp_path)
    return tmp_path


def arrays(change: Callable[[dict[str, np.ndarray]], object]) -> Callable[[Path], None]:
    def rewrite(folder: Path) -> None:
        found = load_file(folder / "model.safetensors")
        change(found)
        save_file(found, folder / "model.safetensors")

    return rewrite


def facts(**changes: object) -> Callable[[Path], None]:
    def rewrite(folder: Path) -> None:
        found = json.loads((folder / "ngram.json").read_text())
        (folder / "ngram.json").write_text(json.dumps(found | changes))

    return rewrite


def as_floats(found: dict[str, np.ndarray]) -> None:
    found["counts.1"] = np.full(len(found["counts.1"]), np.nan)


COUNTS = {
    "no counts": (arrays(lambda found: found.pop("counts.1")), "counts.1 is missing"),
    "more counts": (arrays(lambda found: found.update({"counts.2": found["counts.1"]})), "counts.2 is none of"),
    "counts that are no numbers": (arrays(as_floats), "counts.1 is of type float64"),
    "a negative count": (arrays(lambda found: found["counts.0"].__setitem__(0, -3)), "counts.0 holds a count below 1"),
    "a count too few": (arrays(lambda found: found.update({"counts.0": found["counts.0"][1:]})), "values for"),
    "a token there is not": (arrays(lambda found: found["grams.0"].__setitem__(-1, 64)), "grams.0 is not that of"),
    "tokens out of order": (
        arrays(lambda found: found.update({"grams.0": found["grams.0"][::-1].copy()})),
        "grams.0 is",
    ),
    "a context without a token": (
        arrays(lambda found: found.update({"contexts.1": np.append(found["contexts.1"], 63)})),
        "contexts, of which",
    ),
    "a smaller vocabulary": (facts(vocabulary={"size": 6, "bos": 0, "eos": 1}), "vocabulary of 6"),
    "a vocabulary without its end": (facts(vocabulary={"size": 64, "bos": 0, "eos": 64}), "is none"),
    "a vocabulary of 10^12": (facts(vocabulary={"size": 10**12, "bos": 0, "eos": 1}), "is none"),
    "a vocabulary of words": (facts(vocabulary=["a"]), "its vocabulary is not"),
    "a discount that is no number": (facts(settings={"order": 2, "discount": float("nan")}), "discount"),
    "a negative discount": (facts(settings={"order": 2, "discount": -0.5}), "discount"),
    "no settings": (facts(settings=None), "does not hold an n-gram model"),
    "facts that are a list": (file("ngram.json", "[]"), "does not hold an n-gram model (it holds no entries)"),
    "other weights": (file("model.safetensors", "weights"), "does not hold an n-gram model"),
    "no weights": (without("model.safetensors"), "does not hold an n-gram model"),
}


@pytest.mark.parametrize("name", COUNTS)
def test_counts_that_are_not_whole_are_refused_in_words(counted: Path, name: str) -> None:
    assert families.load("ngram", counted, "cpu").n_parameters
    damage, words = COUNTS[name]
    damage(counted)
    with pytest.raises(CollapseError) as refused:
        families.load("ngram", counted, "cpu")
    assert words in str(refused.value) and str(counted) in str(refused.value)


def test_a_sampler_is_of_the_experiments_vocabulary(counted: Path) -> None:
    engines.open_sampler("native", "ngram", counted, Facts(VOCABULARY), "cpu", [])
    with pytest.raises(ContractError, match="values are of Vocabulary"):
        engines.open_sampler("native", "ngram", counted, Facts(Vocabulary(65, 0, 1)), "cpu", [])
