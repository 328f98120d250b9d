"""Folders of somebody else's weights that are odd: what is done to a whole one, and the words that it is refused with.

A new one is an entry of `ODD`: a function that changes the folder, and a part of the message.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

Change = Callable[[Path], object]
DEEP = '{"a":' * 100_000 + "1" + "}" * 100_000
NORM = "transformer.ln_f.weight"
HOSTILE = "evil\x1b[2J\u202e"


def config(**changes: object) -> Change:
    """Other entries of `config.json`."""
    return json_file("config.json", **changes)


def json_file(name: str, **changes: object) -> Change:
    def change(folder: Path) -> None:
        content = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps(content | changes))

    return change


def file(name: str, content: str) -> Change:
    return lambda folder: (folder / name).write_text(content)


def without(name: str) -> Change:
    return lambda folder: (folder / name).unlink()


def folder_in_place_of(name: str) -> Change:
    def change(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        (folder / name).mkdir()

    return change


def pipe_in_place_of(name: str) -> Change:
    def change(folder: Path) -> None:
        (folder / name).unlink()
        os.mkfifo(folder / name)

    return change


def weights(change: Callable[[dict[str, Tensor]], object]) -> Change:
    """Other tensors in `model.safetensors`; the function changes them in place."""

    def rewrite(folder: Path) -> None:
        path = next(folder.glob("*.safetensors"))
        tensors = load_file(path)
        change(tensors)
        save_file(tensors, path, metadata={"format": "pt"})

    return rewrite


def one_value(name: str, value: float) -> Callable[[dict[str, Tensor]], object]:
    def change(tensors: dict[str, Tensor]) -> None:
        tensors[name].flatten()[3] = value

    return change


ODD: dict[str, tuple[Change, str]] = {
    # tensors
    "a tensor is missing": (weights(lambda found: found.pop(NORM)), f"{NORM} is missing"),
    "a tensor too many": (weights(lambda found: found.update(more=torch.ones(2))), "more is none of this model's"),
    "a tensor with a hostile name": (weights(lambda found: found.update({HOSTILE: torch.ones(2)})), "is none of"),
    "a tensor of another shape": (
        weights(lambda found: found.update({NORM: torch.ones(9)})),
        "of shape (9,), not (8,)",
    ),
    "a value that is no number": (weights(one_value(NORM, torch.nan)), f"1 of the 8 values of {NORM} are not finite"),
    "an infinite value": (weights(one_value("transformer.wte.weight", -torch.inf)), "transformer.wte.weight are not"),
    "an output layer of its own that is not there": (config(tie_word_embeddings=False), "lm_head.weight is missing"),
    "no weights": (without("model.safetensors"), "cannot be loaded"),
    "weights that are none": (file("model.safetensors", "weights"), "cannot be loaded"),
    "weights that are a folder": (folder_in_place_of("model.safetensors"), "cannot be loaded"),
    "weights that are a pipe": (pipe_in_place_of("model.safetensors"), "model.safetensors is a pipe"),
    # config.json
    "no config": (without("config.json"), "there is no config.json"),
    "a config that is a list": (file("config.json", "[]"), "config.json is not what a model has (it holds no entries)"),
    "a config that is no JSON": (file("config.json", "{"), "config.json is not what a model has"),
    "a config without end": (
        file("config.json", DEEP),
        "config.json is not what a model has (it is nested too deeply)",
    ),
    "a config that is a folder": (folder_in_place_of("config.json"), "config.json is a folder"),
    "a config of many bytes": (file("config.json", " " * 10_000_001), "config.json has 10,000,001 bytes"),
    "a model of no kind": (config(model_type="nothing", architectures=["Nothing"]), "cannot be loaded"),
    "a million layers": (config(n_layer=10**6), "n_layer of config.json is 1000000; it may be 0 to 1,000"),
    "layers less than none": (config(n_layer=-1), "n_layer of config.json is -1"),
    "a million labels": (config(num_labels=10**6), "num_labels of config.json is 1000000"),
    "a vocabulary of 10^12": (
        config(vocab_size=10**12),
        "transformer.wte.weight is of shape (270, 8), not (1000000000000",
    ),
    "a context of 10^12": (config(n_positions=10**12), "transformer.wpe.weight is of shape (16, 8), not"),
    "a negative width": (config(n_embd=-8), "cannot be loaded"),
    "another width": (config(n_embd=16), "is of shape"),
    "a width that is a word": (config(n_embd="wide"), "cannot be loaded"),
    "no heads": (config(n_head=0), "cannot be loaded"),
    "AWQ": (config(quantization_config={"quant_method": "awq", "bits": 4}), "its weights are quantized (awq)"),
    "GPTQ": (config(quantization_config={"quant_method": "gptq", "bits": 4}), "its weights are quantized (gptq)"),
    "a quantization of no kind": (config(quantization_config=[]), "its weights are quantized,"),
    "adapters": (file("adapter_config.json", '{"base_model_name_or_path": "owner/name"}'), "holds adapters"),
    # the tokenizer
    "a tokenizer's config that is a list": (file("tokenizer_config.json", "[]"), "tokenizer_config.json is not what"),
    "a tokenizer's config without end": (file("tokenizer_config.json", DEEP), "it is nested too deeply"),
    "a tokenizer of no kind": (json_file("tokenizer_config.json", tokenizer_class=["x"]), "cannot be loaded"),
    "a tokenizer that is a list": (file("tokenizer.json", "[]"), "cannot be loaded"),
    "a tokenizer without end": (file("tokenizer.json", DEEP), "cannot be loaded"),
    "a tokenizer that is a folder": (folder_in_place_of("tokenizer.json"), "tokenizer.json is a folder"),
    "no tokenizer": (without("tokenizer.json"), "cannot be loaded"),
    "a generation config that is a list": (file("generation_config.json", "[]"), "generation_config.json is not what"),
}
