"""The README's numbers, written into it from committed tables.

What stands between `<!-- measured: NAME -->` and `<!-- end -->` is the macro NAME of `workflow/report/readme.md.jinja`.
Its sentences are typed there; its numbers come from tables in `workflow/experiments/measured/` and published verdicts.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from collapse.config.claims import Evidence
from collapse.config.settings import Strategy
from collapse.errors import ContractError
from collapse.plots import curves, style
from collapse.plots.ladder import Rung, ladder
from collapse.publishing import measured, verdicts
from collapse.publishing.measured import CONFIDENCE, Measured
from collapse.publishing.verdicts import Verdict
from collapse.stats.paired import Interval

PAGE = Path("README.md")
TEMPLATE = Path("workflow/report/readme.md.jinja")
FIGURE = Path("workflow/report/five-seeds.svg")
MITIGATIONS = Path("workflow/report/mitigations.svg")

BLOCK = re.compile(r"(?<=<!-- measured: )(?P<name>[a-z0-9-]+) -->\n(?P<text>.*?)(?=<!-- end -->)", re.DOTALL)
"""A block's name, and what stands in it."""

FIGURES_STRATEGIES = ("real", "replace", "accumulate", "accumulate-subsample")
"""Lines of the README's figure, in the order of their colours."""


@dataclass(frozen=True)
class Counted:
    """Claims of one paper, or of all of them, with one kind of evidence.

    Attributes:
        n: How many there are.
        reproduced: How many of them are.
    """

    n: int
    reproduced: int

    def __str__(self) -> str:
        """As the README's table has it."""
        return f"{self.reproduced} of {self.n}" if self.n else "–"


def readme(root: Path = Path()) -> str:
    """Rewrite the README's blocks, and draw its figure, from the committed tables.

    Args:
        root: Where README.md lies.

    Returns:
        Which blocks are another text now.

    Raises:
        ContractError: A block of the README is not in the template.
    """
    page, tables = root / PAGE, read_tables(root)
    old, new = page.read_text(), rewritten(page.read_text(), root)
    page.write_text(new)
    for name, (path, drawn) in FIGURES.items():
        if name in tables:
            (root / path).write_bytes(drawn(tables[name]))
    texts = [dict(BLOCK.findall(text)) for text in (old, new)]
    changed = [name for name, text in texts[1].items() if text != texts[0][name]]
    return f"{page}: {', '.join(changed) or 'nothing'} changed in {len(texts[1])} blocks."


def rewritten(page: str, root: Path) -> str:
    """The README with every block as the tables say.

    Args:
        page: The README as it is.
        root: The folder that the tables and the template lie in.

    Raises:
        ContractError: A block of the README is not in the template.
    """
    parts = _template(root).make_module(_facts(root))

    def written(match: re.Match[str]) -> str:
        if (part := getattr(parts, match["name"].replace("-", "_"), None)) is None:
            raise ContractError(
                f"{PAGE}: the block `{match['name']}` is not in {TEMPLATE}.\n  Write it there, or mend its name."
            )
        text = part().strip("\n")
        return f"{match['name']} -->\n{text}\n" if text else f"{match['name']} -->\n"

    return BLOCK.sub(written, page)


def read_tables(root: Path) -> dict[str, Measured]:
    """The committed tables of experiments, by experiment."""
    paths = (root / measured.FOLDER / f"{name}.csv" for name in measured.PUBLISHED)
    return {path.stem: Measured.of(path) for path in paths if path.is_file()}


def figure(table: Measured) -> bytes:
    """The README's figure: test loss by generation, as SVG; the same table gives the same bytes."""
    strategies = [Strategy(name=name, compose=name.replace("-", "_")) for name in FIGURES_STRATEGIES]  # type: ignore[arg-type]
    return style.svg(curves.test_loss(table.values, strategies, CONFIDENCE, {}), "")


def mitigations(table: Measured) -> bytes:
    """What each mitigation does, and what it costs in tails and in variety, as SVG."""
    rungs = (
        Rung("kl_to_source", "truth", "KL from the source, nats a document", is_log=True),
        Rung("source_tail_mass", "truth", "Given to the rarest documents", percent=True),
        Rung("support_entropy", "truth", "Entropy of what is known, nats"),
    )
    subtitle = (
        f"Models at generation {table.last} of a language whose truth is known. A small dot is a seed, a large one the "
        "mean.\nDashed: the control, retrained on real text. KL is better to the left, the other two to the right."
    )
    return style.svg(ladder(table.values, rungs, "Which mitigations work, and what they cost", subtitle), "")


FIGURES = {"five-seeds": (FIGURE, figure), "mitigations": (MITIGATIONS, mitigations)}
"""The README's figures, by the table that each is drawn from."""


def by_paper(published: Mapping[str, Verdict]) -> dict[str, dict[str, Counted]]:
    """Claims of each paper, and under `all` of all papers, by their evidence."""
    papers = sorted({one.paper for one in published.values()})
    chosen = {paper: [one for one in published.values() if one.paper == paper] for paper in papers}
    return {paper: by_evidence(claims) for paper, claims in chosen.items()} | {"all": by_evidence(published.values())}


def by_evidence(claims: Iterable[Verdict]) -> dict[str, Counted]:
    """Claims by their evidence."""
    n, reproduced = Counter[str](), Counter[str]()
    for one in claims:
        n[one.evidence] += 1
        reproduced[one.evidence] += one.verdict == "reproduced"
    return {evidence: Counted(n[evidence], reproduced[evidence]) for evidence in get_args(Evidence)}


def _facts(root: Path) -> dict[str, object]:
    """What the template's sentences may name."""
    with (root / measured.FOLDER / "benchmarks.csv").open(newline="") as file:
        ratios = list(csv.DictReader(file))
    papers = by_paper(verdicts.of_table(root / verdicts.TABLE))
    return {"measured": read_tables(root), "papers": papers, "ratios": ratios}


def _template(root: Path) -> Template:
    environment = Environment(
        loader=FileSystemLoader(root / TEMPLATE.parent), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"signed": signed, "interval": interval, "percent": percent, "reproduced": reproduced}
    return environment.get_template(TEMPLATE.name)


def signed(value: float, digits: int = 2) -> str:
    """A difference: with its sign, and a real minus."""
    return f"{round(value, digits) or 0.0:+.{digits}f}".replace("-", "−")


def interval(one: Interval) -> str:
    """Where a mean over seeds lies: `[+0.86, +0.98]`."""
    assert one.low is not None and one.high is not None
    return f"[{signed(one.low)}, {signed(one.high)}]"


def reproduced(counts: Mapping[str, Counted]) -> str:
    """A paper's counts as cells of a table, one per kind of evidence."""
    return " | ".join(str(counts[evidence]) for evidence in get_args(Evidence))


def percent(share: float) -> str:
    """A share in whole per cent, without the sign for it."""
    return f"{100 * share:.0f}"
