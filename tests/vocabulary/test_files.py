"""Files are there whole or not at all, and have one writer at a time."""

import errno
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from collapse.running import files
from collapse.running.files import folder_written_at_once, only_writer, scratch, written_at_once
from collapse.running.run_lock import RunLock

WORKFLOW = Path(__file__).parents[2] / "workflow"


def process(code: str, folder: Path) -> subprocess.Popen:
    """Another process, in `folder`, that prints a line when it is ready and may wait for the end of its input."""
    environment = os.environ | {"PYTHONPATH": str(WORKFLOW)}
    command, pipe = [sys.executable, "-c", textwrap.dedent(code)], subprocess.PIPE
    return subprocess.Popen(command, cwd=folder, env=environment, stdin=pipe, stdout=pipe, text=True)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_block_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    (tmp_path / "a").write_text("old")
    with pytest.raises(ValueError), written_at_once(tmp_path / "a") as partial:
        partial.write_text("new")
        raise ValueError
    assert (tmp_path / "a").read_text() == "old" and names(tmp_path) == {"a"}


def test_a_folder_takes_the_place_of_the_old_one_as_a_whole(tmp_path):
    model = tmp_path / "model"
    model.mkdir()
    (model / "old").write_text("old")
    with folder_written_at_once(model) as partial:
        (partial / "new").write_text("new")
        assert names(model) == {"old"}
    assert names(model) == {"new"} and names(tmp_path) == {"model"}


def test_a_folder_that_fails_leaves_the_old_one(tmp_path):
    model = tmp_path / "model"
    model.mkdir()
    (model / "old").write_text("old")
    with pytest.raises(ValueError), folder_written_at_once(model):
        raise ValueError
    assert names(model) == {"old"} and names(tmp_path) == {"model"}


def test_a_killed_writer_leaves_nothing_under_the_files_name_and_the_next_clears_up(tmp_path):
    code = """
        from pathlib import Path
        from collapse.running.files import written_at_once
        import os, signal
        with written_at_once(Path("a")) as partial:
            partial.write_text("half")
            os.kill(os.getpid(), signal.SIGKILL)
    """
    process(code, tmp_path).wait()
    assert len(names(tmp_path)) == 1 and not (tmp_path / "a").exists()
    with only_writer(tmp_path / ".lock", [tmp_path / "a"]):
        assert names(tmp_path) == {".lock"}


HOLDER = """
    from pathlib import Path
    from collapse.running.files import only_writer
    import sys
    with only_writer(Path(".lock"), []):
        print("ready", flush=True)
        sys.stdin.read()
        print("ending", flush=True)
"""


def test_a_second_writer_says_that_it_waits_and_waits_for_the_first(tmp_path, monkeypatch):
    first = process(HOLDER, tmp_path)
    assert first.stdout.readline() == "ready\n"
    monkeypatch.setattr(files.logger, "warning", lambda *_: first.stdin.close())
    with only_writer(tmp_path / ".lock", []) as waited:
        assert waited
        assert first.stdout.readline() == "ending\n"
    assert first.wait() == 0


def test_the_lock_of_a_killed_writer_is_free(tmp_path):
    first = process(HOLDER, tmp_path)
    assert first.stdout.readline() == "ready\n"
    first.kill()
    first.wait()
    with only_writer(tmp_path / ".lock", []) as waited:
        assert not waited


def test_only_work_of_the_same_identity_is_gone_on_with(tmp_path):
    folder = scratch(tmp_path / "samples.parquet", "a" * 64)
    folder.mkdir()
    assert scratch(tmp_path / "samples.parquet", "a" * 64) == folder and folder.is_dir()
    assert scratch(tmp_path / "samples.parquet", "b" * 64) != folder
    assert not folder.exists()


# --- locks of whole runs ----------------------------------------------------------------------------------------------

RUN = """
    from pathlib import Path
    from collapse.running.run_lock import RunLock
    import sys
    lock = RunLock("mine", Path(".snakemake"))
    lock.hold()
    print("ready", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def running(tmp_path):
    """A run of `mine`, with Snakemake's locks of it and of another experiment."""
    locks = tmp_path / ".snakemake" / "locks"
    locks.mkdir(parents=True)
    (locks / "0.output.lock").write_text("results/mine/metrics.parquet\n")
    (locks / "1.output.lock").write_text("results/mine-too/metrics.parquet\n")
    run = process(RUN, tmp_path)
    assert run.stdout.readline() == "ready\n"
    yield run
    run.kill()
    run.wait()


def test_locks_of_a_living_run_stay(running, tmp_path):
    assert RunLock("mine", tmp_path / ".snakemake").remove_stale() == []
    assert names(tmp_path / ".snakemake" / "locks") == {"0.output.lock", "1.output.lock"}


def test_locks_of_a_killed_run_are_removed_and_other_experiments_stay(running, tmp_path):
    running.kill()
    running.wait()
    assert len(RunLock("mine", tmp_path / ".snakemake").remove_stale()) == 1
    assert names(tmp_path / ".snakemake" / "locks") == {"1.output.lock"}


def test_a_file_system_that_has_become_read_only_is_no_traceback(running, tmp_path, monkeypatch):
    opened = Path.open

    def only_to_read(path: Path, mode: str = "r", *others, **named):
        if mode != "r":
            raise OSError(errno.EROFS, "Read-only file system")
        return opened(path, mode, *others, **named)

    running.kill()
    running.wait()
    monkeypatch.setattr(Path, "open", only_to_read)
    lock = RunLock("mine", tmp_path / ".snakemake")
    assert lock.remove_stale() == []
    lock.hold()


def test_locks_of_another_machine_stay(running, tmp_path):
    running.kill()
    running.wait()
    (tmp_path / ".snakemake" / "mine.running").write_text("process 1 on another-machine")
    assert RunLock("mine", tmp_path / ".snakemake").remove_stale() == []
