"""Bigrams learned by counting, from data with and without a tail (after Dohmatob et al. 2024, section 4).

There is no loop. In place of a strategy, rows have the kind of data: `clean` where no token is cut, else `cut`.
"""

from collections.abc import Iterator
from itertools import product

import numpy as np

from collapse.config.worlds.tailed_bigram import TailedBigramSettings
from collapse.randomness import stream
from collapse.theory import associative_memory
from collapse.theory import tailed_bigram as theory
from collapse.theory.zipf import zipf
from collapse.worlds import Observation, Point, Prediction, Sweep, evaluation_set, grid
from collapse.worlds.associative_memory import counted_ranks, drawn
from collapse.worlds.chain import blocks, joined

METRICS = ("missing_mass", "total_variation")

BLOCK = 4_000_000
"""Counts that are held at once."""


def sweeps(settings: TailedBigramSettings) -> Iterator[Sweep]:
    """Every exponent and number of samples, with and without a tail."""
    for rank in settings.ranks:
        kind = _kind(settings, rank)
        points = grid(exponent=settings.exponents, samples=settings.samples, rank=(rank,))
        yield Sweep(METRICS, (kind,), points=points, predicted=(kind,))


def simulate(settings: TailedBigramSettings, seed: int) -> Iterator[Observation]:
    """Yield both errors of bigrams that really counted T pairs."""
    for strategy, point, p, q, samples in _sweep(settings):
        head = counted_ranks(np.cumsum(q), samples / settings.contexts)
        parts = []
        for block, replicates in blocks(settings.replicates, 2 * head * settings.contexts, BLOCK):
            rng = stream(seed, 0, f"{evaluation_set('sample', point)}/{block}")
            parts.append(errors(p, q, settings.contexts, samples, head, replicates, rng))
        for metric, values in zip(METRICS, joined(parts), strict=True):
            yield Observation(strategy, 0, metric, values, point)


def errors(
    p: np.ndarray, q: np.ndarray, contexts: int, samples: int, head: int, replicates: int, rng: np.random.Generator
) -> np.ndarray:
    """Probability of unseen pairs, and ½ Σ |N_ij/T − p_j/M|, shape `(2, replicates)`.

    The first `head` ranks are counted by multinomials, first over ranks and then over contexts; the pairs beyond are
    drawn one by one. The law is that of drawing all pairs one by one.

    Args:
        p: Real probabilities of next tokens by rank, shape `(tokens,)`.
        q: Probabilities in the training set, shape `(tokens,)`.
        contexts: M.
        samples: T.
        head: Ranks that are counted.
        replicates: Independent training sets.
        rng: Draws them.
    """
    cumulative = np.cumsum(q)
    tail = max(0.0, 1.0 - cumulative[head - 1])
    by_rank = rng.multinomial(samples, np.append(q[:head], tail), size=replicates)
    counts = rng.multinomial(by_rank[:, :-1], np.full(contexts, 1 / contexts))
    pair = p / contexts
    missing = ((counts == 0) * pair[:head, None]).sum(axis=(1, 2))
    distance = np.abs(counts / samples - pair[:head, None]).sum(axis=(1, 2))

    beyond = by_rank[:, -1]
    n = int(beyond.sum())
    ranks = drawn(cumulative, cumulative[head - 1] + tail * rng.random(n))
    context = rng.integers(contexts, size=n)
    places = (np.repeat(np.arange(replicates), beyond) * contexts + context) * len(q) + ranks
    cells, times = np.unique(places, return_counts=True)
    rows, true = cells // (contexts * len(q)), pair[cells % len(q)]
    rest = p[head:].sum()
    missing += rest - np.bincount(rows, true, minlength=replicates)
    distance += rest + np.bincount(rows, np.abs(times / samples - true) - true, minlength=replicates)
    return np.stack([missing, distance / 2])


def predict(settings: TailedBigramSettings) -> Iterator[Prediction]:
    """Yield the exact means of both errors."""
    for strategy, point, p, q, samples in _sweep(settings):
        missing = theory.unseen_probability(p, q, settings.contexts, samples)
        law = "Σ p_j (1 − q_j/M)^T"
        yield Prediction(strategy, 0, "missing_mass", missing, "exact", law, "derived, for section 4", point)
        distance = theory.total_variation(p, q, settings.contexts, samples)
        law = "½ Σ_ij E|N_ij/T − p_j/M|, N_ij ~ Bin(T, q_j/M)"
        yield Prediction(strategy, 0, "total_variation", distance, "exact", law, "derived, for section 4", point)


def _sweep(settings: TailedBigramSettings) -> Iterator[tuple[str, Point, np.ndarray, np.ndarray, int]]:
    """Kind of data, point, probabilities in the test and in training, and T."""
    for exponent, rank in product(settings.exponents, settings.ranks):
        p = zipf(exponent, settings.tokens)
        q = associative_memory.cut(p, rank)
        for samples in settings.samples:
            point = {"exponent": exponent, "samples": float(samples), "rank": float(rank)}
            yield _kind(settings, rank), point, p, q, samples


def _kind(settings: TailedBigramSettings, rank: int) -> str:
    return "cut" if rank < settings.tokens else "clean"
