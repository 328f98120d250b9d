"""Chains of fitted Gaussians meet their closed forms."""

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.stats import chi2

from collapse.config.settings import Strategy
from collapse.config.worlds.gaussian import GaussianSettings
from collapse.theory import gaussian as theory
from collapse.worlds import gaussian as world

N, LAST = 12, 6


def settings(**changes) -> GaussianSettings:
    values = {
        "model": "gaussian",
        "replicates": 12_000,
        "dimension": 2,
        "samples": N,
        "variance": "biased",
        "generations": LAST,
        "strategies": [{"name": "replace", "compose": "replace"}],
    }
    return GaussianSettings.model_validate(values | changes)


def observed(chosen: GaussianSettings, seed: int = 3) -> dict[tuple[str, int], np.ndarray]:
    return {(one.metric, one.generation): one.values for one in world.simulate(chosen, seed)}


def by_generation(rows: dict[tuple[str, int], np.ndarray], metric: str) -> tuple[np.ndarray, np.ndarray]:
    """Mean by generation and its standard error."""
    values = np.array([rows[metric, generation] for generation in range(LAST + 1)])
    return values.mean(axis=1), values.std(axis=1, ddof=1) / np.sqrt(values.shape[1])


def assert_follows(mean: np.ndarray, error: np.ndarray, expected: np.ndarray) -> None:
    assert np.all(np.abs(mean - expected) < 4 * error)
    for perturbed in (0.95 * expected, 1.05 * expected):
        assert np.any(np.abs(mean - perturbed) > 4 * error)


@pytest.mark.parametrize("variance", ["biased", "unbiased"])
@pytest.mark.parametrize("compose", sorted(theory.LAWS))
def test_moments_follow_their_laws_and_not_ones_five_per_cent_away(compose, variance):
    rows = observed(settings(variance=variance, strategies=[{"name": compose.replace("_", "-"), "compose": compose}]))
    expected = theory.LAWS[compose](N, LAST, 0 if variance == "biased" else 1)
    assert_follows(*by_generation(rows, "variance_ratio"), expected.variance)
    assert_follows(*by_generation(rows, "mean_shift"), expected.shift)
    assert_follows(*by_generation(rows, "draw_variance"), expected.variance + expected.shift)


@pytest.mark.parametrize("variance", ["biased", "unbiased"])
def test_in_one_dimension_the_distance_and_the_logarithm_have_laws_too(variance):
    chosen = settings(dimension=1, variance=variance, replicates=60_000)
    rows, ddof = observed(chosen), 0 if variance == "biased" else 1
    assert_follows(*by_generation(rows, "log_variance_ratio"), theory.log_variance(N, LAST, ddof))
    assert_follows(*by_generation(rows, "squared_wasserstein"), theory.squared_wasserstein(N, LAST, ddof))


def test_predictions_are_the_laws_and_reach_every_generation():
    chosen = settings(
        dimension=1,
        strategies=[{"name": "replace", "compose": "replace"}, {"name": "window", "compose": "window", "window": 2}],
    )
    found = {(one.strategy, one.metric, one.generation): one.value for one in world.predict(chosen)}
    assert {strategy for strategy, _, _ in found} == {"replace"}
    assert {metric for _, metric, _ in found} == set(world.METRICS)
    values = [found["replace", "variance_ratio", generation] for generation in range(LAST + 1)]
    assert values == pytest.approx(list((1 - 1 / N) ** np.arange(1, LAST + 2)))


def test_shumailov_s_formula_is_the_unbiased_law():
    moments = theory.replace(100, 49, ddof=1)
    fits = np.arange(1, 51)
    assert moments.variance + moments.shift == pytest.approx(1 + fits / 100)
    assert theory.squared_wasserstein(100, 0, ddof=1)[0] == pytest.approx(1.5 / 100, rel=0.005)
    # The note to the paper's theorem: 0.300 to first order after 20 fits, a little less in truth.
    assert 0.285 < theory.squared_wasserstein(100, 19, ddof=1)[-1] < 0.3


def test_accumulate_has_the_limits_of_the_paper_s_figure():
    assert theory.accumulate_limit(10) == pytest.approx(0.8434, abs=1e-4)
    assert theory.accumulate_limit(32) == pytest.approx(0.9494, abs=1e-4)
    assert theory.accumulate(10, 20_000).variance[-1] == pytest.approx(theory.accumulate_limit(10), rel=1e-4)
    assert theory.accumulate_subsample(10, 20_000).variance[-1] == pytest.approx(0.739, abs=1e-3)
    assert theory.accumulate_subsample(32, 20_000).variance[-1] == pytest.approx(0.912, abs=1e-3)


def test_accumulate_s_recursion_is_its_product():
    j = np.arange(1, LAST + 2)
    moments = theory.accumulate(N, LAST)
    assert moments.variance == pytest.approx(np.cumprod(1 - 1 / (N * j**2)))
    assert moments.shift == pytest.approx(1 - moments.variance)


def test_sufficient_statistics_and_draws_have_the_same_law():
    whole, parts = (
        process(settings(replicates=4000), 4000) for process in (world.SufficientStatistics, world.Examples)
    )
    rng = np.random.default_rng(0)
    source = world.Fitted(np.ones((4000, 2)), np.broadcast_to([[2.0, 0.0], [1.0, 0.5]], (4000, 2, 2)))
    fits = [process.fit(process.draw(source, N, rng)) for process in (whole, parts)]
    for statistic in (
        lambda fit: fit.mean[:, 0],
        lambda fit: np.prod(fit.mean, axis=1),
        lambda fit: (fit.factor**2).sum(axis=(1, 2)),
        lambda fit: fit.factor[:, 1, 0] * fit.factor[:, 0, 0],
        lambda fit: np.prod(np.einsum("rii->ri", fit.factor), axis=1),
    ):
        first, second = (statistic(fit) for fit in fits)
        error = np.sqrt((first.var() + second.var()) / len(first))
        assert abs(first.mean() - second.mean()) < 4 * error


def test_pooled_statistics_are_those_of_the_joined_draws():
    rng = np.random.default_rng(1)
    draws = [rng.normal(i, 1 + i, (1, n, 3)) for i, n in enumerate((5, 7, 9))]
    chosen = settings(dimension=3, variance="unbiased")
    sets = []
    for one in draws:
        off = one - one.mean(axis=1, keepdims=True)
        scatter = off.transpose(0, 2, 1) @ off
        sets.append(world.Summary(one.shape[1], one.mean(axis=1), np.linalg.cholesky(scatter), scatter))
    fitted = world.SufficientStatistics(chosen, 1).fit(world.SufficientStatistics(chosen, 1).compose(sets, [], rng))
    joined = np.concatenate(draws, axis=1)[0]
    assert fitted.mean[0] == pytest.approx(joined.mean(axis=0))
    assert fitted.factor[0] @ fitted.factor[0].T == pytest.approx(np.cov(joined.T))


def test_a_naive_loop_in_one_dimension_has_the_same_law():
    rng, variances = np.random.default_rng(2), []
    for _ in range(4000):
        mean, deviation = 0.0, 1.0
        for _ in range(3):
            draws = rng.normal(mean, deviation, N)
            mean, deviation = draws.mean(), draws.std()
        variances.append(deviation**2)
    values = observed(settings(dimension=1))["variance_ratio", 2]
    error = np.sqrt(np.var(variances) / 4000 + values.var() / len(values))
    assert abs(values.mean() - np.mean(variances)) < 4 * error


def test_one_fit_in_one_dimension_is_chi_squared():
    values = observed(settings(dimension=1))["variance_ratio", 0] * N
    assert np.mean(values < chi2(N - 1).median()) == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(len(values)))


def test_every_strategy_can_be_simulated(assert_every_strategy_runs):
    assert_every_strategy_runs(world, settings)


def test_the_same_seed_gives_the_same_values_and_another_does_not():
    chosen = settings(
        replicates=50,
        strategies=[
            {"name": "accumulate", "compose": "accumulate"},
            {"name": "accumulate-subsample", "compose": "accumulate_subsample"},
        ],
    )
    first, second, other = observed(chosen), observed(chosen), observed(chosen, seed=4)
    assert all(np.array_equal(first[key], second[key]) for key in first)
    assert not np.array_equal(first["variance_ratio", 1], other["variance_ratio", 1])


def test_blocks_of_replicates_are_joined(monkeypatch):
    monkeypatch.setattr(world, "BLOCK", 1000)
    variance, _ = world.moments(settings(replicates=37), Strategy(name="replace", compose="replace"), 0)
    assert variance.shape == (LAST + 1, 37)
    assert len(np.unique(variance[0])) == 37


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"samples": 2, "dimension": 2}, "dimension \\+ 1 = 3"),
        ({"samples": 1, "dimension": 1}, "greater than or equal to 2"),
        ({"variance": "robust"}, "biased"),
        ({"dimension": 0}, "greater than or equal to 1"),
    ],
)
def test_impossible_settings_are_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        settings(**changes)
