"""A million samples through three verifiers, beside datatrove.

Both must find what was planted: texts that are too short, copies, and near copies with one word exchanged. Of this
project, what is measured is the stage as a run calls it: reading Parquet, a verdict of every verifier on every sample,
provenance. datatrove filters in turn, so that it hashes fewer texts.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from benchmarks import planted
from benchmarks.contest import Benchmark, Contest, Contestants
from benchmarks.costs import JOB, ONE_THREAD, ROOT, Cost, of_command
from collapse.artifacts import contracts
from collapse.artifacts.contracts import SAMPLES, VERDICTS
from collapse.config.specs import VerifySpec
from collapse.verifiers import usable

SCRIPT = Path(__file__).with_name("plain_filtering.py")

PINNED = ("datatrove==0.10.1", "orjson==3.13.0", "regex==2026.11.19", "tokenizers==0.22.2", "xxhash==3.8.2")
"""datatrove, and what of its extras the script imports."""

MOST_MEGABYTES = 2_000
"""What a million samples may take here."""

CHAIN = {
    "whole": {"kind": "length", "min_tokens": 8, "max_tokens": 60},
    "unique": {"kind": "exact_duplicates"},
    "far": {"kind": "near_duplicates", "similarity": 0.7, "words": 3},
}
LEAST_FOUND, MOST_LOST = 0.97, 0.001
"""Shares: of near copies that must be found, and of texts that repeat nothing that may be taken for one."""

OURS, THEIRS = "verify stage", "datatrove"


@contextmanager
def prepared(folder: Path, small: bool) -> Iterator[Contestants]:
    """Both, and what they filter."""
    texts = planted.planted(20_000 if small else 1_000_000)
    planted.write(texts, folder)
    with (folder / "texts.jsonl").open("w") as file:
        file.writelines(
            json.dumps({"id": str(row), "text": text}) + "\n" for row, text in enumerate(planted.words(texts))
        )
    python = _environment(folder / "environment")
    yield {
        OURS: lambda number: _ours(folder, texts.kind, number),
        THEIRS: lambda number: _theirs(folder, python, texts.kind, number),
    }


def _environment(folder: Path) -> Path:
    """A Python that has datatrove and nothing of this project, for as long as the benchmark runs."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / "bin" / "python"
    install = [str(python), "-m", "pip", "--disable-pip-version-check", "-qq", "install", *PINNED]
    subprocess.run(install, check=True)
    return python


def words(folder: Path, verdicts: Path) -> list[str]:
    """What the stage is called with."""
    spec = VerifySpec(family="ngram", device="cpu", verifiers=CHAIN, chain=tuple(CHAIN))  # pyright: ignore[reportArgumentType]
    options = {
        "spec": spec.model_dump_json(),
        "code": "benchmark",
        "strategy": "verified",
        "seed": "0",
        "generation": "1",
        "samples": str(folder / "samples.parquet"),
        "documents": str(folder / "documents.parquet"),
        "verdicts": str(verdicts),
    }
    given = [word for name, value in options.items() for word in (f"--{name}", value)]
    return ["verify", *given, "--raters", "--checkpoints"]


def _ours(folder: Path, kind: np.ndarray, number: int) -> Cost:
    verdicts = folder / f"verdicts-{number}.parquet"
    command = [sys.executable, "-m", "collapse", *words(folder, verdicts)]
    alone = {"PYTHONPATH": str(ROOT / "workflow"), "COLLAPSE_FORK_SERVER": "off"}
    cost = of_command(command, ROOT, {**JOB, **alone}, float(len(kind)))
    if cost.peak_megabytes > MOST_MEGABYTES:
        raise RuntimeError(
            f"{OURS}: {len(kind):,} samples took {cost.peak_megabytes:,.0f} MB, more than {MOST_MEGABYTES:,}"
        )
    ids = contracts.read(folder / "samples.parquet", SAMPLES, ["sample_id"])["sample_id"]
    _refuse_missed(OURS, kind, usable(contracts.read(verdicts, VERDICTS), ids))
    return cost


def _theirs(folder: Path, python: Path, kind: np.ndarray, number: int) -> Cost:
    own = folder / f"datatrove-{number}"
    own.mkdir()
    (own / "texts.jsonl").symlink_to(folder / "texts.jsonl")
    cost = of_command([str(python), str(SCRIPT), str(own)], own, ONE_THREAD, float(len(kind)))
    kept = np.zeros(len(kind), dtype=bool)
    for path in (own / "kept").glob("*.jsonl"):
        with path.open() as file:
            kept[[int(json.loads(line)["id"]) for line in file]] = True
    _refuse_missed(THEIRS, kind, kept)
    return cost


def _refuse_missed(who: str, kind: np.ndarray, kept: np.ndarray) -> None:
    """Both must have found what there is to find.

    Raises:
        AssertionError: One has not.
    """
    share = {name: float(kept[kind == number].mean()) for number, name in enumerate(planted.KINDS)}
    found = ", ".join(f"{name} {value:.4%}" for name, value in share.items())
    print(f"{who}: kept {found}", file=sys.stderr)
    assert share["copy"] == share["short"] == 0, f"{who} kept copies, or what is too short: {found}"
    assert share["near"] <= 1 - LEAST_FOUND, f"{who} kept near copies: {found}"
    assert share["first"] >= 1 - MOST_LOST, f"{who} lost texts that repeat none: {found}"


CONTEST = Contest(
    (
        Benchmark(
            name="filtering",
            ours=OURS,
            others=(THEIRS,),
            unit="times, texts per CPU second",
            compared="1,000,000 texts of about 34 words, 5 % copies and 5 % near copies: the verify stage with length, "
            "exact_duplicates and near_duplicates, in under 2 GB, against datatrove 0.10.1 with the same length, exact "
            "deduplication and MinHash of as many hashes and bands, words split at white space",
        ),
    ),
    prepared,
    n_rounds=2,
    minutes=15,
    by_default=False,
)
