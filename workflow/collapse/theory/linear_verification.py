"""Least squares on labels of a linear generator that a linear verifier kept (Feng et al. 2024, the simulation).

x ~ N(±μ, I_d) with equal odds and m = ‖μ‖; `whitened` brings other covariances there. In the coordinates a, b, c of x
along μ and along two directions orthogonal to it, the generator labels with the sign of a cos γ + b sin γ, the verifier
keeps a label if it equals the sign of a cos η + c sin η, and the true label is the sign of a. Given a, the two are
independent, so every moment of the kept set is an integral over a. Derived here; the paper has no closed form for this
case.
"""

from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
from scipy.special import ndtr

from collapse.theory.verification import accuracy, expected_accuracy

ORDER = 4
"""Highest moments that are needed: those of squared residuals times squared inputs."""

NODES, REACH = 300, 9.0
"""Quadrature points on each side of a = 0, and how many standard deviations beyond m they reach."""

FARTHEST = 38.0
"""Normal tails beyond it are 0 in double precision; an angle of 0 puts its threshold there."""


@dataclass(frozen=True)
class Rates:
    """What a generator and a verifier do.

    Attributes:
        error_rate: p, share of generated labels that are wrong.
        keeps_right: φ, share of right labels that are kept.
        keeps_wrong: ψ, share of wrong labels that are kept.
    """

    error_rate: float
    keeps_right: float
    keeps_wrong: float


def whitened(angle: float, eigenvalue: float) -> float:
    """A classifier's angle to μ, in degrees, in the coordinates Σ^{−½}x, where inputs are isotropic.

    Least squares gives the same labels in any coordinates, so that nothing else of Σ enters: derived here.

    Args:
        angle: The same in the coordinates x.
        eigenvalue: Of Σ in the other direction of the classifier's plane; that along μ is 1.
    """
    radians = np.deg2rad(angle)
    return float(np.rad2deg(np.arctan2(np.sqrt(eigenvalue) * np.sin(radians), np.cos(radians))))


def rates(generator_angle: float, verifier_angle: float | None, separation: float) -> Rates:
    """p, φ and ψ.

    Args:
        generator_angle: γ, in degrees.
        verifier_angle: η, in degrees; None keeps everything.
        separation: m.
    """
    a, weight = _places(separation)
    labelled = weight * _truncated(a, generator_angle)[0]
    kept = labelled * _truncated(a, verifier_angle)[0]
    right, wrong = labelled[a > 0].sum(), labelled[a < 0].sum()
    return Rates(float(wrong), float(kept[a > 0].sum() / right), float(kept[a < 0].sum() / wrong))


def limit_accuracy(generator_angle: float, verifier_angle: float | None, separation: float) -> float:
    """Accuracy after infinitely many labels."""
    weights = _student(_moments(generator_angle, verifier_angle, separation))[0]
    return float(accuracy(weights[0], np.hypot(weights[1], weights[2]), separation))


@cache
def mean_accuracy(
    generator_angle: float, verifier_angle: float | None, separation: float, samples: int, dimension: int
) -> float:
    """Mean accuracy after N labels, for N ≫ d, by the central limit theorem for least squares.

    Args:
        generator_angle: γ, in degrees.
        verifier_angle: η, in degrees; None keeps everything.
        separation: m.
        samples: N.
        dimension: d.
    """
    moments = _moments(generator_angle, verifier_angle, separation)
    weights, inverse = _student(moments)
    indices = product(range(3), repeat=2)
    scores = np.array([_squared_residuals(moments, weights, one) for one in indices]).reshape(3, 3)
    rest = _squared_residuals(moments, weights, ()) / moments[0, 0, 0] ** 2
    covariance = inverse @ scores @ inverse / samples
    return expected_accuracy(weights, covariance, rest / samples, dimension - 3, separation, nodes=7)


def _student(moments: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least-squares weights of a, b, c in the limit, and the inverse of their second moments."""
    second = np.array([_moment(moments, pair) for pair in product(range(3), repeat=2)]).reshape(3, 3)
    inverse = np.linalg.inv(second)
    return inverse @ np.array([_moment(moments, (i,)) for i in range(3)]), inverse


def _squared_residuals(moments: np.ndarray, weights: np.ndarray, by: tuple[int, ...]) -> float:
    """Mean over kept labels, turned to y = 1, of (1 − x·w)² times the coordinates named in `by`."""
    linear = sum(weights[i] * _moment(moments, (*by, i)) for i in range(3))
    pairs = product(range(3), repeat=2)
    square = sum(weights[i] * weights[j] * _moment(moments, (*by, i, j)) for i, j in pairs)
    return float(_moment(moments, by) - 2 * linear + square)


def _moment(moments: np.ndarray, coordinates: tuple[int, ...]) -> float:
    return float(moments[coordinates.count(0), coordinates.count(1), coordinates.count(2)])


def _moments(generator_angle: float, verifier_angle: float | None, separation: float) -> np.ndarray:
    """E[a^i b^j c^k; kept] of x turned so that its label is 1, shape `(5, 5, 5)`."""
    a, weight = _places(separation)
    powers = a ** np.arange(ORDER + 1)[:, None]
    by_label, by_verdict = _truncated(a, generator_angle), _truncated(a, verifier_angle)
    return np.einsum("n,in,jn,kn->ijk", weight, powers, by_label, by_verdict)


def _places(separation: float) -> tuple[np.ndarray, np.ndarray]:
    """Quadrature points of a, none at 0, and weights of twice its density: both labels count, turned to 1."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    end = separation + REACH
    a = np.concatenate([-(1 + nodes) * end / 2, (1 + nodes) * end / 2])
    density = np.exp(-((a - separation) ** 2) / 2) + np.exp(-((a + separation) ** 2) / 2)
    return a, np.tile(weights * end / 2, 2) * density / np.sqrt(2 * np.pi)


def _truncated(a: np.ndarray, angle: float | None) -> np.ndarray:
    """E[b^j; a cos γ + b sin γ > 0 | a] for j = 0 … 4, b standard normal, shape `(5, len(a))`; all b for None."""
    if angle is None:
        return np.broadcast_to(np.array([1.0, 0.0, 1.0, 0.0, 3.0])[:, None], (ORDER + 1, len(a)))
    radians = np.deg2rad(angle)
    with np.errstate(divide="ignore"):
        threshold = np.clip(a * (np.cos(radians) / np.sin(radians) if angle > 0 else np.inf), -FARTHEST, FARTHEST)
    density = np.exp(-(threshold**2) / 2) / np.sqrt(2 * np.pi)
    moments = [ndtr(threshold), density]
    for j in range(2, ORDER + 1):
        moments.append((j - 1) * moments[j - 2] + (-threshold) ** (j - 1) * density)
    return np.array(moments)
