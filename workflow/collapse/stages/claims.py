"""Check what papers say against what was measured."""

from pathlib import Path

import pyarrow as pa

from collapse.artifacts import contracts
from collapse.artifacts.contracts import CLAIMS, METRICS, POINTS, THEORY, Record
from collapse.claims import check
from collapse.config.specs import ClaimsSpec
from collapse.stages import Output
from collapse.stats.pooled import pooled


def run(*, spec: ClaimsSpec, metrics: Path, theory: Path, points: Path, claims: Output, record: Record) -> None:
    """Write one row per claim: expected, observed, and the verdict.

    Args:
        spec: The claims.
        metrics: The experiment's metrics table.
        theory: Its predicted values.
        points: Its swept parameters.
        claims: The verdicts.
        record: What the table is made from.
    """
    tables = zip((metrics, theory, points), (METRICS, THEORY, POINTS), strict=True)
    measured = pooled(*(contracts.read(path, contract) for path, contract in tables))
    rows = [check(claim_id, claim, measured) for claim_id, claim in spec.claims.items()]
    contracts.write(claims, CLAIMS, pa.Table.from_pylist(rows, CLAIMS.schema), record)
