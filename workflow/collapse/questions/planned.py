"""What a run will take and what it will be able to tell, before any of it is done."""

import math
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import numpy as np

from collapse.artifacts import contracts, provenance
from collapse.artifacts.contracts import METRICS
from collapse.config import load_plan
from collapse.config.base import gibibytes
from collapse.config.plan import Plan
from collapse.errors import ConfigError
from collapse.experiment import Experiment
from collapse.experiment.costs import RULES, SENDING, STARTING, Arm, Step, longest_chain, steps
from collapse.experiment.sizes import StageSize
from collapse.plain_text import printable
from collapse.questions.drift import merged, where
from collapse.stats.paired import LEAST_SEEDS
from collapse.stats.power import CHANCE, smallest_decided
from collapse.stats.series import paired, series_by_strategy
from collapse.terminal.screen import wrapped
from collapse.terminal.sentences import clock

COMPARED = ("test_loss", "real_test")
"""What strategies are compared on here."""

SEEDS = (3, 5, 8, 12, 20)
"""Numbers of seeds that are told, beside the plan's own."""


def plan(configfiles: list[Path], results: Path, cores: int, like: Path | None = None) -> str:
    """Say what a run takes, by kind of job, and how large a difference its seeds can decide.

    Args:
        configfiles: YAML files, merged over `config.yaml` in order, as Snakemake's `--configfile` does.
        results: The results folder; what jobs of this experiment took there is known.
        cores: Cores that the run would have.
        like: Results of an experiment whose differences vary between seeds about as much; None: the experiment's own.

    Raises:
        ConfigError: The config does not check, or there are no metrics where `like` says.
    """
    experiment = Experiment(load_plan(merged(configfiles), where(configfiles)))
    experiment.start.check_claims()
    asked = experiment.plan
    lines = [_head(asked)]
    if asked.strategies:
        folder = results / asked.experiment
        found = steps(experiment.start.loop, _took(folder))
        lines += ["", *_table(found, experiment.start.sizes(), folder), "", *_sums(found, experiment, cores)]
        if (spread := _spread(like or folder)) is None and like:
            raise ConfigError(
                f"--like: {like} has no {COMPARED[0]} of two strategies at two seeds.\n"
                "  Name an experiment's results folder, such as results/speeches."
            )
        lines += ["", *_seeds(asked, spread, like or folder)]
    return "\n".join(wrapped(printable(line)) for line in lines)


def _head(asked: Plan) -> str:
    counts = [(len(asked.strategies), "strategies", "strategy"), (len(asked.seeds), "seeds", "seed")]
    parts = [f"{n} {one if n == 1 else many}" for n, many, one in counts] if asked.strategies else []
    parts += [f"generations 0 to {asked.generations}"] if asked.strategies else []
    if n_worlds := len(asked.worlds):
        parts.append(f"{n_worlds} closed-form world{'' if n_worlds == 1 else 's'}, whose time is not reckoned")
    return f"{asked.experiment}: {', '.join(parts)}."


def _took(folder: Path) -> dict[tuple[str, Arm], float]:
    """CPU seconds that the experiment's jobs took when they ran, by rule and arm."""
    found = dict[tuple[str, Arm], float]()
    for record in folder.glob(f"strategy=*/seed=*/generation=*/{provenance.FOLDER}/*.json"):
        name, seed, generation = (part.partition("=")[2] for part in record.parts[-5:-2])
        told = provenance.cost_in(record)
        if told and seed.isdecimal() and generation.isdecimal():
            stage, seconds = told
            found[stage, (name, int(seed), int(generation))] = seconds
    return found


# --- what it takes ----------------------------------------------------------------------------------------------------


def _table(found: list[Step], sizes: list[StageSize], folder: Path) -> Iterator[str]:
    """One line for each kind of job."""
    yield _row("jobs", "of", "CPU each", "CPU in all", "memory", "on disk", "the time is")
    size_of = {size.rule: size for size in sizes}
    for rule in RULES:
        jobs, size = _of(found, rule), size_of.get(rule)
        if not jobs:
            continue
        seconds = _seconds(jobs)
        each, in_all = ("?", "?") if seconds is None else (_short(seconds / len(jobs)), clock(seconds))
        how = "not known" if seconds is None else "what some took" if jobs[0].is_measured else "reckoned"
        memory, disk = (_amount(size.peak), _amount(size.written)) if size else ("", "")
        yield _row(f"{len(jobs):,}", rule, each, in_all, memory, disk, how)
    if any(step.is_measured for step in found):
        yield f"What some took: in {folder}, by the token."


def _row(n: str, rule: str, each: str, in_all: str, memory: str, disk: str, how: str) -> str:
    return f"{n:>7}  {rule:9}  {each:>9}  {in_all:>10}  {memory:>9}  {disk:>9}  {how}"


def _short(seconds: float) -> str:
    return f"{seconds:.2g} s" if seconds < 99.5 else clock(seconds)


def _amount(n_bytes: float) -> str:
    """Memory in words: MiB below one GiB."""
    return f"{n_bytes / 2**20:,.0f} MiB" if n_bytes < 2**30 else gibibytes(n_bytes)


def _sums(found: list[Step], experiment: Experiment, cores: int) -> Iterator[str]:
    """The whole: time, disk, tokens."""
    sizes, unknown = experiment.start.sizes(), [rule for rule in RULES if _seconds(_of(found, rule)) is None]
    if unknown:
        rules = ", ".join(unknown)
        yield f"How long is not known before jobs of {rules} have run here; then ask again."
    else:
        chain = STARTING + longest_chain(found)
        seconds = STARTING + SENDING * len(found) + sum(step.seconds or 0 for step in found)
        here, on = clock(max(chain, seconds / cores)), f"{cores} core{'' if cores == 1 else 's'}"
        yield (
            f"In all {clock(seconds)} of CPU time, Snakemake's among it: about {here} by the clock on {on}, and "
            f"{clock(chain)} on any number, for generations wait for one another."
        )
    if experiment.pretraining and not experiment.pretraining.shipped:
        yield "The base model is pretrained first, which is not counted here."
    yield (
        f"On the disk about {_amount(sum(size.written for size in sizes))}; the largest job holds about "
        f"{_amount(max(size.peak for size in sizes))}. Both are rather too high than too low."
    )
    trained = sorted({round(step.tokens) for step in found if step.rule == "train"})
    unit = experiment.plan.form.unit
    spread = f"about {trained[0]:,}" if len(trained) == 1 else f"{trained[0]:,} to {trained[-1]:,}"
    yield f"A model learns from {spread} {unit}s, repeats counted."


def _of(found: list[Step], rule: str) -> list[Step]:
    return [step for step in found if step.rule == rule]


def _seconds(jobs: list[Step]) -> float | None:
    """CPU seconds of jobs of a kind; None where those of one are not known."""
    each = [step.seconds for step in jobs]
    return None if None in each else sum(second for second in each if second is not None)


# --- what it can tell -------------------------------------------------------------------------------------------------


def _seeds(asked: Plan, spread: float | None, folder: Path) -> Iterator[str]:
    """How large a difference must be to be decided, by the number of seeds; in nats too, where `spread` is known."""
    n_pairs, own = math.comb(len(asked.strategies), 2), len(asked.seeds)
    if not n_pairs:
        yield "There is one strategy, so nothing is compared."
        return
    pairs = "1 pair" if n_pairs == 1 else f"{n_pairs} pairs"
    yield (
        f"A difference between strategies is decided with a chance of {CHANCE:.0%} if it is so large, with {pairs} "
        "of strategies (Holm):"
    )
    unit = f"nats a {asked.form.unit}"
    yield f"{'seeds':>7}  {'in standard deviations':>22}" + (f"  {'in ' + unit:>16}" if spread else "")
    for n_seeds in sorted({own, *SEEDS}):
        least = smallest_decided(n_seeds, n_pairs, asked.report.confidence)
        told = f"{least:>22.3g}" + (f"  {least * spread:>16.2g}" if spread else "")
        told = f"{f'none: fewer than {LEAST_SEEDS} decide nothing':>22}" if math.isinf(least) else told
        yield f"{n_seeds:>7}  {told}{'  ← this plan' if n_seeds == own else ''}"
    if spread:
        yield (
            f"Differences in {COMPARED[0]} vary between seeds by {spread:.2g} {unit}: their standard deviation at the "
            f"last generation in {folder}."
        )
    else:
        yield (
            "How much differences vary between seeds is not known before two seeds have run; --like RESULTS takes it "
            "from another experiment."
        )


def _spread(folder: Path) -> float | None:
    """Standard deviation between seeds of differences between strategies at the last generation, pairs pooled; None
    where no two seeds were measured.
    """
    path, found = folder / "metrics.parquet", list[float]()
    if path.is_file():
        series = series_by_strategy(contracts.read(path, METRICS), *COMPARED)
        last = max((generation for one in series.values() for generation in one), default=0)
        measured = [one[last] for one in series.values() if last in one]
        differences = [paired(one, other) for one, other in combinations(measured, 2)]
        found = [float(np.var(values, ddof=1)) for values in differences if len(values) > 1]
    return math.sqrt(sum(found) / len(found)) if found else None
