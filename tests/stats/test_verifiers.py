"""How strong verifiers are, and the share of wrong samples that follows from what they accept."""

import numpy as np
import pyarrow as pa
import pytest

from collapse.stats.verifiers import strengths

COLUMNS = ("strategy", "seed", "generation", "metric", "evaluation_set", "value")


def table(*rows: tuple) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(COLUMNS, row, strict=True)) for row in rows])


def arm(strategy: str, seed: int, generation: int, error: float, right: float, false: float, accepted: float) -> list:
    here = (strategy, seed, generation)
    return [
        (*here, "test_loss", "real_test", error),
        (*here, "true_positive_rate", "verifiers", right),
        (*here, "false_positive_rate", "verifiers", false),
        (*here, "breakdown_proxy", "verifiers", right / (right + false)),
        (*here, "accepted_fraction", "samples", accepted),
    ]


def test_students_stand_beside_the_strength_of_their_verifiers():
    rows = [("real", seed, 0, "test_loss", "real_test", 1.0 + seed) for seed in (0, 1)]
    for generation in (1, 2, 3):
        rows += arm("strict", 0, generation, 0.5, 0.8, 0.2, 0.8 * 0.7 + 0.2 * 0.3)
        rows += arm("strict", 1, generation, 0.7, 0.9, 0.1, 0.9 * 0.6 + 0.1 * 0.4)
    rows += [("replace", 0, 1, "test_loss", "real_test", 9.0)]
    found = strengths(table(*rows), ["replace", "strict"], "test_loss")
    assert [one.generation for one in found] == [1, 3]
    for one in found:
        assert list(one.students) == ["strict"]
        assert one.students["strict"] == pytest.approx(np.array([[0.8, 0.5], [0.9, 0.7]]))
        assert one.generator == pytest.approx(1.5)
        assert one.wrong_share == pytest.approx(0.35)  # p from accepted = φ(1 − p) + ψp: 0.3 and 0.4


def test_a_blind_verifier_leaves_the_share_of_wrong_samples_unknown():
    rows = [("real", 0, 0, "test_loss", "real_test", 1.0), *arm("blind", 0, 1, 2.0, 0.5, 0.5, 0.5)]
    (one,) = strengths(table(*rows), ["blind"], "test_loss")
    assert np.isnan(one.wrong_share)
    assert one.students["blind"] == pytest.approx(np.array([[0.5, 2.0]]))


def test_models_that_answer_held_out_inputs_are_judged_by_their_right_answers():
    rows = [("real", 0, 0, "test_loss", "real_test", 1.0), ("real", 0, 0, "right_fraction", "real_test", 0.3)]
    rows += [*arm("strict", 0, 1, 2.0, 0.8, 0.2, 0.6), ("strict", 0, 1, "right_fraction", "real_test", 0.45)]
    (one,) = strengths(table(*rows), ["strict"], "test_loss")
    assert (one.outcome, one.generator) == ("right_fraction", 0.3)
    assert one.students["strict"] == pytest.approx(np.array([[0.8, 0.45]]))
    of_samples = [(*row[:4], "samples", row[5]) if row[3] == "right_fraction" else row for row in rows]
    (one,) = strengths(table(*of_samples), ["strict"], "test_loss")
    assert (one.outcome, one.generator) == ("test_loss", 1.0)


def test_without_a_known_truth_there_is_nothing_to_show():
    assert strengths(table(("replace", 0, 1, "test_loss", "real_test", 1.0)), ["replace"], "test_loss") == []
