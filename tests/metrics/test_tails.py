import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collapse.errors import ContractError
from collapse.media.text.sequences import Sequences
from collapse.metrics import tails

token_rows = st.lists(st.lists(st.integers(0, 11), max_size=12), min_size=1, max_size=8)


def test_the_tail_holds_the_rarest_types_and_lower_ids_first():
    real = Sequences.of([[0] * 6 + [1] * 2, [2, 3] + [4] * 10])  # counts 6 2 1 1 10, type 5 unused
    assert tails.tail_types(real, 6, share=0.10).nonzero()[0].tolist() == [2, 3]
    assert tails.tail_types(real, 6, share=0.05).nonzero()[0].tolist() == [2]
    assert tails.tail_types(real, 6, share=0.20).nonzero()[0].tolist() == [1, 2, 3]
    assert not tails.tail_types(real, 6, share=0.049).any()


def test_a_share_that_floats_cannot_hold_keeps_the_type_at_its_edge():
    real = Sequences.of([[0] * 29 + [1] * 71])  # 0.29 * 100 is 28.999999999999996
    assert tails.tail_types(real, 2, share=0.29).tolist() == [True, False]


@given(token_rows, st.floats(0.01, 0.99))
def test_the_tail_holds_at_most_its_share_and_the_next_type_would_exceed_it(rows, share):
    real = Sequences.of(rows)
    mask = tails.tail_types(real, 12, share)
    counts = np.bincount(real.values, minlength=12)
    assert not mask[counts == 0].any()
    assert counts[mask].sum() <= share * real.n_tokens + 1e-9
    rest = counts[~mask & (counts > 0)]
    if len(rest):
        assert counts[mask].max(initial=0) <= rest.min()
        assert counts[mask].sum() + rest.min() > share * real.n_tokens


def test_a_sampler_that_copies_the_source_keeps_the_mass_of_the_tail():
    rng, n_types, n = np.random.default_rng(0), 400, 200_000
    source = 1 / np.arange(1, n_types + 1) / np.sum(1 / np.arange(1, n_types + 1))
    real, copied = (Sequences.of([rng.choice(n_types, n, p=source)]) for _ in range(2))
    mask = tails.tail_types(real, n_types, 0.1)
    expected = source[mask].sum()
    assert abs(tails.tail_mass(copied, mask) - expected) <= 4 * math.sqrt(expected * (1 - expected) / n)
    assert tails.tail_mass(real, mask) <= 0.1


def test_a_sampler_that_never_leaves_the_head_has_no_tail_mass():
    real = Sequences.of([[0] * 98 + [1, 2]])
    mask = tails.tail_types(real, 3, 0.05)
    assert tails.tail_mass(Sequences.of([[0, 0], [0]]), mask) == 0
    assert tails.tail_mass(Sequences.of([[0, 1], [0, 2]]), mask) == 0.5


@given(token_rows, token_rows)
def test_surviving_vocabulary_is_the_share_of_real_types_seen_again(real, samples):
    types, seen = {t for row in real for t in row}, {t for row in samples for t in row}
    expected = len(types & seen) / len(types) if types else math.nan
    found = tails.surviving_vocabulary(Sequences.of(real), Sequences.of(samples))
    assert found == pytest.approx(expected, nan_ok=True)


def test_a_token_outside_the_vocabulary_is_refused():
    with pytest.raises(ContractError, match="7 is not below the vocabulary size 5"):
        tails.tail_types(Sequences.of([[1, 7]]), 5, 0.1)


def test_the_mass_on_unseen_types_is_the_share_of_tokens_that_real_text_never_has():
    real, samples = Sequences.of([[1, 2], [2, 5]]), Sequences.of([[1, 3, 3], [5, 4]])
    assert tails.unseen_type_mass(real, samples) == pytest.approx(3 / 5)
    assert tails.unseen_type_mass(real, real) == 0
    assert math.isnan(tails.unseen_type_mass(real, Sequences.of([[]])))
