"""Snakemake's events in, sentences for a person out; nothing is printed here."""

import logging
import os
import re
import signal
from collections.abc import Callable, Mapping
from typing import Any

from collapse.terminal import closing, failures, sentences
from collapse.terminal.run import Job, Run

HEAD = re.compile(r"\w+( in file .*, line \d+)?( \(rule \w+, line \d+, .*\))?:$")
"""The line that Snakemake sets before a message of ours."""

TRACE = re.compile(r'  File ".*", line \d+, in .*$')
OURS = frozenset({"WorkflowError", "MissingRuleException", "MissingInputException", "CliException", "ApiError"})
"""Exceptions whose message says all there is to say."""

INTERRUPTED = (128 + signal.SIGINT, 128 + signal.SIGTERM)
"""Exit statuses of a job that was told to stop, perhaps with all of the run."""

BY_CTRL_C = "Stopped by Ctrl-C"
NOTHING = "Nothing to be done"
SAID_AT_CTRL_C = ("Terminating processes on user request", "Cancelling snakemake on user request")
KNOWN_ELSEWHERE = ("Exiting because a job execution failed", "At least one job did not complete successfully")


class Narrator:
    """Turns a run's events into paragraphs, and keeps its state in `run`."""

    def __init__(self, tokens_trained: Callable[[Job], int] = lambda _job: 0) -> None:
        self.run = Run(tokens_trained)
        self.planned = False
        self._started = self._nothing = self._refused = False
        self._stopped = ""
        self._before: list[str] = []
        self._said: set[str] = set()
        self._shells: list[str] = []
        self._jobs: dict[int, Job] = {}
        self._interrupted: list[str] = []
        self._log = ""
        self._events = {
            "workflow_started": self._start,
            "run_info": self._plan,
            "job_info": self._job,
            "job_finished": self._finish,
            "job_error": self._fail,
            "group_error": self._fail_together,
            "error": self._error,
        }

    def take(self, record: logging.LogRecord) -> list[str]:
        """What to say of an event."""
        fields = record.__dict__
        if "watched" in fields:
            self.run.watched = fields["watched"]
            return []
        if take := self._events.get(str(fields.get("event"))):
            return take(fields)
        text = "" if record.msg is None or fields.get("event") else str(record.msg)
        if record.levelno >= logging.WARNING:
            return self._warn(text, record.levelno >= logging.ERROR)
        return self._remark(text)

    def end(self, now: float) -> list[str]:
        """The last paragraphs."""
        run = self.run
        if not self._started:  # Snakemake was asked for something else than a run
            return [] if self._refused else self._before
        if self._nothing:
            return ["Nothing to be done: all that was asked for is there and up to date.", *self._made()]
        if not self.planned or self._refused:
            return []
        if run.n_done < run.n_jobs or run.n_failed:
            last = [f"All that Snakemake said: {self._log}"] if self._log else []
            return [*([] if self._stopped else self._interrupted), sentences.stopped(run, self._stopped), *last]
        return [f"Done: {sentences.jobs(run.n_done)} in {sentences.clock(run.seconds_passed(now))}.", *self._made()]

    def _made(self) -> list[str]:
        watched = self.run.watched
        return closing.came_out(watched.report, watched.targets()) if watched else []

    def _start(self, _fields: Mapping[str, Any]) -> list[str]:
        self._started, self._before = True, []
        return []

    def _plan(self, fields: Mapping[str, Any]) -> list[str]:
        self.run.plan(fields["stats"])
        self.planned = True
        return [sentences.opening(self.run)] if self.run.n_jobs else []

    def _job(self, fields: Mapping[str, Any]) -> list[str]:
        job = Job(
            rule=fields["rule_name"],
            wildcards={key: str(value) for key, value in fields["wildcards"].items()},
            outputs=tuple(map(str, fields["output"])),
            logs=tuple(map(str, fields["log"])),
            command=fields["shellcmd"] or "",
            began=fields["created"],
        )
        self._jobs[fields["jobid"]] = job
        self.run.start(fields["jobid"], job)
        return []

    def _finish(self, fields: Mapping[str, Any]) -> list[str]:
        self.run.finish(fields["job_id"], fields["created"])
        self._jobs.pop(fields["job_id"], None)
        return []

    def _fail(self, fields: Mapping[str, Any]) -> list[str]:
        if fields["indent"]:  # a step of a job of several, which has been told
            return []
        command = (fields["shellcmd"] or "").strip()
        shell = next((said for said in self._shells if command and command in said), "")
        self._shells = [said for said in self._shells if said is not shell]
        status = failures.exit_status(shell)
        told = self._told(self._name(fields), [*map(str, fields["log"])], status, fields.get("rule_msg"))
        self.run.fail(fields["jobid"])
        if status in INTERRUPTED:
            self._interrupted += told
            return []
        return told

    def _fail_together(self, fields: Mapping[str, Any]) -> list[str]:
        """A Slurm job with several steps: what the log of the one that failed says, or else Slurm's own log of it."""
        steps = fields["job_error_info"]
        for step in steps:
            self.run.running.pop(step["jobid"], None)
        self.run.n_failed += 1
        logs = [str(path) for step in steps for path in step["log"]]
        telling = [*filter(failures.names_an_error, logs), *map(str, fields["aux_logs"])]
        first = self._name(steps[0]).partition(" of ")[2] if steps else ""
        name = f"Slurm job of {first or ', '.join(str(step['rule_name']) for step in steps)}"
        return self._told(name, telling, None, fields.get("rule_msg"))

    def _name(self, fields: Mapping[str, Any]) -> str:
        job = self._jobs.get(fields["jobid"])
        return job.name if job else str(fields["rule_name"])

    def _told(self, name: str, logs: list[str], status: int | None, message: str | None) -> list[str]:
        lines = [f"{name} failed:", *([str(message)] if message else []), *failures.reasons(logs, status)]
        lines += [f"Its log: {', '.join(logs)}"] if logs else []
        return ["\n".join([lines[0], *(f"  {line}" for text in lines[1:] for line in text.splitlines())])]

    def _error(self, fields: Mapping[str, Any]) -> list[str]:
        """What Snakemake raised; the failure of a job's shell waits for the job that it belongs to."""
        text = str(fields["msg"])
        if "CalledProcessError" in text:
            self._shells.append(text)
            return []
        if fields["exception"] == "KeyboardInterrupt" or any(known in text for known in SAID_AT_CTRL_C):
            self._stopped = BY_CTRL_C
            return [] if self.planned else [f"{BY_CTRL_C}, before anything was run."]
        if any(known in text for known in KNOWN_ELSEWHERE):
            return []
        self._refused = self.run.began is None
        return [_message(text, fields["exception"], self._experiment())]

    def _warn(self, text: str, is_error: bool) -> list[str]:
        if not text or text in self._said or any(known in text for known in KNOWN_ELSEWHERE):
            return []
        self._said.add(text)
        return [text if is_error else f"Warning: {text}"]

    def _remark(self, text: str) -> list[str]:
        """What Snakemake says by the way: little of it is for a person, and all of it is in its log."""
        if not self._started:
            self._before += [text] if text else []
            return []
        if text.startswith(NOTHING):
            self._nothing = True
        elif any(known in text for known in SAID_AT_CTRL_C):
            self._stopped = BY_CTRL_C
        elif text.startswith("Will exit after finishing"):
            asked_before, self._stopped = bool(self._stopped), "Stopped as asked"
            return [] if asked_before else ["Asked to stop: what runs is finished first."]
        elif text.startswith("Complete log(s): "):
            self._log = os.path.relpath(text.partition(": ")[2])
        elif again := re.match(r"Trying to restart job (\d+)", text):
            self.run.n_failed -= 1
            job = self._jobs.get(int(again[1]))
            return [f"{job.name if job else 'A job'} is tried again."]
        return []

    def _experiment(self) -> str:
        return f"results/{self.run.watched.experiment}" if self.run.watched else "The results"


def _message(text: str, exception: str, results: str) -> str:
    """The message of an exception without what Snakemake sets round it."""
    if exception == "LockException":
        return (
            f"{results} cannot be locked: another run of this experiment, or of one on the same base model, "
            "is going on in this folder.\n"
            "  Wait for its end; this one has changed nothing."
        )
    lines = text.splitlines()
    if exception in OURS:
        lines = [line for line in lines[bool(HEAD.match(lines[0])) :] if not TRACE.match(line)]
    return "\n".join(lines)
