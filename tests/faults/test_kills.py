"""A job, or Snakemake itself, is killed at a random moment: the next run goes on, and ends in the same bytes."""

import os
import pkgutil
import signal
import time

import pytest

import collapse.stages

SHARED, ARM = "strategy=real/seed=0/generation=1", "strategy=verified/seed=0/generation=1"
CHAINS = [
    {"corpus": "documents.parquet", "truth": "truth.parquet", "references": "references.parquet"},
    {
        "generate": f"{SHARED}/samples.parquet",
        "verify": f"{ARM}/verdicts.parquet",
        "mix": f"{ARM}/mixture.parquet",
        "train": f"{ARM}/model/model.json",
    },
    {"evaluate": f"{ARM}/metrics.parquet", "collect": "metrics.parquet", "extra_figure": "figures/calibration.svg"},
    {"simulate": "world=line/metrics.parquet", "world_figure": "figures/world=line.svg", "claims": "claims.parquet"},
    {
        "contrast": "contrasts.parquet",
        "stopping": "stopping.parquet",
        "figure": "figures/test_loss.svg",
    },
    {"audit": "audit.parquet", "report": "report.html"},
]
"""Every stage, with what it makes; in chains, so that the run in which one is killed recovers those before it."""


RARELY = [pytest.mark.full]
"""What follows from metrics is made in seconds, from tables that are there: its kills are for the full tier."""


@pytest.mark.parametrize(
    "made",
    [pytest.param(made, id=" and ".join(made), marks=RARELY if "contrast" in made else []) for made in CHAINS],
)
def test_stages_that_are_killed_end_in_the_same_bytes(disturbed, assert_recovers, chance, n_faults, made):
    asked = list[str]()
    for stage, artifact in made.items():
        asked.append(artifact)
        disturbed.forget(artifact)
        disturbed.aim_at(*asked)
        for _ in range(n_faults):
            kill(disturbed, stage, artifact, chance)
            assert "was killed" in disturbed.output and "run snakemake again" in disturbed.output
    assert_recovers(disturbed)


NOT_OF_A_GRAMMAR = {"base_model", "checkpoint", "rater", "internals", "neurons"}
"""Stages that this project has no use for; they write as all others do, through the contracts."""


def test_every_stage_is_killed_in_a_test():
    stages = {module.name for module in pkgutil.iter_modules(collapse.stages.__path__)}
    assert {stage for made in CHAINS for stage in made} == stages - NOT_OF_A_GRAMMAR


def kill(disturbed, stage, artifact, chance):
    """Kill a stage's process at its work; or, where that is over too soon, as soon as it is there."""
    if disturbed.interrupt(stage, chance.uniform(0, 0.05), when=lambda: disturbed.at_work(stage)):
        return
    for _ in range(5):
        disturbed.forget(artifact)  # it had been made
        if disturbed.interrupt(stage, 0):
            return
    pytest.fail(f"{stage} always ends before it can be killed:\n{disturbed.output}")


def test_a_killed_generate_job_keeps_the_samples_it_has_drawn(disturbed, assert_recovers, chance, n_faults):
    arm, samples = disturbed.results / SHARED, f"{SHARED}/samples.parquet"
    disturbed.aim_at(samples)
    disturbed.forget(samples)

    def kept() -> int:
        return len(list(arm.glob(".samples.parquet.*.work/[0-9]*.parquet")))

    for more in range(1, n_faults + 1):
        found = kept() + more
        if not disturbed.interrupt("generate", chance.uniform(0, 0.01), when=lambda wanted=found: kept() >= wanted):
            disturbed.forget(samples)
    n_kept = kept()
    assert n_kept > 0
    assert_recovers(disturbed)
    assert (arm / "logs/generate.log").read_text().count("samples drawn before") == n_kept


def test_a_stage_that_is_asked_to_stop_says_so(disturbed, assert_recovers, chance, n_faults):
    samples = f"{SHARED}/samples.parquet"
    disturbed.aim_at(samples)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGXCPU)[-n_faults:]:
        disturbed.forget(samples)
        moment = chance.uniform(0, 0.1)
        assert disturbed.interrupt("generate", moment, number, when=lambda: disturbed.at_work("generate"))
        assert f"Stopped by {number.name}" in disturbed.output and "run snakemake again" in disturbed.output
        assert "memory" not in disturbed.output and "Its log: results/tiny/" in disturbed.output
        assert_recovers(disturbed)


def test_snakemake_killed_while_its_jobs_run_on_is_started_again_beside_them(
    disturbed, assert_recovers, chance, n_faults
):
    disturbed.forget("world=line/metrics.parquet")
    for _ in range(n_faults):
        run = disturbed.start()
        if disturbed.first_job(run):
            time.sleep(chance.uniform(0, 1.5))
        run.kill()  # its jobs run on, and the next run starts beside them, with no --unlock
        run.wait()
    output = assert_recovers(disturbed)
    assert "An earlier run was killed" in output or "Nothing to be done" in output


def test_a_run_killed_with_all_its_jobs_leaves_nothing_that_looks_finished(
    disturbed, part, assert_recovers, chance, n_faults
):
    disturbed.forget(part or "strategy=*")
    for _ in range(n_faults):
        run = disturbed.start()
        if disturbed.first_job(run):
            time.sleep(chance.uniform(0, 2))
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
    assert_recovers(disturbed)
