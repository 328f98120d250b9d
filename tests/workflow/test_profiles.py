"""Profiles: how jobs run, never what they compute."""

import os
import sys
from pathlib import Path

SLURM = ("sbatch", "squeue", "sacct", "sacctmgr", "scancel", "scontrol", "sinfo", "srun")


def test_a_missing_profile_is_named(fresh):
    fresh.configure()
    done = fresh.snakemake("--profile", "slrum", "-n", check=False)
    assert done.returncode != 0 and "profile directory given (slrum)" in done.stdout


def test_where_there_is_no_slurm_nothing_is_started(fresh, monkeypatch, tmp_path):
    fresh.configure()
    without = tmp_path / "bin"
    without.mkdir()
    for program in Path("/usr/bin").iterdir():
        if program.name not in SLURM:
            (without / program.name).symlink_to(program)
    monkeypatch.setenv("PATH", f"{os.path.dirname(sys.executable)}{os.pathsep}{without}")
    done = fresh.snakemake("--profile", "slurm", check=False)
    assert done.returncode != 0
    assert "there is no `sbatch` on this machine" in done.stdout
    assert not (fresh.folder / "results").exists()


def test_another_profile_and_another_checkpoint_interval_rerun_nothing(finished):
    assert finished.jobs("--profile", "slurm", "--set-resources", "train:checkpoint_minutes=1") == {}
