"""What is asked about a plan, by who asks: rules, for the files a job reads and for what decides its result; targets
and the audit, for the artifacts there are; a run, before its first job.

The rules say what depends on what; this room turns a plan into the lists and strings they need, so that no logic lives
in a `.smk` file and all of it is tested.
"""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from collapse.artifacts import lineage
from collapse.config.plan import Plan
from collapse.experiment.inputs import Inputs
from collapse.experiment.outputs import Outputs
from collapse.experiment.specs import Specs
from collapse.experiment.start import Start

if TYPE_CHECKING:
    from collapse.experiment.pretraining import Pretraining


class Experiment:
    """An experiment's answers.

    Attributes:
        plan: Its settings.
        inputs: Which files its jobs read.
        outputs: Which artifacts it has.
        specs: What decides each job's result.
        start: What a run asks before its first job.
    """

    def __init__(
        self, plan: Plan, sha256: Callable[[Path], str] = lineage.sha256, corpus_section: str = "corpus"
    ) -> None:
        """An experiment's.

        Args:
            plan: Its settings.
            sha256: Finds the digest of a file of this machine that the plan reads.
            corpus_section: What the user's config calls the plan's corpus.
        """
        self.plan, self._sha256 = plan, sha256
        self.inputs = Inputs(plan, self.pretraining)
        self.outputs = Outputs(plan, self.inputs, self.pretraining)
        self.specs = Specs(plan, self.outputs, self.inputs.templates(), sha256, corpus_section)
        self.start = Start(self)

    @property
    def folder(self) -> str:
        """Where its results lie."""
        return self.inputs.folder

    @property
    def gpu(self) -> int:
        """GPUs that a job with a model asks for."""
        return int(self.plan.device == "gpu")

    @functools.cached_property
    def pretraining(self) -> "Pretraining | None":
        """The base model that the plan's recipe makes, if it has one."""
        from collapse.experiment.pretraining import Pretraining  # which is made of experiments

        plan = self.plan.pretraining_plan()
        return Pretraining(plan, self._sha256) if plan else None
