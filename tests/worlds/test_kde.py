"""Chains of kernel densities lose the shape they were fitted to, and their variance follows its law."""

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.stats import multivariate_normal

from collapse.config.worlds.kde import KdeSettings
from collapse.theory import gaussian, kde
from collapse.worlds import kde as world

SHAPES = ["blobs", "moons", "circles", "swiss_roll"]
N, LAST = 12, 5
MEASURED = [0, 1, 5]
STRATEGIES = [
    {"name": "replace", "compose": "replace"},
    {"name": "accumulate", "compose": "accumulate"},
    {"name": "accumulate-subsample", "compose": "accumulate_subsample"},
]


def settings(**changes) -> KdeSettings:
    values = {
        "model": "kde",
        "replicates": 6000,
        "shape": "moons",
        "noise": 0.05,
        "samples": N,
        "bandwidth": 0.3,
        "test_points": 1,
        "generations": LAST,
        "measured": [],
        "strategies": STRATEGIES,
    }
    return KdeSettings.model_validate(values | changes)


def observed(chosen: KdeSettings, seed: int = 3) -> dict[tuple[str, str, int], np.ndarray]:
    return {(one.strategy, one.metric, one.generation): one.values for one in world.simulate(chosen, seed)}


@pytest.fixture(scope="module")
def rows() -> dict[tuple[str, str, int], np.ndarray]:
    return observed(settings(measured=MEASURED))


@pytest.mark.parametrize("strategy", [one["name"] for one in STRATEGIES])
def test_the_variance_follows_its_law_and_not_one_five_per_cent_away(rows, strategy):
    chosen = settings()
    law = gaussian.LAWS[strategy.replace("-", "_")]
    expected = law(N, LAST, added=chosen.bandwidth**2 / kde.source_variance("moons", 0.05)).variance[MEASURED]
    values = np.array([rows[strategy, "variance_ratio", generation] for generation in MEASURED])
    mean, error = values.mean(axis=1), values.std(axis=1, ddof=1) / np.sqrt(values.shape[1])
    assert np.all(np.abs(mean - expected) < 4 * error)
    for perturbed in (0.95 * expected, 1.05 * expected):
        assert np.any(np.abs(mean - perturbed) > 4 * error)


def test_predictions_are_the_law():
    found = {(one.strategy, one.generation): one.value for one in world.predict(settings())}
    added = 0.09 / kde.source_variance("moons", 0.05)
    assert [found["accumulate", generation] for generation in range(LAST + 1)] == pytest.approx(
        list(gaussian.accumulate(N, LAST, added=added).variance)
    )


def test_with_many_points_replace_adds_the_kernel_s_variance_every_generation():
    variance = gaussian.replace(10**9, 20, added=0.01).variance
    assert variance == pytest.approx(1 + 0.01 * np.arange(1, 22))
    harmonic = np.cumsum(1 / np.arange(1, 22))
    assert gaussian.accumulate(10**9, 20, added=0.01).variance == pytest.approx(1 + 0.01 * harmonic)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_source_has_the_variance_that_theory_uses(shape):
    points = world.source(shape, 0.2, (2, 100_000), np.random.default_rng(0)).reshape(-1, 2)
    squared = ((points - points.mean(axis=0)) ** 2).mean(axis=1)
    expected, error = kde.source_variance(shape, 0.2), squared.std() / np.sqrt(len(points))
    assert abs(squared.mean() - expected) < 4 * error
    assert abs(squared.mean() - 1.05 * expected) > 4 * error


@pytest.mark.parametrize("n", [3, 700])
def test_the_log_density_is_the_mean_of_normal_densities(n, monkeypatch):
    monkeypatch.setattr(world, "CHUNK", 1000)  # Several chunks, the last one not full.
    rng, bandwidth = np.random.default_rng(1), 0.25
    model, points = rng.normal(3, 2, (n, 2)), rng.normal(3, 2, (40, 2))
    densities = [multivariate_normal(centre, bandwidth**2).pdf(points) for centre in model]
    assert np.exp(world.log_density(model, points, bandwidth)) == pytest.approx(np.mean(densities, axis=0), rel=1e-8)


def test_a_density_far_from_its_points_is_small_and_finite():
    far = world.log_density(np.zeros((5, 2)), np.array([[100.0, 0.0]]), 0.1)
    assert far == pytest.approx([-(100**2) / 0.02 - np.log(2 * np.pi * 0.01)])


def test_new_points_are_drawn_about_the_model_s_own():
    process = world.Points(settings(bandwidth=0.001), 2)
    model = np.array([[[0.0, 0.0], [5.0, 5.0]], [[-3.0, 1.0], [-3.0, 1.0]]])
    drawn = process.draw(model, 200, np.random.default_rng(0))
    assert np.abs(drawn[1] - [-3.0, 1.0]).max() < 0.01
    near_first = np.abs(drawn[0]).max(axis=1) < 0.01
    assert 60 < near_first.sum() < 140 and np.abs(drawn[0][~near_first] - 5).max() < 0.01


@pytest.mark.parametrize("shape", SHAPES)
def test_replace_forgets_the_shape_and_accumulate_keeps_it(shape):
    chosen = settings(
        shape=shape,
        noise=1.0 if shape == "blobs" else 0.05,
        bandwidth=0.1 if shape in ("moons", "circles") else 0.5,
        replicates=40,
        samples=60,
        test_points=60,
        generations=12,
        measured=[0, 4, 12],
    )
    rows = observed(chosen)
    loss = {key: values for key, values in rows.items() if key[1] == "negative_log_likelihood"}
    mean = {(strategy, generation): values.mean() for (strategy, _, generation), values in loss.items()}
    assert mean["replace", 0] < mean["replace", 4] < mean["replace", 12]
    for strategy in ("accumulate", "accumulate-subsample"):
        assert mean[strategy, 12] < mean["replace", 4]
    assert mean["accumulate", 12] < mean["accumulate-subsample", 12] < mean["replace", 12]
    assert mean["replace", 0] == mean["accumulate", 0]


def test_only_measured_generations_are_yielded_and_every_replicate_is_there(monkeypatch):
    monkeypatch.setattr(world, "BLOCK", 1000)
    rows = observed(settings(replicates=37, measured=[0, 3]))
    assert {generation for _, _, generation in rows} == {0, 3}
    assert {len(values) for values in rows.values()} == {37}


def test_every_strategy_can_be_simulated(assert_every_strategy_runs):
    assert_every_strategy_runs(world, settings)


def test_the_same_seed_gives_the_same_values_and_another_does_not():
    chosen = settings(replicates=5)
    first, second, other = observed(chosen), observed(chosen), observed(chosen, seed=4)
    assert all(np.array_equal(first[key], second[key]) for key in first)
    assert not np.array_equal(*(rows["replace", "negative_log_likelihood", 0] for rows in (first, other)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bandwidth": 0}, "greater than 0"),
        ({"noise": -0.1}, "greater than or equal to 0"),
        ({"shape": "spiral"}, "swiss_roll"),
        ({"measured": [0, 6]}, "beyond 0 to 5"),
        ({"measured": [3, 1]}, "must rise"),
    ],
)
def test_impossible_settings_are_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        settings(**changes)
