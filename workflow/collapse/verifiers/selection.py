"""Which scores are let through: one pure function per rule, over the samples that a strategy is offered.

All return verdicts. `threshold` is the least score that was let through, so it may be read beside each score; ties go
to the earlier draw. A sample without a score, `nan`, is never let through.
"""

from dataclasses import dataclass
from functools import singledispatch

import numpy as np

from collapse.config.verifiers import BestOfInputRule, QuotaRule, ResampleRule, Rule, ThresholdRule, TopFractionRule
from collapse.verifiers import ACCEPTED, Verdicts


@dataclass(frozen=True)
class Field:
    """What a rule may look at besides scores.

    Attributes:
        offered: Samples that the strategy may choose from, shape `(n,)`, bool; they alone compete.
        inputs: What each was drawn for, shape `(n,)`, object; None where samples have no input.
        groups: Group of each, from 0, shape `(n,)`, int; None where the rule needs none.
        wanted: Share of each group among real training examples, shape `(groups,)`.
        rng: Chance, for rules that draw.
    """

    offered: np.ndarray
    inputs: np.ndarray | None = None
    groups: np.ndarray | None = None
    wanted: np.ndarray | None = None
    rng: np.random.Generator | None = None


def selected(rule: Rule, scores: np.ndarray, field: Field) -> Verdicts:
    """Let through what a rule chooses by its scores.

    Args:
        rule: The rule.
        scores: Higher is better, `nan` for none, shape `(n,)`, in the order of the draws.
        field: What else there is to look at.
    """
    accepted = chosen(rule, scores, field) & field.offered & ~np.isnan(scores)
    reason = "below_threshold" if isinstance(rule, ThresholdRule) else "not_selected"
    least = rule.least if isinstance(rule, ThresholdRule) else np.min(scores[accepted], initial=np.inf)
    reasons = np.select([accepted, np.isnan(scores)], [ACCEPTED, "unparseable"], reason)
    return Verdicts(accepted, reasons, score=scores, threshold=np.full(len(scores), least))


@singledispatch
def chosen(rule: Rule, _scores: np.ndarray, _field: Field) -> np.ndarray:
    """Which samples a rule chooses, shape `(n,)`, bool."""
    raise TypeError(f"{type(rule).__name__} is no rule")


@chosen.register
def _(rule: ThresholdRule, scores: np.ndarray, _field: Field) -> np.ndarray:
    return scores >= rule.least


@chosen.register
def _(rule: TopFractionRule, scores: np.ndarray, field: Field) -> np.ndarray:
    return _best(scores, field.offered, round(rule.fraction * field.offered.sum()))


@chosen.register
def _(rule: BestOfInputRule, scores: np.ndarray, field: Field) -> np.ndarray:
    assert field.inputs is not None
    _, group = np.unique(field.inputs, return_inverse=True)
    order = _from_best(scores, field.offered)
    order = order[np.argsort(group[order], kind="stable")]
    first = np.flatnonzero(np.diff(group[order], prepend=-1))
    rank = np.arange(len(order)) - np.repeat(first, np.diff([*first, len(order)]))
    return _at(order[rank < rule.keep], len(scores))


@chosen.register
def _(rule: QuotaRule, scores: np.ndarray, field: Field) -> np.ndarray:
    assert field.groups is not None and field.wanted is not None
    wanted = _whole(field.wanted * round(rule.fraction * field.offered.sum()))
    parts = [_best(scores, field.offered & (field.groups == group), n) for group, n in enumerate(wanted)]
    return np.logical_or.reduce(parts)


@chosen.register
def _(rule: ResampleRule, scores: np.ndarray, field: Field) -> np.ndarray:
    assert field.rng is not None
    noise = field.rng.gumbel(size=len(scores))  # the largest of score and noise is a draw by exp(score)
    return _best(rule.strength * scores + noise, field.offered, round(rule.fraction * field.offered.sum()))


def _best(scores: np.ndarray, eligible: np.ndarray, n: int) -> np.ndarray:
    """The `n` best of those that may be chosen, shape `(len(scores),)`, bool."""
    return _at(_from_best(scores, eligible)[:n], len(scores))


def _from_best(scores: np.ndarray, eligible: np.ndarray) -> np.ndarray:
    """Places of those that may be chosen and have a score, the best first."""
    places = np.flatnonzero(eligible & ~np.isnan(scores))
    return places[np.argsort(-scores[places], kind="stable")]


def _at(places: np.ndarray, n: int) -> np.ndarray:
    found = np.zeros(n, dtype=bool)
    found[places] = True
    return found


def _whole(parts: np.ndarray) -> np.ndarray:
    """Whole numbers near `parts`, with their sum, the largest remainders rounded up (Hamilton)."""
    whole = np.floor(parts + 1e-9).astype(np.int64)
    left = round(float(parts.sum())) - whole.sum()
    whole[np.argsort(whole - parts, kind="stable")[:left]] += 1
    return whole
