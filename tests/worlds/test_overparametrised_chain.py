"""Chains of min-norm fits lose the truth as fast as their law says."""

import numpy as np
import pytest
from pydantic import ValidationError

from collapse.config.worlds.overparametrised_chain import OverparametrisedChainSettings
from collapse.randomness import stream
from collapse.theory import overparametrised_chain as theory
from collapse.worlds import overparametrised_chain as world


def settings(**changes) -> OverparametrisedChainSettings:
    values = {
        "model": "overparametrised_chain",
        "replicates": 6000,
        "dimension": 20,
        "samples": 12,
        "noise_variances": [0, 0.1],
        "generations": 5,
        "strategies": [{"name": "replace", "compose": "replace"}],
    }
    return OverparametrisedChainSettings.model_validate(values | changes)


def observed(chosen: OverparametrisedChainSettings, seed: int = 2) -> dict[tuple, np.ndarray]:
    return {(one.strategy, one.generation, *one.point.values()): one.values for one in world.simulate(chosen, seed)}


@pytest.mark.parametrize("noise", [0.0, 0.1])
@pytest.mark.parametrize(("dimension", "samples"), [(20, 12), (20, 3), (14, 8)])
@pytest.mark.parametrize("compose", ["replace", "real"])
def test_the_error_follows_its_law_and_not_one_five_per_cent_away(dimension, samples, noise, compose):
    chosen = settings(
        dimension=dimension,
        samples=samples,
        noise_variances=[noise],
        strategies=[{"name": compose, "compose": compose}],
    )
    values = np.array(list(observed(chosen).values()))
    mean, error = values.mean(axis=1), values.std(axis=1, ddof=1) / np.sqrt(values.shape[1])
    expected = np.array([one.value for one in world.predict(chosen)])
    assert np.all(np.abs(mean - expected) < 4 * error)
    for perturbed in (0.95 * expected, 1.05 * expected):
        assert np.any(np.abs(mean - perturbed) > 4 * error)


def test_the_formula_gives_the_numbers_computed_before():
    fits = np.arange(1, 9)
    clean = [0.200, 0.360, 0.488, 0.590, 0.672, 0.738, 0.790, 0.832]
    noisy = [0.287, 0.517, 0.701, 0.848, 0.966, 1.060, 1.135, 1.195]
    assert theory.error(60, 48, 0.0, fits) == pytest.approx(clean, abs=5e-4)
    assert theory.error(60, 48, 0.02, fits) == pytest.approx(noisy, abs=5e-4)
    assert theory.error(60, 48, 0.0, np.array([200]))[0] == pytest.approx(1)


def test_a_fit_solves_its_equations_with_the_least_norm():
    process = world.MinNorm(settings(replicates=3), 3)
    examples = process.draw(None, 12, stream(0, 0, "sample"))
    for one, weights in zip(examples, process.fit(examples), strict=True):
        assert weights == pytest.approx(np.linalg.lstsq(one[:, :20], one[:, 20:], rcond=None)[0])
        assert one[:, :20] @ weights == pytest.approx(one[:, 20:])


def test_it_is_the_naive_chain_in_law():
    rng, naive = stream(4, 0, "naive"), []
    truth = np.eye(9)[0]
    for _ in range(4000):
        weights, errors = truth, []
        for _ in range(3):
            inputs = rng.standard_normal((5, 9))
            labels = inputs @ weights + np.sqrt(0.1) * rng.standard_normal(5)
            weights = np.linalg.pinv(inputs) @ labels
            errors.append(np.sum((weights - truth) ** 2))
        naive.append(errors)
    reference = np.array(naive)
    ours = np.array(list(observed(settings(dimension=9, samples=5, noise_variances=[0.1], generations=2)).values()))
    spread = np.hypot(reference.std(axis=0) / np.sqrt(len(naive)), ours.std(axis=1) / np.sqrt(ours.shape[1]))
    assert np.all(np.abs(reference.mean(axis=0) - ours.mean(axis=1)) < 4 * spread)


def test_without_noise_a_fit_never_gains_length():
    values = observed(settings(replicates=50))
    rows = np.array([values["replace", generation, 0.0] for generation in range(6)])
    assert np.all(rows < 2)
    assert np.all(rows[0] < 1)


def test_a_noise_variance_does_not_change_the_others():
    both, one = observed(settings(replicates=20)), observed(settings(replicates=20, noise_variances=[0.1]))
    for key, values in one.items():
        assert values == pytest.approx(both[key], rel=1e-10)


def test_the_same_seed_gives_the_same_values_and_another_seed_others():
    chosen = settings(replicates=10)
    first, again, other = (observed(chosen, seed) for seed in (1, 1, 2))
    assert all(np.array_equal(first[key], again[key]) for key in first)
    assert not any(np.array_equal(first[key], other[key]) for key in first)


def test_a_mix_keeps_more_of_the_truth_than_replace_and_has_no_law():
    mixed = settings(strategies=[{"name": "mix", "compose": "mix", "real_fraction": 0.5}])
    assert not list(world.predict(mixed))
    kept, lost = (observed(one)[key, 5, 0.0].mean() for one, key in ((mixed, "mix"), (settings(), "replace")))
    assert kept < 0.9 * lost


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"samples": 19}, "samples: 19 are too many"),
        ({"samples": 0}, "greater than or equal to 1"),
        ({"strategies": [{"name": "accumulate", "compose": "accumulate"}]}, "grow past dimension"),
        ({"noise_variances": [0.1, 0.1]}, "more than once"),
        ({"noise_variances": [-0.1]}, "greater than or equal to 0"),
    ],
)
def test_impossible_settings_are_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        settings(**changes)
