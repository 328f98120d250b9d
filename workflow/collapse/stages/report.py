"""Write the report: one HTML file that needs nothing else."""

import platform
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from pydantic import ValidationError

import collapse
from collapse.artifacts import contracts, layout, provenance
from collapse.artifacts.contracts import (
    ANCESTRY,
    AUDIT,
    CLAIMS,
    CONTRASTS,
    HELD_OUT,
    INTERNALS,
    METRICS,
    NEURON_COUNTS,
    REFERENCES,
    STOPPING,
    THEORY,
    Record,
)
from collapse.config.plan import Plan
from collapse.config.specs import ReportSpec
from collapse.errors import ContractError
from collapse.reporting import galleries, setup
from collapse.reporting.decoding import SamplingRecord, decoding
from collapse.reporting.figures import inlined
from collapse.reporting.inside import Inside, inside
from collapse.reporting.samples import picks
from collapse.reporting.theory import theory_view
from collapse.reporting.view import LoopView, View, loop_view, view
from collapse.running.files import written_at_once
from collapse.stages import Output

TEMPLATES = Path(collapse.__file__).parents[1] / "report"
LABELS = {
    "test_loss": "Test loss on held-out real examples by generation, one line per strategy",
    "contrasts": "Differences in test loss between strategies at the last generation, with intervals",
    "diversity": "Measures of the samples by generation, one panel each",
    "ancestry": "Shares of real examples and of each generation's samples in the training set, one panel per strategy",
}
EXTRA = {
    "calibration": "Measures of text beside the exact distance from the known source, one panel each",
    "ratings": "What raters say of each generation's text, one panel per measure",
    "verification": "Errors of what learned from verified samples, against the strength of the verifiers",
}


def run(
    *,
    spec: ReportSpec,
    metrics: Path,
    contrasts: Path,
    ancestry: Path,
    theory: Path,
    claims: list[Path],
    documents: list[Path],
    references: list[Path],
    figures: list[Path],
    world_figures: list[Path],
    held_out: list[Path],
    neuron_counts: list[Path],
    stopping: list[Path],
    audit: Path,
    report: Output,
    record: Record,
) -> None:
    """Write the report; the same inputs give the same bytes, with the same packages and commit.

    The samples shown and every arm's sampling record are found beside the metrics, where the layout puts them.

    Args:
        spec: Experiment, strategies, coverage, number of samples shown, and the whole config.
        metrics: The experiment's metrics table.
        contrasts: Differences between strategies.
        ancestry: Where each arm's training text came from.
        theory: What closed forms predict.
        claims: The verdicts, if anything is claimed.
        documents: Real documents, if there is a loop of models.
        references: What n-gram models of the same text come to, then.
        figures: Its SVG files `test_loss`, `contrasts`, `diversity` and `ancestry`.
        world_figures: The SVG files of closed-form worlds.
        held_out: What raters say of texts that they were not fitted to, each in a folder `rater=NAME`.
        neuron_counts: How many neurons move with what was measured, if models were looked into.
        stopping: When rules would have stopped the loop, if there are any.
        audit: What was checked; no page is made of artifacts that failed a check.
        report: The page.
        record: What the page is made from.
    """
    plan = Plan.model_validate(spec.settings)
    stopped = contracts.read(stopping[0], STOPPING) if stopping else None
    asked = (_held_out(held_out), _inside(spec, metrics.parent, neuron_counts), stopped)
    loop = (
        _loop(spec, metrics, contrasts, ancestry, documents[0], references[0], figures, *asked) if documents else None
    )
    verdicts = contracts.read(claims[0], CLAIMS) if claims else CLAIMS.schema.empty_table()
    drawn = {path.stem.removeprefix("world="): path for path in world_figures}
    worlds = {name: _inlined(path, name, _title(plan, name)) for name, path in drawn.items()}
    shown = theory_view(plan, worlds, contracts.read(theory, THEORY), verdicts) if plan.worlds or claims else None
    tables = (metrics, contrasts, ancestry, theory, *claims, *documents, *references, audit)
    inputs = {name: digest for name, digest in record.inputs.items() if name in {path.name for path in tables}}
    with written_at_once(report) as partial:
        partial.write_text(rendered(view(spec, loop, shown, inputs, _audited(audit), record.code, _made_with())))


def _made_with() -> str:
    versions = provenance.package_versions() | {"Python": platform.python_version()}
    return setup.made_with(versions, provenance.commit(), provenance.has_uncommitted_changes())


def _audited(path: Path) -> str:
    """How much was checked."""
    found = contracts.read(path, AUDIT, ["artifact", "passed"])
    if not pc.all(found["passed"], min_count=0).as_py():
        raise ContractError(f"{path}: some checks failed.\n  Run python -m collapse audit {path.parent}")
    return setup.audited(pc.count_distinct(found["artifact"]).as_py(), found.num_rows)


def _loop(
    spec: ReportSpec,
    metrics: Path,
    contrasts: Path,
    ancestry: Path,
    documents: Path,
    references: Path,
    figures: list[Path],
    held_out: dict[str, pa.Table],
    found_inside: Inside | None,
    stopped: pa.Table | None,
) -> LoopView:
    names = [strategy.name for strategy in spec.strategies]
    drawn = layout.arms_with_samples(spec.arms)
    shown = picks(sorted(spec.arms.seeds), spec.report.n_samples_shown)
    of_seeds = [arm for arm in drawn if arm[1] in {seed for seed, _ in shown}]
    samples = layout.found(metrics.parent, of_seeds, "samples.parquet")
    records = layout.found(metrics.parent, drawn, "sampling_record.json")
    return loop_view(
        spec,
        contracts.read(metrics, METRICS),
        contracts.read(contrasts, CONTRASTS),
        contracts.read(ancestry, ANCESTRY),
        contracts.read(references, REFERENCES),
        _figures(figures),
        galleries.shown(samples, documents, names, spec.report.n_samples_shown),
        decoding([_sampling_record(path) for path in records], names),
        held_out,
        found_inside,
        stopped,
    )


def _held_out(paths: list[Path]) -> dict[str, pa.Table]:
    """What raters say of texts that they were not fitted to, by their names."""
    return {path.parent.name.removeprefix("rater="): contracts.read(path, HELD_OUT) for path in paths}


def _inside(spec: ReportSpec, folder: Path, counts: list[Path]) -> Inside | None:
    """What was found inside the models, if anyone looked; layers are shown of generation 0 and of the last one."""
    if not counts:
        return None
    shown = [arm for arm in layout.arms(spec.arms) if arm[2] in (0, spec.arms.generations)]
    tables = [contracts.read(path, INTERNALS) for path in layout.found(folder, shown, "internals.parquet")]
    names = [strategy.name for strategy in spec.strategies]
    found = dict(zip(shown, tables, strict=True))
    return inside(contracts.read(counts[0], NEURON_COUNTS), found, names, spec.arms.generations)


def _title(plan: Plan, world: str) -> str:
    return f"{plan.worlds[world].title}: simulated points over lines of theory"


def rendered(page: View) -> str:
    """Lay the page out; whatever a model wrote is escaped."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["own_markup"] = Markup
    return environment.get_template("report.html.jinja").render(page=page)


def _figures(paths: list[Path]) -> dict[str, str]:
    by_name = {path.stem: path for path in paths}
    if missing := sorted(LABELS.keys() - by_name.keys()):
        raise ContractError(f"--figures: {', '.join(missing)} is missing.\n  Hand in the four SVG files of `figure`.")
    shown = LABELS | {name: label for name, label in EXTRA.items() if name in by_name}
    return {name: _inlined(by_name[name], name.replace("_", "-"), label) for name, label in shown.items()}


def _inlined(path: Path, name: str, label: str) -> str:
    try:
        return inlined(path.read_text(), name, label)
    except ValueError as error:
        raise ContractError(f"{path}: is not a figure of this project ({error}).\n  Draw it again.") from None


def _sampling_record(path: Path) -> SamplingRecord:
    try:
        return SamplingRecord.model_validate_json(path.read_text())
    except ValidationError as error:
        raise ContractError(f"{path}: is not a sampling record ({error}).\n  Draw the samples again.") from None
