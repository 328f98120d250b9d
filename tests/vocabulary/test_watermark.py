"""Which tokens are green, and what is counted of them."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from collapse.config.settings import WatermarkSettings
from collapse.media.text.sequences import Sequences
from collapse.watermark import Counted, counted, is_green

WHOLE = 2**64
KEY = 2**62 + 12_345


def mark(share: float = 0.25, key: int = KEY) -> WatermarkSettings:
    return WatermarkSettings(green_share=share, bias=2.0, key=key)


def split_mix(number: int) -> int:
    """The finalizer of SplitMix64, in numbers without sign or end."""
    number = (number ^ number >> 30) * 0xBF58476D1CE4E5B9 % WHOLE
    number = (number ^ number >> 27) * 0x94D049BB133111EB % WHOLE
    return number ^ number >> 31


def by_hand(before: int, token: int, share: float = 0.25, key: int = KEY) -> bool:
    step = 0x9E3779B97F4A7C15
    of_list = split_mix(split_mix((before + 1) * step % WHOLE) ^ key)
    return split_mix((of_list + (token + 1) * step) % WHOLE) / WHOLE < share


@given(st.integers(0, 300_000), st.integers(0, 300_000), st.floats(0.01, 0.99), st.integers(0, 2**63 - 1))
def test_a_pair_of_tokens_is_green_by_its_own_hash_in_arrays_and_tensors_alike(before, token, share, key):
    expected = by_hand(before, token, share, key)
    settings = mark(share, key)
    assert is_green(settings, np.array([before]), np.array([token])).tolist() == [expected]
    assert is_green(settings, torch.tensor([before]), torch.tensor([token])).tolist() == [expected]


def test_lists_hold_their_share_of_the_tokens_and_differ_by_token_and_key():
    tokens = np.arange(4_000)
    lists = is_green(mark(), np.arange(50)[:, None], tokens)
    assert stats.kstest((lists.sum(axis=1) - 1_000) / np.sqrt(750), "norm").pvalue > 1e-3
    together = lists[:-1] & lists[1:]
    assert together.mean() == pytest.approx(1 / 16, abs=0.003)  # as of independent lists
    other = is_green(mark(key=KEY + 1), np.arange(50)[:, None], tokens)
    assert (lists & other).mean() == pytest.approx(1 / 16, abs=0.003)
    assert abs(np.corrcoef(lists[:, :-1].ravel(), lists[:, 1:].ravel())[0, 1]) < 0.01


def test_z_is_the_excess_of_green_tokens_in_standard_deviations():
    found = Counted(greens=np.array([6, 4, 0, 0]), pairs=np.array([16, 16, 12, 0]), share=0.25)
    np.testing.assert_allclose(found.z[:3], [2 / np.sqrt(3), 0, -2])
    assert np.isnan(found.z[3])


def test_each_pair_of_tokens_counts_once_a_text_and_the_first_follows_the_start_or_the_prompt():
    texts = Sequences.of([[5, 5, 5, 7], [5, 7], [], [9, 5, 9, 5, 9]])
    prompts = Sequences.of([[], [3, 4], [8], [5]])
    pairs = [{(0, 5), (5, 5), (5, 7)}, {(4, 5), (5, 7)}, set(), {(5, 9), (9, 5)}]
    found = counted(mark(0.5), texts, prompts, bos=0)
    assert found.pairs.tolist() == [3, 2, 0, 2]
    assert found.greens.tolist() == [sum(by_hand(*pair, share=0.5) for pair in of_text) for of_text in pairs]
    unprompted = counted(mark(0.5), texts, None, bos=0)
    first = {(0, 5), (5, 7)}
    assert (unprompted.pairs[1], unprompted.greens[1]) == (2, sum(by_hand(*pair, share=0.5) for pair in first))


def test_z_of_text_that_knows_nothing_of_the_key_is_standard_normal():
    """Each text has a key of its own, since texts of one key share what is green of their common pairs. They are of few
    tokens and repeat their pairs: counted as often as they come, z would be far too wide.
    """
    rng = np.random.default_rng(7)
    texts, keys = rng.geometric(0.1, size=(1_500, 200)), rng.integers(2**62, size=1_500)
    found = [
        counted(mark(key=int(key)), Sequences.of([text]), None, bos=0) for text, key in zip(texts, keys, strict=True)
    ]
    z, greens, pairs = (np.array([getattr(one, name)[0] for one in found]) for name in ("z", "greens", "pairs"))
    assert z.mean() == pytest.approx(0, abs=0.1) and z.std() == pytest.approx(1, abs=0.06)
    law = stats.binom(pairs, 0.25)
    assert stats.kstest(law.cdf(greens - 1) + rng.random(1_500) * law.pmf(greens), "uniform").pvalue > 1e-3
    every = [
        is_green(mark(key=int(key)), np.r_[0, text[:-1]], text).sum() for text, key in zip(texts, keys, strict=True)
    ]
    assert ((np.array(every) - 50) / np.sqrt(37.5)).std() > 1.2


def test_no_texts_have_no_counts():
    found = counted(mark(), Sequences.of([]), None, bos=0)
    assert len(found.greens) == len(found.pairs) == len(found.z) == 0
