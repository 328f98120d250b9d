"""Values by strategy, generation and seed, taken out of a metrics table."""

import math

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Series = dict[int, dict[int, float]]
"""Generation → seed → value."""


def series_of_everything(metrics: pa.Table) -> dict[tuple[str, str], dict[str, Series]]:
    """Values of every metric: (metric, evaluation_set) → strategy → generation → seed → value, in sorted order.

    A value that is not finite (the diversity of no text at all) is not a measurement and is left out; the number of
    seeds says so.
    """
    found: dict[tuple[str, str], dict[str, Series]] = {}
    names = ["metric", "evaluation_set", "strategy", "generation", "seed", "value"]
    for metric, evaluation_set, strategy, generation, seed, value in zip(
        *(metrics[name].to_pylist() for name in names), strict=True
    ):
        if math.isfinite(value):
            by_strategy = found.setdefault((metric, evaluation_set), {})
            by_strategy.setdefault(strategy, {}).setdefault(generation, {})[seed] = value
    return {
        place: {strategy: dict(sorted(series.items())) for strategy, series in found[place].items()}
        for place in sorted(found)
    }


def series_by_strategy(metrics: pa.Table, metric: str, evaluation_set: str) -> dict[str, Series]:
    """Values of one metric: strategy → generation → seed → value."""
    here = (pc.field("metric") == metric) & (pc.field("evaluation_set") == evaluation_set)
    return series_of_everything(metrics.filter(here)).get((metric, evaluation_set), {})


def paired(left: dict[int, float], right: dict[int, float]) -> np.ndarray:
    """Differences `left - right` over the seeds that both have, in the order of the seeds.

    Two values that rounding alone sets apart are equal: their difference is 0.
    """
    seeds = sorted(left.keys() & right.keys())
    lefts, rights = (np.array([values[seed] for seed in seeds]) for values in (left, right))
    return np.where(np.isclose(lefts, rights, rtol=1e-12, atol=0), 0.0, lefts - rights)
