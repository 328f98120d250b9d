import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from collapse.stats.holm import holm

p_lists = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def test_holm_gives_the_values_worked_out_by_hand():
    # Ascending 0.005, 0.01, 0.03, 0.04 times 4, 3, 2, 1: 0.02, 0.03, 0.06, 0.04; the last may not fall below 0.06.
    assert np.allclose(holm(np.array([0.01, 0.04, 0.03, 0.005])), [0.03, 0.06, 0.06, 0.02])


def test_what_was_not_tested_counts_for_nothing():
    adjusted = holm(np.array([0.01, np.nan, 0.04]))
    assert np.allclose(adjusted[[0, 2]], [0.02, 0.04])
    assert np.isnan(adjusted[1])


def test_nothing_exceeds_one():
    assert np.array_equal(holm(np.array([0.6, 0.7])), [1, 1])


@given(p_lists)
def test_adjusted_values_lie_between_the_raw_ones_and_bonferroni_and_keep_their_order(values):
    p_values = np.array(values)
    adjusted = holm(p_values)
    assert np.all(adjusted >= p_values)
    assert np.all(adjusted <= np.minimum(1, p_values * len(p_values)) + 1e-12)
    assert np.all(np.diff(adjusted[np.argsort(p_values, kind="stable")]) >= 0)


def test_the_family_wise_error_stays_at_the_level():
    rng, trials, level = np.random.default_rng(0), 4_000, 0.1
    any_rejected = np.mean([np.any(holm(rng.uniform(size=6)) < level) for _ in range(trials)])
    assert any_rejected <= level + 4 * np.sqrt(level * (1 - level) / trials)
