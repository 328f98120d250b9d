"""Measure a generation: its model on held-out real examples, its samples, and what it was trained on."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collapse import families, media
from collapse.artifacts import contracts
from collapse.artifacts.contracts import (
    DOCUMENT_LOSSES,
    DOCUMENTS,
    METRICS,
    MIXTURE,
    SAMPLES,
    TRUTH,
    VERDICTS,
    Record,
)
from collapse.artifacts.layout import experiment_folder
from collapse.artifacts.lineage import read_card
from collapse.config.specs import EvaluateSpec
from collapse.media import Examples
from collapse.metrics import Measurement, provenance, verification
from collapse.metrics import table as metrics_table
from collapse.metrics.arm import Arm, measures
from collapse.randomness import stream
from collapse.raters import loaded
from collapse.stages import Output
from collapse.verifiers import usable

logger = logging.getLogger(__name__)


def run(
    *,
    spec: EvaluateSpec,
    strategy: str,
    seed: int,
    generation: int,
    model: Path,
    generation_0: Path,
    documents: Path,
    mixture: Path,
    samples: Path | None = None,
    verdicts: Path | None = None,
    truth: Path | None = None,
    references: Path | None = None,
    raters: list[Path],
    checkpoints: list[Path],
    base_model: Path | None = None,
    encoding: Path | None = None,
    document_losses: Output,
    metrics: Output,
    record: Record,
) -> None:
    """Score held-out examples and samples, and measure what their medium's measures say, and provenance.

    Args:
        spec: What is measured.
        strategy: Strategy of the arm.
        seed: Replicate.
        generation: Generation of the arm.
        model: Card of the arm's model.
        generation_0: Card of the shared model of generation 0.
        documents: Real examples.
        mixture: What the model was trained on.
        samples: Samples of this generation; None at generation 0, where real training examples are measured instead.
        verdicts: Verdicts on them, where the strategy has verifiers.
        truth: All that the source can write, with its probability; only where it is a grammar.
        references: What real examples are measured by, where the medium's measures need it.
        raters: What gives outputs labels, each in a folder `rater=NAME`.
        checkpoints: Cards of somebody's models that these read by, each in a folder `checkpoint=rater-NAME`.
        base_model: Card of the base model, where it reads samples too.
        encoding: How the experiment's values are written; only where held-out inputs are answered or samples marked.
        document_losses: Loss of every example.
        metrics: The metrics.
        record: What the artifacts are made from.
    """
    real = contracts.read(documents, DOCUMENTS.of(spec.form))
    train, test, reserve = (real.filter(pc.equal(real["split"], split)) for split in ("train", "test", "reserve"))
    n_offered = (spec.n_samples or train.num_rows) * spec.sets_offered
    drawn = _offered(samples, spec, n_offered) if samples else None
    arm = Arm(
        form=spec.form,
        settings=spec.evaluation,
        train=train,
        test=test,
        samples=drawn,
        **_read(spec, model, generation_0, test, drawn),
        reserve=reserve,
        references=references,
        truth=contracts.read(truth, TRUTH) if truth else None,
        raters=loaded(raters, {name: one.kind for name, one in spec.raters.items()}, checkpoints, spec.device),
        base_nats=_base_nats(base_model, spec, drawn, test) if base_model else None,
        encoder=media.load_encoding(encoding, spec.form).output if encoding else None,
        watermark=spec.watermark,
    )
    chance = stream(seed, generation, "verifiers:at random")
    measured = [*_measured(arm, verdicts, chance), *_provenance(mixture, read_card(model).n_steps)]
    place = {"strategy": strategy, "seed": seed, "generation": generation}
    contracts.write(document_losses, DOCUMENT_LOSSES.of(spec.form), _losses(arm, place), record)
    _write_metrics(metrics, measured, place, spec.form.unit, record)
    logger.info("test loss %.4f nats/%s on %d documents", measured[0].value, spec.form.unit, test.num_rows)


def _measured(arm: Arm, verdicts: Path | None, chance: np.random.Generator) -> list[Measurement]:
    """What the measures of the arm's medium say, and, where samples were judged, what its verifiers did."""
    of_medium = measures(arm.form.output)
    found = of_medium.measured(arm)
    if arm.samples and verdicts:
        said = contracts.read(verdicts, VERDICTS)
        found += verification.measured(arm, of_medium, *_verdicts(said, arm.samples), chance)
    return found


def _write_metrics(
    metrics: Path, measured: list[Measurement], place: dict[str, Any], unit: str, record: Record
) -> None:
    folder = experiment_folder(metrics)
    rows = metrics_table(measured, folder.name if folder else "", **place, size_unit=unit)
    contracts.write(metrics, METRICS, rows, record)


def _offered(path: Path, spec: EvaluateSpec, n_offered: int) -> pa.Table:
    """The samples this strategy may choose from; generation 1's are shared, and others may have asked for more."""
    table = contracts.read(path, SAMPLES.of(spec.form))
    return table.filter(pc.less(table["draw"], n_offered))


def _read(
    spec: EvaluateSpec, model: Path, generation_0: Path, test: pa.Table, drawn: pa.Table | None
) -> dict[str, Any]:
    """The arm's model, and that of generation 0 where there are samples to read, with their losses."""
    own = families.load(spec.family, model.parent, spec.device)
    found = {"model": own, "test_nats": _nats(own, media.examples(test, spec.form))}
    if not drawn:
        return found
    first = families.load(spec.family, generation_0.parent, spec.device)
    return found | {"first": first, "sample_nats": _nats(first, media.samples(drawn, spec.form))}


def _nats(model: families.Model, examples: Examples) -> np.ndarray:
    return model.score(examples.outputs, examples.inputs)


def _base_nats(card: Path, spec: EvaluateSpec, drawn: pa.Table | None, test: pa.Table) -> np.ndarray:
    base = families.load(spec.family, card.parent, spec.device)
    return _nats(base, media.examples(test, spec.form) if drawn is None else media.samples(drawn, spec.form))


def _losses(arm: Arm, place: dict[str, Any]) -> pa.Table:
    """Rows of `document_losses`, and whose they are."""
    parts = [_scored(arm, arm.test, "document_id", arm.test_nats, "real_test", "own")]
    if arm.samples is not None and arm.sample_nats is not None:
        parts.append(_scored(arm, arm.samples, "sample_id", arm.sample_nats, "samples", "generation_0"))
    table = pa.concat_tables(parts)
    for name, value in place.items():
        table = table.append_column(name, pa.array([value] * table.num_rows))
    return table


def _scored(arm: Arm, table: pa.Table, key: str, nats: np.ndarray, evaluation_set: str, scored_by: str) -> pa.Table:
    return pa.table(
        {
            "evaluation_set": pa.array([evaluation_set] * table.num_rows, pa.string()),
            "scored_by": pa.array([scored_by] * table.num_rows, pa.string()),
            "document_id": table[key],
            **measures(arm.form.output).loss_columns(table),
            "loss_nats": nats,
        }
    )


def _verdicts(verdicts: pa.Table, drawn: pa.Table) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Whether all verifiers accept each sample, and whether each of them does."""
    ids, names = drawn["sample_id"], pc.unique(verdicts["verifier"]).to_pylist()
    said = {name: usable(verdicts.filter(pc.field("verifier") == name), ids) for name in sorted(names)}
    return usable(verdicts, ids), said


def _provenance(mixture: Path, n_steps: int) -> list[Measurement]:
    columns = ["example_id", "origin_generation", "n_tokens", "n_real_tokens", "n_pool"]
    table = contracts.read(mixture, MIXTURE, columns)
    unit = contracts.unit_of(table, MIXTURE)
    sizes, real = (table[contracts.counted(name, unit)].to_numpy() for name in ("n_tokens", "n_real_tokens"))
    values = {
        contracts.counted("real_token_share", unit): provenance.real_share(sizes, real),
        "mean_origin_generation": provenance.mean_origin_generation(table["origin_generation"].to_numpy(), sizes),
        "n_distinct_examples": provenance.n_distinct_examples(table["example_id"]),
        contracts.counted("n_tokens_trained", unit): provenance.n_trained(sizes),
        "n_pool_examples": (n_pool := table["n_pool"][0].as_py()),
        "pool_passes": table.num_rows / n_pool,
    }
    if n_steps:  # an n-gram model is counted, not optimized
        values["n_steps"] = n_steps
    return [Measurement(name, "mixture", float(value), table.num_rows) for name, value in values.items()]
