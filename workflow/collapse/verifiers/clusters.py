"""Groups of examples by their features, for quotas: k-means of real training examples (scikit-learn)."""

from typing import Any

import numpy as np

SEED, STARTS = 0, 3


def groups(samples: Any, real: Any, n_clusters: int) -> tuple[np.ndarray, np.ndarray]:
    """The cluster of each sample, shape `(n_samples,)`, and each cluster's share of real examples.

    Args:
        samples: Features of samples, `(n_samples, width)`, dense or sparse.
        real: Features of real training examples, which the clusters are found in.
        n_clusters: How many; no more than there are real examples.
    """
    from sklearn.cluster import KMeans

    means: Any = KMeans  # its stub has n_init as text
    fitted = means(min(n_clusters, real.shape[0]), n_init=STARTS, random_state=SEED).fit(real)
    counts = np.bincount(fitted.labels_, minlength=fitted.n_clusters)
    return np.asarray(fitted.predict(samples)), counts / counts.sum()
