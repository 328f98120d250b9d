"""Disks that fill, refuse, lose and alter what was written."""

import os
import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from projects import FAULTS

DAY = 86_400


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


def test_a_full_disk_is_named_and_loses_nothing(disturbed, assert_recovers, chance, tmp_path):
    whole = sum(path.stat().st_size for path in disturbed.results.rglob("*") if path.is_file())
    disturbed.forget("*")
    disk = disturbed.results
    with mounted(disk, "-t", "tmpfs", "-o", "size=64k", "tmpfs"):
        for share in sorted(chance.uniform(0.05, 0.7) for _ in range(FAULTS)):
            resize = ["mount", "-o", f"remount,size={int(share * whole)}", str(disk)]
            subprocess.run(resize, check=True)
            run = disturbed.project.snakemake("--cores", "2", check=False)
            assert run.returncode != 0
            assert "The disk is full" in run.stdout or "No space left on device" in run.stdout
        subprocess.run(["mount", "-o", "remount,size=1g", str(disk)], check=True)
        assert_recovers(disturbed)


def test_a_read_only_results_folder_is_named_before_anything_is_lost(disturbed, assert_recovers, chance):
    for _ in range(FAULTS):
        disturbed.forget(chance.choice(STAGED))
        before = disturbed.project.digests()
        with mounted(disturbed.results, "--bind", str(disturbed.results)):
            subprocess.run(["mount", "-o", "remount,bind,ro", str(disturbed.results)], check=True)
            run = disturbed.project.snakemake("--cores", "2", check=False)
            assert run.returncode != 0
            assert "may not be written to" in run.stdout
        assert disturbed.project.digests() == before
        assert_recovers(disturbed)


STAGED = (
    "strategy=real/seed=0/generation=0/model",
    "strategy=real/seed=0/generation=1/samples.parquet",
    "strategy=verified/seed=0/generation=2/mixture.parquet",
    "strategy=verified/seed=0/generation=2",
    "metrics.parquet",
)


def truncated(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randrange(len(content))]


def flipped(content: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(content))
    return content[:place] + bytes([content[place] ^ (1 << chance.randrange(8))]) + content[place + 1 :]


@pytest.mark.parametrize("damage", [truncated, flipped])
def test_a_damaged_table_is_found_set_aside_and_made_again(disturbed, assert_recovers, chance, damage):
    for _ in range(FAULTS):
        path = chance.choice(sorted(disturbed.results.rglob("*.parquet")))
        path.write_bytes(damage(path.read_bytes(), chance))
        run = disturbed.project.snakemake("--cores", "2", check=False)
        if run.returncode:
            assert "set aside" in run.stdout and "Run snakemake again" in run.stdout, path
        assert_recovers(disturbed)


def test_damage_that_left_the_time_alone_is_found_by_the_audit(disturbed, assert_recovers, chance):
    for _ in range(FAULTS):
        path = chance.choice(sorted(disturbed.results.rglob("*.parquet")))
        times = path.stat()
        path.write_bytes(flipped(path.read_bytes(), chance))
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        found = disturbed.project.collapse("audit", "results/tiny", "--set-aside", check=False)
        assert found.returncode == 1 and str(path.relative_to(disturbed.results)) in found.stdout + found.stderr
        assert_recovers(disturbed)


def test_a_model_that_is_deleted_or_damaged_is_trained_again(disturbed, assert_recovers, chance):
    models = sorted(disturbed.results.rglob("model"))
    shutil.rmtree(chance.choice(models))
    assert_recovers(disturbed)
    for name in ("model.json", "model.safetensors", "ngram.json"):
        path = chance.choice(models) / name
        path.unlink() if chance.random() < 0.5 else path.write_bytes(flipped(path.read_bytes(), chance))
        audited = disturbed.project.collapse("audit", "results/tiny", "--set-aside", check=False)
        assert audited.returncode == 1
        assert_recovers(disturbed)


def test_a_clock_that_was_moved_back_reruns_and_breaks_nothing(disturbed, assert_recovers, chance):
    for _ in range(FAULTS):
        disturbed.forget(chance.choice(STAGED))
        later = time.time() + DAY
        for path in disturbed.results.rglob("*"):
            os.utime(path, (later, later))
        assert_recovers(disturbed)
