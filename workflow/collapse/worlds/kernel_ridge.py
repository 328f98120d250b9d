"""Chains of kernel ridge regressions on handwritten digits (Dohmatob, Feng, Kempe 2024, experiments).

No law is known here, so there are no predictions. Images are real, and labels are generated: each generator learns from
new images that the last one labelled, and a student of each generation learns from its generator's labels. A student
has the same images and noise whatever its generation, so its errors are paired over generations.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np

from collapse.config.worlds.kernel_ridge import Kernel, KernelRidgeSettings, RbfSettings
from collapse.config.worlds.ridge_chain import StudentSettings
from collapse.corpora import mnist
from collapse.randomness import stream
from collapse.worlds import Observation, Prediction, Sweep, grid, names
from collapse.worlds.chain import Chain, OfExamples

METRICS = ("squared_error", "misclassified_fraction")


@lru_cache(maxsize=1)
def kernel_matrix(kernel: Kernel) -> np.ndarray:
    """The kernel of every image with every other, shape `(5000, 5000)`; 200 MB, so that one is held at a time."""
    images, _ = mnist.read()
    products = images @ images.T
    lengths = np.diagonal(products).copy()
    if isinstance(kernel, RbfSettings):
        products *= 2 * kernel.gamma
        products -= kernel.gamma * (lengths[:, None] + lengths)
        return np.exp(products, out=products)
    products /= lengths.mean()
    products += kernel.offset
    return np.power(products, kernel.degree, out=products)


def targets() -> np.ndarray:
    """1 for an image's class and 0 for every other, shape `(5000, classes)`."""
    _, labels = mnist.read()
    return np.eye(mnist.N_CLASSES)[labels]


class Digits(OfExamples):
    """The process on images and targets. A model is what it says of all images, shape `(replicates, 5000, classes)`."""

    def __init__(self, settings: KernelRidgeSettings, replicates: int, rng: np.random.Generator) -> None:
        self.settings, self.size = settings, settings.generator_samples
        self.kernel = kernel_matrix(settings.kernel)  # type: ignore[arg-type]  # frozen settings have a hash
        self.targets = targets()
        order = rng.permuted(np.tile(np.arange(mnist.N_IMAGES), (replicates, 1)), axis=1)
        self.held_out, self.training = np.split(order, [settings.test_images], axis=1)

    def images(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draw `n` different training images per replicate, shape `(replicates, n)`."""
        return rng.permuted(self.training, axis=1)[:, :n]

    def labels(self, model: np.ndarray | None, images: np.ndarray) -> np.ndarray:
        """What a model says of each replicate's `images`, or the truth, shape `(replicates, n, classes)`."""
        return self.targets[images] if model is None else np.take_along_axis(model, images[..., None], axis=1)

    def draw(self, model: np.ndarray | None, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draw images' numbers, label them, and add noise, shape `(replicates, n, 1 + classes)`."""
        images = self.images(n, rng)
        labels = self.labels(model, images)
        noise = np.sqrt(self.settings.generator_noise_variance) * rng.standard_normal(labels.shape)
        return np.concatenate([images[..., None], labels + noise], axis=2)

    def fit(self, examples: np.ndarray) -> np.ndarray:
        """Fit each replicate's generator, and let it say what it says of every image."""
        everything = np.arange(mnist.N_IMAGES)
        fitted = [
            regression(self.kernel, one[:, 0].astype(np.int64), one[:, 1:], self.settings.generator_ridge, everything)
            for one in examples
        ]
        return np.stack(fitted)


def regression(
    kernel: np.ndarray, images: np.ndarray, labels: np.ndarray, ridge: float, wanted: np.ndarray
) -> np.ndarray:
    """Predictions k(wanted, images) (K + nλI)⁻¹Y, shape `(wanted, outputs)`.

    Args:
        kernel: k of every image with every other.
        images: Numbers of the images learnt from, shape `(n,)`.
        labels: Y, shape `(n, outputs)`.
        ridge: λ.
        wanted: Numbers of the images to predict.
    """
    rows = kernel[images]
    n = len(images)
    return rows[:, wanted].T @ np.linalg.solve(rows[:, images] + n * ridge * np.eye(n), labels)


def sweeps(settings: KernelRidgeSettings) -> Iterator[Sweep]:
    """Every student of every generation."""
    points = [
        point for student in settings.students for point in grid(samples=[student.samples], ridge=[student.ridge])
    ]
    yield Sweep(METRICS, names(settings.strategies), settings.measured_generations, points)


def simulate(settings: KernelRidgeSettings, seed: int) -> Iterator[Observation]:
    """Yield every student's errors on held-out images, one value per split."""
    for strategy in settings.strategies:
        process = Digits(settings, settings.replicates, stream(seed, 0, "split"))
        chain = Chain(process, strategy, seed, settings.replicates)
        models = [None, *(model for _, model in chain.models(settings.generations - 1))]
        for student in settings.students:
            point = {"samples": float(student.samples), "ridge": student.ridge}
            for generation, predicted in enumerate(_students(process, models, student, seed)):
                for metric, values in _errors(process, predicted).items():
                    yield Observation(strategy.name, generation, metric, values, point)


def _students(process: Digits, models: Sequence[np.ndarray | None], student: StudentSettings, seed: int) -> np.ndarray:
    """Predictions of held-out images, shape `(generations + 1, replicates, test_images, classes)`.

    Students of all generations have the same inputs, so one system with a column per generation and class has them all.
    """
    rng = stream(seed, 0, f"student of {student.samples}")
    images = process.images(student.samples, rng)
    labels = np.stack([process.labels(model, images) for model in models], axis=2)
    labels += np.sqrt(process.settings.noise_variance) * rng.standard_normal(labels[:, :, :1].shape)
    predicted = [
        regression(process.kernel, learnt, flat, student.ridge, held_out)
        for learnt, flat, held_out in zip(images, labels.reshape(*images.shape, -1), process.held_out, strict=True)
    ]
    shape = (*process.held_out.shape, *labels.shape[2:])
    return np.moveaxis(np.stack(predicted).reshape(shape), 2, 0)


def _errors(process: Digits, predicted: np.ndarray) -> dict[str, np.ndarray]:
    """Errors of one generation by metric, each of shape `(replicates,)`."""
    true = process.targets[process.held_out]
    wrong = predicted.argmax(axis=2) != true.argmax(axis=2)
    return {
        "squared_error": ((predicted - true) ** 2).sum(axis=2).mean(axis=1),
        "misclassified_fraction": wrong.mean(axis=1),
    }


def predict(_settings: KernelRidgeSettings) -> Iterator[Prediction]:
    """Yield nothing: the digits' true function and covariance are not known."""
    yield from ()
