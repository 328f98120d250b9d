"""Memory that runs out, and a second Snakemake beside the first."""

import os
import resource
import signal
import time
from pathlib import Path


def starve(process: int) -> None:
    """Give the process no byte more of memory than it has."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[0])
    held = pages * resource.getpagesize()
    resource.prlimit(process, resource.RLIMIT_AS, (held, held))


def test_memory_that_runs_out_is_named_and_loses_nothing(disturbed, assert_recovers, chance, n_faults):
    samples = "strategy=real/seed=0/generation=1/samples.parquet"
    disturbed.aim_at(samples)
    for _ in range(n_faults):
        disturbed.forget(samples)
        moment = chance.uniform(0, 0.05)
        assert disturbed.meet("generate", moment, starve, when=lambda: disturbed.at_work("generate"))
        said = disturbed.output
        assert "emory" in said and "run snakemake again" in said, said
        assert_recovers(disturbed)


def test_a_second_snakemake_is_refused_and_the_first_goes_on(disturbed, part, assert_whole, n_faults):
    for _ in range(n_faults):
        disturbed.forget(part or "strategy=verified")
        first = disturbed.start()
        assert disturbed.first_job(first), disturbed.output
        os.kill(first.pid, signal.SIGSTOP)  # it might have ended before the second has planned
        second = disturbed.run(check=False)
        os.kill(first.pid, signal.SIGCONT)
        assert second.returncode != 0 and "cannot be locked" in second.stdout
        assert disturbed.ended(first) == 0, disturbed.output
        assert_whole(disturbed)


def test_two_snakemakes_that_know_nothing_of_each_other_spoil_no_file(
    disturbed, part, assert_recovers, chance, n_faults
):
    for _ in range(n_faults):
        disturbed.forget(f"{part}/mixture.parquet" if part else "strategy=verified/seed=0/generation=1")
        first = disturbed.start("--nolock")
        disturbed.first_job(first)
        time.sleep(chance.uniform(0, 1))
        second = disturbed.start("--nolock")
        disturbed.ended(first)
        disturbed.ended(second)
        assert_recovers(disturbed)
