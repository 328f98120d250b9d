"""What raters and the base model say of an arm's text: shares of labels, how fluent it is, how likely.

Samples are read; at generation 0, which has none, held-out real text is, so that a share at generation 0 is that of
what people wrote.
"""

from collections.abc import Iterator

import numpy as np

from collapse.artifacts.evaluation_sets import of_rater
from collapse.media.text import outputs
from collapse.metrics import Measurement
from collapse.metrics.arm import Arm
from collapse.raters import Rater


def measured(arm: Arm) -> list[Measurement]:
    """Everything that is measured of how an arm's text is rated."""
    read = arm.test if arm.samples is None else arm.samples
    texts = read["text"].to_pylist()
    found = [row for name, rater in arm.raters.items() for row in _rated(name, rater, texts)]
    if arm.base_nats is not None:
        name = "real_test" if arm.samples is None else "samples"
        found.append(_perplexity(arm.base_nats, outputs(read).lengths, name))
    return found


def _rated(name: str, rater: Rater, texts: list[str]) -> Iterator[Measurement]:
    """Shares of labels over all parts that are rated; of levels, also means over texts."""
    parts = [probabilities for text in texts if len(probabilities := rater.probabilities(text))]
    if not parts:
        return
    given = np.concatenate([probabilities.argmax(axis=1) for probabilities in parts])
    for index, label in enumerate(rater.labels):
        share, n = float(np.mean(given == index)), len(given)
        yield Measurement("label_share", of_rater(name, label), share, n, float(np.sqrt(share * (1 - share) / n)))
    if rater.are_levels:
        yield _mean("quality_level", name, [probabilities.argmax(axis=1).mean() for probabilities in parts])
        sure = [(probabilities.argmax(axis=1) * probabilities.max(axis=1)).mean() for probabilities in parts]
        yield _mean("quality_index", name, sure)


def _mean(metric: str, rater: str, values: list[float]) -> Measurement:
    """Mean over texts, with its standard error; of one text there is none."""
    error = float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else None
    return Measurement(metric, of_rater(rater), float(np.mean(values)), len(values), error)


def _perplexity(nats: np.ndarray, lengths: np.ndarray, name: str) -> Measurement:
    """Mean over texts of exp(nats per token), as Wang et al. 2025 have it (section 4.3)."""
    each = np.exp(nats / np.maximum(lengths, 1))
    error = float(each.std(ddof=1) / np.sqrt(len(each))) if len(each) > 1 else None
    return Measurement("base_perplexity", name, float(each.mean()), len(each), error)
