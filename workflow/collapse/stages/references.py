"""Measure what n-gram models of the same real text come to: levels to read the loop's losses by."""

import logging
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from collapse.artifacts import contracts
from collapse.artifacts.contracts import DOCUMENTS, REFERENCES, Record
from collapse.config.plan import ReferencesSpec
from collapse.media.text.sequences import Sequences
from collapse.media.text.tokenizer import Codec
from collapse.metrics import kneser_ney, loss
from collapse.stages import Output

logger = logging.getLogger(__name__)

ORDERS = {"bigram": 2, "trigram": 3}


def run(
    *,
    spec: ReferencesSpec,
    documents: Path,
    pretraining_documents: Path | None = None,
    tokenizer: Path,
    references: Output,
    record: Record,
) -> None:
    """Count n-grams on all real text that the model of generation 0 has seen, and score the test split.

    Args:
        spec: Whether there is a base model whose text is not known here.
        documents: Real documents.
        pretraining_documents: What the base model learned from, where it is pretrained here.
        tokenizer: The experiment's tokenizer.
        references: One row per n-gram model.
        record: What the table is made from.
    """
    codec = Codec.load(tokenizer.parent)
    texts = [_tokens(path, "train") for path in (pretraining_documents, documents) if path]
    train = Sequences.concatenate(texts)
    test, n_bytes = _tokens(documents, "test"), _test_bytes(documents)
    rows = []
    for name, order in ORDERS.items():
        nats = kneser_ney.losses(train, test, order, codec.size, codec.bos)
        mean = loss.mean_loss(nats, test.lengths)
        rows.append(
            {
                "model": name,
                "n_order": order,
                "test_loss": mean.value,
                "standard_error": mean.standard_error,
                "bits_per_byte": loss.bits_per_byte(nats, n_bytes).value,
                "n_training_tokens": train.n_tokens,
                "knows_pretraining_text": spec.pretraining_text_is_known,
            }
        )
        logger.info("%s: %.4f nats/token on %d documents", name, mean.value, len(test))
    contracts.write(references, REFERENCES, pa.Table.from_pylist(rows, schema=REFERENCES.schema), record)


def _tokens(path: Path, split: str) -> Sequences:
    table = contracts.read(path, DOCUMENTS, ["split", "token_ids"])
    return Sequences.from_arrow(table.filter(pc.equal(table["split"], split))["token_ids"])


def _test_bytes(path: Path):
    table = contracts.read(path, DOCUMENTS, ["split", "n_bytes"])
    return table.filter(pc.equal(table["split"], "test"))["n_bytes"].to_numpy()
