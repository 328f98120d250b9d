"""Replicates of a closed-form chain beside the loop one would write first.

Both run Gerstgrasser's setting: d = 10, T = 100, 20 fits, new inputs every generation, noise of variance 1.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.contest import Benchmark, Contest, Contestants
from benchmarks.costs import JOB, ONE_THREAD, Cost, Stopwatch, inside_fresh_process
from collapse.config.settings import Compose, Strategy
from collapse.config.worlds.linear_regression import LinearRegressionSettings
from collapse.worlds.linear_regression import errors

DIMENSION, SAMPLES, GENERATIONS = 10, 100, 19
STRATEGIES: tuple[Compose, ...] = ("replace", "accumulate")


def naive(compose: Compose, seed: int, replicates: int) -> np.ndarray:
    """One chain after another, each fit by `numpy.linalg.lstsq` on its data; shape `(generations + 1, replicates)`."""
    rng = np.random.default_rng(seed)
    truth = np.full(DIMENSION, DIMENSION**-0.5)
    rows = []
    for _ in range(replicates):
        weights, inputs, labels, found = truth, np.empty((0, DIMENSION)), np.empty(0), []
        for _ in range(GENERATIONS + 1):
            x = rng.standard_normal((SAMPLES, DIMENSION))
            y = x @ weights + rng.standard_normal(SAMPLES)
            if compose == "accumulate":
                inputs, labels = np.vstack([inputs, x]), np.concatenate([labels, y])
            else:
                inputs, labels = x, y
            weights = np.linalg.lstsq(inputs, labels)[0]
            found.append(np.sum((weights - truth) ** 2))
        rows.append(found)
    return np.array(rows).T


def vectorised(compose: Compose, seed: int, replicates: int) -> np.ndarray:
    """The same chains as the `linear_regression` world runs them."""
    strategy = Strategy(name=compose, compose=compose)
    settings = LinearRegressionSettings(
        model="linear_regression",
        replicates=replicates,
        dimension=DIMENSION,
        samples=SAMPLES,
        noise_variance=1.0,
        design="fresh",
        ridge=0.0,
        generations=GENERATIONS,
        strategies=(strategy,),
    )
    return errors(settings, strategy, seed)


def timed(how: str, compose: Compose, seed: int, replicates: int) -> Cost:
    """The cost of that many replicates, `naive` or `vectorised`."""
    run = {"naive": naive, "vectorised": vectorised}[how]
    run(compose, seed, 10)
    watch = Stopwatch()
    run(compose, seed, replicates)
    return watch.cost(replicates)


def refuse_disagreement(compose: Compose) -> None:
    """Both must simulate the same chains: mean errors of the last generation within four standard errors.

    Raises:
        AssertionError: They do not.
    """
    last = [naive(compose, 0, 300)[-1], vectorised(compose, 0, 6_000)[-1]]
    error = np.hypot(*(values.std() / np.sqrt(len(values)) for values in last))
    difference = abs(last[0].mean() - last[1].mean())
    assert difference < 4 * error, f"{compose}: the two disagree by {difference / error:.1f} standard errors"


@contextmanager
def prepared(compose: Compose, _folder: Path, small: bool) -> Iterator[Contestants]:
    """The two contestants of a strategy."""
    refuse_disagreement(compose)
    vectorised_size, naive_size = (600, 30) if small else (30_000, 1_000)
    by_hand = partial(inside_fresh_process, timed, ONE_THREAD, how="naive", compose=compose, replicates=naive_size)
    ours = partial(inside_fresh_process, timed, JOB, how="vectorised", compose=compose, replicates=vectorised_size)
    yield {
        "linear_regression world": lambda number: ours(seed=number),
        "numpy.linalg.lstsq loop": lambda number: by_hand(seed=number),
    }


def contest(compose: Compose) -> Contest:
    """The benchmark of a strategy."""
    benchmark = Benchmark(
        name=f"simulation_{compose}",
        ours="linear_regression world",
        others=("numpy.linalg.lstsq loop",),
        unit="times, replicates per CPU second",
        compared=f"{compose}, d = 10, T = 100, 20 generations: the closed-form world against a numpy.linalg.lstsq loop",
    )
    return Contest((benchmark,), partial(prepared, compose), n_rounds=5, minutes=0.5)


CONTESTS = tuple(contest(compose) for compose in STRATEGIES)
