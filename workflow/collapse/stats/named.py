"""What a config names, looked for among what is measured: a name or a value that is not there is refused."""

import difflib
from collections.abc import Collection, Iterable, Mapping

import numpy as np

from collapse.errors import ConfigError
from collapse.stats.pooled import Value


def refuse_unswept(where: str, at: Mapping[str, float | tuple[float, ...]], values: Collection[Value]) -> None:
    """Refuse a parameter that is not swept, or a value that it does not take.

    Args:
        where: Key of the mapping.
        at: Wanted values by swept parameter.
        values: What is measured.

    Raises:
        ConfigError: There is one.
    """
    for name, wanted in at.items():
        taken = {value.point[name] for value in values if name in value.point}
        refuse_unknown(where, name, {axis for value in values for axis in value.point}, "is not swept there")
        for one in wanted if isinstance(wanted, tuple) else (wanted,):
            if not any(is_same(one, other) for other in taken):
                raise ConfigError(f"{where}.{name}: {one:g} is not simulated; there is {listed(taken)}")


def refuse_unmeasured(where: str, generations: Iterable[int], values: Collection[Value]) -> None:
    """Refuse a generation that is not measured.

    Raises:
        ConfigError: There is one.
    """
    known = {value.generation for value in values}
    if missing := sorted(set(generations) - known):
        raise ConfigError(f"{where}: {missing[0]} is not measured; there is {listed(known)}")


def is_same(wanted: float, found: float) -> bool:
    """Whether two values of a parameter are one, but for rounding."""
    return bool(np.isclose(found, wanted, rtol=1e-9, atol=0))


def refuse_unknown(where: str, name: str, known: Collection[str], how: str = "is not measured there") -> None:
    """Refuse a name that is none of those known.

    Args:
        where: Key that has it.
        name: The name.
        known: Those there are.
        how: What is wrong with another one.

    Raises:
        ConfigError: It is none of them; the nearest is named, or all.
    """
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"did you mean `{close[0]}`?" if close else f"there is {', '.join(sorted(known)) or 'none'}"
        raise ConfigError(f"{where}: `{name}` {how}; {hint}")


def listed(values: Iterable[float]) -> str:
    """Values in order, as a reader would write them: at most a dozen."""
    ordered = [f"{value:g}" for value in sorted(values)]
    return ", ".join(ordered if len(ordered) <= 12 else [*ordered[:6], "…", *ordered[-3:]])
