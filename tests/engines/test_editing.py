"""Token editing against its definition: what is likely is drawn anew, from the likeliest, and nothing else changes."""

import numpy as np
import pytest
from scipy import stats

from collapse.config.settings import DecodingSettings
from collapse.engines.editing import Reading, drawn, edited

END = 9
DISTRIBUTION = np.array([0.62, 0.2, 0.1, 0.05, 0.03])
"""Of tokens 0 to 4 at every place."""


def reading(tokens, k: int = 3) -> Reading:
    tokens = np.array(tokens)
    places = len(tokens) - 1
    own = np.log(np.where(tokens == END, 0.5, DISTRIBUTION[np.minimum(tokens, 4)]))
    best = np.tile(np.arange(k), (places, 1))
    return Reading(tokens, own, best, np.log(DISTRIBUTION)[best])


def test_only_what_is_likely_is_drawn_anew_and_the_end_stays():
    document = reading([0, 3, 1, 0, 4, END])
    found = np.array([edited(document, 0.6, [END], seed)[0] for seed in range(200)])
    assert (found[:, [1, 2, 4, 5]] == [3, 1, 4, END]).all()
    assert set(found[:, 0]) == set(found[:, 3]) == {0, 1, 2}


def test_new_tokens_follow_the_probabilities_of_the_likeliest():
    tokens, _ = edited(reading([0] * 20_000 + [END]), 0.6, [END], 7)
    counts = np.bincount(tokens[:-1], minlength=3)
    expected = DISTRIBUTION[:3] / DISTRIBUTION[:3].sum() * 20_000
    assert stats.chisquare(counts, expected).pvalue > 1e-3
    wrong = np.array([0.66, 0.22, 0.12]) * 20_000  # not those of the three alone
    assert stats.chisquare(counts, wrong).pvalue < 1e-3


@pytest.mark.parametrize(("above", "n"), [(0.62, 3), (0.63, 0), (0.2, 4), (1e-9, 5)])
def test_a_probability_that_is_just_the_threshold_counts_as_likely(above, n):
    document = reading([0, 0, 1, 0, 4, END], k=1)  # the likeliest alone is token 0
    tokens, _ = edited(document, above, [END], 1)
    likely = np.exp(document.logprobs[:-1]) >= above - 1e-12
    assert likely.sum() == n
    assert (tokens[:-1] == np.where(likely, 0, document.tokens[:-1])).all()


def test_what_may_not_be_drawn_is_not_and_where_nothing_may_the_token_stays():
    assert 0 not in edited(reading([0] * 50 + [END]), 0.6, [0, END], 3)[0]
    tokens, _ = edited(reading([0, 0, END]), 0.6, [0, 1, 2, END], 3)
    assert tokens.tolist() == [0, 0, END]


def test_its_log_probability_is_the_sum_after_the_original_text():
    tokens, nats = edited(reading([0, 3, 0, END]), 0.6, [END], 5)
    assert nats == pytest.approx(np.log(DISTRIBUTION[tokens[:-1]]).sum() + np.log(0.5))


def test_the_noise_of_a_place_does_not_depend_on_the_threshold():
    document = reading([0, 1, 0, 1, 0, END])
    some, more = (edited(document, above, [END], 11)[0] for above in (0.6, 0.2))
    assert (some[[0, 2, 4]] == more[[0, 2, 4]]).all()


def test_a_row_has_its_own_seed_and_a_document_of_its_end_alone_stays():
    how = DecodingSettings(
        method="edit",
        temperature=1,
        top_p=1,
        top_k=3,
        min_p=0,
        repetition_penalty=1,
        n_beams=1,
        max_new_tokens=9,
        unseen_types="allowed",
        edit_above=0.6,
    )
    rows = [reading([0] * 30 + [END]), reading([0] * 30 + [END]), reading([END])]
    draws = drawn(rows, how, [END], np.array([1, 2, 3]))
    assert draws.outputs[0].tolist() != draws.outputs[1].tolist() and draws.outputs[2].tolist() == [END]
    assert draws.stopped.all() and draws.logprob_nats[2] == pytest.approx(np.log(0.5))
    alone = drawn(rows[1:2], how, [END], np.array([2]))
    assert alone.outputs[0].tolist() == draws.outputs[1].tolist()
