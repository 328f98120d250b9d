"""What Wang et al. (2025) published of their runs, counted again: scores of every article, tests of every neuron.

Their repository (github.com/ZeWang-29/project2-bias-amplification, MIT) holds tables of comma-separated values. They
stay where they are; this reads them, does with them what `metrics` and `stats.neurons` do with results of our own, and
says beside each number what the paper's tables and text say (`experiments/papers/wang-2025-scores.csv`).

Two traps of the layout. Generation 1 of a file is generation 0 of the paper. And of the two tables of regressions, one
names the neuron first and the other the layer, so rows are joined by their names, never by their order.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from collapse.errors import ConfigError
from collapse.stats.neurons import LEVEL, adjusted

EXPECTED = Path(__file__).parents[2] / "experiments" / "papers" / "wang-2025-scores.csv"

SCORES = Path("Data", "Bias_Performance_and_Generation_Quality")
TESTS = Path("Data", "Mechanistic_Interpretation")
REGRESSION = "Regression and Statistical Tests for Relationship Between Neuron Weight and {}.csv"

SETUPS = {
    "synthetic": "Synthetic",
    "preservation": "Preservation",
    "accumulation": "Accumulation",
    "overfitting": "Overfitting",
    "centre alone, synthetic": "Synthetic_Center-Leaning-Only",
    "centre alone, preservation": "Preservation_Center-Leaning-Only",
}
"""Setups by how their files begin."""

LABELS = ("Left", "Center", "Right")
BEFORE = "GPT2_Bias_Performance.csv"
"""What GPT-2 wrote before any training; its generation is called `GPT-2`."""


@dataclass(frozen=True)
class Score:
    """A number that was counted again.

    Attributes:
        measure: What it is, such as `right (%)`.
        setup: Of which runs.
        generation: As the paper counts; empty where there is none.
        value: The number.
        half_width: Half of a 95 % interval over articles; `nan` where there is none.
    """

    measure: str
    setup: str
    generation: str
    value: float
    half_width: float = float("nan")

    @property
    def key(self) -> tuple[str, str, str]:
        """What it is a number of."""
        return self.measure, self.setup, self.generation


def published_scores(folder: Path) -> str:
    """Every number, and which of the published ones it reaches.

    Args:
        folder: A checkout of the paper's repository.

    Raises:
        ConfigError: A file is missing, or is not such a table.
    """
    found = [*_leanings(folder), *_means(folder), *_neurons(folder)]
    expected = {(row["measure"], row["setup"], row["generation"]): row for row in _expected()}
    known = {score.key for score in found}
    if missing := [key for key in expected if key not in known]:
        raise ConfigError(f"{folder}: nothing there tells {' '.join(missing[0])}.\n  Use the whole repository.")
    lines, reached = list[str](), 0
    for score in found:
        wanted = expected.get(score.key)
        verdict = ""
        if wanted:
            is_reached = abs(score.value - float(wanted["value"])) <= float(wanted["tolerance"])
            reached += is_reached
            verdict = f"published {wanted['value']}: {'reached' if is_reached else 'NOT reached'}"
        lines.append(_line(score, verdict))
    return "\n".join([*lines, "", f"{reached} of {len(expected)} published numbers reached."])


def _line(score: Score, verdict: str) -> str:
    spread = "" if np.isnan(score.half_width) else f" ± {score.half_width:.3g}"
    place = f"{score.setup}{f', generation {score.generation}' if score.generation else ''}"
    return f"{score.measure:<28} {place:<44} {score.value:>10,.6g}{spread:<9} {verdict}".rstrip()


def _expected() -> list[dict[str, str]]:
    with EXPECTED.open(newline="") as file:
        return list(csv.DictReader(file))


def _leanings(folder: Path) -> Iterator[Score]:
    """Shares of labels, each article having the likeliest, with Wilson's intervals over articles."""
    columns = [f"{label}_Score" for label in LABELS]
    before = _table(folder / SCORES / BEFORE, columns)
    yield from _shares(before[columns].to_numpy(), "GPT-2", "")
    for setup, name in SETUPS.items():
        table = _table(folder / SCORES / f"{name}_Bias_Performance.csv", ["Generation", *columns])
        for generation, rows in table.groupby("Generation"):
            yield from _shares(rows[columns].to_numpy(), setup, _as_in_paper(generation))


def _shares(scores: np.ndarray, setup: str, generation: str) -> Iterator[Score]:
    given = scores.argmax(axis=1)
    for place, label in enumerate(LABELS):
        n = int(np.sum(given == place))
        interval = binomtest(n, len(given)).proportion_ci(0.95, method="wilson")
        half = 50 * (interval.high - interval.low)
        yield Score(f"{label.lower()} (%)", setup, generation, 100 * n / len(given), half)


def _means(folder: Path) -> Iterator[Score]:
    """The text quality index, and perplexity under GPT-2, averaged over articles."""
    files = {("quality index", setup): f"{name}_Generation_Quality.csv" for setup, name in SETUPS.items()}
    files["perplexity under GPT-2", "synthetic"] = "Synthetic_Perplexity.csv"
    for (measure, setup), name in files.items():
        column = "Perplexity" if measure.startswith("perplexity") else "GibberishLevel"
        table = _table(folder / SCORES / name, ["Generation", column])
        for generation, rows in table.groupby("Generation"):
            values = rows[column].to_numpy(float)
            half = 1.96 * values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else float("nan")
            yield Score(measure, setup, _as_in_paper(generation), float(values.mean()), float(half))


def _neurons(folder: Path) -> Iterator[Score]:
    """How many neurons' changes go with the outcome's, beside what chance gives; and with both outcomes' at once."""
    place = ["layer", "neuron_id"]
    tables = {
        outcome: _table(folder / TESTS / REGRESSION.format(name), [*place, "p_value"]).set_index(place)["p_value"]
        for outcome, name in (("bias", "Bias Performance"), ("quality", "Generation Quality"))
    }
    bias, quality = tables["bias"], tables["quality"]
    if bias.index.duplicated().any() or set(bias.index) != set(quality.index):
        raise ConfigError(
            f"{folder / TESTS}: the two tables of regressions are not of the same neurons, each once.\n"
            "  Use the repository as it is."
        )
    both, significant = dict[str, np.ndarray](), dict[str, float]()
    for outcome, table in tables.items():
        p = table.reindex(bias.index).to_numpy(float)
        several, discovery = adjusted(p)
        is_significant = p < LEVEL
        both[outcome], significant[outcome] = is_significant, float(is_significant.sum())
        yield Score("neurons, p < .05", outcome, "", significant[outcome])
        yield Score("neurons, by chance", outcome, "", LEVEL * len(p))
        yield Score("neurons, Bonferroni", outcome, "", float(np.sum(several < LEVEL)))
        yield Score("neurons, Benjamini-Hochberg", outcome, "", float(np.sum(discovery < LEVEL)))
    yield Score("neurons, p < .05", "bias and quality", "", float(np.sum(both["bias"] & both["quality"])))
    yield Score("neurons, if independent", "bias and quality", "", significant["bias"] * both["quality"].mean())


def _table(path: Path, columns: list[str]) -> pd.DataFrame:
    """A table of the repository.

    Raises:
        ConfigError: It is missing, or lacks a column, or a cell of one.
    """
    if not path.is_file():
        raise ConfigError(
            f"{path}: is not there.\n  Name a checkout of github.com/ZeWang-29/project2-bias-amplification."
        )
    try:
        table = pd.read_csv(path)
    except (ValueError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is not a table of comma-separated values ({error}).") from None
    lacking = [name for name in columns if name not in table.columns]
    if lacking or table[columns].isna().to_numpy().any():
        what = f"has no column `{lacking[0]}`" if lacking else "has an empty cell"
        raise ConfigError(f"{path}: {what}.\n  Use the repository as it is.")
    return table


def _as_in_paper(generation: object) -> str:
    """The paper's number of a generation of the files."""
    return str(int(str(generation)) - 1)
