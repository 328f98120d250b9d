"""A job's side of the fork server: hand over the command, pass signals on, end as the forked process ended.

Standard library only: starting costs 30 ms of CPU, importing what a job needs up to eight seconds. What the server does
is in `fork_server`.
"""

import json
import os
import resource
import signal
import socket
import struct
import sys
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType

NAME = "COLLAPSE_FORK_SERVER"
"""Environment variable with the name of the socket, in Linux's abstract namespace, where no file can be left behind.
A user who sets it to `off` has every job start by itself."""

OFF = "off"
HEADER = struct.Struct("!Q")
"""Length of the request that follows; the job's standard streams travel with it."""

PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGXCPU)


def delegated(words: Sequence[str]) -> int | None:
    """Have the run's fork server run a command, if there is a server.

    Args:
        words: The command line after `python -m collapse`.

    Returns:
        Its exit status; None if this process must run the command itself. If a signal ended the command, the same
        signal ends this process, so that the shell sees what it would have seen.
    """
    name = os.environ.get(NAME, OFF)
    if name == OFF:
        return None
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        try:
            server.connect(f"\0{name}")
            if peer_user(server) != os.geteuid():  # the name is another user's now
                raise ConnectionRefusedError
            _ask(server, words)
        except OSError as error:
            return _by_itself(f"the run's fork server cannot be asked ({error.strerror or 'it is gone'})")
        stopped_by, answer = _await(server)
    if stopped_by and "status" not in answer:
        return 128 + stopped_by
    if "status" not in answer:
        return _by_itself(answer.get("refused", "the run's fork server was killed, and what it had forked with it"))
    return _ended(answer["status"])


def peer_user(connection: socket.socket) -> int:
    """The user id of the process at the other end; the kernel vouches for it."""
    _process, user, _group = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return user


def _ask(server: socket.socket, words: Sequence[str]) -> None:
    mask = os.umask(0)
    os.umask(mask)
    request = {
        "words": list(words),
        "folder": os.getcwd(),
        "environment": dict(os.environ),
        "umask": mask,
        "limits": {number: resource.getrlimit(number) for number in limits()},
    }
    body = json.dumps(request).encode()
    socket.send_fds(server, [HEADER.pack(len(body))], [0, 1, 2])
    server.sendall(body)


def limits() -> list[int]:
    """Every limit that the system sets a process."""
    return sorted({value for name, value in vars(resource).items() if name.startswith("RLIMIT_")})


def _await(server: socket.socket) -> tuple[int, dict]:
    """The signal that this process was sent meanwhile (or 0), and the server's answer, empty if it died."""
    received = [0]

    def pass_on(number: int, _frame: FrameType | None) -> None:
        received[0] = number
        with suppress(OSError):
            server.send(bytes([number]))

    former = {number: signal.signal(number, pass_on) for number in PASSED_ON}
    answer = b""
    with suppress(ConnectionResetError):
        while part := server.recv(4096):
            answer += part
    for number, handler in former.items():
        signal.signal(number, handler)
    return received[0], json.loads(answer or b"{}")


def _by_itself(why: str) -> None:
    print(f"This job starts by itself: {why}.", file=sys.stderr, flush=True)


def _ended(status: int) -> int:
    if status < 0:
        with suppress(OSError, ValueError):  # SIGKILL has no handler
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    return status
