"""Beta laws fitted with their own density as weights keep their mode and lose their variance."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy import integrate, optimize, stats
from scipy.special import betaln, digamma

from collapse.config.settings import Strategy
from collapse.config.worlds.weighted_likelihood import WeightedLikelihoodSettings
from collapse.errors import EngineError
from collapse.randomness import stream
from collapse.theory import weighted_likelihood as theory
from collapse.worlds import weighted_likelihood as world
from collapse.worlds.composition import expected_composition

STRATEGIES = {
    "real": {},
    "replace": {},
    "accumulate": {},
    "accumulate_subsample": {},
    "mix": {"real_fraction": 0.3},
    "fresh_real": {"real_fraction": 0.3},
    "window": {"window": 2},
}


def strategy(compose: str) -> Strategy:
    return Strategy(name=compose.replace("_", "-"), compose=compose, **STRATEGIES[compose])


def settings(*composes: str, **changes) -> WeightedLikelihoodSettings:
    values = {
        "model": "weighted_likelihood",
        "replicates": 60,
        "data": {"a": 2, "b": 2},
        "pretrained": {"a": 3, "b": 2},
        "weights": "last_model",
        "samples": 10_000,
        "generations": 5,
        "strategies": [strategy(compose) for compose in composes or ("replace",)],
    }
    return WeightedLikelihoodSettings.model_validate(values | changes)


def observed(chosen: WeightedLikelihoodSettings, seed: int = 1) -> dict[tuple, np.ndarray]:
    return {(one.strategy, one.metric, one.generation): one.values for one in world.simulate(chosen, seed)}


def standard_errors_off(values: np.ndarray, expected: float) -> float:
    return abs(values.mean() - expected) / (values.std(ddof=1) / np.sqrt(len(values)))


@pytest.mark.parametrize(
    ("compose", "changes"),
    [
        *((compose, {}) for compose in STRATEGIES),
        ("replace", {"weights": "none"}),
        ("replace", {"data": {"a": 4, "b": 1.5}, "pretrained": {"a": 1.2, "b": 2}}),
    ],
)
def test_fits_follow_their_law_and_not_one_five_per_cent_away(compose, changes):
    chosen = settings(compose, **changes)
    seen = observed(chosen)
    for one in world.predict(chosen):
        values = seen[one.strategy, one.metric, one.generation]
        assert standard_errors_off(values, one.value) <= 4, one
        assert standard_errors_off(values, 1.05 * one.value) > 4, one
        assert standard_errors_off(values, 0.95 * one.value) > 4, one


def test_the_papers_setting_doubles_and_keeps_its_mode():
    a, b = theory.replace_shapes((2, 2), (3, 2), 10)
    assert list(zip(a[:5], b[:5], strict=True)) == [(4, 3), (7, 5), (13, 9), (25, 17), (49, 33)]
    assert (a[10], b[10]) == (3073, 2049)
    np.testing.assert_allclose(theory.mode(a, b), 0.6)
    np.testing.assert_allclose(theory.variance(a, b), stats.beta.var(a, b))
    np.testing.assert_allclose(theory.mean(a, b), stats.beta.mean(a, b))
    assert theory.variance(a[9], b[9]) / theory.variance(a[10], b[10]) == pytest.approx(2, rel=0.002)


def fitted_to_a_weighted_density(laws: list[tuple[float, float, float]], weight: np.ndarray) -> np.ndarray:
    """Shapes that maximise ∫ w(x) Σ n_j f_j(x) log f(x) dx, by quadrature and a general optimiser."""

    def mean_of(values) -> float:
        def at(x: float) -> float:
            return values(x) * stats.beta.pdf(x, *weight) * sum(n * stats.beta.pdf(x, a, b) for n, a, b in laws)

        return integrate.quad(at, 0, 1, epsabs=1e-12)[0]

    mass = mean_of(lambda _x: 1.0)
    means = np.array([mean_of(np.log), mean_of(lambda x: np.log1p(-x))]) / mass
    loss = lambda logs: betaln(*np.exp(logs)) - (np.exp(logs) - 1) @ means  # noqa: E731
    return np.exp(optimize.minimize(loss, np.log([2.0, 2.0]), method="Nelder-Mead", tol=1e-12).x)


def test_the_laws_maximise_the_weighted_likelihood_of_endless_data():
    a, b = theory.replace_shapes((2, 2), (3, 2), 1)
    np.testing.assert_allclose(fitted_to_a_weighted_density([(1, 2, 2)], np.array([3, 2])), (a[0], b[0]), rtol=1e-4)
    np.testing.assert_allclose(fitted_to_a_weighted_density([(1, 4, 3)], np.array([4, 3])), (a[1], b[1]), rtol=1e-4)
    sets = expected_composition(strategy("accumulate"), 100, 2)
    a, b = theory.composed_shapes((2, 2), (3, 2), sets.taken, sets.fresh)
    pool = [(1.0, 2.0, 2.0), (1.0, a[0], b[0]), (1.0, a[1], b[1])]
    np.testing.assert_allclose(fitted_to_a_weighted_density(pool, np.array([a[1], b[1]])), (a[2], b[2]), rtol=1e-4)


@pytest.mark.parametrize("compose", ["replace", "real"])
def test_the_recursion_over_mixtures_gives_the_closed_forms(compose):
    sets = expected_composition(strategy(compose), 1000, 8)
    found = theory.composed_shapes((2, 2), (3, 2), sets.taken, sets.fresh)
    closed = {"replace": theory.replace_shapes, "real": theory.real_shapes}[compose]
    np.testing.assert_allclose(found, closed((2, 2), (3, 2), 8), rtol=1e-6)


def test_more_real_data_moves_the_mode_to_the_data_and_accumulating_does_not_stop_the_collapse():
    a, b = theory.real_shapes((2, 2), (3, 2), 1000)
    assert theory.mode(a, b)[-1] == pytest.approx(0.5, abs=0.001)
    sets = expected_composition(strategy("accumulate"), 1000, 20)
    a, b = theory.composed_shapes((2, 2), (3, 2), sets.taken, sets.fresh)
    assert np.all(theory.variance(a, b)[1:] < 0.8 * theory.variance(a, b)[:-1])


@given(st.floats(0.3, 5000), st.floats(0.3, 5000))
def test_fits_find_the_shapes_whose_mean_logarithms_they_are_given(a, b):
    means = digamma([a, b]) - digamma(a + b)
    np.testing.assert_allclose(world.maximum_likelihood(means[None, :])[0], [a, b], rtol=1e-6)


def test_weighted_fits_are_those_of_a_general_optimiser():
    process = world.BetaFits(settings(samples=200), 3)
    examples = process.draw(None, 200, stream(0, 0, "test"))
    before = process.last.copy()
    for row, last, found in zip(examples, before, process.fit(examples), strict=True):
        x = np.exp(row[:, 0])
        weights = stats.beta.pdf(x, *last)

        def loss(logs, x=x, weights=weights):
            return -weights @ stats.beta.logpdf(x, *np.exp(logs)) / weights.sum()

        best = np.exp(optimize.minimize(loss, np.zeros(2), method="Nelder-Mead", tol=1e-12).x)
        np.testing.assert_allclose(found, best, rtol=1e-5)


def test_a_fit_weighs_by_the_model_before_it():
    process = world.BetaFits(settings(samples=200), 2)
    examples = process.draw(None, 200, stream(0, 0, "test"))
    first = process.fit(examples)
    assert np.all(process.fit(examples) > first), "a narrower density weighs, so the fit is narrower still"


def test_means_that_no_law_has_are_refused():
    with pytest.raises(EngineError, match="did not converge"):
        world.maximum_likelihood(np.array([[-0.1, -0.1]]))


@pytest.mark.parametrize(
    "changes",
    [
        {"data": {"a": 0, "b": 2}},
        {"data": {"a": 0.5, "b": 2}, "pretrained": {"a": 1.4, "b": 2}},
        {"data": {"a": 1, "b": 2}, "weights": "none"},
        {"weights": "first_model"},
        {"samples": 5},
    ],
)
def test_impossible_settings_are_refused(changes):
    with pytest.raises(ValidationError, match=next(iter(changes))):
        settings(**changes)


def test_a_seed_gives_the_same_values_and_another_seed_gives_others():
    chosen = settings("accumulate_subsample", replicates=4, samples=500, generations=2)
    first, again, other = observed(chosen), observed(chosen), observed(chosen, seed=2)
    for key, values in first.items():
        np.testing.assert_array_equal(values, again[key])
        assert not np.array_equal(values, other[key])
