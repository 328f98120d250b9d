"""What the Snakefile knows of a run and Snakemake's events do not tell."""

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Watched:
    """A run of an experiment.

    Attributes:
        experiment: Its name.
        generations: How many its loop has; 0 without one.
        n_arms: Arms of the loop, those of generation 0 among them.
        n_worlds: Closed-form worlds.
        report: Path of its report.
        targets: Asked at the end: the files that were asked for.
    """

    experiment: str
    generations: int
    n_arms: int
    n_worlds: int
    report: str
    targets: Callable[[], Collection[str]]


def announce(logger: logging.Logger, watched: Watched) -> None:
    """Let a screen know what is run. Other handlers print nothing of it: it has no message."""
    logger.info(None, extra={"watched": watched})


def takes_over(workflow: Any) -> bool:
    """Whether a screen tells the user why a job failed, so that the job's shell need not."""
    return any(getattr(handler, "takes_over", False) for handler in workflow.logger_manager.get_log_handlers())
