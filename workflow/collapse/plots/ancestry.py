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
from collapse.plots.style import INK, QUIET, looks, quiet, titled, whole_generations

REAL_TEXT = "#8a8f94"
N_COLUMNS = 5


def origins(ancestry: pa.Table, strategies: Sequence[Strategy]) -> Figure:
    """Share of the training tokens by the generation they come from, mean over seeds.

    Bars, because generations are steps: between two of them nothing is trained.

    Args:
        ancestry: Rows of the ANCESTRY contract.
        strategies: What is shown, in the order of the config.
    """
    present = set(ancestry["strategy"].to_pylist())
    shown = [strategy for strategy in strategies if strategy.name in present]
    last = int(pc.max(ancestry["generation"]).as_py())
    n_rows = -(-len(shown) // N_COLUMNS)
    height = 1.20 + 2.05 * n_rows
    n_seeds = len(set(ancestry["seed"].to_pylist()))
    with quiet():
        subtitle = f"Share of the tokens each model was trained on, mean of {wording.seeds(n_seeds)}."
        figure = titled(9.6, height, "Where the training text came from", subtitle)
        _legend(figure, last, height)
        for index, strategy in enumerate(shown):
            row, column = divmod(index, N_COLUMNS)
            bottom = 1 - (1.30 + 2.05 * row + 1.4) / height
            axes = figure.add_axes((0.058 + 0.190 * column, bottom, 0.166, 1.4 / height))
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
    np.add.at(sums, (generation, origin), rows["token_share"].to_numpy())
    arms = {(row["generation"], row["seed"]) for row in rows.select(["generation", "seed"]).to_pylist()}
    n_seeds = np.bincount([g for g, _ in arms], minlength=size)
    return sums / np.maximum(n_seeds, 1)[:, None]


def _panel(axes: Axes, shares: np.ndarray, last: int) -> None:
    generations = np.arange(len(shares))
    floor = np.zeros(len(shares))
    for origin in generations:
        axes.bar(generations, shares[:, origin], 0.86, floor, color=_colour(origin, last), linewidth=0)
        floor += shares[:, origin]
    axes.set(xlim=(-0.6, last + 0.6), ylim=(0, 1))
    axes.tick_params(axis="x", length=0)
    axes.spines[["left", "bottom"]].set_visible(False)
    whole_generations(axes, last)
    small_print = f"{wording.percent(round(float(shares[-1, 0]), 2))} real in the end"
    axes.text(0, 1.04, small_print, transform=axes.transAxes, size=7.5, color=QUIET)


def _legend(figure: Figure, last: int, height: float) -> None:
    named = sorted({1, last} | {round(1 + k * (last - 1) / 5) for k in range(6)}) if last > 6 else range(1, last + 1)
    handles = [Patch(color=REAL_TEXT, label="real text")]
    handles += [
        Patch(color=_colour(origin, last), label=f"samples of generation {origin}" if origin == 1 else str(origin))
        for origin in named
    ]
    figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(0.003, 1 - 0.62 / height),
        ncols=len(handles),
        handlelength=1.0,
        handleheight=1.0,
        columnspacing=1.2,
        borderaxespad=0,
        labelcolor=INK,
    )


def _colour(origin: int, last: int) -> str:
    if origin == 0:
        return REAL_TEXT
    return to_hex(mpl.colormaps["BuPu"](0.25 + 0.70 * (origin - 1) / max(last - 1, 1)))
