"""What a dry run costs, and how much of it is this project's own.

    python tests/benchmarks/dag.py [STRATEGIES SEEDS GENERATIONS]

Builds the graph of a large experiment in a fresh folder, once as it is (time and memory) and once under a profiler,
which says how much of building the graph was spent in this project's input functions and params.
"""

import os
import pstats
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).parents[1]))
from projects import Project

COMPOSE = ("replace", "accumulate", "accumulate_subsample", "replace_multiple", "real", "window")


def configured(folder: Path, n_strategies: int, n_seeds: int, n_generations: int) -> Project:
    """An experiment of that many arms."""
    project = Project(folder / "project")
    strategies = [
        {"name": name.replace("_", "-"), "compose": name} | ({"window": 2} if name == "window" else {})
        for name in COMPOSE[:n_strategies]
    ]
    project.configure(strategies=strategies, seeds=list(range(n_seeds)), generations=n_generations)
    assert yaml.safe_load((project.folder / "experiment.yaml").read_text())["strategies"] == strategies
    return project


def run(project: Project, *profiler: str) -> tuple[float, float, str]:
    """CPU seconds, MB of memory, and what was printed."""
    command = [sys.executable, *profiler, "-m", "snakemake", "-n", "-q", "rules", "--configfile", "experiment.yaml"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd=project.folder, capture_output=True, text=True, check=True, env=dict(os.environ))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (
        after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        after.ru_maxrss / 1024,
        done.stdout + done.stderr,
    )


def own_share(profile: Path) -> float:
    """Share of building the graph that was spent in functions of `collapse`, called from outside it."""
    stats = pstats.Stats(str(profile)).stats  # pyright: ignore[reportAttributeAccessIssue]
    own = sum(
        cumulative
        for (file, _, _), (*_, callers) in stats.items()
        if "/workflow/collapse/" in file
        for (caller, _, _), (_, _, _, cumulative) in callers.items()
        if "/workflow/collapse/" not in caller and "/snakemake/" in caller
    )
    building = sum(
        cumulative
        for (file, _, name), (_, _, _, cumulative, _) in stats.items()
        if file.endswith("snakemake/workflow.py") and name == "_build_dag"
    )
    return own / building


def main(*sizes: str) -> None:
    """Print CPU seconds, memory and share for each size."""
    numbers = [int(size) for size in sizes] or [6, 10, 20]
    with tempfile.TemporaryDirectory() as folder:
        project = configured(Path(folder), *numbers)
        seconds, memory, printed = run(project)
        n_jobs = next(line.split()[1] for line in printed.splitlines() if line.startswith("total"))
        run(project, "-m", "cProfile", "-o", f"{folder}/profile")
        share = own_share(Path(folder, "profile"))
    print(f"{n_jobs} jobs: {seconds:.1f} CPU s, {memory:.0f} MB; own share of building the graph: {share:.1%}")


if __name__ == "__main__":
    main(*sys.argv[1:])
