"""How much of a finished run was sampling, optimizer steps and scoring.

Some of its stages run again on the run's own artifacts, each in a fresh process as a job does, and the one function
that does the work is timed from inside. What it costs per token, times the tokens of the whole run, is the run's work.
"""

import importlib
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pyarrow.compute as pc

from benchmarks.costs import JOB, Cost, Stopwatch, inside_fresh_process
from benchmarks.workflow_copy import plan_of
from collapse.artifacts import contracts, layout
from collapse.artifacts.contracts import Contract, Record
from collapse.config.plan import Plan
from collapse.experiment import Experiment
from collapse.questions.drift import Place


@dataclass(frozen=True)
class Kind:
    """A kind of work.

    Attributes:
        stages: Stages that do it.
        function: The function in which they do it.
        n_tokens: Tokens of one call, of its arguments and of what it returned.
    """

    stages: tuple[str, ...]
    function: str
    n_tokens: Callable[[tuple[Any, ...], Any], int]


KINDS = {
    "sampling": Kind(
        stages=("generate",),
        function="collapse.engines.vllm_engine.Engine.sample",
        n_tokens=lambda _arguments, draws: draws.outputs.n_tokens,
    ),
    "optimizer steps": Kind(
        stages=("train",),
        function="collapse.families.training.train",
        n_tokens=lambda arguments, _log: arguments[1].examples.outputs.n_tokens,
    ),
    "scoring": Kind(
        stages=("evaluate", "verify"),
        function="collapse.families.transformer.TransformerModel.score",
        n_tokens=lambda arguments, _losses: arguments[1].n_tokens,
    ),
}


def of_run(kind: str, project: Path, seed: int) -> Cost:
    """What one kind of work took in a finished run, by the arms of the last generation of one seed.

    Args:
        kind: One of `KINDS`.
        project: The copy of the workflow that has run.
        seed: Whose arms.
    """
    plan = plan_of(project)
    found = [
        inside_fresh_process(of_job, JOB, kind=kind, project=str(project), stage=stage, strategy=strategy, seed=seed)
        for stage in KINDS[kind].stages
        for strategy in _looked_at(plan, stage)
    ]
    one = _together(found)
    times = tokens_of_run(kind, project, plan) / one.amount
    return Cost(1.0, one.seconds * times, one.cpu_seconds * times, one.peak_megabytes)


def _together(costs: list[Cost]) -> Cost:
    return Cost(
        amount=sum(one.amount for one in costs),
        seconds=sum(one.seconds for one in costs),
        cpu_seconds=sum(one.cpu_seconds for one in costs),
        peak_megabytes=max(one.peak_megabytes for one in costs),
    )


def _looked_at(plan: Plan, stage: str) -> list[str]:
    """The first and the last strategy, those without verifiers excepted where they are the work."""
    both = (plan.strategies[0], plan.strategies[-1])
    return [strategy.name for strategy in both if stage != "verify" or strategy.verifiers]


def of_job(kind: str, project: str, stage: str, strategy: str, seed: int) -> Cost:
    """Run a stage of the last generation again, and return what the kind of work took in it, in tokens."""
    os.chdir(project)
    plan, spent = plan_of(Path()), list[Cost]()
    with tempfile.TemporaryDirectory() as folder:
        arguments = arguments_of(Experiment(plan), stage, strategy, seed, Path(folder))
        with patch(KINDS[kind].function, _timed(KINDS[kind], spent)):
            importlib.import_module(f"collapse.stages.{stage}").run(**arguments)
    return _together(spent)


def _timed(kind: Kind, spent: list[Cost]) -> Callable[..., Any]:
    """The function of a kind of work, which adds to `spent` what each call took."""
    module, _, name = kind.function.rpartition(".")
    function = getattr(named(module), name)

    @wraps(function)
    def timed(*arguments: Any, **options: Any) -> Any:
        watch = Stopwatch()
        found = function(*arguments, **options)
        spent.append(watch.cost(kind.n_tokens(arguments, found)))
        return found

    return timed


def named(path: str) -> Any:
    """A module, or a class of one."""
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name) if name[0].isupper() else importlib.import_module(path)


def arguments_of(experiment: Experiment, stage: str, strategy: str, seed: int, into: Path) -> dict[str, Any]:
    """What the stage's rule passes, outputs going into another folder."""
    plan, root = experiment.plan, Path("results", experiment.plan.experiment)
    generation = plan.generations
    where = Place(strategy=strategy, seed=str(seed), generation=str(generation))
    arm = Path(layout.arm(plan.experiment, strategy, seed, generation))
    documents, encoding = root / "documents.parquet", Path(experiment.inputs.encoding)
    of_stage = {
        "generate": lambda: {
            "spec": plan.generate_spec(strategy, generation),
            "model": Path(experiment.inputs.model_before(where)),
            "encoding": encoding,
            "samples": into / "samples.parquet",
            "sampling_record": into / "sampling_record.json",
        },
        "train": lambda: {
            "spec": plan.train_spec(),
            "mixture": arm / "mixture.parquet",
            "samples": [Path(path) for path in experiment.inputs.samples_read(where)],
            "encoding": encoding,
            "initial": _only(experiment.inputs.initial(where)),
            "model": into / "model" / "model.json",
            "training_log": into / "training_log.parquet",
        },
        "verify": lambda: {
            "spec": plan.verify_spec(strategy, generation),
            "samples": _only(experiment.inputs.own_samples(where)),
            "judge": _only(experiment.inputs.judge(where)),
            "raters": [],
            "checkpoints": [],
            "verdicts": into / "verdicts.parquet",
        },
        "evaluate": lambda: {
            "spec": plan.evaluate_spec(strategy, generation),
            "model": arm / "model" / "model.json",
            "generation_0": Path(experiment.inputs.generation_0(where)),
            "mixture": arm / "mixture.parquet",
            "samples": _only(experiment.inputs.own_samples(where)),
            "verdicts": _only(experiment.inputs.own_verdicts(where)),
            "raters": [],
            "checkpoints": [],
            "document_losses": into / "document_losses.parquet",
            "metrics": into / "metrics.parquet",
        },
    }
    place = {"strategy": strategy, "seed": seed, "generation": generation, "documents": documents}
    return place | {"record": Record()} | of_stage[stage]()


def _only(paths: list[str]) -> Path | None:
    return Path(paths[0]) if paths else None


def tokens_of_run(kind: str, project: Path, plan: Plan) -> int:
    """Tokens that a run sampled, trained on, or scored, in all its arms."""
    every, drawn = layout.arms(plan.collect_spec()), layout.arms_with_samples(plan.collect_spec())

    def among(arms: list[tuple[str, int, int]], name: str, contract: Contract) -> int:
        paths = [project / layout.arm(plan.experiment, *arm) / name for arm in arms]
        return sum(_n_tokens(path, contract) for path in paths)

    match kind:
        case "sampling":
            return among(drawn, "samples.parquet", contracts.SAMPLES)
        case "optimizer steps":
            return among(every, "mixture.parquet", contracts.MIXTURE)
        case _:
            judged = _n_tokens_judged(project, Experiment(plan))
            return judged + among(every, "document_losses.parquet", contracts.DOCUMENT_LOSSES)


def _n_tokens_judged(project: Path, experiment: Experiment) -> int:
    """Tokens that `verify` scored: samples, and validation documents, where a chain reads likelihoods."""
    documents = project / experiment.inputs.documents()[0]
    table = contracts.read(documents, contracts.DOCUMENTS, ["split", "n_tokens"])
    n_held_out, n_tokens = pc.sum(table.filter(pc.field("split") == "validation")["n_tokens"]).as_py(), 0
    for strategy, seed, generation in layout.arms(experiment.plan.collect_spec()):
        where = Place(strategy=strategy, seed=str(seed), generation=str(generation))
        if generation and experiment.inputs.judge(where):
            n_tokens += n_held_out + _n_tokens(project / experiment.inputs.own_samples(where)[0], contracts.SAMPLES)
    return n_tokens


def _n_tokens(path: Path, contract: Contract) -> int:
    return pc.sum(contracts.read(path, contract, ["n_tokens"])["n_tokens"]).as_py()
