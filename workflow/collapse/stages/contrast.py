"""Compare the strategies with one another, paired by seed."""

from pathlib import Path

from collapse.artifacts import contracts
from collapse.artifacts.contracts import CONTRASTS, METRICS, Record
from collapse.config.specs import CompareSpec
from collapse.stages import Output
from collapse.stats.contrasts import contrasts as contrasts_of


def run(*, spec: CompareSpec, metrics: Path, contrasts: Output, record: Record) -> None:
    """Write every strategy's difference from every other, on every metric and generation they share.

    Args:
        spec: The strategies and the coverage of intervals.
        metrics: The experiment's metrics table.
        contrasts: Estimates, intervals and p-values.
        record: What the table is made from.
    """
    measured = contracts.read(metrics, METRICS)
    # Strategies of the loop in the order of the config, then those that only closed-form worlds have.
    names = [strategy.name for strategy in spec.strategies]
    names += sorted(set(measured["strategy"].unique().to_pylist()).difference(names))
    rows = contrasts_of(measured, names, spec.report.confidence)
    contracts.write(contrasts, CONTRASTS, rows, record)
