"""A closed-form world: what was simulated, as points, over what theory says, as lines."""

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, ScalarFormatter

from collapse.config.worlds import ChainSettings, PanelSettings, WorldSettings
from collapse.plots import wording
from collapse.plots.style import (
    HUES,
    INK,
    QUIET,
    WIDTH,
    axes_at,
    legend_at,
    legend_columns,
    looks,
    quiet,
    titled,
    whole_generations,
)
from collapse.stats.pooled import Pooled, Predicted, Value

PANEL = (3.6, 2.5)
"""Width and height of one of several panels, in inches; a single one is as wide as the figure."""

ROOM = 0.72
"""Height for the label of a panel's x axis and the next panel's title, in inches."""

FOOT = 0.48
"""Height for the label of the last panel's x axis, in inches."""

MARKERS = "o^svDPXh*<>"
MOST_MARKERS = 24
"""A line of more simulated points shows every so many markers, and its band everywhere."""

Label = tuple[str, ...]


@dataclass(frozen=True)
class Line:
    """One line of a panel.

    Attributes:
        x, mean, error: Simulated places, means and standard errors, shape `(n,)`.
        theory_x, theory: Predicted places and values, shape `(m,)`.
    """

    x: np.ndarray
    mean: np.ndarray
    error: np.ndarray
    theory_x: np.ndarray
    theory: np.ndarray


@dataclass(frozen=True)
class Ink:
    """How a line is drawn."""

    colour: str
    marker: str


def figure(name: str, settings: WorldSettings, measured: Pooled) -> Figure:
    """Draw every panel of a world.

    Args:
        name: Name of the world.
        settings: Its title and panels.
        measured: Its simulated and predicted values.
    """
    drawn = [panel_lines(name, panel, measured) for panel in settings.panels]
    labels = list(dict.fromkeys(label for lines in drawn for label in lines))
    inks = _inks(labels, settings)
    single = len(drawn) == 1
    width, height = (WIDTH - 1.0, 3.2) if single else PANEL
    columns = 1 if single else 2
    n_columns = legend_columns([" · ".join(label) for label in labels])
    head = 1.05 + 0.22 * -(-len(labels) // n_columns)
    with quiet():
        n_rows = -(-len(drawn) // columns)
        total = head + height * n_rows + ROOM * (n_rows - 1) + FOOT
        subtitle = "Points: mean over replicates, ± 2 standard errors."
        if any(len(line.theory) for lines in drawn for line in lines.values()):
            subtitle += " Lines: theory."
        canvas = titled(total, settings.title, subtitle)
        legend_at(canvas, 0.68, [_handle(label, inks[label]) for label in labels], n_columns, handle_length=2.2)
        for index, (panel, lines) in enumerate(zip(settings.panels, drawn, strict=True)):
            row, column = divmod(index, columns)
            axes = axes_at(canvas, 0.75 + 4.45 * column, head + (height + ROOM) * row, width, height)
            _draw(axes, panel, lines, inks)
    return canvas


def panel_lines(world: str, panel: PanelSettings, measured: Pooled) -> dict[Label, Line]:
    """The lines of a panel by label, in the order of their places.

    Args:
        world: Name of the world.
        panel: What is shown.
        measured: Simulated and predicted values of all worlds.
    """
    values = [value for value in measured.values if _is_shown(value, world, panel)]
    predictions = [value for value in measured.predictions if _is_shown(value, world, panel)]
    several = len({value.strategy for value in (*values, *predictions)}) > 1
    labels = sorted({_key(value, panel, several) for value in (*values, *predictions)})
    return {
        tuple(_worded(panel, part) for part in key): _line(
            [value for value in values if _key(value, panel, several) == key],
            [value for value in predictions if _key(value, panel, several) == key],
            panel.x,
        )
        for key in labels
    }


def _is_shown(value: Value | Predicted, world: str, panel: PanelSettings) -> bool:
    swept = {"generation", "strategy", *value.point}
    return (
        value.world == world
        and value.metric == panel.metric
        and {panel.x, panel.lines} <= swept
        and (not panel.strategies or value.strategy in panel.strategies)
        and (not panel.generations or value.generation in panel.generations)
        and all(np.isclose(value.point.get(name, np.nan), wanted) for name, wanted in panel.at.items())
    )


def _key(value: Value | Predicted, panel: PanelSettings, several: bool) -> tuple[str | float, ...]:
    if panel.lines == "strategy":
        return (value.strategy,)
    return (value.strategy, value.along(panel.lines)) if several else (value.along(panel.lines),)


def _worded(panel: PanelSettings, part: str | float) -> str:
    return part if isinstance(part, str) else f"{panel.lines.replace('_', ' ')} {part:g}"


def _line(values: Sequence[Value], predictions: Sequence[Predicted], axis: str) -> Line:
    values = sorted(values, key=lambda value: value.along(axis))
    predictions = sorted(predictions, key=lambda value: value.along(axis))
    return Line(
        np.array([value.along(axis) for value in values]),
        np.array([value.mean for value in values]),
        np.array([value.standard_error or 0.0 for value in values]),
        np.array([value.along(axis) for value in predictions]),
        np.array([value.value for value in predictions]),
    )


def _inks(labels: Sequence[Label], settings: WorldSettings) -> dict[Label, Ink]:
    """A strategy's own look where lines are strategies; else shades in the order of the swept values."""
    known = _own_inks(settings)
    if labels and all(len(label) == 1 and label[0] in known for label in labels):
        return {label: known[label[0]] for label in labels}
    shades = mpl.colormaps["viridis"](np.linspace(0.0, 0.88, max(1, len(labels))))
    return {
        label: Ink(to_hex(shade), MARKERS[index % len(MARKERS)])
        for index, (label, shade) in enumerate(zip(labels, shades, strict=True))
    }


def _own_inks(settings: WorldSettings) -> dict[str, Ink]:
    """Looks of a chain's strategies; in other worlds rows are named after ways of composing, and look like those."""
    if isinstance(settings, ChainSettings):
        return {name: Ink(look.colour, look.marker) for name, look in looks(settings.strategies).items()}
    return {compose.replace("_", "-"): Ink(*hue) for compose, hue in HUES.items()}


def _handle(label: Label, ink: Ink) -> Line2D:
    return Line2D([], [], color=ink.colour, marker=ink.marker, linewidth=1.4, label=" · ".join(label))


def _draw(axes: Axes, panel: PanelSettings, lines: dict[Label, Line], inks: dict[Label, Ink]) -> None:
    axes.set_xscale("log" if panel.log in ("x", "both") else "linear")
    axes.set_yscale("log" if panel.log in ("y", "both") else "linear")
    for label, line in lines.items():
        colour = inks[label].colour
        shown = line.theory_x > 0 if panel.log in ("x", "both") else slice(None)
        axes.plot(line.theory_x[shown], line.theory[shown], color=colour, linewidth=1.4)
        low, high = line.mean - 2 * line.error, line.mean + 2 * line.error
        axes.fill_between(line.x, low, high, color=colour, alpha=0.18, linewidth=0)
        shown = slice(None, None, -(-len(line.x) // MOST_MARKERS) or 1)
        axes.errorbar(
            line.x[shown],
            line.mean[shown],
            2 * line.error[shown],
            fmt=inks[label].marker,
            color=colour,
            markersize=4,
            elinewidth=1.0,
            markeredgewidth=0,
            zorder=3,
        )
    axes.grid(axis="y")
    axes.set_title(panel.title, loc="left", size=9, pad=6, color=INK, weight="bold")
    axes.set_xlabel(wording.parameter(panel.x), labelpad=2)
    axes.tick_params(which="minor", length=0)
    _ticks(axes, panel, lines)


def _ticks(axes: Axes, panel: PanelSettings, lines: dict[Label, Line]) -> None:
    if panel.log not in ("y", "both"):
        axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    else:
        _log_ticks(axes.yaxis)
    if panel.log in ("x", "both"):
        _log_ticks(axes.xaxis)
    elif panel.x == "generation":
        last = max((int(line.x.max()) for line in lines.values() if len(line.x)), default=1)
        whole_generations(axes, max(1, last))
    else:
        axes.xaxis.set_major_formatter(ScalarFormatter(useOffset=False))
    axes.xaxis.label.set_color(QUIET)


def _log_ticks(axis: Axis) -> None:
    """Labels on powers of ten, and in between where an axis spans less than two of them."""
    low, high = axis.get_view_interval()
    short = low > 0 and high / low < 100
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if short else (1.0,), numticks=12))
    if short:
        axis.set_major_formatter(FuncFormatter(lambda value, _place: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())
