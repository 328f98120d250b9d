"""A metric by generation, one line per strategy: mean over seeds, its t-interval, and each seed behind it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from collapse.artifacts.evaluation_sets import RATERS, rater_and_label
from collapse.config.settings import Strategy
from collapse.metrics import CATALOGUE
from collapse.plots import wording
from collapse.plots.media import TEXT, Words
from collapse.plots.style import (
    INK,
    NARROW,
    QUIET,
    Look,
    axes_at,
    legend_at,
    legend_columns,
    looks,
    quiet,
    spread,
    titled,
    whole_generations,
    wrapped,
)
from collapse.stats.bands import Band, bands
from collapse.stats.paired import LEAST_SEEDS

REAL_DASH = (0, (1, 2))

LABEL = 0.2
"""Height of a label at the end of a line, in inches."""

PANEL_ROW = 2.08
"""Height of a row of small multiples, in inches."""

LEAST_FRAME = 2.3
"""Width of the frame of the test loss, in inches; a figure with long names is wider."""

LEVEL_REACH = 0.5
"""How far from the frame, in its heights, a level of reference may lie to be drawn."""

LEVEL_NAME = 0.13
"""Inches that the name of a level takes; names of levels that lie closer are moved apart."""

Levels = Mapping[tuple[str, str], Mapping[str, float]]
"""By a measure and what it is taken on, then by name."""

REAL_LEVELS = {
    "generation_0_loss": ("test_loss", "real_test"),
    "base_perplexity": ("base_perplexity", "real_test"),
    "watermark_z": ("watermark_z", "real_test"),
}
"""What a measure of samples comes to on real examples, where that is not the same measure of training ones."""

MOST_STRETCH = 2.0
"""The frame may grow to this many times the range of the lines before bands are cut off at its edge."""


def test_loss(
    metrics: pa.Table,
    strategies: Sequence[Strategy],
    confidence: float,
    levels: Mapping[str, float],
    words: Words = TEXT,
) -> Figure:
    """Test loss on held-out real examples against generation, each line labelled at its end.

    Args:
        metrics: Rows of the METRICS contract.
        strategies: What is shown, in the order of the config.
        confidence: Coverage of the bands.
        levels: Loss of reference models by name, dotted; one far from the lines is left to the caption.
        words: What examples are called.
    """
    curves = _of(strategies, bands(metrics, "test_loss", "real_test", confidence))
    with quiet():
        height = max(3.0, LABEL * len(curves))
        names = 0.36 + 0.085 * max((len(name) for name in curves), default=0)
        width = max(NARROW, 0.7 + LEAST_FRAME + names)
        lines = wrapped(how_to_read(curves, confidence), width)
        head = 0.5 + 0.17 * len(lines)
        figure = titled(head + height + 0.55, f"Test loss on held-out real {words.real}", "\n".join(lines), width)
        axes = axes_at(figure, left=0.7, top=head, width=width - 0.7 - names, height=height)
        _draw(axes, curves, looks(strategies), line_width=2.0)
        _frame(axes, curves, n_ticks=7)
        _draw_levels(axes, levels)
        axes.set_ylabel(words.nats)
        axes.set_xlabel(f"generation (0: real {words.real} only)")
        _label_ends(axes, curves, looks(strategies))
    return figure


def diversity(
    metrics: pa.Table,
    strategies: Sequence[Strategy],
    confidence: float,
    words: Words = TEXT,
    levels: Levels = MappingProxyType({}),
) -> Figure:
    """Measures of the samples against generation, small multiples; real examples as a dotted level."""
    return small_multiples(metrics, strategies, confidence, words, "What became of the samples", levels)


def small_multiples(
    metrics: pa.Table,
    strategies: Sequence[Strategy],
    confidence: float,
    words: Words,
    title: str,
    levels: Levels = MappingProxyType({}),
) -> Figure:
    """A panel for each of some measures against generation; real examples as a dotted level.

    Args:
        metrics: Rows of the METRICS contract.
        strategies: What is shown, in the order of the config.
        confidence: Coverage of the bands.
        words: What examples are called, and which measures are drawn.
        title: Title of the figure.
        levels: What theory says of a measure and what it is taken on, by name, dotted; one far from the lines is left
            out.
    """
    curves = {panel: _of(strategies, bands(metrics, *panel, confidence)) for panel in words.panels}
    shown = [panel for panel, found in curves.items() if found]
    everything = {f"{panel} {name}": band for panel in shown for name, band in curves[panel].items()}
    n_rows = max(1, -(-len(shown) // 3))
    n_columns = legend_columns([*(strategy.name for strategy in strategies), f"real {words.real}"])
    head = 1.10 + 0.22 * -(-(len(strategies) + 1) // n_columns)
    with quiet():
        subtitle = how_to_read(everything, confidence) if shown else "No samples were measured."
        figure = titled(head - 0.12 + PANEL_ROW * n_rows, title, subtitle)
        legend_at(figure, 0.65, _handles(strategies, words), n_columns, handle_length=2.6)
        for index, panel in enumerate(shown):
            row, column = divmod(index, 3)
            axes = axes_at(figure, 0.58 + 2.91 * column, head + PANEL_ROW * row, width=2.36, height=1.42)
            _panel(axes, panel, curves[panel], looks(strategies), reference_level(metrics, *panel), words)
            if panel in levels:
                _draw_levels(axes, levels[panel])
            if index + 3 >= len(shown):
                axes.set_xlabel("generation", labelpad=2)
    return figure


def how_to_read(curves: dict[str, Band], confidence: float) -> str:
    """What lines and bands are, and over how many seeds."""
    counts = [int(n) for band in curves.values() for n in band.n_seeds]
    if max(counts, default=0) < 2:
        return "One seed: one line per strategy, and nothing to judge the spread between seeds by."
    lines = f"Lines: mean of {wording.seed_range(counts)}. Thin lines: single seeds."
    if max(counts) < LEAST_SEEDS:
        return f"{lines} No bands: two seeds cannot say how well a mean is known."
    return f"{lines} Bands: {wording.percent(confidence)} t-interval of the mean, not adjusted."


def reference_level(metrics: pa.Table, metric: str, evaluation_set: str = "samples") -> float | None:
    """The metric on real examples: training ones, or, for the loss under the generation-0 model, held-out ones."""
    if evaluation_set != "samples":
        return None
    real = REAL_LEVELS.get(metric, (metric, "real_train"))
    here = (pc.field("metric") == real[0]) & (pc.field("evaluation_set") == real[1]) & (pc.field("generation") == 0)
    values = metrics.filter(here)["value"].to_numpy()
    return float(np.mean(values)) if len(values) and np.all(np.isfinite(values)) else None


def _of(strategies: Sequence[Strategy], found: dict[str, Band]) -> dict[str, Band]:
    """The curves shown. Where seeds are too few to decide anything, a band would only fill the frame; there is none."""
    return {strategy.name: _drawn(found[strategy.name]) for strategy in strategies if strategy.name in found}


def _drawn(band: Band) -> Band:
    few = band.n_seeds < LEAST_SEEDS
    return replace(band, low=np.where(few, np.nan, band.low), high=np.where(few, np.nan, band.high))


def _draw(axes: Axes, curves: dict[str, Band], how: dict[str, Look], line_width: float) -> None:
    for name, band in curves.items():
        look = how[name]
        axes.fill_between(band.generations, band.low, band.high, color=look.colour, alpha=0.12, linewidth=0)
        if len(band.seeds) > 1:
            for values in band.seeds.values():
                axes.plot(band.generations, values, color=look.colour, alpha=0.35, linewidth=0.7)
    for name, band in curves.items():
        look = how[name]
        axes.plot(
            band.generations,
            band.mean,
            color=look.colour,
            linestyle=look.dash,
            linewidth=line_width,
            marker=look.marker,
            markersize=3 + line_width,
            markerfacecolor=look.face,
            markeredgewidth=1.0,
            clip_on=False,
            zorder=3,
        )


def _frame(axes: Axes, curves: dict[str, Band], n_ticks: int) -> None:
    """Limits that always hold the lines, and the bands as long as those leave the lines readable."""
    axes.grid(axis="y")
    axes.yaxis.set_major_locator(MaxNLocator(n_ticks, steps=[1, 2, 2.5, 5, 10]))
    whole_generations(axes, max((int(band.generations.max()) for band in curves.values()), default=1))
    lines = np.concatenate([np.concatenate([band.mean, *band.seeds.values()]) for band in curves.values()] or [[0, 1]])
    low, high = float(np.nanmin(lines)), float(np.nanmax(lines))
    # A line that hardly moves is not blown up to fill the frame, nor one that stays at zero.
    room = max(high - low, 0.01 * abs(high)) or 0.1
    edges = np.concatenate([np.concatenate([band.low, band.high]) for band in curves.values()] or [[0.0]])
    edges = edges[np.isfinite(edges)]
    spare = (MOST_STRETCH - 1) * room / 2
    bottom = max(low - spare, min(low, float(edges.min(initial=low))))
    top = min(high + spare, max(high, float(edges.max(initial=high))))
    margin = 0.05 * room + max(0.0, room - (top - bottom)) / 2
    axes.set_ylim(bottom - margin, top + margin)


def _draw_levels(axes: Axes, levels: Mapping[str, float]) -> None:
    """Dotted levels with their names, the frame made larger for those that are near it."""
    bottom, top = axes.get_ylim()
    height = top - bottom
    near = {name: at for name, at in levels.items() if bottom - LEVEL_REACH * height < at < top + LEVEL_REACH * height}
    if not near:
        return
    margin = 0.06 * height
    bottom, top = min(bottom, min(near.values()) - margin), max(top, max(near.values()) + margin)
    axes.set_ylim(bottom, top)
    gap = LEVEL_NAME * (top - bottom) / (axes.bbox.height / axes.figure.dpi)
    for (name, at), place in zip(near.items(), spread(np.array([*near.values()]), gap, bottom, top), strict=True):
        axes.axhline(at, color=INK, linewidth=1.0, linestyle=REAL_DASH, zorder=1)
        axes.annotate(
            name,
            xy=(0.01, place),
            xycoords=("axes fraction", "data"),
            xytext=(0, 2),
            textcoords="offset points",
            size=8,
            color=QUIET,
        )


def _label_ends(axes: Axes, curves: dict[str, Band], how: dict[str, Look]) -> None:
    """Write each strategy's name beside the end of its line, moved apart where they would touch."""
    if not curves:
        return
    bottom, top = axes.get_ylim()
    ends = np.array([band.mean[-1] for band in curves.values()])
    gap = LABEL * (top - bottom) / (axes.bbox.height / axes.figure.dpi)
    placed = spread(ends, gap, bottom, top)
    for (name, band), at in zip(curves.items(), placed, strict=True):
        axes.annotate(
            name,
            xy=(band.generations[-1], band.mean[-1]),
            xytext=(1.035, (at - bottom) / (top - bottom)),
            textcoords="axes fraction",
            va="center",
            color=how[name].text_colour,
            weight="bold",
            size=9,
            arrowprops={"arrowstyle": "-", "color": how[name].colour, "linewidth": 0.7, "shrinkA": 1, "shrinkB": 4},
            annotation_clip=False,
        )


def _panel(
    axes: Axes, panel: tuple[str, str], curves: dict[str, Band], how: dict[str, Look], real: float | None, words: Words
) -> None:
    if real is not None:
        axes.axhline(real, color=INK, linewidth=1.0, linestyle=REAL_DASH)
    _draw(axes, curves, how, line_width=1.4)
    _frame(axes, curves, n_ticks=5)
    if real is not None:
        bottom, top = axes.get_ylim()
        room = 0.06 * (top - bottom)
        axes.set_ylim(min(bottom, real - room), max(top, real + room))
    axes.set_title(wording.title(panel[0]), loc="left", size=9, pad=14, color=INK, weight="bold")
    axes.text(0, 1.045, _small_print(*panel, words), transform=axes.transAxes, size=7.5, color=QUIET)


def _small_print(metric: str, evaluation_set: str, words: Words) -> str:
    definition = CATALOGUE[metric]
    if evaluation_set.startswith(RATERS):
        rater, label = rater_and_label(evaluation_set)
        parts = (label, f"by the rater {rater}")
    elif evaluation_set != "samples":
        parts = ("of the model, on held-out examples",)
    else:
        moves = {
            "lower": f"falls as {words.narrowing}",
            "higher": f"rises as {words.narrowing}",
            "none": "either way",
        }
        parts = (wording.UNITS[definition.unit_over(words.unit)], moves[definition.direction])
    return " · ".join(part for part in parts if part)


def _handles(strategies: Sequence[Strategy], words: Words) -> list[Line2D]:
    handles = [
        Line2D(
            [], [], color=look.colour, linestyle=look.dash, marker=look.marker, markerfacecolor=look.face, label=name
        )
        for name, look in looks(strategies).items()
    ]
    return [*handles, Line2D([], [], color=INK, linewidth=1.0, linestyle=REAL_DASH, label=f"real {words.real}")]
