"""Train a generation's model on its mixture."""

import logging
import shutil
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from collapse import families
from collapse.artifacts import contracts, lineage
from collapse.artifacts.contracts import Record
from collapse.artifacts.lineage import ModelCard
from collapse.config.plan import TrainSpec
from collapse.errors import ContractError
from collapse.families import TrainingJob, TrainingStep, Vocabulary
from collapse.media.text.sequences import Sequences
from collapse.media.text.tokenizer import Codec
from collapse.randomness import stream_seed
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
    tokenizer: Path,
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
        documents: Real documents.
        samples: Samples that the mixture refers to.
        tokenizer: The experiment's tokenizer.
        initial: Card of the model to start from (pretrained, or of the generation before); None for random weights.
        checkpoint_minutes: Minutes between the checkpoints that an interrupted job goes on from.
        model: The model's card, `model.json`, written last into the model's folder.
        training_log: One row per optimizer step.
        record: What the artifacts are made from.
    """
    table = contracts.read(mixture, contracts.MIXTURE, ["example_id", "source"])
    codec = Codec.load(tokenizer.parent)
    job = TrainingJob(
        family=spec.family,
        training=spec.training,
        vocabulary=Vocabulary(codec.size, codec.bos, codec.eos),
        texts=_texts(table, documents, samples, spec.prompt_in_training),
        initial=initial.parent if initial else None,
        seed=stream_seed(seed, generation if spec.start == "fresh" else 0, "initialise"),
        scratch=scratch(model.parent, record.identity),
        checkpoint_minutes=checkpoint_minutes,
    )
    fitted, log = families.fit(job)
    contracts.write(training_log, contracts.TRAINING_LOG, _log_table(log, strategy, seed, generation), record)
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
            n_tokens_trained=job.texts.n_tokens,
            n_steps=len(log),
            dtype="float32",
            files=digests,
        )
        (partial / model.name).write_text(card.model_dump_json(indent=2) + "\n")
    shutil.rmtree(job.scratch, ignore_errors=True)
    logger.info("%s: %d weights, %d tokens, %d steps", card.model_id, card.n_parameters, job.texts.n_tokens, len(log))


def _texts(mixture: pa.Table, documents: Path, samples: list[Path], with_prompts: bool) -> Sequences:
    """The tokens of the mixture's examples, in its order, as they were stored."""
    tables = [contracts.read(documents, contracts.DOCUMENTS, ["document_id", "token_ids"])]
    ids, texts = [tables[0]["document_id"]], [Sequences.from_arrow(tables[0]["token_ids"])]
    for path in samples:
        table = contracts.read(path, contracts.SAMPLES, ["sample_id", "token_ids", "prompt_token_ids"])
        written = Sequences.from_arrow(table["token_ids"])
        ids.append(table["sample_id"])
        texts.append(Sequences.from_arrow(table["prompt_token_ids"]).joined(written) if with_prompts else written)
    rows = pc.index_in(mixture["example_id"], pa.chunked_array([chunk for column in ids for chunk in column.chunks]))
    if rows.null_count:
        raise ContractError(
            f"the mixture names {rows.null_count} example(s) that neither the documents nor its samples hold.\n"
            "  One of them was changed by hand; delete the arm's folder and run snakemake again."
        )
    return Sequences.concatenate(texts).take(rows.to_numpy())


def _log_table(log: list[TrainingStep], strategy: str, seed: int, generation: int) -> pa.Table:
    arm = {"strategy": strategy, "seed": seed, "generation": generation}
    schema = contracts.TRAINING_LOG.schema
    return pa.Table.from_pylist([arm | asdict(step) for step in log], schema=schema)
