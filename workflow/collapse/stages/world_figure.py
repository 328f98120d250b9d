"""Draw a closed-form world, as SVG."""

import json
from pathlib import Path

from collapse.artifacts import contracts
from collapse.artifacts.contracts import METRICS, POINTS, THEORY, Record
from collapse.config.specs import WorldFigureSpec
from collapse.plots import style, worlds
from collapse.running.files import written_at_once
from collapse.stages import Output
from collapse.stats.pooled import pooled


def run(*, spec: WorldFigureSpec, metrics: Path, theory: Path, points: Path, figure: Output, record: Record) -> None:
    """Draw the world's panels; the same tables give the same bytes.

    Args:
        spec: The world, with its title and panels.
        metrics: What was simulated.
        theory: What theory predicts.
        points: Swept parameters.
        figure: The SVG file.
        record: What the figure is made from; kept in its metadata.
    """
    tables = zip((metrics, theory, points), (METRICS, THEORY, POINTS), strict=True)
    measured = pooled(*(contracts.read(path, contract) for path, contract in tables))
    made_from = json.dumps({"code": record.code, "inputs": record.inputs}, sort_keys=True)
    with written_at_once(figure) as partial:
        partial.write_bytes(style.svg(worlds.figure(spec.name, spec.world, measured), made_from))
