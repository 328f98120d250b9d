"""What counts as whole weights: every tensor that a model wants and no other, in its shape and type, all of it finite.

Libraries are more lenient. They fill what is missing with random numbers, drop what they do not know, and score with
NaN. So whatever loads weights asks here first, and refuses what is not whole by the names of its tensors.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor
from torch.overrides import TorchFunctionMode

from collapse.errors import ContractError
from collapse.families.foreign import WRITES, Head
from collapse.running.faults import pass_on

if TYPE_CHECKING:
    from transformers import PreTrainedModel

MOST_NAMED = 3
"""Tensors that a message names."""

AGAIN = "Delete this folder and run snakemake, which makes it again."


def refuse(where: object, faults: list[str], cure: str = AGAIN) -> None:
    """Refuse weights that are not whole.

    Args:
        where: The folder, or the setting and the source.
        faults: What is wrong, a tensor each.
        cure: What to do about it.

    Raises:
        ContractError: There is a fault.
    """
    if faults:
        more = f"; and {len(faults) - MOST_NAMED} more" if len(faults) > MOST_NAMED else ""
        raise ContractError(f"{where}: its weights are not whole: {'; '.join(faults[:MOST_NAMED])}{more}.\n  {cure}")


class _Undrawn(TorchFunctionMode):
    """Leaves weights as they are where a module would draw them."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__module__", None) == "torch.nn.init":
            return args[0] if args else kwargs["tensor"]
        return func(*args, **(kwargs or {}))


@contextmanager
def shapes_only() -> Iterator[None]:
    """Modules that are made meanwhile have weights of the right shape and no values, and take no memory.

    Nothing is drawn for them either: PyTorch would import eight hundred modules, for a second, to draw nothing.
    """
    with torch.device("meta"), _Undrawn():
        yield


def differences(wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> list[str]:
    """What tells the tensors of a file from those that a model wants; values are not looked at."""
    missing = [_missing(name) for name in sorted(wanted.keys() - found.keys())]
    unknown = [_unknown(name) for name in sorted(found.keys() - wanted.keys())]
    shared = sorted(wanted.keys() & found.keys())
    shapes = [
        _mismatched(name, found[name].shape, wanted[name].shape)
        for name in shared
        if found[name].shape != wanted[name].shape
    ]
    types = [
        f"{name} is of {found[name].dtype}, not {wanted[name].dtype}"
        for name in shared
        if found[name].dtype != wanted[name].dtype
    ]
    return [*missing, *unknown, *shapes, *types]


def not_finite(tensors: Iterable[tuple[str, Tensor]]) -> list[str]:
    """The tensors that hold infinities or what is not a number, and how many; one pass over the values."""
    faults = list[str]()
    for name, values in tensors:
        if values.numel() and values.is_floating_point() and not torch.stack(values.aminmax()).isfinite().all():
            faults.append(f"{int((~values.isfinite()).sum())} of the {values.numel()} values of {name} are not finite")
    return faults


def read(path: Path) -> dict[str, Tensor]:
    """Every tensor of a safetensors file.

    Raises:
        ContractError: It is missing or damaged.
    """
    return dict(tensors(path))


def tensors(path: Path) -> Iterator[tuple[str, Tensor]]:
    """The tensors of a safetensors file, one in memory at a time.

    Raises:
        ContractError: It is missing or damaged.
    """
    try:
        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118 - it is no mapping
                yield name, file.get_tensor(name)
    except (OSError, SafetensorError) as error:
        pass_on(error)
        raise ContractError(f"{path}: is not a readable file of weights ({error}).\n  {AGAIN}") from None


def load_transformers(
    source: str | Path, where: object, cure: str = AGAIN, head: Head = WRITES, **how: Any
) -> "PreTrainedModel":
    """Load a model by transformers, in float32.

    First without memory for its weights: a false config then asks for none, and nothing is drawn at random.

    Args:
        source: A folder or a Hub id.
        where: What a message begins with.
        cure: What it ends with.
        head: What the model is for.
        how: More for `from_pretrained`.

    Raises:
        ContractError: The weights are not whole.
    """
    refuse(where, transformers_differences(source, head, **how), cure)
    model, _ = _from_pretrained(source, head, **how)
    refuse(where, not_finite(model.named_parameters()), cure)
    return model


def load_gguf(file: Path, where: object, cure: str = AGAIN) -> "PreTrainedModel":
    """Load a model from a GGUF file by transformers, in float32; tensors that it does not know are passed over.

    Raises:
        ContractError: The weights are not whole.
    """
    from transformers import AutoConfig, AutoModelForCausalLM, GgufConfig

    with torch.device("meta"):
        asked = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(str(file.parent), gguf_file=file.name))
    if asked.num_parameters() > 8 * file.stat().st_size:
        refuse(where, [f"{asked.num_parameters():,} do not fit into {file.stat().st_size:,} bytes"], cure)

    # without dequantize=True the model counts as quantized and can be neither trained nor saved
    how = {"gguf_file": file.name, "quantization_config": GgufConfig(dequantize=True)}
    model, told = _from_pretrained(str(file.parent), WRITES, **how)
    refuse(where, [*_differences_told(told), *not_finite(model.named_parameters())], cure)
    return model


def transformers_differences(source: str | Path, head: Head = WRITES, **how: Any) -> list[str]:
    """What tells the tensors of a folder from those that the model of its config wants.

    Tied weights count as there, and so do buffers that transformers knows older checkpoints to hold.
    """
    return _differences_told(_from_pretrained(source, head, device_map="meta", **how)[1])


def _differences_told(told: Mapping[str, Any]) -> list[str]:
    return [
        *map(_missing, sorted(told["missing_keys"])),
        *map(_unknown, sorted(told["unexpected_keys"])),
        *(_mismatched(*one) for one in sorted(told["mismatched_keys"])),
        *told["error_msgs"],
    ]


def _from_pretrained(source: str | Path, head: Head, **how: Any) -> "tuple[PreTrainedModel, dict[str, Any]]":
    import transformers

    with _untold():
        loaded: Any = getattr(transformers, head).from_pretrained(
            source,
            dtype=torch.float32,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # or transformers refuses them without a name
            **how,
        )
    return loaded


@contextmanager
def _untold() -> Iterator[None]:
    """Keep transformers' own table of such tensors, in colours and with their names as they are, out of the log."""
    logger = logging.getLogger("transformers.modeling_utils")

    def silent(_: logging.LogRecord) -> bool:
        return False

    logger.addFilter(silent)
    try:
        yield
    finally:
        logger.removeFilter(silent)


def _missing(name: str) -> str:
    return f"{name} is missing"


def _unknown(name: str) -> str:
    return f"{name} is none of this model's"


def _mismatched(name: str, found: Iterable[int], wanted: Iterable[int]) -> str:
    return f"{name} is of shape {tuple(found)}, not {tuple(wanted)}"
