"""Ridge on real labels mixed with labels of another rule meets its closed forms."""

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.stats import beta

from collapse.config.worlds.strong_ridge import StrongRidgeSettings
from collapse.metrics import CATALOGUE
from collapse.theory import strong_ridge as theory
from collapse.theory.deterministic_equivalents import spread
from collapse.worlds import strong_ridge as world


def settings(**changes) -> StrongRidgeSettings:
    values = {
        "model": "strong_ridge",
        "replicates": 20_000,
        "dimension": 6,
        "capacity_exponent": 0.0,
        "truth_variance": 1.0,
        "shift_variance": 0.5,
        "noise_variance": 0.1,
        "samples": [10, 20, 100],
        "synthetic_fractions": [0.0, 0.2, 0.5],
        "ridges": [0],
    }
    return StrongRidgeSettings.model_validate(values | changes)


SKEWED = {"truth_exponent": 1.0, "shift_exponent": -0.7}


@pytest.mark.parametrize(("exponent", "rules"), [(0.0, {}), (1.5, SKEWED)])
def test_least_squares_follows_the_exact_law_and_not_one_five_per_cent_away(compare, exponent, rules):
    found = compare(world, settings(capacity_exponent=exponent, **rules))
    n_places = {"excess_error": 9, "noise_error": 9, "added_error": 6, "bias_error": 0}
    assert {metric: len(mean) for metric, (mean, _, _) in found.items()} == n_places
    for mean, error, expected in list(found.values())[:3]:
        assert np.all(np.abs(mean - expected) < 4 * error)
        for perturbed in (0.95 * expected, 1.05 * expected):
            assert np.any(np.abs(mean - perturbed) > 4 * error)


@pytest.mark.parametrize(("exponent", "rules"), [(0.0, {}), (0.5, SKEWED)])
def test_ridge_follows_theorem_1_and_not_a_law_five_per_cent_away(compare, exponent, rules):
    places = {"samples": [80, 240], "synthetic_fractions": [0.5], "ridges": [0.02, 0.2], "shift_variance": 5.0}
    found = compare(world, settings(dimension=120, replicates=1000, capacity_exponent=exponent, **rules, **places))
    for mean, error, expected in found.values():
        # The law is that of d → ∞; at d = 120 it is within 1 % of the mean.
        slack = 4 * error + 0.01 * expected
        assert np.all(np.abs(mean - expected) < slack)
        for perturbed in (0.95 * expected, 1.05 * expected):
            assert np.any(np.abs(mean - perturbed) > slack)


@pytest.mark.parametrize(
    ("exponent", "samples", "fraction", "ridge", "expected"),
    [
        (0.0, 200, 0.2, 1e-6, 0.1400),
        (0.0, 200, 0.5, 0.1, 0.2170),
        (0.0, 60, 0.5, 0.1, 0.6060),
        (0.0, 1000, 0.1, 1e-3, 0.0176),
        (0.0, 40, 0.9, 1e-3, 0.8465),
        (1.2, 200, 0.5, 0.1, 0.0173),
        (1.2, 40, 0.9, 1e-3, 0.1378),
    ],
)
def test_theorem_1_gives_the_known_values(exponent, samples, fraction, ridge, expected):
    eigenvalues = np.arange(1, 81) ** -exponent
    each = np.full(80, 1 / 80)
    terms = theory.ridge_terms(eigenvalues, each, 0.5 * each, samples, fraction, ridge, 0.1)
    assert terms.total == pytest.approx(expected, abs=6e-5)


def test_a_rules_variances_fall_or_rise_with_its_exponent_and_keep_their_sum():
    assert spread(11.0, 3, 1) == pytest.approx([6, 3, 2])
    assert spread(12.0, 3, -1) == pytest.approx([2, 4, 6])
    assert spread(3.0, 4, 0) == pytest.approx([0.75] * 4)


@pytest.mark.parametrize("ridge", [0.02, 0.5])
def test_only_the_diagonals_of_the_rules_covariances_count(ridge):
    """Theorem 1 as the paper writes it, by traces of whole matrices, κ found by bisection."""
    rng, n, p2 = np.random.default_rng(3), 25, 0.3
    covariance, gamma, delta = (np.cov(rng.standard_normal((12, 40)) * np.arange(1, 13)[:, None]) for _ in range(3))
    low, high = 1e-9, 1e6
    for _ in range(200):
        kappa = np.sqrt(low * high)
        resolvent = np.linalg.inv(covariance + kappa * np.eye(12))
        low, high = (kappa, high) if kappa - ridge < kappa * np.trace(covariance @ resolvent) / n else (low, kappa)
    part = p2 * covariance @ resolvent
    share = np.trace(covariance @ resolvent @ covariance @ resolvent) / n
    bias = kappa**2 * np.trace(gamma @ resolvent @ covariance @ resolvent) / (1 - share)
    # δ is learnt as p₂ Σ(Σ + κ)⁻¹δ; what synthetic labels miss by then, and real ones see of it, scatters like noise.
    rest = np.eye(12) - part
    misfit = p2 * rest.T @ covariance @ rest + (1 - p2) * part.T @ covariance @ part
    shift = np.trace(delta @ part.T @ covariance @ part) + np.trace(delta @ misfit) * share / (1 - share)
    eigenvalues, basis = np.linalg.eigh(covariance)
    rules = (np.diagonal(basis.T @ rule @ basis) for rule in (gamma, delta))
    terms = theory.ridge_terms(eigenvalues, *rules, n, p2, ridge, 0.7)
    assert (terms.bias, terms.variance, terms.shift) == pytest.approx((bias, 0.7 * share / (1 - share), shift))


def test_theorem_1_without_ridge_is_corollary_1():
    each = np.full(30, 1 / 30)
    for fraction in (0.0, 0.3, 0.9):
        terms = theory.ridge_terms(np.ones(30), each, 0.5 * each, 75, fraction, 1e-12, 0.2)
        assert terms.total == pytest.approx(theory.isotropic_ridgeless_error(0.4, fraction, 0.2, 0.5), rel=1e-9)
    with pytest.raises(ValueError, match="not between 0 and 1"):
        theory.isotropic_ridgeless_error(1.0, 0.1, 0.1, 0.5)


def test_the_exact_law_tends_to_corollary_1_and_then_to_the_floor():
    for scale, tolerance in ((1, 0.1), (10, 0.01), (1000, 1e-4)):
        exact = theory.ridgeless_terms(16 * scale, 4 * scale, 8 * scale, 0.1, 0.5).total
        assert exact == pytest.approx(theory.isotropic_ridgeless_error(0.4, 0.2, 0.1, 0.5), rel=tolerance)
    assert theory.ridgeless_terms(9e9, 1e9, 8, 0.1, 0.5).total == pytest.approx(theory.floor(0.1, 0.5), rel=1e-6)
    assert theory.floor(0.1, 0.5) == pytest.approx(0.005)


def test_labels_of_the_true_rule_cost_what_least_squares_costs():
    assert theory.ridgeless_terms(20, 0, 6, 0.1, 0.5).shift == pytest.approx(0, abs=1e-12)
    assert theory.ridgeless_terms(0, 20, 6, 0.1, 0.5).shift == pytest.approx(0.5)


def test_in_one_dimension_the_synthetic_share_is_a_beta_variable():
    squares, square = theory.beta_moments(7, 4, 1)
    assert squares == pytest.approx(beta(2, 3.5).moment(2))
    assert square == pytest.approx(squares)
    assert theory.conjugation(12, 1) == (1.0, 0.0)


def test_conjugation_has_the_mean_of_random_gram_matrices():
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((40_000, 9, 3))
    gram = inputs.transpose(0, 2, 1) @ inputs
    matrix = np.array([[1.0, 0.5, 0.0], [0.5, -2.0, 0.3], [0.0, 0.3, 4.0]])
    products = np.linalg.solve(gram, matrix @ gram)
    same, trace = theory.conjugation(9, 3)
    expected = same * matrix + trace * np.trace(matrix) * np.eye(3)
    error = products.std(axis=0) / np.sqrt(len(products))
    assert np.all(np.abs(products.mean(axis=0) - expected) < 4 * error)
    assert np.any(np.abs(products.mean(axis=0) - 1.05 * expected) > 4 * error)


@pytest.mark.parametrize(("samples", "fraction", "ridge"), [(10, 0.2, 0.3), (30, 0.5, 0.0), (5, 0.4, 0.1)])
def test_gram_matrices_give_what_data_give(samples, fraction, ridge):
    given = settings(
        samples=[samples],
        synthetic_fractions=[fraction],
        ridges=[ridge],
        replicates=6_000,
        capacity_exponent=1.0,
        truth_exponent=-1.0,
        shift_exponent=1.0,
        shift_variance=5.0,
    )
    fast = next(one.values for one in world.simulate(given, 0) if one.metric == "excess_error")
    rng, eigenvalues, slow = np.random.default_rng(2), 1 / np.arange(1, 7), []
    for _ in range(4_000):
        x = rng.standard_normal((samples, 6)) * np.sqrt(eigenvalues)
        truth = rng.standard_normal(6) * np.sqrt(np.arange(1, 7) / 21)
        shift = rng.standard_normal(6) * np.sqrt(5 * eigenvalues / 2.45)
        y = x @ truth + np.sqrt(0.1) * rng.standard_normal(samples)
        n_synthetic = round(fraction * samples)
        y[:n_synthetic] += x[:n_synthetic] @ shift
        rows = np.vstack([x, np.sqrt(samples * ridge) * np.eye(6)])
        fitted = np.linalg.lstsq(rows, np.concatenate([y, np.zeros(6)]))[0]
        slow.append((fitted - truth) ** 2 @ eigenvalues)
    error = np.hypot(fast.std() / np.sqrt(len(fast)), np.std(slow) / np.sqrt(len(slow)))
    assert abs(fast.mean() - np.mean(slow)) < 4 * error


def test_synthetic_labels_alone_are_learnt_as_if_they_were_right():
    mean, error, expected = compared_alone(settings(synthetic_fractions=[1.0], samples=[30]), "added_error")
    assert expected == pytest.approx(0.5)
    assert abs(mean - expected) < 4 * error


def compared_alone(given: StrongRidgeSettings, metric: str) -> tuple[float, float, float]:
    """Mean, standard error and prediction of a metric with one place."""
    values = next(one.values for one in world.simulate(given, 1) if one.metric == metric)
    expected = next(one.value for one in world.predict(given) if one.metric == metric)
    return values.mean(), values.std() / np.sqrt(len(values)), expected


def test_without_noise_a_fit_is_off_by_its_bias_and_noise_adds_the_rest():
    given = settings(samples=[20], synthetic_fractions=[0.0], ridges=[0.2], replicates=20_000)
    seen = {one.metric: one.values for one in world.simulate(given, 0)}
    parts = seen["bias_error"] + seen["noise_error"]
    rest = seen["excess_error"] - parts
    assert abs(rest.mean()) < 4 * rest.std() / np.sqrt(len(rest))
    # With σ² = 0 everywhere nothing but the bias is left.
    quiet = next(one.values for one in world.simulate(settings(**NOISELESS), 0) if one.metric == "excess_error")
    assert abs(quiet.mean() / seen["bias_error"].mean() - 1) < 0.05


NOISELESS = {"samples": [20], "synthetic_fractions": [0.0], "ridges": [0.2], "noise_variance": 1e-12}


def test_real_labels_alone_add_no_error_and_have_no_such_value():
    given = settings(replicates=4, samples=[20])
    added = [one.point["synthetic_fraction"] for one in world.simulate(given, 0) if one.metric == "added_error"]
    assert added == [0.2, 0.5]


def test_the_line_of_theory_has_more_places_than_the_simulation():
    given = settings(replicates=4)
    places = {one.point["samples"] for one in world.predict(given)}
    assert set(given.samples) < places
    assert (min(places), max(places)) == (10, 100)
    assert len({one.point["samples"] for one in world.predict(settings(samples=[20]))}) == 1


def test_blocks_of_replicates_are_joined(monkeypatch):
    monkeypatch.setattr(world, "BLOCK", 6 * 6 * 7)
    given = settings(replicates=20, samples=[20], synthetic_fractions=[0.5])
    values = [one.values for one in world.simulate(given, 0)]
    assert [len(one) for one in values] == [20, 20, 20]
    assert len(np.unique(values[0])) == 20


def test_the_same_seed_gives_the_same_numbers_and_another_does_not():
    given = settings(replicates=5)
    first, again, other = ([one.values for one in world.simulate(given, seed)] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.any(np.equal(first, other))


def test_its_metrics_are_in_the_catalogue():
    given = settings(replicates=2, ridges=[0, 0.1])
    assert {one.metric for one in world.simulate(given, 0)} == set(world.METRICS) <= set(CATALOGUE)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"samples": [7]}, r"samples: 7 are too few.*dimension \+ 2 = 8"),
        ({"samples": [15], "synthetic_fractions": [0.5]}, "0.5 of 15 labels is no whole number"),
        ({"synthetic_fractions": [1.1]}, "less than or equal to 1"),
        ({"synthetic_fractions": [0.5, 0.5]}, "synthetic_fractions: 0.5 appears more than once"),
        ({"ridges": [-0.1]}, "greater than or equal to 0"),
        ({"shift_variance": 0}, "greater than 0"),
        ({"capacity_exponent": -1}, "greater than or equal to 0"),
        ({"truth_exponent": 11}, "truth_exponent\n.*less than or equal to 10"),
        ({"shift_exponent": -11}, "shift_exponent\n.*greater than or equal to -10"),
    ],
)
def test_impossible_settings_are_refused_with_the_reason(changes, message):
    with pytest.raises(ValidationError, match=message):
        settings(**changes)


def test_a_law_without_a_finite_value_is_refused():
    with pytest.raises(ValueError, match="d \\+ 2 samples are needed"):
        theory.ridgeless_terms(4, 3, 6, 0.1, 0.5)
