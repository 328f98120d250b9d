"""How classes are spread, and how well probabilities of classes are meant."""

import numpy as np

BINS = 10
"""Of confidence, in the calibration error."""


def shares(classes: np.ndarray, n_classes: int) -> np.ndarray:
    """Share of each class, shape `(n_classes,)`."""
    return np.bincount(classes, minlength=n_classes) / max(1, len(classes))


def entropy(shares: np.ndarray) -> float:
    """Entropy of shares in nats."""
    kept = shares[shares > 0]
    return float(-(kept * np.log(kept)).sum())


def distance(one: np.ndarray, other: np.ndarray) -> float:
    """Total variation between two lists of shares."""
    return float(np.abs(one - other).sum() / 2)


def calibration_error(probabilities: np.ndarray, labels: np.ndarray, n_bins: int = BINS) -> float:
    """Expected calibration error: how far accuracy is from confidence, over bins of confidence (Guo et al. 2017).

    Args:
        probabilities: Of each class, shape `(n, n_classes)`.
        labels: The right classes, shape `(n,)`.
        n_bins: Bins of equal width between 0 and 1.
    """
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    bins = np.minimum((confidence * n_bins).astype(np.int64), n_bins - 1)
    gaps = np.bincount(bins, weights=confidence - right, minlength=n_bins)
    return float(np.abs(gaps).sum() / len(labels))


def squared_error(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Squared distance of the probabilities from the truth (Brier 1950), shape `(n,)`."""
    return ((probabilities - np.eye(probabilities.shape[1])[labels]) ** 2).sum(axis=1)
