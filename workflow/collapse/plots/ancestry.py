"""Where the training text came from: shares of real text and of each generation's samples, one panel per strategy."""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from collapse.config.settings import Strategy
from collapse.plots import wording
from collapse.plots.media import TEXT, Words
from collapse.plots.style import QUIET, axes_at, legend_at, looks, quiet, titled, whole_generations

REAL_TEXT = "#8a8f94"
N_COLUMNS = 5

MOST_BARS = 24
"""Bars in one panel; longer experiments are drawn in steps."""

PANEL_ROW = 2.05
"""Height of a row of panels, in inches."""


def origins(ancestry: pa.Table, strategies: Sequence[Strategy], words: Words = TEXT) -> Figure:
    """Share of what models were trained on by the generation they come from, mean over seeds.

    Bars, because generations are steps: between two of them nothing is trained.

    Args:
        ancestry: Rows of the ANCESTRY contract.
        strategies: What is shown, in the order of the config.
        words: What examples are called.
    """
    present = set(ancestry["strategy"].to_pylist())
    shown = [strategy for strategy in strategies if strategy.name in present]
    last = max(1, max(ancestry["generation"].to_pylist()))
    n_rows = -(-len(shown) // N_COLUMNS)
    n_seeds = len(set(ancestry["seed"].to_pylist()))
    with quiet():
        subtitle = f"Share of the {words.units} each model was trained on{_mean_of(n_seeds)}."
        figure = titled(1.12 + PANEL_ROW * n_rows, f"Where the training {words.real} came from", subtitle)
        handles = _handles(last, words)
        legend_at(figure, 0.65, handles, len(handles), handle_length=1.0)
        for index, strategy in enumerate(shown):
            row, column = divmod(index, N_COLUMNS)
            axes = axes_at(figure, 0.55 + 1.70 * column, 1.30 + PANEL_ROW * row, width=1.48, height=1.4)
            _panel(axes, mean_shares(ancestry, strategy.name), last)
            look = looks(strategies)[strategy.name]
            axes.set_title(strategy.name, loc="left", size=8.5, weight="bold", color=look.text_colour, pad=15)
            axes.set_yticks([0, 0.5, 1], ["0", "50 %", "100 %"] if column == 0 else [])
            if index + N_COLUMNS >= len(shown):
                axes.set_xlabel("generation", labelpad=2)
    return figure


def mean_shares(ancestry: pa.Table, strategy: str) -> np.ndarray:
    """Mean over seeds of the share of each origin, shape `(generations + 1, generations + 1)`: [generation, origin]."""
    rows = ancestry.filter(pc.field("strategy") == strategy)
    generation, origin = rows["generation"].to_numpy(), rows["origin_generation"].to_numpy()
    size = int(generation.max()) + 1
    sums = np.zeros((size, size))
    share = next(name for name in rows.column_names if name.endswith("_share"))
    np.add.at(sums, (generation, origin), rows[share].to_numpy())
    arms = {(row["generation"], row["seed"]) for row in rows.select(["generation", "seed"]).to_pylist()}
    n_seeds = np.bincount([g for g, _ in arms], minlength=size)
    return sums / np.maximum(n_seeds, 1)[:, None]


def _mean_of(n_seeds: int) -> str:
    return f", mean of {wording.seeds(n_seeds)}" if n_seeds > 1 else ", one seed"


def _panel(axes: Axes, shares: np.ndarray, last: int) -> None:
    step = _step(last)
    generations = np.arange(0, len(shares), step)
    floor = np.zeros(len(generations))
    for first, past in _origin_bins(last):
        height = shares[generations, first:past].sum(axis=1)
        drawn = height > 0
        bars = {"bottom": floor[drawn], "width": 0.86 * step, "color": _colour(first, last), "linewidth": 0}
        axes.bar(generations[drawn], height[drawn], **bars)
        floor += height
    axes.set(xlim=(-0.6 * step, last + 0.6 * step), ylim=(0, 1))
    axes.tick_params(axis="x", length=0)
    axes.spines[["left", "bottom"]].set_visible(False)
    whole_generations(axes, last)
    small_print = f"{wording.percent(round(float(shares[-1, 0]), 2))} real in the end"
    axes.text(0, 1.04, small_print, transform=axes.transAxes, size=7.5, color=QUIET)


def _step(last: int) -> int:
    """Every how many generations a bar is drawn; origins are pooled likewise."""
    return -(-last // MOST_BARS)


def _origin_bins(last: int) -> list[tuple[int, int]]:
    """Real text, then generations of samples, `_step` at a time: first of each bin, and first of the next."""
    return [(0, 1), *((first, first + _step(last)) for first in range(1, last + 1, _step(last)))]


def _handles(last: int, words: Words) -> list[Patch]:
    """Real text and at most seven of the generations."""
    step = -(-last // 6)
    named = sorted({1, last} | set(range(step, last, step)))
    labels = {origin: f"samples of generation {origin}" if origin == 1 else str(origin) for origin in named}
    synthetic = [Patch(color=_colour(origin, last), label=label) for origin, label in labels.items()]
    return [Patch(color=REAL_TEXT, label=f"real {words.real}"), *synthetic]


def _colour(origin: int, last: int) -> str:
    if origin == 0:
        return REAL_TEXT
    return to_hex(mpl.colormaps["BuPu"](0.25 + 0.70 * (origin - 1) / max(last - 1, 1)))
