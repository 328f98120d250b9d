"""What a measure says beside the truth it stands for, where the source of real text is known."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from scipy.stats import spearmanr


@dataclass(frozen=True)
class Pairing:
    """A measure of text and the exact property of a model that it is read as.

    Attributes:
        measure: Name of the measure.
        evaluation_set: Text it is taken on: `samples`, which the model of the generation before wrote, or `real_test`.
        exact: Metric on the evaluation set `truth`.
        agrees: 1 if the two should rise together as the literature reads the measure, −1 if one should fall as the
            other rises.
        is_estimate: Whether both are the same quantity, so that they should be equal if text is drawn from the model
            itself, without a prompt, tempering or truncation.
    """

    measure: str
    evaluation_set: str
    exact: str
    agrees: int = 1
    is_estimate: bool = False

    @property
    def generations_before(self) -> int:
        """How many generations before the measured text the model was trained."""
        return int(self.evaluation_set == "samples")


PAIRINGS = (
    Pairing("loss_above_entropy", "real_test", "kl_to_source", is_estimate=True),
    Pairing("grammatical_fraction", "samples", "support_mass", is_estimate=True),
    Pairing("support_coverage", "samples", "support_entropy"),
    Pairing("distinct_2", "samples", "support_entropy"),
    Pairing("distinct_4", "samples", "support_entropy"),
    Pairing("type_entropy", "samples", "support_entropy"),
    Pairing("self_bleu", "samples", "support_entropy", agrees=-1),
    Pairing("compression_ratio", "samples", "support_entropy", agrees=-1),
    Pairing("tail_mass", "samples", "source_tail_mass"),
)
"""What the calibration figure shows, in reading order."""


@dataclass(frozen=True)
class Calibration:
    """One measure beside the truth.

    Attributes:
        pairing: What is compared with what.
        points: Exact value and measure of every arm, shape `(n_arms, 2)`, by strategy.
        rank_correlation: Spearman's, over all different arms; nan if there are fewer than three or no spread. Arms of
            one chain depend on one another, so it describes and tests nothing.
    """

    pairing: Pairing
    points: dict[str, np.ndarray]
    rank_correlation: float


def calibrations(metrics: pa.Table, strategies: Sequence[str]) -> list[Calibration]:
    """Pair every measure that was taken with the exact value of the model behind it.

    Args:
        metrics: Rows of the METRICS contract, the shared generation 0 under every strategy.
        strategies: What is compared.
    """
    values = {
        (row["metric"], row["evaluation_set"], row["strategy"], row["seed"], row["generation"]): row["value"]
        for row in metrics.to_pylist()
        if row["strategy"] in strategies
    }
    return [_calibration(pairing, values, strategies) for pairing in PAIRINGS]


def _calibration(
    pairing: Pairing, values: dict[tuple[str, str, str, int, int], float], strategies: Sequence[str]
) -> Calibration:
    points: dict[str, list[tuple[float, float]]] = {name: [] for name in strategies}
    for (metric, evaluation_set, strategy, seed, generation), value in values.items():
        if (metric, evaluation_set) == (pairing.measure, pairing.evaluation_set):
            exact = values.get((pairing.exact, "truth", strategy, seed, generation - pairing.generations_before))
            if exact is not None and np.isfinite([exact, value]).all():
                points[strategy].append((exact, value))
    found = {name: np.array(sorted(pairs)) for name, pairs in points.items() if pairs}
    return Calibration(pairing, found, _rank_correlation(found))


def _rank_correlation(points: dict[str, np.ndarray]) -> float:
    """Over arms that differ: those shared by strategies count once."""
    if not points:
        return float("nan")
    different = np.unique(np.concatenate(list(points.values())), axis=0)
    if len(different) < 3 or np.any(np.ptp(different, axis=0) == 0):
        return float("nan")
    return float(spearmanr(different[:, 0], different[:, 1]).statistic)
