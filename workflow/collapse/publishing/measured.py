"""What an experiment measured, as far as the README tells it: a committed table of values by strategy and seed.

Single seeds are kept, not means, so that means, intervals and contrasts are computed by the code of today: if that code
changes what it says, the README no longer follows from its tables, and a test fails.
"""

import csv
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pyarrow as pa
from pyarrow import csv as arrow_csv

from collapse.artifacts import contracts
from collapse.artifacts.contracts import METRICS
from collapse.errors import ContractError
from collapse.running.files import written_at_once
from collapse.stats.bands import Band, bands
from collapse.stats.calibration import Calibration, calibrations
from collapse.stats.contrasts import contrasts
from collapse.stats.paired import Interval
from collapse.stats.trends import changes

FOLDER = Path("workflow/experiments/measured")

CONFIDENCE = 0.95
"""Coverage of the README's intervals."""

Place = tuple[str, str]
"""A metric and the text it is measured on."""

LOSS: Place = ("test_loss", "real_test")
CALIBRATED: tuple[Place, ...] = (
    ("loss_above_entropy", "real_test"),
    ("kl_to_source", "truth"),
    ("grammatical_fraction", "samples"),
    ("support_mass", "truth"),
    ("distinct_2", "samples"),
    ("support_entropy", "truth"),
)
PUBLISHED: dict[str, tuple[Place, ...]] = {
    "speeches": (LOSS, ("accepted_fraction", "samples")),
    "five-seeds": (LOSS, ("distinct_2", "samples"), ("distinct_2", "real_train")),
    "known-language": CALIBRATED,
    "known-language-transformer": CALIBRATED,
    "mitigations": (
        LOSS,
        ("kl_to_source", "truth"),
        ("support_entropy", "truth"),
        ("source_tail_mass", "truth"),
        ("grammatical_fraction", "samples"),
        ("breakdown_proxy", "verifiers"),
    ),
    "mitigations-speeches": (LOSS,),
    "watermark": (LOSS, ("accepted_fraction", "samples"), ("green_mass", "real_test")),
    "token-editing": (LOSS, ("edited_share", "samples")),
    "verifier-strength": (
        LOSS,
        ("misclassified_fraction", "real_test"),
        ("breakdown_proxy", "verifiers"),
        ("right_fraction", "samples"),
    ),
}
"""The experiments that the README speaks of, and what of them."""

TYPES = {
    "metric": pa.string(),
    "evaluation_set": pa.string(),
    "strategy": pa.string(),
    "seed": pa.int32(),
    "generation": pa.int32(),
    "value": pa.float64(),
}
"""Columns of a table: those of METRICS that statistics are made from."""


def measure(results: Path, folder: Path = FOLDER) -> str:
    """Write the committed table of what a run measured.

    Args:
        results: Results of an experiment, with `metrics.parquet`.
        folder: Where the tables lie; this one is named like the experiment.

    Returns:
        What was written.

    Raises:
        ContractError: The README does not speak of this experiment.
    """
    name = results.resolve().name
    if name not in PUBLISHED:
        raise ContractError(f"{results}: the README speaks of {', '.join(PUBLISHED)} only.\n  Name one of these.")
    table = contracts.read(results / "metrics.parquet", METRICS, list(TYPES))
    rows = [row for row in table.to_pylist() if (row["metric"], row["evaluation_set"]) in PUBLISHED[name]]
    rows.sort(key=lambda row: [row[column] for column in TYPES])
    path = folder / f"{name}.csv"
    with written_at_once(path) as partial, partial.open("w", newline="") as file:
        writer = csv.DictWriter(file, TYPES, lineterminator="\n")
        writer.writeheader()
        writer.writerows(row | {"value": f"{row['value']:.10g}"} for row in rows)
    return f"{path}: {len(rows)} values. The README follows with: python -m collapse readme"


@dataclass(frozen=True)
class Measured:
    """A committed table, and what follows from it.

    Attributes:
        values: Its rows, as METRICS has them.
    """

    values: pa.Table

    @classmethod
    def of(cls, path: Path) -> "Measured":
        """Read a table that `measure` wrote."""
        return cls(arrow_csv.read_csv(path, convert_options=arrow_csv.ConvertOptions(column_types=TYPES)))

    @cached_property
    def strategies(self) -> list[str]:
        """Their names, in alphabetical order."""
        return sorted(set(self.values["strategy"].to_pylist()))

    @cached_property
    def last(self) -> int:
        """The last generation."""
        return max(self.values["generation"].to_pylist())

    def curves(self, metric: str, evaluation_set: str) -> dict[str, Band]:
        """Means over seeds by generation, by strategy."""
        return bands(self.values, metric, evaluation_set, CONFIDENCE)

    @cached_property
    def losses(self) -> dict[str, Band]:
        """Curves of the test loss, by strategy."""
        return self.curves(*LOSS)

    @cached_property
    def changes(self) -> dict[str, Interval]:
        """How far each strategy's test loss moved until the last generation."""
        return changes(self.values, *LOSS, self.last, CONFIDENCE)

    def difference(self, strategy: str, baseline: str) -> Interval:
        """What test loss one strategy has more than another at the last generation, paired by seed."""
        rows = contrasts(self.values, self.strategies, CONFIDENCE).to_pylist()
        pair = {"metric": LOSS[0], "generation": self.last, "strategy": strategy, "baseline": baseline}
        row = next(row for row in rows if pair.items() <= row.items())
        return Interval(**{name: row[name] for name in Interval.__dataclass_fields__})

    @cached_property
    def calibrations(self) -> dict[str, Calibration]:
        """How measures keep with the exact properties of their models, by measure."""
        return {one.pairing.measure: one for one in calibrations(self.values, self.strategies)}
