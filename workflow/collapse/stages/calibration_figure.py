"""Draw what measures of text say beside the exact distance from a known source, as SVG."""

import json
from pathlib import Path

from collapse.artifacts import contracts
from collapse.artifacts.contracts import METRICS, Record
from collapse.config.specs import CompareSpec
from collapse.plots import calibration, style
from collapse.running.files import written_at_once
from collapse.stages import Output
from collapse.stats.calibration import calibrations


def run(*, spec: CompareSpec, metrics: Path, figure: Output, record: Record) -> None:
    """Draw the figure; the same table gives the same bytes.

    Args:
        spec: The strategies.
        metrics: The experiment's metrics table.
        figure: One panel per measure.
        record: What the figure is made from; kept in its metadata.
    """
    names = [strategy.name for strategy in spec.strategies]
    found = calibrations(contracts.read(metrics, METRICS), names)
    made_from = json.dumps({"code": record.code, "inputs": record.inputs}, sort_keys=True)
    with written_at_once(figure) as partial:
        partial.write_bytes(style.svg(calibration.figure(found, spec.strategies), made_from))
