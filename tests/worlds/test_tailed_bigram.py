"""Counted bigrams miss pairs, and differ from the true ones, as exact sums say."""

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.stats import binom

from collapse.config.worlds.tailed_bigram import TailedBigramSettings
from collapse.randomness import stream
from collapse.theory import associative_memory
from collapse.theory import tailed_bigram as theory
from collapse.theory.zipf import zipf
from collapse.worlds import tailed_bigram as world


def settings(**changes) -> TailedBigramSettings:
    values = {
        "model": "tailed_bigram",
        "replicates": 200,
        "exponents": [1.5, 2.5],
        "tokens": 5000,
        "contexts": 7,
        "samples": [500, 5000],
        "ranks": [200, 5000],
    }
    return TailedBigramSettings.model_validate(values | changes)


def observed(chosen: TailedBigramSettings, seed: int = 1) -> dict[tuple, np.ndarray]:
    return {(one.metric, *one.point.values()): one.values for one in world.simulate(chosen, seed)}


def standard_errors_off(values: np.ndarray, expected: float) -> float:
    return abs(values.mean() - expected) / (values.std(ddof=1) / np.sqrt(len(values)))


def test_both_errors_follow_their_laws_and_not_ones_five_per_cent_away():
    seen = observed(settings())
    for one in world.predict(settings()):
        values = seen[one.metric, *one.point.values()]
        assert standard_errors_off(values, one.value) <= 4, one
        assert standard_errors_off(values, 1.05 * one.value) > 4, one
        assert standard_errors_off(values, 0.95 * one.value) > 4, one


def counted(p: np.ndarray, q: np.ndarray, contexts: int, samples: int, rng: np.random.Generator) -> tuple[float, float]:
    """Both errors of one bigram of tokens, where every context ranks them in an order of its own."""
    tokens = len(p)
    orders = [rng.permutation(tokens) for _ in range(contexts)]
    counts, true = np.zeros((contexts, tokens)), np.zeros((contexts, tokens))
    for context, order in enumerate(orders):
        true[context, order] = p / contexts
    for _ in range(samples):
        context = int(rng.integers(contexts))
        counts[context, orders[context][rng.choice(tokens, p=q)]] += 1
    return true[counts == 0].sum(), np.abs(counts / samples - true).sum() / 2


def test_the_orders_of_the_contexts_do_not_matter():
    p = zipf(1.5, 40)
    q = associative_memory.cut(p, 20)
    rng = stream(0, 0, "test")
    drawn = np.array([counted(p, q, 3, 60, rng) for _ in range(300)]).T
    simulated = world.errors(p, q, 3, 60, 4, 4000, rng)
    for one_by_one, all_at_once in zip(drawn, simulated, strict=True):
        error = np.hypot(one_by_one.std() / np.sqrt(300), all_at_once.std() / np.sqrt(4000))
        assert abs(one_by_one.mean() - all_at_once.mean()) <= 4 * error
    assert standard_errors_off(drawn[0], theory.unseen_probability(p, q, 3, 60)) <= 4
    assert standard_errors_off(drawn[1], theory.total_variation(p, q, 3, 60)) <= 4


@pytest.mark.parametrize("head", [1, 3, 40])
def test_how_many_ranks_are_counted_at_once_does_not_matter(head):
    p = zipf(1.5, 40)
    simulated = world.errors(p, p, 3, 60, head, 3000, stream(head, 0, "test"))
    assert standard_errors_off(simulated[0], theory.unseen_probability(p, p, 3, 60)) <= 4
    assert standard_errors_off(simulated[1], theory.total_variation(p, p, 3, 60)) <= 4


@pytest.mark.parametrize(
    ("n", "probability", "centre"), [(5, 0.3, 1.7), (10, 0.2, 2.0), (20, 0.01, 0.2), (8, 0.0, 3.0)]
)
def test_the_mean_distance_from_any_centre_is_the_sum_over_all_counts(n, probability, centre):
    counts = np.arange(n + 1)
    expected = np.abs(counts - centre) @ binom.pmf(counts, n, probability)
    # The distance of a bigram of one context and this one cell, up to the factor 1/(2n).
    found = 2 * n * theory.total_variation(np.array([centre / n]), np.array([probability]), 1, n)
    assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("exponent", [1.5, 3.0, 4.0])
def test_the_distance_falls_by_the_smaller_of_two_powers(exponent):
    p = zipf(exponent, 10**6)
    early, late = (theory.total_variation(p, p, 10, n) for n in (2_000_000, 20_000_000))
    assert np.log10(early / late) == pytest.approx(theory.rate(exponent), abs=0.02)


def test_a_cut_leaves_the_mass_beyond_it_as_floor_of_both_errors():
    p = zipf(1.5, 5000)
    q = associative_memory.cut(p, 30)
    assert theory.unseen_probability(p, q, 7, 10**8) == pytest.approx(p[30:].sum(), rel=1e-6)
    assert theory.total_variation(p, q, 7, 10**8) == pytest.approx(p[30:].sum(), rel=1e-2)


@pytest.mark.parametrize(
    "changes",
    [{"exponents": [1.0]}, {"contexts": 1}, {"tokens": 1}, {"samples": []}, {"ranks": [5001]}, {"ranks": [1]}],
)
def test_impossible_settings_are_refused(changes):
    with pytest.raises(ValidationError, match=next(iter(changes))):
        settings(**changes)


def test_a_seed_gives_the_same_values_and_another_seed_gives_others():
    chosen = settings(replicates=5)
    first, again, other = observed(chosen), observed(chosen), observed(chosen, seed=2)
    for key, values in first.items():
        np.testing.assert_array_equal(values, again[key])
        assert not np.array_equal(values, other[key])
