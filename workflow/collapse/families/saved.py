"""A network in its folder: what it is in `config.json`, its weights, and nothing else, in `model.safetensors`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from safetensors.torch import save_file
from torch import nn

from collapse.errors import ContractError
from collapse.families import weights
from collapse.running.faults import pass_on
from collapse.running.files import entries

WEIGHTS, CONFIG = "model.safetensors", "config.json"

Network = TypeVar("Network", bound=nn.Module)


def save(network: nn.Module, config: dict[str, Any], folder: Path) -> list[str]:
    """Write a network and what `opened` makes it from, and return the names of the files."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    (folder / CONFIG).write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    # safetensors makes files that only their owner may read, whatever the umask says
    (folder / WEIGHTS).chmod((folder / CONFIG).stat().st_mode)
    return [CONFIG, WEIGHTS]


def opened(folder: Path, make: Callable[[dict[str, Any]], Network]) -> Network:
    """Read back a network that `save` wrote.

    Args:
        folder: Where it lies.
        make: Its network from the config, with any weights.

    Raises:
        ContractError: The config is not that of such a network, or its weights are not whole.
    """
    try:
        with weights.shapes_only():
            wanted = dict(make(entries(folder / CONFIG)).state_dict())
    except (OSError, KeyError, ValueError, TypeError) as error:
        pass_on(error)
        raise ContractError(f"{folder}: its config.json is not that of a model ({error}).\n  {weights.AGAIN}") from None
    found = weights.read(folder / WEIGHTS)
    weights.refuse(folder, [*weights.differences(wanted, found), *weights.not_finite(found.items())])
    network = make(entries(folder / CONFIG))
    network.load_state_dict(found)
    return network
