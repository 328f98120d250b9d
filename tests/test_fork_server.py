"""Jobs that are forked from one process: whoever dies, nobody waits for ever, and nothing is left running."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from projects import ROOT, processes

from collapse.running import fork_client, fork_server, job_shell

WAITS = ("contrast", "--spec", "-", "--metrics", "metrics.parquet", "--contrasts", "contrasts.parquet")
"""A job that waits for its settings until its standard input is closed, and then refuses them."""

SECONDS = 60


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, "it never came to this"
        time.sleep(0.01)


def alive(process: int) -> bool:
    try:
        return "zombie" not in Path(f"/proc/{process}/status").read_text()
    except FileNotFoundError:
        return False


class Run:
    """A server and its jobs, as Snakemake and its shells would have them."""

    def __init__(self, server: subprocess.Popen, environment: dict[str, str], folder: Path) -> None:
        self.server = server
        self.environment = environment
        self.folder = folder

    def start(self, *words: str, **changes: str) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, "-m", "collapse", *words],
            env=self.environment | changes,
            cwd=self.folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def job(self, *words: str, **changes: str) -> tuple[int, str]:
        """Exit status of a whole job, and what it said."""
        process = self.start(*words, **changes)
        said = process.communicate(timeout=SECONDS)
        return process.returncode, "".join(said)

    def waiting(self) -> tuple[subprocess.Popen, int]:
        """A job that waits, and the process that was forked for it."""
        before = set(self.forked())
        job = self.start(*WAITS)
        until(lambda: set(self.forked()) - before)
        return job, (set(self.forked()) - before).pop()

    def forked(self) -> list[int]:
        return [
            process
            for process, words in processes()
            if words[0].startswith("collapse contrast") and parent(process) == self.server.pid
        ]


def sleeping(process: int) -> bool:
    """Whether it has done all it can and waits."""
    state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    pending = next(line for line in Path(f"/proc/{process}/status").read_text().splitlines() if "ShdPnd" in line)
    return state == "S" and int(pending.split()[1], 16) == 0


def parent(process: int) -> int:
    try:
        return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


@contextmanager
def served(folder: Path) -> Iterator[Run]:
    # PWD first: a child changes it, and with it where setproctitle would look for the title
    environment = {"PWD": str(folder)} | job_shell.environment(ROOT / "workflow")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(fork_client.NAME, "")
        server = fork_server.start(sys.executable, environment, {})
        assert server is not None and server.stdin is not None
        run = Run(server, environment | {fork_client.NAME: os.environ[fork_client.NAME]}, folder)
    yield run
    server.stdin.close()
    assert server.wait(SECONDS) in (0, -signal.SIGKILL)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Iterator[Run]:
    with served(tmp_path_factory.mktemp("run")) as run:
        yield run


@pytest.fixture
def doomed(tmp_path) -> Iterator[Run]:
    """A run whose server will not live."""
    with served(tmp_path) as run:
        yield run


def signals(process: int, kind: str) -> int:
    """The signals that a process ignores (`SigIgn`) or holds back (`SigBlk`), as bits."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(kind)).split()[1], 16)


def test_ctrl_c_while_the_server_starts_does_not_end_it(tmp_path):
    bit = 1 << (signal.SIGINT - 1)
    with served(tmp_path) as run:
        process = run.server.pid
        os.kill(process, signal.SIGINT)
        until(lambda: not alive(process) or (signals(process, "SigIgn") & bit and not signals(process, "SigBlk") & bit))
        assert alive(process)


def test_a_forked_job_ends_and_says_what_it_would_by_itself(run):
    by_itself = run.job("describe", "nothing.parquet", COLLAPSE_FORK_SERVER="off")
    assert run.job("describe", "nothing.parquet") == by_itself
    assert by_itself[0] == 1 and "nothing.parquet" in by_itself[1]


def test_a_wrong_command_line_ends_as_it_would_by_itself(run):
    by_itself = run.job("contrast", "--spek", "-", COLLAPSE_FORK_SERVER="off")
    assert run.job("contrast", "--spek", "-") == by_itself
    assert by_itself[0] == 2


def test_a_forked_job_reads_its_own_input_and_shows_its_own_name(run):
    job, child = run.waiting()
    assert Path(f"/proc/{child}/cmdline").read_text().startswith("collapse contrast --spec -")
    assert Path(f"/proc/{child}/cwd").resolve() == run.folder
    _, said = job.communicate("{}", timeout=SECONDS)
    assert job.returncode == 1 and "is required" in said


def test_a_forked_job_has_the_limits_of_the_job_not_of_the_server(run):
    job = subprocess.Popen(
        ["bash", "-c", f'ulimit -Sn 100; exec "{sys.executable}" -m collapse {" ".join(WAITS)}'],
        env=run.environment,
        cwd=run.folder,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    until(run.forked)
    limits = Path(f"/proc/{run.forked()[0]}/limits").read_text()
    assert "Max open files            100 " in limits
    job.communicate("{}", timeout=SECONDS)


def test_a_killed_job_takes_its_child_along(run):
    job, child = run.waiting()
    job.kill()
    until(lambda: not alive(child))


def test_a_job_ends_by_the_signal_that_ended_its_child(run):
    job, child = run.waiting()
    os.kill(child, signal.SIGKILL)
    assert job.wait(SECONDS) == -signal.SIGKILL


@pytest.mark.parametrize("number", fork_client.PASSED_ON)
def test_a_job_that_is_asked_to_stop_says_so_as_it_would_by_itself(run, number):
    job, child = run.waiting()
    until(lambda: sleeping(child))
    job.send_signal(number)
    job.wait(SECONDS)
    _, said = job.communicate()
    assert job.returncode == 128 + number and f"Stopped by {signal.Signals(number).name}" in said
    assert not alive(child)


def test_a_killed_server_takes_its_children_along_and_their_jobs_start_by_themselves(doomed):
    job, child = doomed.waiting()
    doomed.server.kill()
    until(lambda: not alive(child))
    _, said = job.communicate("{}", timeout=SECONDS)
    assert "starts by itself" in said and "is required" in said and job.returncode == 1


def test_a_job_that_is_stopped_while_its_server_dies_does_not_start_again(doomed):
    job, _ = doomed.waiting()
    os.kill(doomed.server.pid, signal.SIGSTOP)
    job.terminate()
    until(lambda: sleeping(job.pid))
    doomed.server.kill()
    job.wait(SECONDS)
    _, said = job.communicate()
    assert job.returncode == 128 + signal.SIGTERM and "by itself" not in said


def test_when_its_snakemake_has_ended_a_server_ends_after_its_last_child_and_takes_no_more(doomed):
    job, child = doomed.waiting()
    doomed.server.stdin.close()
    status, said = doomed.job("describe", "nothing.parquet")
    assert status == 1 and "starts by itself" in said
    assert doomed.server.poll() is None and alive(child)
    job.communicate("{}", timeout=SECONDS)
    assert doomed.server.wait(SECONDS) == 0


def test_a_server_is_not_ended_by_what_ends_its_jobs(run):
    run.job("describe", "nothing.parquet")  # so that it has begun
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        run.server.send_signal(number)
    assert "by itself" not in run.job("describe", "nothing.parquet")[1]


def test_a_job_with_other_threads_starts_by_itself(run):
    status, said = run.job("describe", "nothing.parquet", OMP_NUM_THREADS="2")
    assert status == 1 and "starts by itself: OMP_NUM_THREADS is not what" in said


def test_an_activated_environments_prompt_may_differ(run):
    """`activate` exports it, and the shell of a job, which shows none, forgets it."""
    assert "by itself" not in run.job("describe", "nothing.parquet", PS1="(.venv) $ ")[1]


def test_temporary_folders_may_differ_and_need_not_exist(run):
    _, said = run.job("describe", "nothing.parquet", TMPDIR="/nowhere/" + 200 * "long")
    assert "by itself" not in said


def test_what_is_no_request_is_refused_and_the_server_goes_on(run):
    for nonsense in (b"", b"12345678", fork_client.HEADER.pack(3) + b"{]}"):
        with socket.socket(socket.AF_UNIX) as stranger:
            stranger.connect(f"\0{run.environment[fork_client.NAME]}")
            stranger.sendall(nonsense)
    assert "by itself" not in run.job("describe", "nothing.parquet")[1]


def test_a_name_that_nobody_listens_to_starts_the_job_by_itself(run):
    status, said = run.job("describe", "nothing.parquet", COLLAPSE_FORK_SERVER="collapse-0-gone")
    assert status == 1 and "starts by itself" in said


def test_another_users_server_gets_nothing(run, monkeypatch, capsys):
    monkeypatch.setenv(fork_client.NAME, run.environment[fork_client.NAME])
    monkeypatch.setattr(fork_client, "peer_user", lambda _connection: os.geteuid() + 1)
    assert fork_client.delegated(["describe", "nothing.parquet"]) is None
    assert "starts by itself" in capsys.readouterr().err


def test_a_server_that_cannot_fork_leaves_the_job_to_itself(monkeypatch):
    def full() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", full)
    ours, theirs = socket.socketpair()
    with socket.socket(socket.AF_UNIX) as listener, theirs:
        request = {"words": ["describe"], "environment": dict(os.environ)}
        fork_server.Server(listener, {})._take(request, [0, 1, 2], ours)
        assert "cannot fork (Resource temporarily" in json.loads(theirs.recv(4096))["refused"]


def test_no_server_is_started_where_it_is_switched_off(monkeypatch):
    monkeypatch.setenv(fork_client.NAME, fork_client.OFF)
    assert fork_server.start(sys.executable, {}, {}) is None
    assert fork_client.delegated(["describe", "nothing.parquet"]) is None


def test_an_interpreter_that_cannot_be_started_is_said_and_no_job_looks_for_a_server(monkeypatch):
    monkeypatch.delenv(fork_client.NAME, raising=False)
    with pytest.raises(fork_server.EngineError, match="Every job starts by itself"):
        fork_server.start("/nowhere/python", {}, {})
    assert fork_client.NAME not in os.environ
