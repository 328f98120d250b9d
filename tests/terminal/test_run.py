"""The state of a run, and what it says of the time that is left."""

import pytest

from collapse.terminal import Watched, sentences
from collapse.terminal.run import Job, Run


@pytest.fixture
def run() -> Run:
    """8 trainings of 10 s and 8 evaluations of 2 s, two jobs at once, that begin at 100 s."""
    run = Run(lambda job: 500 if job.rule == "train" else 0)
    run.watched = Watched("tiny", 4, 9, 0, "results/tiny/report.html", set)
    run.plan({"train": 8, "evaluate": 8, "all": 1, "total": 17})
    return run


def advance(run: Run, rule: str, number: int, began: float, seconds: float, generation: int = 1) -> None:
    wildcards = {"strategy": "replace", "seed": "0", "generation": str(generation)}
    run.start(number, Job(rule, wildcards, began=began))
    if seconds:
        run.finish(number, began + seconds)


def test_rules_that_make_nothing_do_not_count(run):
    assert (run.n_jobs, run.n_done) == (16, 0)


def test_the_time_left_is_the_runs_own(run):
    for number in range(2):
        advance(run, "train", number, 100, 10)
        advance(run, "evaluate", 10 + number, 110, 2)
    assert run.seconds_left(112) == pytest.approx((6 * 10 + 6 * 2) / 2)


def test_what_runs_has_part_of_its_time_behind_it(run):
    for number in range(2):
        advance(run, "train", number, 100, 10)
        advance(run, "evaluate", 10 + number, 110, 2)
        advance(run, "train", 20 + number, 112, 0)
    assert run.seconds_left(117) == pytest.approx((6 * 10 + 6 * 2 - 2 * 5) / 2)


def test_a_rule_that_has_not_run_yet_counts_as_the_others_do(run):
    for number in range(4):
        advance(run, "train", number, 100 + 10 * (number // 2), 10)
    assert run.seconds_left(120) == pytest.approx((4 * 10 + 8 * 10) / 2)


def test_two_jobs_say_nothing_about_the_time_left(run):
    advance(run, "train", 0, 100, 10)
    advance(run, "train", 1, 100, 10)
    assert run.seconds_left(110) is None


def test_arms_of_earlier_runs_are_done_too(run):
    assert run.arms_done == 1
    advance(run, "evaluate", 0, 100, 2)
    assert run.arms_done == 2


def test_the_generation_is_the_newest_that_is_sampled_for(run):
    advance(run, "train", 0, 100, 10, generation=4)
    assert run.generation == 4
    run.generation = 0
    run.plan({"generate": 2, "train": 8})
    advance(run, "train", 1, 100, 10, generation=4)  # the control's, which waits for nothing
    advance(run, "generate", 2, 100, 10, generation=2)
    assert run.generation == 2


def test_tokens_are_those_that_finished_jobs_trained_on(run):
    advance(run, "train", 0, 100, 10)
    advance(run, "train", 1, 100, 0)
    assert run.tokens_per_second(125) == 500 / 25


def test_progress_in_words(run):
    for number in range(2):
        advance(run, "train", number, 100, 10)
        advance(run, "evaluate", 10 + number, 110, 2)
    assert sentences.progress(run, 112) == (
        "25 %: 4 of 16 jobs, generation 1 of 4, 3 of 9 arms measured; "
        "0:12, about 35 s left, 83 tokens trained per second"
    )


@pytest.mark.parametrize(
    ("seconds", "clock", "roughly"),
    [(7, "0:07", "5 s"), (61, "1:01", "1 min"), (3_723, "1:02:03", "62 min"), (9_000, "2:30:00", "2.5 h")],
)
def test_times_in_words(seconds, clock, roughly):
    assert (sentences.clock(seconds), sentences.roughly(seconds)) == (clock, roughly)
