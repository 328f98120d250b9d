"""What real runs print."""

import re

from conftest import OUTPUT

MOST_LINES = 40
REPORT = "Report: results/tiny/report.html"


def test_a_run_prints_a_few_lines_into_a_pipe_and_last_its_report(finished):
    printed = (finished.folder / OUTPUT).read_text()
    lines = printed.splitlines()
    assert len(lines) <= MOST_LINES
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", printed)
    assert re.fullmatch(r"Done: \d+ jobs in [\d:]+\.", lines[-3 - _answer_lines(lines)])
    assert lines[-1] == REPORT


def _answer_lines(lines: list[str]) -> int:
    """Lines of the answer, less one."""
    return len(lines) - 3 - next(number for number, line in enumerate(lines) if line.startswith("Done: "))


def test_the_last_lines_answer_as_the_report_does(finished):
    printed = " ".join((finished.folder / OUTPUT).read_text().split())
    assert "Undecided, because two seeds can agree by luck" in printed
    assert re.search(r"differs from that of real \(the control\) by [+−]\d\.\d+ with (replace|verified)", printed)


def test_without_any_option_it_runs_on_all_cores_and_says_that_nothing_is_left_to_do(finished):
    lines = finished.snakemake().stdout.splitlines()
    (done,) = [number for number, line in enumerate(lines) if line.startswith("Nothing to be done")]
    assert done <= 1 and lines[-1] == REPORT


def test_on_a_cluster_the_cores_of_this_machine_limit_nothing(finished):
    options = ("--profile", "slurm", "--set-threads", "contrast=999", "--forcerun", "contrast")
    printed = finished.snakemake("-n", *options, "--", "results/tiny/contrasts.parquet").stdout
    assert "threads: 999" in printed
    assert "reason: Forced execution" in printed
