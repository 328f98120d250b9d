"""Rules that choose by scores: what each lets through, of those offered alone, and why the others are refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collapse.config.verifiers import BestOfInputRule, QuotaRule, ResampleRule, ThresholdRule, TopFractionRule
from collapse.verifiers import selection
from collapse.verifiers.selection import Field, selected

NAN = float("nan")


def offered(n: int, **others) -> Field:
    return Field(np.ones(n, dtype=bool), **others)


def top(fraction: float) -> TopFractionRule:
    return TopFractionRule(rule="top_fraction", fraction=fraction)


def resample(fraction: float, strength: float = 1) -> ResampleRule:
    return ResampleRule(rule="resample", fraction=fraction, strength=strength)


def test_a_threshold_lets_through_all_that_score_as_much():
    verdicts = selected(ThresholdRule(rule="threshold", least=2), np.array([1, 2, 3, NAN]), offered(4))
    assert verdicts.accepted.tolist() == [False, True, True, False]
    assert verdicts.reason.tolist() == ["below_threshold", "accepted", "accepted", "unparseable"]
    assert verdicts.threshold is not None and set(verdicts.threshold) == {2}


def test_the_best_share_is_taken_and_of_equal_scores_the_earlier_draw():
    verdicts = selected(top(0.5), np.array([1.0, 5, 3, 3, 3, 0]), offered(6))
    assert verdicts.accepted.tolist() == [False, True, True, True, False, False]
    assert verdicts.reason.tolist()[0] == "not_selected"
    assert verdicts.threshold is not None and set(verdicts.threshold) == {3}


def test_samples_drawn_for_other_strategies_do_not_compete():
    field = Field(np.array([True, True, True, True, False, False]))
    verdicts = selected(top(0.5), np.array([1.0, 2, 3, 4, 9, 9]), field)
    assert verdicts.accepted.tolist() == [False, False, True, True, False, False]
    assert (
        selected(ThresholdRule(rule="threshold", least=0), np.ones(6), field).accepted.tolist()
        == [True] * 4 + [False] * 2
    )


@pytest.mark.parametrize(("keep", "expected"), [(1, [1, 3]), (2, [0, 1, 3, 4])])
def test_the_best_of_each_input_are_taken(keep, expected):
    inputs = np.array(["a", "a", "a", "b", "b", "b"])
    rule = BestOfInputRule(rule="best_of_input", keep=keep)
    verdicts = selected(rule, np.array([2.0, 3, 1, 7, 7, NAN]), offered(6, inputs=inputs))
    assert np.flatnonzero(verdicts.accepted).tolist() == expected


def test_a_quota_gives_each_group_its_share_among_real_examples_best_first():
    groups = np.array([0] * 8 + [1] * 2)
    scores = np.array([9.0, 8, 7, 6, 5, 4, 3, 2, 1, 0])
    rule = QuotaRule(rule="quota", fraction=0.4, per="class")
    verdicts = selected(rule, scores, offered(10, groups=groups, wanted=np.array([0.5, 0.5])))
    assert np.flatnonzero(verdicts.accepted).tolist() == [0, 1, 8, 9]  # the best four are all of group 0
    assert np.flatnonzero(selected(top(0.4), scores, offered(10)).accepted).tolist() == [0, 1, 2, 3]


def test_a_group_with_too_few_samples_gives_all_it_has():
    field = offered(4, groups=np.array([0, 0, 0, 1]), wanted=np.array([0.0, 1.0]))
    verdicts = selected(QuotaRule(rule="quota", fraction=0.75, per="class"), np.arange(4.0), field)
    assert verdicts.accepted.tolist() == [False, False, False, True]


@given(st.lists(st.floats(0.01, 10), min_size=1, max_size=8), st.integers(0, 50))
def test_quotas_are_whole_and_add_up(parts, n):
    shares = np.array(parts) / np.sum(parts)
    whole = selection._whole(shares * n)
    assert whole.sum() == n
    assert np.all(np.abs(whole - shares * n) < 1)


def test_resampling_takes_a_share_and_prefers_by_the_exponential_of_the_score():
    scores = np.log(np.repeat([1.0, 3.0], 5_000))
    accepted = np.mean(
        [
            selected(resample(0.01), scores, offered(10_000, rng=np.random.default_rng(seed))).accepted
            for seed in range(20)
        ],
        axis=0,
    )
    assert accepted.sum() == pytest.approx(100)
    low, high = accepted[:5_000].sum(), accepted[5_000:].sum()
    assert high / low == pytest.approx(3, rel=0.2)
    stronger = selected(resample(0.01, strength=20), scores, offered(10_000, rng=np.random.default_rng(0)))
    assert stronger.accepted[:5_000].sum() == 0


def test_resampling_by_a_log_density_ratio_moves_samples_to_the_other_distribution():
    rng = np.random.default_rng(0)
    drawn = rng.normal(size=200_000)
    ratio = 0.5 * drawn - 0.125  # ln N(x; 0.5, 1) / N(x; 0, 1)
    kept = drawn[selected(resample(0.02), ratio, offered(len(drawn), rng=rng)).accepted]
    assert kept.mean() == pytest.approx(0.5, abs=4 / np.sqrt(len(kept)) + 0.02)


@given(st.lists(st.floats(-5, 5) | st.just(NAN), min_size=1, max_size=40), st.floats(0.05, 1))
def test_no_rule_lets_through_what_has_no_score_or_more_than_its_share(scores, fraction):
    values = np.array(scores)
    for rule in (top(fraction), resample(fraction)):
        verdicts = selected(rule, values, offered(len(values), rng=np.random.default_rng(0)))
        assert not verdicts.accepted[np.isnan(values)].any()
        assert verdicts.accepted.sum() == min(round(fraction * len(values)), int((~np.isnan(values)).sum()))
        assert set(verdicts.reason[~verdicts.accepted]) <= {"not_selected", "unparseable"}
