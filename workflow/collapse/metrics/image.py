"""The measures of images: loss, latent spread, and what a classifier of real images sees in those that models made."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collapse.artifacts import contracts
from collapse.artifacts.contracts import REFERENCES
from collapse.config.specs import ReferencesSpec
from collapse.media import Encoding
from collapse.media.image import Images, outputs
from collapse.metrics import Measurement, classes, judge, loss, neighbours
from collapse.metrics.arm import Arm

logger = logging.getLogger(__name__)

MOST_COMPARED = 1_000
"""Images of each set that are compared with one another: what is measured depends on how many."""

JUDGE = "classifier"


def loss_columns(table: pa.Table) -> dict[str, Any]:
    """One image each."""
    return {"n_images": np.ones(table.num_rows, dtype=np.int32)}


def references(_spec: ReferencesSpec, real: pa.Table, _before: None, how: Encoding) -> pa.Table:
    """Fit a classifier to real training images; no row where the source has no labels.

    Args:
        real: Real images.
        how: Their size.
    """
    contract = REFERENCES.of(how.form)
    labelled = real.filter(pc.is_valid(real["label"]))
    train, test = (labelled.filter(pc.equal(labelled["split"], split)) for split in ("train", "test"))
    if not train.num_rows or not test.num_rows:
        logger.warning("the source names no classes, so no classifier is fitted and nothing is measured by one")
        return contract.schema.empty_table()
    labels = train["label"].to_numpy()
    network = judge.fit(outputs(train), labels, int(pc.max(real["label"]).as_py()) + 1)
    right = judge.seen(network, outputs(test)).classes == test["label"].to_numpy()
    logger.info("%s: %.1f %% of %d held-out images right", JUDGE, 100 * right.mean(), len(right))
    row = {
        "model": JUDGE,
        "accuracy": float(right.mean()),
        "n_training_examples": len(labels),
        "weights": judge.to_bytes(network),
    }
    return pa.Table.from_pylist([row], schema=contract.schema)


def measured(arm: Arm) -> list[Measurement]:
    """Everything that is measured of an arm's images; at generation 0, real training images stand in for samples."""
    test = outputs(arm.test)
    found = [
        Measurement("test_loss", "real_test", *loss.mean_loss(arm.test_nats, test.sizes)),
        Measurement("reconstruction_error", "real_test", _reconstruction_error(arm.model, test), len(test)),
    ]
    if arm.samples is None:
        made, name, first = outputs(arm.train), "real_train", arm.model
    else:
        made, name, first = outputs(arm.samples), "samples", arm.first
        assert arm.sample_nats is not None
        found.append(Measurement("generation_0_loss", name, *loss.mean_loss(arm.sample_nats, made.sizes)))
        found.append(Measurement("duplicate_fraction", name, 1 - len(set(made.keys())) / len(made), len(made)))
    found.append(Measurement("latent_spread", name, latent_spread(first, made), len(made)))
    return found + _judged(arm, made, test, name)


def right(_arm: Arm) -> None:
    """Nobody knows whether an image is right."""
    return


def spread(arm: Arm, samples: pa.Table) -> dict[str, float]:
    """How varied some of the samples are."""
    return {"latent_spread": latent_spread(arm.first, outputs(samples))}


def latent_spread(model: Any, images: Images) -> float:
    """Standard deviation of the codes of images, mean over the numbers of a code (Shumailov et al. 2024, section 7)."""
    return float(model.codes(images).std(axis=0).mean())


def _reconstruction_error(model: Any, images: Images) -> float:
    return float(((model.reconstructed(images) - images.levels) ** 2).mean())


def _judged(arm: Arm, made: Images, test: Images, name: str) -> list[Measurement]:
    """What a classifier of real images sees; nothing where there is none."""
    network = _judge(arm.references, test) if arm.references else None
    if network is None:
        return []
    n = min(MOST_COMPARED, len(made), len(test))
    mine, real = judge.seen(network, made), judge.seen(network, test)
    n_classes = real.probabilities.shape[1]
    shares = classes.shares(mine.classes, n_classes)
    values = {
        "class_entropy": (classes.entropy(shares), len(made)),
        "class_distance": (classes.distance(shares, classes.shares(real.classes, n_classes)), len(made)),
        "confidence": (float(mine.probabilities.max(axis=1).mean()), len(made)),
    }
    if n > neighbours.NEIGHBOURS:
        values["frechet_distance"] = (neighbours.frechet_distance(mine.features[:n], real.features[:n]), n)
        among = neighbours.precision_recall_density_coverage(real.features[:n], mine.features[:n])
        values |= {metric: (value, n) for metric, value in among.items()}
    return [Measurement(metric, name, value, count) for metric, (value, count) in values.items()]


def _judge(path: Path, images: Images) -> judge.Network | None:
    rows = contracts.read(path, REFERENCES).to_pylist()
    return judge.from_bytes(rows[0]["weights"], images.shape, path) if rows else None
