"""What work costs: by the clock, and in CPU seconds of every process that did it."""

import importlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from collapse.running.job_shell import ALLOCATOR

ROOT = Path(__file__).parents[2]

ONE_THREAD: Mapping[str, str] = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Environment of a contestant that computes on one core."""

JOB: Mapping[str, str] = {**ONE_THREAD, **{name: str(value) for name, value in ALLOCATOR.items()}}
"""Environment of this project's jobs."""


CENSUS = Path(__file__).with_name("census.py")

NOT_INHERITED = ("PYTHONPATH", "COLLAPSE_FORK_SERVER")
"""Variables that would make a contestant other than what it is."""


@dataclass(frozen=True)
class Cost:
    """What some work took.

    Attributes:
        amount: How much was done, in the benchmark's own unit: tokens, replicates, runs.
        seconds: By the clock.
        cpu_seconds: User and system time of all processes.
        peak_megabytes: Most memory that one process held.
    """

    amount: float
    seconds: float
    cpu_seconds: float
    peak_megabytes: float


class Stopwatch:
    """Times a part of this process's work, all its threads included."""

    def __init__(self) -> None:
        self._seconds, self._cpu_seconds = time.monotonic(), time.process_time()

    def cost(self, amount: float) -> Cost:
        """What was done since the stopwatch was made."""
        seconds, cpu_seconds = time.monotonic() - self._seconds, time.process_time() - self._cpu_seconds
        return Cost(amount, seconds, cpu_seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def of_command(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], amount: float = 1.0, log: Path | None = None
) -> Cost:
    """The cost of a command, with all processes that it starts, from its start until it has returned.

    Args:
        command: The command.
        folder: Where it runs.
        environment: Variables it gets besides this process's own.
        amount: How much it does.
        log: Where what it prints is kept.

    Raises:
        RuntimeError: It failed, or left a process running; the end of what it printed follows.
    """
    inherited = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
    with tempfile.TemporaryDirectory() as temporary:
        found, printed = Path(temporary, "cost.json"), log or Path(temporary, "log")
        census = [sys.executable, str(CENSUS), str(found), *command]
        with printed.open("w") as file:
            done = subprocess.run(
                census, cwd=folder, env=inherited | dict(environment), stdout=file, stderr=file, check=False
            )
        if done.returncode:
            end = printed.read_text(errors="replace")[-3000:]
            raise RuntimeError(f"{' '.join(command)}\n  ended with status {done.returncode}:\n{end}")
        return Cost(amount, **json.loads(found.read_text()))


def inside_fresh_process(
    measure: Callable[..., Cost], environment: Mapping[str, str], **arguments: float | str | None
) -> Cost:
    """The cost that a function finds in a Python of its own; what it does before it looks at a clock costs nothing but
    memory.

    Args:
        measure: A function of a module of this package.
        environment: Variables it gets besides this process's own.
        arguments: Its arguments.
    """
    with tempfile.TemporaryDirectory() as temporary:
        found = Path(temporary, "cost.json")
        called = [measure.__module__, measure.__name__, json.dumps(arguments), str(found)]
        paths = {"PYTHONPATH": f"{ROOT / 'workflow'}:{ROOT / 'tests'}"}
        whole = of_command([sys.executable, "-m", "benchmarks.costs", *called], ROOT, paths | dict(environment))
        return replace(Cost(**json.loads(found.read_text())), peak_megabytes=whole.peak_megabytes)


def _measure(module: str, function: str, arguments: str, found: str) -> None:
    cost = getattr(importlib.import_module(module), function)(**json.loads(arguments))
    Path(found).write_text(json.dumps(asdict(cost)))


if __name__ == "__main__":
    _measure(*sys.argv[1:])
    # Taking a process apart that has imported vLLM would cost another five seconds.
    os._exit(0)
