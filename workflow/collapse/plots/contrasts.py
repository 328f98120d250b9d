"""Which strategies differ, by how much, and how surely: a forest plot of the last generation."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from collapse.config.settings import Strategy
from collapse.plots import wording
from collapse.plots.style import FAINT, INK, QUIET, Look, looks, quiet, titled

ROW = 0.27
"""Height of a row, in inches."""

NUMBERS = 2.9
"""Width of the columns of numbers, in inches."""


@dataclass(frozen=True)
class Pair:
    """One contrast; the columns of CONTRASTS of the same names."""

    strategy: str
    baseline: str
    estimate: float
    low: float | None
    high: float | None
    p_adjusted: float | None
    confidence: float
    n_seeds: int

    @property
    def decided(self) -> bool:
        """Whether the adjusted p-value is below the level that the intervals stand for."""
        return self.p_adjusted is not None and self.p_adjusted < 1 - self.confidence


def last_generation_pairs(
    contrasts: pa.Table, strategies: Sequence[Strategy], metric: str, evaluation_set: str
) -> tuple[list[Pair], list[Pair]]:
    """Contrasts of the last generation: against the control `real`, and between the others, each pair once.

    Both are ordered from the largest estimate down; a pair between two strategies names the higher one first.
    """
    names = {strategy.name for strategy in strategies}
    here = contrasts.filter((pc.field("metric") == metric) & (pc.field("evaluation_set") == evaluation_set))
    last = here.filter(pc.field("generation") == pc.max(here["generation"])).to_pylist() if here.num_rows else []
    pairs = [
        Pair(**{name: row[name] for name in Pair.__dataclass_fields__})
        for row in last
        if {row["strategy"], row["baseline"]} <= names
    ]
    against = [pair for pair in pairs if pair.baseline == "real"]
    between = [pair for pair in pairs if "real" not in (pair.strategy, pair.baseline) and _faces_up(pair)]
    return tuple(sorted(group, key=lambda pair: (-pair.estimate, pair.strategy)) for group in (against, between))


def forest(contrasts: pa.Table, strategies: Sequence[Strategy], confidence: float) -> Figure:
    """Differences in test loss at the last generation, with intervals; hollow where the interval contains 0.

    Args:
        contrasts: Rows of the CONTRASTS contract.
        strategies: What is shown.
        confidence: Coverage of the intervals.
    """
    against, between = last_generation_pairs(contrasts, strategies, "test_loss", "real_test")
    headed = (("against the real-data control", against), ("between strategies", between))
    groups = [(head, pairs) for head, pairs in headed if pairs]
    n_rows = sum(len(pairs) + 1 for _, pairs in groups)
    height = 1.45 + ROW * max(n_rows, 1)
    with quiet():
        figure = titled(8.2, height, "Difference in test loss at the last generation", _subtitle(groups, confidence))
        if not groups:
            return figure
        names = 0.25 + 0.072 * max(len(_name(pair)) for _, pairs in groups for pair in pairs)
        axes = figure.add_axes(
            (names / 8.2, 0.55 / height, 1 - (names + NUMBERS) / 8.2, ROW * n_rows / height)
        )
        _columns(axes, groups, looks(strategies))
        axes.set_xlabel("nats per token (right of 0: the first has the higher loss)")
    return figure


def _subtitle(groups: list[tuple[str, list[Pair]]], confidence: float) -> str:
    counts = [pair.n_seeds for _, pairs in groups for pair in pairs]
    if not counts:
        return "There is nothing to compare: fewer than two strategies were measured after generation 0."
    if max(counts) < 2:
        return "One seed: differences only. Nothing is decided without a second seed."
    return (
        f"Mean of paired differences over {wording.seed_range(counts)}; each {wording.percent(confidence)} interval "
        "stands for its own pair.\nFilled: p, adjusted for the number of pairs (Holm), is below "
        f"{1 - confidence:.2g}. Hollow: undecided."
    )


def _columns(axes: Axes, groups: list[tuple[str, list[Pair]]], how: dict[str, Look]) -> None:
    pairs = [pair for _, group in groups for pair in group]
    bottom = sum(len(group) + 1 for _, group in groups)
    low, high = _limits(pairs)
    axes.set(xlim=(low, high), ylim=(bottom - 0.4, -0.6), yticks=[])
    axes.spines["left"].set_visible(False)
    axes.axvline(0, color=QUIET, linewidth=0.9, zorder=1)
    axes.grid(axis="x")
    digits = wording.digits_for(max(abs(pair.estimate) for pair in pairs) / 10)
    y = 0
    for head, group in groups:
        _put(axes, y, -0.15, head, QUIET, align="right")
        if y == 0:
            _put(axes, y, 0.2, "estimate [interval]", QUIET)
            _put(axes, y, NUMBERS - 0.65, "p", QUIET)
        for offset, pair in enumerate(group, start=1):
            _row(axes, y + offset, pair, how[pair.strategy], digits)
        y += len(group) + 1


def _row(axes: Axes, y: int, pair: Pair, look: Look, digits: int) -> None:
    axes.axhline(y, color=FAINT, linewidth=0.8, zorder=0)
    _put(axes, y, -0.15, _name(pair), INK, align="right")
    _interval(axes, y, pair, look)
    _put(axes, y, 0.2, interval_text(pair, digits), INK if pair.decided else QUIET)
    _put(axes, y, NUMBERS - 0.65, wording.p_value(pair.p_adjusted), INK if pair.decided else QUIET)


def interval_text(pair: Pair, digits: int) -> str:
    """`+0.52 [+0.40, +0.63]`, or the estimate alone where there is no interval."""
    estimate = wording.signed(pair.estimate, digits)
    if pair.low is None or pair.high is None:
        return estimate
    return f"{estimate} [{wording.signed(pair.low, digits)}, {wording.signed(pair.high, digits)}]"


def _interval(axes: Axes, y: int, pair: Pair, look: Look) -> None:
    left, right = axes.get_xlim()
    if pair.low is not None and pair.high is not None:
        inside = (max(pair.low, left), min(pair.high, right))
        axes.plot(inside, (y, y), color=look.colour, linewidth=2, solid_capstyle="butt", zorder=2)
        for cut, at, marker in ((pair.low < left, left, "<"), (pair.high > right, right, ">")):
            if cut:
                axes.plot([at], [y], marker=marker, color=look.colour, markersize=5, clip_on=False, zorder=3)
    face = look.colour if pair.decided else "white"
    axes.plot(
        [pair.estimate],
        [y],
        marker=look.marker,
        markersize=7,
        markerfacecolor=face,
        markeredgecolor=look.colour,
        markeredgewidth=1.4,
        zorder=4,
        clip_on=False,
    )


def _limits(pairs: list[Pair]) -> tuple[float, float]:
    """Hold every estimate and 0, and intervals up to twice that range; longer ones end in an arrowhead."""
    estimates = np.array([0.0, *(pair.estimate for pair in pairs)])
    ends = np.array([end for pair in pairs for end in (pair.low, pair.high) if end is not None])
    low, high = float(estimates.min()), float(estimates.max())
    room = max(high - low, 1e-9)
    low = max(low - room, float(ends.min(initial=low)))
    high = min(high + room, float(ends.max(initial=high)))
    return low - 0.06 * (high - low), high + 0.06 * (high - low)


def _put(axes: Axes, y: float, inches: float, text: str, colour: str, align: str = "left") -> None:
    """Write beside the frame: `inches` right of its right edge, or (below 0) left of its left edge."""
    axes.annotate(
        text,
        xy=(1 if inches > 0 else 0, y),
        xycoords=axes.get_yaxis_transform(),
        xytext=(72 * inches, 0),
        textcoords="offset points",
        ha=align,
        va="center",
        size=8.5,
        color=colour,
        annotation_clip=False,
    )


def _name(pair: Pair) -> str:
    return f"{pair.strategy} − {pair.baseline}"


def _faces_up(pair: Pair) -> bool:
    return pair.estimate > 0 or (pair.estimate == 0 and pair.strategy < pair.baseline)
