"""Matrices in words and their eigenvalues, held against what makes an eigenvalue one."""

import itertools
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collapse.config.settings import FP15_WORDS, LEAST_VOCABULARY, EigenvalueSettings
from collapse.corpora import eigenvalues
from collapse.errors import ConfigError
from collapse.media.text import tokenizer
from collapse.media.text.tokenizer import Codec


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


# --- a token a number -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def codec(tmp_path_factory) -> Codec:
    folder = tmp_path_factory.mktemp("tokenizer")
    tokenizer.save(tokenizer.of_words(eigenvalues.words(), eigenvalues.NUMBER), folder)
    return Codec.load(folder)


def read_as_words(rows: int = 5, **others: int):
    asked = {"rows": rows, "largest": 10, "digits": 3, "examples": 300, "seed": 0}
    return eigenvalues.read(EigenvalueSettings(encoding="fp15", **(asked | others)))


def test_there_are_as_many_numbers_as_the_published_encoding_has():
    known = list(eigenvalues.words())
    assert len(set(known)) == len(known) == FP15_WORDS == 2 * 900 * 16 + 1
    assert all(re.fullmatch(eigenvalues.NUMBER, word) for word in known)
    values = sorted(abs(float(word)) for word in known)
    assert (values[0], values[1], values[-1]) == (0, 1e-7, 9.99e8)


def test_every_number_is_one_token_and_comes_back(codec):
    assert codec.size == LEAST_VOCABULARY + FP15_WORDS
    known = list(eigenvalues.words())
    tokens = codec.encode_all(known)
    assert tokens.lengths.tolist() == [1] * len(known) and len(np.unique(tokens.values)) == len(known)
    assert codec.decode_all(tokens) == known


def test_a_matrix_is_a_token_an_entry_and_an_answer_one_a_value(codec):
    for one in read_as_words():
        asked, said = codec.encode(one.input or ""), codec.encode(one.text)
        assert len(asked) == 15 + 1 and len(said) == 5 + 4, "a sign of equality, and spaces, are tokens too"
        assert (codec.decode(asked), codec.decode(said)) == (one.input, one.text)


def test_it_is_the_same_matrix_and_the_same_eigenvalues_in_other_words():
    plain = eigenvalues.read(EigenvalueSettings(rows=5, largest=10, digits=3, examples=300, seed=0))
    for one, other in zip(read_as_words(), plain, strict=True):
        entries = [float(word) for word in re.findall(eigenvalues.NUMBER, one.input or "")]
        assert entries == [float(word) for word in re.findall(r"[+-]\d+", other.input or "")]
        assert list(map(float, one.text.split())) == list(map(float, other.text.split()))


def test_numbers_as_words_by_hand():
    assert eigenvalues.question_of_words(np.array([3, -10, 0])) == "+300e-2-100e-1+000e0="
    values = {-0.0351: "-351e-4", 999.6: "+100e1", 1e-7: "+100e-9", 9.94e-8: "+000e0", -1e-30: "+000e0"}
    values |= {9.996e-8: "+100e-9", 9.99e8: "+999e6"}
    assert {value: eigenvalues.as_word(value) for value in values} == values
    with pytest.raises(ConfigError, match=r"corpus.eigenvalues: 1e\+09 is no number of `encoding: fp15`"):
        eigenvalues.as_word(1e9)


@given(st.floats(1e-7, 9.99e8), st.sampled_from([-1, 1]))
def test_a_word_is_within_half_of_its_last_digit(size, sign):
    word = eigenvalues.as_word(sign * size)
    assert re.fullmatch(eigenvalues.NUMBER, word)
    assert float(word) == pytest.approx(sign * size, rel=0.0050001)


@given(st.text(max_size=30))
def test_any_other_text_comes_back_too(codec, text):
    assert codec.decode(codec.encode(f"{text}+541e-2{text}")) == f"{text}+541e-2{text}"


def test_numbers_that_no_token_is_are_bytes(codec):
    assert len(codec.encode("+54e-2")) == 6 and len(codec.encode("+054e-2")) == 7 and len(codec.encode("+541e7")) == 6
