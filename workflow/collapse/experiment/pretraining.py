"""What the rules ask about a base model that is pretrained here.

It is generation 0 of a loop from scratch on the recipe's corpus: the same stages make it, the same contracts and the
same audit hold. It lies in a folder of its own, named by the recipe, so every experiment with the same recipe shares
it. A recipe whose model comes with the project (`layout.SHIPPED`) is not followed again.
"""

from collections.abc import Callable
from pathlib import Path

from collapse.artifacts import layout
from collapse.config.plan import Plan
from collapse.config.specs import REAL, AuditSpec, CollectSpec
from collapse.experiment import Experiment
from collapse.experiment.limits import refuse_endless
from collapse.experiment.sizes import PRETRAINING_KEYS, Loop, StageSize, pretraining_stages


class Pretraining:
    """The base model of a plan, as its rules see it."""

    def __init__(self, plan: Plan, sha256: Callable[[Path], str]) -> None:
        self.experiment = Experiment(plan, sha256, corpus_section="pretraining.corpus")
        self.folder = self.experiment.folder
        self.shipped = layout.shipped_model(plan.experiment).is_file()

    def spec(self, stage: str):
        """The stage's settings as JSON; see `Experiment.spec`."""
        return self.experiment.specs.of(stage)

    def code(self, stage: str) -> str:
        """Fingerprint of the stage's code; see `Experiment.code`."""
        return self.experiment.specs.code(stage)

    def sizes(self, text_bytes: float) -> tuple[StageSize, ...]:
        """What making it takes, if its text has so many bytes.

        Raises:
            ConfigError: It would go round its text without end.
        """
        if not self.shipped:
            refuse_endless(Loop(self.experiment.plan, text_bytes, PRETRAINING_KEYS))
        return pretraining_stages(self.experiment.plan, text_bytes, self.shipped)

    @property
    def seed(self) -> int:
        """Seed of the recipe."""
        return self.experiment.plan.seeds[0]

    @property
    def arm(self) -> str:
        """Folder of the model and its measurements."""
        return layout.arm(self.experiment.plan.experiment, REAL, self.seed, 0)

    @property
    def documents(self) -> str:
        """What the base model learns from."""
        return f"{self.folder}/documents.parquet"

    @property
    def tokenizer(self) -> str:
        """The tokenizer trained on it."""
        return f"{self.folder}/tokenizer/tokenizer.json"

    @property
    def card(self) -> str:
        """The model's card: of the one that comes with the project, else of the one made here."""
        name = self.experiment.plan.experiment
        return str(layout.shipped_model(name)) if self.shipped else layout.model(name, REAL, self.seed, 0)

    @property
    def made(self) -> list[str]:
        """Every artifact that the recipe makes here, but the audit."""
        names = ("mixture", "training_log", "document_losses", "metrics")
        trained = [f"{self.arm}/model/model.json", *(f"{self.arm}/{name}.parquet" for name in names)]
        return [self.documents, self.tokenizer, *([] if self.shipped else trained)]

    @property
    def audit(self) -> str:
        """What the audit found of them."""
        return f"{self.folder}/audit.parquet"

    def audit_spec(self, _wildcards: object = None) -> str:
        """Which artifacts the audit looks at, as JSON."""
        strategies = () if self.shipped else (REAL,)
        arms = CollectSpec(strategies=strategies, seeds=(self.seed,), generations=0, worlds=())
        parts = tuple(path.removeprefix(f"{self.folder}/") for path in (self.documents, self.tokenizer))
        return AuditSpec(arms=arms, parts=parts).model_dump_json()
