"""What is measured of one arm, whatever its examples are made of, and the module that measures it."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from collapse.config.form import Form
from collapse.config.settings import EvaluationSettings, WatermarkSettings
from collapse.families import Model
from collapse.raters import Rater

MODULES = {"text": "collapse.metrics.text", "image": "collapse.metrics.image", "label": "collapse.metrics.label"}
"""Module of the measures of each medium; rules add it to the fingerprints of the stages that load it."""

OF_WATERMARK = "collapse.metrics.marked"
"""Module of the measures of text where samples are marked: they ask transformers, which other text does not need."""

NEED_REFERENCES = frozenset({"image"})
"""Media whose measures of samples read what `references` fitted."""


@dataclass(frozen=True)
class Arm:
    """What the measures of a medium look at.

    Attributes:
        form: What an example is.
        settings: Sizes of what is measured.
        model: The arm's model.
        train: Real training examples, in the columns of `documents`.
        test: Held-out ones.
        test_nats: Loss of each held-out output under the model, shape `(n,)`.
        samples: Samples that the arm's strategy was offered, in the columns of `samples`; None at generation 0.
        first: The model of generation 0, where there are samples.
        sample_nats: Loss of each sample under it.
        reserve: Real examples kept aside, whose inputs may have been asked.
        references: What the real examples were measured by before, where the medium has such a thing.
        truth: All that the source can make, with its probability, where it is known.
        raters: What gives outputs labels, by name.
        base_nats: Loss of each sample, at generation 0 of each held-out output, under the base model, where asked for.
        encoder: How values are written, where held-out inputs are answered or samples are marked.
        watermark: The mark that sampling leaves.
    """

    form: Form
    settings: EvaluationSettings
    model: Model
    train: pa.Table
    test: pa.Table
    test_nats: np.ndarray
    samples: pa.Table | None = None
    first: Model | None = None
    sample_nats: np.ndarray | None = None
    reserve: pa.Table | None = None
    references: Path | None = None
    truth: pa.Table | None = None
    raters: Mapping[str, Rater] = field(default_factory=dict)
    base_nats: np.ndarray | None = None
    encoder: Any = None
    watermark: WatermarkSettings | None = None


def measures(medium: str) -> Any:
    """The measures of a medium: a module.

    It has `measured(arm)`, a list of measurements; `loss_columns(table)`, columns of `document_losses` beside the loss;
    `references(spec, real, before, how)`, models of the real examples, for the table of that name; and, of verifiers,
    `right(arm)`, whether each sample is, None where nobody knows, and `spread(arm, samples)`, how varied some are.
    """
    return importlib.import_module(MODULES[medium])
