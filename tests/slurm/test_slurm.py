"""`snakemake --profile slurm` on a real cluster: the bytes of a local run, whatever the cluster does to jobs."""

import os
import signal
import subprocess
import time

import pytest
from projects import FAULTS

pytestmark = pytest.mark.slurm

QUICK = ("--profile", "slurm", "--slurm-init-seconds-before-status-checks", "10", "--latency-wait", "5")
ARM = "strategy=verified/seed=0/generation=2"


@pytest.fixture
def submitted(cluster, disturbed):
    """The last generation of a finished run, to be made again through Slurm, in one job."""
    disturbed.forget(ARM)
    disturbed.arguments = (*QUICK, f"results/tiny/{ARM}/metrics.parquet")
    yield disturbed
    cluster.wait_until_empty()


@pytest.fixture
def assert_equals(undisturbed):
    """Every artifact equals the local run's, and nothing half-written is left."""

    def check(disturbed) -> None:
        assert disturbed.project.digests() == undisturbed.digests(), disturbed.output
        assert not list(disturbed.results.rglob(".*.partial"))

    return check


def scontrol(*words: str) -> str:
    return subprocess.run(["scontrol", *words], capture_output=True, text=True, check=True).stdout


def wait_for(stage: str, disturbed, run: subprocess.Popen) -> int:
    """The process of a stage that runs in a Slurm job."""
    while run.poll() is None:
        if found := disturbed.jobs(stage):
            return found[0]
        time.sleep(0.02)
    pytest.fail(f"{stage} never ran:\n{disturbed.output}")


def running(cluster) -> str:
    """Number of the job that runs."""
    return next(number for number, state in cluster.jobs().items() if state == "RUNNING")


def test_the_whole_loop_gives_the_bytes_of_a_local_run(cluster, disturbed, assert_equals):
    disturbed.forget("*")
    disturbed.arguments = (*QUICK, "--set-resources", "train:gpu=1")
    before = set(scontrol("show", "job", "-o").splitlines())
    assert disturbed.start().wait() == 0, disturbed.output
    assert_equals(disturbed)
    jobs = [line for line in scontrol("show", "job", "-o").splitlines() if line not in before and "JobId=" in line]
    trained = [line for line in jobs if "TresPerJob=gres:gpu:1" in line]
    # real text; a world; generations 0, 1 of the shared real arm and 1, 2 of the strategy; what is made of all
    assert len(jobs) == 7 and len(trained) == 3, jobs
    assert all("JobState=COMPLETED" in line for line in jobs)


def test_a_cancelled_job_is_submitted_again_and_goes_on(cluster, submitted, assert_equals, chance):
    for stage in chance.sample(("generate", "train", "evaluate"), FAULTS):
        run = submitted.start()
        wait_for(stage, submitted, run)
        time.sleep(chance.uniform(0, 0.5))
        subprocess.run(["scancel", running(cluster)], check=True)
        assert run.wait() == 0, submitted.output
        assert_equals(submitted)
        submitted.forget(ARM)


def test_a_job_that_hangs_until_its_time_limit_is_submitted_again(cluster, submitted, assert_equals, chance):
    for stage in chance.sample(("generate", "train", "evaluate"), FAULTS):
        run = submitted.start()
        process = wait_for(stage, submitted, run)
        time.sleep(chance.uniform(0, 0.5))
        os.kill(process, signal.SIGSTOP)
        scontrol("update", f"JobId={running(cluster)}", "TimeLimit=00:00:01")
        assert run.wait() == 0, submitted.output
        assert_equals(submitted)
        submitted.forget(ARM)


def test_a_pre_empted_job_is_requeued_and_goes_on(cluster, submitted, assert_equals, chance):
    for stage in chance.sample(("generate", "train", "evaluate"), FAULTS):
        run = submitted.start()
        wait_for(stage, submitted, run)
        time.sleep(chance.uniform(0, 0.5))
        scontrol("requeue", running(cluster))
        assert run.wait() == 0, submitted.output
        assert_equals(submitted)
        submitted.forget(ARM)


def test_jobs_outlive_the_daemon_of_their_node(cluster, submitted, assert_equals, chance):
    for _ in range(FAULTS):
        run = submitted.start()
        wait_for("generate", submitted, run)
        time.sleep(chance.uniform(0, 1))
        for node in ("alpha", "beta"):
            cluster.kill(f"slurmd.{node}")
        time.sleep(chance.uniform(0, 2))
        for node in ("alpha", "beta"):
            cluster.start_node(node)
        assert run.wait() == 0, submitted.output
        assert_equals(submitted)
        submitted.forget(ARM)


def test_snakemake_killed_while_its_jobs_run_in_slurm_is_started_again_beside_them(
    cluster, submitted, assert_equals, chance
):
    for _ in range(3):
        run = submitted.start()
        wait_for("generate", submitted, run)
        time.sleep(chance.uniform(0, 3))
        run.kill()
        run.wait()
    assert submitted.start().wait() == 0, submitted.output
    cluster.wait_until_empty()
    assert_equals(submitted)


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
    done = submitted.project.snakemake(*QUICK, *options, check=False)
    assert done.returncode != 0
    assert words in done.stdout, done.stdout
    assert "Nothing was started" in done.stdout and "profiles/slurm" in done.stdout
    assert not cluster.jobs() and not (submitted.results / ARM).exists()
