from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collapse.errors import ContractError
from collapse.media.text.packing import IGNORED, assign_batches, batches, by_length
from collapse.media.text.sequences import Sequences

texts = st.lists(st.lists(st.integers(2, 90), min_size=1, max_size=16), min_size=1, max_size=40)


@given(texts, st.integers(16, 40), st.integers(1, 5))
def test_every_document_is_laid_out_whole_once_from_position_0(content, context_length, n_rows):
    found = {}
    for documents, batch in batches(Sequences.of(content), None, 0, context_length, n_rows):
        for segment, document in enumerate(documents):
            where = batch.segments == segment
            assert document not in found
            found[document] = batch.targets[where].tolist()
            assert batch.inputs[where].tolist() == [0, *content[document][:-1]]
            assert batch.positions[where].tolist() == list(range(len(content[document])))
            assert len(set(np.nonzero(where)[0])) == 1, "a document is never cut"
        assert (batch.targets[batch.segments == -1] == IGNORED).all()
    assert [found[i] for i in range(len(content))] == content


@given(texts, st.integers(16, 40), st.integers(1, 5))
def test_batches_keep_the_training_order(content, context_length, n_rows):
    packed = assign_batches(Sequences.of(content).lengths, context_length, n_rows)
    order = [document for batch in packed for document in sorted(chain.from_iterable(batch))]
    assert order == list(range(len(content)))


@given(texts, st.data())
def test_prompts_are_seen_and_not_predicted(content, data):
    prompts = [data.draw(st.lists(st.integers(2, 90), max_size=8)) for _ in content]
    for documents, batch in batches(Sequences.of(content), Sequences.of(prompts), 0, 24, 2):
        for segment, document in enumerate(documents):
            where = batch.segments == segment
            targets = batch.targets[where]
            assert targets[targets != IGNORED].tolist() == content[document]
            assert batch.inputs[where].tolist() == [0, *prompts[document], *content[document]][:-1]


@given(st.lists(st.lists(st.integers(2, 90), max_size=16), max_size=40), st.integers(1, 5), st.data())
def test_what_is_only_read_has_a_row_to_a_document_in_batches_no_larger_than_of_the_longest(content, n_rows, data):
    prompts = [data.draw(st.lists(st.integers(2, 90), max_size=8)) for _ in content]
    longest = max((len(prompt) + len(text) for prompt, text in zip(prompts, content, strict=True)), default=0)
    found = {}
    for documents, batch in by_length(Sequences.of(content), Sequences.of(prompts), 0, n_rows):
        assert batch.inputs.size <= n_rows * max(1, longest)
        for row, document in enumerate(documents.tolist()):
            whole = [*prompts[document], *content[document]]
            assert batch.inputs[row, : len(whole)].tolist() == [0, *whole][: len(whole)]
            assert batch.positions[row, : len(whole)].tolist() == list(range(len(whole)))
            assert batch.segments[row].tolist() == [row] * len(whole) + [-1] * (batch.inputs.shape[1] - len(whole))
            found[document] = batch.targets[row][batch.targets[row] != IGNORED].tolist()
    assert [found[document] for document in range(len(content))] == content


def test_what_is_only_read_is_hardly_padded():
    texts = Sequences.of([7] * length for length in np.random.default_rng(0).integers(20, 97, 500))
    positions = sum(batch.inputs.size for _, batch in by_length(texts, None, 0, 16))
    assert texts.lengths.sum() / positions > 0.95


def test_rows_are_filled_well():
    lengths = np.random.default_rng(0).integers(20, 127, 2000)
    packed = assign_batches(lengths, 128, 8)
    assert lengths.sum() / (len(packed) * 8 * 128) > 0.8


def test_a_document_longer_than_a_row_is_refused_by_name_of_the_setting():
    with pytest.raises(ContractError, match="max_document_tokens"):
        assign_batches(np.array([5, 200]), 128, 2)


def test_a_document_goes_where_it_just_fits():
    assert assign_batches(np.array([5, 3, 8]), 8, 2) == [[[0, 1], [2]]]
    assert assign_batches(np.array([5, 4, 8]), 8, 2) == [[[0], [1]], [[2], []]]
