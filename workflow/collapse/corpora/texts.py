"""Documents of a corpus of text: read, split, tokenized once."""

import logging
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tokenizers import Tokenizer

from collapse import corpora
from collapse.config.settings import CorpusSettings
from collapse.config.specs import CorpusSpec
from collapse.corpora import RealText, eigenvalues, splits
from collapse.corpora.balance import balanced
from collapse.corpora.documents import documents, pairs, with_short_inputs
from collapse.corpora.sotu import with_parties
from collapse.errors import ConfigError
from collapse.media.text import tokenizer as tokenizers
from collapse.media.text.sequences import Sequences
from collapse.running.files import PARTIAL

CHAT = "chat"
"""Stands for the base model's own template."""

LOG = logging.getLogger(__name__)


def make(spec: CorpusSpec, given: Path | None, encoding: Path) -> pa.Table:
    """Read the source, split it, train or copy the tokenizer, and make the documents.

    Args:
        spec: Source, splits and tokenizer.
        given: A file beside the base model's tokenizer, which is taken over; None: one is trained.
        encoding: `tokenizer.json`; the tokenizer's other files go beside it.
    """
    placed = splits.split(_chosen(spec.corpus), spec.corpus)
    _write_tokenizer(_tokenizer(spec, placed), given, encoding)
    codec = tokenizers.Codec.load(encoding.parent)
    if spec.form.input:
        assert spec.longest_input is not None
        room = (spec.longest_input, spec.corpus.max_document_tokens)
        template = _template(spec.template, encoding.parent)
        if spec.corpus.max_input_tokens is not None:
            placed = with_short_inputs(placed, codec, template, spec.corpus.max_input_tokens)
        table = pairs(placed, codec, template, room)
    else:
        table = documents(placed, codec, spec.corpus.max_document_tokens, spec.corpus.long_texts == "beginning")
    _log_summary(table, codec)
    _warn_of_lossy_tokens(table, codec)
    return table


def _chosen(settings: CorpusSettings) -> list[RealText]:
    """The texts of the source; where labels are to be balanced, as many of each."""
    texts = corpora.read(settings)
    if not settings.balance:
        return texts
    labelled = with_parties(texts) if settings.source == "sotu" else texts
    return balanced(labelled, settings.balance)


def _template(template: str, folder: Path) -> Callable[[str], str]:
    """What puts an input into the words that a model is given."""
    if template != CHAT:
        return lambda asked: template.replace("{input}", asked)
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    if not tokenizer.chat_template:
        raise ConfigError(
            "prompt.template: `chat` asks for the base model's own template, and it has none.\n"
            '  Write one, such as "user: {input}\\nassistant: ".'
        )
    return lambda asked: str(
        tokenizer.apply_chat_template([{"role": "user", "content": asked}], tokenize=False, add_generation_prompt=True)
    )


def _tokenizer(spec: CorpusSpec, placed: list[splits.Placed]) -> Tokenizer | None:
    """The corpus's own tokenizer, of its words or learned of its training text; None: the base model's is taken."""
    if spec.vocabulary_size is None:
        return None
    if spec.corpus.source == "eigenvalues" and spec.corpus.eigenvalues and spec.corpus.eigenvalues.n_words:
        return tokenizers.of_words(eigenvalues.words(), eigenvalues.NUMBER)
    learned = [
        words for text in placed if text.split == "train" for words in (text.real.input, text.real.text) if words
    ]
    return tokenizers.train(learned, spec.vocabulary_size)


def _write_tokenizer(own: Tokenizer | None, given: Path | None, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.", suffix=PARTIAL) as temporary:
        folder = Path(temporary)
        if own is not None:
            tokenizers.save(own, folder)
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
            pc.sum(part["n_bytes"]).as_py() or 0,
            f"median {np.median(lengths):.0f}, longest {lengths.max()} tokens" if part.num_rows else "none kept",
        )


def _warn_of_lossy_tokens(table: pa.Table, codec: tokenizers.Codec) -> None:
    decoded = pa.array(codec.decode_all(Sequences.from_arrow(table["token_ids"])))
    n_changed = pc.sum(pc.not_equal(decoded, table["text"])).as_py()
    if n_changed:
        LOG.warning("%d of %d documents do not come back from their tokens unchanged", n_changed, table.num_rows)
