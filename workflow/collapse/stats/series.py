"""Values by strategy, generation and seed, taken out of a metrics table."""

from collections import defaultdict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Series = dict[int, dict[int, float]]
"""Generation → seed → value."""


def measured(metrics: pa.Table) -> list[tuple[str, str]]:
    """Every (metric, evaluation_set) in the table, sorted."""
    return sorted(set(zip(metrics["metric"].to_pylist(), metrics["evaluation_set"].to_pylist(), strict=True)))


def series_by_strategy(metrics: pa.Table, metric: str, evaluation_set: str) -> dict[str, Series]:
    """Values of one metric: strategy → generation → seed → value.

    A value that is not finite (the diversity of no text at all) is not a measurement and is left out; the number of
    seeds says so.
    """
    found: dict[str, Series] = defaultdict(lambda: defaultdict(dict))
    here = (pc.field("metric") == metric) & (pc.field("evaluation_set") == evaluation_set)
    columns = metrics.filter(here).select(["strategy", "generation", "seed", "value"]).to_pydict().values()
    for strategy, generation, seed, value in zip(*columns, strict=True):
        if np.isfinite(value):
            found[strategy][generation][seed] = value
    return {strategy: dict(sorted(series.items())) for strategy, series in found.items()}


def paired(left: dict[int, float], right: dict[int, float]) -> np.ndarray:
    """Differences `left - right` over the seeds that both have, in the order of the seeds.

    Two values that rounding alone sets apart are equal: their difference is 0.
    """
    seeds = sorted(left.keys() & right.keys())
    lefts, rights = (np.array([values[seed] for seed in seeds]) for values in (left, right))
    return np.where(np.isclose(lefts, rights, rtol=1e-12, atol=0), 0.0, lefts - rights)
