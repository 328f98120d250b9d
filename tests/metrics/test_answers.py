"""ROUGE-1 of answers against the real ones."""

import pytest

from collapse.metrics import text


def test_rouge_of_answers_is_the_mean_of_f_against_the_answers_to_their_own_inputs():
    scores = [0.8, 2 / 3, 0]  # P 2/3 and R 1; P 1 and R 1/2; no word
    found = text._rouge(["a red fox", "owl", "wasp"], ["Red fox", "An owl", "Bee"], "real_test")
    assert (found.metric, found.evaluation_set, found.n) == ("rouge_1", "real_test", 3)
    assert found.value == pytest.approx(sum(scores) / 3)
    spread = sum((score - sum(scores) / 3) ** 2 for score in scores) / 2
    assert found.standard_error == pytest.approx((spread / 3) ** 0.5)


def test_one_answer_has_no_standard_error():
    found = text._rouge(["bee"], ["Bee"], "samples")
    assert (found.value, found.standard_error) == (1, None)
