"""Mixtures fitted by EM keep the moments of their data, and under replace they lose the rest."""

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.integrate import quad
from scipy.stats import multivariate_normal, norm

from collapse.config.worlds.gaussian_mixture import GaussianMixtureSettings
from collapse.theory import gaussian
from collapse.theory import gaussian_mixture as theory
from collapse.worlds import gaussian_mixture as world

N, LAST = 20, 4
STRATEGIES = [
    {"name": "replace", "compose": "replace"},
    {"name": "accumulate", "compose": "accumulate"},
    {"name": "accumulate-subsample", "compose": "accumulate_subsample"},
]


def settings(**changes) -> GaussianMixtureSettings:
    values = {
        "model": "gaussian_mixture",
        "replicates": 4000,
        "dimension": 1,
        "samples": N,
        "separation": 4.0,
        "em_steps": 3,
        "variance_floor": 0.02,
        "generations": LAST,
        "measured": [],
        "strategies": STRATEGIES,
    }
    return GaussianMixtureSettings.model_validate(values | changes)


def observed(chosen: GaussianMixtureSettings, seed: int = 3) -> dict[tuple[str, str, int], np.ndarray]:
    return {(one.strategy, one.metric, one.generation): one.values for one in world.simulate(chosen, seed)}


@pytest.fixture(scope="module")
def rows() -> dict[tuple[str, str, int], np.ndarray]:
    return observed(settings())


@pytest.mark.parametrize("strategy", [one["name"] for one in STRATEGIES])
def test_the_variance_follows_the_law_of_one_gaussian_and_not_one_five_per_cent_away(rows, strategy):
    # The floor is a 250th of the real variance here, and 2 % over five fits: the law has to count it.
    expected = gaussian.LAWS[strategy.replace("-", "_")](N, LAST, added=0.02 / 5).variance
    values = np.array([rows[strategy, "variance_ratio", generation] for generation in range(LAST + 1)])
    mean, error = values.mean(axis=1), values.std(axis=1, ddof=1) / np.sqrt(values.shape[1])
    assert np.all(np.abs(mean - expected) < 4 * error)
    for perturbed in (0.95 * expected, 1.05 * expected):
        assert np.any(np.abs(mean - perturbed) > 4 * error)


def test_predictions_are_that_law():
    found = {(one.strategy, one.generation): one.value for one in world.predict(settings(dimension=3, samples=40))}
    added = 0.02 * 3 / (5 + 2)
    expected = gaussian.replace(40, LAST, added=added).variance
    assert [found["replace", generation] for generation in range(LAST + 1)] == pytest.approx(list(expected))


def test_a_step_of_em_keeps_the_mean_and_the_covariance_of_the_data():
    rng = np.random.default_rng(0)
    points, share = rng.normal(2, 3, (4, 50, 2)), rng.random((4, 50))
    mixture = world.maximised(points, share, 0.1)
    mean = np.einsum("kr,krd->rd", mixture.weights, mixture.means)
    second = np.einsum("kr,krij->rij", mixture.weights, mixture.covariances)
    second += np.einsum("kr,kri,krj->rij", mixture.weights, mixture.means, mixture.means)
    for row in range(4):
        assert mean[row] == pytest.approx(points[row].mean(axis=0))
        covariance = second[row] - np.outer(mean[row], mean[row])
        assert covariance == pytest.approx(np.cov(points[row].T, bias=True) + 0.1 * np.eye(2))


def test_em_raises_the_likelihood_at_every_step():
    chosen = settings(dimension=2, samples=60, variance_floor=1e-9)
    process = world.ExpectationMaximisation(chosen, 5)
    points, mixture = process.draw(None, 60, np.random.default_rng(1)).points, process.source
    likelihoods = []
    for _ in range(8):
        likelihoods.append([_log_likelihood(points[row], mixture, row) for row in range(5)])
        mixture = world.maximised(points, world.responsibilities(points, mixture), 1e-9)
    assert np.all(np.diff(likelihoods, axis=0) > -1e-6)
    assert np.all(np.array(likelihoods[-1]) > np.array(likelihoods[0]) + 0.1)


def _log_likelihood(points: np.ndarray, mixture: world.Mixture, row: int) -> float:
    densities = [
        mixture.weights[k, row] * multivariate_normal(mixture.means[k, row], mixture.covariances[k, row]).pdf(points)
        for k in range(2)
    ]
    return float(np.log(sum(densities)).sum())


def test_responsibilities_are_bayes_rule():
    chosen = settings(dimension=2, samples=60)
    process = world.ExpectationMaximisation(chosen, 2)
    points = process.draw(None, 30, np.random.default_rng(2)).points
    mixture = process.fit(world.Draws(points, process.source))
    for row in range(2):
        first, second = (
            mixture.weights[k, row]
            * multivariate_normal(mixture.means[k, row], mixture.covariances[k, row]).pdf(points[row])
            for k in range(2)
        )
        assert world.responsibilities(points, mixture)[row] == pytest.approx(first / (first + second))


def test_a_component_that_no_draw_belongs_to_dies_and_the_rest_stays_finite():
    points = np.random.default_rng(3).normal(0, 1, (1, 30, 1))
    mixture = world.maximised(points, np.zeros((1, 30)), 1e-6)
    assert mixture.weights[:, 0] == pytest.approx([0, 1])
    again = world.maximised(points, world.responsibilities(points, mixture), 1e-6)
    assert np.all(np.isfinite(again.means)) and np.all(np.isfinite(again.covariances))
    assert again.means[1, 0, 0] == pytest.approx(points.mean())


def test_the_distance_of_densities_is_the_integral():
    chosen = settings()
    real = world.source(chosen, 1)
    other = world.Mixture(np.array([[0.3], [0.7]]), np.array([[[0.5]], [[3.0]]]), np.array([[[[0.2]]], [[[2.0]]]]))

    def squared(x):
        p = 0.5 * norm(-2, 1).pdf(x) + 0.5 * norm(2, 1).pdf(x)
        q = 0.3 * norm(0.5, np.sqrt(0.2)).pdf(x) + 0.7 * norm(3, np.sqrt(2)).pdf(x)
        return (p - q) ** 2

    expected = quad(squared, -15, 15, points=[-2, 0.5, 2, 3], limit=200)[0]
    assert world.density_distance(other, real)[0] == pytest.approx(expected)
    assert world.density_distance(real, real)[0] == pytest.approx(0, abs=1e-12)


def test_the_overlap_of_two_gaussians_is_a_density_of_their_difference():
    rng = np.random.default_rng(4)
    factor = rng.normal(size=(2, 3, 3))
    first, second = factor @ factor.transpose(0, 2, 1) + np.eye(3)
    means = rng.normal(size=(2, 3))
    found = theory.overlap(means[:1], first[None], means[1:], second[None])
    assert found == pytest.approx([multivariate_normal(means[1], first + second).pdf(means[0])])


def test_the_source_has_the_variance_that_theory_uses():
    process = world.ExpectationMaximisation(settings(dimension=2), 100)
    points = process.draw(None, 2000, np.random.default_rng(5)).points.reshape(-1, 2)
    assert points.var(axis=0) == pytest.approx(theory.source_variance(4.0), rel=0.02)


def test_under_replace_components_shrink_and_the_density_moves_away():
    chosen = settings(dimension=2, samples=40, variance_floor=1e-6, generations=40, measured=[0, 10, 20, 40])
    rows = observed(chosen.model_copy(update={"replicates": 60}))
    for metric, sign in (("component_variance", -1), ("density_distance", 1)):
        replaced = np.array([rows["replace", metric, generation].mean() for generation in chosen.measured])
        kept = np.array([rows["accumulate", metric, generation].mean() for generation in chosen.measured])
        assert np.all(np.diff(sign * replaced) > 0)
        assert sign * replaced[-1] > sign * kept[-1]
    assert rows["accumulate", "component_variance", 40].mean() > 0.85


def test_every_strategy_can_be_simulated(assert_every_strategy_runs):
    assert_every_strategy_runs(world, settings)


def test_the_same_seed_gives_the_same_values_and_another_does_not():
    chosen = settings(replicates=10)
    first, second, other = observed(chosen), observed(chosen), observed(chosen, seed=4)
    assert all(np.array_equal(first[key], second[key]) for key in first)
    assert not np.array_equal(*(rows["replace", "density_distance", 0] for rows in (first, other)))


def test_only_measured_generations_are_yielded_and_every_replicate_is_there(monkeypatch):
    monkeypatch.setattr(world, "BLOCK", 1000)
    rows = observed(settings(replicates=37, measured=[0, 3]))
    assert {generation for _, _, generation in rows} == {0, 3}
    assert {len(values) for values in rows.values()} == {37}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"separation": 0}, "greater than 0"),
        ({"variance_floor": 0}, "greater than 0"),
        ({"dimension": 3}, "at least 10 per dimension = 30"),
        ({"em_steps": 0}, "greater than or equal to 1"),
        ({"measured": [0, 99]}, "beyond 0 to 4"),
    ],
)
def test_impossible_settings_are_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        settings(**changes)
