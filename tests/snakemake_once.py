"""Snakemake, imported once and forked for every run: importing it takes half of what a dry run takes.

Every run is a process of its own, in its own folder and environment, as from a shell; only the modules of Snakemake and
its plugins are there already. Nothing of this project is.
"""

import atexit
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

BY_ITSELF = "SNAKEMAKE_STARTS_BY_ITSELF"
"""Where this is set, every Snakemake imports itself, as a user's does."""

CHILDREN = {"cpu_seconds": 0.0}
"""What the runs so far have used: they are nobody's children here."""


def run(arguments: list[str], folder: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess:
    """Run Snakemake to its end; what it and its jobs print is in `stdout`, in the order in which it came."""
    with tempfile.TemporaryFile() as printed:
        if BY_ITSELF in os.environ:
            command = [sys.executable, "-m", "snakemake", *arguments]
            done = subprocess.run(command, cwd=folder, env=environment, stdout=printed, stderr=printed, check=False)
            status = done.returncode
        else:
            status = _forked(arguments, folder, environment, printed.fileno())
        printed.seek(0)
        return subprocess.CompletedProcess(arguments, status, printed.read().decode(errors="replace"), "")


def _forked(arguments: list[str], folder: Path, environment: Mapping[str, str], printed: int) -> int:
    origin = _origin()
    assert origin.stdin and origin.stdout
    wanted = {
        "arguments": arguments,
        "folder": str(folder),
        "environment": dict(environment),
        "printed": f"/proc/{os.getpid()}/fd/{printed}",
    }
    try:
        origin.stdin.write(json.dumps(wanted) + "\n")
        origin.stdin.flush()
        answer = json.loads(origin.stdout.readline())
    except BaseException:  # the test has run out of time: the answer would be taken for the next one's
        origin.kill()
        _origin.cache_clear()
        raise
    CHILDREN["cpu_seconds"] += answer["cpu_seconds"]
    return answer["status"]


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
        before = os.times()
        wanted = json.loads(line)
        child = os.fork()
        if child == 0:
            _be(wanted)
        _, status = os.waitpid(child, 0)
        after = os.times()
        seconds = after.children_user + after.children_system - before.children_user - before.children_system
        answers.write(json.dumps({"status": os.waitstatus_to_exitcode(status), "cpu_seconds": seconds}) + "\n")
        answers.flush()


def _be(wanted: dict) -> None:
    """Become the Snakemake that is wanted, and end with its status."""
    import snakemake.cli

    status = 1
    try:
        os.chdir(wanted["folder"])
        os.environ.clear()
        os.environ.update(wanted["environment"])
        printed = os.open(wanted["printed"], os.O_WRONLY | os.O_APPEND)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for target, source in ((0, nothing), (1, printed), (2, printed)):
            os.dup2(source, target)
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
