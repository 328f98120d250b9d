"""Snakemake, imported once and forked for every run: importing it takes half of what a dry run takes.

Every run is a process of its own, in its own folder and environment, as from a shell; only the modules of Snakemake and
its plugins are there already. Nothing of this project is.
"""

import atexit
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import IO

BY_ITSELF = "SNAKEMAKE_STARTS_BY_ITSELF"
"""Where this is set, every Snakemake imports itself, as a user's does."""

CHILDREN = {"cpu_seconds": 0.0}
"""What the runs so far have used: they are nobody's children here."""


class Run:
    """A Snakemake that was forked, asked for as a `subprocess.Popen` is."""

    def __init__(self, origin: subprocess.Popen, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._origin = origin

    def poll(self) -> int | None:
        """Its exit status; None while it runs."""
        return self._ask(hang=False)

    def wait(self) -> int | None:
        """Wait for its end."""
        return self._ask(hang=True)

    def kill(self) -> None:
        if self.returncode is None:
            os.kill(self.pid, signal.SIGKILL)

    def _ask(self, hang: bool) -> int | None:
        if self.returncode is None:
            answer = _answer(self._origin, {"pid": self.pid, "hang": hang})
            self.returncode = answer["status"]
            CHILDREN["cpu_seconds"] += answer["cpu_seconds"]
        return self.returncode


def run(arguments: list[str], folder: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess:
    """Run Snakemake to its end; what it and its jobs print is in `stdout`, in the order in which it came."""
    with tempfile.TemporaryFile() as printed:
        status = start(arguments, folder, environment, printed, session=False).wait()
        printed.seek(0)
        return subprocess.CompletedProcess(arguments, status, printed.read().decode(errors="replace"), "")


def start(
    arguments: list[str], folder: Path, environment: Mapping[str, str], printed: IO, session: bool = True
) -> Run | subprocess.Popen:
    """Start Snakemake, in a session of its own where that is asked; what it and its jobs print goes to a file."""
    if BY_ITSELF in os.environ:
        return subprocess.Popen(
            [sys.executable, "-m", "snakemake", *arguments],
            cwd=folder,
            env=environment,
            stdout=printed,
            stderr=printed,
            start_new_session=session,
        )
    wanted = {
        "arguments": arguments,
        "folder": str(folder),
        "environment": dict(environment),
        "printed": f"/proc/{os.getpid()}/fd/{printed.fileno()}",
        "session": session,
    }
    origin = _origin()
    return Run(origin, _answer(origin, wanted)["pid"])


def _answer(origin: subprocess.Popen, question: dict) -> dict:
    assert origin.stdin and origin.stdout
    try:
        origin.stdin.write(json.dumps(question) + "\n")
        origin.stdin.flush()
        return json.loads(origin.stdout.readline())
    except BaseException:  # the test has run out of time: the answer would be taken for the next one's
        origin.kill()
        _origin.cache_clear()
        raise


@cache
def _origin() -> subprocess.Popen:
    """The process that is forked; it ends with this one, because its input does."""
    process = subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(process.kill)
    return process


# --- in the process that is forked ------------------------------------------------------------------------------------


def serve() -> None:
    import snakemake_executor_plugin_slurm  # noqa: F401

    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        question = json.loads(line)
        answer = _ended(**question) if "pid" in question else {"pid": _begun(question)}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _begun(wanted: dict) -> int:
    """The process of the Snakemake that is wanted, which has opened what it prints to."""
    ready, told = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ready)
        _be(wanted, told)
    os.close(told)
    os.read(ready, 1)
    os.close(ready)
    return child


def _ended(pid: int, hang: bool) -> dict:
    """Its exit status, None while it runs, and the CPU seconds that it and those it waited for have used."""
    found, status, used = os.wait4(pid, 0 if hang else os.WNOHANG)
    if not found:
        return {"status": None, "cpu_seconds": 0.0}
    return {"status": os.waitstatus_to_exitcode(status), "cpu_seconds": used.ru_utime + used.ru_stime}


def _be(wanted: dict, told: int) -> None:
    """Become the Snakemake that is wanted, say so, and end with its status."""
    import snakemake.cli

    status = 1
    try:
        if wanted["session"]:
            os.setsid()
        os.chdir(wanted["folder"])
        os.environ.clear()
        os.environ.update(wanted["environment"])
        printed = os.open(wanted["printed"], os.O_WRONLY | os.O_APPEND)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for target, source in ((0, nothing), (1, printed), (2, printed)):
            os.dup2(source, target)
        os.close(told)
        sys.argv = ["snakemake", *wanted["arguments"]]
        sys.path[:1] = ["", *filter(None, wanted["environment"].get("PYTHONPATH", "").split(os.pathsep))]
        snakemake.cli.main()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    serve()
