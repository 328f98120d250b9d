"""What gives images labels: a ridge fit on fixed random features, or a network of two layers.

`random_features`: rectified random projections of the pixels, of unit mean square, and a ridge fit of the classes' 0s
and 1s on them and a constant, in closed form. What it says of a class, cut to between 0.001 and 1 and divided by
the sum, is taken for its probability. `two_layer`: both layers trained by cross-entropy.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from collapse.config.settings import ClassifierSettings, DecodingSettings
from collapse.families import TrainingJob, TrainingStep, saved
from collapse.families import weights as whole
from collapse.families.devices import torch_device
from collapse.media import Draws, Facts
from collapse.media.image import Images, Shape
from collapse.media.label import Classes, Labels

IMPORTED_LATE = {"train": ("collapse.families.training", "torch._dynamo")}

LEAST = 1e-3
"""Least probability of a class, before they are divided by their sum, under a ridge fit."""

MOST_PIXELS, MOST_CLASSES = 1 << 20, 100_000
"""Of a model's file."""


class Network(nn.Module):
    """Two layers with a rectifier between them.

    Attributes:
        facts: Shape of images, number of classes.
        settings: Architecture and width.
    """

    def __init__(self, facts: Facts, settings: ClassifierSettings) -> None:
        super().__init__()
        self.facts, self.settings = facts, settings
        self.first = nn.Linear(facts.input.n_pixels, settings.width)
        self.second = nn.Linear(settings.width, facts.output.n)

    def features(self, levels: Tensor) -> Tensor:
        """Rectified projections, `(n, width)`."""
        return functional.relu(self.first(levels))

    def forward(self, levels: Tensor) -> Tensor:
        """What the second layer says, `(n, n_classes)`, of grey levels `(n, height * width)`."""
        return self.second(self.features(levels))


@dataclass(frozen=True)
class ClassifierModel:
    """A fitted classifier.

    Attributes:
        network: Its two layers.
        device: Where the weights lie.
    """

    network: Network
    device: torch.device

    @cached_property
    def facts(self) -> Facts:
        """What it knows of the values."""
        return self.network.facts

    @property
    def n_parameters(self) -> int:
        """Numbers that were fitted: a random layer is not."""
        fitted: nn.Module = self.network.second if self._is_ridge else self.network
        return sum(weight.numel() for weight in fitted.parameters())

    @property
    def _is_ridge(self) -> bool:
        return self.network.settings.architecture == "random_features"

    def probabilities(self, images: Images) -> np.ndarray:
        """Probability of each class, shape `(n, n_classes)`, float64."""
        with torch.no_grad():
            said = self.network(torch.from_numpy(images.levels).to(self.device)).double()
            found = said.clamp(LEAST, 1) if self._is_ridge else torch.softmax(said, dim=1)
            return (found / found.sum(dim=1, keepdim=True)).cpu().numpy()

    def score(self, outputs: Labels, inputs: Images) -> np.ndarray:
        """Negative log-probability of each label in nats, shape `(n,)`; see `families.Model.score`."""
        return -np.log(self.probabilities(inputs)[np.arange(len(outputs)), outputs.values])

    def sample(self, inputs: Images, decoding: DecodingSettings, seeds: np.ndarray) -> Draws:
        """Draw a label per image, or take the likeliest one (`method: greedy`); see `families.Sampler`."""
        probabilities = self.probabilities(inputs)
        if decoding.method == "greedy":
            drawn = probabilities.argmax(axis=1)
        else:
            tempered = probabilities ** (1 / decoding.temperature)
            steps = np.cumsum(tempered / tempered.sum(axis=1, keepdims=True), axis=1)
            uniform = np.array([np.random.Generator(np.random.Philox(key=int(seed))).random() for seed in seeds])
            drawn = np.minimum((steps < uniform[:, None]).sum(axis=1), probabilities.shape[1] - 1)
        logs = np.log(probabilities[np.arange(len(drawn)), drawn])
        return Draws(Labels(drawn.astype(np.int32)), np.ones(len(drawn), dtype=bool), logs)

    def save(self, folder: Path) -> list[str]:
        """Write the model into `folder` and return the names of its files."""
        shape = self.network.facts.input
        config = {"height": shape.height, "width_of_images": shape.width, "classes": self.network.facts.output.n}
        return saved.save(self.network, config | self.network.settings.model_dump(), folder)


def fit(job: TrainingJob) -> tuple[ClassifierModel, list[TrainingStep]]:
    """Fit a classifier to the job's images and labels; a ridge fit has no optimizer steps to log.

    Raises:
        ConfigError: Training diverged: its loss or its weights are not finite.
        ContractError: The weights to start from are not whole.
    """
    settings, images, labels = job.family.settings, job.examples.inputs, job.examples.outputs
    assert isinstance(settings, ClassifierSettings)
    place = torch.device(torch_device(job.family.device))
    torch.manual_seed(job.seed)
    network = saved.opened(job.initial, _made) if job.initial else Network(job.facts, settings)
    if settings.architecture == "random_features":
        _fit_ridge(network, images, labels, settings.ridge, job.relative_weights)
        return ClassifierModel(network.to(place).eval(), place), []
    from collapse.families.training import descend, diverged, make_accelerator  # Accelerate, which only training needs

    accelerator, size, n = make_accelerator(job.family.device, "float32"), job.training.batch_size, len(labels)
    weights = job.relative_weights

    def loss_of(prepared: nn.Module, number: int) -> tuple[Tensor, int]:
        rows = np.arange(number * size, min((number + 1) * size, n))
        levels = torch.from_numpy(images.take(rows).levels).to(accelerator.device)
        targets = torch.from_numpy(labels.values[rows].astype(np.int64)).to(accelerator.device)
        if weights is None:
            return functional.cross_entropy(prepared(levels), targets), len(rows)
        losses = functional.cross_entropy(prepared(levels), targets, reduction="none")
        return (losses * torch.from_numpy(weights[rows]).to(losses)).mean(), len(rows)

    log = descend(network, job, -(-n // size), loss_of, accelerator)
    if faults := whole.not_finite(network.named_parameters()):
        raise diverged(job.training, len(log), faults[0])
    return ClassifierModel(network.eval(), accelerator.device), log


def _fit_ridge(
    network: Network, images: Images, labels: Labels, ridge: float, weights: np.ndarray | None = None
) -> None:
    """Set the second layer to the ridge fit of the classes' 0s and 1s on the features and a constant.

    Weights, of mean 1, multiply squared errors.
    """
    with torch.no_grad():
        nn.init.normal_(network.first.weight, std=np.sqrt(2 / network.facts.input.n_pixels))
        nn.init.zeros_(network.first.bias)
        features = network.features(torch.from_numpy(images.levels)).double().numpy()
        targets = np.eye(network.facts.output.n)[labels.values]
        means = np.average(features, axis=0, weights=weights), np.average(targets, axis=0, weights=weights)
        roots = 1.0 if weights is None else np.sqrt(weights)[:, None]
        centred, aimed, n = roots * (features - means[0]), roots * (targets - means[1]), len(features)
        if n > network.settings.width:
            solved = np.linalg.solve(centred.T @ centred / n + ridge * np.eye(centred.shape[1]), centred.T @ aimed / n)
        else:  # the same fit, by its dual
            solved = centred.T @ np.linalg.solve(centred @ centred.T + n * ridge * np.eye(n), aimed)
        network.second.weight.copy_(torch.from_numpy(solved.T))
        network.second.bias.copy_(torch.from_numpy(means[1] - means[0] @ solved))


def load(folder: Path, device: str) -> ClassifierModel:
    """Load a model from its folder.

    Raises:
        ContractError: Its weights are not whole; see `weights`.
    """
    place = torch.device(torch_device(device))
    return ClassifierModel(saved.opened(folder, _made).to(place).eval(), place)


def _made(config: dict[str, Any]) -> Network:
    shape = Shape(int(config.pop("height")), int(config.pop("width_of_images")))
    facts = Facts(Classes(int(config.pop("classes"))), shape)
    if not (0 < shape.n_pixels <= MOST_PIXELS and 0 < facts.output.n <= MOST_CLASSES):
        raise ValueError(f"no model has {facts.output.n} classes of images of {shape.height} x {shape.width}")
    return Network(facts, ClassifierSettings.model_validate(config))
