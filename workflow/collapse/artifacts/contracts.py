"""Every Parquet table of the project: columns, types, units, key; the only reader and writer.

A table is written sorted by its key, checked, to a temporary name that is renamed at the end, with the spec, the code
fingerprint and the digests of the inputs in its metadata. It holds no time, host or user, so the same inputs give the
same bytes.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import ValidationError

from collapse import media
from collapse.columns import Column, category
from collapse.config.form import TEXT, Form
from collapse.errors import ContractError
from collapse.running.faults import pass_on
from collapse.running.files import entries_in, no_file, written_at_once


@dataclass(frozen=True)
class Contract:
    """A table: one row per what, which columns, and which of them are the key.

    Attributes:
        name: Name of the contract, as in `samples/1`.
        version: Raised by any breaking change; readers refuse a version they do not know.
        grain: What one row is.
        columns: All columns, in order.
        key: Columns that identify a row; rows are sorted by them.
        varies: What of an example its columns depend on: `form`, input and output; `unit`, what sizes count; nothing.
        variant: Form or unit; empty for that of text, and where nothing varies.
        exact: Whether this variant alone is meant, as by a stage that knows its plan; else a reader takes any.
    """

    name: str
    version: int
    grain: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    varies: Literal["", "form", "unit"] = ""
    variant: str = ""
    exact: bool = field(default=False, compare=False)

    @property
    def title(self) -> str:
        """Name and version, as stored in a file's metadata, such as `samples[image]/1`; of text, `samples/1`."""
        return f"{self.name}[{self.variant}]/{self.version}" if self.variant else f"{self.name}/{self.version}"

    def of(self, form: Form) -> "Contract":
        """The contract of the same name whose examples are of another form."""
        match self.varies:
            case "form":
                return replace(FORMS[self.name](form), exact=True)
            case "unit":
                return replace(self.counting(form.unit), exact=True)
            case _:
                return self

    def counting(self, unit: str) -> "Contract":
        """The contract of the same name whose sizes count another unit."""
        if unit == TOKEN:
            return self
        columns = tuple(
            replace(
                column,
                name=counted(column.name, unit),
                unit=column.unit.replace(TOKEN, unit),
                doc=re.sub(rf"\b{TOKEN}(?=s?\b)", unit, column.doc),
            )
            for column in self.columns
            if column.name not in OF_TEXT_ONLY
        )
        return replace(self, columns=columns, variant=unit)

    def found_in(self, title: str) -> "Contract | None":
        """The variant with this title; None if it is none of this contract's."""
        named = re.fullmatch(rf"{self.name}(?:\[(?P<variant>[a-z>]+)\])?/{self.version}", title)
        if named is None or (named["variant"] and not self.varies) or (self.exact and title != self.title):
            return None
        if title == self.title:
            return self
        try:
            other = named["variant"] or TEXT.title
            found = self.counting(other) if self.varies == "unit" else FORMS[self.name](Form.named(other))
        except ValidationError:
            return None
        return found if found.title == title else None

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema that every file of this contract has."""
        return pa.schema([column.field for column in self.columns])


@dataclass(frozen=True)
class Record:
    """What an artifact was made from; kept in the file so that it can be asked later.

    Attributes:
        spec: The settings that decided the content.
        code: Fingerprint of the code that made it.
        inputs: SHA-256 of each input, by its path inside the results folder.
    """

    spec: dict[str, object] = field(default_factory=dict)
    code: str = ""
    inputs: dict[str, str] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """Digest of all this: equal identities give equal artifacts."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


PARQUET: dict[str, Any] = {"compression": "zstd", "compression_level": 1, "write_page_checksum": True}


def write(path: Path, contract: Contract, table: pa.Table, record: Record) -> None:
    """Check `table` against `contract`, sort it, and put it at `path` in one step.

    Args:
        path: Where the Parquet file goes; its folder is made.
        contract: What the table promises.
        table: The rows, in any order; columns in any order.
        record: What the rows were made from.

    Raises:
        ContractError: A column is missing or unknown, a value is null, has the wrong type or an unlisted category,
            or the key repeats.
    """
    checked = _checked(path, contract, table)
    metadata = {
        "collapse.contract": contract.title,
        "collapse.spec": json.dumps(record.spec, sort_keys=True),
        "collapse.code": record.code,
        "collapse.inputs": json.dumps(record.inputs, sort_keys=True),
    }
    with written_at_once(path) as partial:
        pq.write_table(checked.replace_schema_metadata(metadata), partial, **PARQUET)


def read(path: Path, contract: Contract, columns: list[str] | None = None) -> pa.Table:
    """Read a table back, refusing anything that is not `contract`; categories come back as plain strings.

    Args:
        path: The Parquet file.
        contract: What it must keep; where a contract varies, any variant of it.
        columns: Columns that are read, all if None; sizes by their names for text, such as `n_tokens`.

    Raises:
        ContractError: The file is missing, no file, not Parquet, or holds another contract or version.
        MemoryError, OSError: The machine could not read it.
    """
    if strange := no_file(path):
        raise ContractError(f"{path}: {strange}.\n  Set it aside (collapse audit --set-aside) and run snakemake again.")
    try:
        file = pq.ParquetFile(path, page_checksum_verification=True)
        title = _title(file.schema_arrow.metadata)
        kept = contract.found_in(title)
        if columns is not None and kept is not None and kept.varies == "unit":
            columns = [counted(name, kept.variant or TOKEN) for name in columns]
        table = file.read(columns)
    except FileNotFoundError:
        raise ContractError(f"{path}: there is no such file.\n  Run the workflow up to it: snakemake {path}") from None
    except (pa.ArrowException, OSError) as error:
        pass_on(error)
        raise ContractError(
            f"{path}: this is not a readable Parquet file ({error}).\n  Delete it and run snakemake again."
        ) from None
    if kept is None:
        raise ContractError(
            f"{path}: holds `{title}`, but `{contract.title}` is expected.\n"
            "  It was written by another version of this project; delete it and run snakemake again."
        )
    plain = _plain(table)
    if strange := _strange_columns(plain, kept, columns):
        raise ContractError(
            f"{path}: its columns are not those of {kept.title}: {', '.join(strange)}.\n"
            "  Delete it and run snakemake again."
        )
    return plain


def kept_by(table: pa.Table, contract: Contract) -> Contract:
    """The variant of a contract that a table keeps which was read by it."""
    return contract.found_in(_title(table.schema.metadata)) or contract


def form_of(table: pa.Table, contract: Contract) -> Form:
    """What an example is, in a table of documents or samples."""
    variant = kept_by(table, contract).variant
    return Form.named(variant) if variant else TEXT


def unit_of(table: pa.Table, contract: Contract) -> str:
    """What sizes count in a table that was read by a contract."""
    return kept_by(table, contract).variant or TOKEN


def counted(name: str, unit: str) -> str:
    """The name of a size column of text, such as `n_tokens`, where sizes count something else."""
    return re.sub(rf"(?<![a-z]){TOKEN}(?=s?(_|$))", unit, name)


def _title(metadata: Mapping[bytes, bytes] | None) -> str:
    return (metadata or {}).get(b"collapse.contract", b"no contract").decode(errors="replace")


def _strange_columns(table: pa.Table, contract: Contract, asked: list[str] | None) -> list[str]:
    """What a reader of the columns asked for would miss, or take for another type."""
    faults = list[str]()
    for one in contract.columns:
        wanted = one.type.value_type if pa.types.is_dictionary(one.type) else one.type
        if asked and one.name not in asked:
            continue
        if (n_found := table.column_names.count(one.name)) != 1:
            faults.append(f"{one.name} is there {n_found} times")
        elif (kind := table.schema.field(one.name).type) != wanted:
            faults.append(f"{one.name} is {kind}, not {wanted}")
        elif not one.nullable and (n_missing := table[one.name].null_count):
            faults.append(f"{one.name} misses {n_missing} value(s)")
    return faults


def spec_of(path: Path) -> Record:
    """Return what the artifact at `path` was made from.

    Raises:
        OSError, pyarrow.ArrowInvalid: It cannot be read as Parquet.
        ValueError: It is no file, or what it says of that is not what `write` puts there.
    """
    return record_in(_metadata(path))


def _metadata(path: Path) -> Mapping[bytes, bytes]:
    if strange := no_file(path):
        raise ValueError(f"it {strange}")
    return pq.read_schema(path).metadata or {}


def record_in(metadata: Mapping[bytes, bytes]) -> Record:
    """What an artifact was made from, out of the metadata of its schema.

    Raises:
        ValueError: It is not what `write` puts there.
    """
    inputs = entries_in(metadata.get(b"collapse.inputs", b"{}"))
    digests = {name: digest for name, digest in inputs.items() if isinstance(digest, str)}
    if digests != inputs:
        raise ValueError("an input's digest is no text")
    return Record(
        spec=entries_in(metadata.get(b"collapse.spec", b"{}")),
        code=metadata.get(b"collapse.code", b"").decode(),
        inputs=digests,
    )


def contract_of(path: Path) -> Contract:
    """Return the contract that the file at `path` names.

    Raises:
        ContractError: The file names none, or one this version does not know.
    """
    found = _title(_metadata(path))
    for contract in ALL:
        if kept := contract.found_in(found):
            return kept
    known = ", ".join(contract.title for contract in ALL)
    raise ContractError(f"{path}: names the contract `{found}`; this version knows {known}.")


def _plain(table: pa.Table) -> pa.Table:
    for index, column in enumerate(table.schema):
        if pa.types.is_dictionary(column.type):
            table = table.set_column(index, column.name, table.column(index).cast(column.type.value_type))
    return table


def _checked(path: Path, contract: Contract, table: pa.Table) -> pa.Table:
    missing = [column.name for column in contract.columns if column.name not in table.column_names]
    unknown = [name for name in table.column_names if name not in contract.schema.names]
    if missing or unknown:
        raise ContractError(f"{path}: `{contract.title}` misses columns {missing} and does not know {unknown}.")
    plain = _plain(table.select(contract.schema.names))
    arrays = [_column(path, contract, column, plain.column(column.name)) for column in contract.columns]
    keys = pa.table({name: plain.column(name) for name in contract.key})
    if keys.group_by(list(contract.key)).aggregate([]).num_rows != keys.num_rows:
        raise ContractError(f"{path}: the key ({', '.join(contract.key)}) of `{contract.title}` repeats.")
    order = pc.sort_indices(keys, sort_keys=[(name, "ascending") for name in contract.key])
    return pa.Table.from_arrays(arrays, schema=contract.schema).take(order).combine_chunks()


def _column(path: Path, contract: Contract, column: Column, values: pa.ChunkedArray) -> pa.Array:
    where = f"{path}: column `{column.name}` of `{contract.title}`"
    if not column.nullable and values.null_count:
        raise ContractError(f"{where} has {values.null_count} missing value(s); it must have none.")
    try:
        if not column.categories:
            return values.cast(column.type).combine_chunks()
        labels = pa.array(column.categories, pa.string())
        codes = pc.index_in(values.cast(pa.string()), labels)
        if codes.null_count > values.null_count:
            strange = pc.unique(values.filter(pc.is_null(codes))).to_pylist()
            raise ContractError(f"{where} holds {strange}; it may hold {list(column.categories)}.")
        return pa.DictionaryArray.from_arrays(codes.combine_chunks().cast(pa.int8()), labels)
    except pa.ArrowInvalid as error:
        raise ContractError(f"{where} cannot be stored as {column.type}: {error}") from None


# --- the tables -----------------------------------------------------------------------------------------------------

_TEXT, _ID, _COUNT, _REAL, _SINGLE = pa.string(), pa.string(), pa.int32(), pa.float64(), pa.float32()
_TOKENS = pa.list_(pa.int32())

TOKEN = "token"
"""What the sizes of text count; of other media, columns of sizes are named after their own unit."""

OF_TEXT_ONLY = ("n_bytes",)

_ARM = (
    Column("strategy", pa.string(), "strategy whose arm this row belongs to"),
    Column("seed", pa.int32(), "replicate; equal across strategies, so contrasts are paired"),
    Column("generation", pa.int32(), "turn of the loop; 0 is trained on real data only"),
)


def documents(form: Form) -> Contract:
    """Real examples of a form."""
    given = media.medium(form.input).INPUT if form.input else ()
    columns = (
        Column("document_id", _ID, "128-bit digest of source and text, in hex"),
        category("split", "what the document is for", "train", "validation", "test", "reserve"),
        *given,
        *media.medium(form.output).REAL,
        Column("group", _ID, "what must not be split between training and test (a speech, an article)"),
        Column("source", _TEXT, "where the text comes from"),
        Column("licence", _TEXT, "licence of the text"),
    )
    variant = "" if form == TEXT else form.title
    return Contract("documents", 1, "real document", columns, ("document_id",), "form", variant)


def samples(form: Form) -> Contract:
    """What models of a form made."""
    given = media.input_medium(form)
    columns = (
        *_ARM,
        Column("sample_id", _ID, "strategy.seed.generation.draw: says its own folder"),
        Column("sampled_from", _ID, "model_id of the model that wrote it"),
        Column("prompt_id", _ID, "document whose beginning was the prompt", nullable=True),
        Column("draw", _COUNT, "row number of the draw; decides the sampler seed"),
        *(given.INPUT if given else ()),
        *media.medium(form.output).DRAWN,
        Column("sampler_seed", pa.int64(), "the row's own seed"),
    )
    variant = "" if form == TEXT else form.title
    grain = "synthetic text drawn from the model of the generation before"
    return Contract("samples", 1, grain, columns, ("sample_id",), "form", variant)


VERDICTS = Contract(
    "verdicts",
    1,
    "sample × verifier",
    (
        *_ARM,
        Column("sample_id", _ID, "the sample judged"),
        Column("verifier", _TEXT, "name of the verifier in the config"),
        Column("verifier_version", _TEXT, "kind and version of its rule"),
        Column("score", _SINGLE, "higher is better", nullable=True),
        Column("threshold", _SINGLE, "least score accepted", nullable=True),
        Column("accepted", pa.bool_(), "whether this verifier lets the sample through"),
        category(
            "reason",
            "why",
            "accepted",
            "below_threshold",
            "above_threshold",
            "not_selected",
            "wrong_answer",
            "unparseable",
            "duplicate",
            "too_short",
            "too_long",
            "flipped",
        ),
        Column("duplicate_of", _ID, "first sample or document with the same tokens", nullable=True),
    ),
    ("sample_id", "verifier"),
)

TRUTH = Contract(
    "truth",
    1,
    "document that the grammar can write",
    (
        Column("text_id", _ID, "128-bit digest of the text, in hex"),
        Column("text", _TEXT, "the document"),
        Column("token_ids", _TOKENS, "its tokens, end of sequence included, as in `documents`"),
        Column("n_tokens", _COUNT, "tokens to predict, end of sequence included", "token"),
        Column("probability", _REAL, "probability of the document under the grammar; they add up to 1"),
        Column("log_probability", _REAL, "its natural logarithm", "nat"),
    ),
    ("text_id",),
)

_OF_WORDS = (
    Column("model", _TEXT, "bigram or trigram, interpolated Kneser-Ney"),
    Column("n_order", _COUNT, "length of its n-grams", "token"),
    Column("test_loss", _REAL, "mean loss on held-out real documents", "nat/token"),
    Column("standard_error", _REAL, "of the mean over documents", "nat/token", nullable=True),
    Column("bits_per_byte", _REAL, "the same loss over UTF-8 bytes", "bit/byte"),
    Column("n_training_tokens", pa.int64(), "tokens it was counted on", "token"),
    Column(
        "knows_pretraining_text",
        pa.bool_(),
        "whether they are all that generation 0 has seen; not where its base model learned from other text",
    ),
)
_OF_EXAMPLES = (
    Column("model", _TEXT, "what was fitted to real training examples, once, for all generations"),
    Column("accuracy", _REAL, "share of held-out real examples that it classifies rightly"),
    Column("n_training_examples", pa.int64(), "what it was fitted to", "example"),
    Column("weights", pa.binary(), "its weights, as safetensors"),
)


def references(form: Form) -> Contract:
    """What models of real examples of a form come to."""
    words = form.output == "text"
    grain = "n-gram model of the real text that generation 0 has seen" if words else "model of the real examples"
    columns, variant = (_OF_WORDS, "") if words else (_OF_EXAMPLES, form.title)
    return Contract("references", 1, grain, columns, ("model",), "form", variant)


FORMS = {"documents": documents, "samples": samples, "references": references}

DOCUMENTS, SAMPLES, REFERENCES = documents(TEXT), samples(TEXT), references(TEXT)

MIXTURE = Contract(
    "mixture",
    2,
    "training example, in training order",
    (
        *_ARM,
        Column("position", pa.int64(), "place in the training order"),
        Column("example_id", _ID, "document_id or sample_id"),
        category("origin", "who wrote it", "real", "synthetic"),
        Column("origin_generation", pa.int32(), "generation whose samples it is from; 0 for real"),
        Column("source", _TEXT, "table that holds the tokens, relative to the experiment's folder"),
        Column("repeat", pa.int32(), "0 the first time an example is trained on"),
        Column("weight", _SINGLE, "weight in the loss"),
        Column("n_tokens", _COUNT, "tokens trained on", "token"),
        Column("n_real_tokens", _COUNT, "of these, tokens that a person wrote (documents, prompts)", "token"),
        Column("n_pool", _COUNT, "different examples the strategy took, seen or not; the same in every row", "example"),
    ),
    ("position",),
    "unit",
)

TRAINING_LOG = Contract(
    "training_log",
    1,
    "optimizer step",
    (
        *_ARM,
        Column("step", pa.int32(), "optimizer step, from 1"),
        Column("tokens_seen", pa.int64(), "tokens trained on so far", "token"),
        Column("loss_nats", _SINGLE, "mean loss of the step", "nat/token"),
        Column("learning_rate", _SINGLE, "learning rate of the step"),
        Column("gradient_norm", _SINGLE, "norm of the gradient before clipping"),
    ),
    ("step",),
    "unit",
)

DOCUMENT_LOSSES = Contract(
    "document_losses",
    1,
    "text × model that scored it",
    (
        *_ARM,
        category("evaluation_set", "held-out real text, or this generation's samples", "real_test", "samples"),
        category("scored_by", "this arm's model, or the model of generation 0", "own", "generation_0"),
        Column("document_id", _ID, "document_id or sample_id"),
        Column("n_tokens", _COUNT, "tokens predicted", "token"),
        Column("n_bytes", _COUNT, "UTF-8 bytes of the text", "byte"),
        Column("loss_nats", _REAL, "negative log-likelihood, summed over tokens", "nat"),
    ),
    ("evaluation_set", "scored_by", "document_id"),
    "unit",
)

METRICS = Contract(
    "metrics",
    1,
    "metric value",
    (
        Column("experiment", _TEXT, "name of the experiment"),
        *_ARM,
        Column("metric", _TEXT, "what is measured; `collapse.metrics.CATALOGUE` says how"),
        Column("evaluation_set", _TEXT, "text it is measured on"),
        Column("value", _REAL, "the value, in `unit`", "see unit"),
        Column("unit", _TEXT, "unit of the value"),
        Column("n", pa.int64(), "units averaged"),
        Column("standard_error", _REAL, "within the run only; between seeds see contrasts", "see unit", nullable=True),
    ),
    ("strategy", "seed", "generation", "metric", "evaluation_set"),
)

RATER = Contract(
    "rater",
    1,
    "number that a rater has learned",
    (
        Column("part", _TEXT, "what it is: a label's place, an inverse document frequency, a weight, a count, a scale"),
        Column("feature", _TEXT, "word, pair of words or number of the feature; empty for an intercept"),
        Column("label", _TEXT, "label that it speaks for; empty where it speaks for none"),
        Column("value", _REAL, "the number"),
    ),
    ("part", "feature", "label"),
)

HELD_OUT = Contract(
    "held_out",
    1,
    "text that a rater was tested on, not fitted to",
    (
        Column("text_id", _ID, "its place among them"),
        Column("group", _TEXT, "whose it is (a speaker, an address); the rater has read no other text of this group"),
        Column("text", _TEXT, "the text"),
        Column("label", _TEXT, "what it is"),
        Column("given", _TEXT, "what the rater says"),
        Column("probability", _REAL, "how sure it is of that"),
    ),
    ("text_id",),
)

_QUANTITY = category(
    "quantity",
    "what is looked at: Euclidean norm of a neuron's feed-forward weights, or mean of what a block puts out",
    "weight",
    "activation",
)

INTERNALS = Contract(
    "internals",
    1,
    "layer or neuron of a model",
    (
        *_ARM,
        category(
            "quantity",
            "weight: norm of a neuron's feed-forward parameters; activation: mean of what a block puts out, over "
            "tokens of held-out real text; of whole layers: directions that activations use, and their linear CKA with "
            "those of the model of generation 0; of the head: entropy of the prediction, and loss, by how frequent the "
            "real token is",
            "weight",
            "activation",
            "effective_rank",
            "alignment",
            "entropy",
            "loss",
        ),
        Column("layer", _COUNT, "block, from 0; the head comes after the last"),
        Column(
            "neuron",
            _COUNT,
            "coordinate of the residual stream after it; -1: the whole layer; of the head, tenth of real tokens, the "
            "rarest first",
        ),
        Column("value", _REAL, "the value; nan where it is not defined"),
    ),
    ("quantity", "layer", "neuron"),
)

NEURONS = Contract(
    "neurons",
    1,
    "neuron × quantity × what was measured of the samples",
    (
        _QUANTITY,
        Column("outcome", _TEXT, "metric and evaluation set, such as `quality_index@rater/quality`"),
        Column("layer", _COUNT, "block, from 0"),
        Column("neuron", _COUNT, "coordinate of the residual stream after it"),
        Column("correlation", _REAL, "Pearson's r of levels over all models; nan where either does not vary"),
        Column("slope", _REAL, "of the outcome's change in the neuron's, from one generation to the next"),
        Column("standard_error", _REAL, "of the slope, Newey and West, one lag within each strategy and seed"),
        Column("p_value", _REAL, "two-sided, no slope, adjusted for nothing"),
        Column("p_bonferroni", _REAL, "times the number of neurons"),
        Column("p_discovery", _REAL, "after Benjamini and Hochberg"),
    ),
    ("quantity", "outcome", "layer", "neuron"),
)

NEURON_COUNTS = Contract(
    "neuron_counts",
    1,
    "how many neurons are significant, for one outcome or for two at once",
    (
        _QUANTITY,
        Column("outcome", _TEXT, "metric and evaluation set"),
        Column("other", _TEXT, "the second outcome; empty: of one"),
        Column("n_neurons", _COUNT, "neurons looked at"),
        Column("n_changes", _COUNT, "changes from one generation to the next that slopes are found from"),
        Column("n_significant", _COUNT, "p below .05, adjusted for nothing"),
        Column("nominal", _REAL, "what chance gives: 5 %; for two, as if they were independent"),
        Column("shuffled", _REAL, "mean after the outcome's changes were shuffled over models"),
        Column("shuffled_q95", _REAL, "95 % quantile of that"),
        Column("p_value", _REAL, "share of shuffles with as many or more"),
        Column("n_bonferroni", _COUNT, "significant after Bonferroni; for two, both"),
        Column("n_discovery", _COUNT, "after Benjamini and Hochberg at 5 %"),
    ),
    ("quantity", "outcome", "other"),
)

STOPPING = Contract(
    "stopping",
    1,
    "rule × strategy × seed of a loop that went on to its end",
    (
        Column("rule", _TEXT, "the rule that would have stopped the loop"),
        *_ARM[:2],
        Column("stopped_at", pa.int32(), "generation at which it stops; none: never", nullable=True),
        Column("kept", pa.int32(), "generation whose model it keeps"),
        Column("best", pa.int32(), "generation with the least loss on held-out real examples"),
        Column("loss_kept", _REAL, "of the model kept, on held-out real examples", "nat"),
        Column("loss_last", _REAL, "of the last model", "nat"),
        Column("loss_best", _REAL, "of the best", "nat"),
        Column("generations_saved", pa.int32(), "generations that would not have been made"),
    ),
    ("rule", "strategy", "seed"),
)

ANCESTRY = Contract(
    "ancestry",
    1,
    "arm × generation its training text came from",
    (
        *_ARM,
        Column("origin_generation", pa.int32(), "0: real text; j: samples of generation j"),
        Column("n_examples", pa.int64(), "different examples"),
        Column("n_tokens", pa.int64(), "tokens trained on, repeats counted", "token"),
        Column("token_share", _REAL, "share of the tokens trained on"),
    ),
    ("strategy", "seed", "generation", "origin_generation"),
    "unit",
)

CONTRASTS = Contract(
    "contrasts",
    1,
    "strategy pair × metric × generation",
    (
        Column("metric", _TEXT, "what is compared"),
        Column("evaluation_set", _TEXT, "text it is measured on"),
        Column("generation", pa.int32(), "turn of the loop"),
        Column("strategy", _TEXT, "the strategy"),
        Column("baseline", _TEXT, "what it is compared with"),
        Column("estimate", _REAL, "mean over seeds of strategy − baseline", "unit of the metric"),
        Column("low", _REAL, "lower end of the interval", "unit of the metric", nullable=True),
        Column("high", _REAL, "upper end of the interval", "unit of the metric", nullable=True),
        Column("confidence", _SINGLE, "coverage the interval aims at"),
        category("method", "how the interval was made", "paired_bootstrap", "paired_t", "exact_sign", "single_seed"),
        Column("n_seeds", pa.int32(), "pairs"),
        Column("p_value", _REAL, "two-sided, no difference", nullable=True),
        Column("p_adjusted", _REAL, "after `adjustment`", nullable=True),
        category("adjustment", "for how many comparisons the p-value was adjusted", "none", "holm"),
    ),
    ("metric", "evaluation_set", "generation", "strategy", "baseline"),
)

THEORY = Contract(
    "theory",
    1,
    "predicted value of a closed-form world",
    (
        Column("strategy", pa.string(), "strategy it is about"),
        Column("generation", pa.int32(), "turn of the loop"),
        Column("metric", _TEXT, "what is predicted: its mean over replicates"),
        Column("evaluation_set", _TEXT, "world and point of its sweep; joins with metrics and points"),
        Column("value", _REAL, "the value", "see metric"),
        category(
            "status",
            "how much is claimed; `fitted` to the simulation is no test of it",
            "exact",
            "asymptotic",
            "bound",
            "fitted",
        ),
        Column("formula", _TEXT, "the formula, in one line"),
        Column("source", _TEXT, "paper and theorem"),
    ),
    ("strategy", "generation", "metric", "evaluation_set"),
)

POINTS = Contract(
    "points",
    1,
    "swept parameter of a point of a closed-form world",
    (
        Column("evaluation_set", _TEXT, "world and point; joins with metrics and theory"),
        Column("world", _TEXT, "name of the world in the config"),
        Column("parameter", _TEXT, "swept parameter; `replicates`: chains simulated, all seeds together"),
        Column("value", _REAL, "its value"),
    ),
    ("evaluation_set", "parameter"),
)

CLAIMS = Contract(
    "claims",
    2,
    "claim of a paper",
    (
        Column("claim_id", _ID, "begins with its row of the acceptance matrix, where it has one"),
        Column("paper", _TEXT, "key of the paper"),
        Column("where", _TEXT, "theorem, table, figure or section"),
        Column("statement", _TEXT, "what the paper says, in our words"),
        Column("metric", _TEXT, "what was measured"),
        category(
            "kind",
            "how it is checked",
            *("value", "bound", "trend", "slope", "peak", "ratio", "order", "paired_order", "paired_equal"),
        ),
        category(
            "evidence", "whose the expectation is: the paper's, by its formula, ours", "published", "theorem", "ours"
        ),
        Column("expected", _REAL, "what was expected, where the check was closest to failing", nullable=True),
        Column("tolerance", _REAL, "how far off it may be, in the unit of `expected`", nullable=True),
        Column("published", _REAL, "the number the paper gives", nullable=True),
        Column("theory", _REAL, "what the closed form gives there", nullable=True),
        Column("observed", _REAL, "what was obtained there", nullable=True),
        Column("standard_error", _REAL, "of `observed`", nullable=True),
        Column("low", _REAL, "lower end of its 95 % interval", nullable=True),
        Column("high", _REAL, "upper end", nullable=True),
        Column("at", _TEXT, "where that was: strategy, generation, point"),
        Column("n_values", pa.int32(), "values the claim was checked on"),
        Column("n_replicates", pa.int64(), "replicates or units behind `observed`"),
        category("verdict", "the outcome", "reproduced", "not_reproduced", "inconclusive"),
        Column("reason", _TEXT, "why, in one sentence"),
    ),
    ("claim_id",),
)

AUDIT = Contract(
    "audit",
    1,
    "artifact × check",
    (
        Column("artifact", _TEXT, "path inside the experiment's folder"),
        category(
            "check",
            "what was checked",
            "complete",
            "contract",
            "key",
            "digest",
            "inputs",
            "place",
            "counts",
            "held_out",
            "splits",
            "seeds",
            "record",
            "lineage",
            "usable",
            "generations",
            "shares",
            "weights",
            "passes",
            "budget",
            "training",
            "collected",
        ),
        Column("passed", pa.bool_(), "whether nothing is wrong"),
        Column("detail", _TEXT, "what was compared, or what is wrong"),
    ),
    ("artifact", "check"),
)

ALL = (
    DOCUMENTS,
    REFERENCES,
    TRUTH,
    SAMPLES,
    VERDICTS,
    MIXTURE,
    TRAINING_LOG,
    DOCUMENT_LOSSES,
    METRICS,
    RATER,
    HELD_OUT,
    INTERNALS,
    NEURONS,
    NEURON_COUNTS,
    STOPPING,
    ANCESTRY,
    CONTRASTS,
    THEORY,
    POINTS,
    CLAIMS,
    AUDIT,
)
