"""When a rule would have stopped the loop, by a measure of it, and what would have been kept.

A rule that stops a loop changes nothing before it stops it, so what it would have done can be read off a run that went
on to the end: which model it keeps, what that one loses, and what was saved.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from collapse.config.settings import StoppingSettings


class Stopped(NamedTuple):
    """What a rule does with one chain of generations.

    Attributes:
        at: Generation at which it stops the loop; None where it never does.
        kept: Generation whose model it keeps: the last one before the measure had moved, or the last of all.
    """

    at: int | None
    kept: int


def stopped(rule: StoppingSettings, generations: Sequence[int], values: Sequence[float]) -> Stopped:
    """Apply a rule to what was measured of one strategy and seed.

    The first value is what later ones are compared with. A value that is undefined has not moved.

    Args:
        rule: How far the measure moves, and for how many generations in a row.
        generations: Where it was measured, rising, shape `(n,)`.
        values: What it was, shape `(n,)`.
    """
    moved = np.asarray(values, dtype=np.float64) - values[0]
    beyond = moved >= rule.change if rule.change > 0 else moved <= rule.change
    in_a_row = 0
    for place, is_beyond in enumerate(beyond.tolist()):
        in_a_row = in_a_row + 1 if is_beyond else 0
        if in_a_row == rule.patience:
            return Stopped(generations[place], generations[place - rule.patience])
    return Stopped(None, generations[-1])
