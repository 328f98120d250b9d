"""As many texts of every label: which ones, and what is said where there are too few."""

import pytest

from collapse.config.settings import BalanceSettings
from collapse.corpora import RealText
from collapse.corpora.balance import balanced
from collapse.errors import ConfigError


def texts(**counts: int) -> list[RealText]:
    return [
        RealText(f"{label} {number}", f"group {number}", "file", "free", label=label)
        for label, count in counts.items()
        for number in range(count)
    ]


def chosen(given: list[RealText], **settings) -> list[str]:
    return [text.text for text in balanced(given, BalanceSettings(**settings))]


def test_every_label_has_as_many_texts_and_their_order_in_the_file_decides_nothing():
    given = texts(left=30, right=7, center=12)
    found = chosen(given, per_label=5)
    assert [text.split()[0] for text in found] == ["center"] * 5 + ["left"] * 5 + ["right"] * 5
    assert found == chosen(given[::-1], per_label=5)
    assert set(chosen(given, per_label=4)) < set(found)


def test_labels_that_are_not_named_are_left_out_and_so_is_text_without_one():
    given = [*texts(left=3, center=3), RealText("unknown", "group", "file", "free")]
    assert {text.split()[0] for text in chosen(given, per_label=3, labels=["center"])} == {"center"}
    assert "unknown" not in chosen(given, per_label=3)


def test_a_repeated_text_counts_once():
    with pytest.raises(ConfigError, match=r"per_label: is 3, but `left` is the label of 2 texts"):
        chosen(texts(left=2, right=3) * 2, per_label=3)


def test_a_label_of_no_text_is_refused_beside_those_there_are():
    with pytest.raises(ConfigError, match=r"`middle` is the label of no text.\n  The source has `left`, `right`"):
        chosen(texts(left=3, right=3), per_label=3, labels=["left", "middle"])
