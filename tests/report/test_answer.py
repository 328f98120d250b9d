import itertools

import pytest

from collapse.plots.contrasts import Pair
from collapse.reporting.answer import answer
from collapse.stats.paired import Interval


def pair(strategy, baseline, estimate, p_adjusted=0.01, n_seeds=3):
    return Pair(strategy, baseline, estimate, estimate - 0.1, estimate + 0.1, p_adjusted, 0.95, n_seeds)


def pairs(losses, undecided=(), n_seeds=3):
    """All contrasts of made-up losses, in both directions; pairs in `undecided` have a large p."""
    found = []
    for one, other in itertools.permutations(losses, 2):
        p = 0.2 if {one, other} in [set(names) for names in undecided] else 0.01
        found.append(pair(one, other, losses[one] - losses[other], p, n_seeds))
    return found


def change(estimate, p_adjusted=0.01, n_seeds=3):
    return Interval(estimate, estimate - 0.1, estimate + 0.1, "paired_t", n_seeds, p_adjusted, p_adjusted)


LOSSES = {"real": 3.6, "replace": 4.6, "accumulate": 4.1}


def test_the_control_comes_first_then_strategies_then_the_trend():
    changes = {"replace": change(0.9), "accumulate": change(0.4, 0.2), "real": change(-0.1, 0.6)}
    said = answer(pairs(LOSSES, undecided=[("accumulate", "real")]), changes, 4, 0.95)
    assert said.text == (
        "After 4 generations, compared with real (the control), the model's loss on held-out real text is higher with "
        "replace (+1.00; +0.90 to +1.10); whether it differs with accumulate (+0.50; +0.40 to +0.60) is undecided. "
        "Between strategies, it is higher with replace than with accumulate (+0.50; +0.40 to +0.60). "
        "Since generation 0, it rose with replace; whether it moved with accumulate or real is undecided."
    )
    assert "mean difference over 3 seeds" in said.note and "95 % interval, not adjusted" in said.note
    assert "for the 3 pairs of strategies at this generation, or for the 3 changes since generation 0" in said.note


def test_without_a_control_the_answer_begins_between_strategies():
    losses = {name: loss for name, loss in LOSSES.items() if name != "real"}
    said = answer(pairs(losses), {"replace": change(0.9), "accumulate": change(0.4)}, 4, 0.95).text
    assert said == (
        "After 4 generations, between strategies, the model's loss on held-out real text is higher with replace than "
        "with accumulate (+0.50; +0.40 to +0.60). Since generation 0, it rose with replace and accumulate."
    )


def test_one_strategy_alone_has_a_trend_only():
    said = answer([], {"replace": change(0.9)}, 1, 0.95)
    assert said.text == (
        "After 1 generation, since generation 0, the model's loss on held-out real text rose with replace."
    )
    assert "for the 1 change since generation 0" in said.note


def test_only_the_largest_differences_are_named_and_the_others_are_counted():
    losses = {"a": 1.0, "b": 2.0, "c": 3.0, "d": 4.0}
    said = answer(pairs(losses, undecided=[("a", "b")]), {"a": change(0.1)}, 4, 0.95).text
    assert "higher with d than with a (+3.00; +2.90 to +3.10), and with " in said
    assert "; 3 others are smaller and decided and 1 other is undecided." in said


@pytest.mark.parametrize("names", [("replace", "real"), ("replace", "mix", "real"), ("replace", "mix")])
def test_nothing_is_claimed_where_no_adjusted_p_value_is_small(names):
    losses = {name: 4.0 + index for index, name in enumerate(names)}
    every = list(itertools.combinations(names, 2))
    said = answer(pairs(losses, undecided=every), {name: change(0.5, 0.3) for name in names}, 2, 0.95).text
    assert "undecided" in said
    for claim in ("higher", "lower", "rose", "fell"):
        assert claim not in said


def test_a_lower_loss_is_called_lower():
    said = answer(pairs({"real": 3.0, "mix": 2.5, "replace": 4.0}), {"mix": change(-0.5)}, 4, 0.95).text
    assert "is higher with replace (+1.00; +0.90 to +1.10); it is lower with mix (−0.50; −0.60 to −0.40). " in said
    assert said.endswith("it fell with mix.")


def test_two_seeds_are_never_sure_and_a_third_is_asked_for():
    """Even where both agree to the last digit, which gives t with one degree of freedom a tiny p-value."""
    said = answer(pairs(LOSSES, n_seeds=2), {"replace": change(0.9, 1e-9, n_seeds=2)}, 4, 0.95).text
    assert said == (
        "Undecided, because two seeds can agree by luck (a third would tell): after 4 generations, the model's loss on "
        "held-out real text differs from that of real (the control) by +1.00 with replace and +0.50 with accumulate."
    )


def test_one_seed_decides_nothing():
    said = answer([], {"replace": Interval(0.5, None, None, "single_seed", 1, None)}, 1, 0.95).text
    assert said == (
        "Undecided, because one seed has no interval: after 1 generation, the model's loss on held-out real text "
        "moved by +0.50 with replace."
    )


def test_an_open_end_is_infinite():
    wide = Pair("replace", "real", 0.5, 0.1, None, 0.01, 0.95, 12)
    said = answer([wide, Pair("real", "replace", -0.5, None, -0.1, 0.01, 0.95, 12)], {"replace": change(1)}, 4, 0.95)
    assert "(+0.50; +0.10 to +∞)" in said.text


def test_no_measurement_gives_no_answer():
    assert "no answer" in answer([], {}, 0, 0.95).text
