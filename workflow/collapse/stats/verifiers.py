"""How strong verifiers are and how well students of theirs do, where the truth is known."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from collapse.stats.series import series_by_strategy

CHAIN = "verifiers"
"""The evaluation set of all of a strategy's verifiers together."""


@dataclass(frozen=True)
class Strength:
    """Verifiers and their students at one generation.

    Attributes:
        generation: The generation.
        error: The metric of a student's errors on held-out real examples.
        students: p̂* of a strategy's verifiers, and the error of what has learned from what they let through, by
            strategy, shape `(n_seeds, 2)`.
        generator: Mean error of the model of generation 0.
        wrong_share: Mean share of wrong samples before any verifier, over the strategies shown.
    """

    generation: int
    error: str
    students: dict[str, np.ndarray]
    generator: float
    wrong_share: float


def strengths(metrics: pa.Table, strategies: list[str], error: str) -> list[Strength]:
    """Of the first and the last generation, which may be one; none where no strength is known.

    Args:
        metrics: Rows of the METRICS contract.
        strategies: The strategies of the experiment.
        error: The metric of errors on held-out real examples.
    """
    proxies, errors = (series_by_strategy(metrics, *one) for one in (("breakdown_proxy", CHAIN), (error, "real_test")))
    shares = {
        name: series_by_strategy(metrics, name, CHAIN)
        for name in ("true_positive_rate", "false_positive_rate", "accepted_fraction")
    }
    shares["accepted_fraction"] = series_by_strategy(metrics, "accepted_fraction", "samples")
    known = [name for name in strategies if proxies.get(name)]
    generations = sorted({generation for name in known for generation in proxies[name]})
    first = [value for series in errors.values() for value in series.get(0, {}).values()]
    found = list[Strength]()
    for generation in dict.fromkeys([*generations[:1], *generations[-1:]]):
        students, wrong = dict[str, np.ndarray](), list[float]()
        for name in known:
            seeds = sorted(proxies[name].get(generation, {}).keys() & errors.get(name, {}).get(generation, {}).keys())
            if seeds:
                students[name] = np.array(
                    [(proxies[name][generation][seed], errors[name][generation][seed]) for seed in seeds]
                )
                wrong += [_wrong({key: shares[key][name][generation][seed] for key in shares}) for seed in seeds]
        if students:
            share = float(np.nanmean(wrong)) if not np.all(np.isnan(wrong)) else float("nan")
            found.append(Strength(generation, error, students, float(np.mean(first)), share))
    return found


def _wrong(shares: dict[str, float]) -> float:
    """The share p of wrong samples, from accepted = φ(1 − p) + ψp; unknown where φ = ψ."""
    right, false = shares["true_positive_rate"], shares["false_positive_rate"]
    return (right - shares["accepted_fraction"]) / (right - false) if right != false else float("nan")
