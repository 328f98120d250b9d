"""A checked experiment: every setting, and what each stage is given of it."""

import hashlib
import json
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from collapse.config.checks import check
from collapse.config.claims import Claim, ClaimId
from collapse.config.form import Form
from collapse.config.problems import explain
from collapse.config.raters import CheckpointRater, Rater
from collapse.config.settings import (
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
from collapse.config.verifiers import LikelihoodVerifier, NoisyOracleVerifier, SemanticDuplicatesVerifier, Verifier
from collapse.config.worlds import World
from collapse.errors import ConfigError

MOST_COUNTED = 10_000_000
"""Largest number up to which pairs are counted by their greatest common divisor, in a second or two."""


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
        check(self)
        return self

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
