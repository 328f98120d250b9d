"""Profiles: how jobs run, never what they compute."""

import os
import shutil
import sys


def test_a_missing_profile_is_named(fresh):
    fresh.configure()
    done = fresh.snakemake("--profile", "slrum", "-n", check=False)
    assert done.returncode != 0 and "profile directory given (slrum)" in done.stdout


def test_where_there_is_no_slurm_nothing_is_started(fresh, monkeypatch, tmp_path):
    fresh.configure()
    for program in ("bash", "sh", "env", "uname", "git"):
        (tmp_path / program).symlink_to(shutil.which(program) or "/bin/false")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.path.dirname(sys.executable)}")
    done = fresh.snakemake("--profile", "slurm", check=False)
    assert done.returncode != 0
    assert "there is no `sbatch` on this machine" in done.stdout
    assert not (fresh.folder / "results").exists()


def test_a_profile_reruns_nothing(finished):
    assert finished.jobs("--profile", "slurm") == {}


def test_another_checkpoint_interval_reruns_nothing(finished):
    assert finished.jobs("--set-resources", "train:checkpoint_minutes=1") == {}
