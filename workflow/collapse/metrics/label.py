"""The measures of labels: loss, errors, calibration, and how labels that models gave are spread."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collapse import media
from collapse.artifacts.contracts import REFERENCES
from collapse.config.specs import ReferencesSpec
from collapse.media import Encoding
from collapse.metrics import Measurement, classes, loss
from collapse.metrics.arm import Arm


def loss_columns(table: pa.Table) -> dict[str, Any]:
    """One label each."""
    return {"n_labels": np.ones(table.num_rows, dtype=np.int32)}


def references(_spec: ReferencesSpec, _real: pa.Table, _before: None, how: Encoding) -> pa.Table:
    """Nothing is fitted: real labels are known."""
    return REFERENCES.of(how.form).schema.empty_table()


def measured(arm: Arm) -> list[Measurement]:
    """Everything that is measured of an arm's labels."""
    model: Any = arm.model
    test, labels = media.examples(arm.test, arm.form), arm.test["label"].to_numpy()
    probabilities = model.probabilities(test.inputs)
    wrong, squared = probabilities.argmax(axis=1) != labels, classes.squared_error(probabilities, labels)
    n = len(labels)
    found = [
        Measurement("test_loss", "real_test", *loss.mean_loss(arm.test_nats, test.outputs.sizes)),
        Measurement("misclassified_fraction", "real_test", float(wrong.mean()), n, _standard_error(wrong)),
        Measurement("squared_error", "real_test", float(squared.mean()), n, _standard_error(squared)),
        Measurement("calibration_error", "real_test", classes.calibration_error(probabilities, labels), n),
    ]
    n_classes = probabilities.shape[1]
    predicted = classes.shares(probabilities.argmax(axis=1), n_classes)
    found.append(
        Measurement("class_distance", "real_test", classes.distance(predicted, classes.shares(labels, n_classes)), n)
    )
    return found if arm.samples is None else found + _of_samples(arm, arm.samples, n_classes)


def _true(arm: Arm, samples: pa.Table) -> np.ndarray:
    """The real label of each sample's input, shape `(n,)`."""
    known = [table.select(["document_id", "label"]) for table in (arm.train, arm.reserve) if table is not None]
    real = pa.concat_tables(known)
    return real["label"].take(pc.index_in(samples["prompt_id"], real["document_id"].combine_chunks())).to_numpy()


def right(arm: Arm) -> np.ndarray:
    """Whether each sample is the real label of its input, shape `(n,)`, bool."""
    assert arm.samples is not None
    return arm.samples["label"].to_numpy() == _true(arm, arm.samples)


def spread(arm: Arm, samples: pa.Table) -> dict[str, float]:
    """How some of the samples are spread over the classes."""
    n_classes = arm.model.facts.output.n  # type: ignore[attr-defined]
    true = classes.shares(_true(arm, samples), n_classes)
    given = classes.shares(samples["label"].to_numpy(), n_classes)
    return {"class_entropy": classes.entropy(given), "class_distance": classes.distance(given, true)}


def _of_samples(arm: Arm, samples: pa.Table, n_classes: int) -> list[Measurement]:
    true, given, n = _true(arm, samples), samples["label"].to_numpy(), samples.num_rows
    assert arm.sample_nats is not None
    ones, own = np.ones(n), -samples["logprob_nats"].to_numpy().astype(np.float64)
    spread = classes.distance(classes.shares(given, n_classes), classes.shares(true, n_classes))
    return [
        Measurement("generation_0_loss", "samples", *loss.mean_loss(arm.sample_nats, ones)),
        Measurement("sampler_loss", "samples", *loss.mean_loss(own, ones)),
        Measurement("right_fraction", "samples", float((given == true).mean()), n, _standard_error(given == true)),
        Measurement("class_distance", "samples", spread, n),
        Measurement("class_entropy", "samples", classes.entropy(classes.shares(given, n_classes)), n),
    ]


def _standard_error(values: np.ndarray) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values)))
