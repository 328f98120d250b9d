"""What is measured, in which unit, and how collapse shows in it.

The modules beside this one turn arrays into numbers: `loss`, `diversity`, `tails`, `provenance`. A metric that is not
defined on what it was given (no n-grams, no tokens) is `nan`, not zero.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from collapse.contracts import METRICS
from collapse.errors import ContractError


@dataclass(frozen=True)
class Definition:
    """What one metric means.

    Attributes:
        unit: Unit of the value; `1` for pure numbers.
        direction: Where the literature sees it go as models collapse; `none` where it goes either way or describes
            the set-up instead of the outcome.
        doc: Meaning and source.
    """

    unit: str
    direction: Literal["lower", "higher", "none"]
    doc: str


@dataclass(frozen=True)
class Measurement:
    """One value of one metric on one set of text.

    Attributes:
        metric: A name in `CATALOGUE`.
        evaluation_set: The text it is measured on, such as `real_test`, `samples` or `mixture`.
        value: The value, in the unit of the metric; `nan` where it is not defined.
        n: Units averaged (documents, samples, n-grams, tokens).
        standard_error: Spread within the run, where the metric has one; never the spread between seeds.
    """

    metric: str
    evaluation_set: str
    value: float
    n: int
    standard_error: float | None = None


def table(measurements: Iterable[Measurement], experiment: str, strategy: str, seed: int, generation: int) -> pa.Table:
    """Put one arm's measurements into the columns of the METRICS contract.

    Raises:
        ContractError: A metric is not in the catalogue, so nobody could say what its value means.
    """
    rows = list(measurements)
    unknown = sorted({row.metric for row in rows} - CATALOGUE.keys())
    if unknown:
        raise ContractError(
            f"metrics of {strategy}, seed {seed}, generation {generation}: {', '.join(unknown)} is not defined.\n"
            "  Add its unit, direction and meaning to `collapse.metrics.CATALOGUE`."
        )
    arm = {"experiment": experiment, "strategy": strategy, "seed": seed, "generation": generation}
    return pa.Table.from_pylist(
        [arm | vars(row) | {"unit": CATALOGUE[row.metric].unit} for row in rows], schema=METRICS.schema
    )


def _distinct(n: int) -> Definition:
    return Definition(
        "1",
        "lower",
        f"Different {n}-grams over all {n}-grams of the samples (Li et al. 2016). Falls with the amount of text, so it "
        "is taken at equal size; rises where a model drifts to noise instead of narrowing.",
    )


CATALOGUE: dict[str, Definition] = {
    # --- loss ---
    "test_loss": Definition(
        "nat/token",
        "higher",
        "Mean negative log-likelihood per token of held-out real documents, end of sequence included "
        "(Gerstgrasser et al. 2024).",
    ),
    "perplexity": Definition(
        "1", "higher", "exp(test_loss); comparable under one tokenizer only (Jelinek et al. 1977)."
    ),
    "bits_per_byte": Definition(
        "bit/byte",
        "higher",
        "Loss of held-out real documents over their UTF-8 bytes and ln 2; comparable across tokenizers "
        "(Gao et al. 2020).",
    ),
    "document_loss_q95": Definition(
        "nat/token",
        "higher",
        "95 % quantile over held-out real documents of their mean loss per token: the documents a model has forgotten "
        "first (after Shumailov et al. 2024, who see the tails go first).",
    ),
    "sampler_loss": Definition(
        "nat/token",
        "lower",
        "Mean negative log-likelihood of the samples under the model that wrote them, before tempering and truncation: "
        "at temperature 1 an estimate of that model's entropy per token (Shannon 1948).",
    ),
    "generation_0_loss": Definition(
        "nat/token",
        "none",
        "Mean negative log-likelihood of the samples under the model of generation 0 (Shumailov et al. 2024): lower as "
        "samples narrow to what was likely, higher as they drift away from real text.",
    ),
    # --- diversity ---
    **{f"distinct_{n}": _distinct(n) for n in (1, 2, 3, 4)},
    "self_bleu": Definition(
        "1",
        "higher",
        "Mean BLEU-4 of each sample against all others (Zhu et al. 2018); 1 when every sample occurs twice.",
    ),
    "type_entropy": Definition(
        "nat",
        "lower",
        "Entropy of the distribution of token types in the samples (Shannon 1948, from the counts as they are).",
    ),
    "compression_ratio": Definition(
        "1", "higher", "Bytes of the samples' text over bytes after zlib, level 6 (Shaib et al. 2024)."
    ),
    "duplicate_fraction": Definition(
        "1", "higher", "Share of the samples whose tokens repeat an earlier sample's (Lee et al. 2022)."
    ),
    # --- tails ---
    "tail_mass": Definition(
        "1",
        "lower",
        "Share of sampled tokens that belong to the rarest real token types; those types hold at most "
        "`evaluation.tail_share` of real tokens (after Shumailov et al. 2024; Dohmatob et al. 2024).",
    ),
    "surviving_vocabulary": Definition(
        "1",
        "lower",
        "Share of the real token types that occur in the samples; grows with the amount of text (after Seddik et al. "
        "2024, whose model loses types for good).",
    ),
    # --- the samples as such ---
    "mean_length": Definition("token", "none", "Mean tokens per sample, end of sequence included."),
    "stopped_fraction": Definition("1", "none", "Share of the samples that the model ended itself."),
    "empty_fraction": Definition("1", "none", "Share of the samples without text."),
    "accepted_fraction": Definition(
        "1", "none", "Share of the samples that every verifier of the strategy accepts (Feng et al. 2024)."
    ),
    # --- provenance of the training set ---
    "real_token_share": Definition(
        "1", "none", "Share of the tokens trained on that a person wrote, prompts within samples included."
    ),
    "mean_origin_generation": Definition(
        "generation", "none", "Mean generation of the examples trained on, by tokens; real documents count as 0."
    ),
    "n_distinct_examples": Definition("example", "none", "Different documents and samples trained on."),
    "n_tokens_trained": Definition("token", "none", "Tokens trained on, repeats counted."),
    "ancestry_depth": Definition(
        "generation",
        "none",
        "Mean number of models between the text trained on and real text: sum over j of share_j (1 + depth of the "
        "training set of generation j - 1), 0 for real text.",
    ),
}
"""Every metric by name."""
