"""Judge a generation's samples by every verifier of a strategy; nothing is deleted, verdicts are written."""

import logging
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from collapse import families, media, verifiers
from collapse.artifacts import contracts
from collapse.artifacts.contracts import Record
from collapse.config.specs import VerifySpec
from collapse.config.verifiers import NoisyOracleVerifier
from collapse.errors import ConfigError, EngineError
from collapse.randomness import stream
from collapse.raters import loaded
from collapse.stages import Output
from collapse.verifiers import table, usable
from collapse.verifiers.case import Case

log = logging.getLogger(__name__)

UNREAD = frozenset({"strategy", "seed", "generation", "sampled_from", "finish_reason", "sampler_seed"})
"""Columns of samples that no verifier reads."""


def run(
    *,
    spec: VerifySpec,
    strategy: str,
    seed: int,
    generation: int,
    samples: Path,
    documents: Path,
    judge: Path | None = None,
    base_model: Path | None = None,
    truth: Path | None = None,
    raters: list[Path],
    checkpoints: list[Path],
    encoding: Path | None = None,
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
        documents: Real examples: training ones must not be repeated, validation ones set the perplexity band.
        judge: Card (`model.json`) of the generation-0 model, where a verifier asks it.
        base_model: Card of the base model, where a verifier asks it.
        truth: All that the source can write, where a verifier compares samples with it.
        raters: What raters that verifiers ask have learned, each in a folder `rater=NAME`.
        checkpoints: Cards of somebody's models that these, or verifiers, read by, each in a folder `checkpoint=…`.
        encoding: How the experiment's values are written, where a verifier looks for a watermark.
        verdicts: One row per sample and verifier of the chain.
        record: What the verdicts were made from.
    """
    _check_settings(spec, strategy, judge, base_model)
    drawn = _samples(samples, spec)
    tokens = ["document_id", "split", *media.columns_of_examples(spec.form)]
    words = any(verifier.reads_words for verifier in spec.verifiers.values())
    real = contracts.read(documents, contracts.DOCUMENTS.of(spec.form), None if words else tokens)
    n_train = pc.sum(pc.equal(real["split"], "train")).as_py()
    case = Case(
        form=spec.form,
        samples=drawn,
        documents=real,
        n_offered=(spec.n_samples or n_train) * spec.sets_offered if spec.sets_offered else drawn.num_rows,
        open_generation_0=lambda: families.load(spec.family, judge.parent, spec.device),  # type: ignore[union-attr]
        open_base_model=lambda: families.load(spec.family, base_model.parent, spec.device),  # type: ignore[union-attr]
        chance=lambda name: stream(seed, generation, f"verify:{name}"),
        truth=contracts.read(truth, contracts.TRUTH) if truth else None,
        raters=loaded(raters, {name: one.kind for name, one in spec.raters.items()}, checkpoints, spec.device),
        checkpoints={path.parent.name.removeprefix("checkpoint="): path for path in checkpoints},
        device=spec.device,
        watermark=spec.watermark,
        encoder=media.load_encoding(encoding, spec.form).output if encoding else None,
    )
    arm = {"strategy": strategy, "seed": seed, "generation": generation}
    chain, ids = _chain(spec, case, arm), drawn["sample_id"]
    del case, drawn  # verdicts are sorted next, which takes as much
    _check_usable(spec, chain, ids, arm)
    contracts.write(verdicts, contracts.VERDICTS, chain, record)


def _samples(path: Path, spec: VerifySpec) -> pa.Table:
    """The samples, in the columns that a verifier may read."""
    contract = contracts.SAMPLES.of(spec.form)
    table = contracts.read(path, contract, [name for name in contract.schema.names if name not in UNREAD])
    pa.default_memory_pool().release_unused()  # of a million texts, more than half of what reading them took
    return table


def _check_settings(spec: VerifySpec, strategy: str, judge: Path | None, base_model: Path | None) -> None:
    if not spec.chain:
        raise ConfigError(
            f"verify: the strategy `{strategy}` has no verifiers, so there is nothing to write.\n"
            "  Name some in `strategies[…].verifiers`, or mix its samples without verdicts."
        )
    reading = [name for name, verifier in spec.verifiers.items() if verifier.reads_generation_0]
    if reading and judge is None:
        raise ConfigError(
            f"verifiers.{reading[0]}: asks the generation-0 model, and no --judge was given.\n"
            "  Pass its card: results/<experiment>/strategy=real/seed=<seed>/generation=0/model/model.json"
        )
    reading = [name for name, verifier in spec.verifiers.items() if verifier.reads_base_model]
    if reading and base_model is None:
        raise ConfigError(
            f"verifiers.{reading[0]}: asks the base model, and no --base-model was given.\n"
            "  Pass its card: results/<experiment>/base_model/base_model.json"
        )


def _chain(spec: VerifySpec, case: Case, arm: dict[str, Any]) -> pa.Table:
    """Verdicts of every verifier of the chain, one after another."""
    noisy = [name for name, verifier in spec.verifiers.items() if isinstance(verifier, NoisyOracleVerifier)]
    for name in [*(name for name in spec.verifiers if name not in noisy), *noisy]:  # oracles before their noise
        settings = spec.verifiers[name]
        case.judged[name] = verifiers.module(settings.kind).judged(settings, case, name)
    for name in spec.chain:
        log.info("%s: accepted %d of %d", name, case.judged[name].accepted.sum(), len(case.judged[name]))
    return pa.concat_tables(
        table(
            case.judged[name],
            verifier=name,
            version=verifiers.module(spec.verifiers[name].kind).VERSION,
            sample_ids=case.samples["sample_id"],
            **arm,
        )
        for name in spec.chain
    )


def _check_usable(spec: VerifySpec, chain: pa.Table, ids: pa.ChunkedArray, arm: dict[str, Any]) -> None:
    if usable(chain, ids).any():
        return
    rejected = Counter(chain.filter(pc.invert(chain["accepted"]))["verifier"].to_pylist())
    counts = ", ".join(f"`{name}` rejected {rejected[name]}" for name in spec.chain)
    raise EngineError(
        f"verify: of {len(ids)} samples of {arm['strategy']}, seed {arm['seed']}, generation "
        f"{arm['generation']}, none passes every verifier: {counts}.\n"
        "  There is nothing to train on. Read samples.parquet; widen the verifiers, draw more samples "
        "(`generate.n_samples`), or look at what has become of the model before."
    )
