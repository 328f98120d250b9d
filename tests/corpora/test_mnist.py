"""The digits are there, all of them, and nobody can change them."""

import numpy as np
import pytest

from collapse.corpora import mnist
from collapse.errors import ConfigError


def test_there_are_five_hundred_of_each_digit():
    images, labels = mnist.read()
    assert images.shape == (5000, 784)
    assert np.bincount(labels).tolist() == [500] * 10


def test_grey_levels_span_zero_to_one_and_images_are_digits():
    images, labels = mnist.read()
    assert (images.min(), images.max()) == (0, 1)
    # Nobody writes in the corners, and a one needs less ink than a zero.
    corners = images.reshape(-1, 28, 28)[:, [0, 0, -1, -1], [0, -1, 0, -1]]
    assert not corners.any()
    assert images[labels == 1].sum() < 0.6 * images[labels == 0].sum()


def test_nobody_can_write_to_them():
    images, labels = mnist.read()
    for array in (images, labels):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(mnist, "PACKAGE", "no-such-package")
    mnist.read.cache_clear()
    with pytest.raises(ConfigError, match="no-such-package"):
        mnist.read()
    mnist.read.cache_clear()
