"""How raters rate what was written, for the page: how good they are, and what they say of each strategy's text."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from scipy.stats import binomtest

from collapse.artifacts.evaluation_sets import of_rater, rater_and_label
from collapse.plots import wording
from collapse.plots.ratings import rated_panels
from collapse.stats.series import series_by_strategy


@dataclass(frozen=True)
class Tested:
    """What a rater says of texts that it was not fitted to: one row per label, one in all where it was not tested."""

    rater: str
    label: str
    n_texts: str
    recall: str
    said: str
    surest: str


@dataclass(frozen=True)
class Share:
    """How much of one strategy's text a rater gives a label, all seeds together."""

    strategy: str
    rater: str
    label: str
    shares: tuple[str, ...]
    interval: str


@dataclass(frozen=True)
class Rated:
    """Both tables, and the generations that shares are of."""

    tested: tuple[Tested, ...]
    shares: tuple[Share, ...]
    generations: tuple[str, ...]


def rated(
    metrics: pa.Table, strategies: Sequence[str], last: int, confidence: float, held_out: Mapping[str, pa.Table]
) -> Rated | None:
    """Put the tables together; None where nothing rates.

    Args:
        metrics: Rows of the METRICS contract.
        strategies: What is shown, in the order of the config.
        last: The last generation.
        confidence: Coverage of Wilson's intervals of shares.
        held_out: Rows of the HELD_OUT contract, by rater.
    """
    if not held_out:
        return None
    tested = tuple(row for name, table in sorted(held_out.items()) for row in _tested(name, table))
    shown = sorted({0, 1, last})
    places = [place for metric, place in rated_panels(metrics) if metric == "label_share"]
    levels = {place for metric, place in rated_panels(metrics) if metric == "quality_index"}
    rows = metrics.filter(pc.equal(metrics["metric"], "label_share"))
    every = sorted(set(rows["evaluation_set"].to_pylist()))
    places += [place for place in every if of_rater(rater_and_label(place)[0]) in levels]
    shares = tuple(_share(rows, place, name, shown, confidence) for place in places for name in strategies)
    return Rated(tested, shares, tuple("real text" if generation == 0 else str(generation) for generation in shown))


def _tested(name: str, table: pa.Table) -> Iterator[Tested]:
    if not table.num_rows:
        yield Tested(name, wording.NOTHING, "0", *[wording.NOTHING] * 3)
    for label in sorted(set(table["label"].to_pylist())):
        those = table.filter(pc.equal(table["label"], label))
        said = table.filter(pc.equal(table["given"], label))
        right, precise = (pc.mean(pc.equal(part["label"], part["given"])).as_py() for part in (those, said))
        sure = pc.mean(said["probability"]).as_py()
        yield Tested(
            name,
            label,
            f"{those.num_rows:,}",
            wording.percent(round(right, 3)),
            wording.NOTHING if precise is None else wording.percent(round(precise, 3)),
            wording.NOTHING if sure is None else wording.percent(round(sure, 3)),
        )


def _share(rows: pa.Table, place: str, strategy: str, shown: Sequence[int], confidence: float) -> Share:
    found = series_by_strategy(rows, "label_share", place).get(strategy, {})
    means = {g: sum(found[g].values()) / len(found[g]) for g in shown if found.get(g)}
    rater, label = rater_and_label(place)
    cells = tuple(wording.percent(round(means[g], 3)) if g in means else wording.NOTHING for g in shown)
    here = (pc.field("evaluation_set") == place) & (pc.field("strategy") == strategy)
    last = rows.filter(here & (pc.field("generation") == shown[-1]))
    return Share(strategy, rater, label, cells, _wilson(last, confidence))


def _wilson(rows: pa.Table, confidence: float) -> str:
    """Wilson's interval of the share of all texts together: of these texts, not of what other seeds would give."""
    n = int(pc.sum(rows["n"]).as_py() or 0)
    if not n:
        return wording.NOTHING
    yes = round(pc.sum(pc.multiply(rows["value"], pc.cast(rows["n"], pa.float64()))).as_py())
    found = binomtest(yes, n).proportion_ci(confidence, method="wilson")
    return f"{wording.percent(round(found.low, 3))} to {wording.percent(round(found.high, 3))}"
