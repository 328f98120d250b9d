"""Every job that the rules make of a plan, without Snakemake: what it reads, what it writes, what decides it.

It says again, in one place, what `workflow/rules/` says; a test holds both to the same jobs.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from collapse import layout
from collapse.config.plan import REAL
from collapse.experiment import LOOP_FIGURES, Experiment

STAGES = (
    *("base_model", "corpus", "truth", "generate", "verify", "mix", "train", "evaluate", "simulate", "collect"),
    *("contrast", "claims", "figure", "calibration_figure", "world_figure", "report"),
)
"""Every rule, each after those it reads from within a generation."""


@dataclass(frozen=True)
class Job:
    """One job of a rule.

    Attributes:
        stage: Name of the rule and of its stage.
        outputs: Paths that it writes, the one it is known by first.
        inputs: Paths that it reads.
        spec: The settings that decide its outputs, as JSON.
        code: Fingerprint of its code.
        place: Strategy or closed-form world it belongs to; empty for a job of the whole experiment.
    """

    stage: str
    outputs: tuple[str, ...]
    inputs: tuple[str, ...]
    spec: str
    code: str
    place: str = ""


@dataclass
class _Place:
    """The wildcards of one job."""

    strategy: str = REAL
    seed: str = "0"
    generation: str = "0"
    world: str = ""


_HERE = _Place()


def wanted(experiment: Experiment) -> set[str]:
    """Paths that the target `all` asks for by name."""
    return {*experiment.everything(), f"results/{experiment.plan.experiment}/report.html"}


def planned(experiment: Experiment) -> list[Job]:
    """Every job that the target `all` stands on."""
    found = [*(_loop(experiment) if experiment.plan.strategies else ()), *_worlds(experiment), *_analysis(experiment)]
    by_output = {path: job for job in found for path in job.outputs}
    kept, pending = set[Job](), [by_output[path] for path in wanted(experiment)]
    while pending:
        job = pending.pop()
        if job not in kept:
            kept.add(job)
            pending += [by_output[path] for path in job.inputs if path in by_output]
    return sorted((job for job in found if job in kept), key=lambda job: STAGES.index(job.stage))


class _Maker:
    """Makes jobs with the specs and fingerprints that the rules hand to them."""

    def __init__(self, experiment: Experiment) -> None:
        self._experiment = experiment
        self._codes = dict[str, str]()

    def __call__(
        self, stage: str, outputs: list[str], inputs: list[str], at: _Place = _HERE, spec: str | None = None
    ) -> Job:
        settings = self._experiment.spec(spec or stage)(at)
        place = "" if at is _HERE else at.strategy
        return Job(stage, tuple(outputs), tuple(inputs), settings, self._code(stage), place)

    def _code(self, stage: str) -> str:
        if stage not in self._codes:
            self._codes[stage] = self._experiment.code(stage)
        return self._codes[stage]


def _loop(experiment: Experiment) -> Iterator[Job]:
    make, folder = _Maker(experiment), f"results/{experiment.plan.experiment}"
    documents, tokenizer = f"{folder}/documents.parquet", f"{folder}/tokenizer/tokenizer.json"
    if experiment.base_model():
        yield make("base_model", experiment.base_model(), [])
    yield make("corpus", [documents, tokenizer], experiment.tokenizer_of_base_model())
    if experiment.truth():
        yield make("truth", experiment.truth(), [tokenizer])
    for strategy, seed, generation in _every_place(experiment):
        at = _Place(strategy, str(seed), str(generation))
        arm = layout.arm(experiment.plan.experiment, strategy, seed, generation)
        yield from _of_arm(experiment, make, at, arm, documents, tokenizer)


def _every_place(experiment: Experiment) -> list[tuple[str, int, int]]:
    """Every arm, with those that only have samples: generation 1 under `real`, where no strategy is the control."""
    arms = experiment.plan.collect_spec()
    return sorted({*layout.arms(arms), *layout.arms_with_samples(arms)}, key=lambda one: (one[2], one[0], one[1]))


def _of_arm(
    experiment: Experiment, make: _Maker, at: _Place, arm: str, documents: str, tokenizer: str
) -> Iterator[Job]:
    mixture, model, truth = f"{arm}/mixture.parquet", f"{arm}/model/model.json", experiment.truth()
    if at.generation != "0":
        samples = [f"{arm}/samples.parquet", f"{arm}/sampling_record.json"]
        yield make("generate", samples, [experiment.model_before(at), documents, tokenizer], at)
        judged = [*experiment.own_samples(at), documents, *experiment.judge(at)]
        yield make("verify", [f"{arm}/verdicts.parquet"], judged, at)
    read, verdicts = experiment.samples_read(at), experiment.verdicts_read(at)
    yield make("mix", [mixture], [documents, *read, *verdicts], at)
    trained_on = [mixture, documents, *read, tokenizer, *experiment.initial(at)]
    yield make("train", [model, f"{arm}/training_log.parquet"], trained_on, at)
    own = [*experiment.own_samples(at), *experiment.own_verdicts(at), *truth]
    measured = [f"{arm}/metrics.parquet", f"{arm}/document_losses.parquet"]
    yield make("evaluate", measured, [model, experiment.generation_0(at), documents, mixture, *own], at)


TABLES = ("metrics", "theory", "points")


def _worlds(experiment: Experiment) -> Iterator[Job]:
    figure_code = experiment.code("world_figure")
    for name in experiment.plan.worlds:
        at, folder = _Place(world=name), layout.world(experiment.plan.experiment, name)
        tables = tuple(f"{folder}/{table}.parquet" for table in TABLES)
        yield Job("simulate", tables, (), experiment.world_spec(at), experiment.world_code(at), name)
        figure = (f"results/{experiment.plan.experiment}/figures/world={name}.svg",)
        yield Job("world_figure", figure, tables, experiment.world_figure_spec(at), figure_code, name)


def _analysis(experiment: Experiment) -> Iterator[Job]:
    make, folder = _Maker(experiment), f"results/{experiment.plan.experiment}"
    metrics, ancestry, theory, points = (
        f"{folder}/{name}.parquet" for name in ("metrics", "ancestry", "theory", "points")
    )
    contrasts, figures = f"{folder}/contrasts.parquet", f"{folder}/figures"
    arms = [*experiment.every("metrics.parquet"), *experiment.every("mixture.parquet")]
    worlds = [path for table in TABLES for path in experiment.every_world(f"{table}.parquet")]
    yield make("collect", [metrics, ancestry, theory, points], [*arms, *worlds])
    yield make("contrast", [contrasts], [metrics], spec="compare")
    if experiment.claims():
        yield make("claims", experiment.claims(), [metrics, theory, points])
    if experiment.plan.strategies:
        drawn = [f"{figures}/{name}.svg" for name in LOOP_FIGURES]
        yield make("figure", drawn, [metrics, contrasts, ancestry], spec="compare")
    if experiment.truth():
        yield make("calibration_figure", [f"{figures}/calibration.svg"], [metrics], spec="compare")
    yield make("report", [f"{folder}/report.html"], _read_by_report(experiment, metrics, contrasts, ancestry, theory))


def _read_by_report(experiment: Experiment, *tables: str) -> list[str]:
    questions: tuple[Callable[[], list[str]], ...] = (
        experiment.claims,
        experiment.documents,
        experiment.loop_figures,
        experiment.world_figures,
        experiment.templates,
    )
    drawn = [path for name in ("samples.parquet", "sampling_record.json") for path in experiment.every_drawn(name)]
    return [*tables, *drawn, *(path for question in questions for path in question())]
