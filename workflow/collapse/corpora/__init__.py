"""Real text, as people wrote it, or as a known grammar does: one module per source, and what is done to it before it
is a corpus.

`splits` decides what is held out, `tokenizer` turns text into token ids, `documents` cuts what is too long and makes
the table.
"""

from dataclasses import dataclass

from collapse.config.settings import CorpusSettings


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
    """

    text: str
    group: str
    source: str
    licence: str
    reference_answer: str | None = None
    draw: int | None = None


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
