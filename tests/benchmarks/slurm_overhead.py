"""What a job costs more through Slurm than here, side by side: `python tests/benchmarks/slurm_overhead.py`, as root.

Runs one experiment on this machine and once more through a cluster of two virtual nodes on it, checks that both give
the same bytes, and prints wall times, their ratio, and how much longer a Slurm job takes than the steps in it.
"""

import re
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path.insert(0, str(TESTS))
sys.path.insert(0, str(TESTS / "slurm"))
from conftest import PREFIX, Cluster
from projects import Project

GENERATIONS, SEEDS = 5, [0, 1, 2]
SLURM = ("--profile", "slurm", "--slurm-init-seconds-before-status-checks", "10", "--latency-wait", "5")


def timed(project: Project, *arguments: str) -> float:
    """Wall seconds of a run."""
    start = time.monotonic()
    project.snakemake(*arguments)
    return time.monotonic() - start


def seconds_in_slurm() -> list[float]:
    """How long each Slurm job ran."""
    said = subprocess.run(["scontrol", "show", "job", "-o"], capture_output=True, text=True, check=True).stdout
    pairs = re.findall(r"StartTime=(\S+) EndTime=(\S+)", said)
    return [(datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds() for start, end in pairs]


def main() -> None:
    """Print the comparison."""
    with tempfile.TemporaryDirectory() as work, tempfile.TemporaryDirectory(prefix=PREFIX, dir="/var/tmp") as home:
        here, there = Project(Path(work, "here")), Project(Path(work, "there"))
        for project in (here, there):
            project.configure(generations=GENERATIONS, seeds=SEEDS)
        n_steps = sum(here.jobs().values()) - 1
        local = timed(here, "--cores", "2")
        Path(home).chmod(0o755)
        cluster = Cluster(Path(home))
        cluster.configure()
        try:
            cluster.start()
            slurm, jobs = timed(there, *SLURM), seconds_in_slurm()
        finally:
            cluster.stop()
        assert here.digests() == there.digests()
    print(
        f"{n_steps} steps: {local:.0f} s here on 2 cores; {slurm:.0f} s in {len(jobs)} Slurm jobs on 2 + 2 claimed ones"
    )
    print(f"ratio {slurm / local:.1f}; a Slurm job ran {sum(jobs) / len(jobs):.1f} s, of which its steps need")
    print(f"about {2 * local / len(jobs):.1f} s here")


if __name__ == "__main__":
    main()
