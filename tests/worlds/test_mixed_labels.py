"""Digits learnt from mixed labels: splits hold apart, both networks learn what they should, and bad labels cost."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch.nn import functional

from collapse.config.worlds.mixed_labels import MixedLabelsSettings
from collapse.corpora import mnist
from collapse.worlds import mixed_labels as world

FIXED = {"kind": "random_features", "ridges": [0.001, 0.1]}
TRAINED = {"kind": "two_layer", "steps": 60, "batch_size": 20, "learning_rate": 0.002, "check_every": 10}


def settings(**changes) -> MixedLabelsSettings:
    values = {
        "model": "mixed_labels",
        "replicates": 2,
        "network": FIXED,
        "widths": [60],
        "samples": [100, 400],
        "synthetic_fractions": [0, 0.5, 1],
        "teacher_samples": 60,
        "teacher_width": 60,
        "teacher_ridge": 0.1,
        "test_images": 500,
        "validation_images": 200,
    }
    return MixedLabelsSettings.model_validate(values | changes)


def observed(chosen: MixedLabelsSettings, seed: int = 0) -> dict[tuple, np.ndarray]:
    return {(one.strategy, one.metric, *one.point.values()): one.values for one in world.simulate(chosen, seed)}


@pytest.fixture(scope="module")
def seen() -> dict[tuple, np.ndarray]:
    return observed(settings(replicates=4))


def test_what_is_said_to_be_measured_is_measured_and_nothing_else(seen):
    promised = {
        (strategy, metric, *point.values())
        for sweep in world.sweeps(settings())
        for strategy in sweep.strategies
        for metric in sweep.metrics
        for point in sweep.points
    }
    assert set(seen) == promised
    assert all(values.shape == (4,) for values in seen.values())
    assert not list(world.predict(settings()))


def test_no_image_is_in_two_parts():
    split = world.Split.drawn(settings(), np.random.default_rng(0))
    parts = (split.test, split.validation, split.teacher, split.students)
    assert [len(images) for images, _ in parts] == [500, 200, 60, 4240]
    everything = np.concatenate([images for images, _ in parts])
    images, classes = mnist.read()
    assert np.array_equal(
        everything[np.lexsort(everything.T)],
        images.astype(np.float32)[np.lexsort(images.astype(np.float32).T)],
    )
    labels = np.concatenate([labels for _, labels in parts])
    assert np.array_equal(labels.sum(axis=0), np.bincount(classes))


def test_the_last_part_of_the_labels_is_the_teachers():
    real, synthetic = np.zeros((10, 2)), np.ones((10, 2))
    found = world.mixed(real, synthetic, (0.0, 0.3, 1.0))
    assert found[:, :, 0].sum(axis=1).tolist() == [0, 3, 10]
    assert found[1, :, 1].tolist() == [0] * 7 + [1] * 3


@pytest.mark.parametrize("width", [5, 40])  # by F'F and by FF'
def test_a_fit_on_fixed_features_is_the_ridge_fit(width):
    rng = np.random.default_rng(0)
    projected, labels = rng.normal(size=(20, width)), rng.normal(size=(2, 20, 3))
    fit = world.fixed(projected, labels, 0.3)
    features = np.maximum(projected, 0)
    centred, means = features - features.mean(axis=0), labels.mean(axis=1)
    for share in range(2):
        wanted = np.linalg.solve(
            centred.T @ centred / 20 + 0.3 * np.eye(width), centred.T @ (labels[share] - means[share]) / 20
        )
        assert fit.weights[share] == pytest.approx(wanted)
        assert fit.predicted(projected)[share] == pytest.approx(centred @ wanted + means[share])


def torch_networks(networks: world.Networks) -> list[torch.Tensor]:
    return [torch.tensor(layer[0], requires_grad=True) for layer in networks.layers]


def test_trained_networks_take_the_steps_of_adam():
    rng = np.random.default_rng(0)
    networks = world.Networks(world.random_projection(7, rng), 2, 3, rng)
    networks.layers = [layer.astype(np.float64) for layer in networks.layers]  # or rounding decides signs
    networks.moments = [(np.zeros_like(layer), np.zeros_like(layer)) for layer in networks.layers]
    weights = torch_networks(networks)
    optimizer = torch.optim.Adam(weights, lr=0.01)
    for _ in range(5):
        images = rng.random((12, 784))
        labels = rng.normal(size=(2, 12, 3))
        networks.step(images, labels, 0.01)
        said = functional.relu(torch.tensor(images) @ weights[0] + weights[1]) @ weights[2] + weights[3]
        optimizer.zero_grad()
        functional.mse_loss(said, torch.tensor(labels[0])).backward()
        optimizer.step()
    for ours, theirs in zip(networks.layers, weights, strict=True):
        assert ours[0] == pytest.approx(theirs.detach().numpy(), abs=2e-5)


def test_more_labels_help_and_another_networks_labels_hurt(seen):
    for n in (100, 400):
        errors = [seen["mix", "squared_error", 60, n, share].mean() for share in (0, 0.5, 1)]
        assert errors[0] < errors[1] < errors[2]
    assert np.all(seen["mix", "squared_error", 60, 400, 0] < seen["mix", "squared_error", 60, 100, 0])


def test_what_synthetic_labels_add_is_counted_replicate_by_replicate(seen):
    for n in (100, 400):
        added = seen["mix", "added_error", 60, n, 0.5]
        assert added == pytest.approx(seen["mix", "squared_error", 60, n, 0.5] - seen["mix", "squared_error", 60, n, 0])
    assert not [key for key in observed(settings(synthetic_fractions=[0.5, 1])) if "added_error" in key]


def test_a_student_of_all_synthetic_labels_comes_to_its_teacher(seen):
    assert seen["mix", "squared_error", 60, 400, 1].mean() == pytest.approx(
        seen["teacher", "squared_error"].mean(), rel=0.15
    )


def test_the_slope_is_that_of_the_errors(seen):
    for share in (0, 0.5, 1):
        errors = [seen["mix", "squared_error", 60, n, share] for n in (100, 400)]
        assert seen["mix", "error_slope", 60, share] == pytest.approx(np.log(errors[1] / errors[0]) / np.log(4))
    assert world.slopes(np.array([1, 10, 100]), np.array([[5.0], [0.5], [0.05]])) == pytest.approx([-1])


def test_two_layers_learn_and_are_kept_where_they_are_best():
    seen = observed(settings(network=TRAINED, replicates=2, synthetic_fractions=[0, 1]))
    fewer = observed(settings(network=TRAINED | {"steps": 10}, replicates=2, synthetic_fractions=[0, 1]))
    key = ("mix", "misclassified_fraction", 60, 400, 0.0)
    assert np.all(seen[key] < 0.3) and np.all(fewer[key] > 0.3)
    assert np.all(seen["mix", "squared_error", 60, 400, 0.0] < seen["mix", "squared_error", 60, 400, 1.0])


@pytest.mark.parametrize("network", [FIXED, TRAINED])
def test_the_same_seed_gives_the_same_values_and_another_seed_others(network):
    chosen = settings(network=network, replicates=2, samples=[20, 40], widths=[10], synthetic_fractions=[0.5])
    first, again, other = (observed(chosen, seed) for seed in (1, 1, 2))
    assert all(np.array_equal(first[key], again[key]) for key in first)
    assert not any(np.array_equal(first[key], other[key]) for key in first)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"samples": [100, 4241]}, "samples: 4241 are too many: of 5000 images, 4240 are left"),
        ({"samples": [101, 400]}, "synthetic_fractions: 0.5 of 101 labels is no whole number"),
        ({"samples": [100]}, "at least 2 items"),
        ({"synthetic_fractions": [0, 1.5]}, "less than or equal to 1"),
        ({"widths": [60, 60]}, "widths: 60 appears more than once"),
        ({"network": {"kind": "random_features", "ridges": [0]}}, "greater than 0"),
        ({"network": TRAINED | {"steps": 0}}, "greater than or equal to 1"),
    ],
)
def test_impossible_settings_are_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        settings(**changes)
