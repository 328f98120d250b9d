"""How good a verifier must be: a student's errors or right answers against p*, where the truth is known."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from collapse.config.settings import Strategy
from collapse.plots import wording
from collapse.plots.style import (
    FAINT,
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
    spread,
    titled,
)
from collapse.stats.verifiers import RIGHT, Strength

SUBTITLE = (
    "Across: p* = φ/(φ + ψ) of all verifiers of a strategy together; up: {outcome} of what learned from what they let "
    "through.\nA small marker is a seed, a large one the mean. Dashed: the model of generation 0. Tinted: p* below the "
    "share of wrong\nsamples, where theory says that more of them do harm (Feng et al. 2024: infinitely many, errors "
    "by chance)."
)
UNKNOWN = "Not known here: every sample is right, or every sample is wrong, or none was let through."


def figure(found: Sequence[Strength], strategies: Sequence[Strategy]) -> Figure:
    """Draw a panel per generation.

    Args:
        found: Verifiers and their students.
        strategies: What is shown, in the order of the config.
    """
    if not found:
        with quiet():
            return titled(0.9, "How good a verifier must be", UNKNOWN)
    subtitle = SUBTITLE.format(outcome="right answers" if found[0].outcome == RIGHT else "error")
    shown = [strategy for strategy in strategies if any(strategy.name in one.students for one in found)]
    how = {name: look for name, look in looks(strategies).items() if name in {one.name for one in shown}}
    n_columns = legend_columns([*how])
    head = 1.55 + 0.22 * -(-len(how) // n_columns)
    with quiet():
        canvas = titled(head + 2.6, "How good a verifier must be", subtitle)
        legend_at(canvas, 1.05, [handle_of(name, look) for name, look in how.items()], n_columns, handle_length=1.2)
        for index, one in enumerate(found):
            _panel(axes_at(canvas, 0.75 + 4.4 * index, head, width=3.5, height=2.0), one, how)
    return canvas


def _panel(axes: Axes, one: Strength, how: dict[str, Look]) -> None:
    for name, points in one.students.items():
        mark(axes, points, how[name], 2.5, 0.5)
        mark(axes, points.mean(axis=0, keepdims=True), how[name], 7, 1)
    axes.margins(0.12)
    axes.axhline(one.generator, color=INK, linewidth=0.9, linestyle=(0, (4, 2)), zorder=1)
    low, high = axes.get_xlim()
    if not np.isnan(one.wrong_share) and one.wrong_share > low:
        axes.axvspan(low, min(one.wrong_share, high), color=FAINT, zorder=0, linewidth=0)
    axes.set_xlim(low, high)
    _name(axes, one, how)
    axes.grid(axis="y")
    axes.set_xlabel("p* of the verifiers", labelpad=2, size=8)
    axes.set_title(f"Generation {one.generation}", loc="left", size=9, pad=14, color=INK, weight="bold")
    axes.text(0, 1.035, wording.title(one.outcome), transform=axes.transAxes, size=7.5, color=QUIET)


def _name(axes: Axes, one: Strength, how: dict[str, Look]) -> None:
    """Write each strategy's name beside its mean, moved up or down where names would collide."""
    means = np.array([points.mean(axis=0) for points in one.students.values()])
    places = axes.transAxes.inverted().transform(axes.transData.transform(means))
    heights = spread(places[:, 1] + 0.05, 0.075, 0.02, 0.98)
    for name, across, up in zip(one.students, places[:, 0], heights, strict=True):
        side = "right" if across > 0.8 else "left"
        left = across + (-0.025 if side == "right" else 0.025)
        axes.text(left, up, name, transform=axes.transAxes, size=7.5, color=how[name].text_colour, ha=side, va="center")
