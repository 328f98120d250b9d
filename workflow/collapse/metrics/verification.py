"""What a strategy's verifiers do: what they let through, how often they are right, and what that costs in diversity.

A verifier is right or wrong where the truth is known: the answer to a question, the label of an image, whether a
grammar can write a text. What is lost of diversity shows against as many samples taken at random.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from collapse.artifacts.evaluation_sets import CHAIN, of_verifier
from collapse.metrics import Measurement
from collapse.metrics.arm import Arm

ACCEPTED, AT_RANDOM = "accepted", "accepted_at_random"
"""Samples that were let through, and as many of those offered, whatever was said of them."""


def measured(
    arm: Arm, medium: Any, accepted: np.ndarray, said: Mapping[str, np.ndarray], rng: np.random.Generator
) -> list[Measurement]:
    """Everything that is measured of an arm's verifiers.

    Args:
        arm: The arm, with samples.
        medium: The measures of its outputs: `right(arm)` and `spread(arm, samples)`.
        accepted: Whether all verifiers accept each sample, shape `(n,)`, bool.
        said: Whether each verifier does, by its name.
        rng: Chooses samples at random.
    """
    assert arm.samples is not None
    right, n = medium.right(arm), int(accepted.sum())
    found = [_share("accepted_fraction", "samples", accepted), *_rates(CHAIN, accepted, right)]
    for name, alone in said.items():
        place = of_verifier(name)
        found += [_share("accepted_fraction", place, alone), *_rates(place, alone, right)]
    if right is not None and arm.form.input is not None:
        asked = np.array(arm.samples["prompt_id"].to_pylist())
        found.append(_share("solved_fraction", CHAIN, _any_of_each(asked, accepted & right)))
    sets = {ACCEPTED: np.flatnonzero(accepted), AT_RANDOM: np.sort(rng.permutation(len(accepted))[:n])}
    for name, rows in sets.items():
        values = medium.spread(arm, arm.samples.take(pa.array(rows))) if n else {}
        found += [Measurement(metric, name, value, n) for metric, value in values.items()]
    return found


def _rates(evaluation_set: str, accepted: np.ndarray, right: np.ndarray | None) -> Iterator[Measurement]:
    """φ, ψ, precision and p̂* of Feng et al. 2024, where the truth is known and either kind of sample is there."""
    if right is None:
        return
    if right.any():
        yield _share("true_positive_rate", evaluation_set, accepted[right])
    if not right.all():
        yield _share("false_positive_rate", evaluation_set, accepted[~right])
    if accepted.any():
        yield _share("verifier_precision", evaluation_set, right[accepted])
    if right.any() and not right.all() and accepted.any():
        kept = accepted[right].mean(), accepted[~right].mean()
        yield Measurement("breakdown_proxy", evaluation_set, float(kept[0] / sum(kept)), len(right))


def _any_of_each(inputs: np.ndarray, yes: np.ndarray) -> np.ndarray:
    """Whether it is so for any of the samples of each input, shape `(n_inputs,)`, bool."""
    _, place = np.unique(inputs, return_inverse=True)
    return np.bincount(place, weights=yes) > 0


def _share(metric: str, evaluation_set: str, yes: np.ndarray) -> Measurement:
    share, n = float(yes.mean()), len(yes)
    return Measurement(metric, evaluation_set, share, n, float(np.sqrt(share * (1 - share) / n)))
