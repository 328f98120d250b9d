"""Strategies that feed one pool: what they read, and that chance alone tells twins apart."""

from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from projects import ROOT

from collapse.config import load_plan
from collapse.experiment.inputs import Inputs
from collapse.randomness import lane, row_seeds, stream

CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())
TWINS = [
    {"name": "real", "compose": "real"},
    {"name": "one", "compose": "accumulate", "pool": ["other"], "verifiers": ["whole"]},
    {"name": "other", "compose": "accumulate", "pool": ["one"], "stream": 1},
]


@pytest.fixture(scope="module")
def plan():
    return load_plan(CONFIG | {"strategies": TWINS, "experiment": "pooled"}, "test")


def read(plan, strategy: str, generation: int, what: str) -> list[str]:
    wildcards = SimpleNamespace(strategy=strategy, seed="0", generation=str(generation))
    paths = getattr(Inputs(plan, None), what)(wildcards)
    return [path.removeprefix("results/pooled/").removesuffix(".parquet") for path in paths]


def test_samples_of_generation_1_are_read_once_and_later_ones_of_all(plan):
    assert read(plan, "other", 2, "samples_read") == [
        "strategy=real/seed=0/generation=1/samples",
        "strategy=other/seed=0/generation=2/samples",
        "strategy=one/seed=0/generation=2/samples",
    ]
    assert read(plan, "other", 2, "verdicts_read") == ["strategy=one/seed=0/generation=2/verdicts"]
    assert read(plan, "one", 2, "verdicts_read") == [
        "strategy=one/seed=0/generation=1/verdicts",
        "strategy=one/seed=0/generation=2/verdicts",
    ]


def test_twins_share_generation_0_and_its_samples_and_nothing_later(plan):
    assert plan.train_spec("other", 0) == plan.train_spec("one", 0)
    assert plan.generate_spec("other", 1).stream == 0
    assert plan.generate_spec("other", 2).stream == plan.train_spec("other", 1).stream == 1
    assert plan.train_spec("one", 1).stream == 0


def test_lanes_differ_and_lane_0_is_the_seed_itself():
    assert lane(3, 0) == 3
    seeds = {lane(seed, number) for seed in range(50) for number in range(20)}
    assert len(seeds) == 1_000
    drawn = [stream(lane(0, number), 2, "shuffle").random(2_000) for number in (0, 1)]
    assert abs(np.corrcoef(*drawn)[0, 1]) < 0.1
    assert not set(row_seeds(lane(0, 1), 2, "generate", range(100))) & set(row_seeds(0, 2, "generate", range(100)))
