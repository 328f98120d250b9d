"""Draw a generation's samples from the model of the generation before."""

import json
import logging
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collapse import engines
from collapse.artifacts import contracts
from collapse.artifacts.contracts import Record
from collapse.artifacts.lineage import read_card, sample_ids
from collapse.config.plan import GenerateSpec
from collapse.config.settings import HealthSettings
from collapse.engines.chunks import ChunkedSampler
from collapse.errors import ContractError, EngineError
from collapse.families import Draws, Vocabulary
from collapse.media.text.sequences import Sequences
from collapse.media.text.tokenizer import Codec
from collapse.randomness import row_seeds
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
    tokenizer: Path,
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
        documents: Real documents; how many there are to train on is how many samples are drawn, and prompts are
            their beginnings.
        tokenizer: The experiment's tokenizer.
        samples: The samples.
        sampling_record: The effective sampling parameters and what was counted.
        record: What the artifact is made from.

    Raises:
        EngineError: A health gate failed and `generate.health.on_failure` is `stop`.
    """
    codec = Codec.load(tokenizer.parent)
    train = _training_documents(documents)
    n_rows = (spec.n_samples or train.num_rows) * spec.sets_drawn
    prompt_ids, prompts = _prompts(spec, train, n_rows)
    seeds = row_seeds(seed, generation, "generate", range(n_rows))
    vocabulary = Vocabulary(codec.size, codec.bos, codec.eos)
    never = _never_drawn(spec, codec, train)
    sampler = ChunkedSampler(
        lambda: engines.open_sampler(spec.engine, spec.family, model.parent, vocabulary, spec.device, never),
        scratch(samples, record.identity),
        spec.chunk_rows,
    )
    draws = sampler.sample(prompts, spec.decoding, seeds)
    texts = codec.decode_all(draws.tokens)
    facts = _facts(draws, texts, Sequences.from_arrow(train["token_ids"]))
    warnings = health_warnings(facts, spec.health)
    arm = {"strategy": strategy, "seed": seed, "generation": generation}
    table = _drawn_table(draws, texts, seeds).append_column("prompt_id", prompt_ids)
    constant = arm | {"sampled_from": read_card(model).model_id}
    for name, value in constant.items():
        table = table.append_column(name, pa.array([value] * n_rows))
    table = table.append_column("sample_id", pa.array(sample_ids(strategy, seed, generation, range(n_rows))))
    table = table.append_column("prompt", pa.array(codec.decode_all(prompts), pa.string()))
    table = table.append_column("prompt_token_ids", prompts.to_arrow())
    contracts.write(samples, contracts.SAMPLES, table, record)
    effective = spec.model_dump(mode="json", include={"engine", "decoding", "prompt", "device"})
    with written_at_once(sampling_record) as partial:
        partial.write_text(json.dumps(arm | effective | facts | {"warnings": warnings}, indent=2) + "\n")
    for warning in warnings:
        logger.warning("unhealthy: %s", warning)
    if warnings and spec.health.on_failure == "stop":
        raise EngineError(
            f"{samples}: the samples look broken, not collapsed: {'; '.join(warnings)}.\n"
            "  Look at the texts; if this is what you study, set generate.health.on_failure: warn."
        )
    sampler.forget()


def _training_documents(documents: Path) -> pa.Table:
    table = contracts.read(documents, contracts.DOCUMENTS, ["document_id", "split", "token_ids", "n_tokens"])
    return table.filter(pc.equal(table["split"], "train"))


def _never_drawn(spec: GenerateSpec, codec: Codec, train: pa.Table) -> list[int]:
    """Tokens that may not be sampled: start and padding, and, where the config forbids them, types real text lacks."""
    never = codec.never_written
    if spec.decoding.unseen_types == "forbidden":
        seen = np.unique(Sequences.from_arrow(train["token_ids"]).values).tolist()
        never |= set(range(codec.size)).difference(seen, {codec.eos})
    return sorted(never)


def _prompts(spec: GenerateSpec, train: pa.Table, n_rows: int) -> tuple[pa.Array, Sequences]:
    """Ids of the prompting documents and the prompts themselves; every document prompts in turn."""
    n_tokens = spec.prompt.n_tokens
    if spec.prompt.source == "none":
        return pa.nulls(n_rows, pa.string()), Sequences.of([[]] * n_rows)
    long_enough = np.flatnonzero(train["n_tokens"].to_numpy() > n_tokens)
    if not len(long_enough):
        raise ContractError(
            f"prompt.n_tokens: no training document is longer than {n_tokens} tokens.\n  Lower prompt.n_tokens."
        )
    rows = np.resize(long_enough, n_rows)
    tokens = Sequences.from_arrow(train["token_ids"]).take(rows)
    prompts = Sequences.of(text[:n_tokens] for text in tokens)
    return train["document_id"].combine_chunks().take(pa.array(rows)), prompts


def _drawn_table(draws: Draws, texts: list[str], seeds: np.ndarray) -> pa.Table:
    """What the sampler wrote, in the columns of the SAMPLES contract."""
    return pa.table(
        {
            "draw": np.arange(len(texts), dtype=np.int32),
            "text": pa.array(texts, pa.string()),
            "token_ids": draws.tokens.to_arrow(),
            "n_tokens": draws.tokens.lengths.astype(np.int32),
            "finish_reason": np.where(draws.stopped, "stop", "length"),
            "logprob_nats": draws.logprob_nats.astype(np.float32),
            "sampler_seed": seeds,
        }
    )


def _facts(draws: Draws, texts: list[str], real: Sequences) -> dict[str, float | int]:
    n_distinct = len({tokens.tobytes() for tokens in draws.tokens})
    return {
        "n_samples": len(texts),
        "n_stopped": int(draws.stopped.sum()),
        "n_truncated": int((~draws.stopped).sum()),
        "n_empty": sum(not text.strip() for text in texts),
        "n_duplicates": len(texts) - n_distinct,
        "mean_tokens": round(float(draws.tokens.lengths.mean()), 4),
        "mean_real_tokens": round(float(real.lengths.mean()), 4),
    }


def health_warnings(facts: dict[str, float | int], gates: HealthSettings) -> list[str]:
    """Say which gates a generation's samples fail, with the numbers."""
    n = facts["n_samples"]
    ratio = facts["mean_tokens"] / facts["mean_real_tokens"]
    checks = (
        (facts["n_duplicates"] / n <= gates.max_duplicate_fraction, f"{facts['n_duplicates']} of {n} are duplicates"),
        (facts["n_stopped"] / n >= gates.min_stopped_fraction, f"only {facts['n_stopped']} of {n} ended themselves"),
        (facts["n_empty"] / n <= gates.max_empty_fraction, f"{facts['n_empty']} of {n} are empty"),
        (
            gates.min_length_ratio <= ratio <= gates.max_length_ratio,
            f"mean length is {ratio:.2f} times that of real documents",
        ),
    )
    return [sentence for passed, sentence in checks if not passed]
