"""Where PyTorch computes."""

import torch

from collapse.errors import EngineError


def torch_device(device: str) -> str:
    """PyTorch's name for `cpu` or `gpu`.

    Raises:
        EngineError: A GPU is asked for and none is there.
    """
    if device == "gpu" and not torch.cuda.is_available():
        raise EngineError("device: `gpu` is asked for, but PyTorch sees none here.\n  Set `device: cpu`, or see envs/.")
    return "cuda" if device == "gpu" else "cpu"
