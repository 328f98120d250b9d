"""Mean over seeds and its interval, for one strategy at one generation at a time: what a curve and its band are."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from collapse.stats.paired import Interval, paired_t
from collapse.stats.series import Series, series_by_strategy


@dataclass(frozen=True)
class Band:
    """One strategy's curve.

    Attributes:
        generations: Shape `(n,)`, ascending.
        mean: Mean over seeds, shape `(n,)`.
        low: Lower end of the t-interval, shape `(n,)`; NaN for a single seed.
        high: Upper end, likewise.
        n_seeds: Seeds at each generation, shape `(n,)`.
        seeds: Each seed's own curve, seed → values of shape `(n,)`; NaN where it is missing.
    """

    generations: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    n_seeds: np.ndarray
    seeds: dict[int, np.ndarray]


def bands(metrics: pa.Table, metric: str, evaluation_set: str, confidence: float) -> dict[str, Band]:
    """Curves of one metric, by strategy. A band says how well its own mean is known; two of them make no contrast."""
    by_strategy = series_by_strategy(metrics, metric, evaluation_set)
    return {strategy: _band(series, confidence) for strategy, series in sorted(by_strategy.items())}


def mean_interval(values: np.ndarray, confidence: float) -> Interval:
    """Mean over seeds with its t-interval; a single seed has none. `values` has shape `(n_seeds,)`."""
    if len(values) < 2:
        return Interval(float(values[0]), None, None, "single_seed", len(values), None)
    return paired_t(values, confidence)


def _band(series: Series, confidence: float) -> Band:
    intervals = [mean_interval(np.array(list(by_seed.values())), confidence) for by_seed in series.values()]
    seeds = sorted({seed for by_seed in series.values() for seed in by_seed})
    return Band(
        generations=np.array(list(series)),
        mean=np.array([interval.estimate for interval in intervals]),
        low=np.array([interval.low for interval in intervals], dtype=float),
        high=np.array([interval.high for interval in intervals], dtype=float),
        n_seeds=np.array([interval.n_seeds for interval in intervals]),
        seeds={seed: np.array([by_seed.get(seed, np.nan) for by_seed in series.values()]) for seed in seeds},
    )
