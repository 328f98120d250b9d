"""What is asked before a run starts: what is refused, what is warned of, and what whoever shows it must know."""

import importlib.util
import math
import os
from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from collapse.artifacts import layout
from collapse.artifacts.evaluation_sets import RATERS, rater_and_label
from collapse.claims import foresee
from collapse.config.base import gibibytes
from collapse.config.claims import COMPARED, Claim
from collapse.config.settings import RealTextSettings
from collapse.errors import ConfigError, EngineError
from collapse.experiment import limits, sizes
from collapse.experiment.image_sizes import ImageLoop
from collapse.experiment.limits import UNKNOWN, Limit
from collapse.metrics import CATALOGUE
from collapse.running import machine
from collapse.stats.named import refuse_unknown
from collapse.stats.pooled import Pooled
from collapse.terminal import Watched
from collapse.worlds.places import check_panel, places

if TYPE_CHECKING:
    from collapse.experiment import Experiment

TRUTH_SET = "truth"


class Start:
    """What a run asks before its first job."""

    def __init__(self, experiment: "Experiment") -> None:
        """Of an experiment."""
        self._experiment = experiment
        self.plan, self.inputs, self.pretraining = experiment.plan, experiment.inputs, experiment.pretraining

    def check_claims(self) -> None:
        """Refuse, before any work, a claim, a panel or an outcome of something that will not be measured.

        Raises:
            ConfigError: One names a metric, strategy, generation or point that its world does not have.
        """
        self._check_outcomes()
        measured = {name: places(name, world) for name, world in self.plan.worlds.items()}
        for name, world in self.plan.worlds.items():
            for i, panel in enumerate(world.panels):
                check_panel(f"worlds.{name}.panels[{i}]", panel, measured[name])
        everywhere = Pooled(tuple(chain.from_iterable(measured.values())), ())
        for claim_id, claim in self.plan.claims.items():
            loop = [key for key in ("select", *COMPARED) if self._is_of_loop(claim_id, claim, key)]
            if not loop:
                foresee(claim_id, claim, everywhere)

    def _check_outcomes(self) -> None:
        """Of neurons' outcomes and of rules that stop: a metric of the catalogue, and of a rater, one that there is."""
        outcomes = self.plan.internals.outcomes if self.plan.internals else ()
        asked = {f"internals.outcomes[{index}]": outcome for index, outcome in enumerate(outcomes)}
        for where, outcome in (asked | {f"stopping.{name}": rule for name, rule in self.plan.stopping.items()}).items():
            refuse_unknown(f"{where}.metric", outcome.metric, CATALOGUE)
            rater, label = rater_and_label(outcome.evaluation_set)
            if outcome.evaluation_set.startswith(RATERS) and rater not in self.plan.raters:
                known = ", ".join(self.plan.raters) or "none"
                raise ConfigError(
                    f"{where}.evaluation_set: `{rater}` is not one of `raters` ({known}); add it, or name another"
                )
            if (outcome.metric == "label_share") != bool(label and outcome.evaluation_set.startswith(RATERS)):
                raise ConfigError(
                    f"{where}.evaluation_set: is {outcome.evaluation_set}; of label_share, and of it alone, write "
                    "rater/NAME/LABEL"
                )

    def _is_of_loop(self, claim_id: str, claim: Claim, key: str) -> bool:
        """Whether a selection of a claim is of the loop of models; it is refused if there is no such thing."""
        selection, where = getattr(claim, key, None), f"claims.{claim_id}.{key}"
        if selection is None or selection.world is not None:
            return False
        if selection.evaluation_set == TRUTH_SET and not self.inputs.truth():
            raise ConfigError(
                f"{where}.evaluation_set: `{TRUTH_SET}` needs a known source; use `corpus.source: grammar`"
            )
        refuse_unknown(f"{where}.metric", selection.metric, CATALOGUE)
        if selection.at:
            raise ConfigError(f"{where}.at: the loop of models sweeps no parameters; name a `world`, or no `at`")
        if selection.generations and (last := max(selection.generations)) > self.plan.generations:
            raise ConfigError(f"{where}.generations: {last} is beyond the last, {self.plan.generations}")
        return True

    def check_sources(self) -> None:
        """Refuse, before any work, text or weights that are gone, too large, or cannot be read.

        Raises:
            ConfigError: They are.
        """
        self._experiment.specs.read_sources()
        if self.pretraining:
            _ = self.pretraining.experiment.specs.corpus_digest

    def check_size(self, jobs_run_here: bool, granted: Mapping[str, int] | None = None) -> None:
        """Refuse, before any work, a plan without end, or one that neither memory nor disk can hold.

        Args:
            jobs_run_here: Whether jobs run on this machine, not on a cluster's nodes, whose memory is not known here.
            granted: Bytes of memory that a rule's jobs are given, where a profile says so.

        Raises:
            ConfigError: It has no end, or more jobs than Snakemake can plan.
            EngineError: It is too large.
        """
        if not self.plan.strategies:
            return
        limits.refuse_too_many_jobs(self.plan)
        limits.refuse_endless(self.loop)
        folder, memory = Path(self.inputs.folder), _memory(jobs_run_here, granted or {})
        limits.refuse_too_large(self.sizes(), memory, machine.free_disk(folder), lambda: machine.size_of(folder))

    @cached_property
    def loop(self) -> sizes.Loop:
        """The plan's quantities."""
        kind = {"text": sizes.Loop, "image": ImageLoop}[self.plan.corpus.holds]
        return kind(self.plan, _bytes_of(self.plan.corpus))

    def sizes(self) -> list[sizes.StageSize]:
        """What each kind of job takes, those of the base model's recipe among them."""
        recipe = self.pretraining.sizes(_bytes_of(self.plan.pretraining.corpus)) if self.pretraining else ()
        return [*self.loop.stages(), *recipe]

    def check_machine(self, jobs_run_here: bool, same_python: bool = True) -> None:
        """Refuse, before any work, what this machine cannot do.

        Args:
            jobs_run_here: Whether jobs run on this machine, not on a cluster's nodes, which may differ.
            same_python: Whether they run with this interpreter and its packages.

        Raises:
            EngineError: vLLM or a GPU is asked for and is not there.
        """
        if not self.plan.strategies:
            return
        if same_python and self.plan.generate.engine == "vllm" and importlib.util.find_spec("vllm") is None:
            raise EngineError(
                "generate.engine: `vllm` is asked for, but it is not installed in this environment.\n"
                "  Install envs/cpu.txt or envs/gpu.txt (`make run` does), or set `generate.engine: transformers`."
            )
        if self.plan.device == "gpu" and jobs_run_here and not list(Path("/dev").glob("nvidia[0-9]*")):
            raise EngineError(
                "device: `gpu` is asked for, but this machine has none (there is no /dev/nvidia0).\n"
                "  Set `device: cpu`, or run where there is one."
            )

    def watched(self, targets: Callable[[], Collection[str]]) -> Watched:
        """What whoever shows a run must know of it.

        Args:
            targets: Asked at the end of the run: the files that Snakemake was asked for.
        """
        return Watched(
            experiment=self.plan.experiment,
            generations=self.plan.generations,
            n_arms=len(layout.arms(self.plan.collect_spec())),
            n_worlds=len(self.plan.worlds),
            report=f"{self.inputs.folder}/report.html",
            targets=targets,
        )

    def warnings(self) -> list[str]:
        """What will stop the jobs, though not a dry run: a results folder that may not be written to."""
        folder = next(
            path for path in (Path("results", self.plan.experiment), Path("results"), Path()) if path.exists()
        )
        if os.access(folder, os.W_OK):
            return []
        return [
            f"{folder.resolve()}: may not be written to (a read-only file system, or another owner).\n"
            "  Mount it for writing, change its permissions, or move the project."
        ]


def _bytes_of(text: RealTextSettings) -> float:
    """Bytes of a local file, where the text comes from one that is there; what others hold is not known."""
    path = Path(text.file.path or "")
    return path.stat().st_size if text.source == "file" and path.is_file() else math.inf


def _memory(jobs_run_here: bool, granted: Mapping[str, int]) -> Callable[[str], Limit]:
    """What each rule's jobs may hold: what a profile gives them, else what this machine has."""
    here = Limit(machine.memory(), f"the {gibibytes(machine.memory())} of this machine") if jobs_run_here else UNKNOWN

    def limit(rule: str) -> Limit:
        given = granted.get(rule)
        return Limit(given, f"the {gibibytes(given)} that `mem_mb` gives it in the profile") if given else here

    return limit
