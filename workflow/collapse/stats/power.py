"""How large a difference between strategies must be for so many seeds to decide it."""

import math

from collapse.stats.paired import LEAST_SEEDS

CHANCE = 0.8
"""With which a difference is decided that is called large enough."""


def chance_to_decide(difference: float, n_seeds: int, n_pairs: int, confidence: float) -> float:
    """The chance that a mean difference is decided, and on the right side of 0.

    Differences within seeds are normal, so Student's ratio has a noncentral t-distribution with `difference` √n (Cohen
    1988, section 2.2). The level is the one that Holm asks of the surest of the pairs, (1 - confidence) / n_pairs: of a
    pair that is not the surest, the adjustment asks less.

    Args:
        difference: Its mean over all seeds that could be, in standard deviations of the seeds' differences; above 0.
        n_seeds: Seeds that both strategies have.
        n_pairs: Pairs of strategies that are compared on one metric at one generation.
        confidence: The report's.
    """
    if n_seeds < LEAST_SEEDS:
        return 0.0
    from scipy import stats  # half a second

    needed = stats.t.isf((1 - confidence) / n_pairs / 2, n_seeds - 1)
    return float(stats.nct.sf(needed, n_seeds - 1, difference * math.sqrt(n_seeds)))


def smallest_decided(n_seeds: int, n_pairs: int, confidence: float) -> float:
    """The smallest mean difference that is decided with a chance of `CHANCE`, in standard deviations of the seeds'
    differences, to three digits; infinite where so few seeds decide nothing. See `chance_to_decide`.
    """
    if n_seeds < LEAST_SEEDS:
        return math.inf
    from scipy.optimize import brentq

    most = 1.0
    while chance_to_decide(most, n_seeds, n_pairs, confidence) < CHANCE:
        most *= 2
    found = brentq(lambda one: chance_to_decide(one, n_seeds, n_pairs, confidence) - CHANCE, 0.0, most, xtol=1e-6)
    return float(f"{found:.3g}")
