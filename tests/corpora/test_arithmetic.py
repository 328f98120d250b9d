import math
import re

import pytest

from collapse.config.settings import ArithmeticSettings
from collapse.corpora import arithmetic
from collapse.errors import ConfigError


def read(task: str, largest: int = 30, examples: int = 500, seed: int = 0, base: int = 10):
    return arithmetic.read(ArithmeticSettings(task=task, largest=largest, examples=examples, seed=seed, base=base))


@pytest.mark.parametrize(("task", "right"), [("addition", lambda a, b: a + b), ("gcd", math.gcd)])
def test_every_answer_is_right_and_every_question_is_another(task, right):
    found = read(task)
    assert len({one.input for one in found}) == len(found) == 500
    for one in found:
        a, b = map(int, re.findall(r"\d+", one.input or ""))
        assert one.text == str(right(a, b)) and min(a, b) >= 1 and max(a, b) <= 30
        assert one.group == one.input


def test_all_pairs_can_be_asked_for_and_no_more():
    assert len({one.input for one in read("addition", largest=4, examples=16)}) == 16
    with pytest.raises(ConfigError, match="examples: is 17, but numbers up to 4 have 16 pairs"):
        read("addition", largest=4, examples=17)


def test_large_numbers_are_drawn_without_a_list_of_all_pairs():
    found = read("gcd", largest=10**8, examples=300)
    assert len({one.input for one in found}) == 300


def test_another_seed_asks_other_questions():
    assert [one.input for one in read("addition")] == [one.input for one in read("addition")]
    assert [one.input for one in read("addition")] != [one.input for one in read("addition", seed=1)]


@pytest.mark.parametrize("base", [2, 6, 30, 36])
@pytest.mark.parametrize(("task", "right"), [("addition", lambda a, b: a + b), ("gcd", math.gcd)])
def test_numbers_in_another_base_are_the_same_numbers(task, right, base):
    plain, found = read(task), read(task, base=base)
    for one, other in zip(plain, found, strict=True):
        a, b = (int(number, base) for number in re.findall(r"[0-9a-z]+", (other.input or "").removeprefix("gcd")))
        assert [a, b] == [int(number) for number in re.findall(r"\d+", one.input or "")]
        assert int(other.text, base) == right(a, b)
        assert "base" in other.source and "base" not in one.source
