"""Matrices in words and their eigenvalues, held against what makes an eigenvalue one."""

import itertools
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collapse.config.settings import EigenvalueSettings
from collapse.corpora import eigenvalues
from collapse.errors import ConfigError


def read(rows: int = 2, largest: int = 9, digits: int = 3, examples: int = 300, seed: int = 0):
    return eigenvalues.read(EigenvalueSettings(rows=rows, largest=largest, digits=digits, examples=examples, seed=seed))


def matrix(question: str, rows: int) -> np.ndarray:
    entries = iter(re.findall(r"[+-]\d+", question))
    found = np.zeros((rows, rows))
    for i, j in itertools.combinations_with_replacement(range(rows), 2):
        found[i, j] = found[j, i] = int(next(entries))
    assert next(entries, None) is None and question.endswith("=")
    return found


@pytest.mark.parametrize("rows", [2, 3, 5])
def test_answers_solve_the_characteristic_equation_and_are_sorted(rows):
    asked = read(rows, digits=8)
    assert len({one.input for one in asked}) == 300
    for one in asked:
        asked_of, values = matrix(one.input or "", rows), np.array(list(map(float, one.text.split())))
        assert np.abs(asked_of).max() <= 9 and len(values) == rows
        assert (np.diff(values) <= 0).all()
        size = max(1.0, float(np.abs(values).max()))
        assert [np.linalg.det(asked_of - value * np.eye(rows)) for value in values] == pytest.approx(
            [0] * rows, abs=1e-5 * size**rows
        )
        assert values.sum() == pytest.approx(np.trace(asked_of), abs=1e-5 * size)


def test_a_question_and_its_answer_by_hand():
    assert eigenvalues.question(np.array([3, -1, 5])) == "+3-1+5="
    assert eigenvalues.answer(np.array([5.4142, 2.5858]), 3) == "+541e-2 +259e-2"
    assert [eigenvalues.written(value, 2) for value in (-0.0351, 12.0, 99.6, 1e-15, 0.0)] == [
        "-35e-3",
        "+12e0",
        "+10e1",
        "+00e0",
        "+00e0",
    ]


@given(st.floats(-1e4, 1e4).filter(lambda value: abs(value) > 1e-6), st.integers(1, 8))
def test_what_is_written_is_the_number_to_its_digits(value, digits):
    text = eigenvalues.written(value, digits)
    assert float(text) == pytest.approx(value, rel=0.5001 * 10 ** (1 - digits))
    assert re.fullmatch(rf"[+-]\d{{{digits}}}e-?\d+", text)


def test_all_matrices_can_be_asked_for_and_no_more():
    assert len({one.input for one in read(largest=1, examples=27)}) == 27
    with pytest.raises(ConfigError, match="examples: is 28, but there are 27 such matrices"):
        read(largest=1, examples=28)


def test_another_seed_asks_other_matrices():
    assert [one.input for one in read()] == [one.input for one in read()]
    assert [one.input for one in read()] != [one.input for one in read(seed=1)]
