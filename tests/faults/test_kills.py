"""A job, or Snakemake itself, is killed at a random moment: the next run goes on, and ends in the same bytes."""

import os
import signal
import time

import pytest
from projects import FAULTS

STAGES = {
    "corpus": ["documents.parquet"],
    "generate": ["strategy=real/seed=0/generation=1/samples.parquet"],
    "verify": ["strategy=verified/seed=0/generation=1/verdicts.parquet"],
    "mix": ["strategy=verified/seed=0/generation=2/mixture.parquet"],
    "train": ["strategy=verified/seed=0/generation=1/model"],
    "evaluate": ["strategy=verified/seed=0/generation=2/metrics.parquet"],
    "truth": ["truth.parquet"],
    "simulate": ["world=line/metrics.parquet"],
    "world_figure": ["figures/world=line.svg"],
    "collect": ["metrics.parquet"],
    "contrast": ["contrasts.parquet"],
    "claims": ["claims.parquet"],
    "figure": ["figures/test_loss.svg"],
    "calibration_figure": ["figures/calibration.svg"],
    "audit": ["audit.parquet"],
    "report": ["report.html"],
}


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_that_is_killed_ends_in_the_same_bytes(disturbed, assert_recovers, chance, stage):
    disturbed.forget(*STAGES[stage])
    longest = 1.5
    for _ in range(FAULTS):
        while not disturbed.interrupt(stage, chance.uniform(0, longest)):
            longest /= 2  # it had ended before
            disturbed.forget(*STAGES[stage])
        assert "was killed" in disturbed.output and "run snakemake again" in disturbed.output
    assert_recovers(disturbed)


def test_a_killed_generate_job_keeps_the_samples_it_has_drawn(disturbed, assert_recovers, chance):
    arm = disturbed.results / "strategy=real/seed=0/generation=1"
    disturbed.forget(*STAGES["generate"])

    def kept() -> int:
        return len(list(arm.glob(".samples.parquet.*.work/[0-9]*.parquet")))

    for more in range(1, FAULTS + 1):
        found = kept() + more
        if not disturbed.interrupt("generate", chance.uniform(0, 0.01), when=lambda wanted=found: kept() >= wanted):
            disturbed.forget(*STAGES["generate"])
    n_kept = kept()
    assert n_kept > 0
    assert_recovers(disturbed)
    assert (arm / "logs/generate.log").read_text().count("samples drawn before") == n_kept


def test_a_stage_that_is_asked_to_stop_says_so(disturbed, assert_recovers, chance):
    lock = disturbed.results / "strategy=real/seed=0/generation=1/provenance/.samples.lock"
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGXCPU)[-FAULTS:]:
        disturbed.forget(*STAGES["generate"])
        lock.write_text("")
        assert disturbed.interrupt("generate", chance.uniform(0, 0.2), number, when=lock.read_text)
        assert f"Stopped by {number.name}" in disturbed.output and "run snakemake again" in disturbed.output
        assert_recovers(disturbed)


def test_snakemake_killed_again_and_again_while_its_jobs_run_on(disturbed, assert_recovers, chance):
    disturbed.forget("strategy=verified/seed=0/generation=2", "strategy=verified/seed=0/generation=1/model")
    kills = 0
    while kills < FAULTS:
        run = disturbed.start()
        while run.poll() is None and not disturbed.jobs():
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 1.5))
        kills += run.poll() is None
        run.kill()  # its jobs run on, and the next run starts beside them, with no --unlock
        run.wait()
    output = assert_recovers(disturbed)
    assert "An earlier run was killed" in output or "Nothing to be done" in output


def test_a_run_killed_with_all_its_jobs_leaves_nothing_that_looks_finished(disturbed, assert_recovers, chance):
    disturbed.forget("strategy=verified", "strategy=real/seed=0/generation=1")
    for _ in range(FAULTS):
        run = disturbed.start()
        while run.poll() is None and not disturbed.jobs():
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 2))
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
    assert_recovers(disturbed)
