"""The measures of text: loss, diversity, tails, and, where the source is known, exact distances."""

import logging
from importlib import import_module
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collapse import media
from collapse.artifacts.contracts import REFERENCES
from collapse.config.settings import EvaluationSettings
from collapse.config.specs import ReferencesSpec
from collapse.families import Model
from collapse.media import Encoding, answers
from collapse.media.text import inputs, outputs
from collapse.media.text.sequences import Sequences
from collapse.metrics import Measurement, distance, diversity, kneser_ney, loss, rated, tails
from collapse.metrics.arm import OF_WATERMARK, Arm
from collapse.rouge import rouge_1

logger = logging.getLogger(__name__)

ORDERS = {"bigram": 2, "trigram": 3}
"""The n-gram models of `references`."""


def loss_columns(table: pa.Table) -> dict[str, Any]:
    """Tokens and bytes of each text."""
    n_bytes = [len(text.encode()) for text in table["text"].to_pylist()]
    return {"n_tokens": outputs(table).lengths.astype(np.int32), "n_bytes": np.array(n_bytes, dtype=np.int32)}


def references(spec: ReferencesSpec, real: pa.Table, before: pa.Table | None, how: Encoding) -> pa.Table:
    """Count n-grams on all real text that the model of generation 0 has seen, and score the test split.

    Args:
        spec: Whether there is a base model whose text is not known here.
        real: Real documents.
        before: What the base model learned from, where it is pretrained here.
        how: The tokenizer.
    """
    learned = [table.filter(pc.equal(table["split"], "train")) for table in (before, real) if table is not None]
    train = Sequences.concatenate(outputs(table) for table in learned)
    held_out = real.filter(pc.equal(real["split"], "test"))
    test, n_bytes = outputs(held_out), held_out["n_bytes"].to_numpy()
    rows = []
    for name, order in ORDERS.items():
        nats = kneser_ney.losses(train, test, order, how.output.size, how.output.bos)
        mean = loss.mean_loss(nats, test.lengths)
        rows.append(
            {
                "model": name,
                "n_order": order,
                "test_loss": mean.value,
                "standard_error": mean.standard_error,
                "bits_per_byte": loss.bits_per_byte(nats, n_bytes).value,
                "n_training_tokens": train.n_tokens,
                "knows_pretraining_text": spec.pretraining_text_is_known,
            }
        )
        logger.info("%s: %.4f nats/token on %d documents", name, mean.value, len(test))
    return pa.Table.from_pylist(rows, schema=REFERENCES.schema)


def measured(arm: Arm) -> list[Measurement]:
    """Everything that is measured of an arm's text; at generation 0, real training text stands in for samples."""
    found = [*_loss_metrics(arm), *_answer_metrics(arm)]
    written, name = (arm.train, "real_train") if arm.samples is None else (arm.samples, "samples")
    if arm.samples is not None:
        found += _sample_metrics(arm, arm.samples)
    found += _diversity(written, name, outputs(arm.train), arm.settings)
    found += rated.measured(arm)
    if arm.watermark is not None:
        found += import_module(OF_WATERMARK).measured(arm)
    if arm.truth is not None:
        found += _distances(arm, arm.model, arm.truth, written, name)
    return found


def _loss_metrics(arm: Arm) -> list[Measurement]:
    sizes = loss_columns(arm.test)
    mean = loss.mean_loss(arm.test_nats, sizes["n_tokens"])
    estimates = {
        "test_loss": mean,
        "perplexity": loss.perplexity(mean),
        "bits_per_byte": loss.bits_per_byte(arm.test_nats, sizes["n_bytes"]),
        "document_loss_q95": loss.document_loss_quantile(arm.test_nats, sizes["n_tokens"], 0.95),
    }
    return [Measurement(name, "real_test", *estimate) for name, estimate in estimates.items()]


def _answer_metrics(arm: Arm) -> list[Measurement]:
    """How often the likeliest answers to held-out inputs are right, and how near; nothing where they are not asked.

    An answer that has not ended by the length of the longest real one is wrong.
    """
    if arm.settings.answers is None:
        return []
    model: Any = arm.model
    asked = arm.test.slice(0, arm.settings.answers.inputs)
    given = model.continued(inputs(asked), int(outputs(arm.test).lengths.max()))
    ended = np.array([len(one) > 0 and one[-1] == arm.encoder.eos for one in given])
    said, true = arm.encoder.decode_all(given), asked["text"].to_pylist()
    right = ended & (answers.judged(arm.settings.answers, said, true) == answers.RIGHT)
    share, n = float(right.mean()), len(right)
    error = float(np.sqrt(share * (1 - share) / n))
    return [Measurement("right_fraction", "real_test", share, n, error), _rouge(said, true, "real_test")]


def _sample_metrics(arm: Arm, drawn: pa.Table) -> list[Measurement]:
    n, n_tokens, tokens = drawn.num_rows, drawn["n_tokens"].to_numpy(), outputs(drawn)
    assert arm.sample_nats is not None
    own = loss.mean_loss(-drawn["logprob_nats"].to_numpy().astype(np.float64), n_tokens)
    first = loss.mean_loss(arm.sample_nats, n_tokens)
    shares = {
        "mean_length": n_tokens.mean(),
        "stopped_fraction": np.mean(drawn["finish_reason"].to_numpy() == "stop"),
        "empty_fraction": np.mean([not text.strip() for text in drawn["text"].to_pylist()]),
        "duplicate_fraction": diversity.duplicate_fraction(tokens),
    }
    found = [Measurement("sampler_loss", "samples", *own), Measurement("generation_0_loss", "samples", *first)]
    if (edited := _edited_share(arm, drawn)) is not None:
        shares["edited_share"] = edited
    if arm.form.input:
        shares["right_fraction"] = _right(arm, drawn).mean()
    if arm.settings.answers is not None:
        found.append(_rouge(drawn["text"].to_pylist(), _real_answers(arm, drawn).to_pylist(), "samples"))
    return found + [Measurement(name, "samples", float(value), n) for name, value in shares.items()]


def _edited_share(arm: Arm, drawn: pa.Table) -> float | None:
    """Share of the tokens that are others than those of the real documents; None where samples are no edits of any.

    What was given is kept beside a sample. A sample of a document that was given nothing, and is as long, was edited;
    one of another length continues its blocks.
    """
    if arm.form.input or drawn["prompt_id"].null_count or inputs(drawn).n_tokens:
        return None
    place = pc.index_in(drawn["prompt_id"], arm.train["document_id"].combine_chunks())
    now, then = outputs(drawn), outputs(arm.train.take(place))
    return float(np.mean(now.values != then.values)) if np.array_equal(now.lengths, then.lengths) else None


def right(arm: Arm) -> np.ndarray | None:
    """Whether each sample is right, shape `(n,)`, bool; None where nobody knows."""
    assert arm.samples is not None
    if arm.truth is not None:
        return _among(_whole(arm, arm.samples), outputs(arm.truth))
    return _right(arm, arm.samples) if arm.form.input else None


def spread(arm: Arm, drawn: pa.Table) -> dict[str, float]:
    """How varied some of the samples are."""
    real, tokens = outputs(arm.train), outputs(drawn)
    n_types = 1 + max(int(tokens.values.max(initial=0)), int(real.values.max(initial=0)))
    return {
        "distinct_2": diversity.distinct_n(tokens, 2),
        "type_entropy": diversity.type_entropy(tokens),
        "tail_mass": tails.tail_mass(tokens, tails.tail_types(real, n_types, arm.settings.tail_share)),
        "surviving_vocabulary": tails.surviving_vocabulary(real, tokens),
    }


def _whole(arm: Arm, drawn: pa.Table) -> Sequences:
    """Samples with what came before them."""
    return media.samples(drawn, arm.form).inputs.joined(outputs(drawn))


def _right(arm: Arm, drawn: pa.Table) -> np.ndarray:
    """Whether each sample is the real answer to its input, letter by letter or as the settings say, shape `(n,)`."""
    true = _real_answers(arm, drawn)
    if arm.settings.answers is None:
        return pc.equal(true, drawn["text"]).to_numpy()
    return answers.judged(arm.settings.answers, drawn["text"].to_pylist(), true.to_pylist()) == answers.RIGHT


def _real_answers(arm: Arm, drawn: pa.Table) -> pa.ChunkedArray:
    """The real answer to the input of each sample."""
    known = [table.select(["document_id", "text"]) for table in (arm.train, arm.reserve) if table is not None]
    real = pa.concat_tables(known)
    return real["text"].take(pc.index_in(drawn["prompt_id"], real["document_id"].combine_chunks()))


def _rouge(given: list[str], true: list[str], evaluation_set: str) -> Measurement:
    """How near answers are to the real ones of the same inputs."""
    scores = np.array([rouge_1(one, other) for one, other in zip(given, true, strict=True)])
    error = float(scores.std(ddof=1) / np.sqrt(len(scores))) if len(scores) > 1 else None
    return Measurement("rouge_1", evaluation_set, float(scores.mean()), len(scores), error)


def _diversity(written: pa.Table, name: str, real: Sequences, settings: EvaluationSettings) -> list[Measurement]:
    """Diversity and tails at one size for every generation."""
    everything, texts = outputs(written), written["text"].to_pylist()
    tokens = everything.first_tokens(settings.diversity_tokens)
    values = {f"distinct_{n}": diversity.distinct_n(tokens, n) for n in (1, 2, 3, 4)}
    values["self_bleu"] = diversity.self_bleu(
        everything.take(np.arange(min(len(everything), settings.self_bleu_samples)))
    )
    values["type_entropy"] = diversity.type_entropy(tokens)
    values["compression_ratio"] = diversity.compression_ratio(texts[: len(tokens)])
    n_types = 1 + max(int(tokens.values.max(initial=0)), int(real.values.max(initial=0)))
    values["tail_mass"] = tails.tail_mass(tokens, tails.tail_types(real, n_types, settings.tail_share))
    values["unseen_type_mass"] = tails.unseen_type_mass(real, tokens)
    values["surviving_vocabulary"] = tails.surviving_vocabulary(real, tokens)
    return [Measurement(metric, name, value, tokens.n_tokens) for metric, value in values.items()]


def _distances(arm: Arm, model: Model, truth: pa.Table, written: pa.Table, name: str) -> list[Measurement]:
    """The model against the known source, exactly; and what held-out documents and samples say of the same."""
    known, p = outputs(truth), truth["probability"].to_numpy()
    log_q = -model.score(known)
    distance.refuse_improper(p, log_q)
    entropy = distance.entropy(p)
    exact = {
        "kl_to_source": distance.kl_divergence(p, log_q),
        "tv_to_source": distance.total_variation(p, log_q),
        "support_mass": distance.support_mass(log_q),
        "support_entropy": distance.support_entropy(log_q),
        "source_entropy": entropy,
        "source_tail_mass": distance.support_mass(log_q[distance.rare_documents(p, arm.settings.tail_share)]),
    }
    estimate = distance.loss_above_entropy(arm.test_nats, entropy)
    whole = _whole(arm, written) if name == "samples" else outputs(written)
    grammatical, covered = np.mean(_among(whole, known)), p[_among(known, whole)].sum()
    return [
        *(Measurement(metric, "truth", value, len(p)) for metric, value in exact.items()),
        Measurement("loss_above_entropy", "real_test", *estimate),
        Measurement("support_coverage", name, float(covered), len(whole)),
        Measurement("grammatical_fraction", name, float(grammatical), len(whole)),
    ]


def _among(texts: Sequences, others: Sequences) -> np.ndarray:
    """Whether each text is one of the others, token by token, shape `(len(texts),)`."""
    known = set(others.keys())
    return np.array([key in known for key in texts.keys()], dtype=bool)  # noqa: SIM118
