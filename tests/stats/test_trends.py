import numpy as np
import pytest
from scipy import stats

from collapse.stats.bands import bands
from collapse.stats.trends import changes, slopes

CHAINS = {("replace", 0): [4.0, 4.2], ("replace", 1): [4.5, 4.6], ("replace", 2): [4.8, 5.2]}


def test_slopes_are_those_of_each_seeds_own_line(metrics):
    found = slopes(metrics(CHAINS), "test_loss", "real_test", 0.95)["replace"]
    expected = [stats.linregress([0, 1, 2], chain).slope for chain in ([4.0, 4.5, 4.8], [4.2, 4.6, 5.2])]
    assert found.estimate == pytest.approx(np.mean(expected))
    assert found.n_seeds == 2


def test_two_generations_make_no_trend(metrics):
    two = {place: values for place, values in CHAINS.items() if place[1] < 2}
    assert slopes(metrics(two), "test_loss", "real_test", 0.95) == {}


def test_a_change_is_paired_with_the_seeds_own_generation_0(metrics):
    found = changes(metrics(CHAINS), "test_loss", "real_test", 2, 0.95)["replace"]
    # Differences 0.8 and 1.0: standard error 0.1, and t with one degree of freedom is 12.706 at 97.5 %.
    assert found.estimate == pytest.approx(0.9)
    assert (found.low, found.high) == pytest.approx((0.9 - 1.2706, 0.9 + 1.2706), abs=1e-4)


def test_a_band_is_the_t_interval_of_the_mean_at_each_generation(metrics):
    band = bands(metrics(CHAINS), "test_loss", "real_test", 0.95)["replace"]
    assert band.mean == pytest.approx([4.1, 4.55, 5.0])
    for generation, values in enumerate(([4.0, 4.2], [4.5, 4.6], [4.8, 5.2])):
        low, high = stats.ttest_1samp(values, 0).confidence_interval(0.95)
        assert (band.low[generation], band.high[generation]) == pytest.approx((low, high))


def test_one_seed_has_a_line_and_no_band(metrics):
    band = bands(metrics({("replace", 0): [4.0], ("replace", 1): [4.5]}), "test_loss", "real_test", 0.95)["replace"]
    assert list(band.mean) == [4.0, 4.5]
    assert np.all(np.isnan(band.low)) and np.all(np.isnan(band.high))


def test_a_strategy_without_the_generation_or_without_a_start_has_no_change(metrics):
    short = {("replace", 0): [4.0, 4.2], ("replace", 1): [4.5, 4.6]}
    late = {("real", g): [4.0, 4.1] for g in (1, 2)}
    assert changes(metrics(short | late), "test_loss", "real_test", 2, 0.95) == {}
    assert set(changes(metrics(short | late), "test_loss", "real_test", 1, 0.95)) == {"replace"}
    assert changes(metrics(short), "test_loss", "real_test", 0, 0.95) == {}


def test_a_seed_that_misses_a_generation_is_left_out_and_one_seed_has_no_interval(metrics):
    broken = metrics(CHAINS | {("replace", 1): [4.5, np.nan]})
    found = slopes(broken, "test_loss", "real_test", 0.95)["replace"]
    assert (found.estimate, found.n_seeds, found.low) == (pytest.approx(0.4), 1, None)
    none = metrics(
        {place: [np.nan, value] if place[1] == 0 else [value, np.nan] for (place, (value, _)) in CHAINS.items()}
    )
    assert slopes(none, "test_loss", "real_test", 0.95) == {}
    assert changes(none, "test_loss", "real_test", 2, 0.95) == {}


def test_the_family_of_changes_is_all_strategies(metrics):
    rising = {("replace", 0): [4.0, 4.1, 4.2], ("replace", 1): [4.5, 4.7, 4.8]}
    falling = {("mix", 0): [4.0, 4.1, 4.2], ("mix", 1): [3.9, 3.95, 4.1]}
    alone = changes(metrics(rising), "test_loss", "real_test", 1, 0.95)["replace"]
    both = changes(metrics(rising | falling), "test_loss", "real_test", 1, 0.95)
    assert alone.p_adjusted == alone.p_value
    assert min(one.p_adjusted for one in both.values()) == pytest.approx(2 * min(one.p_value for one in both.values()))
