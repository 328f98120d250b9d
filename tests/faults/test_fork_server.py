"""The process that jobs are forked from is killed, or left behind: the run goes on, and nothing outlives it."""

import os
import signal
import time

import pytest
from projects import wait_until

ARM = "strategy=verified/seed=0/generation=2"


@pytest.fixture
def unfinished(disturbed):
    """The last generation is to be made again, and nothing else."""
    disturbed.forget(ARM)
    disturbed.aim_at(f"{ARM}/metrics.parquet")
    return disturbed


def server_of(run, disturbed) -> int:
    """The process that the jobs of a run are forked from."""
    wait_until(lambda: disturbed.servers() or run.poll() is not None, "a fork server", lambda: disturbed.output)
    assert disturbed.servers(), disturbed.output
    return disturbed.servers()[0]


def assert_nothing_runs(disturbed) -> None:
    wait_until(lambda: not (disturbed.servers() or disturbed.jobs()), "the end of the last process of the run")


def test_a_run_whose_fork_server_is_killed_goes_on_to_the_same_bytes(unfinished, assert_whole, chance, n_faults):
    for _ in range(n_faults):
        run = unfinished.start()
        server = server_of(run, unfinished)
        time.sleep(chance.uniform(0, 2))
        os.kill(server, signal.SIGKILL)
        assert unfinished.ended(run) == 0, unfinished.output
        assert_whole(unfinished)
        assert_nothing_runs(unfinished)
        unfinished.forget(ARM)


def test_a_killed_snakemake_leaves_a_server_only_until_its_last_job_has_ended(unfinished, chance, n_faults):
    for _ in range(n_faults):
        run = unfinished.start()
        server_of(run, unfinished)
        time.sleep(chance.uniform(0, 1))
        run.kill()
        run.wait()
        assert_nothing_runs(unfinished)


@pytest.mark.full
def test_a_run_without_a_fork_server_writes_the_same_bytes(unfinished, assert_whole, monkeypatch):
    monkeypatch.setenv("COLLAPSE_FORK_SERVER", "off")
    run = unfinished.start()
    unfinished.first_job(run)
    assert not unfinished.servers()
    assert unfinished.ended(run) == 0, unfinished.output
    assert_whole(unfinished)
