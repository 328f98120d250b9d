"""What decides each job's result: its settings as JSON, and the fingerprint of its code."""

import functools
import hashlib
from collections.abc import Callable
from pathlib import Path

from collapse import corpora, engines, families, media, raters, verifiers
from collapse.artifacts import lineage, sources
from collapse.artifacts.fingerprint import stage_fingerprint
from collapse.config.plan import Plan
from collapse.config.settings import Settings
from collapse.config.specs import REAL, AuditSpec, CheckpointSpec, VerifySpec
from collapse.experiment.inputs import Wildcards
from collapse.experiment.outputs import Outputs
from collapse.families import foreign
from collapse.families.size import flops_per_token
from collapse.metrics.arm import MODULES as MEASURES
from collapse.metrics.arm import OF_WATERMARK
from collapse.raters import checkpoint as rating


class Specs:
    """What the rules ask for their `params`, and so what reruns a job."""

    def __init__(
        self,
        plan: Plan,
        outputs: Outputs,
        templates: list[str],
        sha256: Callable[[Path], str] = lineage.sha256,
        corpus_section: str = "corpus",
    ) -> None:
        """An experiment's.

        Args:
            plan: Its settings.
            outputs: Which artifacts it has.
            templates: The templates of its report.
            sha256: Finds the digest of a file of this machine that the plan reads.
            corpus_section: What the user's config calls the plan's corpus.
        """
        self.plan, self._outputs, self._templates = plan, outputs, templates
        self._sha256, self._corpus_section = sha256, corpus_section
        self._of: dict[str, Callable[[str, int], Settings]] = {
            "base_model": lambda _strategy, _generation: plan.base_model_spec(self._weights_digest),
            "corpus": lambda _strategy, _generation: plan.corpus_spec(self.corpus_digest),
            "truth": lambda _strategy, _generation: plan.corpus_spec(self.corpus_digest),
            "references": lambda _strategy, _generation: plan.references_spec(),
            "generate": plan.generate_spec,
            "verify": plan.verify_spec,
            "mix": lambda strategy, generation: plan.mix_spec(strategy, generation, self._flops_per_token()),
            "train": plan.train_spec,
            "evaluate": plan.evaluate_spec,
            "internals": lambda _strategy, _generation: plan.internals_spec(),
            "neurons": lambda _strategy, _generation: plan.neurons_spec(),
            "collect": lambda _strategy, _generation: plan.collect_spec(),
            "audit": lambda _strategy, _generation: self._audit_spec(),
            "stopping": lambda _strategy, _generation: plan.stopping_spec(),
            "claims": lambda _strategy, _generation: plan.claims_spec(),
            "compare": lambda _strategy, _generation: plan.compare_spec(),
            "report": lambda _strategy, _generation: plan.report_spec(),
        }

    def of(self, stage: str) -> Callable[[Wildcards], str]:
        """The stage's settings as JSON. A function, because Snakemake would read braces in a string as wildcards."""

        def asked(wildcards: Wildcards) -> str:
            strategy = getattr(wildcards, "strategy", REAL)
            return self._of[stage](strategy, int(getattr(wildcards, "generation", 0))).model_dump_json()

        return asked

    def of_rater(self, wildcards: Wildcards) -> str:
        """What decides what a rater learns, as JSON."""
        settings = self.plan.raters[wildcards.rater]
        source = sources.of_rater(settings.corpus, f"raters.{wildcards.rater}.corpus")
        return self.plan.rater_spec(wildcards.rater, source.digest(self._sha256) if source else None).model_dump_json()

    def of_checkpoint(self, wildcards: Wildcards) -> str:
        """What decides which of somebody's models is brought in, as JSON."""
        return self._checkpoint(wildcards.checkpoint).model_dump_json()

    def _checkpoint(self, reader: str) -> CheckpointSpec:
        source = sources.of_checkpoint(self.plan.checkpoint_spec(reader)).source
        return self.plan.checkpoint_spec(reader, source.digest(self._sha256) if source else None)

    def code_of_rater(self, wildcards: Wildcards) -> str:
        """Fingerprint of the code that fits a rater, its own module included."""
        return stage_fingerprint("rater", raters.MODULES[self.plan.raters[wildcards.rater].kind])

    def of_world(self, wildcards: Wildcards) -> str:
        """A closed-form world's settings as JSON."""
        return self.plan.simulate_spec(wildcards.world).model_dump_json()

    def of_world_figure(self, wildcards: Wildcards) -> str:
        """What decides a closed-form world's figure, as JSON."""
        return self.plan.world_figure_spec(wildcards.world).model_dump_json()

    def code(self, stage: str) -> str:
        """Fingerprint of the stage's code, with the family and the engine that this plan loads."""
        return stage_fingerprint(stage, *self.plugins.get(stage, ()))

    def code_of_world(self, wildcards: Wildcards) -> str:
        """Fingerprint of the code that simulates a world, its own module and theory included."""
        return stage_fingerprint("simulate", f"collapse.worlds.{self.plan.worlds[wildcards.world].model}")

    @property
    def plugins(self) -> dict[str, tuple[str, ...]]:
        """The modules that stages load by name, because this plan asks for them."""
        family, engine = families.MODULES[self.plan.family], engines.MODULES[self.plan.generate.engine]
        values, made = media.modules(self.plan.form), self.plan.form.output
        measures = (MEASURES[made],)
        return {
            "corpus": (corpora.MAKERS[self.plan.corpus.holds], *values),
            "references": (*measures, *values),
            "generate": (engine, family, *values),
            "verify": (family, *self._verifier_modules, *values),
            "mix": values,
            "train": (family, *values),
            "evaluate": (family, *measures, *values, *self._rater_modules, *self._watermark_modules),
            "internals": (family, *values),
            "report": values,
        }

    @property
    def _verifier_modules(self) -> list[str]:
        """Those of the verifiers, and of the raters that they ask."""
        asked = {raters.MODULES[rater.kind] for spec in self._verifying for rater in spec.raters.values()}
        writing = any(self.plan.checkpoint_spec(reader).writes for reader in self.plan.checkpoints)
        read = [verifiers.READ_LIKELIHOOD] if writing else []
        return [*(verifiers.MODULES[kind] for kind in sorted(self._kinds)), *read, *sorted(asked)]

    @property
    def _watermark_modules(self) -> list[str]:
        return [OF_WATERMARK] if self.plan.decoding.watermark else []

    @property
    def _rater_modules(self) -> list[str]:
        return sorted({raters.MODULES[rater.kind] for rater in self.plan.raters.values()})

    @property
    def _kinds(self) -> set[str]:
        """Kinds of the verifiers that strategies use, oracles included."""
        return {one.kind for spec in self._verifying for one in spec.verifiers.values()}

    @property
    def _verifying(self) -> list[VerifySpec]:
        return [self.plan.verify_spec(one.name, 1) for one in self.plan.strategies if one.verifiers]

    def templates_digest(self, _wildcards: object = None) -> str:
        """What the templates say, whatever their dates say."""
        return hashlib.sha256("\n".join(map(self._sha256, map(Path, self._templates))).encode()).hexdigest()[:16]

    def read_sources(self) -> None:
        """Look at the text and the weights that the plan reads.

        Raises:
            ConfigError: They are gone, too large, or cannot be read.
        """
        if self.plan.strategies:
            _ = self.corpus_digest, self._weights_digest
            for name, rater in self.plan.raters.items():
                if source := sources.of_rater(rater.corpus, f"raters.{name}.corpus"):
                    source.digest(self._sha256)
            for reader in self.plan.checkpoints:
                self._read_checkpoint(reader)

    def _read_checkpoint(self, reader: str) -> None:
        """Look at somebody's model; of one in a folder here, at what its config says too."""
        spec = self._checkpoint(reader)
        if folder := sources.of_checkpoint(spec).folder:
            foreign.refuse_odd(folder, f"{spec.key}: {spec.checkpoint}")
            rating.refuse_other_labels(folder, spec.labels, f"{spec.section}.labels")
            if spec.writes:
                foreign.refuse_mute(folder, f"{spec.key}: {spec.checkpoint}")

    @functools.cached_property
    def corpus_digest(self) -> str | None:
        """Digest of the text that the plan reads; None for what does not lie on this machine."""
        source = sources.of_corpus(self.plan.corpus, self._corpus_section)
        return source.digest(self._sha256) if source else None

    @functools.cached_property
    def _weights_digest(self) -> str | None:
        source = sources.of_weights(self.plan.transformer) if self.plan.has_base_model else None
        return source.digest(self._sha256) if source else None

    def _audit_spec(self) -> AuditSpec:
        return AuditSpec(arms=self.plan.collect_spec(), parts=self._outputs.parts)

    def _flops_per_token(self) -> float | None:
        if self.plan.family != "transformer" or not self.plan.transformer.made_here:
            return None
        return flops_per_token(self.plan.transformer, self.plan.tokenizer.vocabulary_size)
