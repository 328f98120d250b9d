"""How strong verifiers are and how well students of theirs do, where the truth is known."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collapse.artifacts.evaluation_sets import CHAIN
from collapse.stats.series import series_by_strategy

RIGHT, HELD_OUT = "right_fraction", "real_test"
"""The share of right answers to held-out inputs, where models are asked some."""


@dataclass(frozen=True)
class Strength:
    """Verifiers and their students at one generation.

    Attributes:
        generation: The generation.
        outcome: What a student is judged by on held-out real examples: right answers, or the metric of its errors.
        students: p̂* of a strategy's verifiers, and the outcome of what has learned from what they let through, by
            strategy, shape `(n_seeds, 2)`.
        generator: Mean outcome of the model of generation 0.
        wrong_share: Mean share of wrong samples before any verifier, over the strategies shown.
    """

    generation: int
    outcome: str
    students: dict[str, np.ndarray]
    generator: float
    wrong_share: float


def strengths(metrics: pa.Table, strategies: list[str], error: str) -> list[Strength]:
    """Of the first and the last generation, which may be one; none where no strength is known.

    Args:
        metrics: Rows of the METRICS contract.
        strategies: The strategies of the experiment.
        error: The metric of errors on held-out real examples, for models that are asked nothing there.
    """
    outcome = RIGHT if _is_measured(metrics, RIGHT) else error
    proxies, reached = (series_by_strategy(metrics, *one) for one in (("breakdown_proxy", CHAIN), (outcome, HELD_OUT)))
    shares = {
        name: series_by_strategy(metrics, name, CHAIN)
        for name in ("true_positive_rate", "false_positive_rate", "accepted_fraction")
    }
    shares["accepted_fraction"] = series_by_strategy(metrics, "accepted_fraction", "samples")
    known = [name for name in strategies if proxies.get(name)]
    generations = sorted({generation for name in known for generation in proxies[name]})
    first = [value for series in reached.values() for value in series.get(0, {}).values()]
    found = list[Strength]()
    for generation in dict.fromkeys([*generations[:1], *generations[-1:]]):
        students, wrong = dict[str, np.ndarray](), list[float]()
        for name in known:
            seeds = sorted(proxies[name].get(generation, {}).keys() & reached.get(name, {}).get(generation, {}).keys())
            if seeds:
                students[name] = np.array(
                    [(proxies[name][generation][seed], reached[name][generation][seed]) for seed in seeds]
                )
                wrong += [_wrong({key: shares[key][name][generation][seed] for key in shares}) for seed in seeds]
        if students:
            share = float(np.nanmean(wrong)) if not np.all(np.isnan(wrong)) else float("nan")
            found.append(Strength(generation, outcome, students, float(np.mean(first)), share))
    return found


def _is_measured(metrics: pa.Table, metric: str) -> bool:
    """Whether it is, of held-out real examples."""
    rows = metrics.filter((pc.field("metric") == metric) & (pc.field("evaluation_set") == HELD_OUT))
    return rows.num_rows > 0


def _wrong(shares: dict[str, float]) -> float:
    """The share p of wrong samples, from accepted = φ(1 − p) + ψp; unknown where φ = ψ."""
    right, false = shares["true_positive_rate"], shares["false_positive_rate"]
    return (right - shares["accepted_fraction"]) / (right - false) if right != false else float("nan")
