"""Draw a generation's samples from the model of the generation before."""

import json
import logging
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collapse import engines, media
from collapse.artifacts import contracts
from collapse.artifacts.contracts import DOCUMENTS, SAMPLES, Record
from collapse.artifacts.lineage import edited_draw, read_card, sample_ids
from collapse.config.settings import HealthSettings
from collapse.config.specs import GenerateSpec
from collapse.engines.chunks import ChunkedSampler
from collapse.errors import ContractError, EngineError
from collapse.families import Sampler
from collapse.randomness import lane, row_seeds
from collapse.running.files import scratch, written_at_once
from collapse.stages import Output

logger = logging.getLogger(__name__)


def run(
    *,
    spec: GenerateSpec,
    strategy: str,
    seed: int,
    generation: int,
    model: Path,
    documents: Path,
    encoding: Path,
    edited: Path | None = None,
    samples: Output,
    sampling_record: Output,
    record: Record,
) -> None:
    """Draw samples and write down how.

    Args:
        spec: Engine, decoding, prompt, number of samples, health gates.
        strategy: Strategy of the arm.
        seed: Replicate.
        generation: Generation the samples belong to; the model is one younger.
        model: Card of the model that writes.
        documents: Real examples; how many there are to train on is how many samples are drawn, and prompts are
            their inputs or beginnings.
        encoding: How the experiment's values are written.
        edited: Samples of the generation before, where they are edited; None at generation 1, which edits real ones.
        samples: The samples.
        sampling_record: The effective sampling parameters and what was counted.
        record: What the artifact is made from.

    Raises:
        EngineError: A health gate failed and `generate.health.on_failure` is `stop`.
    """
    how, made = media.load_encoding(encoding, spec.form), media.medium(spec.form.output)
    columns = ["document_id", "split", *media.columns_of_examples(spec.form)]
    real = contracts.read(documents, DOCUMENTS.of(spec.form), columns)
    train = real.filter(pc.equal(real["split"], "train"))
    n_rows = (spec.n_samples or train.num_rows) * spec.sets_drawn
    prompt_ids, inputs = _edited(edited, spec, n_rows) if edited else _inputs(spec, real, n_rows, generation)
    seeds = row_seeds(lane(seed, spec.stream), generation, "generate", range(n_rows))
    never = engines.never_drawn(spec.decoding, how, media.examples(train, spec.form).outputs)
    sampler = ChunkedSampler(
        lambda: _sampler(spec, model.parent, how, never),
        scratch(samples, record.identity),
        spec.chunk_rows,
        spec.form.output,
    )
    drawn = made.drawn(sampler.sample(_asked(spec, inputs, prompt_ids), spec.decoding, seeds), how.output)
    facts = made.sampling_facts(drawn, train)
    warnings = health_warnings(facts, spec.health)
    arm = {"strategy": strategy, "seed": seed, "generation": generation}
    table = pa.table(
        drawn | {"draw": np.arange(n_rows, dtype=np.int32), "sampler_seed": seeds, "prompt_id": prompt_ids}
    )
    for name, value in (arm | {"sampled_from": read_card(model).model_id}).items():
        table = table.append_column(name, pa.array([value] * n_rows))
    table = table.append_column("sample_id", pa.array(sample_ids(strategy, seed, generation, range(n_rows))))
    for name, column in _kept_beside(spec, inputs, n_rows, how).items():
        table = table.append_column(name, column)
    contracts.write(samples, SAMPLES.of(spec.form), table, record)
    effective = spec.model_dump(mode="json", include={"engine", "decoding", "prompt", "device"})
    with written_at_once(sampling_record) as partial:
        partial.write_text(json.dumps(arm | effective | facts | {"warnings": warnings}, indent=2) + "\n")
    _tell(warnings, samples, spec.health)
    sampler.forget()


def _sampler(spec: GenerateSpec, model: Path, how: media.Encoding, never: list[int]) -> Sampler:
    """What draws a sample from what the plan gives it."""
    opened = engines.open_sampler(spec.engine, spec.family, model, how.facts, spec.device, never)
    return engines.by_blocks(opened, spec.prompt.n_tokens) if spec.prompt.source == "real_blocks" else opened


def _kept_beside(spec: GenerateSpec, inputs: Any, n_rows: int, how: media.Encoding) -> dict[str, Any]:
    """Columns of what was given, beside samples that have such; a whole document is no beginning."""
    asked = media.input_medium(spec.form)
    if asked is None:
        return {}
    given = asked.nothing(n_rows) if spec.prompt.reads_documents else inputs
    return asked.given(given, how.input or how.output)


def _tell(warnings: list[str], samples: Path, health: HealthSettings) -> None:
    """Say what looks broken; and stop there, if the plan says so."""
    for warning in warnings:
        logger.warning("unhealthy: %s", warning)
    if warnings and health.on_failure == "stop":
        raise EngineError(
            f"{samples}: the samples look broken, not collapsed: {'; '.join(warnings)}.\n"
            "  Look at the texts; if this is what you study, set generate.health.on_failure: warn."
        )


def _inputs(spec: GenerateSpec, real: pa.Table, n_rows: int, generation: int = 1) -> tuple[pa.Array, Any]:
    """Ids of the real examples that samples are drawn for, and what the model is given.

    Each example is asked in turn; of a pool, each generation goes on where the one before ended.
    """
    made = media.medium(spec.form.output)
    if spec.prompt.source == "none":
        return pa.nulls(n_rows, pa.string()), made.nothing(n_rows)
    asked = real.filter(pc.equal(real["split"], spec.prompt.asks))
    known = media.examples(asked, spec.form)
    usable = np.arange(len(known))
    if spec.prompt.source == "real_prefix":
        usable = np.flatnonzero(known.outputs.sizes > spec.prompt.n_tokens)
    if spec.prompt.source == "pool":
        n_train = pc.sum(pc.equal(real["split"], "train")).as_py()
        usable = usable[math.ceil(spec.reserved * n_train) :]
        usable = np.roll(usable, -(generation - 1) * n_rows)
    if not len(usable):
        raise ContractError(_nothing_to_ask(spec))
    rows = np.resize(usable, n_rows)
    chosen = known.take(rows)
    return asked["document_id"].combine_chunks().take(pa.array(rows)), _given(spec, chosen)


def _edited(before: Path, spec: GenerateSpec, n_rows: int) -> tuple[pa.Array, Any]:
    """What the generation before made of real documents, each in turn, and the ids of these.

    `prompt_id` stays that of the real document, so that all that edits have changed since shows; which sample is edited
    says the draw, by `lineage.edited_draw`.
    """
    made = media.medium(spec.form.output)
    table = contracts.read(before, SAMPLES.of(spec.form), ["prompt_id", *made.OUTPUT_VALUES])
    rows = np.array([edited_draw(draw, table.num_rows) for draw in range(n_rows)])
    return table["prompt_id"].combine_chunks().take(pa.array(rows)), made.outputs(table).take(rows)


def _given(spec: GenerateSpec, chosen: media.Examples) -> Any:
    """What the model is given of each real example."""
    match spec.prompt.source:
        case "real_prefix":
            return media.medium(spec.form.output).beginnings(chosen.outputs, spec.prompt.n_tokens)
        case "real_document" | "previous_sample" | "real_blocks":
            return chosen.outputs
        case _:
            return chosen.inputs


def _asked(spec: GenerateSpec, inputs: Any, prompt_ids: pa.Array) -> Any:
    """What a sampler is asked; where a beam search has several candidates of an input, which of them each row is."""
    if spec.decoding.method != "beam" or spec.sets_drawn == 1:
        return inputs
    return engines.by_beams(inputs, prompt_ids.to_pylist(), spec.decoding.n_beams)


def _nothing_to_ask(spec: GenerateSpec) -> str:
    if spec.prompt.is_input:
        return "prompt.source: the reserve holds no example.\n  Raise what `corpus` keeps in it, or use real_input."
    return (
        f"prompt.n_tokens: no training document is longer than {spec.prompt.n_tokens} tokens.\n  Lower prompt.n_tokens."
    )


def health_warnings(facts: dict[str, float | int], gates: HealthSettings) -> list[str]:
    """Say which gates a generation's samples fail, with the numbers."""
    n, checks = facts["n_samples"], list[tuple[bool, str]]()
    if "n_duplicates" in facts:
        repeated = facts["n_duplicates"]
        checks.append((repeated / n <= gates.max_duplicate_fraction, f"{repeated} of {n} are duplicates"))
    if "n_stopped" in facts:
        stopped, empty = facts["n_stopped"], facts["n_empty"]
        checks.append((stopped / n >= gates.min_stopped_fraction, f"only {stopped} of {n} ended themselves"))
        checks.append((empty / n <= gates.max_empty_fraction, f"{empty} of {n} are empty"))
    if "mean_tokens" in facts:
        ratio = facts["mean_tokens"] / facts["mean_real_tokens"]
        fits = gates.min_length_ratio <= ratio <= gates.max_length_ratio
        checks.append((fits, f"mean length is {ratio:.2f} times that of real documents"))
    return [sentence for passed, sentence in checks if not passed]
