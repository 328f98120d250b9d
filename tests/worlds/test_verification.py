"""A verifier moves the breakdown point of labels that are wrong at random."""

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.integrate import quad
from scipy.stats import norm

from collapse.config.worlds.verification import VerificationSettings
from collapse.errors import EngineError
from collapse.metrics import CATALOGUE
from collapse.theory import verification as theory
from collapse.worlds import verification as world
from collapse.worlds.plane_fits import student

IMPERFECT = {"name": "imperfect", "keeps_right": 0.9, "keeps_wrong": 0.3}


def settings(**changes) -> VerificationSettings:
    values = {
        "model": "verification",
        "replicates": 4_000,
        "dimension": 20,
        "separation": 1.0,
        "samples": [5_000],
        "error_rates": [0.3, 0.7, 0.85],
        "verifiers": [IMPERFECT, {"name": "oracle", "keeps_right": 1.0, "keeps_wrong": 0.0}],
        "proxy_samples": [],
        "proxy_error_rate": 0.3,
    }
    return VerificationSettings.model_validate(values | changes)


def compared(given: VerificationSettings, metric: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, standard error and prediction of a metric, at every simulated place."""
    expected = {(p.strategy, *p.point.items()): p.value for p in world.predict(given) if p.metric == metric}
    seen = [one for one in world.simulate(given, 1) if one.metric == metric]
    values = np.array([one.values for one in seen])
    error = values.std(axis=1, ddof=1) / np.sqrt(values.shape[1])
    return values.mean(axis=1), error, np.array([expected[one.strategy, *one.point.items()] for one in seen])


def test_the_share_of_mistakes_follows_its_law_and_not_one_five_per_cent_away():
    mean, error, expected = compared(settings(), "accuracy")
    assert np.all(np.abs(mean - expected) < 4 * error)
    for perturbed in (0.95 * (1 - expected), 1.05 * (1 - expected)):
        assert np.all(np.abs(1 - mean - perturbed) > 4 * error)


@pytest.mark.parametrize(
    ("keeps_right", "keeps_wrong", "expected"), [(0.9, 0.3, 0.75), (1, 1, 0.5), (0.4, 0.4, 0.5), (1, 0, 1)]
)
def test_the_breakdown_point_is_where_as_many_wrong_labels_are_kept_as_right_ones(keeps_right, keeps_wrong, expected):
    point = theory.breakdown_point(keeps_right, keeps_wrong)
    assert point == pytest.approx(expected)
    assert keeps_right * (1 - point) == pytest.approx(keeps_wrong * point)


def test_the_accuracy_is_a_step_at_the_breakdown_point_for_endless_labels():
    def accuracy(rate: float, samples: float) -> float:
        return theory.independent_errors_accuracy(rate, 0.9, 0.3, int(samples), 20, 1.0)

    assert accuracy(0.749, 1e12) > 0.999
    assert accuracy(0.751, 1e12) < 0.001
    assert accuracy(0.75, 1e12) == pytest.approx(0.5)
    assert accuracy(0.7, 2e5) > 0.9 > 0.1 > accuracy(0.8, 2e5)
    assert accuracy(0.7, 2e3) < accuracy(0.7, 2e4) < accuracy(0.7, 2e5)


def test_the_weights_scatter_by_the_central_limit_theorem():
    p, right, wrong, n, d, m = 0.4, 0.9, 0.3, 3_000, 20, 1.2
    q = (right * (1 - p) - wrong * p) / (right * (1 - p) + wrong * p)

    def mean_of(value) -> float:
        """Over a ~ N(m, 1), which stands for both sides, and over the sign s of a label's error."""
        signs = ((1, (1 + q) / 2), (-1, (1 - q) / 2))
        return sum(
            share * quad(lambda a, s=s: value(a, s) * norm.pdf(a - m), -12, 15, points=[0])[0] for s, share in signs
        )

    second = mean_of(lambda a, s: a**2)
    weight = mean_of(lambda a, s: s * abs(a)) / second
    kept = n * (right * (1 - p) + wrong * p)
    across = mean_of(lambda a, s: (s * np.sign(a) - weight * a) ** 2) / kept
    along = mean_of(lambda a, s: a**2 * (s * np.sign(a) - weight * a) ** 2) / second**2 / kept
    expected = theory.expected_accuracy(np.array([weight]), np.array([[along]]), across, d - 1, m, nodes=41)
    found = theory.independent_errors_accuracy(p, right, wrong, n, d, m)
    assert 1 - found == pytest.approx(1 - expected, rel=1e-6)


def test_it_gives_what_data_and_lstsq_give():
    given = settings(dimension=4, samples=[80], error_rates=[0.4], verifiers=[IMPERFECT])
    fast = next(one.values for one in world.simulate(given, 0))
    rng, slow, direction = np.random.default_rng(2), [], np.array([1.0, 0.0, 0.0, 0.0])
    for _ in range(4_000):
        x = rng.standard_normal((80, 4)) + rng.choice([-1, 1], 80)[:, None] * direction
        truth, wrong = np.sign(x[:, 0]), rng.random(80) < 0.4
        kept = rng.random(80) < np.where(wrong, 0.3, 0.9)
        w = np.linalg.lstsq(x[kept], np.where(wrong, -truth, truth)[kept])[0]
        slow.append(float(theory.accuracy(w[:1], np.linalg.norm(w[1:], keepdims=True), 1.0)[0]))
    error = np.hypot(fast.std(), np.std(slow)) / np.sqrt(4_000)
    assert abs(fast.mean() - np.mean(slow)) < 4 * error


@pytest.mark.parametrize("separation", [0.3, 1.0, 2.5])
@pytest.mark.parametrize("angle", [0.05, 0.7, 1.5])
def test_accuracy_is_the_integral_over_the_depth_of_an_input(separation, angle):
    slope = 1 / np.tan(angle)
    expected, _ = quad(
        lambda a: norm.pdf(a - separation) * norm.cdf(abs(a) * slope), -12, 12, points=[0], epsabs=1e-11, limit=200
    )
    along, across = np.cos(angle), np.sin(angle)
    seen = theory.accuracy(np.array([along, -along, 3 * along]), np.array([across, across, 3 * across]), separation)
    assert seen == pytest.approx([expected, 1 - expected, expected], abs=1e-8)


def test_accuracy_is_one_along_the_truth_half_across_it_and_zero_against_it():
    seen = theory.accuracy(np.array([2.0, 0.0, -2.0]), np.array([0.0, 1.0, 0.0]), 1.0)
    assert seen == pytest.approx([1, 0.5, 0])


@pytest.mark.parametrize("separation", [0.2, 1.0, 3.0])
def test_folded_moments_are_their_integrals(separation):
    expected = [
        quad(lambda a, k=k: abs(a) ** k * norm.pdf(a - separation), -12, 15, points=[0])[0] for k in (1, 2, 3, 4)
    ]
    assert theory.folded_moments(separation) == pytest.approx(expected, rel=1e-6)


def test_the_quadrature_is_the_mean_over_normal_weights():
    rng, mean = np.random.default_rng(0), np.array([0.4, 0.1, -0.2])
    root = np.array([[0.2, 0, 0], [0.05, 0.1, 0], [-0.02, 0.03, 0.1]])
    drawn = mean + rng.standard_normal((200_000, 3)) @ root.T
    others = 0.05 * rng.chisquare(6, 200_000)
    values = theory.accuracy(drawn[:, 0], np.sqrt((drawn[:, 1:] ** 2).sum(axis=1) + others), 1.0)
    expected = theory.expected_accuracy(mean, root @ root.T, 0.05, 6, 1.0, nodes=9)
    assert abs(values.mean() - expected) < 4 * values.std() / np.sqrt(len(values))


def test_the_estimated_breakdown_point_scatters_as_the_delta_method_says():
    given = settings(
        replicates=60_000, dimension=3, error_rates=[0.3], samples=[50], proxy_samples=[2_000], verifiers=[IMPERFECT]
    )
    mean, error, expected = compared(given, "breakdown_proxy")
    assert np.abs(mean - expected) < 4 * error + 1e-3
    assert np.abs(mean - 1.05 * expected) > 4 * error + 1e-3
    mean, error, expected = compared(given, "proxy_squared_error")
    assert np.abs(mean - expected) < 4 * error
    for perturbed in (0.95 * expected, 1.05 * expected):
        assert np.abs(mean - perturbed) > 4 * error


def test_a_verifier_whose_rates_are_certain_has_a_certain_breakdown_point():
    assert theory.proxy_variance(1, 0, 0.3, 500) == 0
    assert theory.proxy_variance(1, 1, 0.3, 500) == 0


def test_the_student_is_the_least_squares_fit_where_nothing_is_left_to_draw():
    # One coordinate beside the plane: the fit is lstsq's on data with the same Gram matrices.
    rng = np.random.default_rng(0)
    labels, plane = rng.choice([-1.0, 1.0], (3_000, 30)), rng.standard_normal((3_000, 30))
    z = np.stack([labels, plane], axis=2)
    gram = z.transpose(0, 2, 1) @ z
    along, across = student(gram, 2, rng)
    fits = [
        np.linalg.lstsq(np.stack([p, rng.standard_normal(30)], axis=1), y)[0]
        for y, p in zip(labels, plane, strict=True)
    ]
    naive = np.array(fits)
    for fast, slow in ((along[:, 0], naive[:, 0]), (across, np.abs(naive[:, 1])), (across**2, naive[:, 1] ** 2)):
        assert abs(fast.mean() - slow.mean()) < 4 * np.hypot(fast.std(), slow.std()) / np.sqrt(3_000)


def test_too_few_kept_labels_are_refused():
    gram = np.array([[[5.0, 1.0], [1.0, 4.0]]])
    with pytest.raises(EngineError, match="keeps 5 labels in one replicate, too few for a fit in 6 dimensions"):
        student(gram, 6, np.random.default_rng(0))


def test_blocks_of_replicates_are_joined(monkeypatch):
    monkeypatch.setattr(world, "BLOCK", 3 * 500)
    given = settings(replicates=8, samples=[500, 400], error_rates=[0.3, 0.7])
    assert {len(np.unique(one.values)) for one in world.simulate(given, 0)} == {8}


def test_the_same_seed_gives_the_same_numbers_and_another_does_not():
    given = settings(replicates=3, verifiers=[IMPERFECT])
    first, again, other = ([one.values for one in world.simulate(given, seed)] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.any(np.equal(first, other))


def test_the_line_of_theory_has_more_places_than_the_simulation():
    given = settings(replicates=2)
    places = {one.point["error_rate"] for one in world.predict(given)}
    assert set(given.error_rates) < places


def test_its_metrics_are_in_the_catalogue():
    given = settings(replicates=2, proxy_samples=[200])
    assert {one.metric for one in world.simulate(given, 0)} == set(world.METRICS) <= set(CATALOGUE)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"verifiers": [IMPERFECT, IMPERFECT]}, "imperfect appears more than once"),
        ({"samples": [100], "error_rates": [0.9]}, "`imperfect` keeps about 36 of 100; .* needs at least 80"),
        ({"proxy_samples": [50]}, "50 hold fewer than 30 labels of one kind"),
        ({"error_rates": [1.0]}, "less than 1"),
        ({"verifiers": [IMPERFECT | {"keeps_wrong": 1.2}]}, "less than or equal to 1"),
        ({"verifiers": [IMPERFECT | {"keeps_right": 0.0}]}, "greater than 0"),
    ],
)
def test_impossible_settings_are_refused_with_the_reason(changes, message):
    with pytest.raises(ValidationError, match=message):
        settings(**changes)
