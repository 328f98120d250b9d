"""Refuses a plan that cannot be carried out: without end, with too many jobs, too large for memory or disk.

Every message names the setting that is furthest above what is usual, the estimate, the limit, and the way out.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from collapse.config import Plan
from collapse.config.base import gibibytes
from collapse.errors import ConfigError, EngineError
from collapse.experiment import sizes
from collapse.experiment.sizes import DOUBT, MOST_INPUTS, MOST_JOBS, Factor, Loop, StageSize


@dataclass(frozen=True)
class Limit:
    """What a job may take, in bytes, and who says so."""

    n_bytes: float
    said_by: str


UNKNOWN = Limit(math.inf, "")


def refuse_endless(loop: Loop) -> None:
    """Refuse a budget that goes round the real text again and again, or that pays for no document.

    Raises:
        ConfigError: It does.
    """
    asked, most = _asked(sizes.blamed(loop.spent)), loop.plan.budget.max_passes
    if loop.passes > most:
        raise ConfigError(
            f"{asked}, which comes to about {_number(loop.passes)} passes through the real training text, more than "
            f"budget.max_passes {_number(most)}.\n  Lower it; if so many are meant, raise budget.max_passes."
        )
    if loop.paid < 1:
        raise ConfigError(f"{asked}, which pays for less than one document.\n  Raise it.")


def refuse_too_many_jobs(plan: Plan) -> None:
    """Refuse more jobs than Snakemake can plan.

    Raises:
        ConfigError: There are more.
    """
    counts = {"strategies": len(plan.strategies), "seeds": len(plan.seeds), "generations": plan.generations}
    repeats = [
        sizes.over(key, counts[key], usual) for key, usual in (("seeds", 20), ("strategies", 20), ("generations", 100))
    ]
    most = max(repeats, key=lambda factor: factor.excess)
    given = f"{most.key}: is {most.value:,}" if most.key == "generations" else f"{most.key}: are {most.value:,}"
    for what, n, limit in (("jobs", sizes.n_jobs, MOST_JOBS), ("inputs of jobs", sizes.n_inputs, MOST_INPUTS)):
        if (found := n(plan)) > limit:
            others = " and ".join(f"{n:,} {key}" for key, n in counts.items() if key != most.key)
            raise ConfigError(
                f"{given}, which with {others} makes {found:,} {what}; Snakemake can plan {limit:,}.\n"
                "  Use fewer, or several experiments, such as one for every few seeds."
            )


def refuse_too_large(
    found: Iterable[StageSize], memory_of: Callable[[str], Limit], free: float, written: Callable[[], float]
) -> None:
    """Refuse what fits neither into memory nor onto the disk.

    Args:
        found: What each kind of job takes.
        memory_of: What a rule's jobs may hold.
        free: Bytes that may still be written.
        written: Bytes that earlier runs have written of it; asked only where the rest would not fit.

    Raises:
        EngineError: A job holds more, or all of them write more.
    """
    found = list(found)
    for size in found:
        limit = memory_of(size.rule)
        if size.peak > DOUBT * limit.n_bytes:
            part = sizes.largest(size.memory)
            raise EngineError(
                f"{_asked(sizes.blamed(part.factors))}, so a job of `{size.rule}` would hold about "
                f"{gibibytes(size.peak)} at once ({part.what}: {gibibytes(part.n_bytes)}), more than {limit.said_by}.\n"
                "  Use less, or run where there is more memory."
            )
    wanted = sum(size.written for size in found)
    if wanted > DOUBT * free and wanted > DOUBT * (free + written()):
        size = max(found, key=lambda one: one.written)
        to_blame = sizes.blamed(sizes.largest(size.disk).factors)
        raise EngineError(
            f"{_asked(to_blame)}, so {size.n_jobs:,} job(s) of `{size.rule}` would leave about "
            f"{gibibytes(size.written)} on the disk, and {gibibytes(free)} are free.\n"
            "  Use less, or make room."
        )


def _asked(factor: Factor) -> str:
    verb = "are" if factor.key in ("seeds", "strategies") else "is"
    return f"{factor.key}: {verb} {_number(factor.value)}"


def _number(value: float) -> str:
    """A number with its thousands apart; one that is too long to read in powers of ten."""
    return f"{value:,.15g}" if value < 1e15 and value == int(value) else f"{value:,.3g}"
