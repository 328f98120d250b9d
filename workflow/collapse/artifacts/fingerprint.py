"""Which code a stage depends on.

Snakemake does not follow imports: an edited package reruns nothing. So each rule carries the fingerprint of its
stage's code in `params`. It covers the stage's module and every module of this package it imports, directly or not,
as syntax trees without docstrings: a comment, a docstring or a reformatting changes nothing, an edited line does.

The settings' module is left out: what a setting does to a result is in the stage's spec already. So are the modules
that only speak (`errors`, `metrics.catalogue`) or name and move files (`artifacts.layout`, `artifacts.provenance`,
`running.files`).
"""

import ast
import functools
import hashlib
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from collapse.running.files import written_at_once

PACKAGE = Path(__file__).parents[1]
SILENT = (
    "collapse.config",
    "collapse.errors",
    "collapse.running.files",
    "collapse.artifacts.layout",
    "collapse.metrics.catalogue",
    "collapse.artifacts.provenance",
)


@functools.cache
def stage_fingerprint(stage: str, *plugins: str) -> str:
    """Return 16 hex digits for the code of one stage.

    Args:
        stage: Name of a module in `collapse.stages`.
        plugins: Modules that the stage loads by name, because the config asks for them (a family, an engine).
    """
    pending, seen = [f"collapse.stages.{stage}", *plugins], set[str]()
    while pending:
        module = pending.pop()
        if module in seen or module.startswith(SILENT):
            continue
        seen.add(module)
        pending.extend(_imports(module))
    digest = hashlib.sha256()
    for module in sorted(seen):
        digest.update(f"{module}\n{_source(module).code}\n".encode())
    return digest.hexdigest()[:16]


@functools.cache
def _imports(module: str) -> tuple[str, ...]:
    return tuple(name for name in _source(module).names if name.startswith("collapse") and _exists(name))


# --- what a module's source comes to ----------------------------------------------------------------------------------


class Source(NamedTuple):
    """A module's source, read.

    Attributes:
        code: Digest of its syntax tree without docstrings, in hex.
        names: All that it imports: modules, and what is taken from them.
    """

    code: str
    names: tuple[str, ...]


_REMEMBERED = dict[str, Source]()
"""By a digest of the source. To parse a hundred modules takes a third of a second, at every start of Snakemake."""

_ASKED = dict[str, Source]()
"""What this process has asked for of it."""

_RECALLED = set[str]()
"""What earlier processes have read of it."""


def recall(memory: Path) -> None:
    """Take from a file what earlier processes have read; a file that is missing or damaged says nothing."""
    try:
        lines = json.loads(memory.read_text())
        found = {key: Source(code, tuple(names)) for key, code, names, seal in lines if seal == _seal(key, code, names)}
    except (OSError, ValueError, TypeError, RecursionError):
        return
    _REMEMBERED.update(found)
    _RECALLED.update(found)


def keep(memory: Path) -> None:
    """Write down what was asked for; where nothing may be written, the next process reads again."""
    lines = [(key, *source, _seal(key, *source)) for key, source in _ASKED.items()]
    try:
        if not _ASKED.keys() <= _RECALLED:
            with written_at_once(memory) as partial:
                partial.write_text(json.dumps(lines))
    except OSError:
        return


def _seal(key: str, code: str, names: Iterable[str]) -> str:
    return _sha256("\n".join([key, code, *names]))[:16]


@functools.cache
def _source(module: str) -> Source:
    text = _path(module).read_text()
    key = _sha256(f"{sys.version_info[:2]}\n{text}")  # a syntax tree is another in another Python
    if key not in _REMEMBERED:
        tree = ast.parse(text)
        names = _names(tree)
        _REMEMBERED[key] = Source(_sha256(ast.dump(_without_docstrings(tree))), names)
    return _ASKED.setdefault(key, _REMEMBERED[key])


def _names(tree: ast.Module) -> tuple[str, ...]:
    found = list[str]()
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                found += [alias.name for alias in names]
            case ast.ImportFrom(module=str(parent), names=names):
                found += [parent, *(f"{parent}.{alias.name}" for alias in names)]
    return tuple(found)


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [line for line in body if not _is_text(line)]  # type: ignore[attr-defined]
    return tree


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _path(module: str) -> Path:
    base = PACKAGE.joinpath(*module.split(".")[1:])
    return base / "__init__.py" if base.is_dir() else base.with_suffix(".py")


def _exists(module: str) -> bool:
    return module.startswith("collapse") and _path(module).is_file()
