"""Which code a stage depends on.

Snakemake does not follow imports: an edited package reruns nothing. So each rule carries the fingerprint of its
stage's code in `params`. It covers the stage's module and every module of this package it imports, directly or not,
as syntax trees without docstrings: a comment, a docstring or a reformatting changes nothing, an edited line does.

The settings' module is left out: what a setting does to a result is in the stage's spec already. So are the modules
that only speak (`errors`, `metrics.catalogue`) or name and move files (`layout`, `files`, `provenance`).
"""

import ast
import functools
import hashlib
from pathlib import Path

PACKAGE = Path(__file__).parent
SILENT = (
    "collapse.config",
    "collapse.errors",
    "collapse.files",
    "collapse.layout",
    "collapse.metrics.catalogue",
    "collapse.provenance",
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
        digest.update(f"{module}\n{_code(module)}\n".encode())
    return digest.hexdigest()[:16]


@functools.cache
def _imports(module: str) -> tuple[str, ...]:
    found = list[str]()
    for node in ast.walk(ast.parse(_path(module).read_text())):
        match node:
            case ast.Import(names=names):
                found += [alias.name for alias in names]
            case ast.ImportFrom(module=str(parent), names=names):
                found += [parent, *(f"{parent}.{alias.name}" for alias in names)]
    return tuple(name for name in found if name.startswith("collapse") and _exists(name))


@functools.cache
def _code(module: str) -> str:
    tree = ast.parse(_path(module).read_text())
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [line for line in body if not _is_text(line)]  # type: ignore[attr-defined]
    return ast.dump(tree)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _path(module: str) -> Path:
    base = PACKAGE.joinpath(*module.split(".")[1:])
    return base / "__init__.py" if base.is_dir() else base.with_suffix(".py")


def _exists(module: str) -> bool:
    return module.startswith("collapse") and _path(module).is_file()
