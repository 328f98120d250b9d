"""A classifier of real against synthetic examples, fitted to what it judges without having seen it.

Logistic regression (scikit-learn) on the medium's features. Samples and real training examples are dealt out into
folds by their places; each fold's samples are scored by the fit to all others. Its log odds of being real, with as much
weight on either side, estimate the log density ratio of real to synthetic, so that resampling by them draws samples
towards real examples (Drayson et al. 2025; Sugiyama et al. 2012).
"""

from typing import Any

import numpy as np

from collapse.config.verifiers import DetectorVerifier
from collapse.verifiers import Verdicts
from collapse.verifiers.case import Case

VERSION = "detector/1"

FOLDS = 5
MOST_STEPS = 1_000


def scores(samples: Any, real: Any, regularization: float) -> np.ndarray:
    """Log odds that each sample is real, in nats, shape `(n_samples,)`.

    Args:
        samples: Features of samples, `(n_samples, width)`, dense or sparse.
        real: Features of real training examples.
        regularization: C, the inverse of the strength of the penalty.
    """
    from scipy.sparse import issparse, vstack
    from sklearn.linear_model import LogisticRegression

    found = np.zeros(samples.shape[0])
    of_samples, of_real = (np.arange(table.shape[0]) % FOLDS for table in (samples, real))
    for fold in range(FOLDS):
        seen = (samples[of_samples != fold], real[of_real != fold])
        together = vstack(seen).tocsr() if issparse(samples) else np.concatenate(seen)
        labels = np.repeat([0, 1], [part.shape[0] for part in seen])
        judged = of_samples == fold
        if not judged.any() or not all(part.shape[0] for part in seen):
            continue
        fitted = LogisticRegression(C=regularization, class_weight="balanced", max_iter=MOST_STEPS)
        found[judged] = fitted.fit(together, labels).decision_function(samples[judged])
    return found


def judged(settings: DetectorVerifier, case: Case, name: str) -> Verdicts:
    """What it says of a case; see `verifiers`."""
    return case.select(settings.select, scores(*case.features, settings.regularization), name)
