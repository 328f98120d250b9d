"""Frequencies drawn and counted again lose categories as the Wright–Fisher model says."""

from itertools import product
from math import factorial

import numpy as np
import pytest
from pydantic import ValidationError

from collapse.config.worlds.categorical import CategoricalSettings
from collapse.theory import categorical as theory
from collapse.theory import gaussian
from collapse.theory.zipf import zipf
from collapse.worlds import categorical as world

LAST = 6


def settings(**changes) -> CategoricalSettings:
    values = {
        "model": "categorical",
        "replicates": 10_000,
        "categories": 6,
        "exponent": 1.0,
        "samples": [9],
        "generations": LAST,
        "measured": [],
        "strategies": [{"name": "replace", "compose": "replace"}],
    }
    return CategoricalSettings.model_validate(values | changes)


def observed(chosen: CategoricalSettings, seed: int = 3) -> dict[tuple[str, int, float], np.ndarray]:
    return {(one.metric, one.generation, one.point["samples"]): one.values for one in world.simulate(chosen, seed)}


def expectations(chosen: CategoricalSettings) -> dict[tuple[str, int, float], float]:
    return {(one.metric, one.generation, one.point["samples"]): one.value for one in world.predict(chosen)}


def assert_follows(rows: dict, expected: dict, metric: str) -> None:
    """Every value of a metric within 4 standard errors; not so if the law is moved by 5 %."""
    keys = [key for key in expected if key[0] == metric and key in rows]
    assert keys
    mean = np.array([rows[key].mean() for key in keys])
    error = np.array([rows[key].std(ddof=1) / np.sqrt(len(rows[key])) for key in keys])
    law = np.array([expected[key] for key in keys])
    assert np.all(np.abs(mean - law) <= 4 * error + 1e-3)
    for perturbed in (0.95 * law, 1.05 * law):
        assert np.any(np.abs(mean - perturbed) > 4 * error + 1e-3)


@pytest.mark.parametrize("compose", sorted(gaussian.LAWS))
def test_heterozygosity_follows_its_law_and_not_one_five_per_cent_away(compose):
    chosen = settings(samples=[5, 20], strategies=[{"name": compose.replace("_", "-"), "compose": compose}])
    assert_follows(observed(chosen), expectations(chosen), "heterozygosity")


@pytest.mark.parametrize("metric", ["surviving_support", "absorbed_fraction", "absorption_time"])
def test_the_fate_of_categories_is_that_of_their_chain_of_counts(metric):
    chosen = settings(categories=4, samples=[5, 9], generations=60, measured=[0, 1, 2, 5, 10, 20, 60])
    assert_follows(observed(chosen), expectations(chosen), metric)


def test_one_step_loses_a_category_with_the_chance_of_never_drawing_it():
    q = zipf(1.2, 30)
    surviving, _ = theory.fates(q, 17, 1)
    assert surviving[0] == pytest.approx(theory.surviving_after_one_fit(q, 17))
    counts = np.random.default_rng(0).multinomial(17, q, size=20_000)
    share = (counts > 0).mean(axis=1)
    assert abs(share.mean() - surviving[0]) < 4 * share.std() / np.sqrt(len(share))
    assert abs(share.mean() - 1.05 * surviving[0]) > 4 * share.std() / np.sqrt(len(share))


def test_fates_are_those_found_by_listing_every_state():
    """Three categories, four draws: the whole chain of counts has 15 states."""
    q, n = np.array([0.5, 0.3, 0.2]), 4
    states = [state for state in product(range(n + 1), repeat=3) if sum(state) == n]

    def chance(state, probabilities):
        ways = factorial(n) / np.prod([factorial(count) for count in state])
        return ways * np.prod([p**count for p, count in zip(probabilities, state, strict=True)])

    law = np.array([chance(state, q) for state in states])
    step = np.array([[chance(after, np.array(before) / n) for after in states] for before in states])
    left = np.array([np.mean([count > 0 for count in state]) for state in states])
    alone = np.array([max(state) == n for state in states])
    surviving, absorbed = theory.fates(q, n, 5)
    waited = 0.0
    for generation in range(6):
        assert surviving[generation] == pytest.approx(law @ left)
        assert absorbed[generation] == pytest.approx(law @ alone)
        if generation < 5:
            waited += law @ ~alone
        law = law @ step
    assert theory.absorption_time(q, n, 5) == pytest.approx(waited)


def test_the_mean_absorption_time_of_two_categories_solves_the_first_step_equations():
    n, q = 15, np.array([0.3, 0.7])
    inner = theory.transitions(n)[1:-1, 1:-1]
    time = np.linalg.solve(np.eye(n - 1) - inner, np.ones(n - 1))
    start = theory.binom.pmf(np.arange(1, n), n, 0.3)
    assert theory.absorption_time(q, n, 10_000) == pytest.approx(start @ time)


def test_the_absorption_time_grows_in_proportion_to_the_draws():
    # Diffusion limit of two equal categories: 2 ln 2 N; of all draws different, 2 N.
    per_draw = [theory.absorption_time(np.full(2, 0.5), n, 50_000) / n for n in (50, 100, 200)]
    assert per_draw[0] < per_draw[1] < per_draw[2] < 2 * np.log(2)
    assert per_draw[-1] == pytest.approx(2 * np.log(2), rel=0.02)
    many = np.full(100_000, 1e-5)
    assert theory.absorption_time(many, 200, 50_000) / 200 == pytest.approx(2, rel=0.01)


def test_zipf_is_uniform_at_exponent_zero_and_falls_as_its_power():
    assert zipf(0, 4) == pytest.approx([0.25] * 4)
    assert zipf(1, 3) == pytest.approx(np.array([6, 3, 2]) / 11)


def test_a_lost_category_never_comes_back():
    rows = observed(settings(replicates=500))
    for generation in range(LAST):
        before, after = rows["surviving_support", generation, 9.0], rows["surviving_support", generation + 1, 9.0]
        assert np.all(after <= before)
        assert np.all(rows["absorbed_fraction", generation + 1, 9.0] >= rows["absorbed_fraction", generation, 9.0])


def test_absorption_time_is_the_first_generation_with_one_category_left():
    rows = observed(settings(replicates=500, generations=40, samples=[4]))
    absorbed = np.array([rows["absorbed_fraction", generation, 4.0] for generation in range(41)])
    first = np.where(absorbed.any(axis=0), absorbed.argmax(axis=0), 40)
    assert np.array_equal(rows["absorption_time", 40, 4.0], first)


def test_entropy_is_that_of_the_frequencies():
    assert world._entropy(np.array([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]])) == pytest.approx([np.log(2), 0.0])


def test_draws_come_from_their_row_s_frequencies_and_never_from_empty_categories():
    process = world.Draws(np.full(4, 0.25), 5, 3)
    frequencies = np.array([[0.0, 0.3, 0.0, 0.7], [1.0, 0.0, 0.0, 0.0], [0.25, 0.25, 0.25, 0.25]])
    drawn = process.draw(frequencies, 20_000, np.random.default_rng(0))
    found = np.array([np.bincount(row, minlength=4) / 20_000 for row in drawn])
    assert np.abs(found - frequencies).max() < 4 * 0.5 / np.sqrt(20_000)
    assert np.all(found[frequencies == 0] == 0)


def test_large_samples_have_no_chain_of_counts_and_the_rest_of_the_theory():
    metrics = {metric for metric, _, _ in expectations(settings(samples=[world.EXACT + 1]))}
    assert metrics == {"heterozygosity"}


def test_every_strategy_can_be_simulated(assert_every_strategy_runs):
    assert_every_strategy_runs(world, settings)


def test_the_same_seed_gives_the_same_values_and_another_does_not():
    chosen = settings(replicates=20, strategies=[{"name": "mix", "compose": "mix", "real_fraction": 0.5}])
    first, second, other = observed(chosen), observed(chosen), observed(chosen, seed=4)
    assert all(np.array_equal(first[key], second[key]) for key in first)
    assert not np.array_equal(first["heterozygosity", 1, 9.0], other["heterozygosity", 1, 9.0])


def test_blocks_of_replicates_are_joined(monkeypatch):
    monkeypatch.setattr(world, "BLOCK", 500)
    assert {len(values) for values in observed(settings(replicates=37)).values()} == {37}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"categories": 1}, "greater than or equal to 2"),
        ({"exponent": -1}, "greater than or equal to 0"),
        ({"samples": []}, "at least 1 item"),
        ({"samples": [5, 5]}, "more than once"),
        ({"measured": [0, 99]}, "beyond 0 to 6"),
    ],
)
def test_impossible_settings_are_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        settings(**changes)
