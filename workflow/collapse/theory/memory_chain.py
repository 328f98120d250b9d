"""Test error of a chain of memories, each trained on what the last one answers (after Dohmatob et al. 2024).

A memory is the multiset of its training examples; its samples are draws from it with replacement. So every example
descends from one draw of the real law, and a memory knows as much as its different real ancestors: E = E[E(p, A)] with
A their number, exactly, whatever the strategy. All of this is derived here. A is a sum of many small parts and hardly
varies once sets are large, so its mean stands for it.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from collapse.theory.associative_memory import distinct

REAL = 0
"""Number of the real training set; set j ≥ 1 is what the memory of generation j − 1 wrote."""


def real_ancestors(
    size: int, taken: Sequence[Mapping[int, float]], fresh: Sequence[float], offered: Sequence[float]
) -> float:
    """Different real draws behind the training set of the last generation, for large sets.

    Goes back in time. What is looked for in a training set is a uniform part of it; of each set it was composed of, it
    needs the same part of what was taken. The n examples needed of set j have `distinct(m, n)` parents among the m
    examples that the memory before was trained on.

    Args:
        size: T, examples in the real training set.
        taken: For each generation from 1, examples taken of each set by its number.
        fresh: For each generation from 1, new real examples added to the training set.
        offered: For each generation from 1, examples in the set of that number.

    Returns:
        Their number; `size` if there is no generation 1.
    """
    sizes = {REAL: float(size)} | {j + 1: float(n) for j, n in enumerate(offered)}
    trained_on = [float(size), *(sum(counts.values()) + new for counts, new in zip(taken, fresh, strict=True))]
    needed = dict.fromkeys(sizes, 0.0)
    part, new_draws = 1.0, 0.0
    for generation in range(len(taken), 0, -1):
        for number, count in taken[generation - 1].items():
            needed[number] = 1 - (1 - needed[number]) * (1 - part * count / sizes[number])
        new_draws += part * fresh[generation - 1]
        parents = trained_on[generation - 1]
        part = float(distinct(parents, needed[generation] * sizes[generation])) / parents
    return size * (1 - (1 - needed[REAL]) * (1 - part)) + new_draws


def replace_ancestors(size: int, generations: int) -> np.ndarray:
    """Real ancestors under replace, shape `(generations + 1,)`: a ← T(1 − (1 − 1/T)^a), which falls to about 2T/g.

    With E ~ A^−c the error therefore grows like g^c: less than in proportion to the number of generations.
    """
    ancestors = [float(size)]
    for _ in range(generations):
        ancestors.append(float(distinct(size, ancestors[-1])))
    return np.array(ancestors)
