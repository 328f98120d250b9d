"""What all settings have in common."""

import math
import types
import typing
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from collapse.config.problems import shown

LONGEST_NAME = 64
"""Characters; a name becomes a part of a folder's name, of which a file system takes 255 bytes."""

Name = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$",
        max_length=LONGEST_NAME,
        description="kebab-case; it becomes a folder's name",
    ),
]
Fraction = Annotated[float, Field(ge=0, le=1)]


class Settings(BaseModel):
    """A group of settings: frozen, no unknown keys, no infinities, no booleans or quoted text for numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)

    @model_validator(mode="before")
    @classmethod
    def _numbers_are_written_as_numbers(cls, given: Any) -> Any:
        if isinstance(given, dict):
            found = [one for key, kinds in _numbers(cls).items() for one in _disguised(given.get(key), kinds, (key,))]
            if found:
                raise ValidationError.from_exception_data(cls.__name__, found)
        return given


def repeated(values: Iterable[Hashable]) -> list[Any]:
    """The values that appear more than once, in the order of their first appearance."""
    return [value for value, n in Counter(values).items() if n > 1]


def gibibytes(n_bytes: float) -> str:
    """An amount of memory in words, to three digits, such as `29,800 GiB`."""
    return f"{float(f'{n_bytes / 2**30:.3g}'):,.12g} GiB"


@cache
def _numbers(model: type[BaseModel]) -> dict[str, frozenset[Any]]:
    """Of each setting that may be or may hold a number or a truth, what else it may be."""
    kinds = {name: _kinds(field.annotation) for name, field in model.model_fields.items()}
    return {name: found for name, found in kinds.items() if found & {bool, int, float}}


def _kinds(annotation: Any) -> frozenset[Any]:
    """The types and the literal values that a setting, or a member of its list or mapping, may have."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Literal:
        return frozenset(arguments)
    if origin in (dict, Annotated):
        return _kinds(arguments[1 if origin is dict else 0])
    if origin in (tuple, typing.Union, types.UnionType):
        return frozenset[Any]().union(*(_kinds(argument) for argument in arguments if argument is not ...))
    return frozenset([annotation])


def _disguised(value: Any, kinds: frozenset[Any], place: tuple[int | str, ...]) -> Iterator[InitErrorDetails]:
    """What pydantic would take for a number, or for true or false, though it is none; with the way to write it."""
    match value:
        case list() | tuple():
            for i, one in enumerate(value):
                yield from _disguised(one, kinds, (*place, i))
        case dict():
            for key, one in value.items():
                yield from _disguised(one, kinds, (*place, str(key)))
        case int() | float() | str() if bool in kinds and not isinstance(value, bool):
            yield _problem(f"is {shown(value)}; write true or false", value, place)
        case bool() if bool not in kinds:
            words = f"is {shown(value)}, but a number is wanted; write {int(value)} if you mean it"
            yield _problem(words, value, place)
        case str() if str not in kinds and value not in kinds and (number := _as_yaml(value)):
            words = f"is the text {shown(value)}, which YAML does not take for a number; write {number} without quotes"
            yield _problem(words, value, place)
        case _:
            pass


def _problem(words: str, value: Any, place: tuple[int | str, ...]) -> InitErrorDetails:
    # braces would be filled in
    error = PydanticCustomError("disguised", "{words}", {"words": words})
    return InitErrorDetails(type=error, loc=place, input=value)


def _as_yaml(text: str) -> str:
    """The number that a text reads as, the way YAML takes it for one: `1e-4` is text there, `1.0e-4` a number."""
    try:
        number = float(text)
    except ValueError:
        return ""
    if not math.isfinite(number):
        return ""
    digits, _, exponent = f"{number:.15g}".partition("e")
    if not exponent:
        return digits
    return f"{digits if '.' in digits else f'{digits}.0'}e{exponent[0]}{exponent[1:].lstrip('0')}"
