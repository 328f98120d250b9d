"""Digests are remembered for files that nothing has touched, and for no others."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from collapse.artifacts import known_digests, lineage
from collapse.artifacts.known_digests import KnownDigests


@pytest.fixture
def file(tmp_path) -> Path:
    path = tmp_path / "table.parquet"
    path.write_bytes(b"as it was written")
    return path


@pytest.fixture
def asked(tmp_path, monkeypatch) -> Callable[[Path], str]:
    """The digest that a new process finds, of files that count as settled at once; `asked.read` counts the readings."""
    monkeypatch.setattr(known_digests, "SETTLED", -60.0)
    read = list[Path]()
    found = lineage.sha256
    monkeypatch.setattr(lineage, "sha256", lambda path: read.append(path) or found(path))

    def sha256(path: Path) -> str:
        known = KnownDigests(tmp_path / "memory" / "digests.json")
        digest = known.sha256(path)
        known.keep()
        return digest

    sha256.read = read  # type: ignore[attr-defined]
    return sha256


def edited(path: Path) -> None:
    path.write_bytes(b"as it was changed")


def replaced_by_an_older_file(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(b"as it was changed")
    os.utime(other, (1, 1))
    other.replace(path)


def changed_behind_its_date(path: Path) -> None:
    times = path.stat()
    path.write_bytes(b"as it was changed")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def test_what_nothing_has_touched_is_read_once(file, asked):
    first = asked(file)
    assert asked(file) == first == lineage.sha256(file)
    assert asked.read == [file, file]  # once by us, once by the assertion


@pytest.mark.parametrize("change", [edited, replaced_by_an_older_file, changed_behind_its_date])
def test_whatever_changed_is_read_again(file, asked, change):
    first = asked(file)
    change(file)
    assert len(file.read_bytes()) == len(b"as it was written")
    assert asked(file) == lineage.sha256(file) != first


def test_a_file_that_was_written_just_now_is_not_remembered(file, tmp_path):
    known = KnownDigests(tmp_path / "digests.json")
    known.sha256(file)
    known.keep()
    assert json.loads((tmp_path / "digests.json").read_text()) == {}
    later = time.time_ns() + 10 * known_digests.NANOSECONDS
    assert known_digests._settled(file, known_digests._state(file)) is False
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time_ns", lambda: later)
        assert known_digests._settled(file, known_digests._state(file)) is True


@pytest.mark.parametrize("memory", [b"", b"[]", b"\xff", b'{"x": 3}', b"[" * 100_000])
def test_a_damaged_memory_is_no_memory(file, tmp_path, memory):
    (tmp_path / "digests.json").write_bytes(memory)
    assert KnownDigests(tmp_path / "digests.json").sha256(file) == lineage.sha256(file)


def test_where_nothing_can_be_written_nothing_is_remembered(file, tmp_path):
    (tmp_path / "folder").write_text("a file")
    known = KnownDigests(tmp_path / "folder" / "digests.json")
    assert known.sha256(file) == lineage.sha256(file)
    known.keep()


def test_what_was_deleted_is_forgotten_and_what_was_not_asked_for_is_kept(file, asked, tmp_path):
    other = tmp_path / "other"
    other.write_text("of another experiment")
    asked(file), asked(other)
    remembered = tmp_path / "memory" / "digests.json"
    assert set(json.loads(remembered.read_text())) == {str(file), str(other)}
    file.unlink()
    asked(other)
    assert set(json.loads(remembered.read_text())) == {str(other)}
