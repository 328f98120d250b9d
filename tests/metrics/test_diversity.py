import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collapse.media.text.sequences import Sequences
from collapse.metrics import diversity

rows_of_tokens = st.lists(st.lists(st.integers(0, 6), max_size=9), max_size=9)


def windows(row, n):
    return [tuple(row[i : i + n]) for i in range(len(row) - n + 1)]


def naive_distinct(rows, n):
    found = [gram for row in rows for gram in windows(row, n)]
    return len(set(found)) / len(found) if found else math.nan


def naive_self_bleu(rows, max_n=4):
    """BLEU as it is defined: one hypothesis at a time, every other sequence a reference."""
    rows = [row for row in rows if row]
    if len(rows) < 2:
        return math.nan
    values = []
    for i, hypothesis in enumerate(rows):
        references = rows[:i] + rows[i + 1 :]
        logs = []
        for n in range(1, min(max_n, len(hypothesis)) + 1):
            counts = Counter(windows(hypothesis, n))
            limits = [Counter(windows(reference, n)) for reference in references]
            matches = sum(min(count, max(limit[gram] for limit in limits)) for gram, count in counts.items())
            logs.append(math.log((matches or 0.1) / sum(counts.values())))
        closest = min((abs(len(reference) - len(hypothesis)), len(reference)) for reference in references)[1]
        brevity = 1.0 if closest <= len(hypothesis) else math.exp(1 - closest / len(hypothesis))
        values.append(brevity * math.exp(sum(logs) / len(logs)))
    return sum(values) / len(values)


@given(rows_of_tokens, st.integers(1, 5))
def test_distinct_n_counts_like_sets_of_tuples(rows, n):
    assert diversity.distinct_n(Sequences.of(rows), n) == pytest.approx(naive_distinct(rows, n), nan_ok=True)


@given(rows_of_tokens, st.integers(2, 4))
def test_equal_ranks_are_equal_ngrams_in_the_rows_they_stand_in(rows, n):
    found = diversity.ngrams(Sequences.of(rows), n)
    expected = [(gram, i) for i, row in enumerate(rows) for gram in windows(row, n)]
    order = sorted({gram for gram, _ in expected})
    assert list(zip(found.ranks, found.rows, strict=True)) == [(order.index(gram), i) for gram, i in expected]
    assert found.n_distinct == len(order)


def test_distinct_4_is_exact_for_the_largest_token_ids():
    rng = np.random.default_rng(0)
    rows = (2**31 - 1 - rng.integers(0, 4, (200, 20))).tolist()
    assert diversity.distinct_n(Sequences.of(rows), 4) == naive_distinct(rows, 4)


def test_no_ngram_crosses_the_border_between_two_samples():
    assert diversity.ngrams(Sequences.of([[1, 2], [3, 4]]), 2).n_distinct == 2
    assert math.isnan(diversity.distinct_n(Sequences.of([[1, 2], [3]]), 3))


@given(rows_of_tokens, st.integers(1, 4))
def test_self_bleu_equals_bleu_of_each_against_all_others(rows, max_n):
    expected = naive_self_bleu(rows, max_n)
    assert diversity.self_bleu(Sequences.of(rows), max_n) == pytest.approx(expected, rel=1e-12, nan_ok=True)


def test_self_bleu_equals_its_definition_on_long_samples_of_one_source():
    rng = np.random.default_rng(3)
    rows = [rng.geometric(0.2, size=rng.integers(1, 60)).tolist() for _ in range(60)]
    assert diversity.self_bleu(Sequences.of(rows)) == pytest.approx(naive_self_bleu(rows), rel=1e-12)


@given(st.lists(st.lists(st.integers(0, 6), min_size=1, max_size=9), min_size=1, max_size=5))
def test_self_bleu_is_one_when_every_sample_occurs_twice(rows):
    assert diversity.self_bleu(Sequences.of(rows + rows)) == pytest.approx(1)


def test_samples_without_a_common_token_have_the_smoothed_self_bleu():
    rows = [[10 * row + column for column in range(5)] for row in range(6)]
    expected = math.prod(0.1 / total for total in (5, 4, 3, 2)) ** 0.25
    assert diversity.self_bleu(Sequences.of(rows)) == pytest.approx(expected)


@pytest.mark.parametrize("n_types", [1, 2, 1000])
def test_the_entropy_of_equally_frequent_types_is_the_log_of_their_number(n_types):
    rows = Sequences.of([range(n_types), range(n_types)])
    assert diversity.type_entropy(rows) == pytest.approx(math.log(n_types), abs=1e-12)


def test_entropy_is_low_by_miller_s_bias():
    rng, n_types, n_tokens, draws = np.random.default_rng(0), 40, 2000, 300
    values = [diversity.type_entropy(Sequences.of([rng.integers(0, n_types, n_tokens)])) for _ in range(draws)]
    expected = math.log(n_types) - (n_types - 1) / (2 * n_tokens)
    assert abs(np.mean(values) - expected) <= 4 * np.std(values) / math.sqrt(draws) + 1 / n_tokens**1.5


def test_repeated_text_compresses_more_than_varied_text():
    rng = np.random.default_rng(0)
    varied = ["".join(map(chr, rng.integers(97, 123, 80))) for _ in range(50)]
    # Uniform letters need log2(26) = 4.7 of the 8 bits they take; no code gets below that, Huffman's comes near.
    assert 1.4 < diversity.compression_ratio(varied) < 8 / math.log2(26)
    assert diversity.compression_ratio(varied[:1] * 50) > 20
    assert math.isnan(diversity.compression_ratio([]))


@given(rows_of_tokens.filter(len))
def test_duplicate_fraction_is_the_share_of_rows_seen_before(rows):
    repeats = sum(row in rows[:i] for i, row in enumerate(rows))
    assert diversity.duplicate_fraction(Sequences.of(rows)) == pytest.approx(repeats / len(rows))


@given(rows_of_tokens, st.permutations(range(7)))
def test_diversity_does_not_depend_on_what_tokens_are_called(rows, names):
    original, renamed = Sequences.of(rows), Sequences.of([[names[token] for token in row] for row in rows])
    for measure in (diversity.self_bleu, diversity.type_entropy, diversity.duplicate_fraction):
        assert measure(original) == pytest.approx(measure(renamed), nan_ok=True)
    assert diversity.distinct_n(original, 2) == pytest.approx(diversity.distinct_n(renamed, 2), nan_ok=True)


def test_measures_of_nothing_are_undefined():
    nothing = Sequences.of([])
    assert all(math.isnan(diversity.distinct_n(nothing, n)) for n in (1, 4))
    for measure in (diversity.self_bleu, diversity.type_entropy, diversity.duplicate_fraction):
        assert math.isnan(measure(nothing))
