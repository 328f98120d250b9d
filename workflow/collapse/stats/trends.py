"""Within a strategy, across generations: how far a metric moved, and how fast per generation.

Collapse is a statement about the trend, never about one generation. Each seed is one chain with one slope; the
interval is over seeds.
"""

import numpy as np
import pyarrow as pa

from collapse.stats.bands import mean_interval
from collapse.stats.holm import adjusted
from collapse.stats.paired import Interval
from collapse.stats.series import Series, paired, series_by_strategy


def slopes(metrics: pa.Table, metric: str, evaluation_set: str, confidence: float) -> dict[str, Interval]:
    """Least-squares slope per generation of each seed's chain, then mean and t-interval over seeds, by strategy.

    Strategies with fewer than three generations are left out: two points always lie on a line.
    """
    by_strategy = series_by_strategy(metrics, metric, evaluation_set)
    fitted = {strategy: _slopes(series) for strategy, series in sorted(by_strategy.items()) if len(series) > 2}
    return {strategy: mean_interval(values, confidence) for strategy, values in fitted.items() if len(values)}


def changes(
    metrics: pa.Table, metric: str, evaluation_set: str, generation: int, confidence: float
) -> dict[str, Interval]:
    """Change from generation 0 to `generation`, paired by seed, with its t-interval, by strategy.

    The family of Holm's adjustment is all strategies, on one metric and text.
    """
    by_strategy = series_by_strategy(metrics, metric, evaluation_set)
    moved = {
        strategy: paired(series[generation], series[0])
        for strategy, series in sorted(by_strategy.items())
        if generation > 0 and generation in series and 0 in series
    }
    return adjusted({strategy: mean_interval(values, confidence) for strategy, values in moved.items() if len(values)})


def _slopes(series: Series) -> np.ndarray:
    """One slope per seed that has every generation, shape `(n_seeds,)`."""
    generations = np.array(list(series), dtype=float)
    complete = sorted(set.intersection(*(set(by_seed) for by_seed in series.values())))
    values = np.array([[by_seed[seed] for seed in complete] for by_seed in series.values()])
    centred = generations - generations.mean()
    return centred @ values / (centred @ centred)
