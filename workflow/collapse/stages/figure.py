"""Draw the figures, as SVG."""

import json
from pathlib import Path

from collapse.artifacts import contracts
from collapse.artifacts.contracts import ANCESTRY, CONTRASTS, METRICS, REFERENCES, Record
from collapse.config.specs import CompareSpec
from collapse.plots import ancestry as ancestry_plot
from collapse.plots import contrasts as contrasts_plot
from collapse.plots import curves, style
from collapse.plots.media import WORDS
from collapse.running.files import written_at_once
from collapse.stages import Output
from collapse.theory import gcd_staircase


def run(
    *,
    spec: CompareSpec,
    metrics: Path,
    contrasts: Path,
    ancestry: Path,
    references: Path,
    test_loss: Output,
    diversity: Output,
    contrast_figure: Output,
    ancestry_figure: Output,
    record: Record,
) -> None:
    """Draw the experiment's figures; the same tables give the same bytes.

    Args:
        spec: The strategies and the coverage of intervals.
        metrics: The experiment's metrics table.
        contrasts: Differences between strategies.
        ancestry: Where each arm's training text came from.
        references: What n-gram models of the same text come to.
        test_loss: Test loss by generation.
        diversity: Measures of the samples by generation.
        contrast_figure: Differences in test loss at the last generation.
        ancestry_figure: Shares of real text and of each generation's samples.
        record: What the figures are made from; kept in their metadata.
    """
    measured, origins = contracts.read(metrics, METRICS), contracts.read(ancestry, ANCESTRY)
    known = contracts.read(references, REFERENCES)
    strategies, confidence, words = spec.strategies, spec.report.confidence, WORDS[spec.form.output]
    levels = {row["model"]: row["test_loss"] for row in known.to_pylist() if "test_loss" in row}
    closed, asked = dict[tuple[str, str], dict[str, float]](), spec.staircase
    if asked:
        closed["right_fraction", "real_test"] = gcd_staircase.staircase(asked.largest, asked.base)
    drawn = {
        test_loss: curves.test_loss(measured, strategies, confidence, levels, words),
        diversity: curves.diversity(measured, strategies, confidence, words, closed),
        contrast_figure: contrasts_plot.forest(contracts.read(contrasts, CONTRASTS), strategies, confidence, words),
        ancestry_figure: ancestry_plot.origins(origins, strategies, words),
    }
    made_from = json.dumps({"code": record.code, "inputs": record.inputs}, sort_keys=True)
    for path, figure in drawn.items():
        with written_at_once(path) as partial:
            partial.write_bytes(style.svg(figure, made_from))
