"""Where a run is shown: one live view on a terminal, plain lines anywhere else."""

import logging
import os
import textwrap
import threading
import time
from typing import TYPE_CHECKING, TextIO

from collapse.terminal import sentences
from collapse.terminal.narrator import Narrator
from collapse.terminal.printable import fitting
from collapse.terminal.speed import tokens_trained

if TYPE_CHECKING:
    from rich.console import RenderableType

    from collapse.terminal.live import View

TENTHS = 10
LEAST_SECONDS = 2.0
"""Between two lines that tell of progress."""

WIDTH = 100
"""Of the last lines, in characters, where no terminal says how wide it is."""


class Screen:
    """Takes Snakemake's events and shows the run that they are about."""

    def __init__(self, stream: TextIO, no_color: bool = False) -> None:
        self._stream = stream
        self._narrator = Narrator(tokens_trained)
        self._drawing = threading.Lock()  # the view is drawn by a thread of its own
        self._tenths, self._told_at = 0, time.time()
        self._view = self._live_view(no_color) if is_terminal(stream) else None

    def emit(self, record: logging.LogRecord) -> None:
        """Take an event."""
        with self._drawing:
            said = self._narrator.take(record)
        self._say(said)
        if self._view is None:
            self._tell_progress(record.created)
        elif self._narrator.planned:
            self._view.start()

    def close(self) -> None:
        """Say the last lines."""
        if self._view:
            self._view.stop()
        last = self._narrator.end(time.time())
        self._say(last if self._view else [wrapped(text) for text in last])

    def _live_view(self, no_color: bool) -> "View":
        from collapse.terminal.live import View, drawn  # what nobody sees is not imported

        def draw() -> "RenderableType":
            with self._drawing:
                return drawn(self._narrator.run, time.time(), view.fitting)

        view = View(self._stream, draw, no_color)
        return view

    def _say(self, paragraphs: list[str]) -> None:
        for text in paragraphs:
            if self._view:
                self._view.say(text)
            else:
                write(self._stream, text)  # a message stays on its line, where it can be searched for

    def _tell_progress(self, now: float) -> None:
        """A line for each tenth of the work that is done, but not one upon the other."""
        run = self._narrator.run
        tenths = TENTHS * run.n_done // run.n_jobs if run.n_jobs else 0
        if self._tenths < tenths < TENTHS and now - self._told_at >= LEAST_SECONDS:
            self._tenths, self._told_at = tenths, now
            write(self._stream, sentences.progress(run, now))


def is_terminal(stream: TextIO) -> bool:
    """Whether a stream is a terminal that can be written over."""
    return stream.isatty() and os.environ.get("TERM", "dumb") not in ("dumb", "unknown")


def wrapped(text: str, width: int = WIDTH) -> str:
    """Each line of a text, broken between words; a line that is set in keeps its margin."""
    return "\n".join(
        textwrap.fill(
            line,
            width,
            subsequent_indent=line[: len(line) - len(line.lstrip())],
            break_long_words=False,
            break_on_hyphens=False,
        )
        for line in text.splitlines()
    )


def write(stream: TextIO, text: str) -> None:
    """Write lines, in characters that the stream can show; nothing once nobody reads it."""
    try:
        stream.write(fitting(text, getattr(stream, "encoding", None) or "ascii") + "\n")
        stream.flush()
    except (BrokenPipeError, ValueError):  # closed at the other end, or here
        return
