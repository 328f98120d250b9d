"""The live view: how far a run is, what runs now, how long it will take."""

from collections.abc import Callable
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from collapse.terminal import sentences
from collapse.terminal.printable import fitting
from collapse.terminal.run import Job, Run

PER_SECOND = 1
"""How often it is drawn."""

MOST_SHOWN = 6
"""Jobs that are shown running."""


class _Console(Console):
    """A console that never hides the cursor: a run that is killed could not bring it back."""

    def show_cursor(self, show: bool = True) -> bool:
        return False


class View:
    """A few lines that are drawn again each second, below all that is said."""

    def __init__(self, stream: TextIO, draw: Callable[[], RenderableType], no_color: bool = False) -> None:
        # Given None, rich asks NO_COLOR.
        self._console = _Console(file=stream, no_color=no_color or None, highlight=False, markup=False, emoji=False)
        self._draw = draw
        self._live: Live | None = None

    def start(self) -> None:
        """Begin to draw."""
        if self._live is None:
            self._live = Live(
                console=self._console,
                get_renderable=self._draw,
                refresh_per_second=PER_SECOND,
                transient=True,
                redirect_stdout=False,
            )
            self._live.start()

    def stop(self) -> None:
        """Take the view away."""
        if self._live:
            self._live.stop()

    def say(self, text: str) -> None:
        """Print a paragraph above the view."""
        self._console.print(Text(self.fitting(text)))

    def fitting(self, text: str) -> str:
        """Text in characters that the terminal can show."""
        return fitting(text, self._console.encoding)


def drawn(run: Run, now: float, fitting: Callable[[str], str] = str) -> RenderableType:
    """A run at a moment, in at most ten lines."""
    name = [run.watched.experiment] if run.watched else []
    running = list(run.running.values())
    bar = Table.grid(padding=(0, 1), expand=True)
    bar.add_column(ratio=1)
    bar.add_column(no_wrap=True)
    count = f"{run.n_done} of {sentences.jobs(run.n_jobs)}"
    bar.add_row(ProgressBar(total=max(1, run.n_jobs), completed=run.n_done), Text(count, style="bold"))
    return Group(
        Text(fitting(", ".join([*name, *sentences.place(run)])), style="bold", no_wrap=True, overflow="ellipsis"),
        bar,
        Text(", ".join(sentences.times(run, now)), no_wrap=True, overflow="ellipsis"),
        _jobs(running, now, fitting),
    )


def _jobs(running: list[Job], now: float, fitting: Callable[[str], str]) -> Table:
    table = Table.grid(padding=(0, 2))
    for overflow in ("ellipsis", "ellipsis", "fold"):
        table.add_column(no_wrap=True, overflow=overflow)
    shown = running[:MOST_SHOWN]
    for job in shown:
        passed = sentences.clock(max(0.0, now - job.began))
        table.add_row(Text(f"  {fitting(job.rule)}", style="cyan"), Text(fitting(job.about)), passed)
    if more := len(running) - len(shown):
        table.add_row(f"  and {more} more", "", "")
    return table
