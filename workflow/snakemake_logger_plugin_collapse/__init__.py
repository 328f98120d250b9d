"""Snakemake's logger plugin `collapse`: what a person sees of a run.

Snakemake finds it by its name and loads it before the Snakefile, so nothing of the package `collapse` is imported here
before the Snakefile has said which `collapse` that is. What is shown, and how, is in `collapse.terminal`.
"""

import logging
import sys
from typing import TYPE_CHECKING

from snakemake.logging import ColorizingTextHandler, DefaultFormatter
from snakemake_interface_logger_plugins.base import LogHandlerBase

if TYPE_CHECKING:
    from collapse.terminal import Screen


class LogHandler(LogHandlerBase):
    """Shows a run; leaves dry runs, and whatever somebody asked for by a flag, in Snakemake's own words."""

    def __post_init__(self) -> None:
        settings = self.common_settings
        asked = settings.dryrun or settings.verbose or settings.printshellcmds or settings.debug_dag or settings.quiet
        self._early: list[logging.LogRecord] = []
        self._taker: Screen | ColorizingTextHandler | None = self._snakemakes_own() if asked else None
        self.takes_over = not asked  # and says why a job failed

    def emit(self, record: logging.LogRecord) -> None:
        """Pass a record on; what comes before the Snakefile has been read waits."""
        try:
            if record.levelno >= logging.ERROR and hasattr(record, "exception"):
                _explain(record)
            if self._taker is None and "collapse.terminal" not in sys.modules:
                self._early.append(record)
            else:
                self._opened().emit(record)
        except Exception:  # whatever is wrong with what is shown, the run goes on
            self.handleError(record)

    def close(self) -> None:
        """Say the last lines."""
        try:
            if self._taker or self._early:
                self._opened().close()
        finally:
            self._taker, self._early = None, []
            super().close()

    def _opened(self) -> "Screen | ColorizingTextHandler":
        if self._taker is None:
            from collapse.terminal import Screen

            self._taker = Screen(sys.stderr, no_color=self.common_settings.nocolor)
            for record in self._early:
                self._taker.emit(record)
        return self._taker

    def _snakemakes_own(self) -> ColorizingTextHandler:
        settings = self.common_settings
        own = ColorizingTextHandler(nocolor=settings.nocolor, stream=sys.stdout if settings.stdout else sys.stderr)
        own.setFormatter(DefaultFormatter(settings.quiet, settings.show_failed_logs))
        return own

    @property
    def writes_to_stream(self) -> bool:
        """It writes to the standard error."""
        return True

    @property
    def writes_to_file(self) -> bool:
        """Snakemake's own log is Snakemake's."""
        return False

    @property
    def has_filter(self) -> bool:
        """What Snakemake filters for `--quiet` is filtered here too."""
        return False

    @property
    def has_formatter(self) -> bool:
        """Snakemake's own words are formatted as Snakemake does."""
        return False

    @property
    def needs_rulegraph(self) -> bool:
        """Jobs are enough."""
        return False


def _explain(record: logging.LogRecord) -> None:
    """Put what is wrong with a config file or the machine in the place of a traceback."""
    is_early = "collapse.terminal" not in sys.modules
    from collapse.terminal import early

    sentence = early.refused_by_the_system(record.getMessage())
    if sentence := sentence or (early.explained(sys.argv[1:]) if is_early else None):
        record.msg, record.args = sentence, ()
