import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from collapse.media.text.sequences import Sequences

rows = st.lists(st.lists(st.integers(0, 2**31 - 1), max_size=8), max_size=12)


def listed(sequences: Sequences) -> list[list[int]]:
    return [row.tolist() for row in sequences]


@given(rows)
def test_arrow_gives_back_what_went_in(content):
    column = pa.chunked_array([Sequences.of(content).to_arrow()])
    assert listed(Sequences.from_arrow(column)) == content


@given(rows, st.integers(0, 5))
def test_a_sliced_arrow_column_reads_right(content, start):
    column = pa.chunked_array([Sequences.of(content).to_arrow().slice(start)])
    assert listed(Sequences.from_arrow(column)) == content[start:]


@given(rows, st.data())
def test_take_selects_like_a_list(content, data):
    indices = data.draw(st.lists(st.integers(0, len(content) - 1), max_size=9)) if content else []
    assert listed(Sequences.of(content).take(np.array(indices, dtype=int))) == [content[i] for i in indices]


@given(rows, rows)
def test_concatenate_is_list_addition(left, right):
    assert listed(Sequences.concatenate([Sequences.of(left), Sequences.of(right)])) == left + right


@given(st.lists(st.tuples(st.lists(st.integers(0, 9), max_size=4), st.lists(st.integers(0, 9), max_size=4))))
def test_joined_appends_row_by_row(pairs):
    left, right = ([pair[side] for pair in pairs] for side in (0, 1))
    assert listed(Sequences.of(left).joined(Sequences.of(right))) == [a + b for a, b in pairs]


@given(rows, st.integers(1, 40))
def test_first_tokens_stops_at_the_first_row_that_reaches_the_size(content, n_tokens):
    kept = Sequences.of(content).first_tokens(n_tokens)
    assert listed(kept) == content[: len(kept)]
    if len(kept) < len(content):
        assert kept.n_tokens >= n_tokens
    if len(kept):
        assert sum(map(len, content[: len(kept) - 1])) < n_tokens
