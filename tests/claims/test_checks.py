"""A claim's verdict says what the numbers say, and no more."""

import copy

import numpy as np
import pyarrow as pa
import pytest
from pydantic import TypeAdapter, ValidationError

from collapse.artifacts.contracts import METRICS, POINTS, THEORY
from collapse.claims import check
from collapse.config.claims import Claim
from collapse.errors import ConfigError, ContractError
from collapse.stats.pooled import Pooled, pooled

COMMON = {"paper": "someone-2024", "where": "theorem 1", "statement": "It is so.", "evidence": "theorem"}
PUBLISHED = {"expected": "published", "evidence": "published"}


def measured(values, *, errors=0.01, theory=None, strategy="replace", metric="error", seeds=(0,), swept="x") -> dict:
    """Rows for one line along a swept parameter, as the three tables have them."""
    rows, laws, points = [], [], []
    for place, value in values.items():
        name = f"world/{swept}={place:g}"
        common = {"strategy": strategy, "generation": 1, "metric": metric, "evaluation_set": name}
        error = errors[place] if isinstance(errors, dict) else errors
        for seed in seeds:
            rows.append(
                {**common, "experiment": "e", "seed": seed, "value": value, "unit": "1", "n": 100}
                | {"standard_error": error}
            )
        if theory is not None:
            law = {"value": theory[place], "status": "exact", "formula": "y = x", "source": "derived"}
            laws.append(common | law)
        points += [
            {"evaluation_set": name, "world": "world", "parameter": swept, "value": float(place)},
            {"evaluation_set": name, "world": "world", "parameter": "replicates", "value": 100.0},
        ]
    return {"metrics": rows, "theory": laws, "points": points}


def tables(*parts: dict) -> Pooled:
    schemas = {"metrics": METRICS.schema, "theory": THEORY.schema, "points": POINTS.schema}
    joined = {name: [row for part in parts for row in part[name]] for name in schemas}
    joined["points"] = [dict(row) for row in {tuple(row.items()) for row in joined["points"]}]
    return pooled(*(pa.Table.from_pylist(joined[name], schema) for name, schema in schemas.items()))


def verdict(values: Pooled, **claim) -> dict:
    select = {"world": "world", "metric": "error", "strategy": "replace"} | claim.pop("select", {})
    checked = TypeAdapter(Claim).validate_python(COMMON | {"select": select} | claim)
    return check("A0-test", checked, values)


@pytest.mark.parametrize(
    ("value", "error", "expected"),
    [
        (1.02, 0.01, "reproduced"),
        (1.02, 0.02, "inconclusive"),  # within, but the tolerance is 2.5 standard errors
        (1.06, 0.01, "inconclusive"),  # outside, by one standard error
        (1.08, 0.01, "not_reproduced"),
        (0.92, 0.01, "not_reproduced"),
        (1.00, 0.0, "reproduced"),
    ],
)
def test_a_value_is_reproduced_if_it_is_close_and_known_well_enough(value, error, expected):
    found = verdict(tables(measured({1: value}, errors=error)), kind="value", expected=1.0, tolerance=0.05)
    assert found["verdict"] == expected
    assert (found["observed"], found["expected"], found["tolerance"]) == (value, 1.0, 0.05)


def test_one_bad_value_fails_a_claim_about_many_and_is_the_one_shown():
    values = tables(measured({1: 1.0, 2: 2.0, 3: 3.5}, theory={1: 1.0, 2: 2.0, 3: 3.0}))
    found = verdict(values, kind="value", expected="theory", tolerance=0.05)
    assert found["verdict"] == "not_reproduced"
    assert (found["observed"], found["theory"], found["n_values"]) == (3.5, 3.0, 3)
    assert "x 3" in found["at"]
    assert found["tolerance"] == pytest.approx(0.15)


def test_one_undecided_value_leaves_a_claim_about_many_undecided():
    """Though one that holds came closer to failing."""
    values = tables(measured({1: 1.04, 2: 1.0}, errors={1: 0.001, 2: 0.02}))
    assert verdict(values, kind="value", expected=1.0, tolerance=0.05)["verdict"] == "inconclusive"


def test_a_reason_explains_a_failure_and_does_not_change_it():
    claim = {"kind": "value", "expected": 1.0, "tolerance": 0.05, "reason": "The setting is unknown."}
    assert verdict(tables(measured({1: 2.0})), **claim)["verdict"] == "not_reproduced"
    assert "The setting is unknown." in verdict(tables(measured({1: 2.0})), **claim)["reason"]
    assert "unknown" not in verdict(tables(measured({1: 1.0})), **claim)["reason"]


@pytest.mark.parametrize(
    ("bound", "expected"),
    [
        ({"at_most": 1.1}, "reproduced"),
        ({"at_most": 0.9}, "not_reproduced"),
        ({"at_most": 1.01}, "inconclusive"),
        ({"at_least": 0.9}, "reproduced"),
        ({"at_least": 1.1}, "not_reproduced"),
    ],
)
def test_a_bound_is_kept_clearly_or_not_at_all(bound, expected):
    assert verdict(tables(measured({1: 1.0})), kind="bound", **bound)["verdict"] == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({1: 1.0, 2: 1.1, 3: 1.2}, "reproduced"),
        ({1: 1.0, 2: 1.1, 3: 1.05}, "not_reproduced"),
        ({1: 1.0, 2: 1.1, 3: 1.11}, "inconclusive"),
    ],
)
def test_a_trend_rises_at_every_step(values, expected):
    claim = {"kind": "trend", "along": "x", "direction": "increasing"}
    assert verdict(tables(measured(values)), **claim)["verdict"] == expected
    mirrored = {place: -value for place, value in values.items()}
    assert verdict(tables(measured(mirrored)), **(claim | {"direction": "decreasing"}))["verdict"] == expected


def test_a_slope_is_that_of_the_logarithms_and_its_error_is_propagated():
    line = {x: 3 * x**-0.5 for x in (10, 100, 1000)}
    errors = {x: 0.01 * value for x, value in line.items()}
    values = tables(measured(line, errors=errors, theory={x: 5 * x**-0.49 for x in line}))
    found = verdict(values, kind="slope", along="x", expected=-0.5, tolerance=0.03)
    assert found["observed"] == pytest.approx(-0.5)
    assert found["theory"] == pytest.approx(-0.49)
    # Three points, each known to 1 %: the slope's error is 0.01 / sqrt(sum of squared deviations of log x).
    assert found["standard_error"] == pytest.approx(0.01 / np.sqrt(2 * np.log(10) ** 2))
    assert found["verdict"] == "reproduced"
    assert verdict(values, kind="slope", along="x", expected=-0.6, tolerance=0.03)["verdict"] == "not_reproduced"


def test_a_peak_must_stand_out():
    clear, flat = {1: 1.0, 2: 3.0, 3: 2.0}, {1: 1.0, 2: 3.0, 3: 2.999}
    claim = {"kind": "peak", "along": "x", "extreme": "highest"}
    assert verdict(tables(measured(clear)), **claim, expected=2)["verdict"] == "reproduced"
    assert verdict(tables(measured(clear)), **claim, expected=3)["verdict"] == "not_reproduced"
    assert verdict(tables(measured(flat)), **claim, expected=2)["verdict"] == "inconclusive"


def test_ratios_and_orders_compare_row_by_row():
    low, high = {1: 1.0, 2: 2.0}, {1: 2.0, 2: 4.0}
    values = tables(measured(low), measured(high, strategy="accumulate"))
    other = {"world": "world", "metric": "error", "strategy": "accumulate"}
    found = verdict(values, kind="ratio", over=other, expected=0.5, tolerance=0.05)
    assert (found["verdict"], found["n_values"]) == ("reproduced", 2)
    assert found["observed"] == pytest.approx(0.5)
    assert verdict(values, kind="order", exceeds=other)["verdict"] == "not_reproduced"
    reversed_ = {"select": {"strategy": "accumulate"}, "exceeds": other | {"strategy": "replace"}}
    assert verdict(values, kind="order", **reversed_)["verdict"] == "reproduced"


def test_seeds_are_pooled_by_their_replicates_in_a_world():
    values = tables(measured({1: 1.0}, errors=0.02, seeds=(0, 1, 2, 3)))
    found = verdict(values, kind="value", expected=1.0, tolerance=0.05)
    assert found["standard_error"] == pytest.approx(0.02 / 2)
    assert found["n_replicates"] == 400


def loop_rows(losses) -> Pooled:
    rows = [
        {"experiment": "e", "strategy": "replace", "seed": seed, "generation": 1, "metric": "test_loss"}
        | {"evaluation_set": "real_test", "value": loss, "unit": "nat/token", "n": 9, "standard_error": 0.5}
        for seed, loss in enumerate(losses)
    ]
    empty = (pa.Table.from_pylist([], schema) for schema in (THEORY.schema, POINTS.schema))
    return pooled(pa.Table.from_pylist(rows, METRICS.schema), *empty)


def test_in_the_loop_of_language_models_the_error_is_that_between_seeds():
    select = {"world": None, "evaluation_set": "real_test", "metric": "test_loss"}
    claim = {"kind": "bound", "at_least": 2.0, "select": select}
    found = verdict(loop_rows([3.0, 3.2, 3.4]), **claim)
    assert found["standard_error"] == pytest.approx(0.2 / np.sqrt(3))
    assert found["verdict"] == "reproduced"
    assert verdict(loop_rows([3.0]), **claim)["verdict"] == "inconclusive"


@pytest.mark.parametrize(
    ("select", "words"),
    [
        (
            {"metric": "err"},
            r"select\.metric: `err` is not measured there; did you mean `error`",
        ),
        ({"strategy": "window"}, r"select\.strategy: `window` is not measured there; there is replace"),
        ({"generations": [1, 7]}, r"select\.generations: 7 is not measured; there is 1"),
        ({"at": {"y": 1}}, r"select\.at: `y` is not swept there; there is x"),
        ({"at": {"x": 9}}, r"select\.at\.x: 9 is not simulated; there is 1, 2"),
        ({"at": {"x": (2, 9)}}, r"select\.at\.x: 9 is not simulated; there is 1, 2"),
    ],
)
def test_what_a_selection_names_and_nothing_has_is_refused(select, words):
    with pytest.raises(ConfigError, match=words):
        verdict(tables(measured({1: 1.0, 2: 1.0})), kind="value", expected=1.0, tolerance=0.1, select=select)


def grids(**points) -> Pooled:
    """Values of two swept parameters under each strategy, one for each `(x, y)`."""
    rows = [
        {"strategy": strategy, "generation": 1, "metric": "error", "evaluation_set": f"world/x={x},y={y}"}
        | {"experiment": "e", "seed": 0, "value": value, "unit": "1", "n": 9, "standard_error": 0.001}
        for strategy, values in points.items()
        for (x, y), value in values.items()
    ]
    swept = [
        {"evaluation_set": f"world/x={x},y={y}", "world": "world", "parameter": name, "value": float(value)}
        for values in points.values()
        for x, y in values
        for name, value in (("x", x), ("y", y))
    ]
    return tables({"metrics": rows, "theory": [], "points": swept})


def test_each_value_named_must_be_there_together_with_the_others():
    values = grids(replace={(1, 1): 1.0, (2, 2): 1.0})
    claim = {"kind": "value", "expected": 1.0, "tolerance": 0.1}
    assert verdict(values, **claim, select={"at": {"x": 1, "y": 1}})["n_values"] == 1
    with pytest.raises(ConfigError, match=r"select: y 2 is not measured together with what else it names"):
        verdict(values, **claim, select={"at": {"x": 1, "y": (1, 2)}})


def test_values_are_paired_by_their_place_whatever_their_order():
    values = grids(replace={(1, 1): 1.0, (2, 1): 2.0, (3, 1): 4.0}, accumulate={(2, 1): 2.0, (3, 1): 4.0, (4, 1): 9.0})
    other = {"world": "world", "metric": "error", "strategy": "accumulate"}
    claim = {"kind": "ratio", "expected": 1, "tolerance": 0.1}
    with pytest.raises(
        ConfigError, match=r"nothing to compare with replace, generation 1, .*x 1.* there is .*x 2, 3, 4"
    ):
        verdict(values, **claim, over=other)
    same = {"at": {"x": (2, 3)}}
    assert verdict(values, **claim, select=same, over=other | {"at": {"x": (3, 2)}})["verdict"] == "not_reproduced"
    assert verdict(values, **claim, select=same, over=other | {"at": {"x": (2, 3)}})["verdict"] == "reproduced"


def test_lists_of_equal_length_are_paired_item_by_item():
    values = grids(replace={(1, 1): 1.0, (10, 1): 2.0, (10, 2): 1.0, (100, 2): 2.0})
    claim = {"kind": "ratio", "expected": 1, "tolerance": 0.1, "select": {"at": {"y": 1, "x": (10, 1)}}}
    other = {"world": "world", "metric": "error", "strategy": "replace", "at": {"y": 2, "x": (100, 10)}}
    assert verdict(values, **claim, over=other)["verdict"] == "reproduced"
    assert verdict(values, **claim, over=other | {"at": {"y": 2, "x": (10, 100)}})["verdict"] == "not_reproduced"


def test_every_value_with_every_other_is_no_comparison():
    values = grids(replace={(1, 1): 1.0, (1, 2): 1.0}, accumulate={(1, 1): 1.0, (2, 1): 1.0})
    other = {"world": "world", "metric": "error", "strategy": "accumulate", "at": {"y": 1}}
    with pytest.raises(ConfigError, match="compares every value with several"):
        verdict(values, kind="order", exceeds=other, select={"at": {"x": 1}})


def test_a_relative_tolerance_of_nothing_is_refused():
    with pytest.raises(ContractError, match="a share of 0 is no tolerance"):
        verdict(tables(measured({1: 0.0})), kind="value", expected=0.0, tolerance=0.05)


def test_a_slope_needs_places_of_their_own():
    both = tables(measured({1: 1.0, 2: 2.0}), measured({1: 1.0, 2: 2.0}, swept="y"))
    with pytest.raises(ConfigError, match=r"claims\.A0-test\.along: `x` is not swept there; there is generation"):
        verdict(both, kind="slope", along="x", expected=1, tolerance=0.1)
    with pytest.raises(ConfigError, match="needs two values or more along `x`"):
        verdict(tables(measured({1: 1.0})), kind="slope", along="x", expected=1, tolerance=0.1)


@pytest.mark.parametrize(
    ("claim", "words"),
    [
        ({"kind": "value", "expected": 1.0, "tolerance": 0.1, "evidence": "memory"}, "evidence"),
        ({"kind": "value", "tolerance": 0.1, **PUBLISHED}, "needs `published`"),
        ({"kind": "value", "expected": 1.0, "tolerance": 0.1, "evidence": "published"}, "own number is expected"),
        ({"kind": "value", "tolerance": 0.1, "published": 1.0, **PUBLISHED, "evidence": "ours"}, "`evidence: ours`"),
        ({"kind": "bound"}, "either `at_most` or `at_least`"),
        ({"kind": "value", "expected": 1.0, "tolerance": 0.0}, "tolerance"),
        ({"kind": "guess"}, "kind"),
    ],
)
def test_a_claim_that_expects_nothing_definite_is_refused(claim, words):
    select = {"world": "world", "metric": "error", "strategy": "replace"}
    with pytest.raises(ValidationError, match=words):
        TypeAdapter(Claim).validate_python(COMMON | {"select": select} | claim)


def test_of_values_that_hold_the_one_nearest_to_failing_is_shown():
    values = tables(measured({1: 1.0, 2: 1.04, 3: 1.01}))
    assert "x 2" in verdict(values, kind="value", expected=1.0, tolerance=0.05)["at"]


def test_a_value_that_fails_is_shown_before_one_that_is_only_farther_off():
    values = tables(measured({1: 1.4, 2: 1.1}, errors={1: 0.4, 2: 0.01}))
    found = verdict(values, kind="value", expected=1.0, tolerance=0.05)
    assert (found["verdict"], found["observed"]) == ("not_reproduced", 1.1)


@pytest.mark.parametrize(
    ("margin", "error", "expected"),
    [(1.5, 1.0, "inconclusive"), (1.96, 1.0, "reproduced"), (2.5, 1.0, "reproduced"), (2.5, None, "inconclusive")],
)
def test_a_peak_stands_out_by_its_standard_error(margin, error, expected):
    values = tables(measured({1: 0.0, 2: margin}, errors={1: 0.0, 2: error}))
    assert verdict(values, kind="peak", along="x", extreme="highest", expected=2)["verdict"] == expected


# --- exactly at a limit -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "error", "expected"),
    [
        (1.5, 0.0, "reproduced"),  # off by the tolerance
        (1.5, 0.125, "reproduced"),  # which is four standard errors
        (1.5, 0.1251, "inconclusive"),
        (1.5 + 2.0 / 8, 0.125, "not_reproduced"),  # two standard errors beyond it
        (1.5 + 1.9 / 8, 0.125, "inconclusive"),
    ],
)
def test_a_tolerance_holds_to_its_end_and_four_standard_errors(value, error, expected):
    found = verdict(tables(measured({1: value}, errors=error)), kind="value", expected=1.0, tolerance=0.5)
    assert found["verdict"] == expected


@pytest.mark.parametrize(
    ("room", "error", "expected"),
    [
        (1.96, 1.0, "reproduced"),
        (1.9, 1.0, "inconclusive"),
        (2.0, 1.0, "reproduced"),
        (-1.96, 1.0, "not_reproduced"),
        (-1.9, 1.0, "inconclusive"),
        (0.0, 0.0, "reproduced"),
        (-0.1, 0.0, "not_reproduced"),
    ],
)
@pytest.mark.parametrize("side", ["at_most", "at_least"])
def test_a_side_is_decided_from_1_96_standard_errors(side, room, error, expected):
    values, bound = tables(measured({1: 0.0}, errors=error)), room if side == "at_most" else -room
    assert verdict(values, kind="bound", **{side: bound})["verdict"] == expected


def test_of_bounds_that_are_kept_the_narrowest_is_shown():
    for errors in (0.01, 0.0):
        values = tables(measured({1: 0.5, 2: 1.0 - 2 * errors, 3: 0.7}, errors=errors))
        assert "x 2" in verdict(values, kind="bound", at_most=1.0)["at"]


def test_of_bounds_the_one_missed_by_most_standard_errors_is_shown():
    values = tables(measured({1: 1.2, 2: 1.3, 3: 0.5}, errors={1: 0.01, 2: 0.1, 3: 0.01}))
    assert "x 1" in verdict(values, kind="bound", at_most=1.0)["at"]


# --- what a row says --------------------------------------------------------------------------------------------------


def test_what_was_observed_has_its_interval():
    found = verdict(tables(measured({1: 1.0}, errors=0.01)), kind="value", expected=1.0, tolerance=0.05)
    assert (found["low"], found["high"]) == pytest.approx((1 - 0.0196, 1 + 0.0196))
    alone = verdict(tables(measured({1: 1.0}, errors=None)), kind="value", expected=1.0, tolerance=0.05)
    assert (alone["verdict"], alone["low"], alone["high"]) == ("inconclusive", None, None)


def test_a_tolerance_is_a_share_or_in_the_metrics_unit():
    claim = {"kind": "value", "expected": -2.0, "tolerance": 0.1}
    values = tables(measured({1: -2.15}))
    assert verdict(values, **claim)["verdict"] == "reproduced"
    assert verdict(values, **claim, measured="absolute")["verdict"] == "not_reproduced"


def test_a_published_number_may_be_what_is_expected():
    found = verdict(tables(measured({1: 3.0})), kind="value", published=3.0, tolerance=0.1, **PUBLISHED)
    assert (found["verdict"], found["expected"], found["published"]) == ("reproduced", 3.0, 3.0)


@pytest.mark.parametrize(
    ("claim", "words"),
    [
        ({"kind": "value"}, "there is no theory at replace, generation 1, x 1"),
        ({"kind": "slope", "along": "x"}, "there is no theory at every point"),
    ],
)
def test_theory_that_is_not_there_is_not_expected(claim, words):
    with pytest.raises(ConfigError, match=words):
        verdict(tables(measured({1: 1.0, 2: 2.0})), **claim, expected="theory", tolerance=0.1)


def test_a_step_of_a_trend_is_told_by_its_later_value():
    values = tables(measured({1: 1.0, 2: 1.5, 3: 1.7}, errors={1: 0.01, 2: 0.03, 3: 0.04}, theory={1: 1, 2: 2, 3: 3}))
    found = verdict(values, kind="trend", along="x", direction="increasing")
    assert "x 3" in found["at"]
    told = ("observed", "standard_error", "expected", "theory", "n_values", "n_replicates")
    assert [found[name] for name in told] == [1.7, 0.04, 1.5, 3.0, 2, 100]
    # A difference of .2 known to .05 is decided; of .09 it would not be.
    close = tables(measured({1: 1.0, 2: 1.09}, errors={1: 0.03, 2: 0.04}))
    assert verdict(close, kind="trend", along="x", direction="increasing")["verdict"] == "inconclusive"


def test_a_trend_may_run_along_generations():
    rows = [measured({1: 1.0 + generation}) for generation in range(3)]
    for generation, part in enumerate(rows):
        part["metrics"] = [row | {"generation": generation} for row in part["metrics"]]
    found = verdict(tables(*rows), kind="trend", along="generation", direction="increasing")
    assert (found["verdict"], found["n_values"]) == ("reproduced", 2)


def test_a_slope_counts_the_replicates_of_all_its_points_and_needs_every_error():
    line = {x: 3 * x**-0.5 for x in (10, 100, 1000)}
    known, unknown = (tables(measured(line, errors={10: error, 100: 0.001, 1000: 0.001})) for error in (0.001, None))
    claim = {"kind": "slope", "along": "x", "expected": -0.5, "tolerance": 0.03}
    assert (verdict(known, **claim)["n_replicates"], verdict(known, **claim)["theory"]) == (300, None)
    assert verdict(unknown, **claim)["standard_error"] is None
    assert "x 10 to 1000" in verdict(known, **claim)["at"]


@pytest.mark.parametrize(("extreme", "expected"), [("highest", 2), ("lowest", 4)])
def test_a_peak_is_the_highest_or_the_lowest_value(extreme, expected):
    values = tables(measured({1: 2.0, 2: 3.0, 3: 2.5, 4: 1.0}))
    found = verdict(values, kind="peak", along="x", extreme=extreme, expected=expected)
    assert (found["verdict"], found["observed"], found["n_replicates"]) == ("reproduced", expected, 100)


def test_a_ratio_is_known_as_well_as_both_its_values():
    other = {"world": "world", "metric": "error", "strategy": "accumulate"}
    law = {"theory": {1: 6.0}}
    values = tables(
        measured({1: 6.0}, errors=0.3, **law), measured({1: 4.0}, errors=0.1, strategy="accumulate", theory={1: 4.0})
    )
    found = verdict(values, kind="ratio", over=other, expected="theory", tolerance=0.5)
    assert (found["observed"], found["theory"], found["expected"]) == (1.5, 1.5, 1.5)
    assert found["standard_error"] == pytest.approx(np.hypot(0.3 / 4, 0.1 * 6 / 4**2))
    half = tables(measured({1: 6.0}, **law), measured({1: 4.0}, strategy="accumulate"))
    assert verdict(half, kind="ratio", over=other, expected=1.5, tolerance=0.5)["theory"] is None


def test_an_order_is_told_by_the_larger_value_and_needs_both_errors():
    other = {"world": "world", "metric": "error", "strategy": "accumulate"}
    both = [
        tables(measured({1: 6.0}, errors=0.3), measured({1: 5.0}, errors=e, strategy="accumulate")) for e in (0.4, None)
    ]
    found, unknown = (verdict(values, kind="order", exceeds=other) for values in both)
    assert (found["observed"], found["standard_error"], found["expected"]) == (6.0, 0.3, 5.0)
    assert (found["verdict"], unknown["verdict"]) == ("reproduced", "inconclusive")


def test_a_value_without_a_partner_is_refused_and_one_value_stands_for_all():
    other = {"world": "world", "metric": "error", "strategy": "accumulate"}
    values = tables(measured({1: 3.0, 2: 4.0, 3: 5.0}), measured({1: 1.0, 2: 2.0}, strategy="accumulate"))
    with pytest.raises(ConfigError, match=r"nothing to compare with replace, generation 1, x 3; .* x 1, 2"):
        verdict(values, kind="order", exceeds=other)
    assert verdict(values, kind="order", exceeds=other | {"at": {"x": 2}})["n_values"] == 3


def test_a_place_is_found_though_its_parameter_was_rounded():
    values = tables(measured({0.1 + 0.2: 1.0, 0.4: 2.0}))
    claim = {"kind": "value", "expected": 1.0, "tolerance": 0.05, "select": {"at": {"x": 0.3}}}
    assert verdict(values, **claim)["n_values"] == 1
    with pytest.raises(ConfigError, match=r"at\.x: 0\.3001 is not simulated"):
        verdict(values, **(claim | {"select": {"at": {"x": 0.3001}}}))


@pytest.mark.parametrize(("metric", "words"), [("erx", "did you mean `error`"), ("exx", "there is error")])
def test_a_name_that_is_half_right_is_recognised(metric, words):
    with pytest.raises(ConfigError, match=words):
        verdict(tables(measured({1: 1.0})), kind="value", expected=1.0, tolerance=0.1, select={"metric": metric})


@pytest.mark.parametrize(("margin", "expected"), [(9.81, "reproduced"), (9.79, "inconclusive")])
@pytest.mark.parametrize("errors", [(3.0, 4.0), (4.0, 3.0)])
@pytest.mark.parametrize(
    "claim",
    [
        {"kind": "trend", "along": "x", "direction": "increasing"},
        {"kind": "peak", "along": "x", "extreme": "highest", "expected": 2},
        {
            "kind": "order",
            "select": {"at": {"x": 2}},
            "exceeds": {"world": "world", "metric": "error", "strategy": "replace", "at": {"x": 1}},
        },
    ],
    ids=lambda claim: claim["kind"],
)
def test_two_values_differ_from_1_96_of_their_common_standard_errors(claim, errors, margin, expected):
    values = tables(measured({1: 0.0, 2: margin}, errors=dict(zip((1, 2), errors, strict=True))))
    assert verdict(values, **copy.deepcopy(claim))["verdict"] == expected


def test_of_values_that_hold_the_one_that_uses_most_of_its_own_tolerance_is_shown():
    values = tables(measured({1: 10.5, 2: 1.08}, errors=0.001, theory={1: 10.0, 2: 1.0}))
    assert "x 2" in verdict(values, kind="value", expected="theory", tolerance=0.1)["at"]


def test_two_seeds_have_an_error_and_one_has_none():
    claim = {"kind": "bound", "at_least": 2.0}
    claim["select"] = {"world": None, "evaluation_set": "real_test", "metric": "test_loss"}
    errors = [verdict(loop_rows(losses), **copy.deepcopy(claim))["standard_error"] for losses in ([3.0, 3.2], [3.0])]
    assert errors == [pytest.approx(0.1), None]


@pytest.mark.parametrize(
    ("claim", "values", "words"),
    [
        ({"kind": "bound", "at_most": 1.5}, (1.0,), "It is below 1.5, by 0.5."),
        ({"kind": "bound", "at_least": 0.5}, (1.0,), "It is above 0.5, by 0.5."),
        ({"kind": "bound", "at_most": 0.5}, (1.0,), "It is not below 0.5, by 0.5."),
        ({"kind": "trend", "direction": "increasing"}, (1.0, 2.0), "It is above the value at x 1, by 1."),
        ({"kind": "trend", "direction": "decreasing"}, (2.0, 1.0), "It is below the value at x 1, by 1."),
    ],
)
def test_a_reason_names_the_side(claim, values, words):
    along = {"along": "x"} if claim["kind"] == "trend" else {}
    assert verdict(tables(measured(dict(enumerate(values, start=1)))), **claim, **along)["reason"] == words
