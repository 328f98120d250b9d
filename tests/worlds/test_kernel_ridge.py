"""Kernel ridge regression on digits: the fits are right, test images stay unseen, and generated labels hurt."""

import numpy as np
import pytest
from pydantic import ValidationError

from collapse.config.worlds.kernel_ridge import KernelRidgeSettings, PolynomialSettings, RbfSettings
from collapse.corpora import mnist
from collapse.randomness import stream
from collapse.worlds import kernel_ridge as world

RBF = {"kind": "rbf", "gamma": 0.02}


def settings(**changes) -> KernelRidgeSettings:
    values = {
        "model": "kernel_ridge",
        "replicates": 6,
        "kernel": RBF,
        "test_images": 500,
        "generator_samples": 200,
        "generator_ridge": 1e-4,
        "generator_noise_variance": 0.01,
        "noise_variance": 0.01,
        "students": [{"samples": 200, "ridge": 1e-3}, {"samples": 300, "ridge": 1e-2}],
        "generations": 4,
        "strategies": [{"name": "replace", "compose": "replace"}],
    }
    return KernelRidgeSettings.model_validate(values | changes)


def observed(chosen: KernelRidgeSettings, seed: int = 0) -> dict[tuple, np.ndarray]:
    return {(one.metric, one.generation, *one.point.values()): one.values for one in world.simulate(chosen, seed)}


@pytest.fixture(scope="module")
def digits() -> world.Digits:
    return world.Digits(settings(), 6, stream(0, 0, "split"))


def test_the_error_grows_with_every_generation_of_labels():
    seen = observed(settings())
    for student in ((200.0, 1e-3), (300.0, 1e-2)):
        means = [seen["squared_error", generation, *student].mean() for generation in range(5)]
        assert np.all(np.diff(means) > 0)
        wrong = [seen["misclassified_fraction", generation, *student].mean() for generation in (0, 4)]
        assert 0.05 < wrong[0] < wrong[1] < 0.9


def test_a_chain_that_trains_on_real_labels_does_not_get_worse():
    seen = observed(settings(strategies=[{"name": "real", "compose": "real"}]))
    means = [seen["squared_error", generation, 200.0, 1e-3].mean() for generation in range(1, 5)]
    assert means == pytest.approx([means[0]] * 4)


def test_training_never_sees_a_held_out_image(digits):
    for rng in (stream(0, 1, "sample"), stream(0, 2, "sample")):
        for drawn, held_out in zip(digits.images(200, rng), digits.held_out, strict=True):
            assert len(set(drawn)) == 200
            assert not set(drawn) & set(held_out)
    assert digits.held_out.shape == (6, 500)
    assert np.array_equal(np.sort(np.hstack([digits.held_out, digits.training]), axis=1)[0], np.arange(5000))


def test_a_generator_says_of_its_own_images_what_it_learnt(digits):
    examples = digits.draw(None, 200, stream(0, 0, "sample"))
    images = examples[..., 0].astype(int)
    said = digits.labels(digits.fit(examples), images)
    assert said == pytest.approx(examples[..., 1:], abs=0.2)
    assert np.sqrt(np.mean((said - examples[..., 1:]) ** 2)) < 0.05


def test_a_linear_kernel_is_ridge_regression():
    rng = stream(0, 0, "linear")
    inputs, labels = rng.standard_normal((30, 4)), rng.standard_normal((12, 2))
    kernel, learnt, wanted = inputs @ inputs.T, np.arange(3, 15), np.array([0, 5, 29])
    found = world.regression(kernel, learnt, labels, 0.1, wanted)
    own = inputs[learnt]
    weights = np.linalg.solve(own.T @ own + 12 * 0.1 * np.eye(4), own.T @ labels)
    assert found == pytest.approx(inputs[wanted] @ weights)


def test_kernels_are_what_their_settings_say():
    images, _ = mnist.read()
    first, second = images[3], images[4000]
    rbf = world.kernel_matrix(RbfSettings(kind="rbf", gamma=0.02))
    assert rbf[3, 4000] == pytest.approx(np.exp(-0.02 * np.sum((first - second) ** 2)))
    assert np.allclose(np.diagonal(rbf), 1)
    cubic = world.kernel_matrix(PolynomialSettings(kind="polynomial", degree=3, offset=1))
    mean_length = np.mean(np.sum(images**2, axis=1))
    assert cubic[3, 4000] == pytest.approx((first @ second / mean_length + 1) ** 3)


def test_the_same_seed_gives_the_same_values_and_another_seed_others():
    chosen = settings(replicates=2, generations=1, students=[{"samples": 100, "ridge": 0.01}])
    first, again, other = (observed(chosen, seed) for seed in (1, 1, 2))
    assert all(np.array_equal(first[key], again[key]) for key in first)
    assert not all(np.array_equal(first[key], other[key]) for key in first)


def test_no_law_is_claimed():
    assert not list(world.predict(settings()))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"generator_samples": 4501}, "a training set of 4501 images is too large: 4500 are not held out"),
        ({"students": [{"samples": 4501, "ridge": 0.1}]}, "too large"),
        ({"students": [{"samples": 10, "ridge": 0.0}]}, "no stable inverse"),
        ({"students": [{"samples": 10, "ridge": 0.1}] * 2}, "more than once"),
        ({"generator_ridge": 0}, "greater than 0"),
        ({"kernel": {"kind": "rbf", "gamma": 0}}, "greater than 0"),
        ({"kernel": {"kind": "rbf", "gamma": 1, "degree": 2}}, "not permitted"),
        ({"strategies": [{"name": "more", "compose": "replace_multiple"}]}, "more images with every generation"),
    ],
)
def test_impossible_settings_are_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        settings(**changes)
