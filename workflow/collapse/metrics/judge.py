"""A small convolutional classifier of real images, whose classes and features generations are measured in.

It is fitted once for an experiment, to its real training images, always in the same way; its 64 features are those
before its last layer. Distances in them are not those of an Inception network, and compare with none.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.nn import functional

from collapse.errors import ContractError
from collapse.media.image import Images, Shape

N_FEATURES, BATCH, EPOCHS, LEARNING_RATE = 64, 64, 12, 2e-3


class Network(nn.Module):
    """Two strided convolutions, a layer of features, and the classes."""

    def __init__(self, shape: Shape, n_classes: int) -> None:
        super().__init__()
        self.shape = shape
        flat = 32 * -(-shape.height // 4) * -(-shape.width // 4)
        self.first = nn.Conv2d(1, 16, 3, stride=2, padding=1)
        self.second = nn.Conv2d(16, 32, 3, stride=2, padding=1)
        self.features = nn.Linear(flat, N_FEATURES)
        self.classes = nn.Linear(N_FEATURES, n_classes)

    def forward(self, levels: Tensor) -> tuple[Tensor, Tensor]:
        """Features `(n, 64)` and logits `(n, n_classes)` of grey levels `(n, height * width)`."""
        found = levels.view(-1, 1, self.shape.height, self.shape.width)
        found = functional.relu(self.second(functional.relu(self.first(found)))).flatten(1)
        features = functional.relu(self.features(found))
        return features, self.classes(features)


@dataclass(frozen=True)
class Seen:
    """What the classifier sees in images.

    Attributes:
        features: Shape `(n, 64)`, float64.
        probabilities: Of each class, shape `(n, n_classes)`, float64.
    """

    features: np.ndarray
    probabilities: np.ndarray

    @property
    def classes(self) -> np.ndarray:
        """The likeliest class of each, shape `(n,)`."""
        return self.probabilities.argmax(axis=1)


def fit(images: Images, labels: np.ndarray, n_classes: int) -> Network:
    """Fit the classifier.

    Args:
        images: Real training images.
        labels: The class of each, shape `(n,)`.
        n_classes: How many classes there are.
    """
    torch.manual_seed(0)
    network, order = Network(images.shape, n_classes), torch.Generator().manual_seed(0)
    levels, targets = torch.from_numpy(images.levels), torch.from_numpy(labels.astype(np.int64))
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    for epoch in range(EPOCHS):
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * (1 - epoch / EPOCHS)
        for rows in torch.randperm(len(images), generator=order).split(BATCH):
            optimizer.zero_grad()
            functional.cross_entropy(network(levels[rows])[1], targets[rows]).backward()
            optimizer.step()
    return network.eval()


def seen(network: Network, images: Images) -> Seen:
    """What it sees in images."""
    with torch.no_grad():
        found = [network(torch.from_numpy(part)) for part in _blocks(images.levels)]
    features = np.concatenate([one.double().numpy() for one, _ in found])
    return Seen(features, np.concatenate([torch.softmax(logits.double(), dim=1).numpy() for _, logits in found]))


def to_bytes(network: Network) -> bytes:
    """Its weights as safetensors."""
    return save({name: tensor.contiguous() for name, tensor in network.state_dict().items()})


def from_bytes(weights: bytes, shape: Shape, where: object) -> Network:
    """The classifier of these weights.

    Raises:
        ContractError: They are none of a classifier of such images.
    """
    try:
        found = load(weights)
        network = Network(shape, len(found["classes.bias"]))
        network.load_state_dict(found)
    except (SafetensorError, KeyError, RuntimeError) as error:
        raise ContractError(f"{where}: holds no classifier ({error}).\n  Delete it and run snakemake.") from None
    return network.eval()


def _blocks(levels: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, max(1, len(levels)), 512):
        yield levels[start : start + 512]
