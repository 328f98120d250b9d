"""Judge a generation's samples by every verifier of a strategy; nothing is deleted, verdicts are written."""

import logging
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collapse import families
from collapse.artifacts import contracts
from collapse.artifacts.contracts import Record
from collapse.config.plan import VerifySpec
from collapse.config.settings import (
    ExactDuplicatesVerifier,
    LengthVerifier,
    NoisyOracleVerifier,
    PerplexityBandVerifier,
)
from collapse.errors import ConfigError, EngineError
from collapse.media.text.sequences import Sequences
from collapse.randomness import stream
from collapse.stages import Output
from collapse.verifiers import Verdicts, exact_duplicates, length, noisy_oracle, perplexity_band, table, usable

log = logging.getLogger(__name__)

VERSIONS = {
    "length": length.VERSION,
    "exact_duplicates": exact_duplicates.VERSION,
    "perplexity_band": perplexity_band.VERSION,
    "noisy_oracle": noisy_oracle.VERSION,
}


@dataclass(frozen=True)
class Case:
    """What the verifiers of one arm look at: its place in the experiment, the two tables and the judging model."""

    spec: VerifySpec
    strategy: str
    seed: int
    generation: int
    samples: pa.Table
    documents: pa.Table
    judge: Path | None


def run(
    *,
    spec: VerifySpec,
    strategy: str,
    seed: int,
    generation: int,
    samples: Path,
    documents: Path,
    judge: Path | None = None,
    verdicts: Output,
    record: Record,
) -> None:
    """Write one verdict per sample and verifier.

    Args:
        spec: The strategy's verifiers, with the oracles they name.
        strategy: Strategy whose chain judges.
        seed: Replicate.
        generation: Turn of the loop that the samples are for.
        samples: The samples.
        documents: Real documents: training ones must not be repeated, validation ones set the perplexity band.
        judge: Card (`model.json`) of the generation-0 model; a perplexity band needs it.
        verdicts: One row per sample and verifier of the chain.
        record: What the verdicts were made from.
    """
    columns = ["document_id", "split", "token_ids"]
    case = Case(
        spec=spec,
        strategy=strategy,
        seed=seed,
        generation=generation,
        samples=contracts.read(samples, contracts.SAMPLES),
        documents=contracts.read(documents, contracts.DOCUMENTS, columns),
        judge=judge,
    )
    _check_settings(case)
    chain = _chain(case)
    _check_usable(case, chain)
    contracts.write(verdicts, contracts.VERDICTS, chain, record)


def _check_settings(case: Case) -> None:
    if not case.spec.chain:
        raise ConfigError(
            f"verify: the strategy `{case.strategy}` has no verifiers, so there is nothing to write.\n"
            "  Name some in `strategies[…].verifiers`, or mix its samples without verdicts."
        )
    bands = [name for name, v in case.spec.verifiers.items() if isinstance(v, PerplexityBandVerifier)]
    if bands and case.judge is None:
        raise ConfigError(
            f"verifiers.{bands[0]}: a perplexity band needs the generation-0 model, and no --judge was given.\n"
            "  Pass its card: results/<experiment>/strategy=real/seed=<seed>/generation=0/model/model.json"
        )


def _chain(case: Case) -> pa.Table:
    """Verdicts of every verifier of the chain, one after another."""
    judged = dict[str, Verdicts]()
    noisy = [name for name, verifier in case.spec.verifiers.items() if isinstance(verifier, NoisyOracleVerifier)]
    for name in [*(name for name in case.spec.verifiers if name not in noisy), *noisy]:  # oracles before their noise
        judged[name] = _judge(case, name, judged)
    for name in case.spec.chain:
        log.info("%s: accepted %d of %d", name, judged[name].accepted.sum(), len(judged[name]))
    return pa.concat_tables(
        table(
            judged[name],
            verifier=name,
            version=VERSIONS[case.spec.verifiers[name].kind],
            sample_ids=case.samples["sample_id"],
            strategy=case.strategy,
            seed=case.seed,
            generation=case.generation,
        )
        for name in case.spec.chain
    )


def _judge(case: Case, name: str, judged: dict[str, Verdicts]) -> Verdicts:
    match case.spec.verifiers[name]:
        case LengthVerifier() as settings:
            return length.judge(settings, case.samples["n_tokens"].to_numpy(), case.samples["text"].to_pylist())
        case ExactDuplicatesVerifier():
            return _judge_duplicates(case)
        case PerplexityBandVerifier() as settings:
            return perplexity_band.judge(settings, *_mean_losses(case))
        case NoisyOracleVerifier() as settings:
            rng = stream(case.seed, case.generation, f"verify:{name}")
            return noisy_oracle.judge(settings, judged[settings.oracle], rng)


def _judge_duplicates(case: Case) -> Verdicts:
    real = case.documents.filter(pc.field("split") == "train")
    return exact_duplicates.judge(
        samples=_joined(*_prompts_and_texts(case)),
        sample_ids=case.samples["sample_id"].to_pylist(),
        documents=Sequences.from_arrow(real["token_ids"]),
        document_ids=real["document_id"].to_pylist(),
    )


def _mean_losses(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Mean loss in nat/token of samples and of validation documents under the generation-0 model.

    Documents are cut where prompts are, so that both are judged on continuations of a prompt of the same length.
    """
    assert case.judge is not None
    model = families.load(case.spec.family, case.judge.parent, case.spec.device)
    prompts, texts = _prompts_and_texts(case)
    held_out = Sequences.from_arrow(case.documents.filter(pc.field("split") == "validation")["token_ids"])
    openings, rests = _cut(held_out, int(prompts.lengths.max(initial=0)))
    return model.score(texts, prompts) / texts.lengths, model.score(rests, openings) / rests.lengths


def _prompts_and_texts(case: Case) -> tuple[Sequences, Sequences]:
    return (
        Sequences.from_arrow(case.samples["prompt_token_ids"]),
        Sequences.from_arrow(case.samples["token_ids"]),
    )


def _joined(heads: Sequences, tails: Sequences) -> Sequences:
    """Put each tail behind the head of the same row."""
    n = len(heads)
    alternating = np.arange(2 * n).reshape(2, n).T.ravel()
    pairs = Sequences.concatenate([heads, tails]).take(alternating)
    return Sequences(pairs.values, pairs.offsets[::2])


def _cut(sequences: Sequences, n_tokens: int) -> tuple[Sequences, Sequences]:
    """Split sequences of more than `n_tokens` tokens after the first `n_tokens`; shorter ones are left out."""
    long = sequences.take(np.flatnonzero(sequences.lengths > n_tokens))
    in_head = np.arange(long.n_tokens) - np.repeat(long.offsets[:-1], long.lengths) < n_tokens
    heads = Sequences(long.values[in_head], np.arange(len(long) + 1) * n_tokens)
    return heads, Sequences(long.values[~in_head], long.offsets - heads.offsets)


def _check_usable(case: Case, chain: pa.Table) -> None:
    if usable(chain, case.samples["sample_id"]).any():
        return
    rejected = Counter(chain.filter(pc.invert(chain["accepted"]))["verifier"].to_pylist())
    counts = ", ".join(f"`{name}` rejected {rejected[name]}" for name in case.spec.chain)
    raise EngineError(
        f"verify: of {case.samples.num_rows} samples of {case.strategy}, seed {case.seed}, generation "
        f"{case.generation}, none passes every verifier: {counts}.\n"
        "  There is nothing to train on. Read samples.parquet; widen the verifiers, draw more samples "
        "(`generate.n_samples`), or look at why the model before has stopped writing text."
    )
