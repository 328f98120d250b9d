"""Accuracies of learners of some primes, held against counting every pair."""

import math
from pathlib import Path

import numpy as np
import pytest
import yaml

from collapse.theory import gcd_staircase as theory

EXPERIMENT = Path(__file__).parents[2] / "workflow/experiments/papers/loops/dohmatob-2024-gcd.yaml"


def counted(largest: int, known: int) -> float:
    pairs = [math.gcd(a, b) for a in range(1, largest + 1) for b in range(1, largest + 1)]
    return float(np.mean([known % divisor == 0 for divisor in pairs]))


@pytest.mark.parametrize("known", [1, 2, 6, 36, 2**7 * 3**4])
@pytest.mark.parametrize("largest", [1, 7, 100])
def test_the_share_of_pairs_is_that_of_counting_them(largest, known):
    assert theory.accuracy(largest, known) == pytest.approx(counted(largest, known), abs=1e-12)


def test_a_learner_that_answers_with_what_it_knows_is_right_as_often():
    numbers, known = np.arange(1, 201), 2**7 * 3**4
    right = np.gcd.outer(numbers, numbers)
    assert theory.accuracy(200, known) == pytest.approx(np.mean(np.gcd(right, known) == right), abs=1e-12)


@pytest.mark.parametrize(
    ("primes", "expected"),
    [([2, 5], 0.844), ([2, 3, 5], 0.950), ([2, 3, 5, 7], 0.970), ([17], 0.610), ([2, 17], 0.813), ([2, 3, 17], 0.915)],
)
def test_limits_are_those_that_are_known_of_bases_1000_and_4913(primes, expected):
    assert theory.limit(primes) == pytest.approx(expected, abs=6e-4)
    assert theory.accuracy(100_000, theory.all_powers(primes, 100_000)) == pytest.approx(theory.limit(primes), abs=1e-4)


def test_steps_rise_and_are_named():
    steps = theory.staircase(1_000, 6)
    names = [
        "always 1",
        "the last digit, 2 only",
        "the last digit",
        "the last two",
        "all powers of 2 and 3",
        "and of 5",
    ]
    assert list(steps) == names
    assert [steps[name] for name in names[:3]] == [theory.accuracy(1_000, known) for known in (1, 2, 6)]
    assert theory.staircase(1_000, 12)["the last digit, 2 only"] == theory.accuracy(1_000, 4)
    assert list(steps.values()) == sorted(steps.values())
    of_thirty = theory.staircase(1_000, 30)
    assert list(of_thirty)[-2:] == ["all powers of 2, 3 and 5", "and of 7"]
    assert of_thirty["all powers of 2, 3 and 5"] == steps["and of 5"]
    assert list(theory.staircase(3, 2).values())[-1] == 1


def test_the_totient_counts_what_is_coprime():
    expected = [0, *(sum(math.gcd(a, n) == 1 for a in range(1, n + 1)) for n in range(1, 200))]
    assert theory.totients(199).tolist() == expected


def test_the_experiment_expects_the_closed_form_at_its_own_settings():
    experiment = yaml.safe_load(EXPERIMENT.read_text())
    asked = experiment["corpus"]["arithmetic"]
    steps = theory.staircase(asked["largest"], asked["base"])
    expected = {name: claim["expected"] for name, claim in experiment["claims"].items() if "expected" in claim}
    assert expected["A19-generator-on-its-step"] == pytest.approx(steps["the last digit"], abs=5e-5)
    assert expected["A19-student-on-a-lower-step"] == pytest.approx(steps["the last digit, 2 only"], abs=5e-5)
