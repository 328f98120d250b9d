import pytest

from collapse.reporting.answer import answer
from collapse.stats.paired import Interval


def change(estimate, low, high, n_seeds=3):
    method = "single_seed" if n_seeds == 1 else "paired_t"
    return Interval(estimate, low, high, method, n_seeds, None)


def test_an_interval_that_contains_zero_is_called_undecided():
    said = answer({"replace": change(0.5, 0.4, 0.6), "real": change(0.02, -0.03, 0.07)}, 4, 0.95)
    assert said.text == (
        "After 4 generations, the model's loss on held-out real text rose with replace (+0.50; +0.40 to +0.60); "
        "whether it moved with real (+0.02; −0.03 to +0.07) is undecided."
    )
    assert "mean of 3 seeds" in said.note and "95 %" in said.note


def test_nothing_is_said_to_move_where_every_interval_contains_zero():
    said = answer({"replace": change(0.5, -0.1, 1.1), "mix": change(0.1, -0.2, 0.4)}, 2, 0.95).text
    assert "undecided" in said and "rose" not in said and "fell" not in said


def test_one_seed_decides_nothing():
    said = answer({"replace": change(0.5, None, None, n_seeds=1)}, 1, 0.95).text
    assert said == (
        "Undecided, because one seed has no interval: after 1 generation, the model's loss on held-out real text "
        "moved by +0.50 with replace."
    )


def test_strategies_are_named_from_worst_to_best():
    rises = {"b": change(0.2, 0.1, 0.3), "c": change(0.9, 0.8, 1.0), "a": change(-0.3, -0.4, -0.2)}
    said = answer(rises, 4, 0.95)
    assert [part.strategy for part in said.parts if part.strategy] == ["c", "b", "a"]
    assert "it fell with a" in said.text


@pytest.mark.parametrize("low", [None, 0.1])
def test_an_open_or_missing_end_claims_nothing(low):
    said = answer({"replace": change(0.5, low, None)}, 4, 0.95).text
    assert "undecided" in said and "rose" not in said


def test_no_measurement_gives_no_answer():
    assert "no answer" in answer({}, 0, 0.95).text
