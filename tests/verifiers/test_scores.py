"""What verifiers check and score: right answers, ROUGE, near duplicates, a detector, and groups for quotas."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rensa import RMinHash
from scipy.sparse import csr_matrix

from collapse.config.verifiers import AnswerVerifier, NearDuplicatesVerifier
from collapse.media import answers
from collapse.verifiers import answer, clusters, detector, near_duplicates, rouge

# --- answers ---


def judged(given_, true, **settings) -> list[str]:
    verdicts = answer.judge(AnswerVerifier(kind="answer", **{"match": "exact"} | settings), given_, true)
    assert verdicts.score is not None and verdicts.score.tolist() == verdicts.accepted.astype(float).tolist()
    return verdicts.reason.tolist()


def test_an_answer_is_right_if_it_is_the_same_but_for_white_space_at_its_ends():
    assert judged(["19", " 19\n", "91", "", "1 9"], ["19"] * 5) == [
        "accepted",
        "accepted",
        "wrong_answer",
        "wrong_answer",
        "wrong_answer",
    ]


@pytest.mark.parametrize(
    ("given_", "reason"),
    [
        ("1.0 -2 3.5", "accepted"),
        ("1.00, -2, 3.5", "accepted"),
        ("1.3 -2 3.5", "accepted"),  # 0.3 of 6.5 in all: 4.6 %
        ("1.4 -2 3.5", "wrong_answer"),  # 6.2 %
        ("-2 1 3.5", "wrong_answer"),  # the order counts
        ("1 -2", "unparseable"),
        ("1 -2 3.5 4", "unparseable"),
        ("1 -2 three", "unparseable"),
        ("1 -2 3.5.", "unparseable"),
        ("1 -2 nan", "unparseable"),
        ("1 -2 inf", "unparseable"),
        ("", "unparseable"),
    ],
)
def test_numbers_are_right_within_a_share_of_their_size(given_, reason):
    assert judged([given_], ["1 -2 3.5"], match="numbers", tolerance=0.05) == [reason]


@given(st.lists(st.integers(-(10**6), 10**6), min_size=1, max_size=6))
def test_numbers_are_read_as_they_are_written(values):
    for text in (" ".join(map(str, values)), ", ".join(f"{value:e}" for value in values)):
        found = answers.numbers(text)
        assert found is not None and found == pytest.approx(np.array(values, dtype=float), rel=1e-5)


def test_without_tolerance_a_number_must_be_the_same():
    assert judged(["6.0", "6", "6.0001"], ["6"] * 3, match="numbers") == ["accepted", "accepted", "wrong_answer"]


# --- rouge ---


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("the cat sat", "the cat sat", 1),
        ("The CAT, sat!", "the cat sat", 1),
        ("the cat", "the cat sat on", 2 * 1 * 0.5 / 1.5),
        ("the the the", "the cat", 2 * (1 / 3) * 0.5 / (1 / 3 + 0.5)),  # a word counts as often as both have it
        ("dogs", "dog", 0),  # no stemming
        ("", "the cat", 0),
        ("", "", 0),
        ("état-major 12", "12 État", 0.8),
    ],
)
def test_rouge_1_by_hand(one, other, expected):
    assert rouge.rouge_1(one, other) == pytest.approx(expected)
    assert rouge.rouge_1(other, one) == pytest.approx(expected)
    assert rouge.scores([one], [other]) == pytest.approx([expected])


# --- near duplicates ---

WORDS = [f"word{i}" for i in range(2_000)]


def near(samples, documents=(), similarity=0.7, words=3):
    settings = NearDuplicatesVerifier(kind="near_duplicates", similarity=similarity, words=words)
    names = [f"s{i}" for i in range(len(samples))]
    return near_duplicates.judge(settings, samples, names, documents, [f"d{i}" for i in range(len(documents))])


def test_shingles_are_word_n_grams_and_a_short_text_is_one():
    assert near_duplicates.shingles("A b, c d", 3) == ["a b c", "b c d"]
    assert near_duplicates.shingles("A b", 3) == ["a b"]
    assert near_duplicates.shingles("", 3) == [""]


def test_a_text_that_differs_in_a_word_is_near_and_one_that_shares_none_is_not():
    first, other = " ".join(WORDS[:60]), " ".join(WORDS[100:160])
    changed = first.replace("word30", "else")
    verdicts = near([first, other, changed], similarity=0.8)  # 3 of 61 3-grams differ: Jaccard 55/61 = 0.90
    assert verdicts.accepted.tolist() == [True, True, False]
    assert verdicts.duplicate_of is not None and verdicts.duplicate_of.tolist() == [None, None, "s0"]
    assert verdicts.score is not None and -1 < verdicts.score[2] < -0.8


def test_real_training_texts_come_first_and_the_first_of_several_is_named():
    text = " ".join(WORDS[:40])
    verdicts = near([text, text.upper()], documents=[" ".join(WORDS[50:90]), text, text])
    assert verdicts.duplicate_of is not None and verdicts.duplicate_of.tolist() == ["d1", "d1"]


def test_what_was_refused_refuses_nothing():
    texts = [" ".join(WORDS[start : start + 40]) for start in (0, 6, 20)]  # 0.73 and 0.46 of their 3-grams are shared
    verdicts = near(texts, similarity=0.6)
    assert verdicts.accepted.tolist() == [True, False, True]
    assert near(texts[1:], similarity=0.4 + 0.1).accepted.tolist() == [True, True]


def one_after_another(samples, documents, similarity, words) -> list[str | None]:
    """Whom each sample is near to, by comparing it with every text that was kept, one by one."""
    n_bands, kept, found = near_duplicates.bands(similarity), list[tuple[str, np.ndarray]](), list[str | None]()
    names = [*(f"d{i}" for i in range(len(documents))), *(f"s{i}" for i in range(len(samples)))]
    for name, text in zip(names, [*documents, *samples], strict=True):
        hashed = RMinHash(num_perm=128, seed=1)
        hashed.update(near_duplicates.shingles(text, words))
        mine = np.array(hashed.digest())
        alike = [
            other
            for other, theirs in kept
            if (mine == theirs).reshape(n_bands, -1).all(axis=1).any() and (mine == theirs).mean() >= similarity
        ]
        if name.startswith("d") or not alike:
            kept.append((name, mine))
        found += [] if name.startswith("d") else [alike[0] if alike else None]
    return found


@pytest.mark.parametrize("similarity", [0.5, 0.7, 0.85, 0.95])
def test_all_at_once_says_what_one_after_another_does(similarity):
    """Variants of variants, so that what is near to a refused text matters; common beginnings that are not enough."""
    rng = np.random.default_rng(3)
    texts = [["one", "two", "three", "four", *rng.choice(WORDS, 12)] for _ in range(6)]
    while len(texts) < 150:
        changed = list(texts[rng.integers(len(texts))])
        if rng.random() < 0.8:
            changed[rng.integers(len(changed))] = str(rng.choice(WORDS))
        texts.append(changed)
    said = [" ".join(texts[row]) for row in rng.permutation(150)] + ["", "one", "", "one"]
    verdicts = near(said[20:], said[:20], similarity, words=2)
    expected = one_after_another(said[20:], said[:20], similarity, 2)
    assert verdicts.duplicate_of is not None and verdicts.duplicate_of.tolist() == expected
    assert 2 < sum(one is None for one in expected) < len(expected) - 2


def test_where_there_is_nothing_nothing_is_near():
    assert len(near([])) == 0
    assert near(["a"]).accepted.tolist() == [True]


def test_the_estimate_is_near_the_true_similarity():
    rng = np.random.default_rng(0)
    errors = []
    for _ in range(50):
        shared = int(rng.integers(30, 56))
        one, other = (" ".join([*WORDS[:shared], *WORDS[start : start + 60 - shared]]) for start in (100, 200))
        found = [set(near_duplicates.shingles(text, 1)) for text in (one, other)]
        true = len(found[0] & found[1]) / len(found[0] | found[1])
        score = near([one, other], similarity=0.5, words=1).score
        if score is not None and score[1]:
            errors.append(-score[1] - true)
    assert len(errors) > 20
    assert abs(np.mean(errors)) < 0.03
    assert np.std(errors) < 0.08  # √(s(1 − s)/128) is at most 0.044


# --- detector and clusters ---


@pytest.mark.parametrize("sparse", [False, True])
def test_a_detector_scores_what_looks_real_higher_and_has_not_seen_what_it_scores(sparse):
    rng = np.random.default_rng(0)
    real, false = rng.normal(0, 1, (300, 3)), rng.normal(1, 1, (300, 3))
    alike = rng.normal(0, 1, (100, 3))
    samples = np.concatenate([false, alike])
    tables = [csr_matrix(one) if sparse else one for one in (samples, real)]
    scores = detector.scores(*tables, 1.0)
    assert scores[300:].mean() > scores[:300].mean() + 1
    # noise alone cannot be told apart by a fit that has not seen it
    noise = rng.normal(size=(400, 200))
    assert abs(detector.scores(noise, rng.normal(size=(400, 200)), 1e6).mean()) < 1
    assert np.mean(detector.scores(noise, rng.normal(size=(400, 200)), 1e6) < 0) < 0.6


def test_log_odds_estimate_the_log_density_ratio():
    rng = np.random.default_rng(0)
    samples, real = rng.normal(0, 1, (4_000, 1)), rng.normal(1, 1, (1_000, 1))
    scores = detector.scores(samples, real, 1e6)
    assert scores == pytest.approx(samples[:, 0] - 0.5, abs=0.4)  # ln N(x; 1, 1) / N(x; 0, 1), whatever their numbers
    assert np.corrcoef(scores, samples[:, 0])[0, 1] > 0.99


def test_clusters_are_those_of_real_examples():
    rng = np.random.default_rng(0)
    centres = np.array([[0, 0], [10, 0], [0, 10]])
    real = np.concatenate([rng.normal(c, 0.1, (n, 2)) for c, n in zip(centres, (50, 30, 20), strict=True)])
    groups, wanted = clusters.groups(centres.astype(float), real, 3)
    assert sorted(groups) == [0, 1, 2]
    assert wanted[groups].tolist() == [0.5, 0.3, 0.2]
    assert len(clusters.groups(real, real[:2], 5)[1]) == 2  # no more clusters than examples
