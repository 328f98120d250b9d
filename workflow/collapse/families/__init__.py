"""Kinds of model. Each family is a module with three verbs: fit, sample, score.

A family module has `fit(job)`, which returns a model and its training log, and `load(folder, device)`. A family's heavy
libraries are imported only when its module is.
"""

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from collapse.config.settings import DecodingSettings, TrainingSettings
from collapse.config.specs import FamilySpec
from collapse.media import Draws, Examples, Facts

MODULES = {
    "transformer": "collapse.families.transformer",
    "ngram": "collapse.families.ngram",
    "vae": "collapse.families.vae",
    "classifier": "collapse.families.classifier",
}
"""Module of each family; rules add it to the fingerprints of the stages that load it."""


@dataclass(frozen=True)
class TrainingJob:
    """Everything that decides a model's weights.

    Attributes:
        family: Kind of model, its settings, its device.
        training: Optimizer and schedule, for families that have one.
        facts: What it must know of the values: vocabulary, shape, classes.
        examples: Training examples in training order, repeats included; the loss is on their outputs.
        initial: Folder of the weights to start from; None for random weights.
        seed: Seed of random weights.
        scratch: Folder of checkpoints that an interrupted job goes on from.
        checkpoint_minutes: Minutes between them; 0: after every step. They decide nothing about the model.
        weights: Weight of each example in the loss, shape `(n,)`, by size; None for 1. A family that counts has none.
    """

    family: FamilySpec
    training: TrainingSettings
    facts: Facts
    examples: Examples
    initial: Path | None
    seed: int
    scratch: Path
    checkpoint_minutes: float
    weights: np.ndarray | None = None

    @property
    def relative_weights(self) -> np.ndarray | None:
        """The weights over their mean by size of outputs, so that they change no step's size on average; None for 1."""
        if self.weights is None:
            return None
        return self.weights / np.average(self.weights, weights=self.examples.outputs.sizes)


@dataclass(frozen=True)
class TrainingStep:
    """What one optimizer step did; a row of `training_log.parquet`. Sizes are in the unit of the outputs."""

    step: int
    seen: int
    loss_nats: float
    learning_rate: float
    gradient_norm: float


class Model(Protocol):
    """A fitted model."""

    @property
    def n_parameters(self) -> int:
        """Numbers that were fitted."""
        ...

    def save(self, folder: Path) -> list[str]:
        """Write the model into `folder`, weights as safetensors, and return the names of its files."""
        ...

    def score(self, outputs: Any, inputs: Any = None) -> np.ndarray:
        """Negative log-likelihood of each output in nats, shape `(len(outputs),)`, float64, or a stated bound on it.

        Args:
            outputs: What is to be predicted; of text, tokens without the start of sequence, whose losses are summed.
            inputs: What the model sees before each and does not predict; None for nothing.
        """
        ...


class Sampler(Protocol):
    """Something that makes outputs."""

    def sample(self, inputs: Any, decoding: DecodingSettings, seeds: np.ndarray) -> Draws:
        """Draw one output per seed.

        Args:
            inputs: What the model is given, one each; None for nothing. A text's may have no token.
            decoding: How to draw.
            seeds: One seed per row, shape `(n,)`, int64. A row depends on its seed, its input and the model alone, not
                on the rows beside it.
        """
        ...


def fit(job: TrainingJob) -> tuple[Model, list[TrainingStep]]:
    """Fit a model of the job's family; the log is empty for families without optimizer steps."""
    return importlib.import_module(MODULES[job.family.name]).fit(job)


def load(family: str, folder: Path, device: str) -> Model:
    """Load a model that a family saved."""
    return importlib.import_module(MODULES[family]).load(folder, device)
