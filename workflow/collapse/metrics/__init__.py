"""What is measured, in which unit, and how collapse shows in it.

The modules beside this one turn arrays into numbers: `loss`, `diversity`, `tails`, `distance`, `provenance`. A metric
that is not defined on what it was given (no n-grams, no tokens) is `nan`, not zero.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa

from collapse.artifacts.contracts import METRICS
from collapse.errors import ContractError
from collapse.metrics.catalogue import CATALOGUE, Definition

__all__ = ["CATALOGUE", "Definition", "Measurement", "table"]


@dataclass(frozen=True)
class Measurement:
    """One value of one metric on one set of text.

    Attributes:
        metric: A name in `CATALOGUE`.
        evaluation_set: The text it is measured on, such as `real_test`, `samples` or `mixture`.
        value: The value, in the unit of the metric; `nan` where it is not defined.
        n: Units averaged (documents, samples, n-grams, tokens).
        standard_error: Spread within the run, where the metric has one; never the spread between seeds.
    """

    metric: str
    evaluation_set: str
    value: float
    n: int
    standard_error: float | None = None


def table(
    measurements: Iterable[Measurement],
    experiment: str,
    strategy: str,
    seed: int,
    generation: int,
    size_unit: str = "token",
) -> pa.Table:
    """Put one arm's measurements into the columns of the METRICS contract.

    Args:
        measurements: What was measured.
        experiment: Name of the experiment.
        strategy: Strategy of the arm.
        seed: Replicate.
        generation: Turn of the loop.
        size_unit: What sizes count in this experiment; losses are over it.

    Raises:
        ContractError: A metric is not in the catalogue, so nobody could say what its value means.
    """
    rows = list(measurements)
    unknown = sorted({row.metric for row in rows} - CATALOGUE.keys())
    if unknown:
        raise ContractError(
            f"metrics of {strategy}, seed {seed}, generation {generation}: {', '.join(unknown)} is not defined.\n"
            "  Add its unit, direction and meaning to `collapse.metrics.CATALOGUE`."
        )
    arm = {"experiment": experiment, "strategy": strategy, "seed": seed, "generation": generation}
    return pa.Table.from_pylist(
        [arm | vars(row) | {"unit": CATALOGUE[row.metric].unit_over(size_unit)} for row in rows], schema=METRICS.schema
    )
