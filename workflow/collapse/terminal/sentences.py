"""A run in words."""

from collapse.running.faults import AGAIN
from collapse.terminal.run import Run

MOST_RULES = 6
"""Rules that are counted by name before a run."""


def opening(run: Run) -> str:
    """What will be run."""
    name = f"{run.watched.experiment}: " if run.watched else ""
    most = run.planned.most_common()
    named = [f"{n} {rule}" for rule, n in most[:MOST_RULES]]
    if rest := sum(n for _, n in most[MOST_RULES:]):
        named.append(f"{rest} other{'' if rest == 1 else 's'}")
    return f"{name}{jobs(run.n_jobs)} to run: {', '.join(named)}"


def progress(run: Run, now: float) -> str:
    """How far it is, and how long it will take."""
    share = f"{100 * run.n_done // max(1, run.n_jobs)} %: {run.n_done} of {jobs(run.n_jobs)}"
    return "; ".join([", ".join([share, *place(run)]), ", ".join(times(run, now))])


def place(run: Run) -> list[str]:
    """Which generation, arms and closed-form worlds it has come to."""
    told = []
    if run.watched and run.generation:
        told.append(f"generation {run.generation} of {run.watched.generations}")
    if run.watched and run.arms_done is not None:
        told.append(f"{run.arms_done} of {run.watched.n_arms} arms measured")
    if run.watched and run.worlds_done is not None:
        told.append(f"{run.worlds_done} of {run.watched.n_worlds} worlds simulated")
    return told


def times(run: Run, now: float) -> list[str]:
    """How long it has taken, how long it will take, how fast it trains."""
    told = [clock(run.seconds_passed(now))]
    if (left := run.seconds_left(now)) is not None:
        told.append(f"about {roughly(left)} left")
    if speed := run.tokens_per_second(now):
        told.append(f"{speed:,.0f} tokens trained per second")
    return told


def stopped(run: Run, why: str = "") -> str:
    """How a run ended that did not come to its end."""
    failed = f"{jobs(run.n_failed)} failed" if run.n_failed else "The run stopped before its end"
    return f"{why or failed}; {run.n_done} of {jobs(run.n_jobs)} done. {AGAIN}"


def jobs(n: int) -> str:
    """`1 job`, `2 jobs`."""
    return f"{n} job{'' if n == 1 else 's'}"


def clock(seconds: float) -> str:
    """`0:07`, `1:02:03`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def roughly(seconds: float) -> str:
    """A time that is only estimated: `40 s`, `5 min`, `2.5 h`."""
    if seconds < 55:
        return f"{max(5, 5 * round(seconds / 5))} s"
    return f"{round(seconds / 60)} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"
