"""Ridge on random projections meets its closed form, and shows the peak and the gap of the paper."""

import numpy as np
import pytest
from pydantic import ValidationError

from collapse.config.worlds.random_projections import RandomProjectionsSettings
from collapse.metrics import CATALOGUE
from collapse.theory import random_projections as theory
from collapse.theory.strong_ridge import ridge_terms
from collapse.worlds import random_projections as world


def settings(**changes) -> RandomProjectionsSettings:
    values = {
        "model": "random_projections",
        "replicates": 500,
        "dimension": 120,
        "samples": 100,
        "synthetic_fraction": 0.5,
        "truth_variance": 1.0,
        "shift_variances": [0.0, 1.0],
        "noise_variance": 0.1,
        "ridge": 0.1,
        "widths": [30, 100, 300],
        "theory_draws": 5,
    }
    return RandomProjectionsSettings.model_validate(values | changes)


def test_the_error_and_its_parts_follow_their_laws_and_not_ones_five_per_cent_away(compare):
    # A large shift, so that what it adds stands out from the noise of the pairing.
    found = compare(world, settings(shift_variances=[0.0, 10.0], replicates=1500))
    assert {metric: len(mean) for metric, (mean, _, _) in found.items()} == dict.fromkeys(world.METRICS[:3], 6) | {
        "added_error": 3
    }
    for mean, error, expected in found.values():
        # The law is that of large d, m and n; at this ridge it is within 1.5 % of the mean.
        slack = 4 * error + 0.015 * expected
        assert np.all(np.abs(mean - expected) < slack)
        for perturbed in (0.95 * expected, 1.05 * expected):
            assert np.any(np.abs(mean - perturbed) > slack)


def test_inputs_and_rules_that_prefer_directions_have_their_own_laws_and_not_those_of_isotropic_ones(compare):
    skewed = {"capacity_exponent": 0.5, "truth_exponent": -1.0, "shift_exponent": 0.4}
    found = compare(world, settings(widths=[100], shift_variances=[10.0], **skewed))
    for changed in ({}, *({key: 0.0} for key in skewed)):
        given = settings(widths=[100], shift_variances=[10.0], **skewed | changed)
        other = {one.metric: one.value for one in world.predict(given)}
        off = {
            metric: abs(mean[0] - other[metric]) / (4 * se[0] + 0.015 * mean[0])
            for metric, (mean, se, _) in found.items()
        }
        assert any(one > 1 for one in off.values()) == bool(changed), (changed, off)


def test_the_parts_are_all_of_the_error():
    predicted = {(one.metric, *one.point.values()): one.value for one in world.predict(settings(widths=[30, 300]))}
    for place in ((30, 1.0), (300, 1.0)):
        error, *parts = (predicted[metric, *place] for metric in world.METRICS)
        assert sum(parts) == pytest.approx(error)
        assert all(part > 0 for part in parts)


@pytest.mark.parametrize(("width", "samples"), [(4, 10), (20, 10), (12, 30)])
def test_it_gives_what_explicit_projections_give(width, samples):
    given = settings(
        dimension=8,
        samples=samples,
        widths=[width],
        replicates=4_000,
        ridge=0.05,
        shift_variances=[0.7],
        capacity_exponent=1.0,
        truth_exponent=-1.0,
        shift_exponent=2.0,
    )
    fast = np.array([one.values for one in world.simulate(given, 0)])
    assert [one.metric for one in world.simulate(given, 0)] == list(world.METRICS)
    rng, slow, j = np.random.default_rng(4), [], np.arange(1.0, 9.0)
    for _ in range(4_000):
        projection = rng.standard_normal((width, 8)) / np.sqrt(8)
        truth, shift = (
            rng.standard_normal(8) * np.sqrt(j / 36),
            rng.standard_normal(8) * np.sqrt(0.7 * j**-2 / 1.527422),
        )
        x = rng.standard_normal((samples, 8)) / np.sqrt(j)
        noise, wrong = np.sqrt(0.1) * rng.standard_normal(samples), x @ shift
        wrong[samples // 2 :] = 0
        z = x @ projection.T
        fit = projection.T @ np.linalg.inv(z.T @ z + samples * 0.05 * np.eye(width)) @ z.T
        off = [fit @ y - w for y, w in ((x @ truth + noise + wrong, truth), (noise, 0), (x @ truth, truth))]
        whole, *parts = (one**2 @ (1 / j) for one in (*off, fit @ (x @ truth + noise) - truth))
        slow.append([whole, *parts[:2], whole - parts[2]])
    slow = np.array(slow).T
    error = np.hypot(fast.std(axis=1), slow.std(axis=1)) / np.sqrt(4_000)
    assert np.all(np.abs(fast.mean(axis=1) - slow.mean(axis=1)) < 4 * error)


def test_an_orthogonal_projection_is_no_projection():
    basis = np.linalg.qr(np.random.default_rng(0).standard_normal((12, 12)))[0]
    source = 1 / np.arange(1.0, 13.0), np.arange(12.0), np.arange(1.0, 13.0) ** 2
    given = theory.error_given_projection(theory.projected(basis, *source), 30, 0.4, 0.1, 0.2)
    plain = ridge_terms(*source, 30, 0.4, 0.1, 0.2)
    assert (given.bias, given.variance, given.shift) == pytest.approx((plain.bias, plain.variance, plain.shift))


def test_with_endless_data_what_is_hidden_stays_and_the_floor_is_the_visible_part():
    projection, each = np.random.default_rng(0).standard_normal((5, 20)), np.full(20, 0.05)
    seen = theory.projected(projection, np.ones(20), 2.0 * each, 0.5 * each)
    terms = theory.error_given_projection(seen, 1e9, 0.3, 1e-9, 0.2)
    assert terms.bias == pytest.approx(2.0 * 15 / 20, rel=1e-6)
    assert terms.variance == pytest.approx(0, abs=1e-6)
    assert terms.shift == pytest.approx(0.3**2 * 0.5 * 5 / 20, rel=1e-6)


def test_a_projection_on_some_inputs_hides_the_others():
    seen = theory.projected(
        np.eye(4)[:2], np.array([4.0, 3.0, 2.0, 1.0]), np.array([0.5, 1.0, 2.0, 4.0]), np.array([1.0, 2.0, 3.0, 5.0])
    )
    assert seen.eigenvalues == pytest.approx([4, 3])
    assert (seen.truth, seen.shift) == (pytest.approx([0.5, 1]), pytest.approx([1, 2]))
    assert (seen.hidden_truth, seen.hidden_shift) == pytest.approx((2 * 2 + 4, 2 * 3 + 5))
    # Both scatter like noise of their variance, by V at σ² = 1; what is hidden of the true rule is also missed.
    terms = theory.error_given_projection(seen, 10, 0.3, 0.2, 0.5)
    plain = ridge_terms(seen.eigenvalues, seen.truth, seen.shift, 10, 0.3, 0.2, 1.0)
    assert terms.variance == pytest.approx(0.5 * plain.variance)
    assert terms.bias - plain.bias == pytest.approx(8 * (1 + plain.variance))
    assert terms.shift - plain.shift == pytest.approx(0.3 * 11 * plain.variance)


@pytest.mark.parametrize(
    ("width", "mixed", "real"),
    [(20, 1.22, 1.07), (60, 2.05, 1.38), (90, 4.20, 2.25), (140, 3.08, 1.20), (300, 2.34, 0.78), (1000, 2.17, 0.69)],
)
def test_the_law_gives_the_known_values(width, mixed, real):
    given = settings(widths=[width], ridge=0.001, theory_draws=20)
    values = [one.value for one in world.predict(given) if one.metric == "excess_error"]
    assert values == pytest.approx([real, mixed], rel=0.015)


def test_the_error_peaks_at_as_many_projections_as_samples_and_the_gap_grows_up_to_there(compare):
    given = settings(dimension=60, samples=50, widths=[10, 30, 50, 70, 200], ridge=0.001)
    found = compare(world, given)
    assert list(found["excess_error"][0].reshape(5, 2).argmax(axis=0)) == [2, 2]
    gap, error, _ = found["added_error"]
    assert np.all(np.diff(gap[:3]) > 4 * np.hypot(error[:2], error[1:3]))
    assert gap[4] < gap[3]


def test_what_synthetic_labels_add_is_paired_with_real_ones():
    seen = {(one.metric, one.point["shift_variance"]): one.values for one in world.simulate(settings(widths=[30]), 0)}
    np.testing.assert_allclose(
        seen["added_error", 1.0], seen["excess_error", 1.0] - seen["excess_error", 0.0], atol=1e-12
    )
    assert ("added_error", 0.0) not in seen


def test_blocks_of_replicates_are_joined(monkeypatch):
    monkeypatch.setattr(world, "BLOCK", 3 * 10 * 10)
    given = settings(dimension=10, samples=10, widths=[4], replicates=8)
    values = [one.values for one in world.simulate(given, 0)]
    assert [len(np.unique(one)) for one in values] == [8] * 7


def test_the_same_seed_gives_the_same_numbers_and_another_does_not():
    given = settings(replicates=3, widths=[30])
    first, again, other = ([one.values for one in world.simulate(given, seed)] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.any(np.equal(first, other))
    assert [one.value for one in world.predict(given)] == [one.value for one in world.predict(given)]


def test_its_metrics_are_in_the_catalogue():
    seen = {one.metric for one in world.simulate(settings(replicates=2, widths=[30]), 0)}
    assert seen == set(world.METRICS) <= set(CATALOGUE)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"samples": 101}, "0.5 of 101 labels is no whole number"),
        ({"ridge": 0}, "greater than 0"),
        ({"widths": [0]}, "greater than or equal to 1"),
        ({"synthetic_fraction": 1.5}, "less than or equal to 1"),
        ({"shift_variances": [-1.0]}, "greater than or equal to 0"),
        ({"capacity_exponent": -1}, "capacity_exponent\n.*greater than or equal to 0"),
        ({"truth_exponent": 11}, "truth_exponent\n.*less than or equal to 10"),
        ({"shift_exponent": -11}, "shift_exponent\n.*greater than or equal to -10"),
    ],
)
def test_impossible_settings_are_refused_with_the_reason(changes, message):
    with pytest.raises(ValidationError, match=message):
        settings(**changes)
