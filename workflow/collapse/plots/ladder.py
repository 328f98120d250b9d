"""Strategies one under another, by what a measure came to at the last generation, with others of them beside it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from collapse.plots.style import HUES, INK, QUIET, WIDTH, axes_at, quiet, titled

ROW, HEAD, NAMES, GAP = 0.23, 1.05, 1.85, 0.3
"""Height of a row, of what stands above all of them, width of the names, and between frames, in inches."""

CONTROL = "real"


@dataclass(frozen=True)
class Rung:
    """A measure that has a frame of its own.

    Attributes:
        metric: Its name.
        evaluation_set: What it is measured on.
        title: Above its frame.
        is_log: Whether the axis is.
        percent: Whether it is a share, told in per cent.
    """

    metric: str
    evaluation_set: str
    title: str
    is_log: bool = False
    percent: bool = False


def ladder(values: pa.Table, rungs: Sequence[Rung], title: str, subtitle: str) -> Figure:
    """Draw a frame per measure; rows are ordered by the first, the least on top.

    A small dot is a seed, a large one the mean; a dashed line is the control's mean.

    Args:
        values: Columns of METRICS: metric, evaluation_set, strategy, seed, generation, value.
        rungs: The measures.
        title: Of the figure.
        subtitle: Below it.
    """
    last = pc.max(values["generation"]).as_py()
    found = [_at(values, rung, last) for rung in rungs]
    names = sorted(found[0], key=lambda name: float(np.mean(found[0][name])))
    width = (WIDTH - NAMES - GAP * len(rungs)) / len(rungs)
    with quiet():
        figure = titled(HEAD + ROW * len(names) + 0.35, title, subtitle)
        for place, (rung, of_each) in enumerate(zip(rungs, found, strict=True)):
            axes = axes_at(figure, NAMES + place * (width + GAP), HEAD, width, ROW * len(names))
            _frame(axes, rung, of_each, names)
            axes.set_yticks(range(len(names)), names if place == 0 else [""] * len(names), size=8)
    return figure


def _at(values: pa.Table, rung: Rung, generation: int) -> dict[str, np.ndarray]:
    """Values of each seed at one generation, by strategy."""
    chosen = values.filter(
        (pc.field("metric") == rung.metric)
        & (pc.field("evaluation_set") == rung.evaluation_set)
        & (pc.field("generation") == generation)
    )
    found: dict[str, list[float]] = {}
    for row in chosen.sort_by("seed").to_pylist():
        found.setdefault(row["strategy"], []).append(row["value"] * (100 if rung.percent else 1))
    return {name: np.array(seeds) for name, seeds in found.items()}


def _frame(axes: Axes, rung: Rung, of_each: dict[str, np.ndarray], names: Sequence[str]) -> None:
    for row, name in enumerate(names):
        seeds, colour = of_each[name], QUIET if name == CONTROL else HUES["accumulate"][0]
        axes.plot(seeds, np.full(len(seeds), row), "o", color=colour, markersize=2.5, alpha=0.5)
        axes.plot([seeds.mean()], [row], "o", color=colour, markersize=6)
    if CONTROL in of_each:
        axes.axvline(of_each[CONTROL].mean(), color=INK, linewidth=0.9, linestyle=(0, (4, 2)), zorder=1)
    axes.set_ylim(len(names) - 0.5, -0.5)
    if rung.is_log:
        axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}{' %' if rung.percent else ''}"))
    axes.xaxis.set_minor_formatter("")
    axes.grid(axis="y")
    axes.set_title(rung.title, loc="left", size=8.5, color=INK)
