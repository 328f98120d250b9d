"""A memory in a chain knows what its real ancestors knew, whatever the strategy."""

import numpy as np
import pytest
from pydantic import ValidationError

from collapse.config.settings import Strategy
from collapse.config.worlds.memory_chain import MemoryChainSettings
from collapse.randomness import stream
from collapse.theory import associative_memory, memory_chain
from collapse.theory.zipf import zipf
from collapse.worlds import memory_chain as world
from collapse.worlds.composition import REAL, expected_composition

STRATEGIES = {
    "real": {},
    "replace": {},
    "accumulate": {},
    "accumulate_subsample": {},
    "replace_multiple": {},
    "mix": {"real_fraction": 0.2},
    "preserve": {"real_fraction": 0.1},
    "window": {"window": 3},
    "fresh_real": {"real_fraction": 0.1},
}


def strategy(compose: str, **changes) -> Strategy:
    return Strategy(name=compose.replace("_", "-"), compose=compose, **(STRATEGIES[compose] | changes))


def settings(*composes: str, **changes) -> MemoryChainSettings:
    values = {
        "model": "memory_chain",
        "replicates": 400,
        "exponent": 1.5,
        "atoms": 20_000,
        "samples": [600],
        "generations": 8,
        "strategies": [strategy(compose) for compose in composes or ("replace",)],
    }
    return MemoryChainSettings.model_validate(values | changes)


def observed(chosen: MemoryChainSettings, seed: int = 1) -> dict[tuple, np.ndarray]:
    rows = world.simulate(chosen, seed)
    return {(one.strategy, one.generation, *one.point.values()): one.values for one in rows}


def standard_errors_off(values: np.ndarray, expected: float) -> float:
    return abs(values.mean() - expected) / (values.std(ddof=1) / np.sqrt(len(values)))


@pytest.mark.parametrize("compose", STRATEGIES)
def test_the_error_follows_its_law_and_not_one_five_per_cent_away(compose):
    chosen = settings(compose)
    seen = observed(chosen)
    for one in world.predict(chosen):
        values = seen[one.strategy, one.generation, *one.point.values()]
        assert standard_errors_off(values, one.value) <= 4, one.generation
        assert standard_errors_off(values, 1.05 * one.value) > 4, one.generation
        assert standard_errors_off(values, 0.95 * one.value) > 4, one.generation


def ancestors(compose: str, size: int, generations: int, rng: np.random.Generator) -> int:
    """Different real draws behind a last training set, by following every example of one chain."""
    chosen, fresh_numbers = strategy(compose), iter(range(size, 100 * size))
    real, trained, written = list(range(size)), list(range(size)), {}
    for generation in range(1, generations + 1):
        n = size * chosen.sets_offered(generation)
        written[generation] = [trained[i] for i in rng.integers(len(trained), size=n)]
        sets = expected_composition(chosen, size, generation)
        trained = [next(fresh_numbers) for _ in range(round(sets.fresh[-1]))]
        for number, count in sets.taken[-1].items():
            pool = real if number == REAL else written[number]
            trained += [pool[i] for i in rng.permutation(len(pool))[: round(count)]]
    return len(set(trained))


@pytest.mark.parametrize("compose", sorted(STRATEGIES))
def test_real_ancestors_are_as_many_as_following_every_example_finds(compose):
    size, generations, rng = 120, 4, stream(0, 0, "test")
    counted = np.array([ancestors(compose, size, generations, rng) for _ in range(300)])
    expected = world.expected_ancestors(strategy(compose), size, generations)[-1]
    error = counted.std(ddof=1) / np.sqrt(len(counted))
    # Means over finite sets differ from the limit by a part of one ancestor.
    assert abs(counted.mean() - expected) <= 4 * error + 0.5
    assert abs(counted.mean() - 1.05 * expected) > 4 * error + 0.5


def test_under_accumulate_nothing_is_lost_and_under_replace_nothing_comes_back():
    seen = observed(settings("accumulate", "replace"))
    for generation in range(1, 9):
        first, now = seen["accumulate", 0, 600.0], seen["accumulate", generation, 600.0]
        np.testing.assert_allclose(now, first, rtol=1e-12)
        gain = seen["replace", generation, 600.0] - seen["replace", generation - 1, 600.0]
        assert np.all(gain > -1e-12) and np.mean(gain > 0) > 0.5


def test_under_replace_the_general_recursion_is_the_short_one():
    expected = memory_chain.replace_ancestors(500, 30)
    np.testing.assert_allclose(world.expected_ancestors(strategy("replace"), 500, 30), expected)
    assert expected[-1] == pytest.approx(2 * 500 / 30, rel=0.1)


def test_after_many_generations_of_replace_the_error_grows_like_their_number_to_the_power_c():
    p = zipf(1.5, 10**6)
    early, late = associative_memory.error(p, p, memory_chain.replace_ancestors(100_000, 1000)[[200, 1000]])
    assert np.log(late / early) / np.log(5) == pytest.approx(1 / 3, abs=0.01)


def test_new_real_data_every_generation_bound_the_error_and_a_fixed_part_of_old_data_too():
    for compose in ("fresh_real", "mix", "preserve", "accumulate_subsample"):
        counts = world.expected_ancestors(strategy(compose), 1000, 200)
        assert counts[200] > 0.98 * counts[100] > 10 * memory_chain.replace_ancestors(1000, 200)[200]


def test_all_sets_are_composed_as_the_strategy_says():
    sets = expected_composition(strategy("accumulate_subsample"), 90, 2)
    assert sets.taken == ({0: 45.0, 1: 45.0}, {0: 30.0, 1: 30.0, 2: 30.0})
    sets = expected_composition(strategy("replace_multiple"), 90, 2)
    assert (sets.offered, sets.taken) == ((180.0, 270.0), ({1: 180.0}, {2: 270.0}))
    assert expected_composition(strategy("fresh_real"), 90, 2).fresh == (9.0, 9.0)


@pytest.mark.parametrize(
    "changes",
    [{"exponent": 1}, {"atoms": 1}, {"samples": [1]}, {"samples": [10, 10]}, {"generations": 0}, {"strategies": []}],
)
def test_impossible_settings_are_refused(changes):
    with pytest.raises(ValidationError, match=next(iter(changes))):
        settings(**changes)


def test_a_seed_gives_the_same_values_and_another_seed_gives_others():
    chosen = settings("replace", "accumulate_subsample", replicates=30, generations=2)
    first, again, other = observed(chosen), observed(chosen), observed(chosen, seed=2)
    for key, values in first.items():
        np.testing.assert_array_equal(values, again[key])
        assert not np.array_equal(values, other[key])


def test_blocks_of_replicates_have_streams_of_their_own(monkeypatch):
    monkeypatch.setattr(world, "BLOCK", 1)
    for values in observed(settings(replicates=30, generations=1)).values():
        assert len(set(values)) == 30
