"""Ridge students of chains meet the deterministic equivalents, and unregularised ones their exact errors."""

import numpy as np
import pytest
from pydantic import ValidationError

from collapse.config.worlds.ridge_chain import RidgeChainSettings
from collapse.randomness import stream
from collapse.theory import ridge_chain as theory
from collapse.theory.deterministic_equivalents import spectrum
from collapse.worlds import ridge_chain as world

REPLACE = {"name": "replace", "compose": "replace"}
ACCUMULATE = {"name": "accumulate", "compose": "accumulate"}

# Finite dimensions move the limit by up to this share; it is not known how closely a simulation could say.
FINITE = 0.012


def settings(**changes) -> RidgeChainSettings:
    values = {
        "model": "ridge_chain",
        "replicates": 400,
        "spectrum": "isotropic",
        "dimension": 100,
        "generator_samples": 300,
        "generator_noise_variance": 0.05,
        "noise_variance": 0.05,
        "generations": 5,
        "students": [{"samples": 200, "ridge": 0.1}, {"samples": 60, "ridge": 0.05}, {"samples": 400, "ridge": 1e-4}],
        "strategies": [REPLACE],
    }
    return RidgeChainSettings.model_validate(values | changes)


def observed(chosen: RidgeChainSettings, metric: str = "excess_error", seed: int = 3) -> dict[tuple, np.ndarray]:
    return {
        (one.strategy, one.generation, *one.point.values()): one.values
        for one in world.simulate(chosen, seed)
        if one.metric == metric
    }


def compared(chosen: RidgeChainSettings, metric: str = "excess_error") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Means, standard errors and predictions at every point."""
    seen = observed(chosen, metric)
    known = {
        (one.strategy, one.generation, *one.point.values()): one.value
        for one in world.predict(chosen)
        if one.metric == metric
    }
    assert known.keys() == seen.keys()
    values = np.array(list(seen.values()))
    error = values.std(axis=1, ddof=1) / np.sqrt(values.shape[1])
    return values.mean(axis=1), error, np.array([known[key] for key in seen])


def agrees(mean: np.ndarray, error: np.ndarray, expected: np.ndarray, finite: float) -> bool:
    return bool(np.all(np.abs(mean - expected) < 4 * error + finite * expected))


@pytest.mark.parametrize(
    ("changes", "finite"),
    [
        ({}, FINITE),
        ({"spectrum": "power_law", "exponent": 1.5, "students": [{"samples": 400, "ridge": 1e-4}]}, FINITE),
        ({"spectrum": "power_law", "exponent": 0.5, "students": [{"samples": 80, "ridge": 0.02}]}, FINITE),
        ({"students": [{"samples": 300, "ridge": 0}, {"samples": 130, "ridge": 0}]}, 0.0),
        ({"spectrum": "power_law", "exponent": 2, "students": [{"samples": 300, "ridge": 0}]}, 0.0),
    ],
    ids=["isotropic", "power law", "few samples", "no ridge", "power law, no ridge"],
)
def test_the_error_follows_its_law_and_not_one_five_per_cent_away(changes, finite):
    mean, error, expected = compared(settings(**changes))
    assert agrees(mean, error, expected, finite)
    assert not agrees(mean, error, 0.95 * expected, finite)
    assert not agrees(mean, error, 1.05 * expected, finite)


@pytest.mark.parametrize("metric", ["noise_error", "bias_error"])
def test_the_parts_of_the_error_of_real_labels_follow_their_laws_and_not_ones_five_per_cent_away(metric):
    students = [{"samples": 200, "ridge": 0.1}, {"samples": 80, "ridge": 0.02}, {"samples": 300, "ridge": 0}]
    source = {"spectrum": "power_law", "exponent": 0.5, "noise_variance": 0.2}
    mean, error, expected = compared(settings(generations=1, replicates=700, students=students, **source), metric)
    assert len(mean) == (3 if metric == "noise_error" else 2)
    for one, finite in zip(zip(mean, error, expected, strict=True), (FINITE, FINITE, 0.0), strict=False):
        assert agrees(*one, finite)
        assert not agrees(*one[:2], 0.95 * one[2], finite)
        assert not agrees(*one[:2], 1.05 * one[2], finite)


@pytest.mark.parametrize("compose", ["accumulate", "replace_multiple", "real"])
def test_other_strategies_follow_their_laws_without_a_ridge(compose):
    name = compose.replace("_", "-")
    chosen = settings(
        dimension=12,
        generator_samples=60,
        replicates=6000,
        strategies=[{"name": name, "compose": compose}],
        students=[{"samples": 40, "ridge": 0}],
    )
    mean, error, expected = compared(chosen)
    assert agrees(mean, error, expected, 0.0)
    assert not agrees(mean, error, 0.95 * expected, 0.0)
    assert not agrees(mean, error, 1.05 * expected, 0.0)


def test_what_generations_add_is_linear_in_their_number():
    mean, error, expected = compared(settings(students=[{"samples": 200, "ridge": 0.1}]), "added_error")
    assert agrees(mean, error, expected, FINITE)
    assert expected == pytest.approx(expected[0] * np.arange(1, 6))
    quadratic = expected[0] * np.arange(1, 6) ** 1.1
    assert not agrees(mean, error, quadratic, FINITE)


@pytest.mark.parametrize(
    ("kind", "samples", "ridge", "fits", "printed"),
    [
        ("isotropic", 200, 0.1, 0, 0.0630),
        ("isotropic", 200, 0.1, 3, 0.1186),
        ("isotropic", 200, 0.1, 10, 0.2484),
        ("isotropic", 60, 0.05, 5, 0.5270),
        ("isotropic", 400, 1e-4, 5, 0.1423),
        # With nearly no ridge the direction of w_0, which differs, hardly matters.
        ("power_law", 400, 1e-4, 5, 0.1286),
    ],
)
def test_the_formula_gives_the_numbers_computed_before(kind, samples, ridge, fits, printed):
    source = theory.Source(spectrum(kind, 100, 1.5), np.full(100, 0.01), 0.05, 300, 0.05)
    assert theory.student_error(source, samples, ridge, fits) == pytest.approx(printed, abs=1.1e-4)


def test_without_a_ridge_the_equivalent_tends_to_the_exact_error():
    source = theory.Source(np.ones(1000), np.full(1000, 1e-3), 0.1, 3000, 0.2)
    exact = theory.ridgeless_error(source, 4000, 3)
    assert theory.student_error(source, 4000, 0, 3) == pytest.approx(exact, rel=1e-3)
    in_the_limit = 0.1 * 0.25 / 0.75 + 3 * 0.2 * (1 / 3) / (2 / 3)
    assert exact == pytest.approx(in_the_limit, rel=2e-3)


def test_a_student_is_the_ridge_fit_to_its_data():
    """Against the same fit written out with inputs of covariance Σ."""
    d, n, replicates, rng = 7, 12, 3, stream(1, 0, "oracle")
    eigenvalues = spectrum("power_law", d, 1.3)
    truth, shifts = rng.standard_normal(d), rng.standard_normal((replicates, d, 2))
    standard, noise = rng.standard_normal((replicates, n, d)), rng.standard_normal((replicates, n))
    data = world.StudentData(
        np.einsum("rni,rnj->rij", standard, standard) / n, np.einsum("rni,rn->ri", standard, noise) / n
    )
    found = data.errors(0.2, eigenvalues, np.sqrt(eigenvalues) * truth, shifts)
    for r in range(replicates):
        inputs = standard[r] * np.sqrt(eigenvalues)
        for g in range(2):
            labels = inputs @ (truth + shifts[r, :, g] / np.sqrt(eigenvalues)) + noise[r]
            weights = np.linalg.solve(inputs.T @ inputs / n + 0.2 * np.eye(d), inputs.T @ labels / n)
            assert found[g, r] == pytest.approx((weights - truth) @ (eigenvalues * (weights - truth)))
        inverse = np.linalg.inv(inputs.T @ inputs / n + 0.2 * np.eye(d))
        parts = inverse @ inputs.T @ noise[r] / n, inverse @ inputs.T @ inputs @ truth / n - truth
        assert found[2:, r] == pytest.approx([part @ (eigenvalues * part) for part in parts])


def naive_errors(rng: np.random.Generator, d: int, t0: int, t: int, ridge: float, fits: int) -> np.ndarray:
    """Errors of students at generations 0 … fits, fit by fit and example by example."""
    eigenvalues, errors = np.arange(1.0, d + 1) ** -1.0, []
    truth = np.full(d, d**-0.5)
    weights = truth
    for _ in range(fits + 1):
        inputs = rng.standard_normal((t, d)) * np.sqrt(eigenvalues)
        labels = inputs @ weights + np.sqrt(0.3) * rng.standard_normal(t)
        student = np.linalg.solve(inputs.T @ inputs / t + ridge * np.eye(d), inputs.T @ labels / t)
        errors.append((student - truth) ** 2 @ eigenvalues)
        inputs = rng.standard_normal((t0, d)) * np.sqrt(eigenvalues)
        labels = inputs @ weights + np.sqrt(0.2) * rng.standard_normal(t0)
        weights = np.linalg.lstsq(inputs, labels, rcond=None)[0]
    return np.array(errors)


@pytest.mark.parametrize("samples", [4, 15], ids=["fewer samples than inputs", "more"])
def test_it_is_the_naive_chain_in_law(samples):
    rng = stream(5, 0, "naive")
    naive = np.array([naive_errors(rng, 6, 20, samples, 0.1, 2) for _ in range(3000)])
    chosen = settings(
        spectrum="power_law",
        exponent=1.0,
        dimension=6,
        generator_samples=20,
        generator_noise_variance=0.2,
        noise_variance=0.3,
        generations=2,
        replicates=20_000,
        students=[{"samples": samples, "ridge": 0.1}],
    )
    ours = np.array(list(observed(chosen).values()))
    spread = np.hypot(naive.std(axis=0) / np.sqrt(len(naive)), ours.std(axis=1) / np.sqrt(ours.shape[1]))
    assert np.all(np.abs(naive.mean(axis=0) - ours.mean(axis=1)) < 4 * spread)
    assert np.any(np.abs(1.1 * naive.mean(axis=0) - ours.mean(axis=1)) > 4 * spread)


def test_the_same_seed_gives_the_same_values_and_another_seed_others():
    chosen = settings(dimension=5, generator_samples=20, replicates=10, students=[{"samples": 9, "ridge": 0.1}])
    first, again, other = (observed(chosen, seed=seed) for seed in (1, 1, 2))
    assert all(np.array_equal(first[key], again[key]) for key in first)
    assert not any(np.array_equal(first[key], other[key]) for key in first)


def test_students_and_strategies_do_not_change_one_another():
    small = {"dimension": 5, "generator_samples": 20, "replicates": 10}
    one, two = {"samples": 9, "ridge": 0.1}, {"samples": 30, "ridge": 0.0}
    both = observed(settings(**small, students=[two, one], strategies=[ACCUMULATE, REPLACE]))
    for key, values in observed(settings(**small, students=[one], strategies=[REPLACE])).items():
        assert values == pytest.approx(both[key], rel=1e-10)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"generator_samples": 101}, "generator_samples: 101 are too few"),
        ({"students": [{"samples": 101, "ridge": 0}]}, "101 samples are too few without a ridge"),
        ({"students": [{"samples": 9, "ridge": 0.1}] * 2}, "more than once"),
        ({"students": [{"samples": 9, "ridge": -0.1}]}, "greater than or equal to 0"),
        ({"students": []}, "at least 1"),
        ({"spectrum": "power_law"}, "needs one"),
        ({"exponent": 1.5}, "has none"),
        ({"spectrum": "cauchy"}, "isotropic"),
    ],
)
def test_impossible_settings_are_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        settings(**changes)
