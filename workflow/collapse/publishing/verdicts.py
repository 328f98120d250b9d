"""Verdicts on the claims of papers, as they are published: a committed table, one row per claim.

A run with other verdicts, or with the same ones for other reasons (another observed value), is refused by name, so that
nothing moves without a decision.
"""

import csv
import math
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from collapse.artifacts import contracts
from collapse.artifacts.contracts import CLAIMS
from collapse.errors import ContractError
from collapse.running.files import written_at_once

TABLE = Path("workflow/experiments/papers/verdicts.csv")

SAME = 1e-6
"""Relative. Another processor adds in another order, which moves a mean in its last digits; another seed, or one
replicate more, moves it by far more than this."""


class Verdict(NamedTuple):
    """What was found about one claim.

    Attributes:
        claim_id: Id of the claim.
        paper: Key of the paper.
        evidence: Whose the expectation is: `published`, `theorem` or `ours`.
        verdict: `reproduced`, `not_reproduced` or `inconclusive`.
        observed: What was obtained where the claim came closest to failing; None where nothing was.
        at: Where that was.
    """

    claim_id: str
    paper: str
    evidence: str
    verdict: str
    observed: float | None
    at: str

    @classmethod
    def of_row(cls, row: Mapping[str, str]) -> "Verdict":
        """From a row of the committed table."""
        observed = float(row["observed"]) if row["observed"] else None
        return cls(**{**row, "observed": observed})  # type: ignore[arg-type]

    def agrees_with(self, other: "Verdict") -> bool:
        """Whether the other says the same, for the same reason."""
        if (self.evidence, self.verdict) != (other.evidence, other.verdict) or (self.observed is None) != (
            other.observed is None
        ):
            return False
        return self.observed is None or math.isclose(self.observed, other.observed or 0.0, rel_tol=SAME, abs_tol=1e-12)

    def __str__(self) -> str:
        """The verdict in words, what was observed, and whose the expectation is."""
        return f"{self.verdict.replace('_', ' ')} ({self._observed}, {self.at}; {self.evidence})"

    @property
    def row(self) -> dict[str, str]:
        """The claim's row of the committed table."""
        return {**self._asdict(), "observed": self._observed}

    @property
    def _observed(self) -> str:
        return "" if self.observed is None else f"{self.observed:.10g}"


def compare_verdicts(results: Path, table: Path = TABLE) -> str:
    """Compare the verdicts of a run with the published ones.

    Args:
        results: Results of an experiment on papers, with `claims.parquet`.
        table: The published verdicts.

    Returns:
        That they are the same.

    Raises:
        ContractError: Some are not; each is named with what it was and what it is.
    """
    found, published = of_run(results), of_table(table)
    if told := moved(published, found):
        raise ContractError(
            f"{results}: {len(told)} of {len(found)} verdicts are not those of {table}:\n"
            + "\n".join(f"  {line}" for line in told)
            + f"\n  If that is meant: python -m collapse accept-verdicts {results}, and say why in CHANGELOG, Numbers."
        )
    return f"{len(found)} verdicts, all as published in {table}."


def accept_verdicts(results: Path, table: Path = TABLE) -> str:
    """Publish the verdicts of a run: its papers' rows are replaced, the other papers' stay.

    Args:
        results: Results of an experiment on papers, with `claims.parquet`.
        table: The published verdicts, rewritten.

    Returns:
        What moved.
    """
    found = of_run(results)
    published = of_table(table) if table.exists() else {}
    papers = {verdict.paper for verdict in found.values()}
    kept = [verdict for verdict in published.values() if verdict.paper not in papers]
    with written_at_once(table) as partial, partial.open("w", newline="") as file:
        writer = csv.DictWriter(file, Verdict._fields, lineterminator="\n")
        writer.writeheader()
        writer.writerows(one.row for one in sorted([*kept, *found.values()], key=lambda one: (one.paper, one.claim_id)))
    gone = [f"{name}: is gone" for name, one in published.items() if one.paper in papers and name not in found]
    told = [*moved(published, found), *gone]
    return "\n".join([*told, f"{table}: {len(told)} of {len(kept) + len(found)} rows moved."])


def moved(published: Mapping[str, Verdict], found: Mapping[str, Verdict]) -> list[str]:
    """The claims of a run that are not as published, a sentence each."""
    return [
        f"{name}: was {published[name]}, is {one}" if name in published else f"{name}: was not published, is {one}"
        for name, one in sorted(found.items())
        if name not in published or not one.agrees_with(published[name])
    ]


def of_run(results: Path) -> dict[str, Verdict]:
    """The verdicts of a run, by claim.

    Raises:
        ContractError: It has none.
    """
    rows = contracts.read(results / "claims.parquet", CLAIMS, list(Verdict._fields)).to_pylist()
    return {row["claim_id"]: Verdict(**row) for row in rows}


def of_table(path: Path) -> dict[str, Verdict]:
    """The published verdicts, by claim.

    Raises:
        ContractError: There is no such table here.
    """
    if not path.is_file():
        raise ContractError(f"{path}: there is no such file.\n  Run this where config.yaml lies.")
    with path.open(newline="") as file:
        rows = csv.DictReader(file)
        return {row["claim_id"]: Verdict.of_row(row) for row in rows}
