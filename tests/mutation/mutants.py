"""Breaks the code on purpose, one place at a time, and says which breaks no test notices.

    python tests/mutation/mutants.py --sample 150 --seed 0            # make mutants
    python tests/mutation/mutants.py --only stats/paired.py           # every mutant of some modules

A mutant is one edit: a comparison or its boundary, an operator, a constant (a whole number plus one, a real number 5 %
off), `and` for `or`, a `not` or a filter that is gone, `None` returned. What only words a message is left alone. Tests
run in a copy, each mutant in a process forked from one that has imported the libraries, until the first test fails:
those near it, and if none of these does, those that run the workflow.
"""

import argparse
import ast
import contextlib
import difflib
import importlib
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from projects import Project

PACKAGE = Path("workflow/collapse")
TARGETS = (
    "stages/",
    "stats/",
    "claims/",
    "questions/audit/",
    "config/plan.py",
    "config/checks.py",
    "config/verifiers.py",
    "verifiers/",
    "strategies.py",
    "raters/",
    "engines/editing.py",
    "engines/blocks.py",
    "engines/beams.py",
    "corpora/balance.py",
    "questions/planned.py",
    "experiment/costs.py",
    "media/text/packing.py",
    "questions/published_scores.py",
    "families/internals.py",
    "watermark.py",
)

DAMAGES = tuple(
    f"tests/workflow/test_audit.py::test_{name}"
    for name in (
        "a_finished_experiment_passes_every_check",
        "a_damage_is_found_by_its_check_and_what_is_set_aside_is_what_was_damaged",
        "the_content_is_checked_even_if_no_provenance_says_what_was_written",
        "an_experiment_that_is_not_finished_is_told_what_is_missing",
        "an_experiment_without_its_summary_is_known_by_its_folders",
        "a_folder_without_results_is_refused",
    )
)

NEAR = {
    "stages/audit.py": ("tests/audit/test_faults.py", "tests/workflow/test_audit.py"),
    "stages/base_model.py": ("tests/stages/test_base_model.py",),
    "stages/claims.py": ("tests/claims",),
    "stages/corpus.py": ("tests/corpora/test_corpus_stage.py", "tests/stages/test_loop_stages.py"),
    "stages/mix.py": ("tests/stages/test_mix.py", "tests/audit/test_mixed.py"),
    "stages/references.py": ("tests/stages/test_loop_stages.py",),
    "stages/simulate.py": ("tests/worlds/test_simulate_stage.py", "tests/claims/test_published_verdicts.py"),
    "stages/verify.py": ("tests/verifiers",),
    "stages/evaluate.py": ("tests/stages/test_loop_stages.py", "tests/stages/test_truth.py"),
    "stages/generate.py": ("tests/stages/test_loop_stages.py",),
    "stages/train.py": ("tests/stages/test_loop_stages.py",),
    "stages/truth.py": ("tests/stages/test_truth.py",),
    "stages/stopping.py": ("tests/stats/test_stopping.py",),
    "stages/rater.py": ("tests/stages/test_raters_and_internals.py",),
    "stages/checkpoint.py": ("tests/raters/test_checkpoint.py",),
    "stages/internals.py": ("tests/stages/test_raters_and_internals.py",),
    "stages/neurons.py": ("tests/stages/test_raters_and_internals.py",),
    "stages/": ("tests/report",),
    "stats/named.py": ("tests/claims/test_checks.py", "tests/report/test_theory.py"),
    "stats/pooled.py": ("tests/claims/test_checks.py", "tests/report/test_theory.py"),
    "stats/": ("tests/stats", "tests/test_readme.py", "tests/report/test_answer.py"),
    "claims/": ("tests/claims",),
    "questions/audit/": ("tests/audit", *DAMAGES),
    "strategies.py": ("tests/vocabulary/test_strategies.py", "tests/stages/test_mix.py", "tests/audit/test_mixed.py"),
    "raters/": ("tests/raters", "tests/stages/test_raters_and_internals.py"),
    "engines/editing.py": ("tests/engines/test_editing.py",),
    "engines/blocks.py": ("tests/engines/test_blocks.py",),
    "engines/beams.py": ("tests/engines/test_engines.py",),
    "corpora/balance.py": ("tests/corpora/test_balance.py",),
    "questions/published_scores.py": ("tests/test_published_scores.py",),
    "questions/planned.py": ("tests/test_planned.py",),
    "experiment/costs.py": ("tests/test_planned.py",),
    "media/text/packing.py": ("tests/vocabulary/test_packing.py",),
    "families/internals.py": ("tests/families/test_internals.py",),
    "watermark.py": ("tests/vocabulary/test_watermark.py", "tests/metrics/test_marked.py"),
    "verifiers/": ("tests/verifiers", "tests/metrics/test_verification.py"),
    "config/verifiers.py": (
        "tests/verifiers",
        "tests/vocabulary/test_odd_settings.py",
        "tests/vocabulary/test_config.py",
    ),
    "config/checks.py": (
        "tests/vocabulary/test_config.py",
        "tests/vocabulary/test_odd_settings.py",
        "tests/vocabulary/test_settings_together.py",
    ),
    "config/plan.py": (
        "tests/vocabulary/test_config.py",
        "tests/vocabulary/test_odd_settings.py",
        "tests/vocabulary/test_settings_together.py",
        "tests/test_experiment.py",
        "tests/stages",
    ),
}
"""Tests of the default tier that should notice, by the first prefix that fits; none of them starts a process."""

FAR = tuple(f"tests/workflow/test_{name}.py" for name in ("end_to_end", "transformer_loop", "known_language", "worlds"))
"""Tests of the default tier that run the workflow: what none near notices is shown to them."""

MADE_BY_THE_MUTANT = "MADE_BY_THE_MUTANT"
"""Where this is set, a finished run is not there before."""

FINISHED = '''
from pathlib import Path

@pytest.fixture(scope="session")
def finished(run_once) -> Project:
    """Made once, for all mutants: those who look at a finished run do not make it."""
    return run_once("finished") if "{made_by_the_mutant}" in os.environ else Project(Path("{folder}"))
'''
"""Takes the fixture's place in the copy."""

LIBRARIES = (
    "numpy",
    "scipy.stats",
    "pyarrow.parquet",
    "pydantic",
    "yaml",
    "hypothesis",
    "matplotlib.figure",
    "torch",
    "pytest",
)

SECONDS = 900
"""A mutant that takes longer, such as one that never stops, is noticed."""

SWAPPED: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.And: ast.Or,
    ast.Or: ast.And,
}


@dataclass(frozen=True)
class Mutant:
    """One edit of one module.

    Attributes:
        path: The module, inside the package.
        line: Where it is, from 1.
        source: The module's text with the edit.
    """

    path: str
    line: int
    source: str

    def diff(self, original: str) -> str:
        """What was edited."""
        lines = difflib.unified_diff(original.splitlines(), self.source.splitlines(), lineterm="", n=0)
        return "\n".join(f"    {line}" for line in list(lines)[3:])


# --- making them ------------------------------------------------------------------------------------------------------


def mutants_of(path: str, source: str) -> Iterator[Mutant]:
    """Every mutant of a module, in the order of its lines."""
    tree = ast.parse(source)
    for node in _that_computes(tree):
        for old, new in _edits(node):
            yield Mutant(path, old.lineno, _replaced(source, old, new))


def _that_computes(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes below, without annotations, docstrings, messages, assertions and imports."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _only_words(child):
                yield child
                yield from _that_computes(child)


def _only_words(node: ast.AST) -> bool:
    match node:
        case ast.JoinedStr() | ast.Raise() | ast.Assert() | ast.Import() | ast.ImportFrom():
            return True
        case ast.Expr(value=ast.Constant()):
            return True
        case ast.Call(func=ast.Attribute(value=ast.Name(id="logger" | "logging"))):
            return True
    return False


def _edits(node: ast.AST) -> Iterator[tuple[ast.expr | ast.stmt, ast.AST]]:
    """What could be put in a node's place, with the node that is replaced."""
    match node:
        case ast.Compare(left, ops, comparators):
            for index, op in enumerate(ops):
                swapped = [SWAPPED[type(op)]() if index == place else other for place, other in enumerate(ops)]
                yield node, ast.Compare(left, swapped, comparators)
        case ast.BinOp(left, op, right) if type(op) in SWAPPED:
            yield node, ast.BinOp(left, SWAPPED[type(op)](), right)
        case ast.BoolOp(op, values):
            yield node, ast.BoolOp(SWAPPED[type(op)](), values)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield node, operand
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            yield node, operand
        case ast.Constant(value=bool() as value):
            yield node, ast.Constant(not value)
        case ast.Constant(value=int() as value):
            yield node, ast.Constant(value + 1)
        case ast.Constant(value=float() as value):
            yield node, ast.Constant(value * 1.05 if value else 1.0)
        case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            yield value, ast.Constant(None)
        case ast.comprehension(ifs=ifs):
            for condition in ifs:
                yield condition, ast.Constant(True)


def _replaced(source: str, old: ast.expr | ast.stmt, new: ast.AST) -> str:
    lines = [line.encode() for line in source.splitlines(keepends=True)]
    before = b"".join(lines[: old.lineno - 1]) + lines[old.lineno - 1][: old.col_offset]
    assert old.end_lineno is not None
    after = lines[old.end_lineno - 1][old.end_col_offset :] + b"".join(lines[old.end_lineno :])
    text = ast.unparse(ast.fix_missing_locations(new))
    return (before + f"({text})".encode() + after).decode()


# --- asking the tests -------------------------------------------------------------------------------------------------


def tests_near(path: str) -> tuple[str, ...]:
    """The tests that should notice a mutant of this module."""
    return next(tests for prefix, tests in NEAR.items() if path.startswith(prefix))


def noticed(copy: Path, mutant: Mutant) -> bool:
    """Whether a test, near or far, fails or never ends with the mutant in the copy's place of its module."""
    file = copy / PACKAGE / mutant.path
    original = file.read_text()
    file.write_text(mutant.source)
    for stale in (file.parent / "__pycache__").glob(f"{file.stem}.*"):
        stale.unlink()
    try:
        return any(_status(copy, tests) != 0 for tests in (tests_near(mutant.path), FAR))
    finally:
        file.write_text(original)


def _status(copy: Path, tests: tuple[str, ...]) -> int:
    """Exit status of pytest in a forked process; 1 if it had to be stopped."""
    child = os.fork()
    if not child:
        _test(copy, tests)
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.05)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return 1


def _test(copy: Path, tests: tuple[str, ...]) -> None:
    """Run the tests and leave; never returns."""
    import pytest

    os.setsid()
    os.chdir(copy)
    os.environ["PYTHONPATH"] = str(copy / PACKAGE.parent)
    if tests == FAR:
        os.environ[MADE_BY_THE_MUTANT] = ""
    for imported in ("projects", "snakemake_once"):  # from here, not from the copy
        del sys.modules[imported]
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    status = 1
    with contextlib.suppress(BaseException):
        status = int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "--no-header", *tests]))
    os._exit(status)


def copied(folder: Path) -> Path:
    """A copy of the repository to break."""
    unneeded = shutil.ignore_patterns(".git", ".venv", "results", ".snakemake", "__pycache__", ".hypothesis")
    copy = Path(shutil.copytree(ROOT, folder / "copy", ignore=unneeded, symlinks=True))
    (copy / "results").mkdir()
    with (copy / "tests" / "conftest.py").open("a") as conftest:
        conftest.write(FINISHED.format(folder=folder / "finished", made_by_the_mutant=MADE_BY_THE_MUTANT))
    run = Project(folder / "finished")
    run.configure()
    run.run()
    return copy


def chosen(only: list[str], sample: int | None, seed: int) -> list[Mutant]:
    """All mutants of some modules, or as many of them as asked for, drawn by the seed."""
    paths = sorted(path.relative_to(ROOT / PACKAGE).as_posix() for path in (ROOT / PACKAGE).rglob("*.py"))
    targets = [path for path in paths if path.startswith(tuple(only))]
    everything = [one for path in targets for one in mutants_of(path, (ROOT / PACKAGE / path).read_text())]
    print(f"{len(everything)} mutants of {len(targets)} modules", flush=True)
    if sample is None or sample >= len(everything):
        return everything
    return random.Random(seed).sample(everything, sample)


def main() -> int:
    """Try the mutants and print the survivors; 1 if fewer than nine in ten were noticed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=list(TARGETS), help="modules, by how their path begins")
    parser.add_argument("--sample", type=int, help="how many to try; all, if it is not given")
    parser.add_argument("--seed", type=int, default=0, help="decides which")
    asked = parser.parse_args()
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = "1"
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    mutants = chosen(asked.only, asked.sample, asked.seed)
    for library in LIBRARIES:
        importlib.import_module(library)
    with tempfile.TemporaryDirectory() as folder:
        survivors = list(_survivors(copied(Path(folder)), mutants))
    killed = 1 - len(survivors) / len(mutants)
    print(f"{len(mutants) - len(survivors)} of {len(mutants)} noticed ({killed:.1%})")
    return int(killed < 0.9)


def _survivors(copy: Path, mutants: list[Mutant]) -> Iterator[Mutant]:
    """The mutants that no test notices, each printed with its place and its edit."""
    for tests in sorted({FAR, *(tests_near(mutant.path) for mutant in mutants)}):
        assert _status(copy, tests) == 0, f"without a mutant, {' '.join(tests)} must pass"
    for mutant in mutants:
        if noticed(copy, mutant):
            print(".", end="", flush=True)
            continue
        original = (copy / PACKAGE / mutant.path).read_text()
        print(f"\n{PACKAGE / mutant.path}:{mutant.line}\n{mutant.diff(original)}", flush=True)
        yield mutant


if __name__ == "__main__":
    sys.exit(main())
