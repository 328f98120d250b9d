"""Which examples train the next generation: one pure function over counts per strategy.

An inventory says how many examples there are of each origin; a selection says how many of each are taken. Which ones
is left to a uniform draw without replacement. Definitions: `T` is the number of real training documents, `D_g` the
training set of generation *g* >= 1, `S_j` the usable samples of generation *j*.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from collapse.config.settings import LabelSettings, Strategy
from collapse.randomness import uniform_by_name


@dataclass(frozen=True)
class Counts:
    """Examples by origin: what exists (an inventory) or what is taken (a selection).

    Attributes:
        real: Real training documents.
        fresh: Real documents of the reserve that no generation has used yet.
        synthetic: Usable samples by generation, from 1.
    """

    real: int
    synthetic: dict[int, int] = field(default_factory=dict)
    fresh: int = 0

    @property
    def total(self) -> int:
        """Examples in all."""
        return self.real + self.fresh + sum(self.synthetic.values())


Compose = Callable[[Strategy, Counts, np.random.Generator], Counts]


def real(_strategy: Strategy, inventory: Counts, _rng: np.random.Generator) -> Counts:
    """D_g = D_0: the control, which sees no samples."""
    return Counts(real=inventory.real)


def replace(strategy: Strategy, inventory: Counts, _rng: np.random.Generator) -> Counts:
    """D_g = S_g: the newest samples only (Shumailov et al. 2024; Gerstgrasser et al. 2024).

    At most T of them, or `times` as many, as where a small model of real examples labels many (Feng et al. 2024).
    """
    newest = max(inventory.synthetic)
    return Counts(real=0, synthetic={newest: min(strategy.times * inventory.real, inventory.synthetic[newest])})


def accumulate(_strategy: Strategy, inventory: Counts, _rng: np.random.Generator) -> Counts:
    """D_g = D_0 ∪ S_1 ∪ … ∪ S_g, at most T of each generation (Gerstgrasser et al. 2024)."""
    return Counts(real=inventory.real, synthetic=_at_most(inventory, inventory.real))


def accumulate_subsample(_strategy: Strategy, inventory: Counts, rng: np.random.Generator) -> Counts:
    """D_g = T examples drawn afresh, uniformly without replacement, from the accumulated pool (Kazdan et al. 2024)."""
    generations = sorted(inventory.synthetic)
    pool = [inventory.real, *(min(inventory.real, inventory.synthetic[g]) for g in generations)]
    drawn = rng.multivariate_hypergeometric(pool, min(inventory.real, sum(pool)))
    return Counts(real=int(drawn[0]), synthetic=dict(zip(generations, map(int, drawn[1:]), strict=True)))


def replace_multiple(_strategy: Strategy, inventory: Counts, _rng: np.random.Generator) -> Counts:
    """D_g = (g + 1) T samples, all of the newest model: replace at accumulate's size (Gerstgrasser, table 2)."""
    newest = max(inventory.synthetic)
    wanted = (newest + 1) * inventory.real
    return Counts(real=0, synthetic={newest: min(wanted, inventory.synthetic[newest])})


def mix(strategy: Strategy, inventory: Counts, _rng: np.random.Generator) -> Counts:
    """D_g = a fixed share of real documents, the rest of T newest samples (Dohmatob et al. 2024, mixing pi)."""
    assert strategy.real_fraction is not None
    newest, n_real = max(inventory.synthetic), round(strategy.real_fraction * inventory.real)
    n_synthetic = min(inventory.real - n_real, inventory.synthetic[newest])
    return Counts(real=n_real, synthetic={newest: n_synthetic})


def preserve(strategy: Strategy, inventory: Counts, _rng: np.random.Generator) -> Counts:
    """D_g = S_g and, added to it, a fresh random share of D_0 (Wang et al. 2025: 10 %)."""
    assert strategy.real_fraction is not None
    newest = max(inventory.synthetic)
    n_real = round(strategy.real_fraction * inventory.real)
    return Counts(real=n_real, synthetic={newest: min(inventory.real, inventory.synthetic[newest])})


def window(strategy: Strategy, inventory: Counts, _rng: np.random.Generator) -> Counts:
    """D_g = the newest `window` generations; D_0 is generation 0 and leaves the window as it slides."""
    assert strategy.window is not None
    oldest = max(inventory.synthetic) - strategy.window + 1
    kept = {g: n for g, n in _at_most(inventory, inventory.real).items() if g >= oldest}
    return Counts(real=inventory.real if oldest <= 0 else 0, synthetic=kept)


def fresh_real(strategy: Strategy, inventory: Counts, _rng: np.random.Generator) -> Counts:
    """D_g = S_g and real documents no generation has seen (Alemohammad et al. 2024, fresh-data loop)."""
    assert strategy.real_fraction is not None
    newest = max(inventory.synthetic)
    n_fresh = math.ceil(strategy.real_fraction * inventory.real)
    return Counts(
        real=0,
        fresh=min(n_fresh, inventory.fresh),
        synthetic={newest: min(inventory.real, inventory.synthetic[newest])},
    )


def feedback(strategy: Strategy, inventory: Counts, _rng: np.random.Generator) -> Counts:
    """D_g = D_0 ∪ S_1 ∪ … ∪ S_g and real documents that came in with each of them (Taori and Hashimoto 2023)."""
    assert strategy.real_fraction is not None
    n_fresh = max(inventory.synthetic) * math.ceil(strategy.real_fraction * inventory.real)
    return Counts(inventory.real, _at_most(inventory, inventory.real), min(n_fresh, inventory.fresh))


COMPOSE: dict[str, Compose] = {
    function.__name__: function
    for function in (
        real,
        replace,
        accumulate,
        accumulate_subsample,
        replace_multiple,
        mix,
        preserve,
        window,
        fresh_real,
        feedback,
    )
}


def kept(strategy: Strategy, seed: int, ids: np.ndarray, synthetic: bool) -> np.ndarray:
    """Whether each example may be composed: all but those that labels hidden from training call synthetic.

    Args:
        strategy: The strategy.
        seed: Replicate.
        ids: Ids of examples of one origin, shape `(n,)`.
        synthetic: Whether they are samples.
    """
    if strategy.labels is None or strategy.labels.shown:
        return np.ones(len(ids), dtype=bool)
    return ~labelled_synthetic(strategy.labels, seed, ids, synthetic)


def weights(strategy: Strategy, seed: int, ids: np.ndarray, synthetic: bool) -> np.ndarray:
    """Weight of each example in the loss, by its origin, or by its label where labels are shown; float32, shape `(n,)`.

    Args:
        strategy: The strategy.
        seed: Replicate.
        ids: Ids of examples of one origin, shape `(n,)`.
        synthetic: Whether they are samples.
    """
    light = np.full(len(ids), synthetic)
    if strategy.labels is not None:
        light = labelled_synthetic(strategy.labels, seed, ids, synthetic)
    return np.where(light, strategy.synthetic_weight or 1.0, 1.0).astype(np.float32)


def labelled_synthetic(labels: LabelSettings, seed: int, ids: np.ndarray, synthetic: bool) -> np.ndarray:
    """Whether each example's label says that it is synthetic; the same for all strategies, generations and rates, so
    that a higher rate only adds labels.
    """
    rate = labels.true_positive_rate if synthetic else labels.false_positive_rate
    return uniform_by_name(seed, "label", ids.tolist()) < rate


def sampled_from(strategy: Strategy, generation: int) -> tuple[str, ...]:
    """Names of the strategies whose samples of one generation it reads, its own first.

    Samples of generation 1 are those of the one model that all have, so nobody else's could join them.
    """
    return (strategy.name, *(strategy.pool if generation > 1 else ()))


def generations_read(strategy: Strategy, generation: int) -> range:
    """Generations whose samples a strategy looks at when it composes D_g; what the DAG has to provide."""
    match strategy.compose:
        case "real":
            return range(0)
        case "accumulate" | "accumulate_subsample" | "feedback":
            return range(1, generation + 1)
        case "window":
            assert strategy.window is not None
            return range(max(1, generation - strategy.window + 1), generation + 1)
        case _:
            return range(generation, generation + 1)


def fresh_taken(strategy: Strategy, n_real: int, generation: int) -> range:
    """Which documents of the reserve a strategy may use at a generation; no two generations of `fresh_real` share any.

    Args:
        strategy: The strategy.
        n_real: T.
        generation: g, from 0.
    """
    if strategy.compose not in ("fresh_real", "feedback") or not generation:
        return range(0)
    assert strategy.real_fraction is not None
    each = math.ceil(strategy.real_fraction * n_real)
    first = 0 if strategy.compose == "feedback" else (generation - 1) * each
    return range(first, generation * each)


def _at_most(inventory: Counts, limit: int) -> dict[int, int]:
    return {generation: min(limit, n) for generation, n in inventory.synthetic.items()}
