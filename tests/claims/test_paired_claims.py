"""Claims about differences within seeds say what Student's interval says, however far the seeds are apart."""

import pyarrow as pa
import pytest
from pydantic import TypeAdapter

from collapse.artifacts.contracts import METRICS, POINTS, THEORY
from collapse.claims import check
from collapse.config.claims import Claim
from collapse.stats.pooled import pooled

COMMON = {"paper": "someone-2024", "where": "figure 1", "statement": "It is so.", "evidence": "ours"}
SELECT = {"evaluation_set": "real_test", "metric": "right_fraction", "generations": [1]}
FAR_APART = [0.1, 0.5, 0.9]


def verdict(first: list[float], second: list[float], **claim) -> dict:
    rows = [
        {"experiment": "e", "strategy": name, "seed": seed, "generation": 1, "metric": "right_fraction"}
        | {"evaluation_set": "real_test", "value": value, "unit": "1", "n": 9, "standard_error": None}
        for name, values in {"first": first, "second": second}.items()
        for seed, value in enumerate(values)
    ]
    empty = (pa.Table.from_pylist([], schema) for schema in (THEORY.schema, POINTS.schema))
    measured = pooled(pa.Table.from_pylist(rows, METRICS.schema), *empty)
    checked = TypeAdapter(Claim).validate_python(COMMON | {"select": SELECT | {"strategy": "first"}} | claim)
    return check("A0-test", checked, measured)


def order(first: list[float], second: list[float]) -> dict:
    return verdict(first, second, kind="paired_order", exceeds=SELECT | {"strategy": "second"})


def equal(first: list[float], second: list[float], tolerance: float) -> dict:
    return verdict(first, second, kind="paired_equal", equals=SELECT | {"strategy": "second"}, tolerance=tolerance)


def shifted(*by: float) -> list[float]:
    return [value + shift for value, shift in zip(FAR_APART, by, strict=True)]


def test_a_difference_that_all_seeds_share_is_decided_however_far_the_seeds_are_apart():
    found = order(shifted(0.09, 0.1, 0.11), FAR_APART)
    assert found["verdict"] == "reproduced" and found["observed"] == pytest.approx(0.1)
    # Student's t with two degrees of freedom: 4.303 × 0.01 / √3
    assert (found["low"], found["high"]) == pytest.approx((0.1 - 0.02484, 0.1 + 0.02484), abs=1e-4)
    assert order(FAR_APART, shifted(0.09, 0.1, 0.11))["verdict"] == "not_reproduced"


def test_seeds_that_disagree_decide_nothing():
    assert order(shifted(0.3, -0.2, 0.1), FAR_APART)["verdict"] == "inconclusive"


@pytest.mark.parametrize("n", [1, 2])
def test_two_seeds_decide_nothing(n):
    first, second = shifted(0.09, 0.1, 0.11)[:n], FAR_APART[:n]
    assert order(first, second)["verdict"] == equal(first, second, 0.5)["verdict"] == "inconclusive"


@pytest.mark.parametrize(
    ("tolerance", "expected"), [(0.2, "reproduced"), (0.11, "inconclusive"), (0.01, "not_reproduced")]
)
def test_equal_is_what_the_whole_interval_allows(tolerance, expected):
    for first, second in ((shifted(0.09, 0.1, 0.11), FAR_APART), (FAR_APART, shifted(0.09, 0.1, 0.11))):
        assert equal(first, second, tolerance)["verdict"] == expected
