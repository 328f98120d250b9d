import numpy as np
import pytest

from collapse.artifacts.contracts import CONTRASTS, Record, read, write
from collapse.stats.contrasts import contrasts

STRATEGIES = ["real", "replace", "accumulate"]


@pytest.fixture
def random_metrics(metrics):
    def draw(n_seeds):
        rng = np.random.default_rng(0)
        return metrics(
            {(s, g): list(rng.normal(i * g, 1, n_seeds)) for i, s in enumerate(STRATEGIES) for g in range(3)}
        )

    return draw


def by_pair(table, generation):
    return {(r["strategy"], r["baseline"]): r for r in table.to_pylist() if r["generation"] == generation}


@pytest.mark.parametrize("n_seeds", [1, 4, 12])
def test_a_contrast_turned_round_is_its_negative_with_the_same_p_value(n_seeds, random_metrics):
    rows = by_pair(contrasts(random_metrics(n_seeds), STRATEGIES, 0.95), generation=2)
    assert len(rows) == 6
    for (strategy, baseline), row in rows.items():
        mirror = rows[baseline, strategy]
        assert row["estimate"] == -mirror["estimate"]
        assert (row["p_value"], row["p_adjusted"], row["n_seeds"]) == (
            mirror["p_value"],
            mirror["p_adjusted"],
            n_seeds,
        )
        assert (row["low"] is None and mirror["high"] is None) or row["low"] == -mirror["high"]


def test_the_estimate_is_the_mean_of_within_seed_differences(metrics):
    table = contrasts(metrics({("replace", 1): [5.0, 7.0], ("real", 1): [4.0, 4.0]}), STRATEGIES, 0.95)
    row = by_pair(table, 1)["replace", "real"]
    assert row["estimate"] == pytest.approx(2.0)
    # Differences 1 and 3: standard error 1, and t with one degree of freedom is 12.706 at 97.5 %.
    assert (row["low"], row["high"]) == pytest.approx((2 - 12.706, 2 + 12.706), abs=1e-3)


def test_generation_0_is_shared_so_it_is_not_compared(random_metrics):
    assert set(contrasts(random_metrics(3), STRATEGIES, 0.95)["generation"].to_pylist()) == {1, 2}


def test_only_seeds_that_both_strategies_have_are_paired(metrics):
    table = contrasts(metrics({("replace", 1): [1.0, 2.0, np.nan], ("real", 1): [0.0, 0.0, 0.0]}), STRATEGIES, 0.95)
    row = by_pair(table, 1)["replace", "real"]
    assert (row["n_seeds"], row["estimate"]) == (2, 1.5)


def test_holm_counts_each_pair_once(random_metrics):
    rows = by_pair(contrasts(random_metrics(5), STRATEGIES, 0.95), generation=1)
    smallest = min(row["p_value"] for row in rows.values())
    assert min(row["p_adjusted"] for row in rows.values()) == pytest.approx(min(1, 3 * smallest))


def test_another_strategy_does_not_move_an_interval(random_metrics):
    alone = contrasts(random_metrics(12), STRATEGIES[:2], 0.95)
    together = contrasts(random_metrics(12), STRATEGIES, 0.95)
    columns = ("estimate", "low", "high", "p_value")
    pair = ("real", "replace")
    assert [by_pair(alone, 2)[pair][c] for c in columns] == [by_pair(together, 2)[pair][c] for c in columns]


def test_what_is_computed_keeps_its_contract(tmp_path, random_metrics):
    path = tmp_path / "contrasts.parquet"
    write(path, CONTRASTS, contrasts(random_metrics(2), STRATEGIES, 0.95), Record())
    found = read(path, CONTRASTS)
    assert found.num_rows == 2 * 6
    assert set(found["method"].to_pylist()) == {"paired_t"}


def test_values_that_only_rounding_sets_apart_do_not_differ(metrics):
    shares = {("replace", 1): [0.1 + 0.2] * 12, ("real", 1): [0.3] * 11 + [0.1 + 0.2]}
    row = by_pair(contrasts(metrics(shares), STRATEGIES, 0.95), 1)["replace", "real"]
    assert (row["estimate"], row["p_value"], row["adjustment"]) == (0, None, "none")


def test_generations_have_resamples_of_their_own(metrics):
    values = np.random.default_rng(1).normal(0.5, 1, 12)
    same = {(name, g): list(values * (name == "replace")) for name in ("replace", "real") for g in (1, 2)}
    table = contrasts(metrics(same), STRATEGIES, 0.95)
    first, second = (by_pair(table, generation)["replace", "real"] for generation in (1, 2))
    assert first["estimate"] == second["estimate"]
    assert first["low"] != second["low"]
