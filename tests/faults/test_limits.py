"""Memory that runs out, and a second Snakemake beside the first."""

import resource
import time
from pathlib import Path

from projects import FAULTS


def starve(process: int) -> None:
    """Give the process no byte more of memory than it has."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[0])
    held = pages * resource.getpagesize()
    resource.prlimit(process, resource.RLIMIT_AS, (held, held))


def test_memory_that_runs_out_is_named_and_loses_nothing(disturbed, assert_recovers, chance):
    lock = disturbed.results / "strategy=real/seed=0/generation=1/provenance/.samples.lock"
    for _ in range(FAULTS):
        disturbed.forget("strategy=real/seed=0/generation=1/samples.parquet")
        lock.write_text("")
        assert disturbed.meet("generate", chance.uniform(0, 0.05), starve, when=lock.read_text)
        assert "emory" in disturbed.output and "run snakemake again" in disturbed.output
        assert_recovers(disturbed)


def test_a_second_snakemake_is_refused_and_the_first_goes_on(disturbed, assert_recovers, chance):
    for _ in range(FAULTS):
        disturbed.forget("strategy=verified")
        first = disturbed.start()
        while first.poll() is None and not disturbed.jobs():
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 1))
        second = disturbed.project.snakemake("--cores", "1", check=False)
        assert second.returncode != 0 and "cannot be locked" in second.stdout
        assert first.wait() == 0, disturbed.output
        assert_recovers(disturbed)


def test_two_snakemakes_that_know_nothing_of_each_other_spoil_no_file(disturbed, assert_recovers, chance):
    for _ in range(FAULTS):
        disturbed.forget("strategy=verified/seed=0/generation=1", "strategy=real/seed=0/generation=1")
        first = disturbed.start("--nolock")
        time.sleep(chance.uniform(0, 6))
        second = disturbed.start("--nolock")
        first.wait()
        second.wait()
        assert_recovers(disturbed)
