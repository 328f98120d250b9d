"""What a run is said to take and to be able to tell, before any of it is done."""

import json
import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import yaml
from projects import ROOT

from collapse.artifacts import contracts, layout
from collapse.config import load_plan
from collapse.errors import ConfigError
from collapse.experiment import costs
from collapse.experiment.sizes import Loop
from collapse.questions import planned
from collapse.questions.drift import merged
from collapse.stats.power import smallest_decided

TWO = [{"name": "real", "compose": "real"}, {"name": "a", "compose": "accumulate"}]
SMALL = {"experiment": "small", "generations": 2, "seeds": [4, 5], "strategies": TWO}


@pytest.fixture(autouse=True)
def at_home(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.fixture
def config(tmp_path):
    def written(**changes: object) -> Path:
        path = tmp_path / "changed.yaml"
        path.write_text(yaml.safe_dump(SMALL | changes))
        return path

    return written


def steps_of(config: Path, **took: float) -> list[costs.Step]:
    """Steps of a plan, and what those of each rule took, wherever they ran."""
    loop = Loop(load_plan(merged([config]), "changed"))
    everywhere = [*layout.arms(loop.plan.collect_spec()), *layout.arms_with_samples(loop.plan.collect_spec())]
    return costs.steps(loop, {(rule, arm): seconds for rule, seconds in took.items() for arm in everywhere})


def ran(results: Path, experiment: str, name: str, seed: int, generation: int, **seconds: object) -> None:
    for rule, cost in seconds.items():
        folder = results.parent / layout.arm(experiment, name, seed, generation) / "provenance"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{rule}.json").write_text(json.dumps({"stage": rule, "cost": {"cpu_seconds": cost}}))


def measured(folder: Path, losses: dict[str, list[float]]) -> None:
    """A metrics table with losses of strategies by seed at generation 2."""
    rows = [
        dict.fromkeys(contracts.METRICS.schema.names)
        | {"experiment": "small", "strategy": strategy, "seed": seed, "generation": 2, "metric": "test_loss"}
        | {"evaluation_set": "real_test", "value": value, "n": 10, "unit": "nats/token"}
        for strategy, values in losses.items()
        for seed, value in enumerate(values)
    ]
    folder.mkdir(parents=True)
    table = pa.Table.from_pylist(rows, contracts.METRICS.schema)
    contracts.write(folder / "metrics.parquet", contracts.METRICS, table, contracts.Record())


def test_every_job_of_the_default_is_there(tmp_path):
    """Snakemake's own numbers of jobs, from its dry run."""
    said = planned.plan([], tmp_path, 2)
    counted = {
        words[1]: int(words[0]) for line in said.splitlines() if (words := line.split()) and words[0].isdecimal()
    }
    there = {rule: counted[rule] for rule in costs.RULES}
    assert there == {"generate": 48, "verify": 12, "mix": 63, "train": 63, "evaluate": 63}


def test_the_default_is_reckoned_to_take_about_what_it_took(tmp_path):
    """911 CPU seconds on the machine that the rates are from; within a quarter."""
    found = costs.steps(Loop(load_plan(merged([]), "config.yaml")), {})
    whole = costs.STARTING + costs.SENDING * len(found) + sum(step.seconds or math.nan for step in found)
    assert whole == pytest.approx(911, rel=0.25)
    assert "reckoned" in planned.plan([], tmp_path, 2)


def test_what_some_jobs_took_is_carried_over_by_the_token(config):
    """By passes, a model of accumulated text learns 1, 2 and 3 times as much; the one job that ran says how long."""
    loop = Loop(load_plan(merged([config(budget={"match": "epochs", "amount": 1})]), "changed"))
    found = {step.arm: step for step in costs.steps(loop, {("train", ("a", 4, 1)): 10.0}) if step.rule == "train"}
    assert {arm: round(step.seconds or 0, 6) for arm, step in found.items()} == {
        **{("real", seed, generation): 5.0 for seed in (4, 5) for generation in (0, 1, 2)},
        **{("a", seed, 1): 10.0 for seed in (4, 5)},
        **{("a", seed, 2): 15.0 for seed in (4, 5)},
    }
    assert all(step.is_measured for step in found.values())


def test_a_chain_waits_for_what_all_share_and_for_its_own_steps(config):
    """Generation 0 is made and drawn from once, then each generation of a strategy generates, mixes and trains."""
    verified = [TWO[0], TWO[1] | {"verifiers": ["whole"]}]
    found = steps_of(config(strategies=verified), generate=100.0, verify=10.0, mix=1.0, train=1000.0, evaluate=7.0)
    of_arm = {(step.rule, step.arm): step.seconds or math.nan for step in found}
    shared = [of_arm[rule, ("real", 4, 0)] for rule in ("mix", "train")] + [of_arm["generate", ("real", 4, 1)]]
    own = [of_arm[rule, ("a", 4, g)] for g in (1, 2) for rule in ("verify", "mix", "train")]
    assert costs.longest_chain(found) == pytest.approx(sum([*shared, *own, of_arm["generate", ("a", 4, 2)]]))


@pytest.mark.parametrize(
    "changes",
    [
        {"family": "ngram", "generate": {"engine": "native"}},
        {"device": "gpu"},
        {"transformer": {"base_model": "a-package==1.0:its.gguf", "tuning": "lora"}},
    ],
)
def test_of_what_nothing_is_known_no_time_is_said(config, tmp_path, changes):
    said = planned.plan([config(**changes)], tmp_path, 2)
    assert "How long is not known before jobs of generate, train, evaluate have run here" in " ".join(said.split())
    assert "of CPU time" not in said


def test_of_images_no_time_is_said_by_the_rates_of_text(tmp_path):
    """An image is not a token, though both are counted."""
    said = planned.plan([ROOT / "workflow/experiments/papers/loops/gerstgrasser-2024-images.yaml"], tmp_path, 2)
    assert "How long is not known before jobs of generate, train, evaluate have run here" in " ".join(said.split())
    assert "images, repeats counted" in said


def test_it_is_known_once_some_have_run(config, tmp_path):
    results = tmp_path / "results"
    for rule in ("generate", "train", "evaluate"):
        ran(results, "small", "real", 4, 1, **{rule: 8.0})
    said = planned.plan([config(family="ngram", generate={"engine": "native"})], results, 2)
    assert "what some took" in said
    assert "of CPU time" in said


@pytest.mark.parametrize("cost", ["much", None, math.nan, {}])
def test_damaged_provenance_tells_nothing(config, tmp_path, cost):
    results = tmp_path / "results"
    ran(results, "small", "real", 4, 1, train=cost)
    (results / "small/strategy=real/seed=x/generation=1/provenance").mkdir(parents=True)
    (results / "small/strategy=real/seed=x/generation=1/provenance/train.json").write_text("[")
    assert "what some took" not in planned.plan([config()], results, 2)


def test_seeds_are_told_in_nats_where_differences_are_known(config, tmp_path):
    """Differences of −.1, .1, .3 have a standard deviation of .2, and two strategies are one pair."""
    measured(tmp_path / "like", {"a": [1.0, 1.0, 1.0], "b": [1.1, 0.9, 0.7]})
    said = planned.plan([config(seeds=[0, 1, 2, 3, 4])], tmp_path, 2, tmp_path / "like")
    (line,) = [line for line in said.splitlines() if "this plan" in line]
    n_seeds, deviations, nats = (float(word) for word in line.split()[:3])
    assert n_seeds == 5
    assert deviations == smallest_decided(5, 1, 0.95)
    assert nats == pytest.approx(deviations * np.std([-0.1, 0.1, 0.3], ddof=1), rel=0.05)


def test_two_seeds_tell_how_differences_vary(config, tmp_path):
    """1.0 − 1.1 and 1.0 − 0.7 have a standard deviation of .4 over the root of 2."""
    measured(tmp_path / "results" / "small", {"a": [1.0, 1.0], "b": [1.1, 0.7]})
    said = " ".join(planned.plan([config()], tmp_path / "results", 2).split())
    assert f"vary between seeds by {0.4 / math.sqrt(2):.2g} nats a token" in said


@pytest.mark.parametrize(("cores", "clock"), [(1, "5:15"), (4, "1:18"), (500, "1:13")])
def test_cores_share_the_work_until_the_longest_chain_is_left(monkeypatch, config, tmp_path, cores, clock):
    """10 jobs of 30 CPU seconds; two of them wait for one another, and 13 seconds pass before the first."""
    jobs = [costs.Step("train", (name, 4, generation), 1.0, 30.0) for name in "vwxyz" for generation in (1, 2)]
    monkeypatch.setattr(planned, "steps", lambda _loop, _took: jobs)
    monkeypatch.setattr(planned, "STARTING", 13.0)
    monkeypatch.setattr(planned, "SENDING", 0.2)
    said = " ".join(planned.plan([config()], tmp_path, cores).split())
    assert f"In all 5:15 of CPU time, Snakemake's among it: about {clock} by the clock on {cores} core" in said
    assert "and 1:13 on any number" in said


def test_before_two_seeds_have_run_they_are_told_in_standard_deviations(config, tmp_path):
    said = " ".join(planned.plan([config()], tmp_path, 2).split())
    assert "2 none: fewer than 3 decide nothing ← this plan" in said
    assert "is not known before two seeds have run" in said
    one = planned.plan([config(strategies=TWO[1:])], tmp_path, 2)
    assert "There is one strategy, so nothing is compared." in one


@pytest.mark.parametrize("losses", [None, {"a": [1.0], "b": [2.0]}, {"a": [1.0, 2.0]}])
def test_results_that_say_nothing_of_seeds_are_refused(config, tmp_path, losses):
    if losses:
        measured(tmp_path / "like", losses)
    with pytest.raises(ConfigError, match=r"--like: .*like has no test_loss of two strategies at two seeds"):
        planned.plan([config()], tmp_path, 2, tmp_path / "like")


def test_worlds_alone_have_no_loop_to_plan(tmp_path):
    said = planned.plan([ROOT / "workflow/experiments/papers/wang-2025.yaml"], tmp_path, 2)
    assert said == "wang-2025: 2 closed-form worlds, whose time is not reckoned."


def test_no_line_is_longer_than_a_terminal(tmp_path):
    assert max(map(len, planned.plan([], tmp_path, 2).splitlines())) <= 100
