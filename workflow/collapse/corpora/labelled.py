"""Text that raters learn from, with a label each where they tell labels apart."""

from collapse.config.raters import LabelledTextSettings, TextSourceSettings
from collapse.config.settings import SotuSettings
from collapse.corpora import RealText, conventions, hugging_face, local_file, sotu
from collapse.errors import ConfigError


def read(settings: TextSourceSettings) -> list[RealText]:
    """Read all texts of the source; those of `LabelledTextSettings` have labels.

    Raises:
        ConfigError: The source is missing, damaged, or holds no such text.
        EngineError: It cannot be reached from this machine.
    """
    if settings.source == "conventions":
        return conventions.read()
    if settings.file:
        return local_file.read(settings.file)
    if settings.huggingface:
        return hugging_face.read(settings.huggingface)
    assert settings.sotu is not None
    texts = sotu.read(settings.sotu)
    return by_party(texts, settings.sotu) if isinstance(settings, LabelledTextSettings) else texts


def by_party(texts: list[RealText], settings: SotuSettings) -> list[RealText]:
    """Addresses of Democratic and Republican presidents, labelled; groups are presidents, whom a classifier learns.

    Raises:
        ConfigError: All addresses of these years are of one party.
    """
    found = [text for text in sotu.of_parties(texts) if text.label in ("democrat", "republican")]
    if len({text.label for text in found}) < 2:
        raise ConfigError(
            f"sotu: the addresses from {settings.first_year} on are of one of the two parties, or of neither.\n"
            "  Choose years with presidents of both."
        )
    return found
