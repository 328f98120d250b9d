"""Run a command, and write down what it cost and whatever it left running: `python census.py COST.json COMMAND …`.

A process whose parent has gone is handed to process 1, and its CPU time with it. This program has such processes handed
to itself instead (it is their subreaper) and waits for them, so that a server which a run starts is counted with the
run, and one that does not end is found.
"""

import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

SET_CHILD_SUBREAPER = 36
"""`PR_SET_CHILD_SUBREAPER` of Linux's prctl(2)."""

PATIENCE_SECONDS = 60.0
"""How long after its command a process may go on running."""


def main(found: str, *command: str) -> int:
    """Run the command and return its exit status; 1 if something it started would not end."""
    ctypes.CDLL(None, use_errno=True).prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    started = time.monotonic()
    status = subprocess.run(command, check=False).returncode
    seconds = time.monotonic() - started
    if stayed := _left_running():
        print(f"{' '.join(command)}: {len(stayed)} process(es) outlived it: {'; '.join(stayed)}", file=sys.stderr)
        return 1
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cost = {"seconds": seconds, "cpu_seconds": used.ru_utime + used.ru_stime, "peak_megabytes": used.ru_maxrss / 1024}
    Path(found).write_text(json.dumps(cost))
    return status


def _left_running() -> list[str]:
    """Wait for every process that was left; the command lines of those that had to be killed."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                time.sleep(0.01)
        except ChildProcessError:
            return []
    children = [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]
    stayed = [Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").strip() for pid in children]
    for pid in children:
        os.kill(pid, signal.SIGKILL)
    return stayed


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
