"""What a folder of somebody else's weights must look like before a library is given it.

Libraries trust a model's config: they would run Python that it names, fetch what it points to, or build a million
layers before they look at a tensor. So the small files are read here first, and never more of them than is sane.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from collapse.errors import EngineError
from collapse.running.files import entries, no_file

Head = Literal["AutoModelForCausalLM", "AutoModelForSequenceClassification", "AutoModel"]
"""What of transformers builds a model of a config: one that writes, one that tells labels, one that only encodes."""

WRITES: Head = "AutoModelForCausalLM"
TELLS: Head = "AutoModelForSequenceClassification"
ENCODES: Head = "AutoModel"

WRITING = ("ForCausalLM", "LMHeadModel")
"""Ends of the names of architectures that say how likely the next token is."""

READ_BY = ("collapse.families.reading", "transformers.modeling_utils", "transformers.models.auto.tokenization_auto")
"""Modules that a stage imports when it loads a model to read texts by: two CPU seconds a job."""

CONFIG, TOKENIZER_CONFIG = "config.json", "tokenizer_config.json"
SMALL = (CONFIG, "generation_config.json", TOKENIZER_CONFIG, "special_tokens_map.json", "added_tokens.json")
"""JSON files that a library reads as a whole."""

LARGEST_BYTES = {**dict.fromkeys(SMALL, 10_000_000), "tokenizer.json": 200_000_000}
"""Several times the largest that are published."""

LARGEST = {"layers": 1_000, "n_layer": 1_000, "num_labels": 100_000, "experts": 10_000}
"""What a number of `config.json` may be whose name ends so: each layer is an object, and each label's name a string.

Widths and vocabularies need no limit: they are compared with the tensors before memory is taken for them.
"""


def refuse_odd(folder: Path, where: str) -> None:
    """Refuse a folder that no library should be given.

    Args:
        folder: Where the files lie; its weights need not be there yet.
        where: The setting and the source, for the message.

    Raises:
        EngineError: A file is missing, too large, no JSON object, or asks for what is not done here.
    """
    for path in sorted(folder.iterdir()):
        if (strange := no_file(path)) and (path.name in LARGEST_BYTES or not path.is_dir()):
            raise EngineError(f"{where}: {path.name} {strange}.\n  Name a folder that save_pretrained wrote.")
    if not (folder / CONFIG).is_file():
        raise EngineError(f"{where}: there is no {CONFIG}.\n  Name a folder that save_pretrained wrote.")
    if (folder / "adapter_config.json").exists():
        raise EngineError(
            f"{where}: holds adapters (adapter_config.json), which are no model.\n"
            "  Merge them elsewhere (peft: merge_and_unload, then save_pretrained), and name that folder."
        )
    files = {name: _entries(folder / name, where) for name in LARGEST_BYTES if (folder / name).exists()}
    for name in (CONFIG, TOKENIZER_CONFIG):
        _refuse_own_code(files.get(name, {}), f"{where}: {name}")
    _refuse_quantized(files[CONFIG], where)
    refuse_sizes(files[CONFIG], where)


def refuse_mute(folder: Path, where: str) -> None:
    """Refuse a folder of a model that writes nothing, or has no tokenizer, by what its files say.

    Args:
        folder: Where they lie.
        where: The setting and the source.

    Raises:
        EngineError: It is one.
    """
    named = _entries(folder / CONFIG, where).get("architectures")
    names = [name for name in named if isinstance(name, str)] if isinstance(named, list) else []
    if names and not any(name.endswith(WRITING) for name in names):
        raise EngineError(
            f"{where}: is a {names[0]:.60}, which does not say how likely a text is.\n"
            f"  Name a model that writes, whose architecture ends in {' or '.join(WRITING)}."
        )
    if not (folder / "tokenizer.json").is_file():
        raise EngineError(
            f"{where}: there is no tokenizer.json, by which it would read texts.\n"
            "  Put its tokenizer's files beside the weights; in an experiment's folder, they are in `tokenizer/`."
        )


def refuse_sizes(config: Mapping[str, object], where: str) -> None:
    """Refuse a config that nothing could be built from in little time and memory.

    Raises:
        EngineError: A number of it is too large.
    """
    for key, number in _numbers(config):
        limit = next((limit for end, limit in LARGEST.items() if key.endswith(end)), None)
        if limit is not None and not 0 <= number <= limit:
            raise EngineError(
                f"{where}: {key} of {CONFIG} is {number}; it may be 0 to {limit:,}.\n  Use a model that can be built."
            )


def _entries(path: Path, where: str) -> dict[str, object]:
    """What a JSON file holds; a tokenizer's is only weighed, for its library refuses what is wrong with it."""
    size, limit = path.stat().st_size, LARGEST_BYTES[path.name]
    if size > limit:
        raise EngineError(f"{where}: {path.name} has {size:,} bytes, more than {limit:,}.\n  It is not read.")
    try:
        return entries(path) if path.name in SMALL else {}
    except ValueError as error:
        raise EngineError(
            f"{where}: {path.name} is not what a model has ({error}).\n  Fetch the model again, or mend the file."
        ) from None


def _refuse_own_code(content: Mapping[str, object], where: str) -> None:
    """Refuse weights that bring Python of their own, which transformers would ask to run."""
    if content.get("auto_map"):
        raise EngineError(
            f"{where} asks for code that comes with it (`auto_map`).\n"
            "  No such code is run. If transformers knows this architecture itself, copy the weights into a\n"
            "  folder, take `auto_map` out of that file, and name the folder."
        )


def _refuse_quantized(config: Mapping[str, object], where: str) -> None:
    match config.get("quantization_config"):
        case None:
            return
        case {"quant_method": str(method)}:
            how = f" ({method:.40})"
        case _:
            how = ""
    raise EngineError(
        f"{where}: its weights are quantized{how}, and such are not trained here.\n"
        "  Name the model that they were made from, or a GGUF file, which is taken apart."
    )


def _numbers(value: object, key: str = "") -> Iterator[tuple[str, float]]:
    """Every number of a config, with the name of its entry; lists of numbers are as long as the file lets them be."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _numbers(inner, str(name))
    elif isinstance(value, int | float):
        yield key, value
