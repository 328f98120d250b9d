"""Which artifacts an experiment has."""

from typing import TYPE_CHECKING

from collapse.artifacts import layout
from collapse.config.plan import Plan
from collapse.experiment.inputs import Inputs

if TYPE_CHECKING:
    from collapse.experiment.pretraining import Pretraining

LOOP_FIGURES = ("test_loss", "diversity", "contrasts", "ancestry")


class Outputs:
    """What targets, summaries and the audit ask: which artifacts there are, of arms, of worlds, of the experiment."""

    def __init__(self, plan: Plan, inputs: Inputs, pretraining: "Pretraining | None") -> None:
        """An experiment's.

        Args:
            plan: Its settings.
            inputs: What its jobs read.
            pretraining: The base model that the plan's recipe makes, if it has one.
        """
        self.plan, self._inputs, self.pretraining = plan, inputs, pretraining
        self.folder = inputs.folder

    def every(self, name: str) -> list[str]:
        """One artifact of every arm that has a model of its own."""
        return [f"{layout.arm(self.plan.experiment, *arm)}/{name}" for arm in layout.arms(self.plan.collect_spec())]

    def every_drawn(self, name: str) -> list[str]:
        """One artifact of every arm that samples were drawn in."""
        drawn = layout.arms_with_samples(self.plan.collect_spec())
        return [f"{layout.arm(self.plan.experiment, *arm)}/{name}" for arm in drawn]

    def every_world(self, name: str) -> list[str]:
        """One artifact of every closed-form world."""
        return [f"{layout.world(self.plan.experiment, world)}/{name}" for world in self.plan.worlds]

    def loop_figures(self, _wildcards: object = None) -> list[str]:
        """The figures of the loop of models, if there is one."""
        names = [*LOOP_FIGURES] if self.plan.strategies else []
        names += ["calibration"] if self._inputs.truth() else []
        names += ["verification"] if self.plan.knows_what_is_right else []
        names += ["ratings"] if self.plan.strategies and self.plan.rates_text else []
        return [f"results/{self.plan.experiment}/figures/{name}.svg" for name in names]

    def world_figures(self, _wildcards: object = None) -> list[str]:
        """The figure of every closed-form world."""
        return [f"results/{self.plan.experiment}/figures/world={world}.svg" for world in self.plan.worlds]

    def summaries(self) -> list[str]:
        """The tables about all arms and worlds."""
        names = ("metrics", "ancestry", "theory", "points", "contrasts")
        return [
            *(f"results/{self.plan.experiment}/{name}.parquet" for name in names),
            *self._inputs.neurons(),
            *self._inputs.stopping(),
            *self._inputs.claims(),
        ]

    def everything(self) -> list[str]:
        """Every artifact but the report: of arms, of worlds, and of the experiment."""
        trained = (
            "mixture.parquet",
            "model/model.json",
            "training_log.parquet",
            "document_losses.parquet",
            "metrics.parquet",
        )
        made = [path for name in trained for path in self.every(name)]
        drawn = [path for name in ("samples.parquet", "sampling_record.json") for path in self.every_drawn(name)]
        simulated = [path for name in ("metrics", "theory", "points") for path in self.every_world(f"{name}.parquet")]
        arms = [
            *self._inputs.documents(),
            *self._inputs.references(),
            *self._inputs.truth(),
            *self._inputs.every_checkpoint(),
            *self._every_rater(),
            *self.every_internals(),
            *made,
            *drawn,
            *self._every_verdict(),
        ]
        base = [*self.pretraining.made, self.pretraining.audit] if self.pretraining else []
        return [
            *base,
            *self._given_to_all(),
            *arms,
            *simulated,
            *self.summaries(),
            *self.loop_figures(),
            *self.world_figures(),
        ]

    def artifacts(self) -> list[str]:
        """Every file that the plan's rules make."""
        return [*self.everything(), f"{self.folder}/audit.parquet", f"{self.folder}/report.html"]

    def audited(self, _wildcards: object = None) -> list[str]:
        """Every artifact that the audit looks at: all but itself and the report, which waits for it."""
        own = (path for path in [*self.everything(), *self._parts()] if path.startswith(f"{self.folder}/"))
        return list(dict.fromkeys([*own, *self._inputs.pretraining_documents()]))

    @property
    def parts(self) -> tuple[str, ...]:
        """Artifacts of the experiment as a whole, by their path inside its folder."""
        return tuple(path.removeprefix(f"{self.folder}/") for path in self._parts())

    def _parts(self) -> list[str]:
        """Artifacts of the experiment as a whole."""
        figures = [*self.loop_figures(), *self.world_figures()]
        shared = [*self._inputs.documents(), *self._inputs.references(), *self._given_to_all(), *self._inputs.truth()]
        rating = [*self._inputs.every_checkpoint(), *self._every_rater()]
        return [*shared, *rating, *self.summaries(), *figures]

    def _given_to_all(self) -> list[str]:
        """How values are written, and pretrained weights, if the loop of models runs."""
        return [self._inputs.encoding, *self._inputs.base_model()] if self.plan.strategies else []

    def every_held_out(self, _wildcards: object = None) -> list[str]:
        """What raters say of texts that they were not fitted to."""
        return [layout.held_out_beside(rater) for rater in self._inputs.raters()]

    def every_internals(self, _wildcards: object = None) -> list[str]:
        """What every model is like inside, if models are looked into."""
        return self.every("internals.parquet") if self._inputs.neurons() else []

    def _every_rater(self) -> list[str]:
        """What raters have learned, and what they say of texts that they were not fitted to."""
        return [path for rater in self._inputs.raters() for path in (rater, layout.held_out_beside(rater))]

    def _every_verdict(self) -> list[str]:
        judged = {strategy.name for strategy in self.plan.strategies if strategy.verifiers}
        arms = [arm for arm in layout.arms(self.plan.collect_spec()) if arm[0] in judged]
        return [f"{layout.arm(self.plan.experiment, *arm)}/verdicts.parquet" for arm in arms]
