"""Disks that fill, refuse, lose and alter what was written."""

import os
import random
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

DAY = 86_400
ARM = "strategy=verified/seed=0/generation=2"


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    """A file system of its own at `folder`."""
    done = subprocess.run(["mount", *options, str(folder)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"this user may not mount file systems here ({done.stderr.strip()})")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_is_named_and_loses_nothing(disturbed, part, assert_recovers, chance, n_faults):
    disk = disturbed.results / part
    whole = sum(path.stat().st_size for path in disk.rglob("*") if path.is_file())
    disturbed.forget(f"{part}/*" if part else "*")
    with mounted(disk, "-t", "tmpfs", "-o", "size=64k", "tmpfs"):
        for share in sorted(chance.uniform(0.05, 0.7) for _ in range(n_faults)):
            resize = ["mount", "-o", f"remount,size={int(share * whole)}", str(disk)]
            subprocess.run(resize, check=True)
            run = disturbed.run(check=False)
            assert run.returncode != 0
            said = ("The disk is full", "No space left on device", "GiB are free")  # the last, where so little is free
            assert any(words in run.stdout for words in said)
        subprocess.run(["mount", "-o", "remount,size=1g", str(disk)], check=True)
        assert_recovers(disturbed)


def test_a_read_only_results_folder_is_named_before_anything_is_lost(
    disturbed, part, assert_recovers, chance, n_faults
):
    for _ in range(n_faults):
        disturbed.forget(staged(part, chance))
        before = disturbed.project.digests()
        with mounted(disturbed.results, "--bind", str(disturbed.results)):
            subprocess.run(["mount", "-o", "remount,bind,ro", str(disturbed.results)], check=True)
            run = disturbed.run(check=False)
            assert run.returncode != 0
            assert "may not be written to" in run.stdout
        assert disturbed.project.digests() == before
        assert_recovers(disturbed)


def staged(part: str, chance: random.Random) -> str:
    """Something that is made again: one of the arm, or of the whole experiment."""
    of_arm = [f"{ARM}/{name}" for name in ("samples.parquet", "mixture.parquet", "model", "metrics.parquet")]
    of_all = ["strategy=real/seed=0/generation=0/model", "strategy=real/seed=0/generation=1/samples.parquet"]
    return chance.choice(of_arm if part else [*of_all, ARM, "metrics.parquet"])


def truncated(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randrange(len(content))]


def flipped(content: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(content))
    return content[:place] + bytes([content[place] ^ (1 << chance.randrange(8))]) + content[place + 1 :]


def read_again(disturbed, part: str) -> list[Path]:
    """Tables that a run of the part reads, so that it finds their damage."""
    read = ("samples.parquet", "verdicts.parquet", "mixture.parquet")
    found = sorted((disturbed.results / part).rglob("*.parquet"))
    return [path for path in found if path.name in read or not part]


@pytest.mark.parametrize("damage", [truncated, flipped])
def test_a_damaged_table_is_found_set_aside_and_made_again(disturbed, part, assert_recovers, chance, n_faults, damage):
    for _ in range(n_faults):
        path = chance.choice(read_again(disturbed, part))
        path.write_bytes(damage(path.read_bytes(), chance))
        assert f"set aside as {path.name}.damaged" in assert_recovers(disturbed), path


def test_damage_that_left_the_time_alone_is_found_by_the_audit(disturbed, part, assert_recovers, chance, n_faults):
    for _ in range(n_faults):
        path = chance.choice(sorted((disturbed.results / part).rglob("*.parquet")))
        times = path.stat()
        path.write_bytes(flipped(path.read_bytes(), chance))
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        found = disturbed.project.collapse("audit", "results/tiny", "--set-aside", check=False)
        assert found.returncode == 1 and str(path.relative_to(disturbed.results)) in found.stdout + found.stderr
        assert_recovers(disturbed)


def test_a_model_that_is_damaged_is_trained_again(disturbed, part, assert_recovers, chance, n_faults):
    models = sorted((disturbed.results / part).rglob("model"))
    for name in chance.sample(("model.json", "model.safetensors", "ngram.json"), n_faults):
        path = chance.choice(models) / name
        path.unlink() if chance.random() < 0.5 else path.write_bytes(flipped(path.read_bytes(), chance))
        is_gone = not path.with_name("model.json").exists()
        output = assert_recovers(disturbed)
        assert is_gone or "set aside as model.json.damaged" in output, path


def test_a_clock_that_was_moved_back_reruns_and_breaks_nothing(disturbed, part, assert_recovers, chance, n_faults):
    """And a model that was deleted is trained again."""
    for _ in range(n_faults):
        disturbed.forget(f"{ARM}/model" if part else staged(part, chance))
        later = time.time() + DAY
        for path in disturbed.results.rglob("*"):
            os.utime(path, (later, later))
        assert_recovers(disturbed)
