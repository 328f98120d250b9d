"""Labels of a linear generator: accuracy changes smoothly with its angle, and a verifier's quality orders it."""

import numpy as np
import pytest
from pydantic import ValidationError

from collapse.config.worlds.linear_verification import LinearVerificationSettings
from collapse.metrics import CATALOGUE
from collapse.theory import linear_verification as theory
from collapse.theory.verification import accuracy, expected_accuracy
from collapse.worlds import linear_verification as world

VERIFIERS = [
    {"name": "oracle", "angle": 0.0},
    {"name": "angle-45", "angle": 45.0},
    {"name": "no-verifier", "angle": None},
]


def settings(**changes) -> LinearVerificationSettings:
    values = {
        "model": "linear_verification",
        "replicates": 1_500,
        "dimension": 10,
        "separation": 1.0,
        "samples": [1_000, 4_000],
        "generator_angles": [60.0, 108.0],
        "verifiers": VERIFIERS,
    }
    return LinearVerificationSettings.model_validate(values | changes)


def compared(given: LinearVerificationSettings) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Mean, standard error and prediction at every simulated place, by metric."""
    expected = {(one.strategy, one.metric, *one.point.items()): one.value for one in world.predict(given)}
    seen = list(world.simulate(given, 1))
    rows = {metric: [one for one in seen if one.metric == metric] for metric in world.METRICS}
    return {
        metric: (
            np.array([one.values.mean() for one in ones]),
            np.array([one.values.std(ddof=1) / np.sqrt(len(one.values)) for one in ones]),
            np.array([expected[one.strategy, metric, *one.point.items()] for one in ones]),
        )
        for metric, ones in rows.items()
    }


def test_accuracy_and_breakdown_point_follow_their_laws_and_not_ones_five_per_cent_away():
    found = compared(settings(generator_angles=[108.0], replicates=2_500))
    mean, error, expected = found["accuracy"]
    # The law is that of N ≫ d; at N = 1000 and d = 10 its share of mistakes is within 1 %.
    slack = 4 * error + 0.01 * (1 - expected)
    assert np.all(np.abs(mean - expected) < slack)
    for perturbed in (0.95 * (1 - expected), 1.05 * (1 - expected)):
        assert np.all(np.abs(1 - mean - perturbed) > slack)
    mean, error, expected = found["breakdown_proxy"]
    assert np.all(np.abs(mean - expected) <= 4 * error + 1e-3)
    assert np.all(np.abs(mean - 1.05 * expected) > 4 * error + 1e-3)


@pytest.mark.parametrize(("angle", "expected"), [(0.0, 0.708), (45.0, 0.621), (90.0, 0.400)])
def test_the_limit_has_the_known_values(angle, expected):
    assert theory.limit_accuracy(108.0, angle, 1.0) == pytest.approx(expected, abs=1.5e-3)
    assert theory.rates(108.0, 45.0, 1.0).error_rate == pytest.approx(0.643, abs=1e-3)


@pytest.mark.parametrize("verifier_angle", [0.0, 30.0, 90.0, None])
def test_rates_are_those_of_data(verifier_angle):
    rng, n = np.random.default_rng(0), 400_000
    a = rng.choice([-0.7, 0.7], n) + rng.standard_normal(n)
    b, c = rng.standard_normal((2, n))
    label = np.sign(np.cos(np.deg2rad(70)) * a + np.sin(np.deg2rad(70)) * b)
    right, kept = label == np.sign(a), np.ones(n, dtype=bool)
    if verifier_angle is not None:
        kept = label == np.sign(np.cos(np.deg2rad(verifier_angle)) * a + np.sin(np.deg2rad(verifier_angle)) * c)
    rates = theory.rates(70.0, verifier_angle, 0.7)
    error = 4 * 0.5 / np.sqrt(n * 0.3)
    assert rates.error_rate == pytest.approx(1 - right.mean(), abs=error)
    assert rates.keeps_right == pytest.approx(kept[right].mean(), abs=error)
    assert rates.keeps_wrong == pytest.approx(kept[~right].mean(), abs=error)


def test_without_separation_a_generator_is_wrong_in_proportion_to_its_angle():
    for angle in (10.0, 45.0, 108.0, 170.0):
        assert theory.rates(angle, None, 1e-9).error_rate == pytest.approx(angle / 180, abs=2e-6)


def test_an_oracle_keeps_what_is_right_and_a_right_angle_knows_nothing():
    oracle, ignorant = theory.rates(60.0, 0.0, 1.0), theory.rates(60.0, 90.0, 1.0)
    assert (oracle.keeps_right, oracle.keeps_wrong) == pytest.approx((1, 0))
    assert (ignorant.keeps_right, ignorant.keeps_wrong) == pytest.approx((0.5, 0.5))


def test_the_law_tends_to_its_limit_from_below_as_labels_are_added():
    values = [theory.mean_accuracy(30.0, 15.0, 1.0, n, 20) for n in (1_000, 10_000, 100_000, 10**9)]
    assert np.all(np.diff(values) > 0)
    assert values[-1] == pytest.approx(theory.limit_accuracy(30.0, 15.0, 1.0), abs=1e-6)


def test_what_finitely_many_labels_cost_is_the_scatter_of_the_fit():
    """The sandwich of least squares, taken on data: in the plane of the angles, and in all dimensions beside it."""
    rng, n, labels = np.random.default_rng(0), 1_500_000, 50_000
    x = rng.standard_normal((n, 3))
    x[:, 0] += rng.choice([-1.0, 1.0], n)
    y = np.sign(x @ np.array([np.cos(np.deg2rad(60)), np.sin(np.deg2rad(60)), 0]))
    kept = y == np.sign(x @ np.array([np.cos(np.deg2rad(45)), 0, np.sin(np.deg2rad(45))]))
    n_kept, x, y = kept.mean() * labels, x[kept], y[kept]
    inverse = np.linalg.inv(x.T @ x / len(x))
    weights = inverse @ (x.T @ y / len(x))
    scores = x * (residuals := y - x @ weights)[:, None]
    covariance, rest = inverse @ (scores.T @ scores / len(x)) @ inverse / n_kept, np.mean(residuals**2) / n_kept
    limit = accuracy(weights[:1], np.hypot(*weights[1:, None]), 1.0)[0]
    for dimension in (4, 40):
        cost = limit - expected_accuracy(weights, covariance, rest, dimension - 3, 1.0, nodes=7)
        found = theory.limit_accuracy(60.0, 45.0, 1.0) - theory.mean_accuracy(60.0, 45.0, 1.0, labels, dimension)
        assert found == pytest.approx(cost, rel=0.01)


def test_there_is_no_jump_at_the_breakdown_point():
    values = [theory.limit_accuracy(angle, None, 1.0) for angle in np.linspace(60, 120, 31)]
    assert np.max(np.abs(np.diff(values))) < 0.03
    assert theory.limit_accuracy(90.0, None, 1.0) == pytest.approx(0.5)


@pytest.mark.parametrize("verifier", VERIFIERS)
def test_it_gives_what_data_and_lstsq_give(verifier):
    places = {"dimension": 5, "samples": [60, 120], "generator_angles": [70.0], "separation": 0.8}
    given = settings(**places, verifiers=[verifier], replicates=3_000, capacity_exponent=1.0)
    fast = [o.values for o in world.simulate(given, 0) if (o.strategy, o.metric) == (verifier["name"], "accuracy")][1]
    rng, slow = np.random.default_rng(5), []
    generator = np.array([np.cos(np.deg2rad(70)), np.sin(np.deg2rad(70)), 0, 0, 0])
    for _ in range(3_000):
        x = rng.standard_normal((120, 5)) / np.sqrt(np.arange(1, 6))
        x[:, 0] += rng.choice([-0.8, 0.8], 120)
        y, kept = np.sign(x @ generator), np.ones(120, dtype=bool)
        if verifier["angle"] is not None:
            judge = np.array([np.cos(np.deg2rad(verifier["angle"])), 0, np.sin(np.deg2rad(verifier["angle"])), 0, 0])
            kept = y == np.sign(x @ judge)
        w = np.linalg.lstsq(x[kept], y[kept])[0]
        # sign(x·w) scatters across μ with the variance w'Σw of the other coordinates.
        slow.append(float(accuracy(w[:1], np.sqrt([w[1:] ** 2 @ (1 / np.arange(2, 6))]), 0.8)[0]))
    error = np.hypot(fast.std(), np.std(slow)) / np.sqrt(3_000)
    assert abs(fast.mean() - np.mean(slow)) < 4 * error


def test_a_classifier_is_the_less_off_the_less_inputs_vary_in_the_direction_of_its_error():
    assert [theory.whitened(angle, 1.0) for angle in (0.0, 70.0, 120.0)] == pytest.approx([0, 70, 120])
    assert theory.whitened(45.0, 1 / 3) == pytest.approx(30)
    assert theory.whitened(120.0, 1 / 9) == pytest.approx(150)
    assert theory.whitened(90.0, 0.5) == pytest.approx(90)


def test_each_classifier_is_seen_at_its_own_angle():
    given = settings(generator_angles=[45.0], capacity_exponent=2.0, samples=[1_000])
    found = {(one.strategy, one.metric): one.value for one in world.predict(given)}
    generator, verifier = np.rad2deg(np.arctan([1 / 2, 1 / 3]))
    assert found["angle-45", "accuracy"] == pytest.approx(theory.mean_accuracy(generator, verifier, 1.0, 1_000, 10))
    rates = theory.rates(generator, verifier, 1.0)
    share = rates.keeps_right / (rates.keeps_right + rates.keeps_wrong)
    assert found["angle-45", "breakdown_proxy"] == pytest.approx(share)
    assert found["no-verifier", "accuracy"] == pytest.approx(theory.mean_accuracy(generator, None, 1.0, 1_000, 10))
    assert found["clean", "accuracy"] == pytest.approx(theory.mean_accuracy(0.0, None, 1.0, 1_000, 10))


def test_clean_labels_do_not_depend_on_the_generator():
    seen = {(o.strategy, *o.point.values()): o.values for o in world.simulate(settings(replicates=4), 0)}
    assert np.array_equal(seen["clean", 4_000, 60.0], seen["clean", 4_000, 108.0])


def test_blocks_of_replicates_are_joined(monkeypatch):
    monkeypatch.setattr(world, "BLOCK", 3 * 200)
    given = settings(replicates=8, samples=[150, 200])
    seen = [one.values for one in world.simulate(given, 0) if one.metric == "accuracy"]
    assert {len(np.unique(one)) for one in seen} == {8}


def test_the_same_seed_gives_the_same_numbers_and_another_does_not():
    first, again, other = (
        [one.values for one in world.simulate(settings(replicates=3), seed) if one.metric == "accuracy"]
        for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.any(np.equal(first, other))


def test_its_metrics_are_in_the_catalogue():
    assert {one.metric for one in world.simulate(settings(replicates=2), 0)} == set(world.METRICS) <= set(CATALOGUE)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"verifiers": [VERIFIERS[0], VERIFIERS[0]]}, "oracle appears more than once"),
        ({"verifiers": [{"name": "clean", "angle": 10.0}]}, "`clean` is training on true labels"),
        ({"samples": [300, 200]}, "samples: must rise"),
        ({"generator_angles": [180.0]}, "less than 180"),
        ({"verifiers": [{"name": "one", "angle": 120.0}]}, "less than or equal to 90"),
        ({"dimension": 3}, "greater than or equal to 4"),
        ({"capacity_exponent": 11}, "capacity_exponent\n.*less than or equal to 10"),
    ],
)
def test_impossible_settings_are_refused_with_the_reason(changes, message):
    with pytest.raises(ValidationError, match=message):
        settings(**changes)
