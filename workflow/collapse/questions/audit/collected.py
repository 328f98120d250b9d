"""The experiment's tables: the rows of all arms and worlds, and what follows from them."""

from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collapse.artifacts.contracts import ANCESTRY, METRICS, Contract
from collapse.config.specs import REAL
from collapse.metrics import Measurement
from collapse.metrics import table as metrics_table
from collapse.metrics.provenance import ancestry_depth

TOLERANCE = 1e-12
"""Relative; sums may be taken in another order than when the table was written."""


def expected_metrics(arms: Sequence[pa.Table], worlds: Sequence[pa.Table], ancestry: pa.Table) -> pa.Table:
    """What the experiment's metrics should hold.

    Args:
        arms: Metrics of every arm.
        worlds: Metrics of every closed-form world.
        ancestry: What the experiment's ancestry should hold.
    """
    own = joined(arms, METRICS)
    strategies = [name for name in pc.unique(ancestry["strategy"]).to_pylist() if name != REAL]
    names = pc.unique(own["experiment"]).to_pylist()
    depths = _depths(ancestry, names[0]) if names else []
    return joined([own, *_first_points(own, strategies), *depths, *worlds], METRICS)


def expected_ancestry(mixtures: Sequence[pa.Table], strategies: Sequence[str], unit: str = "token") -> pa.Table:
    """What the experiment's ancestry should hold.

    Args:
        mixtures: Every mixture's ancestry.
        strategies: The experiment's strategies; all share generation 0.
        unit: What sizes count.
    """
    contract = ANCESTRY.counting(unit)
    own = joined(mixtures, contract)
    return joined([own, *_first_points(own, [name for name in strategies if name != REAL])], contract)


def faults(found: pa.Table, expected: pa.Table, contract: Contract) -> list[str]:
    """Rows that are missing, that should not be there, or that hold another value.

    Args:
        found: Rows of a contract.
        expected: The rows that should be there, in any order.
        contract: The contract.
    """
    mine, right = (_by_key(table, contract) for table in (found, expected))
    missing, extra = right.keys() - mine.keys(), mine.keys() - right.keys()
    if missing or extra:
        told = [f"{len(missing)} rows are missing, such as {_named(missing)}"] if missing else []
        return [*told, f"{len(extra)} rows should not be there, such as {_named(extra)}"] if extra else told
    places = np.fromiter((right[key] for key in mine), dtype=np.int64, count=len(mine))
    other = [name for name in contract.schema.names if not _same(found[name], expected[name].take(pa.array(places)))]
    return [f"column {name} does not hold what the arms and worlds say" for name in other]


def _first_points(table: pa.Table, strategies: Iterable[str]) -> list[pa.Table]:
    """Generation 0, which all strategies share, as it is repeated under each of these."""
    shared = table.filter((pc.field("strategy") == REAL) & (pc.field("generation") == 0)).drop_columns("strategy")
    return [shared.append_column("strategy", pa.array([name] * shared.num_rows, pa.string())) for name in strategies]


def _depths(ancestry: pa.Table, experiment: str) -> list[pa.Table]:
    """`ancestry_depth` of every arm."""
    shares = dict[tuple[str, int], dict[int, dict[int, float]]]()
    n_examples = dict[tuple[str, int, int], int]()
    share = next(name for name in ancestry.column_names if name.endswith("_share"))
    for row in ancestry.to_pylist():
        chain, generation = (row["strategy"], row["seed"]), row["generation"]
        shares.setdefault(chain, {}).setdefault(generation, {})[row["origin_generation"]] = row[share]
        n_examples[*chain, generation] = n_examples.get((*chain, generation), 0) + row["n_examples"]
    return [
        metrics_table(
            [Measurement("ancestry_depth", "mixture", depth, n_examples[*chain, generation])],
            experiment,
            *chain,
            generation,
        )
        for chain, by_generation in shares.items()
        for generation, depth in enumerate(ancestry_depth([by_generation[g] for g in sorted(by_generation)]))
    ]


def joined(tables: Sequence[pa.Table], contract: Contract) -> pa.Table:
    """The rows of all these tables, categories as strings; none if there are none."""
    names, plain = contract.schema.names, [column.type for column in contract.columns]
    types = [kind.value_type if pa.types.is_dictionary(kind) else kind for kind in plain]
    schema = pa.schema(zip(names, types, strict=True))
    return pa.concat_tables([schema.empty_table(), *(table.select(names).cast(schema) for table in tables)])


def _by_key(table: pa.Table, contract: Contract) -> dict[tuple[object, ...], int]:
    """Row number of every key."""
    columns = (table[name].to_pylist() for name in contract.key)
    return {key: row for row, key in enumerate(zip(*columns, strict=True))}


def _same(found: pa.ChunkedArray, expected: pa.ChunkedArray) -> bool:
    if not pa.types.is_floating(found.type):
        return found.to_pylist() == expected.to_pylist()
    absent = [np.asarray(column.is_null()) for column in (found, expected)]
    values = [column.fill_null(0).to_numpy() for column in (found, expected)]
    return np.array_equal(absent[0], absent[1]) and np.allclose(
        values[0], values[1], rtol=TOLERANCE, atol=0, equal_nan=True
    )


def _named(keys: set[tuple[object, ...]]) -> str:
    return "/".join(map(str, min(keys, key=str)))
