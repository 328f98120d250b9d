"""What jobs ask of a Slurm cluster, checked with the cluster itself before the first is submitted."""

import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from collapse.errors import EngineError


@dataclass(frozen=True)
class Request:
    """What one Slurm job asks for.

    Attributes:
        partition: Partition; None for the cluster's default.
        account: Account; None for the user's default.
        gpus: Number of GPUs.
        mem_mb: Memory in MB; None for the cluster's default.
        runtime: Minutes; None for the partition's default.
        threads: CPU cores.
    """

    partition: str | None
    account: str | None
    gpus: int
    mem_mb: int | None
    runtime: int | None
    threads: int

    @classmethod
    def of(cls, resources: Mapping[str, Any], threads: int) -> Self:
        """From the resources that Snakemake has worked out for a job or a group of jobs."""
        return cls(
            partition=resources.get("slurm_partition"),
            account=resources.get("slurm_account"),
            gpus=int(resources.get("gpu", 0)),
            mem_mb=resources.get("mem_mb"),
            runtime=resources.get("runtime"),
            threads=threads,
        )

    @property
    def options(self) -> list[str]:
        """The options of `sbatch` that ask for this."""
        named = {
            "partition": self.partition,
            "account": self.account,
            "gpus": self.gpus or None,
            "mem": self.mem_mb,
            "time": self.runtime,
        }
        given = [f"--{name}={value}" for name, value in named.items() if value is not None]
        return ["--ntasks=1", f"--cpus-per-task={self.threads}", *given]


MEGABYTE = 10**6


def memory_granted(resources: Any, groups: Mapping[str, str]) -> dict[str, int]:
    """Bytes of memory that a profile gives the jobs of each rule; rules that it does not name are left out.

    Steps of one group run after one another in a job that has as much as the greediest of them asks for.

    Args:
        resources: Snakemake's `workflow.resource_settings`.
        groups: Group of each rule.
    """
    default = _megabytes(resources.default_resources)
    own = {rule: _megabytes(given) or default for rule, given in (resources.overwrite_resources or {}).items()}
    asked = {rule: n for rule in {*groups, *own} if (n := own.get(rule, default))}
    most = dict[str, int]()
    for rule, n in asked.items():
        most[groups.get(rule, rule)] = max(n, most.get(groups.get(rule, rule), 0))
    return {rule: most[groups.get(rule, rule)] * MEGABYTE for rule in asked}


def _megabytes(resources: Mapping[str, Any] | None) -> int:
    """What `mem_mb` says; 0 where it says nothing, or leaves it to a formula."""
    given = (resources or {}).get("mem_mb")
    value = getattr(given, "raw", given)
    return value if isinstance(value, int) else 0


def refuse_impossible(requests: Iterable[Request]) -> None:
    """Ask Slurm whether it could ever start such jobs; `sbatch --test-only` starts none.

    Raises:
        EngineError: There is no Slurm here, or it could not.
    """
    wanted = set(requests)
    if wanted and shutil.which("sbatch") is None:
        raise EngineError(
            "profile slurm: there is no `sbatch` on this machine, so no job can be submitted. Nothing was started.\n"
            "  Run this on a login node of the cluster, or without --profile slurm to run here."
        )
    for request in sorted(wanted, key=str):
        if said := _refusal(request):
            raise EngineError(
                f"profile slurm: the cluster refuses jobs with {' '.join(request.options)}: {said}\n"
                "  Nothing was started. Partition, account, memory, time and GPUs are in profiles/slurm/config.yaml;\n"
                "  sinfo -o '%P %l %m %c %G' shows what the cluster has."
            )


def _over_time(request: Request) -> str:
    """Whether it asks for more time than its partition gives: many clusters accept such a job, and never start it."""
    shown = subprocess.run(["scontrol", "show", "partition", "-o"], capture_output=True, text=True, check=False).stdout
    for line in shown.splitlines():
        facts = {name: value for name, _, value in (word.partition("=") for word in line.split())}
        is_meant = facts["PartitionName"] == request.partition or (not request.partition and facts["Default"] == "YES")
        most = _minutes(facts["MaxTime"])
        if is_meant and most is not None and (request.runtime or 0) > most:
            return (
                f"partition {facts['PartitionName']} gives {most} minutes at most, and {request.runtime} are asked for"
            )
    return ""


def _minutes(limit: str) -> int | None:
    """Minutes of a limit as Slurm writes it, `[days-]hours:minutes:seconds`; None if there is none."""
    if limit == "UNLIMITED":
        return None
    days, _, clock = limit.rpartition("-")
    hours, minutes, _ = clock.split(":")
    return (int(days or 0) * 24 + int(hours)) * 60 + int(minutes)


def _refusal(request: Request) -> str:
    """What Slurm has against such a job; empty if nothing."""
    # what was set for a job that this one may run in would count as asked for here
    own = {name: value for name, value in os.environ.items() if not name.startswith(("SBATCH_", "SLURM_JOB"))}
    command = ["sbatch", "--test-only", *request.options, "--wrap=true"]
    done = subprocess.run(command, env=own, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return _over_time(request)
    lines = (line.removeprefix("sbatch: error: ").strip() for line in done.stderr.splitlines())
    return "; ".join(filter(None, lines)) or f"sbatch ended with {done.returncode}"
