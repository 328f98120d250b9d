"""Beta laws fitted by weighted maximum likelihood, generation after generation (Wang et al. 2025, section on WMLE).

The weight of an example is the last model's density at it. A Beta(a, b) law weighted by a Beta(a', b') density is a
Beta(a + a' − 1, b + b' − 1) law, which is therefore what endless data fit. The closed forms are derived here; the paper
simulates. Shapes are pure numbers; generation 0 is fitted on real data with the pretrained model's weights.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.optimize import root
from scipy.special import betaln, digamma

from collapse.errors import EngineError

Shapes = tuple[np.ndarray, np.ndarray]
"""a and b, each of shape `(generations + 1,)`."""

PRECISE = 1e-9
"""Error of the mean logarithms, in nats, that a numerical fit may leave."""


def weighted_shapes(data: tuple[float, float], weight: tuple[float, float]) -> tuple[float, float]:
    """Shapes of the Beta law fitted to endless Beta data, weighted by a Beta density."""
    return data[0] + weight[0] - 1, data[1] + weight[1] - 1


def replace_shapes(data: tuple[float, float], pretrained: tuple[float, float], generations: int) -> Shapes:
    """Under replace a_g = 2^g (a_0 − 1) + 1, and b_g alike: the mode stays, the variance halves each generation.

    From Beta(2, 2) data and a pretrained Beta(3, 2): a_g = 3·2^g + 1, b_g = 2·2^g + 1, mode 0.6.
    """
    a, b = weighted_shapes(data, pretrained)
    doubled = 2.0 ** np.arange(generations + 1)
    return doubled * (a - 1) + 1, doubled * (b - 1) + 1


def real_shapes(data: tuple[float, float], pretrained: tuple[float, float], generations: int) -> Shapes:
    """On real data every generation: a_g = a_0 + g (a_data − 1), and b_g alike; the mode goes to that of the data."""
    a, b = weighted_shapes(data, pretrained)
    steps = np.arange(generations + 1)
    return a + steps * (data[0] - 1), b + steps * (data[1] - 1)


def unweighted_shapes(data: tuple[float, float], generations: int) -> Shapes:
    """Without weights every generation fits the shapes of the data."""
    return np.full(generations + 1, float(data[0])), np.full(generations + 1, float(data[1]))


def composed_shapes(
    data: tuple[float, float],
    pretrained: tuple[float, float],
    taken: Sequence[Mapping[int, float]],
    fresh: Sequence[float],
) -> Shapes:
    """Under any strategy, by a recursion over generations.

    Weighted by a Beta(a', b') density, a mixture Σ n_j Beta(a_j, b_j) is a mixture of Beta(a_j + a' − 1, b_j + b' − 1)
    with masses n_j B(a_j + a' − 1, b_j + b' − 1) / B(a_j, b_j); the fit has its means of log x and log(1 − x).

    Args:
        data: Shapes of real data.
        pretrained: Shapes of the model before generation 0.
        taken: For each generation from 1, examples taken of each set; 0 is real, j what generation j − 1 wrote.
        fresh: For each generation from 1, new real examples.
    """
    models = [np.array(weighted_shapes(data, pretrained))]
    for counts, new in zip(taken, fresh, strict=True):
        shares = {0: 0.0} | dict(counts)
        shares[0] += new
        laws = np.array([data if j == 0 else models[j - 1] for j in shares])
        models.append(_fit_of_mixture(np.array(list(shares.values())), laws, models[-1]))
    return tuple(np.array(models).T)  # type: ignore[return-value]


def _fit_of_mixture(n: np.ndarray, laws: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Shapes fitted to endless data of a mixture, weighted by a Beta density."""
    tilted = laws + weight - 1
    log_ratio = betaln(*tilted.T) - betaln(*laws.T)
    masses = n * np.exp(log_ratio - log_ratio.max())
    means = (masses / masses.sum()) @ (digamma(tilted) - digamma(tilted.sum(axis=1, keepdims=True)))

    def gap(logs: np.ndarray) -> np.ndarray:
        return digamma(np.exp(logs)) - digamma(np.exp(logs).sum()) - means

    found = root(gap, np.log(tilted[np.argmax(masses)]), tol=1e-12).x
    if np.abs(gap(found)).max() > PRECISE:
        raise EngineError(
            f"no Beta law was found with the means {means} of log x and log(1 − x); run fewer generations"
        )
    return np.exp(found)


def mean(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Mean of Beta(a, b)."""
    return a / (a + b)


def mode(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Mode of Beta(a, b), for a, b > 1."""
    return (a - 1) / (a + b - 2)


def variance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Variance of Beta(a, b)."""
    return a * b / ((a + b) ** 2 * (a + b + 1))
