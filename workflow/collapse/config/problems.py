"""Turns validation errors into sentences that name the setting, the value and the way out."""

import difflib
import functools
import re
import reprlib
from typing import Any

from pydantic import BaseModel, ValidationError

from collapse.errors import ConfigError

MOST_SHOWN = 80
"""Characters of a value in a sentence, and of the name of a setting that there is not."""

MOST_TOLD = 20
"""Problems of one config that are written out."""

NAMES_A_SETTING = re.compile(r"[a-z_]+((\.[a-z_]+)|\[\d+\])*: ")
"""How a sentence about one setting of a group begins."""

RANGES = {
    "greater_than": ("must be above", "gt"),
    "greater_than_equal": ("must be at least", "ge"),
    "less_than": ("must be below", "lt"),
    "less_than_equal": ("may be at most", "le"),
}
"""What a limit's kind is called, and where pydantic puts the limit."""

KINDS = {
    "int_type": "write a whole number",
    "int_parsing": "write a whole number",
    "int_from_float": "write a whole number",
    "float_type": "write a number",
    "float_parsing": "write a number",
    "finite_number": "write a finite number",
    "bool_type": "write true or false",
    "bool_parsing": "write true or false",
    "string_type": "write text, in quotes if YAML takes it for something else",
    "string_pattern_mismatch": "use small letters, digits and single hyphens, such as `mix-half`",
    "tuple_type": "write a list, such as [a, b]",
    "dict_type": "write settings, each with its key",
    "model_type": "write settings, each with its key",
    "model_attributes_type": "write settings, each with its key",
    "invalid_key": "a key must be text; write it in quotes",
}
"""What to write instead, by what pydantic calls the problem."""


def explain(error: ValidationError, model: type[BaseModel], where: str) -> ConfigError:
    """Describe every problem of one config, one line each."""
    lines = list(dict.fromkeys(_sentence(problem, model) for problem in _told(error.errors())))
    more = [f"and {len(lines) - MOST_TOLD} more"] if len(lines) > MOST_TOLD else []
    told = (f"  {line}" for line in [*lines[:MOST_TOLD], *more])
    return ConfigError("\n".join([f"{where} has {len(lines)} problem(s):", *told]))


def shown(value: Any) -> str:
    """A value as a sentence shows it: as YAML writes nothing, true and false, and cut where it is long."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    form = reprlib.Repr()
    form.maxstring = form.maxother = form.maxlong = MOST_SHOWN
    return form.repr(value)


def _told(problems: list[Any]) -> list[Any]:
    """All problems but that a list is too short because its items were refused."""
    places = [problem["loc"] for problem in problems]
    return [
        problem
        for problem in problems
        if problem["type"] != "too_short" or not any(_is_inside(place, problem["loc"]) for place in places)
    ]


def _is_inside(place: tuple[int | str, ...], outer: tuple[int | str, ...]) -> bool:
    return len(place) > len(outer) and place[: len(outer)] == outer


def _sentence(problem: Any, model: type[BaseModel]) -> str:
    path, context = _path(problem["loc"], model), problem.get("ctx", {})
    match problem["type"]:
        case "missing":
            return f"{path}: is required"
        case "extra_forbidden":
            return f"{path}: is not a setting{_suggestion(problem['loc'], model)}"
        case "union_tag_invalid":
            key = context["discriminator"].strip("'")
            return f"{path}.{key}: is {shown(problem['input'].get(key))}; it may be {context['expected_tags']}"
        case "union_tag_not_found":
            return f"{path}.{context['discriminator'].strip(chr(39))}: is required"
        case "value_error":
            return _joined(path, str(context["error"]))
        case "disguised":
            return f"{path}: {context['words']}"
        case kind:
            return f"{path}: is {shown(problem['input'])}; {_way_out(kind, context, problem['msg'])}"


def _joined(path: str, sentence: str) -> str:
    """A sentence behind the place it is about; one that begins with a setting's name goes on from the group's path."""
    if not path:
        return sentence
    return f"{path}.{sentence}" if NAMES_A_SETTING.match(sentence) else f"{path}: {sentence}"


def _way_out(kind: str, context: dict[str, Any], message: str) -> str:
    match kind:
        case kind if kind in RANGES:
            words, key = RANGES[kind]
            return f"it {words} {context[key]:,.15g}"
        case kind if kind in KINDS:
            return KINDS[kind]
        case "literal_error":
            return f"it may be {context['expected']}"
        case "string_too_long":
            return f"it may have at most {context['max_length']} characters"
        case "too_short":
            return f"it needs at least {context['min_length']} item(s)"
        case _:
            return _lower(message)


def _path(location: tuple[int | str, ...], model: type[BaseModel]) -> str:
    """The setting's path as the config spells it: without what pydantic adds to say which member of a union failed."""
    text, schema = "", _schema(model)
    node = schema
    for part in location:
        node, is_key = _step(schema, node, part)
        if is_key:
            text += f"[{part}]" if isinstance(part, int) else f".{_cut(part)}"
    return text.removeprefix(".")


def _cut(text: str) -> str:
    return (text or "''") if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"


def _suggestion(location: tuple[int | str, ...], model: type[BaseModel]) -> str:
    siblings = list(_node_at(_schema(model), location[:-1]).get("properties", {}))
    close = difflib.get_close_matches(_cut(str(location[-1])), siblings, n=1, cutoff=0.5)
    if close:
        return f"; did you mean `{close[0]}`?"
    return f"; here one may set {', '.join(sorted(siblings))}" if siblings else ""


@functools.cache
def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema()


def _node_at(schema: dict[str, Any], location: tuple[int | str, ...]) -> dict[str, Any]:
    node = schema
    for part in location:
        node, _ = _step(schema, node, part)
    return _resolve(schema, node)


def _step(schema: dict[str, Any], node: dict[str, Any], part: int | str) -> tuple[dict[str, Any], bool]:
    """The next node of the schema, and whether the part was a key or an index of the config."""
    node = _resolve(schema, node)
    if isinstance(part, int):
        return node.get("items", {}), True
    if part in node.get("properties", {}):
        return node["properties"][part], True
    if "oneOf" in node:
        return {"$ref": node["discriminator"]["mapping"].get(part, "")}, False
    if "anyOf" in node:
        return node, False
    return _value_of_mapping(node), True


def _value_of_mapping(node: dict[str, Any]) -> dict[str, Any]:
    """Schema of a mapping's values; names with a pattern have their values under `patternProperties`."""
    values = [*node.get("patternProperties", {}).values(), node.get("additionalProperties", {})]
    return values[0] if isinstance(values[0], dict) else {}


def _resolve(schema: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    optional = [one for one in node.get("anyOf", ()) if "$ref" in one]
    name = str((optional[0] if optional else node).get("$ref", "")).removeprefix("#/$defs/")
    return schema["$defs"].get(name, {}) if name else node


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]
