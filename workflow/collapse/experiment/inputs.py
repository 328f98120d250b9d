"""Which files the jobs of an experiment read, as functions of wildcards."""

import functools
from typing import TYPE_CHECKING, Protocol

from collapse import media
from collapse.artifacts import layout
from collapse.config.plan import Plan
from collapse.metrics.arm import NEED_REFERENCES
from collapse.strategies import generations_read, sampled_from

if TYPE_CHECKING:
    from collapse.experiment.pretraining import Pretraining


class Wildcards(Protocol):
    """Snakemake's wildcards of an arm, a rater, or a closed-form world."""

    world: str
    rater: str
    checkpoint: str
    strategy: str
    seed: str
    generation: str


class Inputs:
    """What the rules ask: which files a job reads. What an experiment has not, is an empty list."""

    def __init__(self, plan: Plan, pretraining: "Pretraining | None") -> None:
        """An experiment's.

        Args:
            plan: Its settings.
            pretraining: The base model that the plan's recipe makes, if it has one.
        """
        self.plan, self.pretraining = plan, pretraining

    # --- the experiment's own -----------------------------------------------------------------------------------------

    @property
    def folder(self) -> str:
        """Where the experiment's results lie."""
        return f"results/{self.plan.experiment}"

    @property
    def encoding(self) -> str:
        """What says how the experiment's values are written."""
        return f"{self.folder}/{media.encoding_path(self.plan.form)}"

    def measured_in(self, _wildcards: object = None) -> list[str]:
        """What says how the values are written, where held-out inputs are answered or samples are marked."""
        asked = self.plan.evaluation.answers or self.plan.decoding.watermark
        return [self.encoding] if asked and self.plan.strategies else []

    def base_model(self, _wildcards: object = None) -> list[str]:
        """The pretrained weights, if the plan has any."""
        return [f"results/{self.plan.experiment}/base_model/base_model.json"] if self.plan.has_base_model else []

    def pretrained(self, _wildcards: object = None) -> list[str]:
        """Card of the model that the recipe makes, if there is one."""
        return [self.pretraining.card] if self.pretraining else []

    def pretraining_tokenizer(self, _wildcards: object = None) -> list[str]:
        """The tokenizer that the recipe makes, if there is one."""
        return [self.pretraining.tokenizer] if self.pretraining else []

    def pretraining_documents(self, _wildcards: object = None) -> list[str]:
        """What the base model learned from, if it is pretrained here."""
        return [self.pretraining.documents] if self.pretraining else []

    def given_tokenizer(self, _wildcards: object = None) -> list[str]:
        """What lies beside the base model's tokenizer, if there is a base model."""
        return self.pretraining_tokenizer() or self.base_model()

    def documents(self, _wildcards: object = None) -> list[str]:
        """The real documents, if the loop of models reads any."""
        return [f"results/{self.plan.experiment}/documents.parquet"] if self.plan.strategies else []

    def references(self, _wildcards: object = None) -> list[str]:
        """What n-gram models of the same text come to, if there is a loop of models."""
        return [f"results/{self.plan.experiment}/references.parquet"] if self.plan.strategies else []

    def yardstick(self, _wildcards: object = None) -> list[str]:
        """What real examples are measured by, where measures of samples need it."""
        return self.references() if self.plan.form.output in NEED_REFERENCES else []

    def truth(self, _wildcards: object = None) -> list[str]:
        """The source's distribution, where it is known and there is a loop to measure against it."""
        known = self.plan.corpus.source == "grammar" and self.plan.strategies
        return [f"results/{self.plan.experiment}/truth.parquet"] if known else []

    def raters(self, _wildcards: object = None) -> list[str]:
        """What the raters have learned, if the loop of models has any."""
        names = self.plan.raters if self.plan.strategies else ()
        return [layout.rater(self.plan.experiment, name) for name in names]

    def raters_checkpoints(self, _wildcards: object = None) -> list[str]:
        """Cards of somebody's models that raters are."""
        return [self._checkpoint(reader) for reader in self._readers if reader.startswith("rater-")]

    def checkpoint_of_rater(self, wildcards: Wildcards) -> list[str]:
        """Card of somebody's model, if the rater is one."""
        return self._checkpoints([f"rater-{wildcards.rater}"])

    def every_checkpoint(self, _wildcards: object = None) -> list[str]:
        """Cards of somebody's models that raters and verifiers read by."""
        return [self._checkpoint(reader) for reader in self._readers]

    def neurons(self, _wildcards: object = None) -> list[str]:
        """Which neurons move with what, and how many do, if models are looked into."""
        names = ("neurons", "neuron_counts") if self.plan.internals and self.plan.strategies else ()
        return [f"{self.folder}/{name}.parquet" for name in names]

    def neuron_counts(self, _wildcards: object = None) -> list[str]:
        """How many neurons do."""
        return self.neurons()[1:]

    def stopping(self, _wildcards: object = None) -> list[str]:
        """When rules would have stopped the loop, if there are any."""
        return [f"{self.folder}/stopping.parquet"] if self.plan.stopping and self.plan.strategies else []

    def base_read(self, _wildcards: object = None) -> list[str]:
        """The base model, if samples are read by it."""
        return self.base_model() if self.plan.evaluation.base_perplexity else []

    def claims(self, _wildcards: object = None) -> list[str]:
        """The table of verdicts, if anything is claimed."""
        return [f"results/{self.plan.experiment}/claims.parquet"] if self.plan.claims else []

    def templates(self, _wildcards: object = None) -> list[str]:
        """The templates of the report."""
        names = ("report", *(["loop"] if self.plan.strategies else []), *(["theory"] if self.has_theory else []))
        return [f"workflow/report/{name}.html.jinja" for name in names]

    @property
    def has_theory(self) -> bool:
        """Whether the report has a part about theory."""
        return bool(self.plan.worlds or self.plan.claims)

    # --- of one arm -------------------------------------------------------------------------------------------------

    def model_before(self, wildcards: Wildcards) -> str:
        """The model that writes a generation's samples."""
        return self._model(wildcards, int(wildcards.generation) - 1)

    def generation_0(self, wildcards: Wildcards) -> str:
        """The shared model of generation 0."""
        return self._model(wildcards, 0)

    def initial(self, wildcards: Wildcards) -> list[str]:
        """Where training starts: the generation before, the base model, or nothing."""
        if self.plan.start == "previous" and int(wildcards.generation) > 0:
            return [self.model_before(wildcards)]
        return self.base_model()

    def judge(self, wildcards: Wildcards) -> list[str]:
        """The model of generation 0, if the strategy's verifiers read likelihoods."""
        used = self.plan.verify_spec(wildcards.strategy, int(wildcards.generation)).verifiers.values()
        reads = any(verifier.reads_generation_0 for verifier in used)
        return [self.generation_0(wildcards)] if reads else []

    def base_asked(self, wildcards: Wildcards) -> list[str]:
        """The base model, if the strategy's verifiers ask how likely it finds samples."""
        used = self.plan.verify_spec(wildcards.strategy, int(wildcards.generation)).verifiers.values()
        return self.base_model() if any(verifier.reads_base_model for verifier in used) else []

    def truth_compared(self, wildcards: Wildcards) -> list[str]:
        """The source's distribution, if the strategy's verifiers compare samples with it."""
        used = self.plan.verify_spec(wildcards.strategy, int(wildcards.generation)).verifiers.values()
        return self.truth() if any(verifier.needs_source for verifier in used) else []

    def raters_asked(self, wildcards: Wildcards) -> list[str]:
        """What the raters have learned that the strategy's verifiers ask."""
        asked = self.plan.verify_spec(wildcards.strategy, int(wildcards.generation)).raters
        return [layout.rater(self.plan.experiment, name) for name in asked]

    def checkpoints_asked(self, wildcards: Wildcards) -> list[str]:
        """Cards of somebody's models that the strategy's verifiers read by, or the raters that they ask."""
        spec = self.plan.verify_spec(wildcards.strategy, int(wildcards.generation))
        return self._checkpoints(
            [*(f"rater-{name}" for name in spec.raters), *(f"verifier-{name}" for name in spec.verifiers)]
        )

    def marked_in(self, wildcards: Wildcards) -> list[str]:
        """What says how the values are written, if the strategy's verifiers look for a watermark."""
        looks = self.plan.verify_spec(wildcards.strategy, int(wildcards.generation)).watermark
        return [self.encoding] if looks else []

    def edited(self, wildcards: Wildcards) -> list[str]:
        """The samples of the generation before, where this one edits them."""
        generation = int(wildcards.generation)
        edits = self.plan.prompt.source == "previous_sample" and generation > 1
        return [self._samples(wildcards, generation - 1)] if edits else []

    def own_samples(self, wildcards: Wildcards) -> list[str]:
        """The samples drawn for this generation; none at generation 0."""
        generation = int(wildcards.generation)
        return [self._samples(wildcards, generation)] if generation > 0 else []

    def own_verdicts(self, wildcards: Wildcards) -> list[str]:
        """The verdicts on them, where the strategy has verifiers."""
        generation = int(wildcards.generation)
        return self._verdicts(wildcards, range(max(1, generation), generation + 1))

    def samples_read(self, wildcards: Wildcards) -> list[str]:
        """Every generation's samples that the strategy composes this training set from."""
        return [
            layout.samples(self.plan.experiment, name, int(wildcards.seed), generation)
            for name, generation in self._pooled(wildcards)
        ]

    def verdicts_read(self, wildcards: Wildcards) -> list[str]:
        """Their verdicts, where the strategies that they are of have verifiers."""
        return [
            f"{layout.arm(self.plan.experiment, name, int(wildcards.seed), generation)}/verdicts.parquet"
            for name, generation in self._pooled(wildcards)
            if self.plan.strategy(name).verifiers
        ]

    def _pooled(self, wildcards: Wildcards) -> list[tuple[str, int]]:
        """Strategies and generations whose samples are read."""
        strategy = self.plan.strategy(wildcards.strategy)
        return [(name, one) for one in self._read(wildcards) for name in sampled_from(strategy, one)]

    def _read(self, wildcards: Wildcards) -> range:
        generation = int(wildcards.generation)
        return generations_read(self.plan.strategy(wildcards.strategy), generation) if generation else range(0)

    @functools.cached_property
    def _readers(self) -> tuple[str, ...]:
        """What reads by somebody's models; asked for every job."""
        return self.plan.checkpoints

    def _checkpoints(self, readers: list[str]) -> list[str]:
        """Cards of the models that some of these read by; others have none."""
        return [self._checkpoint(reader) for reader in readers if reader in self._readers]

    def _checkpoint(self, reader: str) -> str:
        return layout.checkpoint(self.plan.experiment, reader)

    def _model(self, wildcards: Wildcards, generation: int) -> str:
        return layout.model(self.plan.experiment, wildcards.strategy, int(wildcards.seed), generation)

    def _samples(self, wildcards: Wildcards, generation: int) -> str:
        return layout.samples(self.plan.experiment, wildcards.strategy, int(wildcards.seed), generation)

    def _verdicts(self, wildcards: Wildcards, generations: range) -> list[str]:
        if not self.plan.strategy(wildcards.strategy).verifiers:
            return []
        arms = (
            layout.arm(self.plan.experiment, wildcards.strategy, int(wildcards.seed), generation)
            for generation in generations
        )
        return [f"{arm}/verdicts.parquet" for arm in arms]
