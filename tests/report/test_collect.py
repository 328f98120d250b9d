import pytest

from collapse.artifacts import contracts
from collapse.artifacts.contracts import ANCESTRY, METRICS, Record
from collapse.errors import ContractError
from collapse.stages import collect


def rows(study, name, contract):
    return contracts.read(study.folder / f"{name}.parquet", contract).to_pylist()


def test_generation_0_is_repeated_under_every_strategy(two_seeds):
    found = {
        (row["strategy"], row["seed"]): row["value"]
        for row in rows(two_seeds, "metrics", METRICS)
        if row["generation"] == 0 and row["metric"] == "test_loss"
    }
    assert {strategy for strategy, _ in found} == {"real", "replace", "accumulate"}
    for (_, seed), value in found.items():
        assert value == found["real", seed]
    assert {row["strategy"] for row in rows(two_seeds, "ancestry", ANCESTRY) if row["generation"] == 0} == {
        "real",
        "replace",
        "accumulate",
    }


def test_without_a_control_the_shared_generation_0_stays_under_real(one_seed):
    real = [row for row in rows(one_seed, "metrics", METRICS) if row["strategy"] == "real"]
    assert {row["generation"] for row in real} == {0}


def test_depth_grows_by_one_a_generation_under_replace_and_more_slowly_under_accumulate(two_seeds):
    depth = {
        (row["strategy"], row["generation"]): row["value"]
        for row in rows(two_seeds, "metrics", METRICS)
        if row["metric"] == "ancestry_depth"
    }
    assert [depth["replace", g] for g in range(4)] == pytest.approx([0, 1, 2, 3])
    # Equal parts of real text and of each generation's samples: d_g = sum over j of (1 + d_{j-1}) / (g + 1).
    assert [depth["accumulate", g] for g in range(4)] == pytest.approx([0, 1 / 2, 5 / 6, 13 / 12])
    assert [depth["real", g] for g in range(4)] == [0, 0, 0, 0]


def test_a_missing_arm_is_refused_by_its_path(two_seeds, tmp_path):
    spec = two_seeds.plan.collect_spec().model_copy(update={"generations": 9})
    with pytest.raises(ContractError, match=r"generation=4/metrics\.parquet: is missing"):
        collect.run(
            spec=spec,
            metrics=two_seeds.folder / "metrics.parquet",
            **{name: tmp_path / f"{name}.parquet" for name in ("ancestry", "theory", "points")},
            record=Record(),
        )


def test_the_tables_say_which_arms_they_are_made_of(two_seeds):
    inputs = contracts.spec_of(two_seeds.folder / "metrics.parquet").inputs
    assert len(inputs) == 2 * len(two_seeds.arms(range(99)))
    assert "strategy=replace/seed=1/generation=3/mixture.parquet" in inputs
