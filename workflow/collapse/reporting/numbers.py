"""The numbers behind the figures, as tables: for whoever cannot see a figure, or wants to copy a value."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from collapse.plots import wording
from collapse.plots.ancestry import mean_shares
from collapse.plots.curves import reference_level
from collapse.plots.media import TEXT, Words
from collapse.stats.bands import Band, bands
from collapse.stats.calibration import Calibration
from collapse.stats.verifiers import RIGHT, Strength

Row = tuple[str, ...]


@dataclass(frozen=True)
class Numbers:
    """A table beside a figure.

    Attributes:
        caption: What it holds, in one line.
        head: Names of the columns; those of strategies are shown with their line and marker.
        rows: As many cells each as the head; the first is the row's name.
    """

    caption: str
    head: Row
    rows: tuple[Row, ...]


def losses(metrics: pa.Table, strategies: Sequence[str], confidence: float, words: Words = TEXT) -> Numbers:
    """Test loss by generation: what the figure draws, mean over seeds and interval."""
    found = bands(metrics, "test_loss", "real_test", confidence)
    return Numbers(
        f"Test loss by generation, in {words.nats}: mean over seeds and its "
        f"{wording.percent(confidence)} interval, not adjusted",
        ("Generation", *strategies),
        tuple((str(g), *(_cell(found.get(name), g, 3, interval=True) for name in strategies)) for g in _every(found)),
    )


def diversity(metrics: pa.Table, strategies: Sequence[str], confidence: float, words: Words = TEXT) -> Numbers:
    """Every measure of the diversity figure by generation, mean over seeds, below that of real examples."""
    return Numbers(
        "Measures of the samples by generation, mean over seeds",
        ("Measure", "Generation", *strategies),
        tuple(row for panel in words.panels for row in _of_metric(metrics, panel, strategies, confidence, words)),
    )


def _of_metric(
    metrics: pa.Table, panel: tuple[str, str], strategies: Sequence[str], confidence: float, words: Words
) -> Iterator[Row]:
    found, name = bands(metrics, *panel, confidence), wording.title(panel[0])
    values = [value for band in found.values() for value in band.mean.tolist()]
    digits = wording.digits_for(max((abs(value) for value in values), default=1.0) / 10)
    level = reference_level(metrics, *panel)
    if level is not None and found:
        yield (name, f"real {words.real}", *(wording.number(level, digits) for _ in strategies))
    for generation in _every(found):
        yield (name, str(generation), *(_cell(found.get(one), generation, digits) for one in strategies))


def origins(ancestry: pa.Table, strategies: Sequence[str], words: Words = TEXT) -> Numbers:
    """Share of what was trained on by where they come from, mean over seeds."""
    last = max(ancestry["generation"].to_pylist(), default=0)
    present = set(ancestry["strategy"].to_pylist())
    rows = [
        (name, str(generation), *(wording.percent(round(share, 3)) if share else wording.NOTHING for share in shares))
        for name in strategies
        if name in present
        for generation, shares in enumerate(_padded(mean_shares(ancestry, name), last).tolist())
    ]
    written = [f"samples of {origin}" for origin in range(1, last + 1)]
    return Numbers(
        f"Share of the {words.units} trained on, by the generation they come from, mean over seeds",
        ("Strategy", "Generation", f"real {words.real}", *written),
        tuple(rows),
    )


def calibration(found: Sequence[Calibration]) -> Numbers:
    """Every point of the figure of measures beside the truth."""
    rows = [
        (
            wording.title(one.pairing.measure),
            strategy,
            wording.title(one.pairing.exact),
            *(f"{value:.4g}".replace("-", wording.MINUS) for value in point),
        )
        for one in found
        for strategy, points in one.points.items()
        for point in points.tolist()
    ]
    return Numbers(
        "Measures and the exact values they are read as, one row per arm",
        ("Measure", "Strategy", "Exact property", "exact", "measured"),
        tuple(rows),
    )


def strength(found: Sequence[Strength]) -> Numbers:
    """Every point of the figure of how good a verifier must be."""
    rows = [
        (str(one.generation), strategy, *(wording.number(value, 4) for value in point))
        for one in found
        for strategy, points in one.students.items()
        for point in points.tolist()
    ]
    outcome = found[0].outcome if found else ""
    what = "right answers" if outcome == RIGHT else "errors"
    title = f"Strength of the verifiers and {what} of their students, one row per seed"
    return Numbers(title, ("Generation", "Strategy", "p*", wording.title(outcome) if found else ""), tuple(rows))


def _every(found: Mapping[str, Band]) -> list[int]:
    return sorted({generation for band in found.values() for generation in band.generations.tolist()})


def _cell(band: Band | None, generation: int, digits: int, interval: bool = False) -> str:
    if band is None or generation not in band.generations:
        return wording.NOTHING
    at = int(np.flatnonzero(band.generations == generation)[0])
    value = wording.number(float(band.mean[at]), digits)
    if not interval or np.isnan(band.low[at]):
        return value
    low, high = (wording.number(float(ends[at]), digits) for ends in (band.low, band.high))
    return f"{value} [{low}, {high}]"


def _padded(shares: np.ndarray, last: int) -> np.ndarray:
    """Shares with a column for every origin up to the last generation."""
    return np.pad(shares, ((0, 0), (0, last + 1 - shares.shape[1])))
