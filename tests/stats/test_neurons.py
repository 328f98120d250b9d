"""Neurons that move with an outcome are found, others as often as chance has it, and generation 0 counts once."""

import numpy as np
import pytest

from collapse.stats.neurons import LEVEL, Versions, counted, found

N_SERIES, N_GENERATIONS, N_NEURONS = 12, 6, 300


@pytest.fixture(scope="module")
def versions() -> Versions:
    """A bias that moves the first forty neurons, a quality that moves none."""
    rng = np.random.default_rng(0)
    series = np.repeat(np.arange(N_SERIES), N_GENERATIONS)
    bias = np.concatenate([np.cumsum(rng.normal(size=N_GENERATIONS)) for _ in range(N_SERIES)])
    neurons = rng.normal(size=(len(series), N_NEURONS))
    neurons[:, :40] += 2 * bias[:, None]
    outcomes = {"bias": bias, "quality": rng.normal(size=len(series))}
    return Versions(series, neurons, outcomes, np.zeros(len(series), dtype=bool))


def test_neurons_that_move_with_an_outcome_are_found_and_others_are_not(versions):
    tables = found(versions)
    bias, quality = tables["bias"], tables["quality"]
    assert bias.is_significant[:40].all()
    assert bias.correlation[:40].min() > 0.8
    assert (bias.p_bonferroni[:40] < LEVEL).all()
    assert (bias.p_discovery[40:] < LEVEL).mean() < 0.05
    assert quality.is_significant.mean() < 0.15
    assert (quality.p_bonferroni < LEVEL).sum() <= 2


def test_counts_stand_beside_those_of_shuffled_versions(versions):
    rows = {one.outcomes: one for one in counted(versions, found(versions), np.random.default_rng(1))}
    assert set(rows) == {("bias",), ("quality",), ("bias", "quality")}
    assert rows["bias",].nominal == LEVEL * N_NEURONS
    assert rows["bias",].n > rows["bias",].shuffled_most > rows["bias",].shuffled
    assert rows["bias",].p_value == pytest.approx(1 / 201)
    assert rows["quality",].p_value > 0.05
    both = rows["bias", "quality"]
    assert both.nominal == pytest.approx(rows["bias",].n * rows["quality",].n / N_NEURONS)
    assert both.n <= min(rows["bias",].n, rows["quality",].n)
    assert both.p_value > 0.05


def test_outcomes_that_go_together_overlap_by_chance_as_much_as_they_do(versions):
    """Shuffling both in the same way keeps what they share, which independence would not expect."""
    twin = versions.outcomes["bias"] + 1e-3 * versions.outcomes["quality"]
    pair = Versions(
        versions.series, versions.neurons[:, 40:], {"one": twin, "two": versions.outcomes["bias"]}, versions.is_repeated
    )
    both = counted(pair, found(pair), np.random.default_rng(1))[-1]
    assert both.shuffled > 3 * both.nominal
    assert both.p_value > 0.05


def test_changes_stay_within_a_series(versions):
    series, neurons, outcomes = versions.steps
    assert len(series) == len(neurons) == N_SERIES * (N_GENERATIONS - 1)
    first = versions.outcomes["bias"][:N_GENERATIONS]
    np.testing.assert_allclose(outcomes["bias"][: N_GENERATIONS - 1], np.diff(first))


def test_a_shared_generation_0_is_one_model_of_the_correlation(versions):
    repeated = versions.is_repeated.copy()
    repeated[N_GENERATIONS::N_GENERATIONS] = True
    once = Versions(versions.series, versions.neurons, versions.outcomes, repeated)
    kept = ~repeated
    expected = np.corrcoef(versions.outcomes["bias"][kept], versions.neurons[kept, 3])[0, 1]
    assert found(once)["bias"].correlation[3] == pytest.approx(expected)


def test_a_neuron_that_never_moves_has_no_correlation_and_no_slope(versions):
    still = versions.neurons.copy()
    still[:, 7] = 0.25
    one = found(Versions(versions.series, still, versions.outcomes, versions.is_repeated))["bias"]
    assert np.isnan([one.correlation[7], one.changes.slope[7], one.p_bonferroni[7], one.p_discovery[7]]).all()
    assert not one.is_significant[7]
