"""Reweighting keeps a floor, relabelling removes it at a price; both meet the laws derived for them."""

import numpy as np
import pytest
from pydantic import ValidationError

from collapse.config.worlds.mixing_schemes import MixingSchemesSettings
from collapse.metrics import CATALOGUE
from collapse.theory import mixing_schemes as theory
from collapse.theory.strong_ridge import isotropic_ridgeless_error, ridgeless_terms
from collapse.worlds import mixing_schemes as world


def settings(**changes) -> MixingSchemesSettings:
    values = {
        "model": "mixing_schemes",
        "replicates": 3_000,
        "dimension": 20,
        "synthetic_fraction": 0.5,
        "shift_variance": 1.0,
        "noise_variance": 1.0,
        "samples": [120, 2000],
        "synthetic_weights": [0.1, 0.5, 0.8],
        "rounds": 6,
    }
    return MixingSchemesSettings.model_validate(values | changes)


def compared(given: MixingSchemesSettings) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Mean, standard error and prediction of the test error at every simulated place, by strategy."""
    expected = {(p.strategy, *p.point.items()): p.value for p in world.predict(given) if p.metric == "excess_error"}
    seen = [one for one in world.simulate(given, 1) if one.metric == "excess_error"]
    found = {}
    for strategy in ("reweight", "iterate", "real", "clean"):
        values = np.array([one.values for one in seen if one.strategy == strategy])
        law = np.array([expected[strategy, *one.point.items()] for one in seen if one.strategy == strategy])
        found[strategy] = (values.mean(axis=1), values.std(axis=1, ddof=1) / np.sqrt(values.shape[1]), law)
    return found


@pytest.mark.parametrize("fraction", [0.25, 0.5])
def test_each_scheme_follows_its_law_and_not_one_five_per_cent_away(fraction):
    for strategy, (mean, error, expected) in compared(settings(synthetic_fraction=fraction)).items():
        # The laws of `reweight` and `iterate` are those of large d; at d = 20 they are within 1.5 % of the mean.
        slack = 4 * error + (0.015 * expected if strategy in ("reweight", "iterate") else 0)
        assert np.all(np.abs(mean - expected) < slack)
        for perturbed in (0.95 * expected, 1.05 * expected):
            assert np.any(np.abs(mean - perturbed) > slack)


def test_weights_in_proportion_are_the_plain_mixture():
    for n_real, n_synthetic in ((40, 60), (70, 30)):
        fraction = n_synthetic / 100
        weighted = theory.reweighted_error(fraction, n_real, n_synthetic, 20, 0.3, 0.7)
        assert weighted == pytest.approx(isotropic_ridgeless_error(0.2, fraction, 0.3, 0.7), rel=1e-9)
    seen = {
        (o.strategy, *o.point.items()): o.values
        for o in world.simulate(settings(replicates=20), 0)
        if o.metric == "excess_error"
    }
    plain = seen["iterate", ("samples", 120.0), ("round", 0.0)]
    np.testing.assert_allclose(seen["reweight", ("samples", 120.0), ("synthetic_weight", 0.5)], plain, rtol=1e-9)


def test_a_fixed_weight_keeps_a_floor_of_its_square():
    for weight in (0.05, 0.3, 0.9):
        assert theory.reweighted_error(weight, 5e8, 5e8, 20, 1.0, 2.0) == pytest.approx(2 * weight**2, rel=1e-5)


def test_round_0_is_the_plain_mixture():
    for n_real, n_synthetic in ((60, 60), (90, 30)):
        first = theory.iterated_error(0, n_real, n_synthetic, 20, 0.4, 0.8)[0]
        assert first == pytest.approx(ridgeless_terms(n_real, n_synthetic, 20, 0.4, 0.8).total, rel=0.015)
    large = theory.iterated_error(0, 60_000, 60_000, 20_000, 0.4, 0.8)[0]
    assert large == pytest.approx(ridgeless_terms(60_000, 60_000, 20_000, 0.4, 0.8).total, rel=1e-4)


def test_many_rounds_on_many_samples_cost_a_constant_factor():
    for fraction, limit in ((0.5, 8 / 3), (0.25, 1 / 0.75 + 0.25 / (1 - 0.0625))):
        n = 1e8
        last = theory.iterated_error(80, (1 - fraction) * n, fraction * n, 20, 1.0, 1.0)[-1]
        assert theory.iterated_limit(fraction) == pytest.approx(limit)
        assert last / (20 / n) == pytest.approx(limit, rel=1e-4)


def test_labels_without_noise_are_unlearnt_round_by_round():
    given = settings(noise_variance=1e-12, rounds=80, replicates=50, samples=[120])
    mean, _, _ = compared(given)["iterate"]
    assert np.all(np.diff(mean) < 0)
    assert mean[-1] < 1e-9 < mean[0]


def test_the_shared_spectrum_is_that_of_random_matrices():
    n_real, n_synthetic, d = 900, 500, 300
    rng = np.random.default_rng(0)
    real, synthetic = rng.standard_normal((n_real, d)), rng.standard_normal((n_synthetic, d))
    part = synthetic.T @ synthetic
    values = np.linalg.eigvals(np.linalg.solve(part + real.T @ real, part)).real
    x, weight = theory.shared_spectrum(n_real, n_synthetic, d)
    assert weight.sum() == pytest.approx(1)
    assert weight @ x == pytest.approx(500 / 1400)
    assert weight @ (1 / (1 - x)) == pytest.approx((1400 - 300) / (900 - 300))
    for power in (1, 2, 5):
        assert np.mean(values**power) == pytest.approx(weight @ x**power, rel=0.02)
    assert (values.min(), values.max()) == pytest.approx((x.min(), x.max()), abs=0.02)
    with pytest.raises(ValueError, match="need at least d"):
        theory.shared_spectrum(10, 2, 5)


def test_it_gives_what_data_and_lstsq_give():
    given = settings(dimension=4, samples=[24], synthetic_weights=[0.2], rounds=2, replicates=4_000)
    fast = {
        (o.strategy, o.point.get("round")): o.values for o in world.simulate(given, 0) if o.metric == "excess_error"
    }
    rng, slow = np.random.default_rng(3), {("reweight", None): [], **{("iterate", float(t)): [] for t in range(3)}}
    weights = np.sqrt(np.repeat([0.8 / 12, 0.2 / 12], 12))
    for _ in range(4_000):
        x, truth = rng.standard_normal((24, 4)), rng.standard_normal(4)
        labeller = truth + 0.5 * rng.standard_normal(4)
        y_real, noise = x[:12] @ truth + rng.standard_normal(12), rng.standard_normal((3, 12))
        y = np.concatenate([y_real, x[12:] @ labeller + noise[0]])
        fitted = np.linalg.lstsq(weights[:, None] * x, weights * y)[0]
        slow["reweight", None].append(np.sum((fitted - truth) ** 2))
        for t in range(3):
            labeller = np.linalg.lstsq(x, np.concatenate([y_real, x[12:] @ labeller + noise[t]]))[0]
            slow["iterate", float(t)].append(np.sum((labeller - truth) ** 2))
    for case, values in slow.items():
        error = np.hypot(fast[case].std(), np.std(values)) / np.sqrt(4_000)
        assert abs(fast[case].mean() - np.mean(values)) < 4 * error


def test_relative_error_is_over_that_of_as_many_real_labels():
    given = settings(replicates=10, samples=[120])
    seen = {(o.strategy, o.metric, *o.point.items()): o.values for o in world.simulate(given, 0)}
    place = (("samples", 120.0), ("round", 3.0))
    np.testing.assert_allclose(
        seen["iterate", "relative_error", *place], seen["iterate", "excess_error", *place] * 4.95
    )
    predicted = {p.value for p in world.predict(given) if (p.strategy, p.metric) == ("clean", "relative_error")}
    assert predicted == {1.0}


def test_blocks_of_replicates_are_joined(monkeypatch):
    monkeypatch.setattr(world, "BLOCK", 20 * 20 * 3)
    assert {len(np.unique(one.values)) for one in world.simulate(settings(replicates=8), 0)} == {8}


def test_the_same_seed_gives_the_same_numbers_and_another_does_not():
    given = settings(replicates=3)
    first, again, other = ([one.values for one in world.simulate(given, seed)] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.any(np.equal(first, other))


def test_its_metrics_are_in_the_catalogue():
    assert {one.metric for one in world.simulate(settings(replicates=2), 0)} == set(world.METRICS) <= set(CATALOGUE)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"samples": [121]}, "0.5 of 121 labels is no whole number"),
        ({"samples": [40]}, r"of 40, 20 are synthetic; each part needs at least dimension \+ 2 = 22"),
        ({"synthetic_weights": [1.0]}, "less than 1"),
        ({"synthetic_weights": [0.0]}, "greater than 0"),
        ({"rounds": 0}, "greater than or equal to 1"),
    ],
)
def test_impossible_settings_are_refused_with_the_reason(changes, message):
    with pytest.raises(ValidationError, match=message):
        settings(**changes)
