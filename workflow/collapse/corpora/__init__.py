"""Real text, as people wrote it, or as a known grammar does: one module per source, and what is done to it before it
is a corpus.

`splits` decides what is held out, `tokenizer` turns text into token ids, `documents` cuts what is too long and makes
the table.
"""

from dataclasses import dataclass

from collapse.config.settings import CorpusSettings
from collapse.errors import ConfigError

MAKERS = {"text": "collapse.corpora.texts", "image": "collapse.corpora.pictures"}
"""Module that makes the documents, and what says how they are written, of corpora of each medium; rules add it to the
fingerprint of `corpus`."""


@dataclass(frozen=True)
class RealText:
    """One text of a source, before any cut.

    Attributes:
        text: The text; blank at neither end, never empty.
        group: What must not be split between training and test (a speech, an article).
        source: Where the text comes from: an address or a file's name.
        licence: Licence of the text, in words.
        reference_answer: The right answer, where there is one.
        draw: Which draw from a known distribution it is; None for text that was found. What is found twice is kept
            once; what is drawn twice counts twice.
        input: What was asked, where the text is an answer; never empty then.
        place: File and row, for messages; empty where a source has none.
        label: What raters learn to tell of a text (a party, a leaning), where the source says.
    """

    text: str
    group: str
    source: str
    licence: str
    reference_answer: str | None = None
    draw: int | None = None
    input: str | None = None
    place: str = ""
    label: str | None = None

    @property
    def whole(self) -> str:
        """Input and text in one, for digests and sizes."""
        return self.text if self.input is None else f"{self.input}\x1f{self.text}"


def reserve_key(settings: CorpusSettings) -> str:
    """The setting that says how much is kept in the reserve."""
    return "corpus.reserve_bytes" if settings.holds == "text" else "corpus.examples.reserve"


def read(settings: CorpusSettings) -> list[RealText]:
    """Read all texts of the source that the settings name, in the source's own order.

    Raises:
        ConfigError: The settings do not fit the source, or it holds no text.
        EngineError: The source cannot be reached from this machine.
    """
    match settings.source:
        case "sotu":
            from collapse.corpora import sotu

            return sotu.read(settings.sotu)
        case "huggingface":
            from collapse.corpora import hugging_face

            return hugging_face.read(settings.huggingface)
        case "file":
            from collapse.corpora import local_file

            return local_file.read(settings.file)
        case "grammar":
            from collapse.corpora import grammar

            assert settings.grammar is not None
            return grammar.read(settings.grammar)
        case "arithmetic":
            from collapse.corpora import arithmetic

            assert settings.arithmetic is not None
            return arithmetic.read(settings.arithmetic)
        case "eigenvalues":
            from collapse.corpora import eigenvalues

            assert settings.eigenvalues is not None
            return eigenvalues.read(settings.eigenvalues)
        case "wikipedia":
            from collapse.corpora import wikipedia

            assert settings.wikipedia is not None
            return wikipedia.read(settings.wikipedia)
        case other:
            raise ConfigError(f"corpus.source: `{other}` holds no text.")
