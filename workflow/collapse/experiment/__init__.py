"""What the rules ask about the plan: specs, fingerprints and inputs as functions of wildcards.

The rules say what depends on what; this module turns a plan into the lists and strings they need, so that no logic
lives in a `.smk` file and all of it is tested.
"""

import functools
import hashlib
import importlib.util
import math
import os
from collections.abc import Callable, Collection, Mapping
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from collapse import engines, families
from collapse.artifacts import layout, lineage, sources
from collapse.artifacts.fingerprint import stage_fingerprint
from collapse.claims import foresee
from collapse.config.base import gibibytes
from collapse.config.claims import Claim
from collapse.config.plan import REAL, AuditSpec, Plan
from collapse.config.settings import PerplexityBandVerifier, RealTextSettings, Settings
from collapse.errors import ConfigError, EngineError
from collapse.experiment import limits, sizes
from collapse.experiment.limits import UNKNOWN, Limit
from collapse.families.size import flops_per_token
from collapse.metrics import CATALOGUE
from collapse.running import machine
from collapse.stats.named import refuse_unknown
from collapse.stats.pooled import Pooled
from collapse.strategies import generations_read
from collapse.terminal import Watched
from collapse.worlds.places import check_panel, places

if TYPE_CHECKING:
    from collapse.experiment.pretraining import Pretraining

TRUTH_SET = "truth"
LOOP_FIGURES = ("test_loss", "diversity", "contrasts", "ancestry")


class Wildcards(Protocol):
    """Snakemake's wildcards of an arm, or of a closed-form world."""

    world: str
    strategy: str
    seed: str
    generation: str


class Experiment:
    """An experiment as its rules see it."""

    def __init__(
        self, plan: Plan, sha256: Callable[[Path], str] = lineage.sha256, corpus_section: str = "corpus"
    ) -> None:
        """An experiment's.

        Args:
            plan: Its settings.
            sha256: Finds the digest of a file of this machine that the plan reads.
            corpus_section: What the user's config calls the plan's corpus.
        """
        self.plan = plan
        self._sha256, self._corpus_section = sha256, corpus_section
        self._specs: dict[str, Callable[[str, int], Settings]] = {
            "base_model": lambda _strategy, _generation: plan.base_model_spec(self._weights_digest),
            "corpus": lambda _strategy, _generation: plan.corpus_spec(self._corpus_digest),
            "truth": lambda _strategy, _generation: plan.corpus_spec(self._corpus_digest),
            "references": lambda _strategy, _generation: plan.references_spec(),
            "generate": plan.generate_spec,
            "verify": lambda strategy, _generation: plan.verify_spec(strategy),
            "mix": lambda strategy, generation: plan.mix_spec(strategy, generation, self._flops_per_token()),
            "train": lambda _strategy, _generation: plan.train_spec(),
            "evaluate": plan.evaluate_spec,
            "collect": lambda _strategy, _generation: plan.collect_spec(),
            "audit": lambda _strategy, _generation: self._audit_spec(),
            "claims": lambda _strategy, _generation: plan.claims_spec(),
            "compare": lambda _strategy, _generation: plan.compare_spec(),
            "report": lambda _strategy, _generation: plan.report_spec(),
        }

    def spec(self, stage: str) -> Callable[[Wildcards], str]:
        """The stage's settings as JSON. A function, because Snakemake would read braces in a string as wildcards."""

        def of(wildcards: Wildcards) -> str:
            strategy = getattr(wildcards, "strategy", REAL)
            return self._specs[stage](strategy, int(getattr(wildcards, "generation", 0))).model_dump_json()

        return of

    def world_spec(self, wildcards: Wildcards) -> str:
        """A closed-form world's settings as JSON."""
        return self.plan.simulate_spec(wildcards.world).model_dump_json()

    def world_figure_spec(self, wildcards: Wildcards) -> str:
        """What decides a closed-form world's figure, as JSON."""
        return self.plan.world_figure_spec(wildcards.world).model_dump_json()

    def world_code(self, wildcards: Wildcards) -> str:
        """Fingerprint of the code that simulates a world, its own module and theory included."""
        return stage_fingerprint("simulate", f"collapse.worlds.{self.plan.worlds[wildcards.world].model}")

    def code(self, stage: str) -> str:
        """Fingerprint of the stage's code, with the family and the engine that this plan loads."""
        return stage_fingerprint(stage, *self.plugins.get(stage, ()))

    @property
    def plugins(self) -> dict[str, tuple[str, ...]]:
        """The modules that stages load by name, because this plan asks for them."""
        family, engine = families.MODULES[self.plan.family], engines.MODULES[self.plan.generate.engine]
        return {"generate": (engine, family), "verify": (family,), "train": (family,), "evaluate": (family,)}

    def check_claims(self) -> None:
        """Refuse, before any work, a claim or a panel about something that will not be measured.

        Raises:
            ConfigError: One names a metric, strategy, generation or point that its world does not have.
        """
        measured = {name: places(name, world) for name, world in self.plan.worlds.items()}
        for name, world in self.plan.worlds.items():
            for i, panel in enumerate(world.panels):
                check_panel(f"worlds.{name}.panels[{i}]", panel, measured[name])
        everywhere = Pooled(tuple(chain.from_iterable(measured.values())), ())
        for claim_id, claim in self.plan.claims.items():
            loop = [key for key in ("select", "over", "exceeds") if self._is_of_loop(claim_id, claim, key)]
            if not loop:
                foresee(claim_id, claim, everywhere)

    def _is_of_loop(self, claim_id: str, claim: Claim, key: str) -> bool:
        """Whether a selection of a claim is of the loop of language models; it is refused if there is no such thing."""
        selection, where = getattr(claim, key, None), f"claims.{claim_id}.{key}"
        if selection is None or selection.world is not None:
            return False
        if selection.evaluation_set == TRUTH_SET and not self.truth():
            raise ConfigError(
                f"{where}.evaluation_set: `{TRUTH_SET}` needs a known source; use `corpus.source: grammar`"
            )
        refuse_unknown(f"{where}.metric", selection.metric, CATALOGUE)
        if selection.at:
            raise ConfigError(
                f"{where}.at: the loop of language models sweeps no parameters; name a `world`, or no `at`"
            )
        if selection.generations and (last := max(selection.generations)) > self.plan.generations:
            raise ConfigError(f"{where}.generations: {last} is beyond the last, {self.plan.generations}")
        return True

    def check_sources(self) -> None:
        """Refuse, before any work, text or weights that are gone, too large, or cannot be read.

        Raises:
            ConfigError: They are.
        """
        if self.plan.strategies:
            _ = self._corpus_digest, self._weights_digest
        if self.pretraining:
            _ = self.pretraining.experiment._corpus_digest

    @functools.cached_property
    def _corpus_digest(self) -> str | None:
        source = sources.of_corpus(self.plan.corpus, self._corpus_section)
        return source.digest(self._sha256) if source else None

    @functools.cached_property
    def _weights_digest(self) -> str | None:
        source = sources.of_weights(self.plan.transformer) if self.plan.has_base_model else None
        return source.digest(self._sha256) if source else None

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
        text_bytes = _bytes_of(self.plan.corpus)
        loop = sizes.Loop(self.plan, text_bytes)
        limits.refuse_endless(loop)
        found = [*loop.stages()]
        if self.pretraining:
            found += self.pretraining.sizes(_bytes_of(self.plan.pretraining.corpus))
        folder, memory = Path(self.folder), _memory(jobs_run_here, granted or {})
        limits.refuse_too_large(found, memory, machine.free_disk(folder), lambda: machine.size_of(folder))

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
            report=f"{self.folder}/report.html",
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

    @property
    def gpu(self) -> int:
        """GPUs that a job with a model asks for."""
        return int(self.plan.device == "gpu")

    def base_model(self, _wildcards: object = None) -> list[str]:
        """The pretrained weights, if the plan has any."""
        return [f"results/{self.plan.experiment}/base_model/base_model.json"] if self.plan.has_base_model else []

    @functools.cached_property
    def pretraining(self) -> "Pretraining | None":
        """The base model that the plan's recipe makes, if it has one."""
        from collapse.experiment.pretraining import Pretraining  # which is made of experiments

        plan = self.plan.pretraining_plan()
        return Pretraining(plan, self._sha256) if plan else None

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
        used = self.plan.verify_spec(wildcards.strategy).verifiers.values()
        reads = any(isinstance(verifier, PerplexityBandVerifier) for verifier in used)
        return [self.generation_0(wildcards)] if reads else []

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
        return [self._samples(wildcards, generation) for generation in self._read(wildcards)]

    def verdicts_read(self, wildcards: Wildcards) -> list[str]:
        """Their verdicts, where the strategy has verifiers."""
        return self._verdicts(wildcards, self._read(wildcards))

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

    def claims(self, _wildcards: object = None) -> list[str]:
        """The table of verdicts, if anything is claimed."""
        return [f"results/{self.plan.experiment}/claims.parquet"] if self.plan.claims else []

    def loop_figures(self, _wildcards: object = None) -> list[str]:
        """The figures of the loop of language models, if there is one."""
        names = [*LOOP_FIGURES, *(["calibration"] if self.truth() else [])] if self.plan.strategies else []
        return [f"results/{self.plan.experiment}/figures/{name}.svg" for name in names]

    def world_figures(self, _wildcards: object = None) -> list[str]:
        """The figure of every closed-form world."""
        return [f"results/{self.plan.experiment}/figures/world={world}.svg" for world in self.plan.worlds]

    def templates(self, _wildcards: object = None) -> list[str]:
        """The templates of the report."""
        names = ("report", *(["loop"] if self.plan.strategies else []), *(["theory"] if self._has_theory else []))
        return [f"workflow/report/{name}.html.jinja" for name in names]

    def templates_digest(self, _wildcards: object = None) -> str:
        """What the templates say, whatever their dates say."""
        return hashlib.sha256("\n".join(map(self._sha256, map(Path, self.templates()))).encode()).hexdigest()[:16]

    @property
    def _has_theory(self) -> bool:
        return bool(self.plan.worlds or self.plan.claims)

    def documents(self, _wildcards: object = None) -> list[str]:
        """The real documents, if the loop of language models reads any."""
        return [f"results/{self.plan.experiment}/documents.parquet"] if self.plan.strategies else []

    def references(self, _wildcards: object = None) -> list[str]:
        """What n-gram models of the same text come to, if there is a loop of language models."""
        return [f"results/{self.plan.experiment}/references.parquet"] if self.plan.strategies else []

    def truth(self, _wildcards: object = None) -> list[str]:
        """The source's distribution, where it is known and there is a loop to measure against it."""
        known = self.plan.corpus.source == "grammar" and self.plan.strategies
        return [f"results/{self.plan.experiment}/truth.parquet"] if known else []

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
        arms = [*self.documents(), *self.references(), *self.truth(), *made, *drawn, *self._every_verdict()]
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

    def summaries(self) -> list[str]:
        """The tables about all arms and worlds."""
        names = ("metrics", "ancestry", "theory", "points", "contrasts")
        return [*(f"results/{self.plan.experiment}/{name}.parquet" for name in names), *self.claims()]

    @property
    def folder(self) -> str:
        """Where the experiment's results lie."""
        return f"results/{self.plan.experiment}"

    def audited(self, _wildcards: object = None) -> list[str]:
        """Every artifact that the audit looks at: all but itself and the report, which waits for it."""
        own = (path for path in [*self.everything(), *self._parts()] if path.startswith(f"{self.folder}/"))
        return list(dict.fromkeys([*own, *self.pretraining_documents()]))

    def _audit_spec(self) -> AuditSpec:
        parts = tuple(path.removeprefix(f"{self.folder}/") for path in self._parts())
        return AuditSpec(arms=self.plan.collect_spec(), parts=parts)

    def _parts(self) -> list[str]:
        """Artifacts of the experiment as a whole."""
        figures = [*self.loop_figures(), *self.world_figures()]
        shared = [*self.documents(), *self.references(), *self._given_to_all(), *self.truth()]
        return [*shared, *self.summaries(), *figures]

    def _given_to_all(self) -> list[str]:
        """The tokenizer and pretrained weights, if the loop of language models runs."""
        return [f"{self.folder}/tokenizer/tokenizer.json", *self.base_model()] if self.plan.strategies else []

    def _every_verdict(self) -> list[str]:
        judged = {strategy.name for strategy in self.plan.strategies if strategy.verifiers}
        arms = [arm for arm in layout.arms(self.plan.collect_spec()) if arm[0] in judged]
        return [f"{layout.arm(self.plan.experiment, *arm)}/verdicts.parquet" for arm in arms]

    def _read(self, wildcards: Wildcards) -> range:
        generation = int(wildcards.generation)
        return generations_read(self.plan.strategy(wildcards.strategy), generation) if generation else range(0)

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

    def _flops_per_token(self) -> float | None:
        if self.plan.family != "transformer" or not self.plan.transformer.made_here:
            return None
        return flops_per_token(self.plan.transformer, self.plan.tokenizer.vocabulary_size)


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
