"""Which measured values a claim is about."""

from collections.abc import Iterable

import numpy as np

from collapse.config.claims import Selection
from collapse.errors import ContractError
from collapse.stats.pooled import Pooled, Value


def select(pooled: Pooled, selection: Selection, where: str) -> list[Value]:
    """The values a selection names, by generation and then by point.

    Raises:
        ContractError: There is none, or a swept parameter it names does not exist.
    """
    named = [
        value
        for value in pooled.values
        if value.strategy == selection.strategy and value.metric == selection.metric and _is_there(value, selection)
    ]
    if named and (unknown := sorted(set(selection.at).difference(*(value.point for value in named)))):
        raise ContractError(f"{where}.at: `{unknown[0]}` is not swept in `{selection.world}`.")
    found = [
        value
        for value in named
        if (not selection.generations or value.generation in selection.generations)
        and all(_is_among(value.point.get(name), wanted) for name, wanted in selection.at.items())
    ]
    missing = set(selection.generations) - {value.generation for value in found}
    if not found or missing:
        raise ContractError(
            f"{where}: matches {f'no value at generation {min(missing)}' if missing else 'no value'} of "
            f"`{selection.metric}` under `{selection.strategy}`.\n"
            "  Compare it with metrics.parquet and points.parquet of the experiment."
        )
    return found


def aligned(first: list[Value], second: list[Value], where: str) -> Iterable[tuple[Value, Value]]:
    """Pair two selections row by row; a selection of one value is paired with each of the other.

    Raises:
        ContractError: They have different numbers of values.
    """
    if len(second) == 1:
        second = second * len(first)
    if len(first) != len(second):
        raise ContractError(
            f"{where}: compares {len(first)} values with {len(second)}.\n  Name generations and points on both sides."
        )
    return zip(first, second, strict=True)


def _is_there(value: Value, selection: Selection) -> bool:
    if selection.world is None:
        return value.world is None and value.evaluation_set == selection.evaluation_set
    return value.world == selection.world


def _is_among(value: float | None, wanted: float | tuple[float, ...]) -> bool:
    return value is not None and bool(np.any(np.isclose(value, wanted, rtol=1e-9, atol=0)))
