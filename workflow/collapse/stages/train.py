"""Train a generation's model on its mixture."""

import logging
import shutil
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collapse import families, media
from collapse.artifacts import contracts, lineage
from collapse.artifacts.contracts import Record
from collapse.artifacts.lineage import ModelCard
from collapse.config.specs import TrainSpec
from collapse.errors import ContractError
from collapse.families import TrainingJob, TrainingStep
from collapse.media import Examples
from collapse.randomness import lane, stream_seed
from collapse.running.files import folder_written_at_once, scratch
from collapse.stages import Output

logger = logging.getLogger(__name__)


def run(
    *,
    spec: TrainSpec,
    strategy: str,
    seed: int,
    generation: int,
    mixture: Path,
    documents: Path,
    samples: list[Path],
    encoding: Path,
    initial: Path | None = None,
    checkpoint_minutes: float = 10,
    model: Output,
    training_log: Output,
    record: Record,
) -> None:
    """Fit a model and write it with its card and its training log.

    Args:
        spec: Family, start, optimizer.
        strategy: Strategy of the arm.
        seed: Replicate.
        generation: Generation of the model.
        mixture: What to train on, in order.
        documents: Real examples.
        samples: Samples that the mixture refers to.
        encoding: How the experiment's values are written.
        initial: Card of the model to start from (pretrained, or of the generation before); None for random weights.
        checkpoint_minutes: Minutes between the checkpoints that an interrupted job goes on from.
        model: The model's card, `model.json`, written last into the model's folder.
        training_log: One row per optimizer step.
        record: What the artifacts are made from.
    """
    table = contracts.read(mixture, contracts.MIXTURE.of(spec.form), ["example_id", "source", "weight"])
    job = TrainingJob(
        family=spec.family,
        training=spec.training,
        facts=media.load_encoding(encoding, spec.form).facts,
        examples=_examples(table, documents, samples, spec),
        weights=_weights(table),
        initial=initial.parent if initial else None,
        seed=stream_seed(lane(seed, spec.stream), generation if spec.start == "fresh" else 0, "initialise"),
        scratch=scratch(model.parent, record.identity),
        checkpoint_minutes=checkpoint_minutes,
    )
    fitted, log = families.fit(job)
    steps = _log_table(log, strategy, seed, generation, spec)
    contracts.write(training_log, contracts.TRAINING_LOG.of(spec.form), steps, record)
    with folder_written_at_once(model.parent) as partial:
        digests = {name: lineage.sha256(partial / name) for name in fitted.save(partial)}
        card = ModelCard(
            model_id=lineage.model_id(strategy, seed, generation, digests["model.safetensors"]),
            family=spec.family.name,
            strategy=strategy,
            seed=seed,
            generation=generation,
            parent_model_id=lineage.read_card(initial).model_id if initial and initial.name == model.name else None,
            base_model=spec.family.base_model,
            mixture_sha256=lineage.sha256(mixture),
            n_parameters=fitted.n_parameters,
            n_trained=(n_trained := int(job.examples.outputs.sizes.sum())),
            unit=(unit := spec.form.unit),
            n_steps=len(log),
            dtype="float32",
            files=digests,
        )
        (partial / model.name).write_text(card.model_dump_json(indent=2) + "\n")
    shutil.rmtree(job.scratch, ignore_errors=True)
    logger.info("%s: %d weights, %d %ss, %d steps", card.model_id, card.n_parameters, n_trained, unit, len(log))


def _examples(mixture: pa.Table, documents: Path, samples: list[Path], spec: TrainSpec) -> Examples:
    """The mixture's examples, in its order, as they were stored."""
    columns = ["document_id", *media.columns_of_examples(spec.form)]
    real = contracts.read(documents, contracts.DOCUMENTS.of(spec.form), columns)
    ids, parts = [real["document_id"]], [_learned(media.examples(real, spec.form), spec)]
    for path in samples:
        columns = ["sample_id", *media.columns_of_samples(spec.form)]
        table = contracts.read(path, contracts.SAMPLES.of(spec.form), columns)
        ids.append(table["sample_id"])
        parts.append(_learned(media.samples(table, spec.form), spec))
    rows = pc.index_in(mixture["example_id"], pa.chunked_array([chunk for column in ids for chunk in column.chunks]))
    if rows.null_count:
        raise ContractError(
            f"the mixture names {rows.null_count} example(s) that neither the documents nor its samples hold.\n"
            "  One of them was changed by hand; delete the arm's folder and run snakemake again."
        )
    return Examples.concatenate(parts).take(rows.to_numpy())


def _weights(mixture: pa.Table) -> np.ndarray | None:
    """Weights of the mixture's examples; None where they are all the same."""
    found = mixture["weight"].to_numpy()
    return None if (found == found[0]).all() else found.astype(np.float64)


def _learned(examples: Examples, spec: TrainSpec) -> Examples:
    """What is learned of examples: inputs too, if the plan says so; a text's beginning is no input of its own."""
    if examples.inputs is None:
        return examples
    if spec.prompt_in_training:
        return Examples(media.medium(spec.form.output).joined(examples.inputs, examples.outputs))
    return examples if spec.form.input else Examples(examples.outputs)


def _log_table(log: list[TrainingStep], strategy: str, seed: int, generation: int, spec: TrainSpec) -> pa.Table:
    contract, seen = contracts.TRAINING_LOG.of(spec.form), contracts.counted("tokens_seen", spec.form.unit)
    arm = {"strategy": strategy, "seed": seed, "generation": generation}
    rows = [asdict(step) for step in log]
    return pa.Table.from_pylist([arm | {seen: row.pop("seen")} | row for row in rows], schema=contract.schema)
