"""The loop in one job composes as the loop of models does."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collapse.config.settings import Strategy
from collapse.strategies import COMPOSE, Counts
from collapse.worlds.chain import Chain, selected, takes_whole_sets

REPLICATES = 7


class Labels:
    """Examples that say where they come from: their value is the generation that drew them."""

    size = 12

    def __init__(self) -> None:
        self.drawn = -1
        self.seen: list[np.ndarray] = []

    def draw(self, model, n, rng):
        self.drawn += 1
        return np.full((REPLICATES, n), self.drawn if model is not None or self.drawn == 0 else -1)

    def compose(self, sets, taken, rng):
        return selected(sets, taken, rng)

    def fit(self, examples):
        self.seen.append(examples)
        return examples


def origins(compose: str, generations: int, **parameters) -> list[np.ndarray]:
    """Sorted origins of every generation's training examples, by replicate."""
    process = Labels()
    name = "real" if compose == "real" else "one"
    list(Chain(process, Strategy(name=name, compose=compose, **parameters), 0, REPLICATES).models(generations))
    return [np.sort(examples, axis=1) for examples in process.seen]


@pytest.mark.parametrize(
    ("compose", "parameters", "expected"),
    [
        ("real", {}, {0: 12}),
        ("replace", {}, {3: 12}),
        ("accumulate", {}, {0: 12, 1: 12, 2: 12, 3: 12}),
        ("replace_multiple", {}, {3: 48}),
        ("window", {"window": 2}, {2: 12, 3: 12}),
        ("mix", {"real_fraction": 0.25}, {0: 3, 3: 9}),
        ("preserve", {"real_fraction": 0.25}, {0: 3, 3: 12}),
    ],
)
def test_a_chain_trains_on_what_the_strategy_says(compose, parameters, expected):
    last = origins(compose, 3, **parameters)[3]
    for row in last:
        assert dict(zip(*np.unique(row, return_counts=True), strict=True)) == expected


def test_fresh_real_examples_come_from_the_source_again():
    process = Labels()
    strategy = Strategy(name="one", compose="fresh_real", real_fraction=0.5)
    list(Chain(process, strategy, 0, REPLICATES).models(1))
    assert np.sum(process.seen[1] == -1, axis=1).tolist() == [6] * REPLICATES
    assert process.seen[1].shape == (REPLICATES, 18)


def test_a_subsample_has_the_size_of_the_real_set_and_its_own_counts_in_every_replicate():
    last = origins("accumulate_subsample", 3)[3]
    assert last.shape == (REPLICATES, 12)
    assert len({tuple(row) for row in last}) > 1
    share_of_real = np.mean([np.mean(origins("accumulate_subsample", 3)[3] == 0)])
    assert 0.05 < share_of_real < 0.5


def test_strategies_that_take_parts_are_the_ones_that_need_examples():
    inventory = Counts(real=20, synthetic={1: 20, 2: 20, 3: 60}, fresh=20)
    for compose, function in COMPOSE.items():
        parameters = {"mix": 0.3, "preserve": 0.3, "fresh_real": 0.3, "feedback": 0.3}
        strategy = Strategy.model_construct(
            name="one", compose=compose, real_fraction=parameters.get(compose), window=2, oversample=1
        )
        chosen = function(strategy, inventory, np.random.default_rng(0))
        # A set larger than T holds samples of `replace_multiple` alone, which takes them all.
        sizes = {1: 20, 2: 20, 3: 60 if compose == "replace_multiple" else 20}
        whole = chosen.real in (0, 20) and all(n in (0, sizes[g]) for g, n in chosen.synthetic.items())
        assert takes_whole_sets(strategy) == whole or compose == "fresh_real"


@given(st.lists(st.integers(1, 9), min_size=1, max_size=4), st.integers(0, 10**6))
def test_selected_takes_each_sets_count_without_repeating(sizes, seed):
    rng = np.random.default_rng(seed)
    total = int(rng.integers(1, sum(sizes) + 1))
    taken = np.array([rng.multivariate_hypergeometric(sizes, total) for _ in range(5)])
    starts = np.cumsum([0, *sizes])
    sets = [np.broadcast_to(np.arange(a, b), (5, b - a)) for a, b in pairwise(starts)]
    chosen = selected(sets, list(taken.T), rng)
    assert chosen.shape == (5, total)
    for row, counts in zip(chosen, taken, strict=True):
        assert len(set(row)) == total
        assert np.histogram(row, starts)[0].tolist() == counts.tolist()


def test_selected_is_uniform_within_a_set():
    n, taken, replicates = 6, 2, 30_000
    chosen = selected(
        [np.broadcast_to(np.arange(n), (replicates, n))], [np.full(replicates, taken)], np.random.default_rng(1)
    )
    share = np.bincount(chosen.ravel(), minlength=n) / replicates
    error = np.sqrt(taken / n * (1 - taken / n) / replicates)
    assert np.all(np.abs(share - taken / n) < 4 * error)
