"""Real documents: what is held out is held out."""

import pyarrow as pa
import pyarrow.compute as pc

from collapse.corpora import overlap
from collapse.questions.audit import some

SIDES = {"train": "train", "reserve": "train", "validation": "validation", "test": "test"}
"""What a split is for; groups are placed whole, and the reserve is what training has not used yet."""


def splits_faults(documents: pa.Table, draws_repeat: bool, telling: str = "text") -> list[str]:
    """Examples and groups that lie on two sides.

    Args:
        documents: Rows of the DOCUMENTS contract; their ids are the key, so no document is in two splits.
        draws_repeat: Whether documents are draws from a grammar: the same text may then be drawn on both sides.
        telling: The column that tells two examples apart.
    """
    sides = [SIDES[split] for split in documents["split"].to_pylist()]
    table = documents.append_column("side", pa.array(sides, pa.string()))
    found = [] if draws_repeat else _on_two(table, telling, "split")
    return found + _on_two(table, "group", "side")


def held_out_faults(documents: pa.Table, pretraining: pa.Table) -> list[str]:
    """Groups and texts that are held out here and that the base model has been trained on.

    Args:
        documents: Rows of the DOCUMENTS contract.
        pretraining: `split`, `group` and `text` of the base model's.
    """
    shared = {name: overlap.held_out(documents, pretraining, name) for name in ("group", "text")}
    return [
        f"the base model has read a held-out {name}: {some([repr(one[:60]) for one in values])}"
        for name, values in shared.items()
        if values
    ]


def _on_two(table: pa.Table, name: str, of: str) -> list[str]:
    sides = table.group_by(name).aggregate([(of, "count_distinct")])
    both = sides.filter(pc.field(f"{of}_count_distinct") > 1)[name].to_pylist()
    return [f"the same {name} is in two splits: {some([repr(str(one)[:60]) for one in sorted(both)])}"] if both else []
