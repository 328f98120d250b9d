"""Turns validation errors into sentences that name the setting, the value and the way out."""

import difflib
from typing import Any

from pydantic import BaseModel, ValidationError

from collapse.errors import ConfigError


def explain(error: ValidationError, model: type[BaseModel], where: str) -> ConfigError:
    """Describe every problem of one config, one line each."""
    lines = [_sentence(problem, model) for problem in _told(error.errors())]
    return ConfigError("\n".join([f"{where} has {len(lines)} problem(s):", *(f"  {line}" for line in lines)]))


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
    path = _path(problem["loc"])
    match problem["type"]:
        case "missing":
            return f"{path}: is required"
        case "extra_forbidden":
            return f"{path}: is not a setting{_suggestion(problem['loc'], model)}"
        case "union_tag_invalid":
            key = problem["ctx"]["discriminator"].strip("'")
            return f"{path}.{key}: is {problem['input'].get(key)!r}; it may be {problem['ctx']['expected_tags']}"
        case "union_tag_not_found":
            return f"{path}.{problem['ctx']['discriminator'].strip(chr(39))}: is required"
        case "value_error":
            return f"{path}: {problem['ctx']['error']}" if path else str(problem["ctx"]["error"])
        case "string_pattern_mismatch":
            return f"{path}: is {problem['input']!r}; use small letters, digits and single hyphens, such as `mix-half`"
        case _:
            return f"{path}: is {problem['input']!r}; {_lower(problem['msg'])}"


def _path(location: tuple[int | str, ...]) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


def _suggestion(location: tuple[int | str, ...], model: type[BaseModel]) -> str:
    siblings = _keys_at(model.model_json_schema(), location[:-1])
    close = difflib.get_close_matches(str(location[-1]), siblings, n=1, cutoff=0.5)
    if close:
        return f"; did you mean `{close[0]}`?"
    return f"; here one may set {', '.join(sorted(siblings))}" if siblings else ""


def _keys_at(schema: dict[str, Any], location: tuple[int | str, ...]) -> list[str]:
    """Names allowed beside the one refused, found by walking the JSON schema along its path."""
    node: dict[str, Any] = schema
    for part in location:
        node = _resolve(schema, node)
        if isinstance(part, int):
            node = node.get("items", {})
        elif part in node.get("properties", {}):
            node = node["properties"][part]
        elif "oneOf" in node:
            node = {"$ref": node["discriminator"]["mapping"].get(part, "")}
        else:
            node = _value_of_mapping(node)
    return list(_resolve(schema, node).get("properties", {}))


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
