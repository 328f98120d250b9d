"""Every strategy against every other, per metric and generation: paired by seed, adjusted for how many there are."""

from dataclasses import asdict, replace
from itertools import combinations

import pyarrow as pa

from collapse.artifacts.contracts import CONTRASTS
from collapse.randomness import stream
from collapse.stats.holm import adjusted
from collapse.stats.paired import Interval, paired_interval
from collapse.stats.series import Series, paired, series_of_everything

Row = dict[str, object]


def contrasts(metrics: pa.Table, strategies: list[str], confidence: float) -> pa.Table:
    """Contrast all ordered pairs of strategies on every metric, text and generation they share.

    Generation 0 is one model shared by all, so it has no contrast. The family of Holm's adjustment is all unordered
    pairs of one metric on one text at one generation; a pair and its mirror image have the same p-value.

    Args:
        metrics: Rows of the METRICS contract.
        strategies: The strategies compared, in the order of the config.
        confidence: Coverage the intervals aim at.

    Returns:
        Rows of the CONTRASTS contract.
    """
    rows: list[Row] = []
    for (metric, evaluation_set), by_strategy in series_of_everything(metrics).items():
        generations = sorted({generation for series in by_strategy.values() for generation in series} - {0})
        for generation in generations:
            family = _family(by_strategy, strategies, generation, confidence)
            shared = {"metric": metric, "evaluation_set": evaluation_set, "generation": generation}
            rows += [{**shared, **row, "confidence": confidence} for row in _rows(family)]
    return pa.Table.from_pylist(rows, CONTRASTS.schema)


def _family(
    by_strategy: dict[str, Series], strategies: list[str], generation: int, confidence: float
) -> dict[tuple[str, str], Interval]:
    found = {}
    there = [name for name in strategies if generation in by_strategy.get(name, {})]
    for strategy, baseline in combinations(there, 2):
        if len(differences := paired(by_strategy[strategy][generation], by_strategy[baseline][generation])):
            # One stream per generation: all pairs see the same resamples of seeds, so their intervals are comparable.
            rng = stream(0, generation, "contrast")
            found[strategy, baseline] = paired_interval(differences, confidence, rng)
    return found


def _rows(family: dict[tuple[str, str], Interval]) -> list[Row]:
    rows: list[Row] = []
    for (strategy, baseline), interval in adjusted(family).items():
        rows.append(_row(strategy, baseline, interval))
        rows.append(_row(baseline, strategy, _mirrored(interval)))
    return rows


def _row(strategy: str, baseline: str, interval: Interval) -> Row:
    adjustment = "none" if interval.p_adjusted is None else "holm"
    return {"strategy": strategy, "baseline": baseline, **asdict(interval), "adjustment": adjustment}


def _mirrored(interval: Interval) -> Interval:
    low = None if interval.high is None else -interval.high
    high = None if interval.low is None else -interval.low
    return replace(interval, estimate=-interval.estimate, low=low, high=high)
