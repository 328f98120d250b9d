"""What a dry run of a large experiment costs, and how much of building its graph is this project's own."""

import pstats
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from projects import Project

from benchmarks.contest import Benchmark, Contest, Contestants
from benchmarks.costs import Cost, of_command
from benchmarks.ratios import share

COMPOSE = ("replace", "accumulate", "accumulate_subsample", "replace_multiple", "real", "window")
GRAPH, OWN = "building the graph", "input functions and params"


def configured(folder: Path, n_strategies: int, n_seeds: int, n_generations: int) -> Project:
    """An experiment of that many arms, never run."""
    project = Project(folder)
    strategies = [
        {"name": name.replace("_", "-"), "compose": name} | ({"window": 2} if name == "window" else {})
        for name in COMPOSE[:n_strategies]
    ]
    project.configure(strategies=strategies, seeds=list(range(n_seeds)), generations=n_generations)
    return project


def profiled(project: Project, profile: Path) -> Cost:
    """The cost of building the graph of a dry run, under the profiler."""
    profiler = ["-m", "cProfile", "-o", str(profile)]
    command = [sys.executable, *profiler, "-m", "snakemake", "-n", "-q", "rules", "--configfile", "experiment.yaml"]
    cost = of_command(command, project.folder, {})
    building = sum(
        cumulative
        for (file, _, name), (_, _, _, cumulative, _) in _stats(profile).items()
        if file.endswith("snakemake/workflow.py") and name == "_build_dag"
    )
    return replace(cost, seconds=building, cpu_seconds=building)


def own(profile: Path, cost: Cost) -> Cost:
    """The part of it that was spent in functions of `collapse`, called from outside it."""
    seconds = sum(
        cumulative
        for (file, _, _), (*_, callers) in _stats(profile).items()
        if "/workflow/collapse/" in file
        for (caller, _, _), (_, _, _, cumulative) in callers.items()
        if "/workflow/collapse/" not in caller and "/snakemake/" in caller
    )
    return replace(cost, seconds=seconds, cpu_seconds=seconds)


def _stats(profile: Path) -> dict[tuple[str, int, str], tuple]:
    return pstats.Stats(str(profile)).stats  # pyright: ignore[reportAttributeAccessIssue]


@contextmanager
def prepared(folder: Path, small: bool) -> Iterator[Contestants]:
    """A graph, and its part."""
    project, profile = configured(folder / "project", *((2, 1, 2) if small else (6, 10, 20))), folder / "profile"
    newest = list[Cost]()

    def build(_number: int) -> Cost:
        newest[:] = [profiled(project, profile)]
        return newest[0]

    yield {GRAPH: build, OWN: lambda _: own(profile, newest[0])}


CONTEST = Contest(
    (
        Benchmark(
            name="dag",
            ours=GRAPH,
            others=(OWN,),
            unit="share of seconds",
            compared="of building the graph of a dry run (6 strategies, 10 seeds, 20 generations: 4,787 jobs), this "
            "project's own functions; lower is better",
            reading=share,
        ),
    ),
    prepared,
    n_rounds=1,
    minutes=1,
    by_default=False,
)
