"""What a training set is expected to be made of: the part of a chain that theory has to know about a strategy."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from collapse.config.settings import Strategy
from collapse.strategies import COMPOSE, Counts, generations_read

REAL = 0
"""Number of the real training set; set j ≥ 1 is what the model of generation j − 1 wrote."""


@dataclass(frozen=True)
class Composition:
    """Expected composition of the training sets of generations 1, 2, …, first generation first.

    Attributes:
        offered: Examples in the set that the model before wrote.
        taken: Examples taken of each set, by its number.
        fresh: New real examples.
    """

    offered: tuple[float, ...]
    taken: tuple[dict[int, float], ...]
    fresh: tuple[float, ...]


def expected_composition(strategy: Strategy, size: int, generations: int) -> Composition:
    """What a strategy takes when every set has `size` examples, or as many times that as it asks for.

    Args:
        strategy: How training sets are composed.
        size: T, examples in the real training set.
        generations: Last generation.
    """
    numbers = range(1, generations + 1)
    offered = [size * strategy.sets_offered(j) for j in numbers]
    sets = [_expected(strategy, size, j, offered) for j in numbers]
    taken = tuple({j: float(n) for j, n in one.items() if n} for one, _ in sets)
    return Composition(tuple(map(float, offered)), taken, tuple(fresh for _, fresh in sets))


def _expected(strategy: Strategy, size: int, generation: int, offered: Sequence[int]) -> tuple[dict[int, float], float]:
    pool = {j: offered[j - 1] for j in generations_read(strategy, generation)}
    if strategy.compose == "accumulate_subsample":
        # The one strategy that leaves the counts to chance; each set of the pool has the same expected share.
        return dict.fromkeys([REAL, *pool], size / (generation + 1)), 0.0
    # None of the others reads its random generator.
    counts = COMPOSE[strategy.compose](strategy, Counts(size, pool, size), np.random.default_rng(0))
    return {REAL: counts.real, **counts.synthetic}, float(counts.fresh)
