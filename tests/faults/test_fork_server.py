"""The process that jobs are forked from is killed, or left behind: the run goes on, and nothing outlives it."""

import os
import signal
import time

import pytest

FORGOTTEN = "strategy=verified/seed=0/generation=2"
PATIENCE_SECONDS = 60


def server_of(disturbed, run) -> int:
    while run.poll() is None:
        if found := disturbed.servers():
            return found[0]
        time.sleep(0.01)
    pytest.fail(f"no server was started:\n{disturbed.output}")


def assert_nothing_runs(disturbed) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while disturbed.servers() or disturbed.jobs():
        assert time.monotonic() < end, "something of the run is still there"
        time.sleep(0.05)


def test_a_run_whose_fork_server_is_killed_goes_on_to_the_same_bytes(disturbed, undisturbed, chance):
    disturbed.forget(FORGOTTEN)
    run = disturbed.start()
    server = server_of(disturbed, run)
    time.sleep(chance.uniform(0, 3))
    os.kill(server, signal.SIGKILL)
    assert run.wait() == 0, disturbed.output
    assert disturbed.project.digests() == undisturbed.digests()
    assert_nothing_runs(disturbed)


def test_a_killed_snakemake_leaves_a_server_only_until_its_last_job_has_ended(disturbed, chance):
    disturbed.forget(FORGOTTEN)
    run = disturbed.start()
    server_of(disturbed, run)
    time.sleep(chance.uniform(0, 2))
    run.kill()
    run.wait()
    assert_nothing_runs(disturbed)


def test_a_run_without_a_fork_server_writes_the_same_bytes(disturbed, undisturbed, monkeypatch):
    disturbed.forget(FORGOTTEN)
    monkeypatch.setenv("COLLAPSE_FORK_SERVER", "off")
    run = disturbed.start()
    while run.poll() is None:
        assert not disturbed.servers()
        time.sleep(0.1)
    assert run.returncode == 0, disturbed.output
    assert disturbed.project.digests() == undisturbed.digests()
