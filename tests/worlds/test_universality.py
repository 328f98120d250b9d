"""Medians and logistic regressions that refit what they generate follow the laws of least squares."""

from functools import partial

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.optimize import minimize

from collapse.config.settings import Strategy
from collapse.config.worlds.universality import UniversalitySettings
from collapse.randomness import stream
from collapse.theory import linear_regression as least_squares
from collapse.theory import universality as theory
from collapse.worlds import universality as world


def settings(**changes) -> UniversalitySettings:
    values = {
        "model": "universality",
        "replicates": 200,
        "estimator": "median",
        "samples": 101,
        "dimension": 1,
        "signal": 1.0,
        "generations": 3,
        "strategies": [{"name": "replace", "compose": "replace"}],
    }
    return UniversalitySettings.model_validate(values | changes)


LOGISTIC = {"estimator": "logistic", "samples": 1000, "dimension": 4}


def simulated(compose: str, **changes) -> tuple[np.ndarray, np.ndarray]:
    """Mean error over one fit's, by generation, and its standard error."""
    ratios = world.errors(settings(**changes), Strategy(name="one", compose=compose), seed=3)[:, 1]
    return ratios.mean(axis=1), ratios.std(axis=1, ddof=1) / np.sqrt(ratios.shape[1])


def assert_follows(mean: np.ndarray, error: np.ndarray, expected: np.ndarray, finite: float) -> None:
    """Within 4 standard errors and what finitely many draws change; not so if the law is moved by 5 %."""
    assert np.all(np.abs(mean - expected) < 4 * error + finite * expected)
    for perturbed in (0.95 * expected, 1.05 * expected):
        assert np.any(np.abs(mean - perturbed) > 4 * error + finite * perturbed)


@pytest.mark.parametrize(
    ("compose", "samples", "replicates", "finite", "law"),
    [
        ("replace", 101, 60_000, 0.01, least_squares.replace_ratio),
        # The median's error nears the law like n^(−1/2): 1.5 % below it at n = 201 after one generation.
        ("accumulate", 501, 40_000, 0.015, least_squares.accumulate_ratio),
        ("accumulate_subsample", 301, 30_000, 0.012, least_squares.accumulate_subsample_ratio),
    ],
)
def test_the_median_follows_least_squares_and_not_laws_five_per_cent_away(compose, samples, replicates, finite, law):
    mean, error = simulated(compose, samples=samples, replicates=replicates, generations=1)
    assert_follows(mean, error, law(1), finite)


@pytest.mark.parametrize(
    ("compose", "law"),
    [("replace", least_squares.replace_ratio), ("accumulate", least_squares.accumulate_ratio)],
)
def test_logistic_regression_follows_least_squares_and_not_laws_five_per_cent_away(compose, law):
    one_weight = {"estimator": "logistic", "samples": 300, "dimension": 1, "signal": 0.5}
    chosen = settings(**one_weight, replicates=30_000, generations=1)
    first, second = world.errors(chosen, Strategy(name="one", compose=compose), seed=3)[:, 0]

    def off(growth: float) -> float:
        """Standard errors between the two fits' errors, if the second is `growth` times the first."""
        difference = second - growth * first
        return abs(difference.mean()) / (difference.std() / np.sqrt(len(difference)))

    expected = law(1)[1]
    assert off(expected) < 4
    assert off(0.95 * expected) > 4 and off(1.05 * expected) > 4


def test_logistic_labels_and_their_numbers_have_the_same_law():
    whole = simulated("accumulate", **LOGISTIC, replicates=1500)
    parts = simulated("accumulate_subsample", **LOGISTIC, replicates=1500)
    # Generation 0 is one fit of all real labels, either way.
    assert abs(whole[0][0] - parts[0][0]) < 4 * np.hypot(whole[1][0], parts[1][0])
    assert parts[0][-1] - whole[0][-1] > 4 * np.hypot(whole[1][-1], parts[1][-1])


def test_the_median_s_error_is_exact():
    # Three standard normals: the variance of the middle one is 1 − √3/π.
    assert theory.median_error(3) == pytest.approx(1 - np.sqrt(3) / np.pi)
    assert theory.median_error(1) == pytest.approx(1.0)
    assert theory.median_error(1001) == pytest.approx(np.pi / 2002, rel=2e-3)


def test_one_logistic_fit_has_the_error_of_its_information():
    mean, error = simulated("replace", **LOGISTIC | {"samples": 2000}, replicates=2000, generations=1)
    assert abs(mean[0] - 1) < 4 * error[0] + 0.01


def test_the_information_of_logistic_labels_is_the_curvature_of_their_likelihood():
    inputs, weights = stream(0, 0, "test").standard_normal((50, 2)), np.array([0.8, -0.3])
    expected_labels, h = 1 / (1 + np.exp(-inputs @ weights)), 1e-4

    def loss(at: np.ndarray) -> float:
        logits = inputs @ at
        return float(np.sum(np.logaddexp(0, logits) - expected_labels * logits))

    steps = h * np.eye(2)
    curvature = np.array(
        [[loss(weights + a + b) - loss(weights + a) - loss(weights + b) + loss(weights) for b in steps] for a in steps]
    )
    expected = np.trace(np.linalg.inv(curvature / h**2))
    assert theory.logistic_error(inputs, weights) == pytest.approx(expected, rel=2e-3)


def test_newton_s_method_finds_the_maximum_of_the_likelihood():
    chosen = settings(**LOGISTIC | {"samples": 100})
    process = world.WholeLogistic(chosen, 3, stream(0, 0, "design/0"))
    rng = np.random.default_rng(0)
    drawn = np.full((1, 100), 4)
    successes = rng.binomial(4, process.probabilities(process.truth))
    fitted = process.fit((drawn, successes))
    for row in range(3):

        def loss(weights, row=row):
            logits = process.inputs @ weights
            return np.sum(4 * np.logaddexp(0, logits) - successes[row] * logits)

        assert fitted[row] == pytest.approx(minimize(loss, np.zeros(4), tol=1e-12).x, abs=1e-4)


def test_labels_with_rows_and_numbers_of_labels_give_the_same_fit():
    chosen = settings(**LOGISTIC | {"samples": 120})
    labelled = world.LabelledLogistic(chosen, 5, stream(0, 0, "design/0"))
    whole = world.WholeLogistic(chosen, 5, stream(0, 0, "design/0"))
    examples = labelled.draw(None, 240, np.random.default_rng(0))
    rows, labels = examples // 2, examples % 2
    successes = np.array([np.bincount(r, weights=one, minlength=120) for r, one in zip(rows, labels, strict=True)])
    assert np.array_equal(np.bincount(rows[0], minlength=120), np.full(120, 2))
    assert labelled.fit(examples) == pytest.approx(whole.fit((np.full((1, 120), 2), successes)))


def test_a_fit_that_does_not_converge_is_not_a_number():
    process = world.WholeLogistic(settings(**LOGISTIC | {"samples": 100}), 1, stream(0, 0, "design/0"))
    separable = (process.inputs @ process.truth[0] > 0).astype(int)[None, :]
    with np.errstate(all="ignore"):
        assert not np.all(np.isfinite(process.fit((np.ones((1, 100)), separable))))


def test_predictions_are_the_laws_of_least_squares():
    chosen = settings(
        strategies=[
            {"name": "accumulate", "compose": "accumulate"},
            {"name": "mix", "compose": "mix", "real_fraction": 0.5},
        ]
    )
    found = list(world.predict(chosen))
    assert {(one.strategy, one.status) for one in found} == {("accumulate", "asymptotic")}
    assert [one.value for one in found] == pytest.approx([1, 1.25, 1.25 + 1 / 9, 1.25 + 1 / 9 + 1 / 16])


def test_every_strategy_can_be_simulated(assert_every_strategy_runs):
    assert_every_strategy_runs(world, settings)
    assert_every_strategy_runs(world, partial(settings, **LOGISTIC))


def test_the_same_seed_gives_the_same_values_and_another_does_not():
    for chosen in (settings(), settings(**LOGISTIC)):
        first, second = ([one.values for one in world.simulate(chosen, 3)] for _ in range(2))
        assert all(np.array_equal(*pair) for pair in zip(first, second, strict=True))
        assert not np.array_equal(first[0], next(world.simulate(chosen, 4)).values)


def test_blocks_of_replicates_are_joined(monkeypatch):
    monkeypatch.setattr(world, "BLOCK", 4000)
    ratios = world.errors(settings(replicates=37), Strategy(name="replace", compose="replace"), 0)
    assert ratios.shape == (4, 2, 37) and len(np.unique(ratios[0, 0])) == 37


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dimension": 2}, "must be 1"),
        ({"samples": 100}, "is even"),
        (LOGISTIC | {"samples": 60}, "at least 20 per dimension = 80"),
        ({"signal": -1}, "greater than or equal to 0"),
        ({"estimator": "mean"}, "median"),
    ],
)
def test_impossible_settings_are_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        settings(**changes)
