"""Measure a generation: its model on held-out real text, its samples, and what it was trained on."""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collapse import families
from collapse.artifacts import contracts
from collapse.artifacts.contracts import Record
from collapse.artifacts.layout import experiment_folder
from collapse.artifacts.lineage import read_card
from collapse.config.plan import EvaluateSpec
from collapse.config.settings import EvaluationSettings
from collapse.media.text.sequences import Sequences
from collapse.metrics import Measurement, distance, diversity, loss, provenance, tails
from collapse.metrics import table as metrics_table
from collapse.stages import Output
from collapse.verifiers import usable

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Texts:
    """Texts of one table.

    Attributes:
        ids: Their ids.
        texts: Text as characters.
        tokens: Text as tokens.
        prompts: Tokens seen before each and not predicted; None for none.
    """

    ids: pa.ChunkedArray
    texts: list[str]
    tokens: Sequences
    prompts: Sequences | None = None

    @property
    def n_bytes(self) -> np.ndarray:
        """UTF-8 bytes of each, shape `(n,)`."""
        return np.array([len(text.encode()) for text in self.texts], dtype=np.int32)


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
    document_losses: Output,
    metrics: Output,
    record: Record,
) -> None:
    """Score held-out documents and samples, and measure diversity, tails and provenance.

    Args:
        spec: What is measured.
        strategy: Strategy of the arm.
        seed: Replicate.
        generation: Generation of the arm.
        model: Card of the arm's model.
        generation_0: Card of the shared model of generation 0.
        documents: Real documents.
        mixture: What the model was trained on.
        samples: Samples of this generation; None at generation 0, where real training text is measured instead.
        verdicts: Verdicts on them, where the strategy has verifiers.
        truth: All that the source can write, with its probability; only where it is a grammar.
        document_losses: Loss of every text.
        metrics: The metrics.
        record: What the artifacts are made from.
    """
    train, test = (_documents(documents, split) for split in ("train", "test"))
    n_offered = (spec.n_samples or len(train.tokens)) * spec.sets_offered
    drawn = _offered(samples, n_offered) if samples else None
    own = families.load(spec.family, model.parent, spec.device)
    losses = [_scored(own, test, "real_test", "own")]
    measured = _loss_metrics(losses[0])
    written, name = train, "real_train"
    if drawn is not None:
        written, name = _sampled_texts(drawn), "samples"
        first = families.load(spec.family, generation_0.parent, spec.device)
        losses.append(_scored(first, written, "samples", "generation_0"))
        measured += _sample_metrics(drawn, written, losses[1], verdicts)
    measured += _diversity(written, name, train, spec.evaluation)
    measured += _provenance(mixture, read_card(model).n_steps)
    if truth:
        measured += _distances(own, truth, losses[0], written, name, spec.evaluation.tail_share)
    table = pa.concat_tables(losses)
    for name, value in {"strategy": strategy, "seed": seed, "generation": generation}.items():
        table = table.append_column(name, pa.array([value] * table.num_rows))
    contracts.write(document_losses, contracts.DOCUMENT_LOSSES, table, record)
    folder = experiment_folder(metrics)
    experiment = folder.name if folder else ""
    contracts.write(metrics, contracts.METRICS, metrics_table(measured, experiment, strategy, seed, generation), record)
    logger.info("test loss %.4f nats/token on %d documents", measured[0].value, measured[0].n)


def _documents(path: Path, split: str) -> Texts:
    table = contracts.read(path, contracts.DOCUMENTS, ["document_id", "split", "text", "token_ids"])
    table = table.filter(pc.equal(table["split"], split))
    return Texts(table["document_id"], table["text"].to_pylist(), Sequences.from_arrow(table["token_ids"]))


def _offered(path: Path, n_offered: int) -> pa.Table:
    """The samples this strategy may choose from; generation 1's are shared, and others may have asked for more."""
    table = contracts.read(path, contracts.SAMPLES)
    return table.filter(pc.less(table["draw"], n_offered))


def _sampled_texts(drawn: pa.Table) -> Texts:
    tokens, prompts = (Sequences.from_arrow(drawn[name]) for name in ("token_ids", "prompt_token_ids"))
    return Texts(drawn["sample_id"], drawn["text"].to_pylist(), tokens, prompts)


def _scored(model: families.Model, texts: Texts, evaluation_set: str, scored_by: str) -> pa.Table:
    n = len(texts.tokens)
    return pa.table(
        {
            "evaluation_set": pa.array([evaluation_set] * n, pa.string()),
            "scored_by": pa.array([scored_by] * n, pa.string()),
            "document_id": texts.ids,
            "n_tokens": texts.tokens.lengths.astype(np.int32),
            "n_bytes": texts.n_bytes,
            "loss_nats": model.score(texts.tokens, texts.prompts),
        }
    )


def _loss_metrics(scored: pa.Table) -> list[Measurement]:
    nats, n_tokens, n_bytes = (scored[name].to_numpy() for name in ("loss_nats", "n_tokens", "n_bytes"))
    mean = loss.mean_loss(nats, n_tokens)
    estimates = {
        "test_loss": mean,
        "perplexity": loss.perplexity(mean),
        "bits_per_byte": loss.bits_per_byte(nats, n_bytes),
        "document_loss_q95": loss.document_loss_quantile(nats, n_tokens, 0.95),
    }
    return [Measurement(name, "real_test", *estimate) for name, estimate in estimates.items()]


def _sample_metrics(drawn: pa.Table, written: Texts, scored: pa.Table, verdicts: Path | None) -> list[Measurement]:
    n, n_tokens = drawn.num_rows, drawn["n_tokens"].to_numpy()
    own = loss.mean_loss(-drawn["logprob_nats"].to_numpy().astype(np.float64), n_tokens)
    first = loss.mean_loss(scored["loss_nats"].to_numpy(), n_tokens)
    shares = {
        "mean_length": n_tokens.mean(),
        "stopped_fraction": np.mean(drawn["finish_reason"].to_numpy() == "stop"),
        "empty_fraction": np.mean([not text.strip() for text in written.texts]),
        "duplicate_fraction": diversity.duplicate_fraction(written.tokens),
    }
    if verdicts:
        shares["accepted_fraction"] = usable(contracts.read(verdicts, contracts.VERDICTS), drawn["sample_id"]).mean()
    measured = [Measurement("sampler_loss", "samples", *own), Measurement("generation_0_loss", "samples", *first)]
    return measured + [Measurement(name, "samples", float(value), n) for name, value in shares.items()]


def _diversity(texts: Texts, name: str, real: Texts, settings: EvaluationSettings) -> list[Measurement]:
    """Diversity and tails at one size for every generation; real training text stands in at generation 0."""
    tokens = texts.tokens.first_tokens(settings.diversity_tokens)
    values = {f"distinct_{n}": diversity.distinct_n(tokens, n) for n in (1, 2, 3, 4)}
    values["self_bleu"] = diversity.self_bleu(
        texts.tokens.take(np.arange(min(len(texts.tokens), settings.self_bleu_samples)))
    )
    values["type_entropy"] = diversity.type_entropy(tokens)
    values["compression_ratio"] = diversity.compression_ratio(texts.texts[: len(tokens)])
    n_types = 1 + max(int(tokens.values.max(initial=0)), int(real.tokens.values.max(initial=0)))
    values["tail_mass"] = tails.tail_mass(tokens, tails.tail_types(real.tokens, n_types, settings.tail_share))
    values["unseen_type_mass"] = tails.unseen_type_mass(real.tokens, tokens)
    values["surviving_vocabulary"] = tails.surviving_vocabulary(real.tokens, tokens)
    return [Measurement(metric, name, value, tokens.n_tokens) for metric, value in values.items()]


def _distances(
    model: families.Model, truth: Path, tested: pa.Table, written: Texts, name: str, tail_share: float
) -> list[Measurement]:
    """The model against the known source, exactly; and what held-out documents and samples say of the same."""
    table = contracts.read(truth, contracts.TRUTH, ["token_ids", "probability"])
    known, p = Sequences.from_arrow(table["token_ids"]), table["probability"].to_numpy()
    log_q = -model.score(known)
    distance.refuse_improper(p, log_q)
    entropy = distance.entropy(p)
    exact = {
        "kl_to_source": distance.kl_divergence(p, log_q),
        "tv_to_source": distance.total_variation(p, log_q),
        "support_mass": distance.support_mass(log_q),
        "support_entropy": distance.support_entropy(log_q),
        "source_entropy": entropy,
        "source_tail_mass": distance.support_mass(log_q[distance.rare_documents(p, tail_share)]),
    }
    estimate = distance.loss_above_entropy(tested["loss_nats"].to_numpy(), entropy)
    whole = written.tokens if written.prompts is None else written.prompts.joined(written.tokens)
    grammatical, covered = np.mean(_among(whole, known)), p[_among(known, whole)].sum()
    return [
        *(Measurement(metric, "truth", value, len(p)) for metric, value in exact.items()),
        Measurement("loss_above_entropy", "real_test", *estimate),
        Measurement("support_coverage", name, float(covered), len(whole)),
        Measurement("grammatical_fraction", name, float(grammatical), len(whole)),
    ]


def _among(texts: Sequences, others: Sequences) -> np.ndarray:
    """Whether each text is one of the others, token by token, shape `(len(texts),)`."""
    known = {row.tobytes() for row in others}
    return np.array([row.tobytes() in known for row in texts], dtype=bool)


def _provenance(mixture: Path, n_steps: int) -> list[Measurement]:
    columns = ["example_id", "origin_generation", "n_tokens", "n_real_tokens", "n_pool"]
    table = contracts.read(mixture, contracts.MIXTURE, columns)
    n_tokens = table["n_tokens"].to_numpy()
    values = {
        "real_token_share": provenance.real_token_share(n_tokens, table["n_real_tokens"].to_numpy()),
        "mean_origin_generation": provenance.mean_origin_generation(table["origin_generation"].to_numpy(), n_tokens),
        "n_distinct_examples": provenance.n_distinct_examples(table["example_id"]),
        "n_tokens_trained": provenance.n_tokens_trained(n_tokens),
        "n_pool_examples": (n_pool := table["n_pool"][0].as_py()),
        "pool_passes": table.num_rows / n_pool,
    }
    if n_steps:  # an n-gram model is counted, not optimized
        values["n_steps"] = n_steps
    return [Measurement(name, "mixture", float(value), table.num_rows) for name, value in values.items()]
