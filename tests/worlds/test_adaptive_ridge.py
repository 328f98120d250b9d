"""Students of generated labels need a larger ridge, and by how much is predicted."""

import numpy as np
import pytest
from pydantic import ValidationError

from collapse.config.worlds.adaptive_ridge import AdaptiveRidgeSettings
from collapse.randomness import stream
from collapse.theory import adaptive_ridge as theory
from collapse.theory.deterministic_equivalents import spectrum
from collapse.theory.ridge_chain import Source, student_error
from collapse.worlds import adaptive_ridge as world
from collapse.worlds.ridge_chain import student_data

# Finite dimensions move the limit by up to this share; it is not known how closely a simulation could say.
FINITE = 0.01


def settings(**changes) -> AdaptiveRidgeSettings:
    values = {
        "model": "adaptive_ridge",
        "replicates": 2500,
        "dimension": 60,
        "capacity_exponent": 1.5,
        "source_exponent": 1 / 3,
        "generator_samples": 120,
        "generator_noise_variance": 0.1,
        "noise_variance": 0.1,
        "generations": 10,
        "measured": [0, 2, 10],
        "samples": [60, 200, 800],
        "ridges": [0.0001, 0.001, 0.01, 0.1, 1],
        "strategies": [{"name": "replace", "compose": "replace"}],
    }
    return AdaptiveRidgeSettings.model_validate(values | changes)


Rows = dict[tuple, np.ndarray]


def observed(chosen: AdaptiveRidgeSettings, seed: int = 3) -> Rows:
    return {(one.metric, one.generation, *one.point.values()): one.values for one in world.simulate(chosen, seed)}


@pytest.fixture(scope="module")
def seen() -> Rows:
    return observed(settings())


@pytest.fixture(scope="module")
def known() -> dict[tuple, float]:
    return {(one.metric, one.generation, *one.point.values()): one.value for one in world.predict(settings())}


@pytest.mark.parametrize("metric", ["excess_error", "clean_ridge_error", "adaptive_ridge_error"])
@pytest.mark.parametrize("generation", [0, 2, 10])
def test_errors_follow_their_law_and_not_one_five_per_cent_away(seen, known, metric, generation):
    keys = [key for key in seen if key[:2] == (metric, generation)]
    values = np.array([seen[key] for key in keys])
    mean, error = values.mean(axis=1), values.std(axis=1, ddof=1) / np.sqrt(values.shape[1])
    expected = np.array([known[key] for key in keys])
    assert np.all(np.abs(mean - expected) < 4 * error + FINITE * expected)
    for perturbed in (0.95 * expected, 1.05 * expected):
        assert np.any(np.abs(mean - perturbed) > 4 * error + FINITE * perturbed)


def test_the_best_ridge_rises_with_generations_and_is_near_theory(seen, known):
    for samples in (60.0, 200.0, 800.0):
        means = [seen["optimal_ridge", generation, samples].mean() for generation in (0, 2, 10)]
        assert means[0] < means[1] < means[2]
        predicted = [known["optimal_ridge", generation, samples] for generation in (0, 2, 10)]
        assert means == pytest.approx(predicted, rel=0.25)
        assert means != pytest.approx([1.5 * value for value in predicted], rel=0.25)


def test_no_ridge_beats_a_replicate_s_best(seen):
    for generation in (0, 2, 10):
        swept = np.array([seen["excess_error", generation, 200.0, ridge] for ridge in settings().ridges])
        best = seen["optimal_ridge", generation, 200.0]
        assert np.all((best >= 0.0001) & (best <= 1))
        assert np.all(np.abs(np.log(best / np.array(settings().ridges)[swept.argmin(axis=0)])) < np.log(10))


# d = 1000, T_0 = 2000, β = 1.5, λ_j w_j² = j^-2, σ² = σ_0² = 0.1; T = 100, 300, 1000, 3000, 10000.
LARGE = (100, 300, 1000, 3000, 10_000)


def large_source(dimension: int = 1000) -> Source:
    eigenvalues = spectrum("power_law", dimension, 1.5)
    return Source(eigenvalues, theory.squared_weights(eigenvalues, 1.5, 1 / 3), 0.1, 2 * dimension, 0.1)


@pytest.mark.parametrize(
    ("fits", "errors", "ridges"),
    [
        (0, [0.0634, 0.0328, 0.0163, 0.0087, 0.0042], [0.0042, 0.0024, 0.0010, 0.0004, 0.0002]),
        (5, [0.1359, 0.0804, 0.0517, 0.0409, 0.0368], [0.0178, 0.0100, 0.0056, 0.0042, 0.0032]),
        (20, [0.2406, 0.1494, 0.1001, 0.0813, 0.0735], [0.0562, 0.0237, 0.0133, 0.0100, 0.0100]),
    ],
)
def test_the_best_ridges_give_the_numbers_computed_before(fits, errors, ridges):
    source = large_source()
    best = [theory.optimal_ridge(source, samples, fits) for samples in LARGE]
    found = [student_error(source, samples, ridge, fits) for samples, ridge in zip(LARGE, best, strict=True)]
    assert found == pytest.approx(errors, rel=0.01)
    # The earlier search was on a grid with steps of a third.
    assert best == pytest.approx(ridges, rel=0.2)


def test_the_ridge_for_real_labels_gives_the_upturn_computed_before():
    source = large_source()
    found = [student_error(source, samples, theory.clean_ridge(samples, 1.5, 1 / 3), 20) for samples in LARGE]
    assert found == pytest.approx([0.2529, 0.1619, 0.1206, 0.1248, 0.1769], rel=2e-3)
    assert found[-1] > found[-2] > found[-3]


def test_the_best_ridge_is_a_minimum():
    source = large_source(300)
    for samples, fits in ((50, 0), (50, 20), (4000, 0), (4000, 20)):
        best = theory.optimal_ridge(source, samples, fits)
        lowest = student_error(source, samples, best, fits)
        grid = np.geomspace(best / 50, best * 50, 201)
        assert lowest <= min(student_error(source, samples, ridge, fits) for ridge in grid) * (1 + 1e-9)


def test_exponents_and_rates_are_the_classical_ones():
    assert theory.clean_exponent(1.5, 1 / 3) == pytest.approx(0.75)
    assert theory.clean_rate(1.5, 1 / 3) == pytest.approx(0.5)
    # Beyond r = 1 more smoothness does not help a ridge.
    assert theory.clean_exponent(1.5, 4) == theory.clean_exponent(1.5, 1)
    assert theory.clean_rate(1.5, 4) == theory.clean_rate(1.5, 1)


def test_on_real_labels_the_best_error_falls_at_the_classical_rate():
    eigenvalues = spectrum("power_law", 300_000, 1.5)
    source = Source(eigenvalues, theory.squared_weights(eigenvalues, 1.5, 1 / 3), 1.0, 600_000, 0.1)
    samples = np.array([3e3, 3e4])
    errors = [student_error(source, n, theory.optimal_ridge(source, n, 0), 0) for n in samples]
    slope = np.log(errors[1] / errors[0]) / np.log(samples[1] / samples[0])
    assert slope == pytest.approx(-theory.clean_rate(1.5, 1 / 3), abs=0.03)


def test_a_decomposed_student_is_the_student():
    eigenvalues = spectrum("power_law", 8, 1.5)
    source, rng = Source(eigenvalues, np.arange(1.0, 9.0) / 8, 0.1, 20, 0.1), stream(0, 0, "student")
    ridges = np.array([1e-3, 0.1, 5.0])
    for samples in (5, 30):
        data, shifts = student_data(samples, 8, 0.2, 3, rng), rng.standard_normal((3, 8, 2))
        found = world.decomposed(data, source, shifts).errors(ridges)
        truth = np.sqrt(source.eigenvalues * source.squared_weights)
        for ridge, errors in zip(ridges, found, strict=True):
            assert errors == pytest.approx(data.errors(ridge, eigenvalues, truth, shifts)[:2])


def test_the_same_seed_gives_the_same_values_and_another_seed_others():
    chosen = settings(dimension=6, generator_samples=20, replicates=5, samples=[4, 9])
    first, again, other = (observed(chosen, seed) for seed in (1, 1, 2))
    assert all(np.array_equal(first[key], again[key]) for key in first)
    assert not all(np.array_equal(first[key], other[key]) for key in first)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"generator_samples": 61}, "generator_samples: 61 are too few"),
        ({"capacity_exponent": 1}, "greater than 1"),
        ({"source_exponent": 0}, "greater than 0"),
        ({"noise_variance": 0}, "greater than 0"),
        ({"samples": [200, 60]}, "samples: must rise"),
        ({"ridges": [0.1, 0.01]}, "ridges: must rise"),
        ({"ridges": [0, 0.1]}, "greater than 0"),
        ({"measured": []}, "at least 1"),
        ({"measured": [0, 11]}, "beyond 0 to 10"),
    ],
)
def test_impossible_settings_are_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        settings(**changes)
