"""A claim that a truth 5 % off would leave standing is named, and one that would fall is not."""

import sys
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from collapse.config.claims import Claim
from collapse.stats.pooled import Pooled, Value

sys.path.insert(0, str(Path(__file__).parent))
import shifted_claims

PLACE = {"world": "w", "metric": "excess_error", "strategy": "mix"}
COMMON = {"paper": "p", "where": "derived", "statement": "s", "evidence": "ours", "select": PLACE}
FIRST, SECOND = PLACE | {"at": {"samples": 10}}, PLACE | {"at": {"samples": 20}}
CLAIMS = {
    "value": {"kind": "value", "expected": "theory"},
    "number": {"kind": "value", "expected": 2.0, "select": FIRST},
    "ratio": {"kind": "ratio", "expected": 1.0, "select": SECOND, "over": SECOND},
    "slope": {"kind": "slope", "along": "samples", "expected": -1.0},
}


def measured(first: float, error: float = 1e-4) -> Pooled:
    """Errors of 10 and of 20 samples; theory has 2 and 1."""
    places = ((10.0, first, 2.0), (20.0, 1.0, 1.0))
    values = [
        Value("w", f"w/samples={n:g}", "excess_error", "mix", 0, {"samples": n}, mean, error, 100, theory)
        for n, mean, theory in places
    ]
    return Pooled(tuple(values), ())


def named(kind: str, tolerance: float, found: Pooled) -> list[str]:
    """What is said of one claim."""
    claims = TypeAdapter(dict[str, Claim]).validate_python({kind: COMMON | CLAIMS[kind] | {"tolerance": tolerance}})
    return list(shifted_claims.blunt(claims, found))


@pytest.mark.parametrize("kind", CLAIMS)
def test_a_claim_is_blunt_if_its_tolerance_holds_a_shift_of_five_per_cent(kind):
    assert named(kind, 0.04, measured(2.0)) == []
    assert "[0.95, 1.05]" in named(kind, 0.06, measured(2.0))[0]


def test_a_claim_may_be_blunt_on_the_side_that_it_is_off_to():
    assert named("number", 0.03, measured(2.05))[0].startswith("number (ours): [1.05], off 2.50% of 3.00% ± 0.01%")
    assert named("number", 0.03, measured(1.95))[0].startswith("number (ours): [0.95]")


def test_what_is_not_reproduced_as_it_is_stays_unnamed():
    assert named("number", 0.06, measured(3.0)) == []
    assert named("number", 0.06, measured(2.0, error=0.5)) == []
