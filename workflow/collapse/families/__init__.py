"""Kinds of model. Each family is a module with three verbs: fit, sample, score.

A family module has `fit(job)`, which returns a model and its training log, and `load(folder, device)`. A family's heavy
libraries are imported only when its module is.
"""

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from collapse.config.plan import FamilySpec
from collapse.config.settings import DecodingSettings, TrainingSettings
from collapse.media.text.sequences import Sequences

MODULES = {"transformer": "collapse.families.transformer", "ngram": "collapse.families.ngram"}
"""Module of each family; rules add it to the fingerprints of the stages that load it."""


@dataclass(frozen=True)
class Vocabulary:
    """What a family must know of the tokenizer.

    Attributes:
        size: Number of token ids.
        bos: Token put before every sequence; never stored, never predicted.
        eos: Token that ends a document; stored as its last token, predicted like any other.
    """

    size: int
    bos: int
    eos: int


@dataclass(frozen=True)
class Draws:
    """What a sampler wrote: one row per request, in the order asked.

    Attributes:
        tokens: Sampled tokens, the end of sequence included where the model ended.
        stopped: Whether the model ended the document itself, shape `(n,)`, bool.
        logprob_nats: Log-probability of the sampled tokens under the model, before tempering and truncation,
            shape `(n,)`.
    """

    tokens: Sequences
    stopped: np.ndarray
    logprob_nats: np.ndarray


@dataclass(frozen=True)
class TrainingJob:
    """Everything that decides a model's weights.

    Attributes:
        family: Kind of model, its settings, its device.
        training: Optimizer and schedule, for families that have one.
        vocabulary: Size and special tokens.
        texts: Training examples in training order, repeats included.
        initial: Folder of the weights to start from; None for random weights.
        seed: Seed of random weights.
        scratch: Folder of checkpoints that an interrupted job goes on from.
        checkpoint_minutes: Minutes between them; 0: after every step. They decide nothing about the weights.
    """

    family: FamilySpec
    training: TrainingSettings
    vocabulary: Vocabulary
    texts: Sequences
    initial: Path | None
    seed: int
    scratch: Path
    checkpoint_minutes: float


@dataclass(frozen=True)
class TrainingStep:
    """What one optimizer step did; a row of `training_log.parquet`."""

    step: int
    tokens_seen: int
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

    def score(self, texts: Sequences, prompts: Sequences | None = None) -> np.ndarray:
        """Negative log-likelihood of each text in nats, summed over its tokens, shape `(len(texts),)`, float64.

        Args:
            texts: Tokens to predict, without start of sequence.
            prompts: Tokens seen before each text and not predicted; None for none.
        """
        ...


class Sampler(Protocol):
    """Something that writes text."""

    def sample(self, prompts: Sequences, decoding: DecodingSettings, seeds: np.ndarray) -> Draws:
        """Draw one continuation per prompt, each from its own seed.

        Args:
            prompts: Tokens given to the model after the start of sequence; an empty row is no prompt.
            decoding: How to draw.
            seeds: One seed per row, shape `(len(prompts),)`, int64. A row's text depends on its seed, its prompt and
                the model alone, not on the rows beside it.
        """
        ...


def fit(job: TrainingJob) -> tuple[Model, list[TrainingStep]]:
    """Fit a model of the job's family; the log is empty for families without optimizer steps."""
    return importlib.import_module(MODULES[job.family.name]).fit(job)


def load(family: str, folder: Path, device: str) -> Model:
    """Load a model that a family saved."""
    return importlib.import_module(MODULES[family]).load(folder, device)
