"""A memory of limited capacity errs as Student's t says."""

import numpy as np
import pytest
from pydantic import ValidationError

from collapse.config.worlds.limited_memory import LimitedMemorySettings
from collapse.randomness import stream
from collapse.theory import associative_memory
from collapse.theory import limited_memory as theory
from collapse.theory.zipf import zipf
from collapse.worlds import limited_memory as world

WAYS = ["frequency", "root", "seen"]


def settings(**changes) -> LimitedMemorySettings:
    values = {
        "model": "limited_memory",
        "replicates": 6000,
        "exponent": 1.5,
        "atoms": 100,
        "weights": WAYS,
        "dimensions": [4, 12],
        "samples": [1000, 30_000],
        "ranks": [20, 100],
    }
    return LimitedMemorySettings.model_validate(values | changes)


def observed(chosen: LimitedMemorySettings, seed: int = 1) -> dict[tuple, np.ndarray]:
    return {(one.strategy, *one.point.values()): one.values for one in world.simulate(chosen, seed)}


def standard_errors_off(values: np.ndarray, expected: float) -> float:
    return abs(values.mean() - expected) / (values.std(ddof=1) / np.sqrt(len(values)))


def test_the_error_follows_its_law_and_not_one_five_per_cent_away():
    seen = observed(settings())
    for one in world.predict(settings()):
        values = seen[one.strategy, *one.point.values()]
        assert standard_errors_off(values, one.value) <= 4, one
        assert standard_errors_off(values, 1.05 * one.value) > 4, one
        assert standard_errors_off(values, 0.95 * one.value) > 4, one


def recalled(weights: np.ndarray, dimension: int, rng: np.random.Generator) -> np.ndarray:
    """Which questions one memory answers rightly: a matrix of outer products, and the better of two scores."""
    outputs = rng.standard_normal(3)
    outputs = np.stack([outputs, -outputs])
    embeddings = rng.standard_normal((len(weights), dimension)) / np.sqrt(dimension)
    answers = rng.integers(2, size=len(weights))
    matrix = np.zeros((dimension, 3))
    for weight, embedding, answer in zip(weights, embeddings, answers, strict=True):
        matrix += weight * np.outer(embedding, outputs[answer])
    return np.argmax(embeddings @ matrix @ outputs.T, axis=1) == answers


def test_the_probability_of_a_wrong_answer_is_that_of_a_matrix_of_outer_products():
    weights, rng, n = np.array([1.0, 0.6, 0.3, 0.1, 0.0]), stream(0, 0, "test"), 4000
    wrong = 1 - np.mean([recalled(weights, 3, rng) for _ in range(n)], axis=0)
    expected = theory.recall_error(weights, weights @ weights, 3)
    assert np.all(np.abs(wrong - expected) <= 4 * np.sqrt(expected * (1 - expected) / n))
    assert expected[-1] == 0.5


def test_all_at_once_a_memory_recalls_what_one_by_one_it_recalls():
    p, frequencies = np.eye(5)[1], np.tile([0.5, 0.3, 0.15, 0.05, 0.0], (20_000, 1))
    found = world.wrong_mass(p, frequencies, ["frequency"], 3, stream(0, 0, "test"))["frequency"]
    weights = frequencies[0]
    assert standard_errors_off(found, theory.recall_error(weights, weights @ weights, 3)[1]) <= 4


def test_a_memory_of_one_question_never_forgets_it_and_guesses_the_rest():
    p, frequencies = np.array([0.25, 0.75]), np.tile([1.0, 0.0], (2000, 1))
    found = world.wrong_mass(p, frequencies, ["seen"], 2, stream(0, 0, "test"))["seen"]
    assert set(found) == {0.0, 0.75}
    assert standard_errors_off(found, 0.75 / 2) <= 4
    assert theory.unlimited_error(p, np.array([1.0, 0.0]), 2, 0.0) == 0.75 / 2


@pytest.mark.parametrize("rho", [1.0, 0.5, 0.0])
def test_the_power_of_the_weights_has_its_mean(rho):
    q, samples = zipf(1.5, 50), 30
    frequencies = stream(0, 0, "test").multinomial(samples, q, size=20_000) / samples
    weights = frequencies**rho if rho else frequencies > 0
    power = (np.asarray(weights, dtype=float) ** 2).sum(axis=1)
    expected = theory.mean_power(q, samples, rho)
    assert abs(power.mean() - expected) <= 4 * power.std() / np.sqrt(len(power)) + 1e-12


@pytest.mark.parametrize("rho", [1.0, 0.5, 0.0])
def test_endless_samples_leave_what_the_dimension_forgets(rho):
    p = zipf(2, 300)
    q = associative_memory.cut(p, 100)
    expected = theory.unlimited_error(p, q, 64, rho)
    assert theory.error(p, q, 64, 10**8, rho) == pytest.approx(expected, rel=1e-5)
    assert theory.error(p, q, 64, 100, rho) != pytest.approx(expected, rel=1e-2)


def test_sums_over_counts_and_quadratures_agree(monkeypatch):
    p = zipf(2, 300)
    exact = theory.error(p, p, 64, 3000, 1.0)
    monkeypatch.setattr(theory, "COUNTED_TO", 400)
    assert theory.error(p, p, 64, 3000, 1.0) == pytest.approx(exact, rel=1e-4)


@pytest.mark.parametrize("rho", [1.0, 0.5])
def test_the_error_falls_like_a_power_of_the_dimension(rho):
    p = zipf(2, 100_000)
    low, high = (theory.unlimited_error(p, p, dimension, rho) for dimension in (64, 2048))
    slope = np.log(low / high) / np.log(32)
    assert slope == pytest.approx(theory.capacity_exponent(2, rho), abs=0.01)


def test_with_equal_weights_a_cut_tail_can_help_and_more_data_can_harm():
    p = zipf(2, 1000)
    by_rank = [theory.unlimited_error(p, associative_memory.cut(p, rank), 256, 0.0) for rank in (8, 32, 256)]
    by_samples = [theory.error(p, p, 256, samples, 0.0) for samples in (10, 300, 100_000)]
    assert by_rank[1] < min(by_rank[0], by_rank[2])
    assert by_samples[1] < min(by_samples[0], by_samples[2])


@pytest.mark.parametrize(
    "changes",
    [
        {"exponent": 1},
        {"dimensions": [0]},
        {"ranks": [101]},
        {"samples": [5, 5]},
        {"weights": []},
        {"weights": ["squared"]},
        {"atoms": 1},
    ],
)
def test_impossible_settings_are_refused(changes):
    with pytest.raises(ValidationError, match=next(iter(changes))):
        settings(**changes)


def test_a_seed_gives_the_same_values_and_another_seed_gives_others():
    chosen = settings(replicates=50, dimensions=[16])
    first, again, other = observed(chosen), observed(chosen), observed(chosen, seed=2)
    for key, values in first.items():
        np.testing.assert_array_equal(values, again[key])
        assert not np.array_equal(values, other[key])
