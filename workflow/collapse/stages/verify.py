"""Judge a generation's samples by every verifier of a strategy; nothing is deleted, verdicts are written."""

import logging
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collapse import families, media
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
from collapse.media import Examples
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

    @cached_property
    def drawn(self) -> Examples:
        """The samples' inputs and outputs."""
        return media.samples(self.samples, self.spec.form)

    @property
    def medium(self) -> Any:
        """The medium of outputs."""
        return media.medium(self.spec.form.output)


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
        documents: Real examples: training ones must not be repeated, validation ones set the perplexity band.
        judge: Card (`model.json`) of the generation-0 model; a perplexity band needs it.
        verdicts: One row per sample and verifier of the chain.
        record: What the verdicts were made from.
    """
    columns = ["document_id", "split", *media.columns_of_examples(spec.form)]
    case = Case(
        spec=spec,
        strategy=strategy,
        seed=seed,
        generation=generation,
        samples=contracts.read(samples, contracts.SAMPLES.of(spec.form)),
        documents=contracts.read(documents, contracts.DOCUMENTS.of(spec.form), columns),
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
            return length.judge(settings, case.drawn.outputs.sizes, case.medium.texts(case.samples))
        case ExactDuplicatesVerifier():
            return _judge_duplicates(case)
        case PerplexityBandVerifier() as settings:
            return perplexity_band.judge(settings, *_mean_losses(case))
        case NoisyOracleVerifier() as settings:
            rng = stream(case.seed, case.generation, f"verify:{name}")
            return noisy_oracle.judge(settings, judged[settings.oracle], rng)


def _judge_duplicates(case: Case) -> Verdicts:
    real = case.documents.filter(pc.field("split") == "train")
    drawn = case.drawn
    if drawn.inputs is not None and case.spec.form.input is None:  # the beginning of a text is a part of it
        drawn = Examples(case.medium.joined(drawn.inputs, drawn.outputs))
    return exact_duplicates.judge(
        samples=drawn.keys(),
        sample_ids=case.samples["sample_id"].to_pylist(),
        documents=media.examples(real, case.spec.form).keys(),
        document_ids=real["document_id"].to_pylist(),
    )


def _mean_losses(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Mean loss over size of samples and of validation documents under the generation-0 model.

    Documents are cut where prompts are, so that both are judged on continuations of a prompt of the same length.
    """
    assert case.judge is not None
    model = families.load(case.spec.family, case.judge.parent, case.spec.device)
    drawn = case.drawn
    real = media.examples(case.documents.filter(pc.field("split") == "validation"), case.spec.form)
    if drawn.inputs is not None and real.inputs is None:
        openings, rests = case.medium.cut(real.outputs, int(drawn.inputs.sizes.max(initial=0)))
        real = Examples(rests, openings)
    return tuple(model.score(one.outputs, one.inputs) / one.outputs.sizes for one in (drawn, real))


def _check_usable(case: Case, chain: pa.Table) -> None:
    if usable(chain, case.samples["sample_id"]).any():
        return
    rejected = Counter(chain.filter(pc.invert(chain["accepted"]))["verifier"].to_pylist())
    counts = ", ".join(f"`{name}` rejected {rejected[name]}" for name in case.spec.chain)
    raise EngineError(
        f"verify: of {case.samples.num_rows} samples of {case.strategy}, seed {case.seed}, generation "
        f"{case.generation}, none passes every verifier: {counts}.\n"
        "  There is nothing to train on. Read samples.parquet; widen the verifiers, draw more samples "
        "(`generate.n_samples`), or look at what has become of the model before."
    )
