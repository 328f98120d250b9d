"""What a machine does to a job, in a sentence: the disk is full, memory ran out, a signal came."""

import errno
import os
import signal
import sys
from types import FrameType, TracebackType

from collapse.errors import CollapseError

AGAIN = "What is finished is kept: run snakemake again and it goes on from there."


class MachineError(CollapseError):
    """The machine stopped the job: the reader is whoever runs it.

    Attributes:
        exit_status: What the process ends with. On a full disk, where no log can say so, the rule's shell goes by it.
    """

    def __init__(self, message: str, exit_status: int = 1) -> None:
        super().__init__(message)
        self.exit_status = exit_status


DISK_FULL = errno.ENOSPC
"""Exit status of a job that found the disk full."""


ADVICE = {
    errno.ENOSPC: "The disk is full. Free some space.",
    errno.EDQUOT: "Your disk quota is used up. Free some space or ask for more.",
    errno.EROFS: "The results folder is on a read-only file system. Mount it for writing, or move the project.",
    errno.EACCES: "You may not read or write the file named below. Change its permissions, or move the project.",
    errno.EPERM: "You may not read or write the file named below. Change its permissions, or move the project.",
    errno.EIO: "The disk failed to read or write. Check it before anything else.",
    errno.ESTALE: "The network file system lost a file. Check that it is mounted.",
    errno.EMFILE: "Too many files are open. Raise the limit (ulimit -n).",
    errno.EFBIG: "A file is larger than this shell may write. Raise the limit (ulimit -f).",
}
MEMORY = (
    "Memory ran out. Give the job more (mem_mb of its rule, in the profile), run fewer jobs at once (--cores), or make "
    "training.batch_size or generate.chunk_rows smaller."
)
NO_THREAD = ("ThreadPoolBuildError", "can't start new thread", "Failed to launch worker thread")
THREADS = (
    "No more threads can be started: memory ran out, or the limit of processes is reached. Give the job more memory "
    "(mem_mb of its rule, in the profile), run fewer jobs at once (--cores), or raise the limit (ulimit -u)."
)
NO_MEMORY = (
    "can't allocate memory",
    "out of memory",
    "OutOfMemory",
    "Cannot allocate memory",
    "std::bad_alloc",
    "failed to map segment from shared object",
)


def explained(error: BaseException) -> MachineError | None:
    """The fault behind an exception, with what to do; None if the machine is not to blame."""
    cause = f"{type(error).__name__}: {error}"
    if isinstance(error, MemoryError) or any(sign in cause for sign in NO_MEMORY):
        return MachineError(f"{MEMORY}\n  ({cause})\n  {AGAIN}")
    if any(sign in cause for sign in NO_THREAD):
        return MachineError(f"{THREADS}\n  ({cause})\n  {AGAIN}")
    for number in _errors(error):
        if number in ADVICE:
            is_full = number in (errno.ENOSPC, errno.EDQUOT)
            return MachineError(f"{ADVICE[number]}\n  ({cause})\n  {AGAIN}", DISK_FULL if is_full else 1)
    return None


def pass_on(error: BaseException) -> None:
    """Raise an error again that the machine is to blame for: what was read is whole, and must not be deleted for it."""
    if explained(error):
        raise error


def _errors(error: BaseException) -> list[int]:
    """Error numbers of the operating system that an exception carries; libraries in Rust only print them."""
    numbers = [error.errno] if isinstance(error, OSError) and error.errno is not None else []
    return numbers + [number for number in ADVICE if f"(os error {number})" in str(error)]


KILLED = 128 + signal.SIGKILL
"""Exit status of the shell of a job that was killed."""


def said_of(status: int) -> str:
    """What is said of an exit status that a job could not explain in its log itself: `DISK_FULL` or `KILLED`."""
    if status == DISK_FULL:
        return f"{ADVICE[errno.ENOSPC]} {AGAIN}"
    return (
        "This job was killed (signal 9), most often because memory ran out: give it more (mem_mb of its rule, in the "
        f"profile) or run fewer at once. {AGAIN}"
    )


def explain_signals() -> None:
    """Have the signals that end a job say so.

    The process ends there and then: an exception raised in the midst of a library written in C may be lost in it. What
    is half-written has a temporary name, and the next run removes it.
    """
    for number in SIGNALS:
        signal.signal(number, _stop)


SIGNALS = {
    signal.SIGTERM: "a time limit, pre-emption or scancel; for more time, raise `runtime` in the profile",
    signal.SIGINT: "Ctrl-C",
    signal.SIGXCPU: "the limit of CPU time is reached; raise it (ulimit -t)",
}


def explain_interrupt() -> None:
    """Have a Ctrl-C that nobody answers end this process in a sentence, without a traceback.

    For a process with answers of its own, such as Snakemake, which has one while jobs run but none while it plans.
    """
    others = sys.excepthook

    def told(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            _say_stopped(signal.SIGINT)
        else:
            others(kind, error, trace)

    sys.excepthook = told


def _stop(number: int, _frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)  # Ctrl-C reaches a forked job twice: from the terminal, and passed on
    _say_stopped(signal.Signals(number))
    os._exit(128 + number)


def _say_stopped(by: signal.Signals) -> None:
    print(f"{MachineError.__name__}: Stopped by {by.name} ({SIGNALS[by]}).\n  {AGAIN}", file=sys.stderr, flush=True)


if __name__ == "__main__":  # asked by `ending.sh`
    print(said_of(int(sys.argv[1])), file=sys.stderr)
