"""Snakemake's events, as it writes them, one after the other."""

import logging
import time
from collections.abc import Callable
from typing import Any

import pytest

from collapse.terminal import Watched

RECORD = ("snakemake", logging.INFO, "x.py", 1, None, (), None)


class Events:
    """Makes the records of a run in which a second passes with each."""

    def __init__(self) -> None:
        self.now = time.time()

    def record(self, message: str | None = None, level: int = logging.INFO, **fields: Any) -> logging.LogRecord:
        """A record with fields, as Snakemake's queue hands it over."""
        record = logging.LogRecord(*RECORD)
        self.now += 1
        record.__dict__.update({"msg": message or "None", "levelno": level, "created": self.now} | fields)
        return record

    def begin(self, targets: Callable[[], set[str]] = lambda: {"results/tiny/report.html"}, **stats: int) -> list:
        """What comes before the first job."""
        watched = Watched("tiny", 2, 9, 0, "results/tiny/report.html", targets)
        return [
            self.record("Assuming unrestricted shared filesystem usage."),
            self.record(watched=watched),
            self.record("Workflow has started!", event="workflow_started"),
            self.record("Building DAG of jobs..."),
            *([self.record("Job stats:\n…", event="run_info", stats=stats)] if stats else []),
        ]

    def job(self, number: int, rule: str = "train", log: str = "", generation: int = 1) -> logging.LogRecord:
        """A job is started."""
        return self.record(
            event="job_info",
            jobid=number,
            rule_name=rule,
            wildcards={"strategy": "replace", "seed": "0", "generation": str(generation)},
            output=[f"results/tiny/{number}"],
            log=[log] if log else [],
            shellcmd=f"\n   python -m collapse {rule} --number {number} &>{log}\n   ",
        )

    def finished(self, number: int) -> logging.LogRecord:
        """It has finished."""
        return self.record(f"Finished jobid: {number}", event="job_finished", job_id=number)

    def failed(self, number: int, status: int, log: str, rule: str = "train") -> list[logging.LogRecord]:
        """It has failed: first what its shell did, then the job."""
        job = self.job(number, rule, log)
        shell = f"RuleException:\nCalledProcessError in file \"x.smk\", line 3:\nCommand '{job.__dict__['shellcmd']}'"
        return [
            self.record(
                f"{shell} returned non-zero exit status {status}.", 40, event="error", exception="RuleException"
            ),
            self.record(**(job.__dict__ | {"event": "job_error", "levelno": 40, "indent": False, "rule_msg": None})),
        ]

    def end(self, success: bool = True) -> list[logging.LogRecord]:
        """What comes after the last job."""
        failure = "WorkflowError:\nAt least one job did not complete successfully."
        return [
            *([] if success else [self.record("Exiting because a job execution failed. Look above", 40)]),
            self.record("Complete log(s): .snakemake/log/now.log"),
            self.record("Elapsed time: 0:01:00"),
            *([] if success else [self.record(failure, 40, event="error", exception="WorkflowError")]),
        ]


@pytest.fixture
def events() -> Events:
    return Events()
