"""Events in, sentences out."""

import pytest

from collapse.terminal.narrator import Narrator

PAGE = '<p class="answer">Loss is higher with <span class="strategy">replace</span> (+0.5) &amp; so\non.</p>'


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with a report."""
    monkeypatch.chdir(tmp_path)
    report = tmp_path / "results/tiny/report.html"
    report.parent.mkdir(parents=True)
    report.write_text(f"<html>{PAGE}<p>other</p></html>")
    return tmp_path


def told(records, events) -> list[str]:
    narrator = Narrator()
    return [*(text for record in records for text in narrator.take(record)), *narrator.end(events.now)]


def test_a_run_ends_with_its_answer_and_its_report(events, project):
    records = events.begin(train=3, all=1, total=4)
    records += [record for n in range(3) for record in (events.job(n), events.finished(n))]
    assert told([*records, *events.end()], events) == [
        "tiny: 3 jobs to run: 3 train",
        "Done: 3 jobs in 0:07.",
        "Loss is higher with replace (+0.5) & so on.",
        "Report: results/tiny/report.html",
    ]


def test_what_was_asked_for_is_named_where_it_is_not_the_report(events, project):
    records = [*events.begin(lambda: {"results/tiny/metrics.parquet"}, train=1), events.job(1), events.finished(1)]
    assert told([*records, *events.end()], events)[-1] == "Made: results/tiny/metrics.parquet"


def test_nothing_to_be_done_is_one_sentence_and_the_report(events, project):
    records = [*events.begin(), events.record("Nothing to be done (all requested files are present).")]
    lines = told(records, events)
    assert lines[0].startswith("Nothing to be done") and lines[-1] == "Report: results/tiny/report.html"


def test_a_failed_job_is_told_by_its_sentence_and_its_log(events, project):
    (project / "train.log").write_text("reading\nContractError: x: is cut off.\n  Run it again.\n")
    records = [*events.begin(train=2), events.job(1, log="train.log"), *events.failed(1, 1, "train.log")]
    lines = told([*records, *events.end(success=False)], events)
    assert lines[1].splitlines() == [
        "train of replace, seed 0, generation 1 failed:",
        "  ContractError: x: is cut off.",
        "    Run it again.",
        "  Its log: train.log",
    ]
    assert lines[2].startswith("1 job failed; 0 of 2 jobs done. What is finished is kept: run snakemake again")
    assert lines[3:] == ["All that Snakemake said: .snakemake/log/now.log"]


def test_the_failures_of_two_jobs_at_once_are_not_mixed_up(events, project):
    (project / "a.log").write_text("")
    records = [*events.begin(train=2), events.job(1, log="a.log"), events.job(2, log="b.log")]
    first, second = events.failed(1, 137, "a.log"), events.failed(2, 3, "b.log")
    lines = told([*records, first[0], second[0], second[1], first[1]], events)
    assert "exit status 3" in lines[1] and "memory" not in lines[1]
    assert "was killed (signal 9)" in lines[2]


def test_ctrl_c_is_said_once_whatever_jobs_it_reached(events, project):
    (project / "a.log").write_text("MachineError: Stopped by SIGINT (Ctrl-C).\n")
    records = [*events.begin(train=2), events.job(1, log="a.log"), *events.failed(1, 130, "a.log")]
    records += [events.record("Terminating processes on user request, this might take some time.")]
    lines = told([*records, *events.end(success=False)], events)
    assert [line for line in lines if "Ctrl-C" in line] == [lines[1]]
    assert lines[1].startswith("Stopped by Ctrl-C; 0 of 2 jobs done.")


def test_a_run_that_is_asked_to_stop_says_so_once(events, project):
    records = [*events.begin(train=2), events.job(1, log="a.log"), *events.failed(1, 143, "a.log")]
    records += [events.record("Will exit after finishing currently running jobs (scheduler).") for _ in range(2)]
    lines = told([*records, *events.end(success=False)], events)
    assert lines[1:3] == ["Asked to stop: what runs is finished first.", lines[2]]
    assert lines[2].startswith("Stopped as asked; 0 of 2 jobs done.")


def test_a_job_that_somebody_interrupted_says_so(events, project):
    (project / "a.log").write_text("MachineError: Stopped by SIGINT (Ctrl-C).\n")
    records = [*events.begin(train=2), events.job(1, log="a.log"), *events.failed(1, 130, "a.log")]
    assert any("Stopped by SIGINT" in line for line in told([*records, *events.end(success=False)], events))


def test_a_job_that_is_tried_again_and_succeeds_is_no_failure(events, project):
    records = [*events.begin(train=1), events.job(1, log="a.log"), *events.failed(1, 1, "a.log")]
    records += [events.record("Trying to restart job 1."), events.job(1), events.finished(1), *events.end()]
    lines = told(records, events)
    assert "train of replace, seed 0, generation 1 is tried again." in lines
    assert lines[-1] == "Report: results/tiny/report.html"


def test_a_refused_config_is_told_without_what_snakemake_adds(events):
    text = (
        'WorkflowError in file "/x/common.smk", line 31:\ngenerations: is 0.\n  Set 1.\n  File "/x.smk", line 3, in f'
    )
    records = [
        events.record("Assuming unrestricted"),
        events.record(text, 40, event="error", exception="WorkflowError"),
    ]
    assert told(records, events) == ["generations: is 0.\n  Set 1."]


def test_an_error_that_nobody_foresaw_is_told_whole(events):
    text = 'Traceback (most recent call last):\n  File "x.py", line 1, in f\nKeyError: 1'
    assert told([events.record(text, 40, event="error", exception="KeyError")], events) == [text]


def test_a_job_without_its_output_ends_the_run_with_what_is_done(events, project):
    text = "MissingOutputException in rule train:\nJob 1 completed successfully, but some output files are missing."
    records = [*events.begin(train=2), events.job(1)]
    records += [events.record(text, 40, event="error", exception="MissingOutputException"), *events.end(success=False)]
    lines = told(records, events)
    assert lines[1] == text and lines[2].startswith("The run stopped before its end; 0 of 2 jobs done.")


def test_a_run_that_is_refused_before_its_first_job_says_no_more_than_why(events):
    records = events.begin(train=2)
    records += [events.record("WorkflowError:\nNo such partition.", 40, event="error", exception="WorkflowError")]
    assert told([*records, *events.end()], events)[1:] == ["No such partition."]


def test_a_second_run_is_told_of_the_first(events):
    records = [*events.begin(), events.record("LockException:\n…", 40, event="error", exception="LockException")]
    (line,) = told(records, events)
    assert line.startswith("results/tiny cannot be locked: another run")


def test_a_warning_is_told_once(events):
    records = [events.record("The clock was moved back.", 30) for _ in range(3)]
    assert told(records, events) == ["Warning: The clock was moved back."]


def test_what_is_no_run_is_left_in_snakemakes_words(events):
    assert told([events.record("Unlocked working directory.")], events) == ["Unlocked working directory."]


def test_a_slurm_job_of_several_steps_is_told_once(events, project):
    (project / "train.log").write_text("MachineError: Memory ran out.\n")
    (project / "mix.log").write_text("all well\n")
    steps = [{"jobid": n, "rule_name": rule, "log": [f"{rule}.log"]} for n, rule in enumerate(("mix", "train"))]
    records = [*events.begin(mix=1, train=1), *(events.job(n) for n in range(2))]
    records += [events.record(event="group_error", levelno=40, job_error_info=steps, aux_logs=["slurm.log"])]
    step = {"event": "job_error", "indent": True, "jobid": 1, "rule_name": "train", "log": [], "shellcmd": ""}
    told_of = told([*records, events.record(**step)], events)
    assert told_of[1].splitlines() == [
        "Slurm job of replace, seed 0, generation 1 failed:",
        "  MachineError: Memory ran out.",
        "  Its log: train.log, slurm.log",
    ]
    assert told_of[2].startswith("1 job failed; ")
