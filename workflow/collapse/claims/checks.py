"""One check per kind of claim.

A claim is *reproduced* if every value it is about meets it and is known well enough to say so, *not reproduced* if one
misses it by more than chance, and *inconclusive* otherwise. Well enough means: a tolerance of at least `RESOLUTION`
standard errors for values, a difference of at least `Z` standard errors for orders and trends.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np

from collapse.claims.selection import aligned, select
from collapse.config.claims import (
    COMPARED,
    BoundClaim,
    Claim,
    OrderClaim,
    PairedEqualClaim,
    PairedOrderClaim,
    PeakClaim,
    RatioClaim,
    SlopeClaim,
    TrendClaim,
    ValueClaim,
)
from collapse.errors import ConfigError, ContractError
from collapse.stats.named import refuse_unknown
from collapse.stats.paired import LEAST_SEEDS, Interval, paired_t
from collapse.stats.pooled import Pooled, Value

RESOLUTION = 4.0
"""Standard errors that must fit into a tolerance before a value within it counts as reproduced."""

Z = 1.96
"""Standard errors of a 95 % interval."""

CONFIDENCE = 0.95
"""Coverage of intervals of differences within seeds."""

TOO_FEW = f"Fewer than {LEAST_SEEDS} seeds, or seeds without spread, say nothing of how well the difference is known."

Verdict = Literal["reproduced", "not_reproduced", "inconclusive"]
SEVERITY = {"reproduced": 0, "inconclusive": 1, "not_reproduced": 2}


@dataclass(frozen=True)
class Finding:
    """One comparison of a claim.

    Attributes:
        observed: What was obtained.
        standard_error: Of it; None if unknown.
        expected: What was expected.
        tolerance: How far off it may be; None where only the side counts.
        theory: What the closed form gives.
        at: Where it was.
        n: Replicates or units behind it.
        verdict: The outcome.
        reason: Why, in one sentence.
        strain: How close it came to failing; larger is closer.
        interval: Ends of the 95 % interval of `observed`, where it is not the normal one.
    """

    observed: float
    standard_error: float | None
    expected: float
    tolerance: float | None
    theory: float | None
    at: str
    n: int
    verdict: Verdict
    reason: str
    strain: float
    interval: tuple[float, float] | None = None


def check(claim_id: str, claim: Claim, measured: Pooled) -> dict[str, object]:
    """Check one claim; returns a row of the CLAIMS contract, told by the comparison closest to failing.

    Raises:
        ConfigError: The claim is about something that was not measured.
        ContractError: It expects a theory that there is not, or has no two places to compare.
    """
    where = f"claims.{claim_id}"
    values = select(measured, claim.select, f"{where}.select")
    findings = _CHECKS[claim.kind](claim, values, measured, where)
    worst = max(findings, key=lambda finding: (SEVERITY[finding.verdict], finding.strain))
    low, high = _ends(worst)
    reason = worst.reason
    if claim.reason and worst.verdict != "reproduced":
        reason = f"{reason} {claim.reason}"
    return {
        "claim_id": claim_id,
        "paper": claim.paper,
        "where": claim.where,
        "statement": claim.statement,
        "metric": claim.select.metric,
        "kind": claim.kind,
        "evidence": claim.evidence,
        "expected": worst.expected,
        "tolerance": worst.tolerance,
        "published": claim.published,
        "theory": worst.theory,
        "observed": worst.observed,
        "standard_error": worst.standard_error,
        "low": low,
        "high": high,
        "at": worst.at,
        "n_values": len(findings),
        "n_replicates": worst.n,
        "verdict": worst.verdict,
        "reason": reason,
    }


def _ends(finding: Finding) -> tuple[float | None, float | None]:
    """The 95 % interval of what was obtained."""
    if finding.interval is not None or finding.standard_error is None:
        return finding.interval or (None, None)
    spread = Z * finding.standard_error
    return finding.observed - spread, finding.observed + spread


def foresee(claim_id: str, claim: Claim, places: Pooled) -> None:
    """Refuse, before anything is measured, a claim that could not be checked.

    Args:
        claim_id: Its id.
        claim: What is claimed.
        places: What will be measured, without numbers.

    Raises:
        ConfigError: It is about something that will not be measured, or expects a theory that there is not.
    """
    where = f"claims.{claim_id}"
    values = select(places, claim.select, f"{where}.select")
    expects_theory = getattr(claim, "expected", None) == "theory"
    if isinstance(claim, TrendClaim | SlopeClaim | PeakClaim):
        _along(values, claim.along, where)
    others = [value for key in COMPARED for _, value in _pairs(claim, values, places, where, key)]
    for value in [*values, *others] if expects_theory else []:
        _theory_of(value, where)


def _pairs(claim: Claim, values: list[Value], measured: Pooled, where: str, key: str) -> list[tuple[Value, Value]]:
    """Each value with that of another selection it is compared with; none if the claim has no such selection."""
    if (selection := getattr(claim, key, None)) is None:
        return []
    return aligned(values, select(measured, selection, f"{where}.{key}"), (claim.select, selection), where)


def _value(claim: ValueClaim, values: list[Value], _measured: Pooled, where: str) -> list[Finding]:
    findings = []
    for value in values:
        expected = _expected(claim, value, where)
        tolerance = claim.tolerance * abs(expected) if claim.measured == "relative" else claim.tolerance
        if tolerance == 0:
            raise ContractError(
                f"{where}.tolerance: a share of 0 is no tolerance at {value.place}.\n  Use `measured: absolute`."
            )
        findings.append(_near(value, expected, tolerance))
    return findings


def _expected(claim: ValueClaim, value: Value, where: str) -> float:
    if claim.expected == "published":
        assert claim.published is not None
        return claim.published
    if claim.expected == "theory":
        return _theory_of(value, where)
    return claim.expected


def _theory_of(value: Value, where: str) -> float:
    if value.theory is None:
        raise ConfigError(f"{where}.expected: there is no theory at {value.place}.\n  Give it as a number.")
    return value.theory


def _near(value: Value, expected: float, tolerance: float) -> Finding:
    off, error = abs(value.mean - expected), value.standard_error
    if error is None:
        verdict, reason = "inconclusive", "There is one seed, so nothing says how well the value is known."
    elif off - Z * error > tolerance:
        verdict, reason = "not_reproduced", f"It is off by {off:.3g}, more than the tolerance of {tolerance:.3g}."
    elif off > tolerance or RESOLUTION * error > tolerance:
        resolved = f"the tolerance is {tolerance / error:.1f} standard errors" if error else "it is exact"
        verdict, reason = "inconclusive", f"It is off by {off:.3g}, and {resolved}."
    else:
        verdict, reason = "reproduced", f"It is off by {off:.2g}, within the tolerance of {tolerance:.2g}."
    return Finding(
        value.mean, error, expected, tolerance, value.theory, value.place, value.n, verdict, reason, off / tolerance
    )


def _bound(claim: BoundClaim, values: list[Value], _measured: Pooled, _where: str) -> list[Finding]:
    bound, sign = (claim.at_most, 1) if claim.at_most is not None else (claim.at_least, -1)
    assert bound is not None
    side = "below" if sign > 0 else "above"
    return [_beyond(value, sign * (bound - value.mean), bound, f"{side} {bound:g}") for value in values]


def _beyond(value: Value, room: float, expected: float, what: str, at: str | None = None) -> Finding:
    """A finding where `room`, with the value's standard error, should be positive."""
    error = value.standard_error
    if error is None:
        verdict, reason = "inconclusive", "There is one seed, so nothing says how well the value is known."
    elif room >= Z * error:
        verdict, reason = "reproduced", f"It is {what}, by {room:.3g}."
    elif room <= -Z * error:
        verdict, reason = "not_reproduced", f"It is not {what}, by {-room:.3g}."
    else:
        verdict, reason = "inconclusive", f"Whether it is {what} is undecided: {room:.3g} ± {Z * error:.2g}."
    strain = -room / error if error else -room * np.inf if room else 0.0
    return Finding(value.mean, error, expected, None, value.theory, at or value.place, value.n, verdict, reason, strain)


def _trend(claim: TrendClaim, values: list[Value], _measured: Pooled, where: str) -> list[Finding]:
    ordered = _along(values, claim.along, where)
    sign = 1 if claim.direction == "increasing" else -1
    findings = []
    for before, after in pairwise(ordered):
        change = _combined(after, before, after.mean - before.mean, 1.0, 1.0)
        what = "above" if sign > 0 else "below"
        step = f"{what} the value at {claim.along} {before.along(claim.along):g}"
        finding = _beyond(change, sign * change.mean, before.mean, step, after.place)
        findings.append(replace(finding, observed=after.mean, standard_error=after.standard_error, theory=after.theory))
    return findings


def _slope(claim: SlopeClaim, values: list[Value], _measured: Pooled, where: str) -> list[Finding]:
    ordered = _along(values, claim.along, where)
    x = np.log([value.along(claim.along) for value in ordered])
    weights = (x - x.mean()) / np.sum((x - x.mean()) ** 2)
    slope = float(weights @ np.log([value.mean for value in ordered]))
    errors = [value.standard_error for value in ordered]
    error = None
    if None not in errors:
        relative = np.array(errors, dtype=float) / np.array([value.mean for value in ordered])
        error = float(np.sqrt(np.sum((weights * relative) ** 2)))
    predicted = [value.theory for value in ordered]
    theory = None if None in predicted else float(weights @ np.log(np.array(predicted, dtype=float)))
    if claim.expected == "theory" and theory is None:
        raise ConfigError(f"{where}.expected: there is no theory at every point.\n  Give it as a number.")
    n = sum(value.n for value in ordered)
    line = replace(ordered[0], point={}, mean=slope, standard_error=error, n=n, theory=theory)
    expected = theory if claim.expected == "theory" else claim.expected
    assert expected is not None
    ends = f"{claim.along} {ordered[0].along(claim.along):g} to {ordered[-1].along(claim.along):g}"
    return [replace(_near(line, expected, claim.tolerance), at=f"{line.place}, {ends}")]


def _peak(claim: PeakClaim, values: list[Value], _measured: Pooled, where: str) -> list[Finding]:
    sign = 1 if claim.extreme == "highest" else -1
    ordered = sorted(_along(values, claim.along, where), key=lambda value: sign * value.mean)
    best, second = ordered[-1], ordered[-2]
    margin = _combined(best, second, abs(best.mean - second.mean), 1.0, 1.0)
    found = best.along(claim.along)
    at_place = bool(np.isclose(found, claim.expected))
    decided = margin.standard_error is not None and margin.mean >= Z * margin.standard_error
    verdict: Verdict = "inconclusive" if not decided else "reproduced" if at_place else "not_reproduced"
    what = f"The {claim.extreme} value is at {claim.along} {found:g}"
    reason = f"{what}, {margin.mean:.2g} from the next, at {second.along(claim.along):g}."
    strain = 0.0 if at_place else 1.0
    return [Finding(found, None, claim.expected, None, None, best.place, best.n, verdict, reason, strain)]


def _ratio(claim: RatioClaim, values: list[Value], measured: Pooled, where: str) -> list[Finding]:
    findings = []
    for value, other in _pairs(claim, values, measured, where, "over"):
        mean = value.mean / other.mean
        both = value.theory is not None and other.theory is not None
        theory = value.theory / other.theory if both else None  # type: ignore[operator]
        ratio = replace(_combined(value, other, mean, 1 / other.mean, mean / other.mean), theory=theory)
        expected = _theory_of(ratio, where) if claim.expected == "theory" else claim.expected
        findings.append(_near(ratio, expected, claim.tolerance))
    return findings


def _order(claim: OrderClaim, values: list[Value], measured: Pooled, where: str) -> list[Finding]:
    findings = []
    for value, other in _pairs(claim, values, measured, where, "exceeds"):
        difference = _combined(value, other, value.mean - other.mean, 1.0, 1.0)
        finding = _beyond(difference, difference.mean, other.mean, f"above {other.place}", value.place)
        findings.append(replace(finding, observed=value.mean, standard_error=value.standard_error, theory=value.theory))
    return findings


def _paired_order(claim: PairedOrderClaim, values: list[Value], measured: Pooled, where: str) -> list[Finding]:
    findings = []
    for value, other, found in _within_seeds(claim, values, measured, where, "exceeds"):
        low, high = found.low, found.high
        if found.n_seeds < LEAST_SEEDS or low is None or high is None:
            verdict, reason = "inconclusive", TOO_FEW
        elif low > 0 or high < 0:
            verdict = "reproduced" if low > 0 else "not_reproduced"
            side = "above" if low > 0 else "below"
            reason = f"It is {side} {other.place}: the difference is {found.estimate:.3g} [{low:.3g}, {high:.3g}]."
        else:
            verdict = "inconclusive"
            reason = f"Whether it is above {other.place} is undecided: {found.estimate:.3g} [{low:.3g}, {high:.3g}]."
        findings.append(_difference(value, found, 0.0, None, verdict, reason, -found.estimate))
    return findings


def _paired_equal(claim: PairedEqualClaim, values: list[Value], measured: Pooled, where: str) -> list[Finding]:
    findings = []
    for value, other, found in _within_seeds(claim, values, measured, where, "equals"):
        low, high, tolerance = found.low, found.high, claim.tolerance
        if found.n_seeds < LEAST_SEEDS or low is None or high is None:
            verdict, reason = "inconclusive", TOO_FEW
        else:
            inside, outside = max(-low, high) <= tolerance, max(low, -high) > tolerance
            verdict = "reproduced" if inside else "not_reproduced" if outside else "inconclusive"
            reason = (
                f"It differs from {other.place} by {found.estimate:.3g} [{low:.3g}, {high:.3g}], where {tolerance:.3g} "
                "is allowed."
            )
        findings.append(_difference(value, found, 0.0, tolerance, verdict, reason, abs(found.estimate) / tolerance))
    return findings


def _within_seeds(
    claim: Claim, values: list[Value], measured: Pooled, where: str, key: str
) -> Iterator[tuple[Value, Value, Interval]]:
    """Each value with the one it is compared with, and the interval of their mean difference within seeds."""
    for value, other in _pairs(claim, values, measured, where, key):
        seeds = sorted(value.by_seed.keys() & other.by_seed.keys())
        differences = np.array([value.by_seed[seed] - other.by_seed[seed] for seed in seeds])
        if len(differences) < 2:
            yield value, other, Interval(value.mean - other.mean, None, None, "single_seed", len(seeds), None)
        else:
            yield value, other, paired_t(differences, CONFIDENCE)


def _difference(
    value: Value,
    found: Interval,
    expected: float,
    tolerance: float | None,
    verdict: Verdict,
    reason: str,
    strain: float,
) -> Finding:
    """A finding about a difference within seeds, whose interval is Student's."""
    known = found.low is not None and found.high is not None
    interval = (found.low, found.high) if known else None
    return Finding(
        *(found.estimate, None, expected, tolerance, None, value.place, value.n, verdict, reason, strain),
        interval=interval,  # pyright: ignore[reportArgumentType]
    )


def _along(values: list[Value], axis: str, where: str) -> list[Value]:
    """The values in order of an axis on which no two share a place."""
    swept = set[str].intersection(*(set(value.point) for value in values))
    refuse_unknown(f"{where}.along", axis, {"generation", *swept}, "is not swept there")
    ordered = sorted(values, key=lambda value: value.along(axis))
    if len(ordered) < 2 or len({value.along(axis) for value in ordered}) < len(ordered):
        n_places = len({value.along(axis) for value in ordered})
        raise ConfigError(
            f"{where}.select: needs two values or more along `{axis}`, each at a place of its own; it has "
            f"{len(ordered)} at {n_places} places.\n  Name the other parameters under `at`."
        )
    return ordered


def _combined(first: Value, second: Value, mean: float, by_first: float, by_second: float) -> Value:
    """A function of two independent values, with its standard error by the delta method."""
    errors = (first.standard_error, second.standard_error)
    error = None
    if errors[0] is not None and errors[1] is not None:
        error = float(np.hypot(by_first * errors[0], by_second * errors[1]))
    return replace(first, mean=mean, standard_error=error, n=min(first.n, second.n))


_CHECKS: dict[str, Callable[..., list[Finding]]] = {
    "value": _value,
    "bound": _bound,
    "trend": _trend,
    "slope": _slope,
    "peak": _peak,
    "ratio": _ratio,
    "order": _order,
    "paired_order": _paired_order,
    "paired_equal": _paired_equal,
}
