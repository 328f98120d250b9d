"""`snakemake --profile slurm` on a real cluster: the bytes of a local run, whatever the cluster does to jobs."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from projects import Started, state_of, wait_until

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(900)]

QUICK = ("--profile", "slurm", "--slurm-init-seconds-before-status-checks", "10", "--latency-wait", "5")
ARM = "strategy=verified/seed=0/generation=2"
MINUTES = 12
STAGES = ("generate", "train", "evaluate")


@pytest.fixture
def submitted(cluster, disturbed):
    """The last generation of a finished run, to be made again through Slurm, in one job."""
    disturbed.forget(ARM)
    disturbed.arguments = QUICK
    disturbed.minutes = MINUTES
    disturbed.aim_at(f"{ARM}/metrics.parquet")
    yield disturbed
    disturbed.end()  # Snakemake first: it would submit again what is cancelled
    cluster.cancel_all()  # and then, in `disturbed`, what a cancelled job has left behind


def scontrol(*words: str) -> str:
    return subprocess.run(["scontrol", *words], capture_output=True, text=True, check=True).stdout


def wait_for_a_job(cluster, submitted, run: Started) -> None:
    """Wait until a Slurm job runs, or Snakemake has found nothing left to submit."""
    wait_until(lambda: cluster.running() or run.poll() is not None, "a Slurm job to run", lambda: submitted.output)


@contextmanager
def stopped(stage: str, submitted, run: Started) -> Iterator[int]:
    """Halt the process of a stage that runs in a Slurm job, so that whatever follows meets the job in its midst."""

    def halted() -> int:
        assert run.poll() is None, f"Snakemake ended before {stage} could be halted:\n{submitted.output}"
        for process in submitted.jobs(stage):
            os.kill(process, signal.SIGSTOP)
            wait_until(lambda one=process: state_of(one) in ("T", "Z", ""), f"{stage} to halt")
            if state_of(process) == "T":
                return process
        return 0

    process = wait_until(halted, f"{stage} to run in Slurm", lambda: submitted.output)
    try:
        yield process
    finally:
        if state_of(process) == "T":
            os.kill(process, signal.SIGCONT)


def test_the_whole_loop_gives_the_bytes_of_a_local_run(cluster, disturbed, assert_whole):
    disturbed.forget("*")
    disturbed.arguments = (*QUICK, "--set-resources", "train:gpu=1")
    disturbed.minutes = MINUTES
    before = set(scontrol("show", "job", "-o").splitlines())
    assert disturbed.ended(disturbed.start()) == 0, disturbed.output
    assert_whole(disturbed)
    jobs = [line for line in scontrol("show", "job", "-o").splitlines() if line not in before and "JobId=" in line]
    trained = [line for line in jobs if "TresPerJob=gres:gpu:1" in line]
    # real text; a world; generations 0, 1 of the shared real arm and 1, 2 of the strategy; what is made of all
    assert len(jobs) == 7 and len(trained) == 3, jobs
    assert all("JobState=COMPLETED" in line for line in jobs)


def test_a_cancelled_job_is_submitted_again_and_goes_on(cluster, submitted, assert_whole, chance, n_faults):
    for stage in chance.sample(STAGES, n_faults):
        run = submitted.start()
        with stopped(stage, submitted, run):
            subprocess.run(["scancel", *cluster.running()], check=True)
        assert submitted.ended(run) == 0, submitted.output
        assert_whole(submitted)
        submitted.forget(ARM)


def test_snakemake_killed_while_its_jobs_run_in_slurm_is_started_again_beside_them(
    cluster, submitted, assert_whole, chance, n_faults
):
    for _ in range(n_faults):
        run = submitted.start()
        wait_for_a_job(cluster, submitted, run)
        time.sleep(chance.uniform(0, 3))
        run.kill()
        run.wait()
    assert submitted.ended(submitted.start()) == 0, submitted.output
    cluster.wait_until_empty()
    assert_whole(submitted)


@pytest.mark.full
def test_a_job_that_hangs_until_its_time_limit_is_submitted_again(cluster, submitted, assert_whole, chance, n_faults):
    for stage in chance.sample(STAGES, n_faults):
        run = submitted.start()
        with stopped(stage, submitted, run):
            for number in cluster.running():
                scontrol("update", f"JobId={number}", "TimeLimit=00:00:01")
            assert submitted.ended(run) == 0, submitted.output
        assert_whole(submitted)
        submitted.forget(ARM)


@pytest.mark.full
def test_a_pre_empted_job_is_requeued_and_goes_on(cluster, submitted, assert_whole, chance, n_faults):
    for stage in chance.sample(STAGES, n_faults):
        run = submitted.start()
        with stopped(stage, submitted, run):
            for number in cluster.running():
                scontrol("requeue", number)
        assert submitted.ended(run) == 0, submitted.output
        assert_whole(submitted)
        submitted.forget(ARM)


@pytest.mark.full
def test_jobs_outlive_the_daemon_of_their_node(cluster, submitted, assert_whole, chance, n_faults):
    for stage in chance.sample(STAGES, n_faults):
        run = submitted.start()
        with stopped(stage, submitted, run):
            for node in ("alpha", "beta"):
                cluster.kill(f"slurmd.{node}")
            time.sleep(chance.uniform(0, 2))
        for node in ("alpha", "beta"):
            cluster.start_node(node)
        assert submitted.ended(run) == 0, submitted.output
        assert_whole(submitted)
        submitted.forget(ARM)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--default-resources", "slurm_partition=nowhere", "mem_mb=100"], "invalid partition specified: nowhere"),
        (["--set-resources", "train:gpu=9"], "Requested node configuration is not available"),
        (["--set-resources", "train:mem_mb=900000"], "Requested node configuration is not available"),
        (["--set-resources", "train:runtime=1000"], "partition main gives 240 minutes at most"),
    ],
)
def test_what_the_cluster_cannot_do_is_refused_before_anything_is_submitted(cluster, submitted, options, words):
    submitted.arguments = (*QUICK, *options)
    done = submitted.run(check=False)
    assert done.returncode != 0
    assert words in done.stdout, done.stdout
    assert "Nothing was started" in done.stdout and "profiles/slurm" in done.stdout
    assert not cluster.jobs() and not (submitted.results / ARM).exists()
