import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from collapse.stats.paired import (
    BOOTSTRAP_FROM,
    N_RESAMPLES,
    Interval,
    exact_sign_p,
    paired_bootstrap,
    paired_interval,
    paired_t,
)


def coverage(intervals, truth):
    return np.mean([interval.low <= truth <= interval.high for interval in intervals])


@pytest.mark.parametrize("n_seeds", [2, 3, 6])
def test_the_t_interval_covers_what_it_promises(n_seeds):
    rng, trials = np.random.default_rng(1), 2_000
    intervals = [paired_t(rng.normal(0.3, 2.0, n_seeds), 0.9) for _ in range(trials)]
    assert abs(coverage(intervals, 0.3) - 0.9) <= 4 * np.sqrt(0.9 * 0.1 / trials)


@pytest.mark.parametrize("draw", [np.random.Generator.standard_normal, np.random.Generator.standard_exponential])
def test_the_bootstrap_covers_what_it_promises_for_straight_and_skewed_differences(draw):
    rng, trials = np.random.default_rng(2), 300
    truth = 1.0 if draw is np.random.Generator.standard_exponential else 0.0
    intervals = [paired_bootstrap(draw(rng, 20), 0.95, rng) for _ in range(trials)]
    assert abs(coverage(intervals, truth) - 0.95) <= 4 * np.sqrt(0.95 * 0.05 / trials)


def test_the_t_interval_agrees_with_scipy_on_the_pairs_themselves():
    rng = np.random.default_rng(3)
    left, right = rng.normal(1, 1, 7), rng.normal(0, 1, 7)
    expected = stats.ttest_rel(left, right)
    found = paired_t(left - right, 0.95)
    assert found.p_value == pytest.approx(expected.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(expected.confidence_interval(0.95)))


@pytest.mark.parametrize("shift", [0.0, 0.3, 0.45, 0.5, 0.6, 1.0])
def test_the_bootstrap_p_value_is_below_the_level_exactly_where_the_interval_excludes_zero(shift):
    differences = np.random.default_rng(4).standard_normal(15) + shift
    found = paired_bootstrap(differences, 0.95, np.random.default_rng(5))
    assert (found.p_value < 0.05) == (found.low > 0 or found.high < 0)


def test_the_number_of_seeds_decides_the_method():
    rng = np.random.default_rng(6)
    methods = [
        paired_interval(rng.normal(size=n), 0.95, rng).method for n in (1, 2, BOOTSTRAP_FROM - 1, BOOTSTRAP_FROM)
    ]
    assert methods == ["single_seed", "paired_t", "paired_t", "paired_bootstrap"]


def test_a_single_seed_has_neither_interval_nor_p_value_and_decides_nothing():
    found = paired_interval(np.array([0.7]), 0.95, np.random.default_rng(7))
    assert (found.estimate, found.low, found.high, found.p_value) == (0.7, None, None, None)


@pytest.mark.parametrize("n_seeds", [3, 12])
@pytest.mark.parametrize("value", [0.0, -1.0, 0.3])
def test_differences_that_do_not_vary_decide_nothing(n_seeds, value):
    differences = np.full(n_seeds, value)
    differences[0] = np.nextafter(value, 1)
    found = paired_interval(differences, 0.95, np.random.default_rng(8))
    assert (found.low, found.high, found.p_value) == (None, None, None)


def test_one_outlier_among_equal_differences_leaves_the_interval_open():
    differences = np.array([0.0] * 11 + [1.0])
    found = paired_bootstrap(differences, 0.95, np.random.default_rng(9))
    assert found.high is None


def test_the_same_resamples_give_the_mirrored_interval():
    differences = np.random.default_rng(10).normal(0.2, 1, 14)
    there = paired_bootstrap(differences, 0.95, np.random.default_rng(11))
    back = paired_bootstrap(-differences, 0.95, np.random.default_rng(11))
    assert (back.low, back.high, back.p_value) == pytest.approx((-there.high, -there.low, there.p_value), abs=1e-3)


def test_the_sign_test_counts_seeds_that_agree():
    assert exact_sign_p(np.array([0.1, 2.0, 0.3, 0.1, 0.0, 5.0])) == pytest.approx(2 / 2**5)
    assert exact_sign_p(np.zeros(4)) == 1.0


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=9), st.floats(0.1, 10))
def test_the_t_interval_scales_with_its_unit(values, unit):
    differences = np.array(values)
    here, there = paired_t(differences, 0.95), paired_t(differences * unit, 0.95)
    if here.low is not None and there.low is not None:
        assert (there.low, there.high) == pytest.approx((here.low * unit, here.high * unit), rel=1e-6, abs=1e-9)


def test_the_bootstrap_is_that_of_scipys_t_statistics():
    differences, level = np.random.default_rng(12).standard_exponential(11) - 0.4, 0.95
    found = paired_bootstrap(differences, level, np.random.default_rng(13))
    resamples = differences[np.random.default_rng(13).integers(0, 11, (N_RESAMPLES, 11))]
    ratios = stats.ttest_1samp(resamples, differences.mean(), axis=1).statistic
    high, low = differences.mean() - stats.sem(differences) * np.quantile(ratios, [0.025, 0.975], method="nearest")
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-9)


def test_a_bootstrap_never_says_that_chance_is_impossible():
    sure = 100 + np.random.default_rng(14).standard_normal(12)
    least = 2 / (N_RESAMPLES + 1)
    for differences in (sure, -sure):
        assert paired_bootstrap(differences, 0.95, np.random.default_rng(15)).p_value == pytest.approx(least)


def test_ten_seeds_are_enough_for_the_bootstrap_and_nine_are_not():
    values = np.random.default_rng(16).normal(size=10)
    methods = [paired_interval(values[:n], 0.95, np.random.default_rng(0)).method for n in (9, 10)]
    assert methods == ["paired_t", "paired_bootstrap"]


def test_both_ends_of_usual_intervals_fall_on_resamples():
    assert [(N_RESAMPLES + 1) * tail for tail in (0.025, 0.005)] == pytest.approx([250, 50])


@pytest.mark.parametrize(("estimate", "direction"), [(0.4, 1), (-0.4, -1), (0.0, 0)])
def test_a_decided_mean_has_the_direction_of_its_sign(estimate, direction):
    assert Interval(estimate, 0.1, 0.7, "paired_t", 3, 0.001, 0.01).direction(0.95) == direction


@pytest.mark.parametrize(("p_adjusted", "n_seeds"), [(None, 9), (0.06, 9), (0.051, 9), (1e-9, 2), (1e-9, 1)])
def test_neither_a_raw_p_value_nor_two_seeds_decide(p_adjusted, n_seeds):
    """Two seeds that agree by luck have a tiny p-value: t with one degree of freedom knows no better."""
    found = Interval(0.4, 0.3, 0.5, "paired_t", n_seeds, 1e-9, p_adjusted)
    assert not found.decided(0.95) and found.direction(0.95) == 0


def test_three_seeds_and_an_adjusted_p_value_below_the_level_decide():
    assert Interval(0.4, -0.3, 0.5, "paired_t", 3, 0.01, 0.049).decided(0.95)
    assert not Interval(0.4, 0.3, 0.5, "paired_t", 3, 0.01, 0.049).decided(0.99)


@pytest.mark.parametrize("unit", [1e-30, 1e-9, 1e9])
def test_the_bootstrap_scales_with_its_unit(unit):
    differences = np.random.default_rng(17).normal(0.2, 1, 12)
    here, there = (paired_bootstrap(differences * by, 0.95, np.random.default_rng(18)) for by in (1, unit))
    assert (there.low / unit, there.high / unit, there.p_value) == pytest.approx((here.low, here.high, here.p_value))


def test_a_mean_of_nothing_has_a_p_value_of_one():
    found = paired_bootstrap(np.array([-1.0, 1.0] * 6), 0.95, np.random.default_rng(19))
    assert (found.estimate, found.p_value) == (0.0, 1.0)


def test_a_p_value_at_the_level_decides_nothing():
    assert not Interval(0.4, 0.0, 0.8, "paired_t", 3, 0.25, 0.5).decided(0.5)
