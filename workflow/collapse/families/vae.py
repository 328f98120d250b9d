"""A convolutional variational autoencoder of grey images (Kingma and Welling 2014).

Two strided convolutions encode an image in a few numbers, their mirror decodes them. A pixel's grey level is taken for
the probability of white, so the loss of an image is the negative evidence lower bound: cross-entropy of its levels and
those decoded, summed over pixels, plus the divergence of its code from the prior. It bounds the negative
log-likelihood from above, with one draw of the code, always from the same noise. A sample is what the decoder makes of
a draw from the prior, its levels as they are: drawing each pixel black or white would add noise that no image has.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from collapse.config.settings import DecodingSettings, VaeSettings
from collapse.families import TrainingJob, TrainingStep, saved
from collapse.families import weights as whole
from collapse.families.devices import torch_device
from collapse.media import Draws, Facts
from collapse.media.image import Images, Shape

IMPORTED_LATE = {"train": ("collapse.families.training", "torch._dynamo")}

STRIDES = 4
"""Height and width are divided by two, twice."""

IMAGES_AT_ONCE = 512
"""Images that are scored or drawn at once."""


class Network(nn.Module):
    """Encoder and decoder.

    Attributes:
        shape: Rows and columns of an image; multiples of 4.
        settings: Sizes of code and convolutions.
    """

    def __init__(self, shape: Shape, settings: VaeSettings) -> None:
        super().__init__()
        self.shape, self.settings = shape, settings
        few, many = settings.channels, 2 * settings.channels
        self.small = (many, shape.height // STRIDES, shape.width // STRIDES)
        flat = int(np.prod(self.small))
        self.encode_1 = nn.Conv2d(1, few, 4, stride=2, padding=1)
        self.encode_2 = nn.Conv2d(few, many, 4, stride=2, padding=1)
        self.mean = nn.Linear(flat, settings.latent)
        self.log_variance = nn.Linear(flat, settings.latent)
        self.widen = nn.Linear(settings.latent, flat)
        self.decode_2 = nn.ConvTranspose2d(many, few, 4, stride=2, padding=1)
        self.decode_1 = nn.ConvTranspose2d(few, 1, 4, stride=2, padding=1)

    def encode(self, levels: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of the codes, each `(n, latent)`, of grey levels `(n, height * width)`."""
        found = levels.view(-1, 1, self.shape.height, self.shape.width)
        found = functional.relu(self.encode_2(functional.relu(self.encode_1(found)))).flatten(1)
        return self.mean(found), self.log_variance(found)

    def decode(self, codes: Tensor) -> Tensor:
        """Logits of the grey levels, `(n, height * width)`, of codes `(n, latent)`."""
        found = functional.relu(self.widen(codes)).view(-1, *self.small)
        return self.decode_1(functional.relu(self.decode_2(found))).flatten(1)

    def forward(self, levels: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Cross-entropy and divergence of each image, in nats, `(n,)`.

        Args:
            levels: Grey levels from 0 to 1, `(n, height * width)`.
            noise: Standard normal draws that the codes are made with, `(n, latent)`.
        """
        mean, log_variance = self.encode(levels)
        logits = self.decode(mean + torch.exp(log_variance / 2) * noise)
        crossed = functional.binary_cross_entropy_with_logits(logits, levels, reduction="none").sum(dim=1)
        divergence = (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=1) / 2
        return crossed, divergence


@dataclass(frozen=True)
class VaeModel:
    """A fitted autoencoder.

    Attributes:
        network: Encoder and decoder.
        device: Where the weights lie.
    """

    network: Network
    device: torch.device

    @cached_property
    def facts(self) -> Facts:
        """What it knows of the values."""
        return Facts(self.network.shape)

    @property
    def n_parameters(self) -> int:
        """Weights in all."""
        return sum(weight.numel() for weight in self.network.parameters())

    def score(self, outputs: Images, inputs: None = None) -> np.ndarray:
        """Negative evidence lower bound of each image in nats, shape `(n,)`; see `families.Model.score`."""
        noise = torch.randn(len(outputs), self.network.settings.latent, generator=torch.Generator().manual_seed(0))
        parts = [np.empty(0)]
        for rows in _blocks(len(outputs)):
            with torch.no_grad():
                crossed, divergence = self.network(self._levels(outputs, rows), noise[rows].to(self.device))
            parts.append((crossed + divergence).double().cpu().numpy())
        return np.concatenate(parts)

    def codes(self, images: Images) -> np.ndarray:
        """Mean of the code of each image, shape `(n, latent)`."""
        with torch.no_grad():
            found = [self.network.encode(self._levels(images, rows))[0].cpu().numpy() for rows in _blocks(len(images))]
        return np.concatenate(found) if found else np.empty((0, self.network.settings.latent), dtype=np.float32)

    def reconstructed(self, images: Images) -> np.ndarray:
        """Grey levels that each image's mean code is decoded to, shape `(n, height * width)`."""
        return self._decoded(self.codes(images))

    def sample(self, inputs: None, decoding: DecodingSettings, seeds: np.ndarray) -> Draws:
        """Decode one draw from the prior per seed; see `families.Sampler`."""
        latent = self.network.settings.latent
        codes = np.stack([np.random.Generator(np.random.Philox(key=int(seed))).normal(size=latent) for seed in seeds])
        drawn = Images.of_levels(self._decoded(decoding.temperature * codes), self.network.shape)
        return Draws(drawn, np.ones(len(seeds), dtype=bool), np.full(len(seeds), np.nan))

    def save(self, folder: Path) -> list[str]:
        """Write the model into `folder` and return the names of its files."""
        shape = self.network.shape
        config = {"height": shape.height, "width": shape.width, **self.network.settings.model_dump()}
        return saved.save(self.network, config, folder)

    def _levels(self, images: Images, rows: slice) -> Tensor:
        return torch.from_numpy(images.take(np.arange(len(images))[rows]).levels).to(self.device)

    def _decoded(self, codes: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            found = [
                torch.sigmoid(self.network.decode(torch.from_numpy(codes[rows]).float().to(self.device))).cpu().numpy()
                for rows in _blocks(len(codes))
            ]
        return np.concatenate(found) if found else np.empty((0, self.network.shape.n_pixels), dtype=np.float32)


def fit(job: TrainingJob) -> tuple[VaeModel, list[TrainingStep]]:
    """Train an autoencoder, once through the job's images in their order; see `families.TrainingJob`.

    Raises:
        ConfigError: Training diverged: its loss or its weights are not finite.
        ContractError: The weights to start from are not whole.
    """
    from collapse.families.training import descend, diverged, make_accelerator  # Accelerate, which only training needs

    settings, images = job.family.settings, job.examples.outputs
    assert isinstance(settings, VaeSettings)
    accelerator = make_accelerator(job.family.device, "float32")
    torch.manual_seed(job.seed)
    network = saved.opened(job.initial, _made) if job.initial else Network(job.facts.output, settings)
    size, n = job.training.batch_size, len(images)
    noise = torch.Generator().manual_seed(job.seed)
    noises = torch.randn(n, settings.latent, generator=noise)
    weights = job.relative_weights

    def loss_of(prepared: nn.Module, number: int) -> tuple[Tensor, int]:
        rows = np.arange(number * size, min((number + 1) * size, n))
        levels = torch.from_numpy(images.take(rows).levels).to(accelerator.device)
        crossed, divergence = prepared(levels, noises[rows].to(accelerator.device))
        losses = crossed + settings.beta * divergence
        if weights is not None:
            losses = losses * torch.from_numpy(weights[rows]).to(losses)
        return losses.mean(), len(rows)

    log = descend(network, job, -(-n // size), loss_of, accelerator)
    if faults := whole.not_finite(network.named_parameters()):
        raise diverged(job.training, len(log), faults[0])
    return VaeModel(network.eval(), accelerator.device), log


def load(folder: Path, device: str) -> VaeModel:
    """Load a model from its folder.

    Raises:
        ContractError: Its weights are not whole; see `weights`.
    """
    place = torch.device(torch_device(device))
    return VaeModel(saved.opened(folder, _made).to(place).eval(), place)


def _made(config: dict[str, Any]) -> Network:
    shape = Shape(int(config.pop("height")), int(config.pop("width")))
    if shape.height % STRIDES or shape.width % STRIDES or not 0 < shape.n_pixels <= 1 << 20:
        raise ValueError(f"no image of it is {shape.height} x {shape.width} pixels")
    return Network(shape, VaeSettings.model_validate(config))


def _blocks(n: int) -> list[slice]:
    return [slice(start, min(start + IMAGES_AT_ONCE, n)) for start in range(0, n, IMAGES_AT_ONCE)]
