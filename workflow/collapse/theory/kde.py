"""Kernel density estimates of samples of kernel density estimates (Kazdan et al. 2025).

A Gaussian kernel of bandwidth h adds h² to the variance of every coordinate, so a chain of them is a random walk. Its
variance follows `collapse.theory.gaussian` with `added` h², as the law needs no shape but that of moments.
"""

import numpy as np

BLOB_CENTRES = np.array([[-6.0, -4.0], [6.0, -4.0], [0.0, 6.0]])
"""Centres of the blobs, the same for training and test points; at unit noise the blobs hardly overlap."""

CIRCLE_RADII = (1.0, 0.8)
"""Radii of the two circles."""

ROLL = (1.5 * np.pi, 4.5 * np.pi)
"""Angles, and so radii, at which the swiss roll begins and ends."""


def source_variance(shape: str, noise: float) -> float:
    """Variance of a point of the source, mean of both coordinates; noise is per coordinate, in the shape's unit.

    Derived here from the curves: points are uniform in the angle (moons, circles, roll) or over the blobs.
    """
    match shape:
        case "blobs":
            spread = float(BLOB_CENTRES.var(axis=0).sum())
        case "moons":
            # x: 1/2 and 3/2 about the common mean's 1/2; y: sin θ about 2/π, and the moons 1/2 − 4/π apart.
            spread = 0.75 + 0.5625 - 1 / np.pi
        case "circles":
            spread = float(np.mean(np.square(CIRCLE_RADII)))
        case _:
            start, end = ROLL
            mean_x = (end * np.sin(end) + np.cos(end) - start * np.sin(start) - np.cos(start)) / (end - start)
            mean_y = (np.sin(end) - end * np.cos(end) - np.sin(start) + start * np.cos(start)) / (end - start)
            spread = (end**3 - start**3) / (3 * (end - start)) - mean_x**2 - mean_y**2
    return spread / 2 + noise**2
