"""The training loop: one for small models on two cores and large ones on a GPU, through Accelerate.

At about the default size (544 000 weights, bfloat16, one thread) three interleaved runs gave 17 200 to 21 100 tokens
per CPU second, against 21 400 to 22 300 for a bare PyTorch loop: one loop for all sizes is worth that.
"""

import logging
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.nn import functional

from collapse.config.settings import TrainingSettings
from collapse.errors import ConfigError
from collapse.families import TrainingJob, TrainingStep
from collapse.families.checkpoints import Checkpoints
from collapse.families.llama import tensors
from collapse.media.text.packing import IGNORED, assign_batches, fill

logger = logging.getLogger(__name__)


def make_accelerator(device: str, precision: str) -> Accelerator:
    """An accelerator for `device` (`cpu`, `gpu`) that computes in `precision` (`float32`, `bfloat16`)."""
    return Accelerator(cpu=device == "cpu", mixed_precision="bf16" if precision == "bfloat16" else "no")


@contextmanager
def _denormals_flushed() -> Iterator[None]:
    """Take numbers too small for a normal float32 as 0: they cost a softmax's backward pass three times its time."""
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


LossOf = Callable[[nn.Module, int], tuple[Tensor, int]]
"""Mean loss of an optimizer step, in nats per unit of size, and how many units it is the mean of."""


def train(network: nn.Module, job: TrainingJob, context_length: int, accelerator: Accelerator) -> list[TrainingStep]:
    """Train `network` in place, once through the job's texts, in rows of `context_length`; see `descend`.

    Args:
        network: Maps `(inputs, positions, segments)` to logits.
        job: What to train on, and how.
        context_length: Length of a packed row.
        accelerator: Where to compute, in which precision.
    """
    batches = assign_batches(job.examples.lengths, context_length, job.training.batch_size)
    texts, prompts, bos = job.examples.outputs, job.examples.inputs, job.facts.output.bos
    weights = job.relative_weights

    def loss_of(prepared: nn.Module, number: int) -> tuple[Tensor, int]:
        batch = fill(batches[number], texts, prompts, bos, context_length)
        inputs, positions, segments, targets = tensors(batch, accelerator.device)
        logits = prepared(inputs, positions, segments).float().flatten(0, 1)
        n_predicted = int((targets != IGNORED).sum())
        if weights is None:
            return functional.cross_entropy(logits, targets.flatten(), ignore_index=IGNORED), n_predicted
        of_segments = torch.tensor(weights[[one for row in batches[number] for one in row]], device=logits.device)
        losses = functional.cross_entropy(logits, targets.flatten(), ignore_index=IGNORED, reduction="none")
        return (losses * of_segments[segments.flatten()]).sum().float() / n_predicted, n_predicted

    return descend(network, job, len(batches), loss_of, accelerator)


@_denormals_flushed()
def descend(
    network: nn.Module, job: TrainingJob, n_steps: int, loss_of: LossOf, accelerator: Accelerator
) -> list[TrainingStep]:
    """Train `network` in place.

    If the job's scratch folder holds a checkpoint, training goes on from it with the same data order, weights,
    optimizer state and randomness, and ends in the same weights as if it had never stopped.

    Args:
        network: What is trained.
        job: The optimizer's settings, and where checkpoints lie.
        n_steps: Optimizer steps.
        loss_of: The loss of each of them.
        accelerator: Where to compute, in which precision.

    Returns:
        One entry per optimizer step.

    Raises:
        ConfigError: It diverged: a loss is not finite.
    """
    network.train()
    optimizer = make_optimizer(network, job.training)
    prepared, optimizer = accelerator.prepare(network, optimizer)
    checkpoints = Checkpoints(job.scratch, job.checkpoint_minutes)
    log = _restored(checkpoints.newest(), network, optimizer)
    for number in range(len(log), n_steps):
        rate = learning_rate(number, n_steps, job.training)
        loss, n_units = loss_of(prepared, number)
        norm = _step(prepared, optimizer, accelerator, loss, rate, job.training.gradient_clip)
        if not math.isfinite(nats := loss.item()):
            raise diverged(job.training, number + 1, f"its loss is {nats}")
        seen = (log[-1].seen if log else 0) + n_units
        log.append(TrainingStep(number + 1, seen, nats, rate, norm))
        if checkpoints.due():
            checkpoints.save(number + 1, _state(network, optimizer, log))
        if (number + 1) % max(1, n_steps // 5) == 0:
            logger.info("step %d of %d: loss %.3f nats", number + 1, n_steps, nats)
    return log


def diverged(training: TrainingSettings, step: int, fault: str) -> ConfigError:
    """The refusal of a training whose loss or weights are not finite any more; they would stay so."""
    return ConfigError(
        f"training.learning_rate: is {training.learning_rate:g}, and training has diverged by step {step}: {fault}.\n"
        "  Make it smaller, or training.gradient_clip, or training.warmup_fraction larger. Nothing is written."
    )


def make_optimizer(network: nn.Module, training: TrainingSettings) -> torch.optim.AdamW:
    """AdamW over the trainable weights; matrices decay, biases and norms do not."""
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    groups = [
        {"params": [w for w in weights if w.ndim >= 2], "weight_decay": training.weight_decay},
        {"params": [w for w in weights if w.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=training.learning_rate, betas=(0.9, 0.99), fused=True)


def learning_rate(step: int, n_steps: int, training: TrainingSettings) -> float:
    """Learning rate of a step (from 0): linear warm-up, then constant or a cosine to a tenth."""
    n_warmup = math.ceil(training.warmup_fraction * n_steps)
    if step < n_warmup:
        return training.learning_rate * (step + 1) / n_warmup
    if training.schedule == "constant":
        return training.learning_rate
    progress = (step - n_warmup) / max(1, n_steps - n_warmup)
    return training.learning_rate * (0.1 + 0.45 * (1 + math.cos(math.pi * progress)))


def _step(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    accelerator: Accelerator,
    loss: Tensor,
    rate: float,
    clip: float,
) -> float:
    """Follow the gradient of a loss; returns its norm."""
    accelerator.backward(loss)
    norm = accelerator.clip_grad_norm_(network.parameters(), clip)
    assert norm is not None
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.step()
    optimizer.zero_grad()
    return float(norm)


def _state(network: nn.Module, optimizer: torch.optim.Optimizer, log: list[TrainingStep]) -> dict[str, object]:
    return {
        "network": network.state_dict(),
        "optimizer": optimizer.state_dict(),
        "log": [asdict(step) for step in log],
    }


def _restored(state: dict[str, Any] | None, network: nn.Module, optimizer: torch.optim.Optimizer) -> list[TrainingStep]:
    """Put network and optimizer into a checkpoint's state; its log, which says how far it had come."""
    if state is None:
        return []
    network.load_state_dict(state["network"])
    optimizer.load_state_dict(state["optimizer"])
    logger.info("going on after step %d", len(state["log"]))
    return [TrainingStep(**entry) for entry in state["log"]]
