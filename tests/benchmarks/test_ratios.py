"""How rounds become ratios and tables; and that a cost counts every process."""

import csv
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from benchmarks import costs, ratios
from benchmarks.contest import Benchmark, Contest, Contestants
from benchmarks.costs import Cost, of_command
from benchmarks.ratios import Ratio, Round, share, share_left, times_faster

ROUND = Round("speed", "mine", True, 0, 10.0, 4.0, 2.0, 99.0, "cpu_seconds", "2026-11-25T00:00:00+00:00", "a machine")


def rounds(prices: dict[str, list[float]]) -> list[Round]:
    """Rounds whose first contestant is ours; amounts differ, so that only prices can be right."""
    return [
        replace(ROUND, contestant=name, ours=not other, round=number, amount=amount, cpu_seconds=amount * price)
        for other, (name, of_one) in enumerate(prices.items())
        for number, price in enumerate(of_one)
        for amount in (7.0 + other,)
    ]


def test_a_ratio_is_the_median_of_the_rounds_between_the_smallest_and_the_largest():
    assert times_faster(rounds({"mine": [1, 2, 2], "theirs": [3, 4, 8]})) == pytest.approx((3, 2, 4))


def test_rounds_are_paired_by_their_number_not_by_their_place_in_the_table():
    found = rounds({"mine": [1, 2, 4], "theirs": [2, 4, 8]})
    assert times_faster(found[::-1]) == pytest.approx((2, 2, 2))


def test_of_several_others_the_one_with_the_lowest_median_price_is_compared_in_every_round():
    assert times_faster(rounds({"mine": [1, 1, 1], "slow": [1, 9, 9], "fast": [5, 4, 3]})) == pytest.approx((4, 3, 5))


def test_seconds_by_the_clock_are_compared_where_they_count():
    mine, theirs = (replace(one, counted="seconds") for one in rounds({"mine": [1], "theirs": [1]}))
    assert times_faster([replace(mine, seconds=7.0), replace(theirs, seconds=24.0)]) == pytest.approx((3, 3, 3))


def test_a_share_is_what_all_parts_take_of_the_whole():
    parts = rounds({"all": [10, 20], "one part": [1, 4], "another": [2, 6]})
    assert share(parts) == pytest.approx((0.4, 0.3, 0.5))
    assert share_left(parts) == pytest.approx((0.6, 0.5, 0.7))


def test_a_contestant_without_one_of_the_rounds_is_refused():
    with pytest.raises(ValueError, match="zip"):
        times_faster(rounds({"mine": [1, 2], "theirs": [3]}))


def test_a_benchmark_reads_its_own_rounds_only_and_says_what_they_are():
    benchmark = Benchmark("speed", "mine", ("theirs",), "times", "us against them")
    measured = benchmark.rounds(
        0, {"mine": Cost(1, 9, 2, 0), "theirs": Cost(2, 9, 12, 0), "a stranger": Cost(1, 1, 1, 0)}
    )
    assert {one.contestant for one in measured} == {"mine", "theirs"}
    others = [replace(one, name="another", cpu_seconds=1.0) for one in measured]
    assert benchmark.ratio(others + measured) == Ratio("speed", 3, 3, 3, "times", "us against them")


def test_only_those_who_are_needed_work_once_a_round_in_turn(tmp_path):
    worked = list[tuple[str, int]]()

    @contextmanager
    def prepared(_folder: Path, _small: bool) -> Iterator[Contestants]:
        def contestant(name: str) -> Callable[[int], Cost]:
            return lambda number: worked.append((name, number)) or Cost(1, 1, 1, 0)

        yield {name: contestant(name) for name in ("mine", "theirs", "a stranger")}

    against = partial(Benchmark, ours="mine", unit="times", compared="")
    benchmarks = [against(f"against {name}", others=(name,)) for name in ("theirs", "theirs", "a stranger")]
    contest = Contest((benchmarks[0], replace(benchmarks[1], name="again"), benchmarks[2]), prepared, 9, 0)
    found = list(contest.run({"against theirs", "again"}, 2, tmp_path, False))
    assert worked == [("mine", 0), ("theirs", 0), ("mine", 1), ("theirs", 1)]
    assert [{row.name for row in rows} for rows in found] == [{"against theirs", "again"}] * 2


def test_the_ratio_can_be_computed_again_from_the_kept_rounds(tmp_path):
    measured = rounds({"mine": [1, 2, 2], "theirs": [3, 4, 8]})
    ratios.write(tmp_path / "rounds.parquet", measured)
    assert times_faster(ratios.read(tmp_path / "rounds.parquet", Round)) == times_faster(measured)


def test_a_benchmark_measured_anew_takes_its_own_place_and_no_others(tmp_path):
    path = tmp_path / "ratios.parquet"
    assert ratios.read(path, Ratio) == []
    old = [Ratio(name, 1, 1, 1, "times", "") for name in ("a", "b")]
    new = [Ratio(name, 2, 2, 2, "times", "") for name in ("b", "c")]
    ratios.write(path, ratios.merged(old, new))
    assert [(one.name, one.ratio) for one in ratios.read(path, Ratio)] == [("a", 1), ("b", 2), ("c", 2)]


def test_the_published_table_has_three_digits_and_the_columns_that_the_readme_reads(tmp_path):
    ratios.write_csv(tmp_path / "benchmarks.csv", [Ratio("speed", 1.23456, 0.98765, 41.26, "times", "a, against b")])
    with (tmp_path / "benchmarks.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert list(row) == ["name", "ratio", "low", "high", "unit", "compared"]
    assert list(row.values()) == ["speed", "1.23", "0.988", "41.3", "times", "a, against b"]


@pytest.mark.parametrize(
    ("value", "written"), [(0.01234, "0.0123"), (2, "2.00"), (99.96, "100"), (123.4, "123"), (12_345, "12345")]
)
def test_three_digits_are_written_and_never_a_power_of_ten(value, written):
    assert ratios.digits(value) == written


def test_tables_name_every_benchmark_and_contestant():
    measured = rounds({"mine": [1, 2], "theirs": [3, 4]})
    assert ratios.cost_table(measured).splitlines()[2].split() == ["speed", "mine", "2", "7.00", "10.5", "4.00", "99.0"]
    assert "us against them" in ratios.ratio_table([Ratio("speed", 1, 1, 1, "times", "us against them")])


ABANDONS = """
import os, subprocess, sys, time
busy = "import time\\nwhile time.process_time() < 0.4: pass"
if os.fork() == 0:
    os.setsid()
    subprocess.Popen([sys.executable, "-c", busy])
    os._exit(0)
"""


def test_a_cost_holds_the_time_of_processes_that_were_abandoned(tmp_path):
    cost = of_command([sys.executable, "-c", ABANDONS], tmp_path, {}, amount=3)
    assert cost.amount == 3
    assert 0.4 < cost.cpu_seconds < 2


def test_a_process_that_does_not_end_is_named_and_killed(tmp_path, monkeypatch):
    census = tmp_path / "census.py"
    program = (costs.ROOT / "tests/benchmarks/census.py").read_text()
    census.write_text(program.replace("PATIENCE_SECONDS = 60.0", "PATIENCE_SECONDS = 0.2"))
    monkeypatch.setattr(costs, "CENSUS", census)
    with pytest.raises(RuntimeError, match=r"1 process\(es\) outlived it: sleep 77"):
        of_command(["bash", "-c", "sleep 77 & disown"], tmp_path, {})


def test_a_command_that_fails_says_what_it_printed(tmp_path):
    fails = textwrap.dedent("import sys; print('no such luck'); sys.exit(3)")
    with pytest.raises(RuntimeError, match="status 3:\nno such luck"):
        of_command([sys.executable, "-c", fails], tmp_path, {})
