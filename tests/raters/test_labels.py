"""A rater that tells labels apart: what it learns, on whom it is tested, and that its table is all of it."""

import numpy as np
import pytest

from collapse.config.raters import LabelRater
from collapse.corpora import RealText
from collapse.errors import ConfigError
from collapse.raters import is_held_out, labels

WORDS = {"left": "union wages health climate", "right": "taxes border liberty faith", "centre": "budget vote talks law"}


def text(label: str, group: str, words: str, n: int = 30) -> RealText:
    rng = np.random.default_rng(len(group) + sum(map(ord, group)))
    drawn = rng.choice([*words.split(), "the", "of", "and", "we"], n)
    return RealText(" ".join(drawn), group, "made up", "none", label=label)


def settings(**changes) -> LabelRater:
    given = {"kind": "labels", "corpus": {"source": "conventions"}, "window_words": 10, "held_out": 0.25}
    return LabelRater.model_validate(given | changes)


@pytest.fixture(scope="module")
def texts() -> list[RealText]:
    return [text(label, f"{label} {number}", words) for label, words in WORDS.items() for number in range(8)]


def test_it_knows_the_labels_of_groups_that_it_has_not_read(texts):
    _, tested = labels.fit(texts, settings())
    assert len({one.group for one in tested}) == 6, "a quarter of eight groups for each of three labels"
    assert np.mean([one.label == one.given for one in tested]) > 0.9
    assert {len(one.text.split()) for one in tested} == {10}


def test_what_is_held_out_decides_nothing(texts):
    learned, tested = labels.fit(texts, settings())
    out = {one.group for one in tested}
    other = [
        RealText("xylophone " * 20, one.group, "", "", label=one.label) if one.group in out else one for one in texts
    ]
    again, _ = labels.fit(other, settings())
    assert again.equals(learned)


@pytest.mark.parametrize("n_labels", [2, 3])
def test_its_table_is_all_of_it_and_gives_what_scikit_learn_gives(texts, n_labels):
    chosen = [one for one in texts if one.label in list(WORDS)[:n_labels]]
    learned, tested = labels.fit(chosen, settings())
    model = labels.load(learned)
    assert model.labels == tuple(sorted(list(WORDS)[:n_labels]))
    for one in tested[:5]:
        found = model.probabilities(one.text)[0]
        assert found.sum() == pytest.approx(1)
        assert (model.labels[found.argmax()], found.max()) == (one.given, pytest.approx(one.probability))
    shuffled = labels.load(learned.take(np.random.default_rng(0).permutation(learned.num_rows)))
    np.testing.assert_allclose(shuffled.probabilities("taxes and wages"), model.probabilities("taxes and wages"))


def test_a_word_of_one_side_speaks_for_it(texts):
    model = labels.load(labels.fit(texts, settings())[0])
    left, right = (model.labels.index(label) for label in ("left", "right"))
    said = model.probabilities("health and wages")[0], model.probabilities("taxes and faith")[0]
    assert said[0][left] > 0.5 > said[0][right]
    assert said[1][right] > 0.5 > said[1][left]


def test_rare_labels_weigh_as_much_as_common_ones(texts):
    uneven = [one for one in texts if one.label == "left" or one.group in ("right 0", "right 1")]
    _, tested = labels.fit(uneven, settings())
    assert {one.given for one in tested if one.label == "right"} == {"right"}


def test_a_group_of_both_labels_is_held_out_of_both(texts):
    both = [*texts, *(text(label, "left 0", WORDS[label]) for label in WORDS)]
    held_out = {one.group for one in labels.fit(both, settings(held_out=0.9))[1]}
    model_texts = [one for one in both if one.group not in held_out]
    assert {one.label for one in model_texts} == set(WORDS)
    assert not {one.group for one in model_texts} & held_out


def test_groups_are_held_out_by_their_digests_whatever_their_order():
    groups = [f"speaker {number}" for number in range(20)]
    first = dict(zip(groups, is_held_out(groups, 0.25), strict=True))
    again = dict(zip(groups[::-1], is_held_out(groups[::-1], 0.25), strict=True))
    assert first == again
    assert sum(first.values()) == 5
    assert is_held_out(["a", "b"], 0.001).sum() == is_held_out(["a", "b"], 0.999).sum() == 1


def test_labels_or_groups_that_are_too_few_are_refused(texts):
    with pytest.raises(ConfigError, match="all texts are `left`"):
        labels.fit([one for one in texts if one.label == "left"], settings())
    with pytest.raises(ConfigError, match="one alone, `right 0`"):
        labels.fit([one for one in texts if one.label == "left" or one.group == "right 0"], settings())
