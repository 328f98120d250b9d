"""Which strategies differ, by how much, and how surely: a forest plot of the last generation."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from collapse.config.settings import Strategy
from collapse.plots import wording
from collapse.plots.media import TEXT, Words
from collapse.plots.style import FAINT, INK, NARROW, PAPER, QUIET, Look, axes_at, looks, quiet, titled, wrapped
from collapse.stats.paired import LEAST_SEEDS, decided

TITLE = "Difference in test loss at the last generation"

FRAME, MARGIN = 1.8, 0.25
"""Least width of the frame, and what is left free to its right, in inches."""

ROW = 0.27
"""Height of a row, in inches."""

CHARACTER = 0.072
"""Width of a character of the labels, in inches, a little over the mean."""

MOST_PAIRS = 15
"""Pairs between strategies that are all shown."""


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
        """Whether the two differ; see `stats.paired.decided`."""
        return decided(self.p_adjusted, self.n_seeds, self.confidence)


def last_generation_pairs(
    contrasts: pa.Table, strategies: Sequence[Strategy], metric: str, evaluation_set: str
) -> dict[str, list[Pair]]:
    """Contrasts of the last generation under two headings: against the control `real`, and between the others.

    Both are ordered from the largest estimate down; a pair between two strategies names the higher one first. Where
    there are more than `MOST_PAIRS` of these, only neighbours in the ranking are kept, in its order.
    """
    pairs = every_pair(contrasts, strategies, metric, evaluation_set)
    against, between = against_control(pairs), between_strategies(pairs)
    groups = {"against the control": against}
    if len(between) > MOST_PAIRS:
        groups["between neighbours"] = _neighbours(between)
    else:
        groups["between strategies"] = between
    return {head: group for head, group in groups.items() if group}


def every_pair(contrasts: pa.Table, strategies: Sequence[Strategy], metric: str, evaluation_set: str) -> list[Pair]:
    """Every contrast of the last generation, each pair in both directions."""
    names = {strategy.name for strategy in strategies}
    here = contrasts.filter((pc.field("metric") == metric) & (pc.field("evaluation_set") == evaluation_set))
    last = here.filter(pc.field("generation") == max(here["generation"].to_pylist(), default=0)).to_pylist()
    columns = [field.name for field in fields(Pair)]
    rows = [row for row in last if {row["strategy"], row["baseline"]} <= names]
    # The column is a single: 0.95 comes back as 0.94999999.
    return [Pair(**{c: row[c] for c in columns} | {"confidence": round(row["confidence"], 6)}) for row in rows]


def against_control(pairs: Sequence[Pair]) -> list[Pair]:
    """Of all pairs, each strategy less the control, from the largest difference down."""
    return sorted((pair for pair in pairs if pair.baseline == "real"), key=_rank)


def between_strategies(pairs: Sequence[Pair]) -> list[Pair]:
    """Of all pairs, those without the control, the higher one first, from the largest difference down."""
    others = [pair for pair in pairs if "real" not in (pair.strategy, pair.baseline)]
    return sorted((pair for pair in others if _faces_up(pair)), key=_rank)


def forest(contrasts: pa.Table, strategies: Sequence[Strategy], confidence: float, words: Words = TEXT) -> Figure:
    """Differences in test loss at the last generation, with intervals; hollow where they are undecided.

    Args:
        contrasts: Rows of the CONTRASTS contract.
        strategies: What is shown.
        confidence: Coverage of the intervals.
        words: What examples are called.
    """
    groups = last_generation_pairs(contrasts, strategies, "test_loss", "real_test")
    pairs = [pair for group in groups.values() for pair in group]
    frame = ROW * (len(groups) + len(pairs))
    names = 0.3 + CHARACTER * max((len(_name(pair)) for pair in pairs), default=0)
    width = max(NARROW, names + FRAME + MARGIN)
    lines = wrapped(_subtitle(pairs, confidence), width)
    head = 0.5 + 0.17 * len(lines)
    with quiet():
        figure = titled(head + frame + 0.75, TITLE, "\n".join(lines), width)
        if pairs:
            axes = axes_at(figure, names, head, width - names - MARGIN, frame)
            _rows(axes, groups, looks(strategies))
            axes.set_xlabel(f"{words.nats}; right of 0,\nthe first has the higher loss")
    return figure


def _subtitle(pairs: list[Pair], confidence: float) -> str:
    counts = [pair.n_seeds for pair in pairs]
    if not counts:
        return "There is nothing to compare: fewer than two strategies were measured after generation 0."
    if max(counts) < 2:
        return "One seed: differences only. Nothing is decided with fewer than three seeds."
    mean = (
        f"Mean of paired differences over {wording.seed_range(counts)}; {wording.percent(confidence)} intervals, each "
        "for its own pair, not adjusted.\n"
    )
    if max(counts) < LEAST_SEEDS:
        return mean + "All hollow: two seeds can agree by luck, so nothing is decided with fewer than three."
    return mean + f"Filled: decided, p adjusted for all pairs (Holm) is below {1 - confidence:.2g}. Hollow: undecided."


def _rows(axes: Axes, groups: dict[str, list[Pair]], how: dict[str, Look]) -> None:
    """Rows of names and intervals, each group below its heading."""
    pairs = [pair for group in groups.values() for pair in group]
    axes.set(xlim=_limits(pairs), ylim=(len(pairs) + len(groups) - 0.4, -0.6), yticks=[])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}".replace("-", wording.MINUS)))
    axes.spines["left"].set_visible(False)
    axes.axvline(0, color=QUIET, linewidth=0.9, zorder=1)
    axes.grid(axis="x")
    y = 0
    for head, group in groups.items():
        _put(axes, y, head, QUIET)
        for offset, pair in enumerate(group, start=1):
            axes.axhline(y + offset, color=FAINT, linewidth=0.8, zorder=0)
            _put(axes, y + offset, _name(pair), INK)
            _interval(axes, y + offset, pair, how[pair.strategy])
        y += len(group) + 1


def interval_text(pair: Pair, digits: int) -> str:
    """`+0.52 [+0.40, +0.63]`, or the estimate alone where there is no interval."""
    return wording.signed(pair.estimate, digits) + wording.interval(pair.low, pair.high, digits)


def _interval(axes: Axes, y: int, pair: Pair, look: Look) -> None:
    left, right = axes.get_xlim()
    if pair.low is not None and pair.high is not None:
        inside = (max(pair.low, left), min(pair.high, right))
        axes.plot(inside, (y, y), color=look.colour, linewidth=2, solid_capstyle="butt", zorder=2)
        for cut, at, marker in ((pair.low < left, left, "<"), (pair.high > right, right, ">")):
            if cut:
                axes.plot([at], [y], marker=marker, color=look.colour, markersize=5, clip_on=False, zorder=3)
    face = look.colour if pair.decided else PAPER
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


def _put(axes: Axes, y: float, text: str, colour: str) -> None:
    """Write to the left of the frame."""
    axes.annotate(
        text,
        xy=(0, y),
        xycoords=axes.get_yaxis_transform(),
        xytext=(-10, 0),
        textcoords="offset points",
        ha="right",
        va="center",
        size=8.5,
        color=colour,
        annotation_clip=False,
    )


def _name(pair: Pair) -> str:
    return f"{pair.strategy} {wording.MINUS} {pair.baseline}"


def _rank(pair: Pair) -> tuple[float, str, str]:
    return -pair.estimate, pair.strategy, pair.baseline


def _neighbours(between: list[Pair]) -> list[Pair]:
    """Pairs that are next to each other when strategies are ordered by how many they exceed."""
    names = {name for pair in between for name in (pair.strategy, pair.baseline)}
    exceeded = {name: sum(pair.strategy == name for pair in between) for name in names}
    ranking = sorted(names, key=lambda name: (-exceeded[name], name))
    by_names = {frozenset((pair.strategy, pair.baseline)): pair for pair in between}
    found = [by_names.get(frozenset(names)) for names in pairwise(ranking)]
    return [pair for pair in found if pair is not None]


def _faces_up(pair: Pair) -> bool:
    return pair.estimate > 0 or (pair.estimate == 0 and pair.strategy < pair.baseline)
