"""The slice of an experiment that each stage gets to see.

A stage's spec holds exactly the settings that decide its result. It travels to the job as JSON, it is the `params` of
its rule, and so it is what decides a rerun.
"""

from typing import Any, Literal

from pydantic import Field

from collapse.config.claims import Claim, ClaimId
from collapse.config.form import TEXT, Form
from collapse.config.raters import Rater
from collapse.config.settings import (
    ArithmeticSettings,
    BudgetSettings,
    ClassifierSettings,
    CorpusSettings,
    DecodingSettings,
    EvaluationSettings,
    HealthSettings,
    InternalsSettings,
    Name,
    NgramSettings,
    PromptSettings,
    ReportSettings,
    Settings,
    StoppingSettings,
    Strategy,
    TrainingSettings,
    TransformerSettings,
    VaeSettings,
    WatermarkSettings,
)
from collapse.config.verifiers import Verifier
from collapse.config.worlds import World

REAL = "real"
"""The reserved strategy that holds the shared generation 0 and, beyond it, the real-data control."""

BASE_MODEL = "base-{recipe}"
"""Name of the folder, beside the experiments', of the base model that a recipe makes."""

FamilyName = Literal["transformer", "ngram", "vae", "classifier"]
EngineName = Literal["vllm", "transformers", "native"]
Device = Literal["cpu", "gpu"]


class FamilySpec(Settings):
    """The kind of model and its settings."""

    name: FamilyName
    settings: TransformerSettings | NgramSettings | VaeSettings | ClassifierSettings
    device: Device

    @property
    def base_model(self) -> str | None:
        """Pretrained weights that training starts from, if any."""
        return self.settings.base_model if isinstance(self.settings, TransformerSettings) else None


class BaseModelSpec(Settings):
    """Pretrained weights to bring into the results folder."""

    base_model: str
    revision: str | None
    context_length: int
    """Tokens that will be used at once; the model must have been made for as many."""
    recipe: str | None
    """Identity of the recipe that it was pretrained by here; None for somebody else's."""
    source_sha256: str | None = Field(default=None, exclude_if=lambda digest: digest is None)
    """Digest of the folder of weights, when the run was planned; None for weights that are not in a folder here."""


class CorpusSpec(Settings):
    """What decides `documents.parquet` and the tokenizer."""

    form: Form = TEXT
    corpus: CorpusSettings
    vocabulary_size: int | None
    """Tokens of the tokenizer to train; None: the base model's own is taken over."""
    longest_input: int | None = Field(default=None, exclude_if=lambda n: n is None)
    """Tokens of an input that leave room for an answer; None where there are no inputs."""
    template: str = Field(default="{input}", exclude_if=lambda template: template == "{input}")
    """Words that a model is given, around an input."""
    fresh_fraction: float
    """Real documents that a fresh_real strategy uses up each generation, over the real training set."""
    fresh_generations: int
    """For how many generations."""
    source_sha256: str | None = Field(default=None, exclude_if=lambda digest: digest is None)
    """Digest of the file or the packaged data, when the run was planned; None for what does not lie on this machine."""


class ReferencesSpec(Settings):
    """What decides the models of real examples that others are read by."""

    form: Form = TEXT
    pretraining_text_is_known: bool
    """Whether they are counted on all real text that generation 0 has seen."""


class RaterSpec(Settings):
    """What decides what a rater learns."""

    name: Name
    rater: Rater
    source_sha256: str | None = Field(default=None, exclude_if=lambda digest: digest is None)
    """Digest of the text, when the run was planned; None for what does not lie on this machine."""


class CheckpointSpec(Settings):
    """Somebody's model that reads texts, to bring into the results folder."""

    asked_by: Literal["rater", "verifier"]
    """What reads by it: a rater, which tells labels, or a verifier, by vectors or by how likely texts are."""
    name: Name
    """Name of that."""
    checkpoint: str
    revision: str | None
    window_tokens: int
    """Tokens that will be read at once."""
    labels: tuple[str, ...] | None
    """Labels that it must have; None where it tells none."""
    writes: bool = Field(default=False, exclude_if=lambda writes: not writes)
    """Whether it must say how likely each token is after those before it."""
    source_sha256: str | None = Field(default=None, exclude_if=lambda digest: digest is None)
    """Digest of the folder, when the run was planned; None for what is not in a folder here."""

    @property
    def section(self) -> str:
        """Where its settings are."""
        return f"{self.asked_by}s.{self.name}"

    @property
    def key(self) -> str:
        """The setting that names it."""
        return f"{self.section}.{'checkpoint' if self.asked_by == 'rater' or self.writes else 'encoder'}"


class GenerateSpec(Settings):
    """What decides a generation's samples."""

    form: Form = TEXT
    family: FamilyName
    device: Device
    engine: EngineName
    decoding: DecodingSettings
    prompt: PromptSettings
    n_samples: int | None
    chunk_rows: int
    reserved: float = Field(default=0, exclude_if=lambda share: not share)
    """What strategies take of the reserve over the whole run, over the real training set: the pool begins after it."""
    stream: int = Field(default=0, exclude_if=lambda number: not number)
    """Which of the noises of a seed."""
    sets_drawn: int
    """Samples are drawn so many times over: by `oversample`, `times`, and with the generations for replace_multiple."""
    health: HealthSettings


class VerifySpec(Settings):
    """What decides a strategy's verdicts."""

    form: Form = TEXT
    family: FamilyName
    device: Device
    verifiers: dict[str, Verifier]
    """The strategy's chain in order, with the oracles it names."""
    raters: dict[Name, Rater] = Field(default_factory=dict, exclude_if=lambda raters: not raters)
    """What verifiers ask."""
    chain: tuple[str, ...]
    n_samples: int | None = Field(default=None, exclude_if=lambda n: n is None)
    """Samples of a set; None: as many as real training documents."""
    sets_offered: int | None = Field(default=None, exclude_if=lambda n: n is None)
    """Samples beyond this many sets were drawn for other strategies; None where no verifier compares samples."""
    watermark: WatermarkSettings | None = Field(default=None, exclude_if=lambda mark: mark is None)
    """The mark that sampling left; None where no verifier looks for it."""


class MixSpec(Settings):
    """What decides which examples train the next model, and in which order."""

    form: Form = TEXT
    strategy: Strategy
    budget: BudgetSettings
    prompt_in_training: bool
    n_samples: int | None
    sets_offered: int
    batch_size: int | None
    """Rows of an optimizer step; None for a family that takes none."""
    context_length: int | None
    flops_per_token: float | None

    @property
    def sees_inputs(self) -> bool:
        """Whether inputs are seen in training without being counted as trained on."""
        return self.form.input is not None and self.form.output == "text" and not self.prompt_in_training


class TrainSpec(Settings):
    """What decides the weights of a model."""

    form: Form = TEXT
    stream: int = Field(default=0, exclude_if=lambda number: not number)
    """Which of the noises of a seed."""
    family: FamilySpec
    start: Literal["base", "fresh", "previous"]
    training: TrainingSettings
    prompt_in_training: bool


class EvaluateSpec(Settings):
    """What decides a generation's losses and metrics."""

    form: Form = TEXT
    family: FamilyName
    device: Device
    evaluation: EvaluationSettings
    raters: dict[Name, Rater] = Field(default_factory=dict, exclude_if=lambda raters: not raters)
    """What rates every sample."""
    watermark: WatermarkSettings | None = Field(default=None, exclude_if=lambda mark: mark is None)
    """The mark that sampling left in samples."""
    n_samples: int | None
    sets_offered: int
    """Samples beyond this many sets belong to other strategies, which share the first generation's."""


class InternalsSpec(Settings):
    """What decides what is looked at inside a model."""

    form: Form = TEXT
    device: Device
    tokens: int


class NeuronsSpec(Settings):
    """What decides which neurons move with what."""

    arms: "CollectSpec"
    internals: InternalsSettings


class SimulateSpec(Settings):
    """What decides a closed-form world's numbers."""

    experiment: Name
    name: Name
    world: World
    seeds: tuple[int, ...]


class WorldFigureSpec(Settings):
    """What decides a closed-form world's figure."""

    name: Name
    world: World


class CollectSpec(Settings):
    """Which arms and which closed-form worlds an experiment has."""

    strategies: tuple[Name, ...]
    seeds: tuple[int, ...]
    generations: int
    worlds: tuple[Name, ...]
    unit: str = Field(default="token", exclude_if=lambda unit: unit == "token")
    """What sizes count: tokens of text, images, labels."""


class AuditSpec(Settings):
    """Which artifacts an experiment has."""

    arms: CollectSpec
    parts: tuple[str, ...]
    """What it has besides those of arms and worlds, by path inside its folder."""


class ClaimsSpec(Settings):
    """What is claimed."""

    claims: dict[ClaimId, Claim]


class StoppingSpec(Settings):
    """What decides when rules would have stopped the loop."""

    arms: CollectSpec
    rules: dict[Name, StoppingSettings]


class CompareSpec(Settings):
    """What decides contrasts and figures."""

    form: Form = TEXT
    strategies: tuple[Strategy, ...]
    report: ReportSettings
    staircase: ArithmeticSettings | None = Field(default=None, exclude_if=lambda section: section is None)
    """Questions about the greatest common divisor whose closed form is drawn, where held-out ones are answered."""


class ReportSpec(Settings):
    """What decides the report."""

    experiment: Name
    arms: CollectSpec
    strategies: tuple[Strategy, ...]
    report: ReportSettings
    settings: dict[str, Any]
    """The whole config, to be shown."""
