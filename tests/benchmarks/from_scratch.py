"""The study from-scratch, run from its beginning: beside a plain script, beside itself without the fork server, and
where its CPU time goes.
"""

import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from benchmarks import work
from benchmarks.contest import Benchmark, Contest, Contestants
from benchmarks.costs import Cost, of_command
from benchmarks.ratios import share_left
from benchmarks.workflow_copy import new_copy, plan_of, snakemake

WITHOUT_FORK_SERVER = {"COLLAPSE_FORK_SERVER": "off"}

PLAIN_LOOP = Path(__file__).with_name("plain_loop.py")

RUN, ORDINARY, SCRIPT = "the study", "the same, without the fork server", "plain script"
PARTS = {f"its {kind}": kind for kind in work.KINDS}


@contextmanager
def prepared(folder: Path, small: bool) -> Iterator[Contestants]:
    """The run, the parts of the newest run, the run without the fork server, and the script."""
    corpus = new_copy(folder / "corpus", small)
    experiment = plan_of(corpus.folder).experiment
    snakemake(corpus, f"results/{experiment}/documents.parquet")
    newest = folder / "run"
    parts = {name: partial(_part, kind, newest) for name, kind in PARTS.items()}
    yield {
        RUN: lambda _: from_scratch(newest, small, {}),
        **parts,
        SCRIPT: lambda _: _script(corpus.folder, experiment, must_collapse=not small),
        ORDINARY: lambda _: from_scratch(folder / "ordinary", small, WITHOUT_FORK_SERVER),
    }


def from_scratch(folder: Path, small: bool, environment: dict[str, str]) -> Cost:
    """The cost of the whole experiment, as `make run` has it made, in a folder that holds nothing of it yet."""
    shutil.rmtree(folder, ignore_errors=True)
    return snakemake(new_copy(folder, small), environment=environment)


def _part(kind: str, project: Path, number: int) -> Cost:
    seeds = plan_of(project).seeds
    return work.of_run(kind, project, seeds[number % len(seeds)])


def _script(corpus: Path, experiment: str, must_collapse: bool) -> Cost:
    """The cost of the plain script. Unless it trains too little for that, replace's loss must rise in every seed, and
    more than the control's: a script that finds no collapse is no comparison.
    """
    printed = corpus / "plain_loop.txt"
    documents = f"results/{experiment}/documents.parquet"
    threads = {name: str(os.cpu_count()) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    cost = of_command([sys.executable, str(PLAIN_LOOP), "config.yaml", documents], corpus, threads, log=printed)
    losses: dict[str, list[list[float]]] = json.loads(printed.read_text().splitlines()[-1])
    rises = {name: [seed[-1] - seed[0] for seed in seeds] for name, seeds in losses.items()}
    assert not must_collapse or min(rises["replace"]) > max(0, *rises["real"]), (
        f"the script finds no collapse: {losses}"
    )
    return cost


CONTEST = Contest(
    (
        Benchmark(
            name="whole_loop",
            ours=RUN,
            others=(SCRIPT,),
            unit="times, by the clock",
            compared="the study from-scratch, to its report, against a sequential script in transformers "
            "with the same corpus, tokens, strategies, seeds and models, which finds test losses only",
            counted="seconds",
        ),
        Benchmark(
            name="orchestration_share",
            ours=RUN,
            others=tuple(PARTS),
            unit="share of CPU seconds",
            compared="CPU seconds of the study from-scratch, Snakemake's included, that are neither sampling nor "
            "optimizer steps nor scoring; lower is better",
            reading=share_left,
        ),
        Benchmark(
            name="start_once",
            ours=RUN,
            others=(ORDINARY,),
            unit="times, CPU seconds",
            compared="the study from-scratch, to its report, with the fork server against without it",
        ),
    ),
    prepared,
    n_rounds=2,
    minutes=33,
)
