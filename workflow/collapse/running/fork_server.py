"""Start once: the jobs of a run are forked from one process that has imported what they need.

Two thirds of a small experiment's CPU time used to be processes starting: an interpreter, PyTorch, vLLM, once a job.
Now

* *Snakemake* starts this server before its first job (`start`), and holds one end of a pipe to it;
* *a job* is `python -m collapse STAGE …` in a shell of its own, as before. It finds the server by a name in its
  environment, hands over its command line, folder, limits and standard streams (`fork_client`), and waits;
* *the server* imports what the stage needs, once, and forks. The child becomes the job: it runs the same code after the
  same imports, so it writes the same bytes.

The server computes nothing and opens no model, so what it forks is as fresh as a new process. Its imports leave one
thread besides its own, that of PyArrow's allocator, which knows about forks.

Who dies when: a job that is killed takes its child along, and a job ends as its child did, with the same exit status or
by the same signal. If the server is killed, so are its children, and each job starts again by itself. If Snakemake is
killed, the server takes no more jobs and ends after its last child, as jobs without a server would. Another run never
finds it: its name is random and lives in Linux's abstract namespace, not in a file.

Jobs start by themselves where there is no server (systems other than Linux, jobs on GPUs, `COLLAPSE_FORK_SERVER=off`),
and where a job's environment is not the server's (more threads, another allocator). In a Slurm job the steps of a
generation share a server.
"""

import atexit
import ctypes
import importlib
import json
import os
import resource
import secrets
import selectors
import signal
import socket
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import ModuleType
from typing import Any, NoReturn

import setproctitle

from collapse.errors import EngineError
from collapse.running import faults
from collapse.running.fork_client import HEADER, NAME, OFF, limits, peer_user
from collapse.running.imports import collector_at_rest

PROMPTS = ("PS1", "PS2")
"""What a virtual environment exports when it is activated, and the shell of a job forgets."""

THEIR_OWN = frozenset({"PATH", "PWD", "OLDPWD", "SHLVL", "_", "TMPDIR", "TMP", "TEMP", "TEMPDIR", NAME, *PROMPTS})
"""Variables that may differ between a job and the server; all others may decide what an import does."""

PATIENCE_SECONDS = 10.0
"""How long a connection may take to say what it wants, and a server that nobody needs any more to end."""

COMMON = ("collapse.command_line", "pandas")
"""What every job imports; PyArrow imports pandas when a table is first filtered."""

PR_SET_PDEATHSIG = 1


def start(
    python: str, environment: Mapping[str, str], modules: Mapping[str, Sequence[str]]
) -> subprocess.Popen[bytes] | None:
    """Start the server of this process, let its jobs find it, and end it with this process.

    Args:
        python: The interpreter of the jobs.
        environment: Their environment.
        modules: Modules that each stage will load because the config asks for them, besides its own.

    Returns:
        The server; None where jobs are to start by themselves.

    Raises:
        EngineError: It cannot be started. Jobs start by themselves.
    """
    if os.environ.get(NAME) == OFF or not sys.platform.startswith("linux"):
        return None
    name = f"collapse-{os.getpid()}-{secrets.token_hex(8)}"
    command = [python, "-m", "collapse.running.fork_server", json.dumps(modules)]
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        try:
            listener.bind(f"\0{name}")
            listener.listen(128)
            with _interrupts_held():
                server = subprocess.Popen(
                    [*command, str(listener.fileno())],
                    env=dict(environment),
                    stdin=subprocess.PIPE,
                    pass_fds=[listener.fileno()],
                )
        except OSError as error:
            raise EngineError(
                f"The process that jobs are forked from cannot be started ({error.strerror}).\n"
                "  Every job starts by itself, which is slower."
            ) from None
    atexit.register(_end, server)
    os.environ[NAME] = name
    return server


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Have a Ctrl-C wait. A process that is started meanwhile goes on holding it back until it has said what to do."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end(server: subprocess.Popen[bytes]) -> None:
    """Let go of the pipe. Waiting for the server makes its time and its children's part of this process's."""
    assert server.stdin is not None
    server.stdin.close()
    with suppress(subprocess.TimeoutExpired):
        server.wait(PATIENCE_SECONDS)


@dataclass(frozen=True)
class Job:
    """A forked child.

    Attributes:
        process: Its id.
        watched: A descriptor that is readable when it has ended.
        connection: To the job's own process, which waits for it.
    """

    process: int
    watched: int
    connection: socket.socket


class Server:
    """Forks jobs until its standard input ends, which is when Snakemake has."""

    def __init__(self, listener: socket.socket, modules: Mapping[str, Sequence[str]]) -> None:
        self._listener = listener
        self._modules = modules
        self._environment = dict(os.environ)
        self._warm = set[str]()
        self._jobs = set[Job]()
        self._selector = selectors.DefaultSelector()

    def serve(self) -> None:
        """Take jobs until nobody is left to send one, then wait for those that run."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # its children are sent them too
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # which `start` held back
        self._watch(sys.stdin.fileno(), self._close)
        self._watch(self._listener, self._accept)
        while self._listener.fileno() >= 0 or self._jobs:
            for key, _ in self._selector.select():
                if self._selector.get_map().get(key.fd) is key:  # what came first may have ended it
                    key.data()

    def _watch(self, what: int | socket.socket, then: Callable[[], None]) -> None:
        self._selector.register(what, selectors.EVENT_READ, then)

    def _close(self) -> None:
        self._selector.unregister(sys.stdin.fileno())
        self._selector.unregister(self._listener)
        self._listener.close()

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        if peer_user(connection) != os.geteuid():
            connection.close()
            return
        connection.settimeout(PATIENCE_SECONDS)
        try:
            request, streams = _received(connection)
        except (OSError, ValueError):  # it went away, or is not one of ours
            connection.close()
            return
        try:
            self._take(request, streams, connection)
        finally:
            for stream in streams:
                os.close(stream)

    def _take(self, request: dict[str, Any], streams: Sequence[int], connection: socket.socket) -> None:
        """Fork a job, or say why not."""
        if other := _differing(self._environment, request["environment"]):
            _answer(connection, refused=f"{other} is not what the run's fork server has")
            return
        with _speaking_into(streams):
            self._import_for(*request["words"][:1])
        try:
            process = os.fork()
        except OSError as error:
            _answer(connection, refused=f"the run's fork server cannot fork ({error.strerror})")
            return
        if process == 0:
            self._become(request, streams, connection)
        job = Job(process, os.pidfd_open(process), connection)
        self._jobs.add(job)
        self._watch(job.watched, lambda: self._ended(job))
        self._watch(connection, lambda: self._told(job))

    def _import_for(self, stage: str = "") -> None:
        """Import what a stage needs, once."""
        if stage in self._warm:
            return
        self._warm.add(stage)
        plugins = [_imported(name) for name in (f"collapse.stages.{stage}", *self._modules.get(stage, ()))]
        late = [name for plugin in plugins for name in getattr(plugin, "IMPORTED_LATE", {}).get(stage, ())]
        with collector_at_rest():
            for name in (*COMMON, *late):
                _imported(name)
        if told := _imported("collapse.artifacts.provenance"):
            told.package_versions()  # kept: parsing the packages' metadata costs as much as a small job

    def _become(self, request: dict[str, Any], streams: Sequence[int], connection: socket.socket) -> NoReturn:
        """In the child: be the job."""
        try:
            server = os.getppid()
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != server:
                os._exit(128 + signal.SIGKILL)
            self._let_go()
            connection.close()
            _take_over(request, streams)
            importlib.import_module("collapse.command_line").run_to_the_end()
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)

    def _let_go(self) -> None:
        """Close what is the server's own."""
        self._selector.close()
        self._listener.close()
        for job in self._jobs:
            os.close(job.watched)
            job.connection.close()

    def _told(self, job: Job) -> None:
        """Pass a signal on to a child; if its job has died, kill it."""
        try:
            number = job.connection.recv(1)
        except OSError:
            number = b""
        os.kill(job.process, number[0] if number else signal.SIGKILL)  # it is not reaped before `_ended`
        if not number:
            self._selector.unregister(job.connection)

    def _ended(self, job: Job) -> None:
        """Tell a job how its child ended."""
        _, status = os.waitpid(job.process, 0)
        self._selector.unregister(job.watched)
        with suppress(KeyError):
            self._selector.unregister(job.connection)
        os.close(job.watched)
        self._jobs.remove(job)
        _answer(job.connection, status=os.waitstatus_to_exitcode(status))


def _imported(name: str) -> ModuleType | None:
    """A module; None if it cannot be imported, which the job will find too, and say."""
    with suppress(Exception):
        return importlib.import_module(name)
    return None


def _received(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """What a job asks for, and its standard streams."""
    header, streams, _flags, _address = socket.recv_fds(connection, HEADER.size, 3)
    (length,) = HEADER.unpack(header.ljust(HEADER.size, b"\0"))
    body = b""
    while len(body) < length and (part := connection.recv(min(length - len(body), 1 << 20))):
        body += part
    return json.loads(body), streams


def _answer(connection: socket.socket, **answer: object) -> None:
    with suppress(OSError), connection:  # it may be gone
        connection.sendall(json.dumps(answer).encode())


def _differing(own: Mapping[str, str], others: Mapping[str, str]) -> str | None:
    """The first variable that is not the same in both, but for those that may differ."""
    names = sorted((own.keys() | others.keys()) - THEIR_OWN)
    return next((name for name in names if own.get(name) != others.get(name)), None)


@contextmanager
def _speaking_into(streams: Sequence[int]) -> Iterator[None]:
    """What is printed meanwhile, such as an import's warnings, goes where the job's own words go."""
    own = [os.dup(number) for number in (1, 2)]
    try:
        for number in (1, 2):
            os.dup2(streams[number], number)
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, kept in zip((1, 2), own, strict=True):
            os.dup2(kept, number)
            os.close(kept)


def _take_over(request: dict[str, Any], streams: Sequence[int]) -> None:
    """Have the streams, folder, limits, variables and name of the job that this process stands for."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(request["folder"])
    os.umask(request["umask"])
    for number in limits():
        wanted = tuple(request["limits"][str(number)])
        if wanted != resource.getrlimit(number):
            resource.setrlimit(number, wanted)
    os.environ.update({name: value for name, value in request["environment"].items() if name in THEIR_OWN})
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    faults.explain_signals()
    sys.argv = [os.path.join(os.path.dirname(os.path.dirname(__file__)), "__main__.py"), *request["words"]]
    setproctitle.setproctitle(" ".join(["collapse", *request["words"]]))  # what `ps` and `top` show


def main() -> None:
    """Serve. The command line holds the modules of each stage as JSON and the descriptor of the listening socket."""
    setproctitle.getproctitle()  # finds where the title lies, which it cannot once the environment has been changed
    modules, descriptor = sys.argv[1:]
    with socket.socket(fileno=int(descriptor)) as listener:
        Server(listener, json.loads(modules)).serve()


if __name__ == "__main__":
    main()
    # All children have ended; taking apart a process that has imported vLLM would cost seconds.
    os._exit(0)
