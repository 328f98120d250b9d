"""What measures of text say beside the exact distance from a known source: one panel per measure."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from collapse.config.settings import Strategy
from collapse.metrics import CATALOGUE
from collapse.plots import wording
from collapse.plots.style import (
    INK,
    QUIET,
    Look,
    axes_at,
    handle_of,
    legend_at,
    legend_columns,
    looks,
    mark,
    quiet,
    titled,
)
from collapse.stats.calibration import Calibration

ROW = 2.5
"""Height of a row of panels, in inches."""

SUBTITLE = (
    "Each point is one arm. Across: the model's exact value; up: what held-out text, or samples the model wrote, say.\n"
    "Dashed: equality, where both are the same quantity. ρ: Spearman's rank correlation over arms."
)


def figure(found: Sequence[Calibration], strategies: Sequence[Strategy]) -> Figure:
    """Draw every measure against its truth.

    Args:
        found: Measures beside the truth.
        strategies: What is shown, in the order of the config.
    """
    shown = [one for one in found if one.points]
    how = looks(strategies)
    n_columns = legend_columns([strategy.name for strategy in strategies])
    head = 1.30 + 0.22 * -(-len(strategies) // n_columns)
    with quiet():
        canvas = titled(head - 0.3 + ROW * max(1, -(-len(shown) // 3)), "What measures say beside the truth", SUBTITLE)
        legend_at(canvas, 0.85, [handle_of(name, look) for name, look in how.items()], n_columns, handle_length=1.2)
        for index, one in enumerate(shown):
            row, column = divmod(index, 3)
            _panel(axes_at(canvas, 0.6 + 2.95 * column, head + ROW * row, width=2.25, height=1.5), one, how)
    return canvas


def _panel(axes: Axes, one: Calibration, how: dict[str, Look]) -> None:
    for name, points in one.points.items():
        mark(axes, points, how[name], 4, 0.8)
    if one.pairing.is_estimate:
        every = np.concatenate(list(one.points.values()))
        ends = [float(every.min()), float(every.max())]
        axes.plot(ends, ends, color=INK, linewidth=0.9, linestyle=(0, (4, 2)), zorder=1)
    axes.grid(axis="y")
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    axes.margins(0.08)
    axes.set_xlabel(_axis(one.pairing.exact), labelpad=2, size=8)
    axes.set_title(wording.title(one.pairing.measure), loc="left", size=9, pad=14, color=INK, weight="bold")
    axes.text(0, 1.045, _verdict(one), transform=axes.transAxes, size=7.5, color=QUIET)


def _verdict(one: Calibration) -> str:
    if np.isnan(one.rank_correlation):
        return "ρ: not defined"
    wanted = "+1" if one.pairing.agrees > 0 else f"{wording.MINUS}1"
    return f"ρ = {wording.signed(one.rank_correlation, 2)}; a good measure has {wanted}"


def _axis(metric: str) -> str:
    unit = wording.UNITS[CATALOGUE[metric].unit]
    name = wording.title(metric)
    return f"{name} ({unit})" if unit and len(name) + len(unit) < 40 else name
