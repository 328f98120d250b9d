"""Bring real text in, hold some of it out, and tokenize it once."""

import logging
import math
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collapse import corpora
from collapse.artifacts import contracts, sources
from collapse.artifacts.contracts import DOCUMENTS, Record
from collapse.config.plan import CorpusSpec
from collapse.corpora import overlap, splits
from collapse.corpora.documents import documents as make_documents
from collapse.errors import ConfigError
from collapse.media.text import tokenizer as tokenizers
from collapse.media.text.sequences import Sequences
from collapse.running.files import PARTIAL
from collapse.stages import Output

LOG = logging.getLogger(__name__)


def run(
    *,
    spec: CorpusSpec,
    given_tokenizer: Path | None = None,
    pretraining_documents: Path | None = None,
    documents: Output,
    tokenizer: Output,
    record: Record,
) -> None:
    """Read the source, split it, train or copy the tokenizer, and write the documents.

    Args:
        spec: Source, splits and tokenizer.
        given_tokenizer: A file beside the base model's tokenizer, which is taken over; None: one is trained.
        pretraining_documents: What the base model was pretrained on, where that is known.
        documents: Table of all real documents.
        tokenizer: `tokenizer.json`; the tokenizer's other files go beside it.
        record: What the table was made from.

    Raises:
        ConfigError: The source cannot fill the splits, the reserve is too small for the strategies that use it, or
            the base model has read what is held out here.
        ContractError: The source is not what it was when the run was planned.
    """
    if source := sources.of_corpus(spec.corpus):
        source.check(spec.source_sha256)
    placed = splits.split(corpora.read(spec.corpus), spec.corpus)
    training_text = [text.real.text for text in placed if text.split == "train"]
    _write_tokenizer(spec.vocabulary_size, training_text, given_tokenizer, tokenizer)
    codec = tokenizers.Codec.load(tokenizer.parent)
    table = make_documents(placed, codec, spec.corpus.max_document_tokens)
    if pretraining_documents:
        table = _new_to_base_model(table, pretraining_documents)
    _check_reserve(table, spec)
    _log_summary(table, codec)
    _warn_of_lossy_tokens(table, codec)
    contracts.write(documents, DOCUMENTS, table, record)


def _write_tokenizer(vocabulary_size: int | None, texts: list[str], given: Path | None, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.", suffix=PARTIAL) as temporary:
        folder = Path(temporary)
        if vocabulary_size is not None:
            tokenizers.save(tokenizers.train(texts, vocabulary_size), folder)
        else:
            _copy_tokenizer(given, folder)
        for name in tokenizers.FILES:
            (target.parent / name).unlink(missing_ok=True)
            if (folder / name).is_file():
                os.replace(folder / name, target.parent / name)


def _copy_tokenizer(given: Path | None, folder: Path) -> None:
    if given is None:
        raise ConfigError(
            "transformer.base_model: has a tokenizer of its own, which is not there.\n  Pass --given-tokenizer FILE."
        )
    for path in tokenizers.files(given.parent):
        shutil.copyfile(path, folder / path.name)


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
            f"corpus.reserve_bytes: the reserve holds {n_reserve} documents, but `compose: fresh_real` uses {n_needed} "
            f"({spec.fresh_generations} times {spec.fresh_fraction:g} of {n_train} training documents) over the run.\n"
            f"  Set reserve_bytes to about {1.1 * n_needed / n_train * _split_bytes(table, 'train'):.0f}, lower "
            "real_fraction or generations, or use a larger corpus."
        )


def _split_bytes(table: pa.Table, split: str) -> int:
    return pc.sum(table.filter(pc.equal(table["split"], split))["n_bytes"]).as_py() or 0


def _log_summary(table: pa.Table, codec: tokenizers.Codec) -> None:
    LOG.info("tokenizer: %d tokens", codec.size)
    for split in ("train", "validation", "test", "reserve"):
        part = table.filter(pc.equal(table["split"], split))
        lengths = part["n_tokens"].to_numpy()
        LOG.info(
            "%s: %d documents, %d tokens, %d bytes; %s",
            split,
            part.num_rows,
            lengths.sum(),
            _split_bytes(table, split),
            f"median {np.median(lengths):.0f}, longest {lengths.max()} tokens" if part.num_rows else "none kept",
        )


def _warn_of_lossy_tokens(table: pa.Table, codec: tokenizers.Codec) -> None:
    decoded = pa.array(codec.decode_all(Sequences.from_arrow(table["token_ids"])))
    n_changed = pc.sum(pc.not_equal(decoded, table["text"])).as_py()
    if n_changed:
        LOG.warning("%d of %d documents do not come back from their tokens unchanged", n_changed, table.num_rows)
