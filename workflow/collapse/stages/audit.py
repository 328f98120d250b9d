"""Check finished artifacts, each against its contract and its neighbours, and say what is wrong."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from collapse.artifacts import contracts, provenance
from collapse.artifacts.contracts import AUDIT, Record
from collapse.config.specs import AuditSpec
from collapse.errors import ContractError
from collapse.plain_text import printable
from collapse.questions.audit import DAMAGE, Finding, at_fault
from collapse.questions.audit.shelf import Shelf
from collapse.questions.audit.walk import audited, spec_of
from collapse.stages import Folder, Output

SHOWN = 20
"""Failures told one by one; one damaged file may break many others."""

NAMED = 6
"""Files at fault, and files set aside, that the last message names."""

EXPERIMENT = ("metrics.parquet", "documents.parquet", "strategy=*", "world=*")
"""What shows that a folder holds an experiment's results."""


def run(
    *,
    results: Folder,
    spec: AuditSpec | None = None,
    audit: Output | None = None,
    set_aside: bool = False,
    record: Record,
) -> None:
    """Check every artifact of an experiment, or of every experiment in a folder.

    Nothing is changed, unless what is at fault is to be set aside.

    Args:
        results: An experiment's folder (results/<experiment>), or a folder of them.
        spec: The experiment's arms, worlds and other artifacts; without it, those that the results themselves name.
        audit: One row per artifact and check; written only if all passed.
        set_aside: Rename damaged and stale files to *.damaged, so that the next snakemake makes them again.
        record: What the table is made from; the files checked are added to it.

    Raises:
        ContractError: A check failed, or there is no experiment.
    """
    n_failed, culprits = 0, list[str]()
    for folder in _experiments(results):
        shelf = audited(folder, spec or spec_of(folder))
        failed = [finding for finding in shelf.findings if not finding.passed]
        aside = _set_aside(shelf) if set_aside else []
        print("\n".join(map(printable, _summary(shelf, failed, aside))))
        n_failed += len(failed)
        culprits += _culprits(shelf, failed, aside)
        if audit and not failed:
            made_from = replace(record, inputs=dict(sorted(shelf.found.items())))
            contracts.write(audit, AUDIT, _table(shelf.findings), made_from)
    if n_failed:
        then = "Run snakemake again: it makes what was set aside." if set_aside else "Nothing was changed."
        told = [f"  {printable(line)}" for line in culprits[:NAMED]]
        rest = [f"  and {len(culprits) - NAMED} more; all are told above."] if len(culprits) > NAMED else []
        raise ContractError("\n".join([f"{results}: {n_failed} check(s) failed.", *told, *rest, f"  {then}"]))


def _experiments(results: Path) -> list[Path]:
    """The experiment here, or those in the folders here."""
    found = [folder for folder in (results, *sorted(results.glob("*"))) if any(_marks(folder))]
    if not found:
        raise ContractError(
            f"{results}: holds no results of an experiment, nor does a folder in it.\n"
            "  Name a folder such as results/speeches, or run snakemake to make one."
        )
    return found[:1] if found[0] == results else found


def _marks(folder: Path) -> Iterator[Path]:
    return (path for mark in EXPERIMENT for path in folder.glob(mark))


def _set_aside(shelf: Shelf) -> list[str]:
    """Rename the files at fault, and say which as what; those that are missing need no renaming."""
    there = [name for name in at_fault(shelf.findings) if (shelf.folder / name).exists()]
    return [f"{name} as {provenance.set_aside(shelf.folder / name).name}" for name in there]


def _culprits(shelf: Shelf, failed: list[Finding], aside: list[str]) -> list[str]:
    """What is at fault, with the first check that says so, and what was set aside for it; neighbours are left out."""
    first = {finding.artifact: finding for finding in reversed(failed)}
    order = {check: place for place, check in enumerate(DAMAGE)}  # bytes before what they say they were made from
    found = sorted((first[name] for name in at_fault(shelf.findings)), key=lambda one: order.get(one.check, len(order)))
    return [*(f"{one.artifact}: {one.check}: {one.detail}." for one in found), *(f"set aside: {one}" for one in aside)]


def _summary(shelf: Shelf, failed: list[Finding], aside: list[str]) -> Iterator[str]:
    """How much was checked; each failure and what to do about it; what was set aside."""
    n_artifacts = len({finding.artifact for finding in shelf.findings})
    outcome = f"{len(failed)} failed" if failed else "all passed"
    yield f"{shelf.folder}: {n_artifacts:,} artifacts, {len(shelf.findings):,} checks, {outcome}"
    if unknown := len(shelf.found) - len(shelf.written.keys() & shelf.found.keys()):
        yield f"  {unknown} have no provenance, so nothing says whether their bytes are those written."
    for finding in failed[:SHOWN]:
        yield f"  {finding.artifact}: {finding.check}: {finding.detail}."
        yield f"    {finding.cure}"
    if len(failed) > SHOWN:
        yield f"  and {len(failed) - SHOWN} more"
    for renamed in aside:
        yield f"  set aside: {renamed}"


def _table(findings: list[Finding]) -> pa.Table:
    names = [column.name for column in AUDIT.columns]
    return pa.Table.from_pylist([{name: getattr(one, name) for name in names} for one in findings], AUDIT.schema)
