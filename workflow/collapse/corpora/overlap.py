"""What a base model has read of the text that a loop holds out, which would then be no test."""

import pyarrow as pa
import pyarrow.compute as pc


def is_held_out(documents: pa.Table) -> pa.ChunkedArray:
    """Whether a document is for tests or thresholds, by its `split`; never trained on."""
    return pc.is_in(documents["split"], pa.array(["test", "validation"]))


def held_out(documents: pa.Table, pretraining: pa.Table, column: str) -> list[str]:
    """Held-out values of a column that the base model has been trained on, in order.

    Args:
        documents: The loop's documents: `split` and the column, of the DOCUMENTS contract.
        pretraining: Those of the base model.
        column: `group` or `text`.
    """
    values = pc.unique(documents.filter(is_held_out(documents))[column])
    read = pc.unique(pretraining.filter(pc.equal(pretraining["split"], "train"))[column])
    return sorted(values.filter(pc.is_in(values, read)).to_pylist())
