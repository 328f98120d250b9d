"""What is held out: whole groups, by digest, within the limits, whatever the order of the rows."""

import hashlib
import random
from collections import Counter
from pathlib import Path

import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from collapse.artifacts import lineage
from collapse.config.settings import CorpusSettings
from collapse.corpora import RealText, splits
from collapse.corpora.splits import Placed
from collapse.errors import ConfigError

GRAMMAR = yaml.safe_load((Path(__file__).parents[2] / "config.yaml").read_text())["corpus"]["grammar"]


def settings(**changed: object) -> CorpusSettings:
    values: dict[str, object] = {
        "source": "file",
        "sotu": {"first_year": 2000, "last_year": None},
        "huggingface": {
            "dataset": None,
            "subset": None,
            "revision": None,
            "split": "train",
            "column": "text",
            "group_column": None,
        },
        "file": {"path": "corpus.txt", "column": "text", "group_column": None, "max_bytes": 10**9},
        "grammar": GRAMMAR,
        "test_fraction": 0.25,
        "validation_fraction": 0.25,
        "train_bytes": 10_000,
        "validation_bytes": 10_000,
        "test_bytes": 10_000,
        "reserve_bytes": 10_000,
        "max_document_tokens": 64,
    }
    return CorpusSettings.model_validate(values | changed)


def text(words: str, group: str) -> RealText:
    return RealText(words, group, "corpus.txt", "public domain")


def corpus(n_groups: int, per_group: int = 5) -> list[RealText]:
    return [text(f"text {t} of group {g}", f"group {g}") for g in range(n_groups) for t in range(per_group)]


def by_split(placed: list[Placed]) -> dict[str, list[RealText]]:
    return {name: [p.real for p in placed if p.split == name] for name in ("train", "validation", "test", "reserve")}


@given(
    st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 20)), min_size=20, max_size=60),
    st.integers(40, 300),
    st.integers(0, 2**32),
)
def test_splits_keep_groups_apart_stay_within_limits_and_ignore_row_order(
    rows: list[tuple[str, int]], train_bytes: int, shuffle: int
) -> None:
    texts = [text(f"text number {number}", group) for group, number in rows]
    limits = settings(train_bytes=train_bytes, reserve_bytes=100)
    try:
        placed = splits.split(texts, limits)
    except ConfigError:
        assume(False)
    parts = by_split(placed)
    kept = [real.text for part in parts.values() for real in part]
    assert max(Counter(kept).values()) == 1
    groups = [{real.group for real in parts[name]} for name in ("test", "validation")]
    trained = {real.group for name in ("train", "reserve") for real in parts[name]}
    assert not (groups[0] & groups[1] or groups[0] & trained or groups[1] & trained)
    for name, limit in (("train", train_bytes), ("reserve", 100)):
        assert sum(len(real.text.encode()) for real in parts[name]) <= limit
    random.Random(shuffle).shuffle(texts)
    assert splits.split(texts, limits) == placed


def test_the_groups_of_least_digest_are_test_and_the_next_validation() -> None:
    parts = by_split(splits.split(corpus(12), settings()))
    ranked = sorted(
        (f"group {g}" for g in range(12)), key=lambda group: int(hashlib.sha256(group.encode()).hexdigest(), 16)
    )
    assert {real.group for real in parts["test"]} == set(ranked[:3])
    assert {real.group for real in parts["validation"]} == set(ranked[3:6])
    assert {real.group for real in parts["train"]} == set(ranked[6:])


def test_each_held_out_split_has_its_own_share_of_the_groups() -> None:
    parts = by_split(splits.split(corpus(20), settings(test_fraction=0.13, validation_fraction=0.28)))
    # 2.6 and 5.6 groups, to the nearest whole one; the rest is trained on.
    assert [len({real.group for real in parts[name]}) for name in ("test", "validation", "train")] == [3, 6, 11]


def test_a_split_may_be_filled_to_its_last_byte() -> None:
    whole = by_split(splits.split(corpus(12), settings()))["train"]
    n_bytes = sum(len(real.text.encode()) for real in whole)
    kept = [by_split(splits.split(corpus(12), settings(train_bytes=n_bytes - less)))["train"] for less in (0, 1)]
    assert kept == [whole, whole[:-1]]


def test_a_text_that_is_also_held_out_is_never_trained_on() -> None:
    texts = corpus(12) + [text("said in every speech", f"group {g}") for g in range(12)]
    parts = by_split(splits.split(texts, settings()))
    assert [name for name, part in parts.items() if "said in every speech" in [real.text for real in part]] == ["test"]


def test_a_text_that_is_drawn_twice_counts_twice_wherever_it_is_held_out() -> None:
    said = [RealText("the same", f"draw {draw}", f"draw {draw}", "none", draw=draw) for draw in range(40)]
    parts = by_split(splits.split(said, settings()))
    assert [len(parts[name]) for name in ("test", "validation", "train", "reserve")] == [10, 10, 20, 0]
    assert len({lineage.document_id(real.source, real.text) for part in parts.values() for real in part}) == 40


def test_training_text_that_does_not_fit_goes_to_the_reserve_and_a_larger_limit_only_adds() -> None:
    small = by_split(splits.split(corpus(12), settings(train_bytes=200)))
    large = by_split(splits.split(corpus(12), settings(train_bytes=300)))
    assert small["train"] == large["train"][: len(small["train"])]
    assert len(small["train"]) < len(large["train"])
    assert small["train"] + small["reserve"] == large["train"] + large["reserve"]


@pytest.mark.parametrize(
    ("texts", "changed", "message"),
    [
        (corpus(2), {}, "2 group(s) of texts, but training, validation and test need at least 3"),
        (corpus(1, 1), {}, "1 group(s)"),
        (corpus(8), {"test_fraction": 0.01}, "8 group(s) of texts: 0 for test_fraction"),
        (corpus(12), {"train_bytes": 3}, "corpus.train_bytes: 3 does not hold one text"),
        (corpus(12), {"test_bytes": 3}, "corpus.test_bytes: 3 does not hold one text"),
        ([text("the same", f"{g}") for g in range(9)], {}, "also occurs in groups held out further"),
    ],
)
def test_a_corpus_that_cannot_fill_three_splits_is_refused(
    texts: list[RealText], changed: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        splits.split(texts, settings(**changed))
    assert message in str(refused.value)
