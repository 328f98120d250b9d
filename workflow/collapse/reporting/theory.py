"""Claims and closed-form worlds, paper by paper, as plain values."""

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa

from collapse.config.plan import Plan
from collapse.config.worlds import WorldSettings
from collapse.plots import wording
from collapse.reporting import papers
from collapse.reporting.claims import VERDICTS, ClaimRow, Group, Summary, grouped, summaries, words

NOTE = (
    "Published: a number that the paper prints or draws, or a sign or an order that it states of its experiment. "
    "Theorem: a formula of the paper, at the settings here. Ours: derived here, no claim of the paper. Reproduced: "
    "within the tolerance, which is at least four standard errors wide, at every value the claim is about; shown is "
    "the value that came closest to failing."
)
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
class Paper:
    """What was checked of one paper.

    Attributes:
        groups: Its claims, by row of the acceptance matrix and evidence.
        summaries: A line of the overview for each row.
    """

    key: str
    name: str
    title: str
    worlds: tuple[WorldFigure, ...]
    groups: tuple[Group, ...]
    summaries: tuple[Summary, ...]


@dataclass(frozen=True)
class TheoryView:
    """The part of the page about claims and worlds.

    Attributes:
        answer: How many claims are reproduced, in a sentence.
        note: What that means.
        open: Claims that are not reproduced, and those that are inconclusive, by verdict.
        papers: Paper by paper.
    """

    answer: str
    note: str
    open: dict[str, tuple[ClaimRow, ...]]
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
    lines = [line for paper in found for line in paper.summaries]
    left = {
        words(verdict): tuple(claim for line in lines for claim in line.open[i])
        for i, verdict in enumerate(VERDICTS[1:])
    }
    return TheoryView(_answer(rows, len(plan.worlds)), NOTE if rows else "", left, found)


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
    groups = grouped(key, rows, plan.claims)
    return Paper(key, papers.name(key), papers.title(key), worlds, groups, summaries(groups))


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
    """Each law once, with the strategies it is about."""
    found = dict[tuple[str, str, str], dict[str, None]]()
    for law in laws:
        if law["evaluation_set"].split("/")[0] == world:
            found.setdefault((law["formula"], law["source"], law["status"]), {})[law["strategy"]] = None
    return tuple(
        Formula(text, f"{', '.join(strategies)}; {source}; {STATUS[status]}")
        for (text, source, status), strategies in found.items()
    )
