"""Reads config files as Snakemake does, JSON or YAML, and says where one is wrong.

Snakemake takes the last of two equal keys, and names neither file nor line of what it cannot read.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from collapse.errors import ConfigError

Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # five times as fast, where it was built


def read(path: Path) -> dict[str, Any]:
    """The settings in a file.

    Raises:
        ConfigError: There is no such file, it is no text, no YAML, no mapping, or a key appears in it twice.
    """
    text = _text(path)
    try:
        found = _parsed(text, path)
    except yaml.YAMLError as error:
        raise _not_yaml(error, path) from None
    except RecursionError:
        raise ConfigError(f"{path}: is nested too deeply.\n  Settings are mappings of mappings, five deep.") from None
    except ValueError as error:  # a date that does not exist, an integer of more digits than Python reads
        raise ConfigError(f"{path}: holds a value that cannot be read ({error}).\n  Write it in quotes.") from None
    if not isinstance(found, dict):
        what = "is empty" if found is None else "is not a mapping of settings"
        raise ConfigError(f"{path}: {what}.\n  Begin with a key, such as `experiment: name`.")
    return found


def check(paths: Iterable[Path | str]) -> None:
    """Read the files that there are, for what is wrong with one of them.

    Raises:
        ConfigError: See `read`.
    """
    for path in map(Path, paths):
        if path.exists():
            read(path)


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file.\n  Run in the project's folder; check the path.") from None
    except IsADirectoryError:
        raise ConfigError(f"{path}: is a folder.\n  Name a YAML file in it.") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"{path}, line {line}: is not text in UTF-8 (byte {error.object[error.start]:#04x}).\n"
            "  Save it as UTF-8; if it is no text at all, name another file."
        ) from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}).\n  Check its owner and permissions.") from None


def _parsed(text: str, path: Path) -> Any:
    try:
        return json.loads(text, object_pairs_hook=lambda pairs: _unrepeated(pairs, path))
    except ValueError:
        pass
    loader = Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _refuse_repeated_keys(node, path)
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _unrepeated(pairs: list[tuple[str, Any]], path: Path) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ConfigError(
            f"{path}: `{next(key for key in keys if keys.count(key) > 1)}` appears more than once.\n  {KEEP}"
        )
    return found


KEEP = "Keep one of them: only the last would count."


def _refuse_repeated_keys(node: yaml.Node, path: Path, parents: str = "") -> None:
    """Look through all mappings, each once, though anchors may lead to one many times.

    Raises:
        ConfigError: A mapping has a key twice.
    """
    pending, seen = [(node, parents)], set[int]()
    while pending:
        here, where = pending.pop()
        if id(here) in seen:
            continue
        seen.add(id(here))
        if isinstance(here, yaml.SequenceNode):
            pending += [(member, f"{where}[{i}]") for i, member in enumerate(here.value)]
        elif isinstance(here, yaml.MappingNode):
            lines = dict[str, int]()
            for key, value in here.value:
                name, line = str(key.value), key.start_mark.line + 1
                place = f"{where}.{name}".removeprefix(".")
                if name in lines:
                    raise ConfigError(f"{path}: `{place}` stands in line {lines[name]} and in line {line}.\n  {KEEP}")
                lines[name] = line
                pending.append((value, place))


def _not_yaml(error: yaml.YAMLError, path: Path) -> ConfigError:
    """What the parser found, and where."""
    mark = getattr(error, "problem_mark", None)
    place = f"{path}, line {mark.line + 1}, column {mark.column + 1}" if mark else str(path)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "it is no YAML"
    return ConfigError(
        f"{place}: {problem}.\n  Mend this line, or the one before: brackets, quotes, indentation by spaces."
    )
