"""What a base model has read of the text that a loop holds out, which would then be no test."""

import pyarrow as pa
import pyarrow.compute as pc


def faults(documents: pa.Table, pretraining: pa.Table) -> list[str]:
    """Held-out groups and texts that the base model was trained on, a sentence each.

    Args:
        documents: The loop's documents: at least `split`, `group` and `text` of the DOCUMENTS contract.
        pretraining: Those of the base model.
    """
    held_out = documents.filter(pc.is_in(documents["split"], pa.array(["test", "validation"])))
    read = pretraining.filter(pc.equal(pretraining["split"], "train"))
    found = list[str]()
    for column, name in (("group", "group"), ("text", "text")):
        values = pc.unique(held_out[column])
        shared = values.filter(pc.is_in(values, pc.unique(read[column])))
        if len(shared):
            found.append(f"it holds {len(shared)} held-out {name}(s) of `corpus`, such as {shared[0].as_py()[:60]!r}")
    return found
