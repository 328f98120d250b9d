"""Which measured values a claim is about."""

from collections.abc import Callable, Sequence

from collapse.config.claims import Selection
from collapse.errors import ConfigError
from collapse.stats.named import is_same, listed, refuse_unknown, refuse_unmeasured, refuse_unswept
from collapse.stats.pooled import Pooled, Value


def select(pooled: Pooled, selection: Selection, where: str) -> list[Value]:
    """The values a selection names, by generation and then by point.

    Raises:
        ConfigError: It names something that is not measured there; it is named, with what there is.
    """
    there = [value for value in pooled.values if _is_there(value, selection)]
    refuse_unknown(f"{where}.metric", selection.metric, {value.metric for value in there})
    measured = [value for value in there if value.metric == selection.metric]
    refuse_unknown(f"{where}.strategy", selection.strategy, {value.strategy for value in measured})
    named = [value for value in measured if value.strategy == selection.strategy]
    refuse_unmeasured(f"{where}.generations", selection.generations, named)
    refuse_unswept(f"{where}.at", selection.at, named)
    found = [
        value for value in named if all(_is_named(value, selection, axis) for axis in ("generation", *value.point))
    ]
    for axis in ("generation", *selection.at):
        for wanted in _named(selection, axis):
            if not any(is_same(wanted, value.along(axis)) for value in found):
                raise ConfigError(f"{where}: {axis} {wanted:g} is not measured together with what else it names")
    return found


def aligned(
    first: Sequence[Value], second: Sequence[Value], names: tuple[Selection, Selection], where: str
) -> list[tuple[Value, Value]]:
    """Pair two selections by what they name and sweep, never by their order in a table.

    A pair has the same generation and the same values of swept parameters, but for what a claim names itself: lists of
    equal length on both sides are paired item by item, and one named value with every value of the other side.

    Args:
        first: Values of one selection.
        second: Values of the other.
        names: Both selections.
        where: Key of the claim.

    Raises:
        ConfigError: A value has no partner.
    """
    axes = dict.fromkeys(("generation", *first[0].point, *second[0].point))
    paired = [axis for axis in axes if not _is_fixed(axis, (first, second), names)]
    keys = tuple(_key(paired, one, other) for one, other in (names, names[::-1]))
    pairs = [(one, other) for one in first for other in second if keys[0](one) == keys[1](other)]
    for values, partners in ((first, {id(one) for one, _ in pairs}), (second, {id(other) for _, other in pairs})):
        if alone := [value for value in values if id(value) not in partners]:
            others = second if values is first else first
            raise ConfigError(
                f"{where}: nothing to compare with {alone[0].place}; on the other side there is "
                f"{'; '.join(_told(axis, others) for axis in paired)}.\n  Name generations and points on both sides."
            )
    if all(len({id(pair[side]) for pair in pairs}) < len(pairs) for side in (0, 1)):
        raise ConfigError(f"{where}: compares every value with several.\n  Name generations and points on both sides.")
    return pairs


def _is_fixed(axis: str, sides: tuple[Sequence[Value], Sequence[Value]], names: tuple[Selection, Selection]) -> bool:
    """Whether one side has no such axis, or a single value on it because it says so."""
    return any(
        not _has(axis, values) or (_named(selection, axis) and len({value.along(axis) for value in values}) == 1)
        for values, selection in zip(sides, names, strict=True)
    )


def _key(axes: Sequence[str], selection: Selection, other: Selection) -> Callable[[Value], tuple[float, ...]]:
    """A value's places on the axes: among the values named on both sides, or as they are."""

    def of(value: Value) -> tuple[float, ...]:
        return tuple(_place(value, axis) for axis in axes)

    def _place(value: Value, axis: str) -> float:
        here, there = _named(selection, axis), _named(other, axis)
        place = value.along(axis)
        if len(here) == len(there) > 0:
            return float(next(i for i, wanted in enumerate(here) if is_same(wanted, place)))
        return float(f"{place:.9g}")

    return of


def _has(axis: str, values: Sequence[Value]) -> bool:
    return axis == "generation" or axis in values[0].point


def _told(axis: str, values: Sequence[Value]) -> str:
    return f"{axis} {listed({value.along(axis) for value in values})}"


def _is_there(value: Value, selection: Selection) -> bool:
    if selection.world is None:
        return value.world is None and value.evaluation_set == selection.evaluation_set
    return value.world == selection.world


def _named(selection: Selection, axis: str) -> tuple[float, ...]:
    """Values that a selection names on an axis; none: it may have any."""
    if axis == "generation":
        return selection.generations
    wanted = selection.at.get(axis, ())
    return wanted if isinstance(wanted, tuple) else (wanted,)


def _is_named(value: Value, selection: Selection, axis: str) -> bool:
    wanted = _named(selection, axis)
    return not wanted or any(is_same(one, value.along(axis)) for one in wanted)
