"""What a job costs more through Slurm than here, side by side; on Debian with Slurm's packages, as root.

Runs one experiment on this machine and once more through a cluster of two virtual nodes on it, and checks that both
give the same bytes.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from projects import Project

from benchmarks.contest import Benchmark, Contest, Contestants
from benchmarks.costs import Cost, of_command

GENERATIONS, SEEDS = 5, [0, 1, 2]
HERE, SLURM = "here", "through Slurm"
OPTIONS = {
    HERE: ("--cores", "2"),
    SLURM: ("--profile", "slurm", "--slurm-init-seconds-before-status-checks", "10", "--latency-wait", "5"),
}


@contextmanager
def prepared(folder: Path, small: bool) -> Iterator[Contestants]:
    """This machine, and a cluster on it."""
    from slurm.conftest import PREFIX, Cluster  # what tests of the cluster use

    size = {"generations": 1, "seeds": [0]} if small else {"generations": GENERATIONS, "seeds": SEEDS}
    made = dict[str, str]()

    def run(where: str, number: int) -> Cost:
        project = Project(folder / f"{where} {number}")
        project.configure(**size)
        command = [sys.executable, "-m", "snakemake", "--configfile", "experiment.yaml", *OPTIONS[where]]
        cost = of_command(command, project.folder, {})
        found = project.digests()
        assert found == (made or found), f"{where}: not the bytes of the run before"
        made.update(found)
        return cost

    with tempfile.TemporaryDirectory(prefix=PREFIX, dir="/var/tmp") as home:
        Path(home).chmod(0o755)
        cluster = Cluster(Path(home))
        cluster.configure()
        try:
            cluster.start()
            yield {HERE: lambda number: run(HERE, number), SLURM: lambda number: run(SLURM, number)}
            print(f"a Slurm job ran {_mean_seconds_in_slurm():.1f} s", file=sys.stderr)
        finally:
            cluster.stop()


def _mean_seconds_in_slurm() -> float:
    """How long a Slurm job ran."""
    said = subprocess.run(["scontrol", "show", "job", "-o"], capture_output=True, text=True, check=True).stdout
    pairs = re.findall(r"StartTime=(\S+) EndTime=(\S+)", said)
    lasted = [(datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds() for start, end in pairs]
    return sum(lasted) / len(lasted)


CONTEST = Contest(
    (
        Benchmark(
            name="slurm_overhead",
            ours=HERE,
            others=(SLURM,),
            unit="times, by the clock",
            compared="an n-gram experiment of 204 steps on 2 cores against the same through a cluster of two virtual "
            "nodes on the same 2 cores",
            counted="seconds",
        ),
    ),
    prepared,
    n_rounds=1,
    minutes=20,
    by_default=False,
)
