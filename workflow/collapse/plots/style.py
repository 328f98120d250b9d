"""How a strategy looks, everywhere; how a figure looks; and figures as SVG whose bytes repeat.

Hues are those of Okabe & Ito (2008) and Tol's muted set, which colour-blind readers tell apart; markers and dashes
say the same again. A hue belongs to a way of composing, so `replace` looks the same in every experiment. Strategies
that compose alike but verify differently share the hue and differ in dash, lightness and marker.
"""

import io
import textwrap
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.markers import MarkerStyle

from collapse.config.settings import Strategy

INK, QUIET, FAINT = "#1f2328", "#667079", "#e4e7ea"
"""Colours of what is read first, second and last."""

WIDTH = 9.0
"""Width of figures with many panels in inches, so that text has one size throughout the report."""

NARROW = 5.2
"""Width of figures with one frame in inches: on a telephone, their text is still read and nothing is cut off."""

SPINE, PAPER = "#aeb4ba", "#ffffff"
"""Colours of frames and of what is drawn on."""

NIGHT = {INK: "#e4e7ea", QUIET: "#a1abb5", FAINT: "#2c3238", SPINE: "#59636e", PAPER: "#1b1f24"}
"""What these are on a dark page."""

LEAST_CONTRAST = 4.5
"""Of a colour on a dark page, as WCAG 2 counts it for text."""

HUES = {
    "real": ("#4d4d4d", "s"),
    "replace": ("#d55e00", "o"),
    "accumulate": ("#0072b2", "^"),
    "accumulate_subsample": ("#56b4e9", "v"),
    "replace_multiple": ("#cc79a7", "D"),
    "mix": ("#009e73", "P"),
    "preserve": ("#e69f00", "X"),
    "window": ("#999933", "h"),
    "fresh_real": ("#332288", "*"),
    "feedback": ("#882255", "p"),
}
"""Colour and marker of each way of composing."""

Dash = Literal["solid"] | tuple[float, tuple[float, ...]]
"""A Matplotlib line style."""

VARIANTS: tuple[tuple[float, Dash], ...] = (
    (0.0, "solid"),
    (0.35, (0, (5, 1.5))),
    (-0.35, (0, (1.5, 1.2))),
    (0.2, (0, (6, 1.5, 1.5, 1.5))),
)
"""Shift towards white (above 0) or black and dash, for the first, second … strategy that composes alike."""


@dataclass(frozen=True)
class Look:
    """How one strategy is drawn.

    Attributes:
        colour: Of lines and markers.
        text_colour: Of its name; dark enough to read on white.
        marker: Matplotlib marker.
        dash: Matplotlib line style.
        hollow: Whether markers are outlines only.
    """

    colour: str
    text_colour: str
    marker: str
    dash: Dash
    hollow: bool

    @property
    def face(self) -> str:
        """Fill of the markers."""
        return PAPER if self.hollow else self.colour

    def marker_outline(self) -> np.ndarray:
        """Corners of the marker, x to the right and y up, in units of its size, shape `(n, 2)`."""
        shape = MarkerStyle(self.marker)
        return np.asarray(shape.get_path().transformed(shape.get_transform()).to_polygons()[0])


def looks(strategies: Sequence[Strategy]) -> dict[str, Look]:
    """Look of each strategy, by name; it does not depend on the order of the config.

    Of the strategies that compose alike, the first by name that verifies nothing has the plain look.
    """
    found = {}
    for compose in sorted({strategy.compose for strategy in strategies}):
        alike = sorted((s for s in strategies if s.compose == compose), key=lambda s: (bool(s.verifiers), s.name))
        first = 1 if alike[0].verifiers else 0
        found |= {strategy.name: _look(compose, first + index) for index, strategy in enumerate(alike)}
    return {strategy.name: found[strategy.name] for strategy in strategies}


def quiet() -> AbstractContextManager[None]:
    """Settings under which every figure is made and written.

    Text stays text, so that it can be selected, searched and read aloud. It is laid out by DejaVu Sans, which comes
    with Matplotlib and is as wide as any that may stand in for it.
    """
    return mpl.rc_context(
        {
            "svg.fonttype": "none",
            "svg.hashsalt": "collapse",
            "font.family": "sans-serif",
            "font.sans-serif": ["DejaVu Sans", "Verdana", "Noto Sans", "Arial"],
            "font.size": 9,
            "text.color": INK,
            "axes.facecolor": "none",
            "axes.edgecolor": SPINE,
            "axes.linewidth": 0.8,
            "axes.labelcolor": QUIET,
            "axes.labelsize": 9,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.axisbelow": True,
            "axes.unicode_minus": True,
            "axes.formatter.useoffset": False,
            "xtick.color": SPINE,
            "ytick.color": SPINE,
            "xtick.labelcolor": QUIET,
            "ytick.labelcolor": QUIET,
            "xtick.labelsize": 8.5,
            "ytick.labelsize": 8.5,
            "xtick.major.size": 3,
            "ytick.major.size": 0,
            "grid.color": FAINT,
            "grid.linewidth": 0.8,
            "lines.linewidth": 1.8,
            "lines.markersize": 5,
            "legend.frameon": False,
        }
    )


def titled(height: float, title: str, subtitle: str, width: float = WIDTH) -> Figure:
    """An empty figure with its title and, below it, what the reader must know: seeds, bands. Sizes in inches."""
    figure = Figure(figsize=(width, height), facecolor=PAPER)
    figure.text(0.12 / width, 1 - 0.12 / height, title, size=11.5, weight="bold", va="top")
    figure.text(0.12 / width, 1 - 0.40 / height, subtitle, size=8.5, color=QUIET, va="top", linespacing=1.4)
    return figure


def wrapped(text: str, width: float) -> list[str]:
    """Lines of a subtitle that fit into a figure of this width in inches; given line ends are kept."""
    most = int((width - 0.2) / 0.063)
    return [line for part in text.split("\n") for line in textwrap.wrap(part, most)]


def axes_at(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """A frame placed in inches from the figure's left and top edges."""
    across, down = figure.get_size_inches()
    return figure.add_axes((left / across, 1 - (top + height) / down, width / across, height / down))


def legend_at(figure: Figure, top: float, handles: Sequence[Artist], columns: int, handle_length: float) -> None:
    """A legend without a box, flush left, `top` inches below the figure's upper edge."""
    figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(0.12 / figure.get_size_inches()[0], 1 - top / figure.get_size_inches()[1]),
        ncols=columns,
        handlelength=handle_length,
        handleheight=1.0,
        columnspacing=1.5,
        borderaxespad=0,
        borderpad=0,
        labelcolor=INK,
    )


def handle_of(name: str, look: Look) -> Line2D:
    """A strategy's marker, for the legend of points."""
    return Line2D([], [], color=look.colour, marker=look.marker, markerfacecolor=look.face, linestyle="", label=name)


def mark(axes: Axes, points: np.ndarray, look: Look, size: float, alpha: float) -> None:
    """A strategy's points, shape `(n, 2)`."""
    axes.plot(
        points[:, 0],
        points[:, 1],
        color=look.colour,
        marker=look.marker,
        markerfacecolor=look.face,
        markeredgewidth=0.8,
        markersize=size,
        linestyle="",
        alpha=alpha,
    )


def legend_columns(names: Sequence[str]) -> int:
    """How many columns of a legend with lines fit beside one another."""
    widest = 0.68 + 0.078 * max(len(name) for name in names)
    return max(1, min(len(names), int((WIDTH - 0.1) / widest)))


def svg(figure: Figure, description: str) -> bytes:
    """The figure as SVG: no date, no random ids, so that the same table gives the same bytes.

    Args:
        figure: Made under `quiet()`.
        description: Kept in the file's metadata.
    """
    stream = io.BytesIO()
    metadata = {"Date": None, "Creator": "collapse", "Description": description}
    with quiet():
        figure.savefig(stream, format="svg", metadata=metadata)
    return stream.getvalue()


def whole_generations(axes: Axes, last: int) -> None:
    """Ticks on whole generations only, at most about ten of them."""
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if last / step <= 10)
    axes.set_xticks(range(0, last + 1, step))


def spread(positions: np.ndarray, gap: float, low: float, high: float) -> np.ndarray:
    """Move labels as little as possible so that neighbours are at least `gap` apart, keeping their order.

    Least squares under the order: pool neighbours that collide, put each pool around its mean, and keep it inside.

    Args:
        positions: Where the labels would like to be, shape `(n,)`, any order.
        gap: Least distance, in the units of `positions`.
        low: Least position; labels stay inside as long as `n` of them fit.
        high: Greatest position.
    """
    order = np.argsort(positions, kind="stable")
    wanted = positions[order] - gap * np.arange(len(positions))
    pools: list[tuple[float, int]] = []
    for value in wanted:
        mean, size = float(value), 1
        while pools and pools[-1][0] > mean:
            before, n = pools.pop()
            mean, size = (before * n + mean * size) / (n + size), n + size
        pools.append((mean, size))
    placed = np.empty(len(positions))
    means = np.clip([mean for mean, _ in pools], low, max(low, high - gap * (len(order) - 1)))
    placed[order] = np.repeat(means, [size for _, size in pools]) + gap * np.arange(len(order))
    return placed


def at_night(colour: str) -> str:
    """The colour on a dark page: greys turned round, others lightened until they can be read there."""
    if colour in NIGHT:
        return NIGHT[colour]
    steps = (_shifted(colour, step / 20) for step in range(20))
    return next(shade for shade in steps if contrast(shade, NIGHT[PAPER]) >= LEAST_CONTRAST)


def contrast(one: str, other: str) -> float:
    """Contrast of two colours, from 1 to 21 (WCAG 2.2)."""
    brighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    parts = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in to_rgb(colour))
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), parts, strict=True))


def _look(compose: str, variant: int) -> Look:
    colour, marker = HUES[compose]
    shift, dash = VARIANTS[variant % len(VARIANTS)]
    shade = _shifted(colour, shift)
    return Look(shade, _shifted(shade, -0.3), marker, dash, hollow=variant > 0)


def _shifted(colour: str, towards: float) -> str:
    """Mix with white (`towards` above 0) or black (below 0), by that share."""
    red, green, blue = ((1 - abs(towards)) * part + abs(towards) * (towards > 0) for part in to_rgb(colour))
    return to_hex((red, green, blue))
