"""The effective ridge solves its equation, and says what a sample covariance does."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collapse.randomness import stream
from collapse.theory.deterministic_equivalents import bias, degrees_of_freedom, kappa, spectrum, variance


def by_bisection(ridge: float, eigenvalues: np.ndarray, samples: float) -> float:
    low, high = ridge, ridge + eigenvalues.sum() / samples
    for _ in range(300):
        middle = (low + high) / 2
        left = middle - ridge - middle * np.sum(eigenvalues / (eigenvalues + middle)) / samples
        low, high = (middle, high) if left < 0 else (low, middle)
    return (low + high) / 2


@given(
    kind=st.sampled_from(["isotropic", "power_law"]),
    dimension=st.integers(1, 300),
    exponent=st.floats(0.1, 3),
    samples=st.floats(1, 2000),
    log_ridge=st.floats(-12, 3),
)
def test_kappa_solves_its_equation(kind, dimension, exponent, samples, log_ridge):
    eigenvalues, ridge = spectrum(kind, dimension, exponent), 10.0**log_ridge
    found = kappa(ridge, eigenvalues, samples)
    left = found - ridge
    right = found * degrees_of_freedom(1, found, eigenvalues) / samples
    assert abs(left - right) <= 1e-11 * max(found, ridge)
    assert found == pytest.approx(by_bisection(ridge, eigenvalues, samples), rel=1e-6)


@pytest.mark.parametrize("ridge", [0.0, 1e-9, 0.01, 1.0, 50.0])
@pytest.mark.parametrize("aspect", [0.2, 0.99, 1.5, 4.0])
def test_kappa_of_isotropic_inputs_is_the_root_of_a_quadratic(ridge, aspect):
    d = 120
    linear = 1 - ridge - aspect
    root = (-linear + np.sqrt(linear**2 + 4 * ridge)) / 2
    assert kappa(ridge, np.ones(d), d / aspect) == pytest.approx(root, rel=1e-7, abs=1e-12)


def test_without_a_ridge_kappa_is_zero_or_spends_all_samples():
    eigenvalues = spectrum("power_law", 50, 1.5)
    assert kappa(0.0, eigenvalues, 50) == 0
    assert kappa(0.0, eigenvalues, 80) == 0
    assert degrees_of_freedom(1, kappa(0.0, eigenvalues, 20), eigenvalues) == pytest.approx(20)
    assert kappa(0.0, eigenvalues, 20) == pytest.approx(kappa(1e-12, eigenvalues, 20), rel=1e-6)


@pytest.mark.parametrize(("samples", "ridge"), [(60, 0.05), (300, 0.01)])
def test_the_sample_covariance_has_the_degrees_of_freedom_of_the_larger_ridge(samples, ridge):
    eigenvalues, rng = spectrum("power_law", 150, 1.2), stream(0, 0, "inputs")
    seen = []
    for _ in range(40):
        inputs = rng.standard_normal((samples, 150)) * np.sqrt(eigenvalues)
        values = np.linalg.eigvalsh(inputs.T @ inputs / samples)
        seen.append(np.sum(values / (values + ridge)))
    predicted = degrees_of_freedom(1, kappa(ridge, eigenvalues, samples), eigenvalues)
    naive = degrees_of_freedom(1, ridge, eigenvalues)
    assert np.mean(seen) == pytest.approx(predicted, rel=0.01)
    assert np.mean(seen) != pytest.approx(naive, rel=0.01)


def test_bias_and_variance_have_their_limits():
    eigenvalues, weights = spectrum("power_law", 40, 1.5), np.full(40, 1 / 40)
    everything_shrunk = bias(1e9, eigenvalues, weights, 100)
    assert everything_shrunk == pytest.approx(np.sum(weights * eigenvalues), rel=1e-6)
    assert bias(0.0, eigenvalues, weights, 100) == 0
    assert variance(0.0, eigenvalues, 0.3, 100) == pytest.approx(0.3 * 40 / 60)
    assert variance(1e9, eigenvalues, 0.3, 100) == pytest.approx(0, abs=1e-12)


def test_spectra_are_what_their_names_say():
    assert spectrum("isotropic", 3, 7.0).tolist() == [1, 1, 1]
    assert spectrum("power_law", 4, 2.0).tolist() == pytest.approx([1, 1 / 4, 1 / 9, 1 / 16])


def test_impossible_arguments_are_refused():
    with pytest.raises(ValueError, match="none of isotropic, power_law"):
        spectrum("cauchy", 3, 1.0)
    with pytest.raises(ValueError, match="above 0"):
        kappa(0.1, np.array([1.0, 0.0]), 10)
    with pytest.raises(ValueError, match="at least 0"):
        kappa(-0.1, np.ones(2), 10)
    with pytest.raises(ValueError, match="infinite"):
        variance(0.0, np.ones(10), 1.0, 10)
