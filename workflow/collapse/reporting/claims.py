"""Claims on the page: what was expected and obtained, in the digits that are known, by row of the acceptance matrix."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from collapse.config.claims import BoundClaim, Claim, Evidence, OrderClaim, TrendClaim
from collapse.plots import wording

EVIDENCE = get_args(Evidence)
VERDICTS = ("reproduced", "not_reproduced", "inconclusive")
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
MOST_DECIMALS = 6


@dataclass(frozen=True)
class ClaimRow:
    """One claim's row.

    Attributes:
        claim_id, statement, where, at, reason: As in the CLAIMS contract.
        evidence: Whose the expectation is.
        expected: What is expected, with its sign where only a side counts.
        tolerance: How far off it may be, `± 0.1`; empty where only a side counts.
        observed: What was obtained.
        error: Its standard error, `± 0.02`; empty if unknown.
        verdict: In words.
    """

    claim_id: str
    statement: str
    where: str
    at: str
    evidence: str
    expected: str
    tolerance: str
    observed: str
    error: str
    verdict: str
    reason: str


@dataclass(frozen=True)
class Group:
    """Claims of one paper and row of the acceptance matrix with one kind of evidence.

    Attributes:
        anchor: Id on the page.
        row: Row of the acceptance matrix: how the ids begin.
        evidence: Whose the expectations are.
        claims: Its claims.
    """

    anchor: str
    row: str
    evidence: str
    claims: tuple[ClaimRow, ...]

    @property
    def n(self) -> int:
        """How many claims it has."""
        return len(self.claims)

    @property
    def reproduced(self) -> int:
        """How many of them are reproduced."""
        return sum(claim.verdict == "reproduced" for claim in self.claims)


@dataclass(frozen=True)
class Summary:
    """A line of the overview.

    Attributes:
        row: Row of the acceptance matrix.
        groups: Its claims by kind of evidence; None where there are none.
        open: Its claims that are not reproduced, and those that are inconclusive.
    """

    row: str
    groups: tuple[Group | None, ...]
    open: tuple[tuple[ClaimRow, ...], ...]


def grouped(paper: str, rows: Sequence[Mapping], claims: Mapping[str, Claim]) -> tuple[Group, ...]:
    """A paper's claims by row of the acceptance matrix and evidence.

    Args:
        paper: Its key.
        rows: Rows of the CLAIMS contract.
        claims: The claims by id, for the sides of bounds, trends and orders.
    """
    found = dict[tuple[str, str], list[ClaimRow]]()
    for row in rows:
        key = (row["claim_id"].split("-")[0], row["evidence"])
        found.setdefault(key, []).append(claim_row(row, claims.get(row["claim_id"])))
    ordered = sorted(found, key=lambda key: (_numbered(key[0]), EVIDENCE.index(key[1])))
    return tuple(Group(f"claims-{paper}-{'-'.join(key)}", *key, tuple(found[key])) for key in ordered)


def summaries(groups: Sequence[Group]) -> tuple[Summary, ...]:
    """A line for each row of the acceptance matrix."""
    lines = []
    for row in dict.fromkeys(group.row for group in groups):
        by_evidence = {group.evidence: group for group in groups if group.row == row}
        claims = [claim for group in by_evidence.values() for claim in group.claims]
        left = (tuple(one for one in claims if one.verdict == words(verdict)) for verdict in VERDICTS[1:])
        lines.append(Summary(row, tuple(by_evidence.get(evidence) for evidence in EVIDENCE), tuple(left)))
    return tuple(lines)


def claim_row(row: Mapping, claim: Claim | None) -> ClaimRow:
    """A claim as the page shows it."""
    expected, tolerance = ("", "") if row["expected"] is None else pair(row["expected"], row["tolerance"])
    observed, error = (wording.NOTHING, "") if row["observed"] is None else pair(row["observed"], row["standard_error"])
    return ClaimRow(
        claim_id=row["claim_id"],
        statement=row["statement"],
        where=row["where"],
        at=row["at"],
        evidence=row["evidence"],
        expected=f"{side(claim)} {expected}".strip(),
        tolerance=f"± {tolerance}" if tolerance else "",
        observed=observed,
        error=f"± {error}" if error else "",
        verdict=words(row["verdict"]),
        reason=row["reason"],
    )


def side(claim: Claim | None) -> str:
    """The sign before an expectation of which only one side counts."""
    match claim:
        case BoundClaim():
            return "≤" if claim.at_most is not None else "≥"
        case TrendClaim(direction="decreasing"):
            return "<"
        case TrendClaim() | OrderClaim():
            return ">"
        case _:
            return ""


def words(verdict: str) -> str:
    """A verdict for readers."""
    return verdict.replace("_", " ")


def pair(value: float, spread: float | None) -> tuple[str, str]:
    """A value and its error or tolerance in the same digits: two figures of the latter, else four of the value.

    Very small and very large numbers have a power of ten: `("5.10 × 10⁻⁵", "0.03 × 10⁻⁵")`.

    Args:
        value: The value.
        spread: Its standard error or tolerance; None if it has none.
    """
    size = max(abs(value), abs(spread or 0.0))
    power = _power(size) if size and not -3 <= _power(size) < 5 else 0
    ending = f" × 10{str(power).translate(RAISED)}" if power else ""
    scaled = value / 10.0**power
    if not spread:
        text = wording.number(scaled, _decimals(3 - _power(scaled) if scaled else 0))
        return _short(text) + ending, "" if spread is None else "0"
    digits = _decimals(1 - _power(spread / 10.0**power))
    shown = wording.number(spread / 10.0**power, digits)
    return wording.number(scaled, digits) + ending, (shown if float(shown) else "less than 10⁻⁶") + ending


def _power(value: float) -> int:
    return math.floor(math.log10(abs(value)))


def _decimals(wanted: int) -> int:
    return max(0, min(MOST_DECIMALS, wanted))


def _short(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def _numbered(row: str) -> tuple[str, int]:
    """`A4` before `A14`."""
    letters = row.rstrip("0123456789")
    return letters, int(row.removeprefix(letters) or 0)
