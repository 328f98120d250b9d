"""Measures of images and labels, by hand-computed cases."""

import numpy as np
import pytest

from collapse.metrics import classes, neighbours
from collapse.metrics.neighbours import frechet_distance, precision_recall_density_coverage


def test_the_frechet_distance_of_gaussians_is_that_of_means_and_covariances():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(4_000, 3))
    white = np.linalg.solve(np.linalg.cholesky(np.cov(points, rowvar=False)), (points - points.mean(axis=0)).T).T
    assert frechet_distance(white, white) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(white, white + np.array([3, 0, 4])) == pytest.approx(25)
    assert frechet_distance(white, white * 3) == pytest.approx(3 * (3 - 1) ** 2)


def test_points_among_their_like_are_precise_and_cover_them():
    real = np.random.default_rng(1).normal(size=(300, 2))
    same = precision_recall_density_coverage(real, real)
    assert same["precision"] == same["recall"] == same["coverage"] == 1


def test_one_mode_of_two_is_precise_and_half_recalled():
    rng = np.random.default_rng(2)
    real = np.concatenate([rng.normal(size=(200, 2)), 100 + rng.normal(size=(200, 2))])
    made = rng.normal(size=(400, 2))
    found = precision_recall_density_coverage(real, made)
    assert found["precision"] > 0.9
    assert 0.4 < found["recall"] <= 0.5 and 0.4 < found["coverage"] <= 0.5
    far = precision_recall_density_coverage(real, made + 1_000)
    assert far == {"precision": 0, "recall": 0, "density": 0, "coverage": 0}


def test_the_ball_reaches_to_the_kth_neighbour():
    line = np.arange(10.0)[:, None]
    assert neighbours._radius(line, 2).tolist() == [4, 1, 1, 1, 1, 1, 1, 1, 1, 4]


def test_shares_entropy_and_distance():
    shares = classes.shares(np.array([0, 0, 2, 2]), 3)
    assert shares.tolist() == [0.5, 0, 0.5]
    assert classes.entropy(shares) == pytest.approx(np.log(2))
    assert classes.distance(shares, np.array([0.5, 0.5, 0])) == 0.5


def test_calibration_is_how_far_accuracy_is_from_confidence():
    sure = np.array([[0.95, 0.05]] * 10)
    labels = np.array([0] * 8 + [1] * 2)
    assert classes.calibration_error(sure, labels) == pytest.approx(0.95 - 0.8)
    two_bins = np.concatenate([sure, np.array([[0.65, 0.35]] * 10)])
    both = np.concatenate([labels, [0] * 10])
    assert classes.calibration_error(two_bins, both) == pytest.approx((0.15 + 0.35) / 2)
    assert classes.calibration_error(np.eye(3), np.arange(3)) == 0


def test_the_squared_error_is_brier_s():
    assert classes.squared_error(np.array([[0.7, 0.3], [0.0, 1.0]]), np.array([0, 1])).tolist() == pytest.approx(
        [0.18, 0]
    )
