"""Chains of least-squares fits meet their closed forms."""

import numpy as np
import pytest
from pydantic import ValidationError

from collapse.config.settings import Strategy
from collapse.config.worlds.linear_regression import LinearRegressionSettings
from collapse.randomness import stream
from collapse.theory import linear_regression as theory
from collapse.worlds import linear_regression as world
from collapse.worlds.linear_algebra import cholesky, solve, solve_lower, solve_upper, wishart_factor

D, T, NOISE = 6, 40, 0.5


def settings(**changes) -> LinearRegressionSettings:
    values = {
        "model": "linear_regression",
        "replicates": 12_000,
        "dimension": D,
        "samples": T,
        "noise_variance": NOISE,
        "design": "same",
        "ridge": 0,
        "generations": 8,
        "strategies": [{"name": "replace", "compose": "replace"}],
    }
    return LinearRegressionSettings.model_validate(values | changes)


def simulated(compose: str, **changes) -> tuple[np.ndarray, np.ndarray]:
    """Mean error by generation and its standard error."""
    errors = world.errors(settings(**changes), Strategy(name="one", compose=compose), seed=3)
    return errors.mean(axis=1), errors.std(axis=1, ddof=1) / np.sqrt(errors.shape[1])


LAWS = [
    ("replace", "same", theory.replace_ratio(8)),
    ("replace", "fresh", theory.replace_ratio(8)),
    ("accumulate", "same", theory.accumulate_ratio(8)),
    ("accumulate", "fresh", theory.accumulate_ratio_fresh(D, T, 8)),
    ("replace_multiple", "same", theory.replace_multiple_ratio(8)),
    ("replace_multiple", "fresh", theory.replace_multiple_ratio_fresh(D, T, 8)),
]


@pytest.mark.parametrize(("compose", "design", "ratio"), LAWS)
def test_the_error_follows_its_law_and_not_one_five_per_cent_away(compose, design, ratio):
    mean, error = simulated(compose, design=design)
    expected = theory.base_error(NOISE, D, T) * ratio
    assert np.all(np.abs(mean - expected) < 4 * error)
    for perturbed in (0.95 * expected, 1.05 * expected):
        assert np.any(np.abs(mean - perturbed) > 4 * error)


def test_the_law_of_the_same_inputs_is_rejected_for_new_inputs():
    # 2.9 % apart at d = 10, T = 100; wider here.
    mean, error = simulated("accumulate", design="fresh", replicates=40_000)
    wrong = theory.base_error(NOISE, D, T) * theory.accumulate_ratio(8)
    assert np.any(np.abs(mean - wrong) > 4 * error)


def test_subsampling_tends_to_its_limit_as_samples_outnumber_dimensions():
    ratio = theory.accumulate_subsample_ratio(400)
    assert ratio[[0, 1, 4, 9, 19, 59]] == pytest.approx([1, 1.75, 2.39, 2.65, 2.79, 2.89], abs=5e-3)
    assert ratio[-1] == pytest.approx(theory.ACCUMULATE_SUBSAMPLE_LIMIT, abs=0.01)
    changes = {"samples": 300, "dimension": 2, "replicates": 3_000, "generations": 5}
    mean, error = simulated("accumulate_subsample", **changes)
    expected = theory.base_error(NOISE, 2, 300) * ratio[:6]
    assert np.all(np.abs(mean - expected) < 4 * error + 0.01 * expected)
    assert np.any(np.abs(mean - 1.2 * expected) > 4 * error + 0.01 * expected)


@pytest.mark.parametrize(
    ("compose", "design"),
    [
        ("replace", "same"),
        ("replace", "fresh"),
        ("accumulate", "same"),
        ("accumulate", "fresh"),
        ("replace_multiple", "fresh"),
    ],
)
def test_sufficient_statistics_and_examples_agree(compose, design):
    chosen = Strategy(name="one", compose=compose)
    given = settings(design=design, replicates=4_000, generations=3)
    fast = world.errors(given, chosen, seed=0)
    process = world.Examples(given, 4_000, np.random.default_rng(5))
    chain = world.Chain(process, chosen, 1, 4_000)
    slow = np.array([((w - process.truth) ** 2).sum(axis=1) for _, w in chain.models(3)])
    error = np.hypot(fast.std(axis=1), slow.std(axis=1)) / np.sqrt(4_000)
    assert np.all(np.abs(fast.mean(axis=1) - slow.mean(axis=1)) < 4 * error)


def test_examples_are_fitted_as_lstsq_does():
    process = world.Examples(settings(replicates=3), 3, np.random.default_rng(0))
    examples = process.draw(None, T, np.random.default_rng(1))
    expected = [np.linalg.lstsq(rows[:, :-1], rows[:, -1])[0] for rows in examples]
    np.testing.assert_allclose(process.fit(examples), expected, rtol=1e-9)


def test_ridge_shrinks_towards_zero_and_has_no_closed_form_here():
    given = settings(ridge=1e9, replicates=50, generations=1)
    errors = world.errors(given, Strategy(name="one", compose="replace"), seed=0)
    np.testing.assert_allclose(errors, 1, atol=1e-5)
    assert list(world.predict(given)) == []
    assert {seen.metric for seen in world.simulate(given, 0)} == {"excess_error"}


def test_ridge_allows_fewer_samples_than_dimensions():
    changes = {"ridge": 0.5, "samples": 3, "replicates": 4_000, "generations": 1}
    fast = world.errors(settings(**changes), Strategy(name="one", compose="replace"), seed=0)
    rng = np.random.default_rng(2)
    truth, slow = np.full(D, D**-0.5), []
    for _ in range(4_000):
        x = rng.standard_normal((3, D))
        y = x @ truth + np.sqrt(NOISE) * rng.standard_normal(3)
        slow.append(np.sum((np.linalg.solve(x.T @ x + 0.5 * np.eye(D), x.T @ y) - truth) ** 2))
    error = np.hypot(fast[0].std(), np.std(slow)) / np.sqrt(4_000)
    assert abs(fast[0].mean() - np.mean(slow)) < 4 * error


def test_the_same_seed_gives_the_same_numbers_and_another_does_not():
    given, chosen = settings(replicates=20), Strategy(name="one", compose="accumulate")
    first, again, other = (world.errors(given, chosen, seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_too_few_samples_are_refused_with_the_reason():
    with pytest.raises(ValidationError, match=r"samples: 7 are too few.*dimension \+ 2 = 8"):
        settings(samples=7)
    with pytest.raises(ValueError, match="d \\+ 2 samples are needed"):
        theory.base_error(1.0, 6, 7)


@pytest.mark.parametrize("dimension", [1, 5, 30])
def test_the_batched_solver_is_numpys(dimension):
    rng = np.random.default_rng(dimension)
    root = rng.standard_normal((4, dimension, dimension))
    matrices, right = root @ root.transpose(0, 2, 1) + np.eye(dimension), rng.standard_normal((4, dimension))
    np.testing.assert_allclose(cholesky(matrices), np.linalg.cholesky(matrices), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(solve(matrices, right), np.linalg.solve(matrices, right[..., None])[..., 0], rtol=1e-8)
    factor = np.linalg.cholesky(matrices)
    np.testing.assert_allclose(np.einsum("rij,rj->ri", factor, solve_lower(factor, right)), right, rtol=1e-8)
    np.testing.assert_allclose(np.einsum("rji,rj->ri", factor, solve_upper(factor, right)), right, rtol=1e-8)


def test_the_wishart_factor_has_the_moments_of_a_gram_matrix():
    n, d, replicates = 9, 3, 40_000
    factor = wishart_factor(n, d, replicates, np.random.default_rng(0))
    gram = factor @ factor.transpose(0, 2, 1)
    # E S = n I; Var S_ij = n (1 + [i = j]).
    expected_variance = n * (1 + np.eye(d))
    assert np.all(np.abs(gram.mean(axis=0) - n * np.eye(d)) < 4 * np.sqrt(expected_variance / replicates))
    assert np.all(np.abs(gram.var(axis=0) / expected_variance - 1) < 0.05)
    with pytest.raises(ValueError, match="no Gram matrix of full rank"):
        wishart_factor(2, 3, 1, np.random.default_rng(0))


@pytest.mark.parametrize(("design", "repeats"), [("same", True), ("fresh", False)])
def test_the_same_design_labels_the_same_inputs_every_time(design, repeats):
    """With inputs drawn anew the error is a few per cent another, and no law here would be far enough off to tell."""
    process, rng = world.Examples(settings(design=design, replicates=2), 2, np.random.default_rng(0)), stream(0, 1, "x")
    first, second = (process.draw(None, T, rng) for _ in range(2))
    assert np.array_equal(first[..., :-1], second[..., :-1]) is repeats
    assert np.array_equal(first[..., :-1], process.inputs) is repeats
    assert not np.any(first[..., -1] == second[..., -1])
