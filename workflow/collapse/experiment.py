"""What the rules ask about the plan: specs, fingerprints and inputs as functions of wildcards.

The rules say what depends on what; this module turns a plan into the lists and strings they need, so that no logic
lives in a `.smk` file and all of it is tested.
"""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from collapse import engines, families, layout
from collapse.config.plan import REAL, Plan
from collapse.config.settings import PerplexityBandVerifier, Settings
from collapse.errors import EngineError
from collapse.families.size import flops_per_token
from collapse.fingerprint import stage_fingerprint
from collapse.strategies import generations_read


class Wildcards(Protocol):
    """Snakemake's wildcards of an arm."""

    strategy: str
    seed: str
    generation: str


class Experiment:
    """An experiment as its rules see it."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._specs: dict[str, Callable[[str, int], Settings]] = {
            "base_model": lambda _strategy, _generation: plan.base_model_spec(),
            "corpus": lambda _strategy, _generation: plan.corpus_spec(),
            "generate": plan.generate_spec,
            "verify": lambda strategy, _generation: plan.verify_spec(strategy),
            "mix": lambda strategy, generation: plan.mix_spec(strategy, generation, self._flops_per_token()),
            "train": lambda _strategy, _generation: plan.train_spec(),
            "evaluate": plan.evaluate_spec,
            "collect": lambda _strategy, _generation: plan.collect_spec(),
            "report": lambda _strategy, _generation: plan.report_spec(),
        }

    def spec(self, stage: str) -> Callable[[Wildcards], str]:
        """The stage's settings as JSON. A function, because Snakemake would read braces in a string as wildcards."""

        def of(wildcards: Wildcards) -> str:
            strategy = getattr(wildcards, "strategy", REAL)
            return self._specs[stage](strategy, int(getattr(wildcards, "generation", 0))).model_dump_json()

        return of

    def code(self, stage: str) -> str:
        """Fingerprint of the stage's code, with the family and the engine that this plan loads."""
        family, engine = families.MODULES[self.plan.family], engines.MODULES[self.plan.generate.engine]
        plugins = {"generate": (engine, family), "verify": (family,), "train": (family,), "evaluate": (family,)}
        return stage_fingerprint(stage, *plugins.get(stage, ()))

    def check_machine(self, jobs_run_here: bool) -> None:
        """Refuse, before any work, what this machine cannot do.

        Args:
            jobs_run_here: Whether jobs run on this machine, not on a cluster's nodes, which may differ.

        Raises:
            EngineError: vLLM or a GPU is asked for and is not there.
        """
        if self.plan.generate.engine == "vllm" and importlib.util.find_spec("vllm") is None:
            raise EngineError(
                "generate.engine: `vllm` is asked for, but it is not installed in this environment.\n"
                "  Install envs/cpu.txt or envs/gpu.txt (`make run` does), or set `generate.engine: transformers`."
            )
        if self.plan.device == "gpu" and jobs_run_here and not list(Path("/dev").glob("nvidia[0-9]*")):
            raise EngineError(
                "device: `gpu` is asked for, but this machine has none (there is no /dev/nvidia0).\n"
                "  Set `device: cpu`, or run where there is one."
            )

    @property
    def gpu(self) -> int:
        """GPUs that a job with a model asks for."""
        return int(self.plan.device == "gpu")

    def base_model(self, _wildcards: object = None) -> list[str]:
        """The pretrained weights, if the plan has any."""
        has_one = self.plan.family_spec.base_model is not None
        return [f"results/{self.plan.experiment}/base_model/base_model.json"] if has_one else []

    def tokenizer_of_base_model(self, _wildcards: object = None) -> list[str]:
        """The base model, if its tokenizer is used."""
        return self.base_model() if self.plan.tokenizer.source == "base_model" else []

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

    def everything(self) -> list[str]:
        """Every arm's artifacts."""
        trained = ("mixture.parquet", "model/model.json", "document_losses.parquet", "metrics.parquet")
        made = [path for name in trained for path in self.every(name)]
        drawn = [path for name in ("samples.parquet", "sampling_record.json") for path in self.every_drawn(name)]
        return [*made, *drawn, *self._every_verdict()]

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
        if self.plan.family != "transformer" or self.plan.transformer.base_model:
            return None
        return flops_per_token(self.plan.transformer, self.plan.tokenizer.vocabulary_size)
