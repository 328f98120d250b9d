"""One table alone: its contract, its key, the folder it lies in, its counts."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collapse.artifacts.contracts import Column, Contract
from collapse.questions.audit import Arm, some


def contract_faults(schema: pa.Schema, table: pa.Table, contract: Contract) -> list[str]:
    """What breaks the contract.

    Args:
        schema: The file's own schema.
        table: Its rows, categories as strings.
        contract: What it promises.
    """
    if schema.names != contract.schema.names:
        return [f"its columns are {schema.names}, not those of {contract.title}"]
    faults = [
        f"column {name} is {schema.field(name).type}, not {contract.schema.field(name).type}"
        for name in schema.names
        if schema.field(name).type != contract.schema.field(name).type
    ]
    return faults or [fault for column in contract.columns for fault in _value_faults(column, table[column.name])]


def _value_faults(column: Column, values: pa.ChunkedArray) -> list[str]:
    if not column.nullable and values.null_count:
        return [f"column {column.name} misses {values.null_count} value(s)"]
    if not column.categories:
        return []
    strange = [label for label in pc.unique(values).to_pylist() if label not in (None, *column.categories)]
    return [f"column {column.name} holds {some(strange)}, which is no category of it"] if strange else []


def key_faults(table: pa.Table, contract: Contract) -> list[str]:
    """Repeated keys, and rows out of order."""
    names = list(contract.key)
    keys = table.select(names)
    n_different = keys.group_by(names).aggregate([]).num_rows
    if n_different != table.num_rows:
        return [f"{table.num_rows - n_different} row(s) repeat the key ({', '.join(names)})"]
    order = pc.sort_indices(keys, sort_keys=[(name, "ascending") for name in names]).to_numpy()
    n_astray = int(np.sum(order != np.arange(len(order))))
    return [f"{n_astray} rows are not in the order of the key ({', '.join(names)})"] if n_astray else []


def place_faults(table: pa.Table, arm: Arm) -> list[str]:
    """Rows that say they belong to another arm."""
    found = {name: pc.unique(table[name]).to_pylist() for name in arm._fields}
    return [
        f"column {name} holds {some([one for one in values if one != getattr(arm, name)])}, but it lies in {arm.folder}"
        for name, values in found.items()
        if set(values) - {getattr(arm, name)}
    ]


def counts_faults(table: pa.Table, made: Any) -> list[str]:
    """Values of a table of examples that are not what it says of them.

    Args:
        table: Rows of documents, samples or the truth.
        made: The medium of their outputs.
    """
    rows = {
        name: np.flatnonzero(column.to_numpy(zero_copy_only=False)) for name, column in made.miscounted(table).items()
    }
    return [f"{name} is wrong or none in row {some(found.tolist())}" for name, found in rows.items() if len(found)]
