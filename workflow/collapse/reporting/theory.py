"""Claims and closed-form worlds, paper by paper, as plain values."""

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa

from collapse.config.plan import Plan
from collapse.config.worlds import WorldSettings
from collapse.plots import wording
from collapse.reporting import papers

VERDICTS = ("reproduced", "not_reproduced", "inconclusive")
STATUS = {
    "exact": "exact",
    "asymptotic": "in the limit it names",
    "bound": "a bound",
    "fitted": "fitted to the simulation, so no test of it",
}
NOT_SHOWN = ("model", "paper", "title", "panels", "strategies", "generations", "replicates")


@dataclass(frozen=True)
class Formula:
    """A law drawn in a figure."""

    text: str
    what: str


@dataclass(frozen=True)
class WorldFigure:
    """A world's figure and what to say about it."""

    name: str
    svg: str
    caption: str
    formulas: tuple[Formula, ...]


@dataclass(frozen=True)
class ClaimRow:
    """One claim's row."""

    claim_id: str
    statement: str
    where: str
    at: str
    published: str
    theory: str
    observed: str
    error: str
    verdict: str
    reason: str


@dataclass(frozen=True)
class Paper:
    """What was checked of one paper.

    Attributes:
        counts: Claims reproduced, not reproduced and inconclusive.
    """

    key: str
    name: str
    title: str
    worlds: tuple[WorldFigure, ...]
    claims: tuple[ClaimRow, ...]
    counts: tuple[int, int, int]


@dataclass(frozen=True)
class TheoryView:
    """The part of the page about claims and worlds."""

    answer: str
    note: str
    papers: tuple[Paper, ...]


def theory_view(plan: Plan, figures: dict[str, str], theory: pa.Table, claims: pa.Table) -> TheoryView:
    """Put the part together.

    Args:
        plan: The experiment, with its worlds and claims.
        figures: SVG elements by world.
        theory: Rows of the THEORY contract.
        claims: Rows of the CLAIMS contract.
    """
    rows, laws = claims.to_pylist(), theory.to_pylist()
    keys = dict.fromkeys([*(world.paper for world in plan.worlds.values()), *(row["paper"] for row in rows)])
    found = tuple(_paper(key, plan, figures, laws, [row for row in rows if row["paper"] == key]) for key in keys)
    resolved = (
        "Reproduced: within the tolerance, which is at least four standard errors wide, at every value the claim is "
        "about; shown is the value that came closest to failing."
    )
    return TheoryView(_answer(rows, len(plan.worlds)), resolved if rows else "", found)


def limits(plan: Plan) -> tuple[str, ...]:
    """What claims and worlds do not show."""
    if not plan.worlds:
        return ()
    return (
        "A theorem is checked at the settings shown, not for all; a formula that holds in a limit is drawn where the "
        "simulation is, and need not meet it there.",
        "Worlds are as simple as their theory needs. That a law holds there says nothing yet about language models.",
    )


def _answer(rows: list[dict], n_worlds: int) -> str:
    worlds = f"{n_worlds} closed-form world{'' if n_worlds == 1 else 's'}"
    if not rows:
        return f"{worlds}, no claims."
    counts = {verdict: sum(row["verdict"] == verdict for row in rows) for verdict in VERDICTS}
    said = [f"{counts['reproduced']} of {len(rows)} claims are reproduced"]
    said += [f"{counts['not_reproduced']} not"] if counts["not_reproduced"] else []
    said += [f"{counts['inconclusive']} inconclusive"] if counts["inconclusive"] else []
    return ", ".join(said) + (f", in {worlds}." if n_worlds else ".")


def _paper(key: str, plan: Plan, figures: dict[str, str], laws: list[dict], rows: list[dict]) -> Paper:
    formulas = {name: _formulas(name, laws) for name in plan.worlds}
    worlds = tuple(
        WorldFigure(name, figures[name], _caption(world, len(plan.seeds), bool(formulas[name])), formulas[name])
        for name, world in plan.worlds.items()
        if world.paper == key
    )
    reproduced, failed, open_ = (sum(row["verdict"] == verdict for row in rows) for verdict in VERDICTS)
    claims = tuple(_row(row) for row in rows)
    return Paper(key, papers.name(key), papers.title(key), worlds, claims, (reproduced, failed, open_))


def _caption(world: WorldSettings, n_seeds: int, has_theory: bool) -> str:
    settings = world.model_dump(exclude=set(NOT_SHOWN))
    shown = ", ".join(f"{name.replace('_', ' ')} {_said(value)}" for name, value in settings.items())
    replicates = f"{world.replicates * n_seeds:,} replicates ({wording.seeds(n_seeds)} of {world.replicates:,})"
    return (
        f"Points are means over {replicates}, bars and bands two standard errors to each side"
        f"{', lines theory' if has_theory else ''}. Setting: {shown}."
    )


def _said(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        return "(" + ", ".join(_said(part) for part in value) + ")"
    if isinstance(value, dict):
        return "(" + ", ".join(f"{name} {_said(part)}" for name, part in value.items()) + ")"
    return "none" if value is None else str(value)


def _formulas(world: str, laws: Iterable[dict]) -> tuple[Formula, ...]:
    found = dict[Formula, None]()
    for law in laws:
        if law["evaluation_set"].split("/")[0] == world:
            found[Formula(law["formula"], f"{law['strategy']}; {law['source']}; {STATUS[law['status']]}")] = None
    return tuple(found)


def _row(row: dict) -> ClaimRow:
    scale = next((abs(row[name]) for name in ("standard_error", "observed") if row[name]), 1.0)
    digits = wording.digits_for(scale)
    shown = {
        name: wording.NOTHING if row[name] is None else wording.number(row[name], digits)
        for name in ("published", "theory", "observed")
    }
    error = "" if row["standard_error"] is None else f"± {wording.number(row['standard_error'], digits)}"
    return ClaimRow(
        claim_id=row["claim_id"],
        statement=row["statement"],
        where=row["where"],
        at=row["at"],
        error=error,
        verdict=row["verdict"].replace("_", " "),
        reason=row["reason"],
        **shown,
    )
