"""The loop in one job: fit, sample, compose, fit again, with a leading replicate axis.

The composing functions are those of the loop of models (`collapse.strategies`). A strategy that always takes
whole sets lets a process hand over sufficient statistics, which add; one that takes parts of sets needs the examples.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from collapse.config.settings import Strategy
from collapse.randomness import stream
from collapse.strategies import COMPOSE, Counts, generations_read

Examples = TypeVar("Examples")
Model = TypeVar("Model")
Key = TypeVar("Key", bound=Hashable)

WHOLE_SETS = ("real", "replace", "accumulate", "replace_multiple", "window", "fresh_real", "feedback")
"""Ways of composing that take every set as a whole or not at all."""

DRAWN = ("accumulate_subsample",)
"""Ways of composing whose counts are random, so that each replicate has its own."""


class Process(Protocol[Examples, Model]):
    """A source and a family: draw, compose, fit. Every array has a leading replicate axis.

    Attributes:
        size: T, examples in the real training set.
    """

    size: int

    def draw(self, model: Model | None, n: int, rng: np.random.Generator) -> Examples:
        """Draw `n` examples per replicate from a model; from the source, if there is none."""
        ...

    def compose(self, sets: Sequence[Examples], taken: Sequence[np.ndarray], rng: np.random.Generator) -> Examples:
        """One training set: `taken[i]` examples of `sets[i]` per replicate, each of shape `(replicates,)`."""
        ...

    def fit(self, examples: Examples) -> Model:
        """Fit a model per replicate."""
        ...


class OfExamples:
    """A process on examples, shape `(replicates, n, …)`, of which parts of sets can be taken."""

    def compose(self, sets: Sequence[np.ndarray], taken: Sequence[np.ndarray], rng: np.random.Generator) -> np.ndarray:
        """A uniform part of each set."""
        return selected(sets, taken, rng)


def takes_whole_sets(strategy: Strategy) -> bool:
    """Whether sufficient statistics are enough to compose by this strategy."""
    return strategy.compose in WHOLE_SETS


class Chain(Generic[Examples, Model]):
    """Chains of one strategy, one per replicate.

    Args:
        process: The source and the family.
        strategy: How each training set is composed.
        seed: The run's seed; strategies share its streams, so they see the same draws.
        replicates: Number of chains.
        block: Number of this block of replicates; blocks have streams of their own.
    """

    def __init__(
        self, process: Process[Examples, Model], strategy: Strategy, seed: int, replicates: int, block: int = 0
    ) -> None:
        self.process, self.strategy, self.seed = process, strategy, seed
        self.replicates, self.block = replicates, block

    def models(self, generations: int) -> Iterator[tuple[int, Model]]:
        """Yield generation and fitted models, from 0 to `generations`."""
        process = self.process
        real = process.draw(None, process.size, self._stream(0, "sample"))
        model = process.fit(real)
        yield 0, model
        sets: dict[int, Examples] = {}
        for generation in range(1, generations + 1):
            n = process.size * self.strategy.sets_offered(generation)
            sets[generation] = process.draw(model, n, self._stream(generation, "sample"))
            sets = {j: sets[j] for j in generations_read(self.strategy, generation)}
            model = process.fit(self._composed(real, sets, n, generation))
            yield generation, model

    def _composed(self, real: Examples, sets: dict[int, Examples], n: int, generation: int) -> Examples:
        process, size = self.process, self.process.size
        inventory = Counts(real=size, fresh=size, synthetic=dict.fromkeys(sets, n))
        taken = self._taken(inventory, generation)
        parts = [real, *sets.values()]
        if n_fresh := int(taken[0, -1]):
            parts.append(process.draw(None, n_fresh, self._stream(generation, "fresh")))
        used = [(part, count) for part, count in zip(parts, taken.T, strict=False) if count.any()]
        return process.compose(
            [part for part, _ in used], [count for _, count in used], self._stream(generation, "select")
        )

    def _taken(self, inventory: Counts, generation: int) -> np.ndarray:
        """Examples taken: real, of each generation, fresh; shape `(replicates, 2 + generations read)`."""
        compose, rng = COMPOSE[self.strategy.compose], self._stream(generation, "mix")
        n_draws = self.replicates if self.strategy.compose in DRAWN else 1
        chosen = [compose(self.strategy, inventory, rng) for _ in range(n_draws)]
        rows = [[one.real, *(one.synthetic.get(j, 0) for j in inventory.synthetic), one.fresh] for one in chosen]
        return np.broadcast_to(np.array(rows), (self.replicates, len(rows[0])))

    def _stream(self, generation: int, purpose: str) -> np.random.Generator:
        return stream(self.seed, generation, f"{purpose}/{self.block}")


def blocks(replicates: int, held: int, most: int) -> Iterator[tuple[int, int]]:
    """Number and size of blocks of replicates that are small enough to hold in memory.

    Args:
        replicates: How many there are.
        held: Numbers that one of them keeps.
        most: Numbers that a block may keep.
    """
    largest = max(1, most // held)
    for number, start in enumerate(range(0, replicates, largest)):
        yield number, min(largest, replicates - start)


def in_blocks(run: Callable[[int, int], ArrayLike], replicates: int, held: int, most: int) -> np.ndarray:
    """What `run` gives for the number and size of each of the `blocks`, put together along its last axis."""
    return joined(run(block, size) for block, size in blocks(replicates, held, most))


def joined(parts: Iterable[ArrayLike]) -> np.ndarray:
    """Blocks of replicates put together along their last axis."""
    return np.concatenate([np.asarray(part) for part in parts], axis=-1)


def joined_by_key(parts: Iterable[Mapping[Key, np.ndarray]]) -> dict[Key, np.ndarray]:
    """The same, key by key."""
    whole = list(parts)
    return {key: joined(part[key] for part in whole) for key in whole[0]}


def collected(parts: Iterable[tuple[int, str, np.ndarray]]) -> Iterator[tuple[int, str, np.ndarray]]:
    """Blocks of replicates put together, by generation and metric."""
    found = dict[tuple[int, str], list[np.ndarray]]()
    for generation, metric, values in parts:
        found.setdefault((generation, metric), []).append(values)
    for (generation, metric), values in found.items():
        yield generation, metric, np.concatenate(values)


def selected(sets: Sequence[np.ndarray], taken: Sequence[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Uniform draws without replacement from each set, as many as `taken` says, joined.

    Args:
        sets: Examples, each of shape `(replicates, n_i, ...)`.
        taken: Examples to take, each of shape `(replicates,)`; their sum must be equal for all replicates.
        rng: Decides which.

    Returns:
        Shape `(replicates, total, ...)`.
    """
    if all(np.all(count == part.shape[1]) for part, count in zip(sets, taken, strict=True)):
        return np.concatenate(sets, axis=1)
    masks = [_mask(rng, part.shape[1], count) for part, count in zip(sets, taken, strict=True)]
    joined, mask = np.concatenate(sets, axis=1), np.concatenate(masks, axis=1)
    return joined[mask].reshape(len(joined), -1, *joined.shape[2:])


def _mask(rng: np.random.Generator, n: int, taken: np.ndarray) -> np.ndarray:
    """A uniform subset of each row's `n` places, `taken` of them, shape `(replicates, n)`."""
    keys = rng.random((len(taken), n))
    if np.all(taken == n):
        return np.ones(keys.shape, dtype=bool)
    smallest_left_out = np.sort(keys, axis=1)[np.arange(len(taken)), np.minimum(taken, n - 1)]
    return np.where((taken == n)[:, None], True, keys < smallest_left_out[:, None])
