"""List all that the grammar can write, each document with its tokens and its exact probability."""

import logging
from pathlib import Path

import numpy as np
import pyarrow as pa

from collapse.artifacts import contracts, lineage
from collapse.artifacts.contracts import TRUTH, Record
from collapse.config.specs import CorpusSpec
from collapse.corpora import grammar
from collapse.corpora.documents import with_end
from collapse.errors import ConfigError
from collapse.media.text.sequences import Sequences
from collapse.media.text.tokenizer import Codec
from collapse.stages import Output

logger = logging.getLogger(__name__)


def run(*, spec: CorpusSpec, tokenizer: Path, truth: Output, record: Record) -> None:
    """Write the source's distribution, which models are measured against.

    Args:
        spec: The grammar, and how long a document may be.
        tokenizer: The experiment's tokenizer; models score a document by the tokens it gives.
        truth: One row per document.
        record: What the table is made from.

    Raises:
        ConfigError: The tokenizer merges two documents into one, or makes one longer than documents may be.
    """
    settings = spec.corpus.grammar
    assert settings is not None
    codec = Codec.load(tokenizer.parent)
    known = grammar.support(settings)
    tokens = with_end(codec.encode_all(known.texts), codec.eos)
    _check_tokens(tokens, known.texts, spec.corpus.max_document_tokens)
    table = pa.table(
        {
            "text_id": [lineage.document_id("grammar", text) for text in known.texts],
            "text": known.texts,
            "token_ids": tokens.to_arrow(),
            "n_tokens": tokens.lengths.astype(np.int32),
            "probability": known.probability,
            "log_probability": np.log(known.probability),
        }
    )
    contracts.write(truth, TRUTH, table, record)
    n_tokens = float(known.probability @ tokens.lengths)
    logger.info(
        "%d documents; entropy %.4f nats/document, %.3f tokens/document",
        len(known.texts),
        grammar.entropy(settings),
        n_tokens,
    )


def _check_tokens(tokens: Sequences, texts: list[str], most: int) -> None:
    if len({row.tobytes() for row in tokens}) < len(texts):
        raise ConfigError(
            "tokenizer: two documents of the grammar have the same tokens, so no model could tell them apart.\n"
            "  Use `transformer.base_model: null`, so that a tokenizer is trained on its text."
        )
    longest = int(np.argmax(tokens.lengths))
    if tokens.lengths[longest] > most:
        raise ConfigError(
            f"corpus.max_document_tokens: `{texts[longest]}` has {tokens.lengths[longest]} tokens, more than {most}.\n"
            "  Raise it: a document of the grammar must not be cut."
        )
