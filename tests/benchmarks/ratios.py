"""From rounds to ratios, and their tables. Pure, but for reading and writing files."""

import csv
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq
from tabulate import tabulate

from collapse.running.files import written_at_once


@dataclass(frozen=True)
class Round:
    """One contestant in one round of a benchmark; a row of `rounds.parquet`.

    Attributes:
        name: The benchmark.
        contestant: Who worked.
        ours: Whether this project did.
        round: Number of the round, from 0; contestants of a round were measured one after another.
        amount: How much was done.
        seconds: By the clock.
        cpu_seconds: User and system time of all processes.
        peak_megabytes: Most memory that one process held.
        counted: Which of the two the benchmark compares.
        measured: When, in UTC.
        machine: On what.
    """

    name: str
    contestant: str
    ours: bool
    round: int
    amount: float
    seconds: float
    cpu_seconds: float
    peak_megabytes: float
    counted: Literal["seconds", "cpu_seconds"]
    measured: str
    machine: str

    @property
    def price(self) -> float:
        """Seconds for one unit of what is done."""
        return (self.seconds if self.counted == "seconds" else self.cpu_seconds) / self.amount


@dataclass(frozen=True)
class Ratio:
    """What a benchmark found; a row of `ratios.parquet`.

    Attributes:
        name: The benchmark.
        ratio: Median over rounds.
        low: Smallest round.
        high: Largest round.
        unit: What the numbers are.
        compared: Whom, at what.
    """

    name: str
    ratio: float
    low: float
    high: float
    unit: str
    compared: str


Row = TypeVar("Row", Round, Ratio)

Found = tuple[float, float, float]
"""Median, smallest and largest over rounds."""

Reading = Callable[[Sequence[Round]], Found]
"""How the rounds of a benchmark become its number: `times_faster`, `share` or `share_left`."""


def times_faster(rounds: Sequence[Round]) -> Found:
    """How many times ours is faster than the fastest of the others, which is the one of the lowest median price."""
    ours, others = _prices(rounds)
    fastest = min(others.values(), key=statistics.median)
    return _over_rounds(theirs / mine for mine, theirs in zip(ours, fastest, strict=True))


def share(rounds: Sequence[Round]) -> Found:
    """Share of our price that the others, which are parts of it, account for."""
    ours, others = _prices(rounds)
    parts = zip(*others.values(), strict=True)
    return _over_rounds(sum(part) / whole for whole, part in zip(ours, parts, strict=True))


def share_left(rounds: Sequence[Round]) -> Found:
    """Share of our price that none of its parts accounts for."""
    median, low, high = share(rounds)
    return 1 - median, 1 - high, 1 - low


def _prices(rounds: Sequence[Round]) -> tuple[list[float], dict[str, list[float]]]:
    """Prices round by round: ours, and each other contestant's."""
    ours, others = list[float](), dict[str, list[float]]()
    for one in sorted(rounds, key=lambda one: one.round):
        (ours if one.ours else others.setdefault(one.contestant, [])).append(one.price)
    return ours, others


def _over_rounds(ratios: Iterable[float]) -> Found:
    found = list(ratios)
    return statistics.median(found), min(found), max(found)


def merged(old: list[Row], new: list[Row]) -> list[Row]:
    """Rows of the benchmarks that were measured now take the place of theirs of before; all others stay."""
    names = {row.name for row in new}
    return [row for row in old if row.name not in names] + new


def read(path: Path, kind: type[Row]) -> list[Row]:
    """The rows of a table; none if it is not there yet."""
    return [kind(**row) for row in pq.read_table(path).to_pylist()] if path.is_file() else []


def write(path: Path, rows: Sequence[Round] | Sequence[Ratio]) -> None:
    """Write a table in one step."""
    with written_at_once(path) as partial:
        pq.write_table(pa.Table.from_pylist([asdict(row) for row in rows]), partial)


def write_csv(path: Path, ratios: Sequence[Ratio]) -> None:
    """Write ratios for the README, to three digits."""
    with written_at_once(path) as partial, partial.open("w", newline="") as file:
        rows = csv.DictWriter(file, list(Ratio.__annotations__), lineterminator="\n")
        rows.writeheader()
        rows.writerows(asdict(one) | {key: digits(getattr(one, key)) for key in NUMBERS} for one in ratios)


NUMBERS = ("ratio", "low", "high")


def digits(value: float) -> str:
    """Three significant digits, never as a power of ten."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:#.3g}".rstrip(".")


def ratio_table(ratios: Sequence[Ratio]) -> str:
    """Ratios for a reader."""
    rows = [[one.name, *(digits(getattr(one, key)) for key in NUMBERS), one.unit, one.compared] for one in ratios]
    headers = ["name", *NUMBERS, "unit", "compared"]
    widths = [None] * 5 + [60]
    return tabulate(rows, headers, disable_numparse=True, maxcolwidths=widths)


COSTS = ("amount", "cpu_seconds", "seconds", "peak_megabytes")


def cost_table(rounds: Sequence[Round]) -> str:
    """What each contestant took, medians over rounds."""
    rows = [
        [name, contestant, len(of), *(digits(_median(of, key)) for key in COSTS)]
        for (name, contestant), of in _by_contestant(rounds).items()
    ]
    headers = ["name", "contestant", "rounds", "amount", "CPU s", "s by the clock", "peak MB"]
    return tabulate(rows, headers, disable_numparse=True)


def _by_contestant(rounds: Sequence[Round]) -> dict[tuple[str, str], list[Round]]:
    found = dict[tuple[str, str], list[Round]]()
    for one in rounds:
        found.setdefault((one.name, one.contestant), []).append(one)
    return found


def _median(rounds: Sequence[Round], key: str) -> float:
    return statistics.median(getattr(one, key) for one in rounds)
