"""Draw figures that not every experiment has, as SVG: what measures say beside the truth, verifiers, raters."""

import json
from dataclasses import replace
from pathlib import Path

from matplotlib.figure import Figure

from collapse.artifacts import contracts
from collapse.artifacts.contracts import METRICS, Record
from collapse.config.specs import CompareSpec
from collapse.errors import ConfigError
from collapse.plots import calibration, curves, style, verification
from collapse.plots.media import WORDS
from collapse.plots.ratings import RATED, rated_panels
from collapse.running.files import written_at_once
from collapse.stages import Output
from collapse.stats.calibration import calibrations
from collapse.stats.verifiers import strengths


def run(
    *,
    spec: CompareSpec,
    name: str,
    metrics: Path,
    figure: Output,
    record: Record,
) -> None:
    """Draw the figure; the same table gives the same bytes.

    Args:
        spec: The strategies.
        name: Which figure: `calibration`, a panel per measure beside what it is read as; or `verification`, what
            students of verifiers of different strength come to; or `ratings`, what raters say of each generation.
        metrics: The experiment's metrics table.
        figure: The figure.
        record: What the figure is made from; kept in its metadata.
    """
    made_from = json.dumps({"code": record.code, "inputs": record.inputs}, sort_keys=True)
    drawn = _drawn(spec, name, metrics)
    with written_at_once(figure) as partial:
        partial.write_bytes(style.svg(drawn, made_from))


def _drawn(spec: CompareSpec, name: str, metrics: Path) -> Figure:
    measured, names = contracts.read(metrics, METRICS), [strategy.name for strategy in spec.strategies]
    match name:
        case "calibration":
            return calibration.figure(calibrations(measured, names), spec.strategies)
        case "verification":
            found = strengths(measured, names, WORDS[spec.form.output].error)
            return verification.figure(found, spec.strategies)
        case "ratings":
            words = replace(WORDS[spec.form.output], panels=rated_panels(measured))
            return curves.small_multiples(measured, spec.strategies, spec.report.confidence, words, RATED)
        case _:
            raise ConfigError(f"--name: is {name!r}; it may be calibration, verification or ratings.")
