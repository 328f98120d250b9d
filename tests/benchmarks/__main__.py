"""`python -m benchmarks [NAME …]`: measure, keep what was found in `results/benchmarks/`, and print it."""

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks import dag, filtering, from_scratch, generation, ratios, simulation, slurm_overhead, training
from benchmarks.contest import Contest, machine
from benchmarks.costs import ROOT
from benchmarks.ratios import Ratio, Round

CONTESTS: tuple[Contest, ...] = (
    *simulation.CONTESTS,
    training.CONTEST,
    *generation.CONTESTS,
    from_scratch.CONTEST,
    dag.CONTEST,
    filtering.CONTEST,
    slurm_overhead.CONTEST,
)

KEPT = ROOT / "results" / "benchmarks"
PUBLISHED = ROOT / "workflow" / "experiments" / "measured" / "benchmarks.csv"


def main() -> None:
    """Measure what is asked for."""
    known = {benchmark.name: contest for contest in CONTESTS for benchmark in contest.benchmarks}
    options = _options(list(known))
    if options.list:
        return print(_listing())
    names = options.names or [name for name, contest in known.items() if contest.by_default]
    folder = KEPT / "small" if options.small else KEPT
    folder.mkdir(parents=True, exist_ok=True)
    for contest in dict.fromkeys(known[name] for name in names):
        _measure(contest, set(names), options.rounds or contest.n_rounds, folder, options.small)
    found = ratios.read(folder / "ratios.parquet", Ratio)
    print(f"\n{machine()}\n\n{ratios.cost_table(ratios.read(folder / 'rounds.parquet', Round))}\n")
    print(ratios.ratio_table(found))
    if options.publish:
        ratios.write_csv(PUBLISHED, found)
    return None


def _options(known: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks", description="Measure speed as ratios, side by side.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="see --list; none: the default ones")
    parser.add_argument("--list", action="store_true", help="say what there is, and how long it takes")
    parser.add_argument("--rounds", type=int, help="how often contestants meet; each benchmark has a number of its own")
    parser.add_argument(
        "--small", action="store_true", help="little work: it shows that a benchmark runs; its numbers mean nothing"
    )
    parser.add_argument(
        "--publish", action="store_true", help=f"write {PUBLISHED.relative_to(ROOT)}, which is committed"
    )
    options = parser.parse_args()
    if unknown := set(options.names) - set(known):
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    if options.publish and options.small:
        parser.error("--publish: the numbers of --small mean nothing")
    return options


def _listing() -> str:
    lines = []
    for contest in CONTESTS:
        lines.append(f"{contest.minutes:g} minutes{'' if contest.by_default else ', only by name'}:")
        lines += [f"  {benchmark.name}: {benchmark.compared}" for benchmark in contest.benchmarks]
    return "\n".join(lines)


def _measure(contest: Contest, names: set[str], n_rounds: int, folder: Path, small: bool) -> None:
    """Let a contest run; after each round, what was found takes the place of what was kept of its benchmarks."""
    measured = list[Round]()
    with tempfile.TemporaryDirectory(dir=folder, prefix="work-") as work:
        for number, rows in enumerate(contest.run(names, n_rounds, Path(work), small)):
            measured += rows
            found = [benchmark.ratio(measured) for benchmark in contest.benchmarks if benchmark.name in names]
            _keep(folder, measured, found)
            print(f"round {number + 1} of {n_rounds}\n{ratios.cost_table(rows)}", file=sys.stderr, flush=True)


def _keep(folder: Path, measured: list[Round], found: list[Ratio]) -> None:
    rounds_kept, ratios_kept = folder / "rounds.parquet", folder / "ratios.parquet"
    ratios.write(rounds_kept, ratios.merged(ratios.read(rounds_kept, Round), measured))
    ratios.write(ratios_kept, ratios.merged(ratios.read(ratios_kept, Ratio), found))


if __name__ == "__main__":
    main()
