"""Speeches by party: what a classifier could cheat with is gone, and who spoke is known."""

import re

import pytest

from collapse.corpora import conventions
from collapse.errors import ConfigError


@pytest.fixture(scope="module")
def speeches():
    return conventions.read()


def test_there_are_as_many_as_were_given(speeches):
    parties = [speech.label for speech in speeches]
    assert (parties.count("democrat"), parties.count("republican")) == (123, 66)
    assert len({speech.group for speech in speeches}) > 175, "a few spoke twice"
    assert not {speech.group for speech in speeches if speech.label == "democrat"} & {
        speech.group for speech in speeches if speech.label == "republican"
    }


def test_neither_crowd_nor_stage_directions_nor_names_give_a_party_away(speeches):
    for speech in speeches:
        assert not re.search(r"\(|applause[.)]|\b(AUDIENCE|ANNOUNCER)\b", speech.text), speech.group
        assert not speech.text.startswith(f"{speech.group}:")


def test_what_is_spoken_is_kept():
    said = (
        "(Cheers, applause.)\nMS. DOE: Thank you — (applause) — all.\nAUDIENCE MEMBERS: Four more!\nNow: work. (Cheers"
    )
    assert conventions.spoken(said) == ("MS. DOE", "Thank you — all.\nNow: work.")
    unnamed = conventions.spoken("Thank you.")
    assert unnamed == conventions.spoken("Thank you.")
    assert re.fullmatch("[0-9a-f]{32}", unnamed[0])


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(conventions, "PACKAGE", "no-such-package")
    with pytest.raises(ConfigError, match="no-such-package"):
        conventions.read()


def test_another_file_in_its_place_is_refused(monkeypatch, tmp_path):
    (tmp_path / "other.json").write_text('[{"name": "democrat"}]')
    monkeypatch.setattr(conventions, "path", lambda: tmp_path / "other.json")
    with pytest.raises(ConfigError, match="is not what it was"):
        conventions.read()
