import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.power import TTestPower

from collapse.stats.power import CHANCE, chance_to_decide, smallest_decided


@pytest.mark.parametrize(("n_seeds", "n_pairs"), [(3, 10), (5, 10), (8, 1)])
def test_as_many_simulated_experiments_decide_it(n_seeds, n_pairs):
    """Holm's first step by hand: the surest of all pairs must be below its share of 5 %."""
    rng = np.random.default_rng(n_seeds)
    differences = rng.normal(smallest_decided(n_seeds, n_pairs, 0.95), 1, (40_000, n_seeds))
    found = stats.ttest_1samp(differences, 0, axis=1)
    decided = (found.pvalue < 0.05 / n_pairs) & (differences.mean(axis=1) > 0)
    assert decided.mean() == pytest.approx(CHANCE, abs=0.01)


@pytest.mark.parametrize("n_seeds", [3, 4, 7, 15])
@pytest.mark.parametrize("difference", [0.3, 0.7, 1.2])
def test_the_chance_is_that_of_another_library(n_seeds, difference):
    theirs = TTestPower().power(difference, n_seeds, 0.1 / 6)
    lost = stats.nct.cdf(-stats.t.isf(0.1 / 12, n_seeds - 1), n_seeds - 1, difference * math.sqrt(n_seeds))
    assert chance_to_decide(difference, n_seeds, 6, 0.9) == pytest.approx(theirs - lost, abs=2e-4)


def test_two_seeds_decide_nothing_however_large_it_is():
    assert smallest_decided(2, 1, 0.95) == math.inf
    assert chance_to_decide(1e9, 2, 1, 0.95) == 0


@given(st.integers(3, 40), st.integers(1, 50))
def test_more_seeds_decide_less_and_more_pairs_ask_for_more(n_seeds, n_pairs):
    least = smallest_decided(n_seeds, n_pairs, 0.95)
    assert smallest_decided(n_seeds + 1, n_pairs, 0.95) <= least <= smallest_decided(n_seeds, n_pairs + 1, 0.95)
