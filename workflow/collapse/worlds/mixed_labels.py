"""Networks that learn digits from real labels mixed with another network's (Dohmatob et al. 2025, experiments).

No law is known here, so there are no predictions. Labels are numbers, 1 for an image's class and 0 for the others; a
synthetic label is what the teacher says, number by number. The published teacher is not known; how good this one is,
its own errors on held-out images say.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from collapse.config.worlds.mixed_labels import FixedFeaturesSettings, MixedLabelsSettings, TrainedFeaturesSettings
from collapse.corpora import mnist
from collapse.randomness import stream
from collapse.worlds import Observation, Prediction, Sweep, grid

METRICS = ("squared_error", "misclassified_fraction", "error_slope", "added_error")

STUDENT, TEACHER = "mix", "teacher"
SWEPT = ("width", "samples", "synthetic_fraction")

DECAY_1, DECAY_2, SMALLEST = 0.9, 0.999, 1e-8
"""β₁, β₂ and ε of Adam (Kingma and Ba 2015)."""


@dataclass(frozen=True)
class Split:
    """Grey levels of one replicate's images, shape `(n, 784)`, and real labels, shape `(n, classes)`; float32."""

    test: tuple[np.ndarray, np.ndarray]
    validation: tuple[np.ndarray, np.ndarray]
    teacher: tuple[np.ndarray, np.ndarray]
    students: tuple[np.ndarray, np.ndarray]

    @classmethod
    def drawn(cls, settings: MixedLabelsSettings, rng: np.random.Generator) -> "Split":
        """A random one."""
        images, classes = mnist.read()
        order = rng.permutation(mnist.N_IMAGES)
        ends = np.cumsum([settings.test_images, settings.validation_images, settings.teacher_samples])
        labels = np.eye(mnist.N_CLASSES, dtype=np.float32)
        return cls(*((images[rows].astype(np.float32), labels[classes[rows]]) for rows in np.split(order, ends)))


def sweeps(settings: MixedLabelsSettings) -> Iterator[Sweep]:
    """Every width, size and share; slopes over sizes; what synthetic labels add, beside real ones; the teacher once."""
    every = {"width": settings.widths, "samples": settings.samples, "synthetic_fraction": settings.synthetic_fractions}
    yield Sweep(METRICS[:2], (STUDENT,), points=grid(**every))
    yield Sweep(METRICS[2:3], (STUDENT,), points=grid(**{key: every[key] for key in ("width", "synthetic_fraction")}))
    if some := _beside_real(settings):
        yield Sweep(METRICS[3:], (STUDENT,), points=grid(**every | {"synthetic_fraction": some}))
    yield Sweep(METRICS[:2], (TEACHER,))


def _beside_real(settings: MixedLabelsSettings) -> list[float]:
    """Shares of synthetic labels that are compared with none."""
    shares = settings.synthetic_fractions
    return [share for share in shares if share > 0] if 0 in shares else []


def simulate(settings: MixedLabelsSettings, seed: int) -> Iterator[Observation]:
    """Yield errors on held-out images of the teacher and of every student, and how students' fall with n."""
    found = defaultdict[tuple[str, str, tuple[float, ...]], list[float]](list)
    for replicate in range(settings.replicates):
        for strategy, point, errors in _replicate(settings, stream(seed, 0, f"replicate {replicate}")):
            for metric, value in errors.items():
                found[strategy, metric, point].append(value)
    for (strategy, metric, point), values in found.items():
        yield Observation(strategy, 0, metric, np.array(values), dict(zip(SWEPT, point, strict=False)))
    for width, share in product(settings.widths, settings.synthetic_fractions):
        errors = np.array([found[STUDENT, "squared_error", (width, n, share)] for n in settings.samples])
        slope = slopes(np.array(settings.samples), errors)
        yield Observation(STUDENT, 0, "error_slope", slope, {"width": width, "synthetic_fraction": share})
    for point in product(settings.widths, settings.samples, _beside_real(settings)):
        mixed, real = (found[STUDENT, "squared_error", (*point[:2], share)] for share in (point[2], 0))
        added = np.subtract(mixed, real)
        yield Observation(STUDENT, 0, "added_error", added, dict(zip(SWEPT, point, strict=True)))


def slopes(samples: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """Slope of log error in log n by least squares, shape `(replicates,)`, of errors `(sizes, replicates)`."""
    sizes = np.log(samples) - np.log(samples).mean()
    return sizes @ np.log(errors) / (sizes @ sizes)


Found = tuple[str, tuple[float, ...], dict[str, float]]
"""Strategy, values of `SWEPT`, errors by metric."""


def _replicate(settings: MixedLabelsSettings, rng: np.random.Generator) -> Iterator[Found]:
    split = Split.drawn(settings, rng)
    projection = random_projection(settings.teacher_width, rng)
    images = (split.students[0], split.test[0])
    weights = fixed(split.teacher[0] @ projection, split.teacher[1][None], settings.teacher_ridge)
    answers, said = (weights.predicted(levels @ projection)[0] for levels in images)
    yield TEACHER, (), _errors(said, split.test[1])

    projections = random_projection(max(settings.widths), rng)
    order = rng.integers(2**31)  # of batches: the same at every width, size and share
    for width in settings.widths:
        for n in settings.samples:
            labels = mixed(split.students[1][:n], answers[:n], settings.synthetic_fractions)
            match settings.network:
                case FixedFeaturesSettings() as network:
                    predicted = _best_ridge(network, split, projections[:, :width], labels)
                case TrainedFeaturesSettings() as network:
                    predicted = _best_step(network, split, projections[:, :width], labels, np.random.default_rng(order))
            for fraction, one in zip(settings.synthetic_fractions, predicted, strict=True):
                yield STUDENT, (width, n, fraction), _errors(one, split.test[1])


def random_projection(width: int, rng: np.random.Generator) -> np.ndarray:
    """Weights of a first layer, variance 2/784 (He et al. 2015), shape `(784, width)`."""
    return rng.normal(scale=np.sqrt(2 / mnist.N_PIXELS), size=(mnist.N_PIXELS, width)).astype(np.float32)


def mixed(real: np.ndarray, synthetic: np.ndarray, fractions: tuple[float, ...]) -> np.ndarray:
    """Labels whose last part, of each share, is synthetic, shape `(shares, n, classes)`."""
    n = len(real)
    kept = [n - round(fraction * n) for fraction in fractions]
    return np.stack([np.concatenate([real[:k], synthetic[k:]]) for k in kept])


def _errors(said: np.ndarray, true: np.ndarray) -> dict[str, float]:
    wrong = said.argmax(axis=1) != true.argmax(axis=1)
    squared = ((said - true).astype(np.float64) ** 2).sum(axis=1)
    return {"squared_error": float(squared.mean()), "misclassified_fraction": float(wrong.mean())}


def _mean_squared(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    return ((predicted - true) ** 2).mean(axis=(1, 2), dtype=np.float64)


# --- fixed features ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fit:
    """A second layer: weights `(shares, width, classes)` of centred features, and what they were centred by."""

    weights: np.ndarray
    feature_means: np.ndarray
    label_means: np.ndarray

    def predicted(self, projected: np.ndarray) -> np.ndarray:
        """What is said of images, `(shares, n, classes)`, by their projections `(n, width)`."""
        return (np.maximum(projected, 0) - self.feature_means) @ self.weights + self.label_means[:, None]


@dataclass(frozen=True)
class Decomposed:
    """Features of one training set in the eigenbasis of the smaller of F'F/n and FF'/n, so that λ is free."""

    features: np.ndarray
    feature_means: np.ndarray
    values: np.ndarray
    vectors: np.ndarray

    @classmethod
    def of(cls, projected: np.ndarray) -> "Decomposed":
        """Of the projections of a set of images, shape `(n, width)`."""
        features = np.maximum(projected, 0).astype(np.float64)
        means = features.mean(axis=0)
        features -= means
        n, width = features.shape
        small = features.T @ features if width <= n else features @ features.T
        values, vectors = np.linalg.eigh(small / n)
        return cls(features, means, np.maximum(values, 0), vectors)

    def fit(self, labels: np.ndarray, ridge: float) -> Fit:
        """The second layer of (F'F/n + λI)⁻¹F'Y/n for labels `(shares, n, classes)`."""
        n, width = self.features.shape
        means = labels.mean(axis=1, dtype=np.float64)
        centred, shrunk = labels - means[:, None], (self.values + ridge)[:, None]
        if width <= n:
            weights = self.vectors @ (self.vectors.T @ (self.features.T @ centred / n) / shrunk)
        else:
            weights = self.features.T @ (self.vectors @ (self.vectors.T @ (centred / n) / shrunk))
        return Fit(weights, self.feature_means, means)


def fixed(projected: np.ndarray, labels: np.ndarray, ridge: float) -> Fit:
    """One ridge fit; see `Decomposed.fit`."""
    return Decomposed.of(projected).fit(labels, ridge)


def _best_ridge(
    network: FixedFeaturesSettings, split: Split, projection: np.ndarray, labels: np.ndarray
) -> list[np.ndarray]:
    """What each share's fit says of the test images, `(n, classes)`, at the λ that is best on validation images."""
    data = Decomposed.of(split.students[0][: labels.shape[1]] @ projection)
    fits = [data.fit(labels, ridge) for ridge in network.ridges]
    seen = split.validation[0] @ projection
    errors = np.array([_mean_squared(fit.predicted(seen), split.validation[1]) for fit in fits])
    test = split.test[0] @ projection
    return [fits[best].predicted(test)[share] for share, best in enumerate(errors.argmin(axis=0))]


# --- trained features -------------------------------------------------------------------------------------------------


class Networks:
    """Two layers per share, trained side by side on the same batches with different labels; arrays are float32.

    Attributes:
        layers: First weights `(shares, 784, width)`, biases, second weights `(shares, width, classes)`, biases.
    """

    def __init__(self, first: np.ndarray, shares: int, n_classes: int, rng: np.random.Generator) -> None:
        width = first.shape[1]
        second = rng.normal(scale=np.sqrt(1 / width), size=(width, n_classes)).astype(np.float32)
        shapes = (first, np.zeros((1, width), np.float32), second, np.zeros((1, n_classes), np.float32))
        self.layers = [np.repeat(one[None], shares, axis=0) for one in shapes]
        self.moments = [(np.zeros_like(one), np.zeros_like(one)) for one in self.layers]
        self.n_steps = 0

    def predicted(self, images: np.ndarray) -> np.ndarray:
        """What is said of images, `(shares, n, classes)`."""
        return self._forward(images)[1]

    def gradients(self, images: np.ndarray, labels: np.ndarray) -> list[np.ndarray]:
        """Of the mean over images and classes of the squared error, layer by layer."""
        hidden, said = self._forward(images)
        error = (said - labels) * np.float32(2 / labels[0].size)
        back = (error @ self.layers[2].transpose(0, 2, 1)) * (hidden > 0)
        return [
            images.T @ back,
            back.sum(axis=1, keepdims=True),
            hidden.transpose(0, 2, 1) @ error,
            error.sum(axis=1, keepdims=True),
        ]

    def step(self, images: np.ndarray, labels: np.ndarray, rate: float) -> None:
        """One step of Adam."""
        self.n_steps += 1
        step, root = rate / (1 - DECAY_1**self.n_steps), np.sqrt(1 - DECAY_2**self.n_steps)
        for layer, (mean, square), gradient in zip(
            self.layers, self.moments, self.gradients(images, labels), strict=True
        ):
            mean += np.float32(1 - DECAY_1) * (gradient - mean)
            square += np.float32(1 - DECAY_2) * (gradient * gradient - square)
            layer -= np.float32(step) * mean / (np.sqrt(square) / np.float32(root) + np.float32(SMALLEST))

    def _forward(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        hidden = np.maximum(images @ self.layers[0] + self.layers[1], 0)
        return hidden, hidden @ self.layers[2] + self.layers[3]


def _best_step(
    network: TrainedFeaturesSettings,
    split: Split,
    first: np.ndarray,
    labels: np.ndarray,
    rng: np.random.Generator,
) -> list[np.ndarray]:
    """What each share's network says of the test images, `(n, classes)`, where it is best on validation images."""
    shares, n, n_classes = labels.shape
    networks, images = Networks(first, shares, n_classes, rng), split.students[0][:n]
    least, best = np.full(shares, np.inf), [np.empty(0)] * shares
    for step in range(1, network.steps + 1):
        rows = rng.integers(n, size=network.batch_size)
        networks.step(images[rows], labels[:, rows], network.learning_rate)
        if step % network.check_every == 0 or step == network.steps:
            errors = _mean_squared(networks.predicted(split.validation[0]), split.validation[1])
            if (better := np.flatnonzero(errors < least)).size:
                said = networks.predicted(split.test[0])
                least[better] = errors[better]
                for share in better:
                    best[share] = said[share]
    return best


def predict(_settings: MixedLabelsSettings) -> Iterator[Prediction]:
    """Yield nothing: the digits' true function and covariance are not known."""
    yield from ()
