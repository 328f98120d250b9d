"""Which claims of papers would still be reproduced if the truth were 5 % off, in either direction?

    python tests/mutation/shifted_claims.py results/theory

Every number that a value, slope or ratio claim expects is shifted, whole claim by whole claim, and checked against what
the run obtained. A claim that stays reproduced says less than it seems to: give it more replicates, a tighter
tolerance or a better quantity. One that expects 0 cannot be shifted.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import yaml
from pydantic import TypeAdapter

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "workflow"))

from collapse.artifacts import contracts
from collapse.artifacts.contracts import METRICS, POINTS, THEORY
from collapse.claims import checks
from collapse.config.claims import Claim, RatioClaim, SlopeClaim, ValueClaim
from collapse.stats.pooled import Pooled, Value, pooled

PAPERS = ROOT / "workflow/experiments/papers"
SHIFTS = (0.95, 1.05)


def blunt(claims: dict[str, Claim], measured: Pooled, shifts: tuple[float, ...] = SHIFTS) -> Iterator[str]:
    """A line for every claim that is reproduced, and stays so under a shift: which, and by how much it is off.

    Args:
        claims: By their ids; kinds that expect no number are passed over.
        measured: What was obtained.
        shifts: Factors of what is expected.
    """
    for name, claim in claims.items():
        if not isinstance(claim, ValueClaim | SlopeClaim | RatioClaim):
            continue
        row = checks.check(name, claim, measured)
        if row["verdict"] != "reproduced" or claim.expected == 0:
            continue
        if survived := [shift for shift in shifts if _shifted(name, claim, measured, shift) == "reproduced"]:
            off = abs(row["observed"] - row["expected"]) / abs(row["expected"])
            room, error = row["tolerance"] / abs(row["expected"]), row["standard_error"] / abs(row["expected"])
            yield f"{name} ({claim.evidence}): {survived}, off {off:.2%} of {room:.2%} ± {error:.2%} at {row['at']}"


def _shifted(name: str, claim: Claim, measured: Pooled, shift: float) -> object:
    """The verdict if everything that is expected were another number."""
    near = checks._near

    def shifted(value: Value, expected: float, tolerance: float) -> checks.Finding:
        return near(value, shift * expected, tolerance)

    with mock.patch.object(checks, "_near", shifted):
        return checks.check(name, claim, measured)["verdict"]


def main(results: Path) -> None:
    """Print the blunt claims of all papers that a run has."""
    names = zip(("metrics", "theory", "points"), (METRICS, THEORY, POINTS), strict=True)
    measured = pooled(*(contracts.read(results / f"{name}.parquet", contract) for name, contract in names))
    there = {value.world for value in measured.values}
    written = [yaml.safe_load(path.read_text())["claims"] for path in sorted(PAPERS.glob("*.yaml"))]
    claims = TypeAdapter(dict[str, Claim]).validate_python(
        {key: one for paper in written for key, one in paper.items()}
    )
    lines = list(blunt({key: one for key, one in claims.items() if one.select.world in there}, measured))
    print("\n".join([*lines, f"{len(lines)} claims stay reproduced under a shift."]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
