"""Bring real examples in, hold some of them out, and write them as numbers once."""

import logging
import math
from importlib import import_module
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from collapse import corpora
from collapse.artifacts import contracts, sources
from collapse.artifacts.contracts import DOCUMENTS, Record
from collapse.config.specs import CorpusSpec
from collapse.corpora import overlap
from collapse.errors import ConfigError
from collapse.stages import Output

LOG = logging.getLogger(__name__)


def run(
    *,
    spec: CorpusSpec,
    given_tokenizer: Path | None = None,
    pretraining_documents: Path | None = None,
    documents: Output,
    encoding: Output,
    record: Record,
) -> None:
    """Read the source, split it, settle how its values are written, and write the documents.

    Args:
        spec: Source, splits and encoding.
        given_tokenizer: A file beside the base model's tokenizer, which is taken over; None: one is trained.
        pretraining_documents: What the base model was pretrained on, where that is known.
        documents: Table of all real documents.
        encoding: How values are written: `tokenizer.json`, the tokenizer's other files beside it; or `encoding.json`.
        record: What the table was made from.

    Raises:
        ConfigError: The source cannot fill the splits, the reserve is too small for the strategies that use it, or
            the base model has read what is held out here.
        ContractError: The source is not what it was when the run was planned.
    """
    if source := sources.of_corpus(spec.corpus):
        source.check(spec.source_sha256)
    table = import_module(corpora.MAKERS[spec.corpus.holds]).make(spec, given_tokenizer, encoding)
    if pretraining_documents:
        table = _new_to_base_model(table, pretraining_documents)
    _check_reserve(table, spec)
    contracts.write(documents, DOCUMENTS.of(spec.form), table, record)


def _new_to_base_model(documents: pa.Table, pretraining_documents: Path) -> pa.Table:
    """The documents without those held out that the base model has read word for word; no group may be shared."""
    read = contracts.read(pretraining_documents, DOCUMENTS, ["split", "group", "text"])
    if shared := overlap.held_out(documents, read, "group"):
        raise ConfigError(
            f"pretraining.corpus: it holds {len(shared)} of the groups that `corpus` holds out, such as "
            f"{shared[0]!r}.\n"
            "  They must be new to the base model: choose other text for `corpus` or `pretraining.corpus`."
        )
    repeated = overlap.held_out(documents, read, "text")
    if repeated:
        LOG.warning("%d held-out document(s) are left out: the base model has read their very words", len(repeated))
    seen = pc.is_in(documents["text"], pa.array(repeated, pa.string()))
    return documents.filter(pc.invert(pc.and_(overlap.is_held_out(documents), seen)))


def _check_reserve(table: pa.Table, spec: CorpusSpec) -> None:
    n_train, n_reserve = (pc.sum(pc.equal(table["split"], name)).as_py() for name in ("train", "reserve"))
    n_needed = spec.fresh_generations * math.ceil(spec.fresh_fraction * n_train)
    if n_reserve < n_needed:
        raise ConfigError(
            f"{corpora.reserve_key(spec.corpus)}: the reserve holds {n_reserve} documents, but `compose: fresh_real` "
            f"uses {n_needed} ({spec.fresh_generations} times {spec.fresh_fraction:g} of {n_train} training documents) "
            f"over the run.\n  Set it to about {_enough(table, n_needed / n_train):.0f}, lower real_fraction or "
            "generations, or use a larger corpus."
        )


def _enough(table: pa.Table, share: float) -> float:
    """How large a reserve would do, in the unit of the setting."""
    train = table.filter(pc.equal(table["split"], "train"))
    n_bytes = pc.sum(train["n_bytes"]).as_py() if "n_bytes" in train.column_names else None
    return 1.1 * share * (n_bytes or train.num_rows)
