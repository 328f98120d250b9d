"""What each strategy's verifiers did, for the page: two tables, of how right they are and of what they cost."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from collapse.artifacts.evaluation_sets import CHAIN, of_verifier
from collapse.config.settings import Strategy
from collapse.metrics.verification import ACCEPTED, AT_RANDOM
from collapse.plots import wording
from collapse.stats.bands import mean_interval
from collapse.stats.paired import LEAST_SEEDS
from collapse.stats.series import Series, paired, series_by_strategy

ALL = "all together"

RATES = ("true_positive_rate", "false_positive_rate", "verifier_precision", "breakdown_proxy")


@dataclass(frozen=True)
class Judged:
    """One verifier's row; rates are of the last generation, empty where the truth is not known."""

    strategy: str
    verifier: str
    accepted: str
    rates: tuple[str, ...]


@dataclass(frozen=True)
class Cost:
    """One measure of the samples that a strategy's verifiers accept, beside as many taken at random."""

    strategy: str
    measure: str
    accepted: str
    at_random: str
    difference: str


@dataclass(frozen=True)
class Verification:
    """Both tables."""

    judged: tuple[Judged, ...]
    costs: tuple[Cost, ...]
    truth_is_known: bool


def verification(
    metrics: pa.Table, strategies: Sequence[Strategy], last: int, confidence: float
) -> Verification | None:
    """Put the tables together; None where no strategy has verifiers.

    Args:
        metrics: Rows of the METRICS contract.
        strategies: The strategies of the experiment.
        last: The last generation.
        confidence: Coverage of the intervals between seeds.
    """
    verified = [strategy for strategy in strategies if strategy.verifiers]
    if not verified:
        return None
    judged = tuple(row for strategy in verified for row in _judged(metrics, strategy, last))
    costs = tuple(row for strategy in verified for row in _costs(metrics, strategy.name, last, confidence))
    return Verification(judged, costs, any(any(row.rates) for row in judged))


def _judged(metrics: pa.Table, strategy: Strategy, last: int) -> Iterator[Judged]:
    places = {name: of_verifier(name) for name in strategy.verifiers}
    if len(places) > 1:
        places |= {ALL: CHAIN}
    for name, place in places.items():
        accepted = _series(metrics, "accepted_fraction", "samples" if place == CHAIN else place, strategy.name)
        first = _mean(accepted, min(accepted, default=0))
        shares = [wording.percent(round(share, 3)) for share in (first, _mean(accepted, last)) if share is not None]
        rates = tuple(_mean(_series(metrics, metric, place, strategy.name), last) for metric in RATES)
        yield Judged(
            strategy.name,
            name,
            " → ".join(dict.fromkeys(shares)) or wording.NOTHING,
            tuple("" if rate is None else wording.number(rate, 3) for rate in rates),
        )


def _costs(metrics: pa.Table, strategy: str, last: int, confidence: float) -> Iterator[Cost]:
    measured = sorted({row["metric"] for row in metrics.to_pylist() if row["evaluation_set"] == ACCEPTED})
    for metric in measured:
        kept, other = (_series(metrics, metric, name, strategy).get(last, {}) for name in (ACCEPTED, AT_RANDOM))
        if not kept or not other:
            continue
        differences = paired(kept, other)
        found = mean_interval(differences, confidence)
        digits = wording.digits_for(float(np.abs(differences).max()) / 10 or 0.01)
        limits = "" if len(differences) < LEAST_SEEDS else wording.interval(found.low, found.high, digits)
        means = [wording.number(float(np.mean(list(values.values()))), digits) for values in (kept, other)]
        yield Cost(
            strategy,
            wording.title(metric),
            means[0],
            means[1],
            wording.signed(found.estimate, digits) + limits,
        )


def _series(metrics: pa.Table, metric: str, evaluation_set: str, strategy: str) -> Series:
    return series_by_strategy(metrics, metric, evaluation_set).get(strategy, {})


def _mean(series: Series, generation: int) -> float | None:
    values = list(series.get(generation, {}).values())
    return float(np.mean(values)) if values else None
