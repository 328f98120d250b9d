"""Replicates per second of a closed-form chain beside the loop one would write first.

    python tests/benchmarks/linear_regression.py

Both run Gerstgrasser's setting (d = 10, T = 100, 20 fits, new inputs every generation) in turn, in one process, on one
thread; CPU seconds, medians over rounds. They must agree on the mean error before a ratio is printed.
"""

import os
import statistics
import time
from collections.abc import Callable

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from collapse.config.settings import Strategy
from collapse.config.worlds.linear_regression import LinearRegressionSettings
from collapse.worlds.linear_regression import errors

DIMENSION, SAMPLES, GENERATIONS = 10, 100, 19
NAIVE_REPLICATES, REPLICATES, ROUNDS = 300, 6_000, 5


def naive(compose: str, seed: int) -> np.ndarray:
    """One chain after another, each fit by `numpy.linalg.lstsq` on its data; shape `(generations + 1, replicates)`."""
    rng = np.random.default_rng(seed)
    truth = np.full(DIMENSION, DIMENSION**-0.5)
    rows = []
    for _ in range(NAIVE_REPLICATES):
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


def vectorised(compose: str, seed: int) -> np.ndarray:
    """The same chains as the `linear_regression` world runs them."""
    strategy = Strategy(name=compose, compose=compose)
    settings = LinearRegressionSettings(
        model="linear_regression",
        replicates=REPLICATES,
        dimension=DIMENSION,
        samples=SAMPLES,
        noise_variance=1.0,
        design="fresh",
        ridge=0.0,
        generations=GENERATIONS,
        strategies=(strategy,),
    )
    return errors(settings, strategy, seed)


def timed(run: Callable[[str, int], np.ndarray], compose: str, seed: int) -> tuple[float, np.ndarray]:
    """CPU seconds per replicate, and the errors."""
    started = time.process_time()
    found = run(compose, seed)
    return (time.process_time() - started) / found.shape[1], found


def main() -> None:
    """Print the ratio of each strategy."""
    for compose in ("replace", "accumulate"):
        costs, means = {"naive": [], "vectorised": []}, {"naive": [], "vectorised": []}
        for seed in range(ROUNDS):
            for name, run in (("naive", naive), ("vectorised", vectorised)):
                cost, found = timed(run, compose, seed)
                costs[name].append(cost)
                means[name].append(found[-1])
        last = {name: np.concatenate(values) for name, values in means.items()}
        error = np.hypot(*(values.std() / np.sqrt(len(values)) for values in last.values()))
        difference = abs(last["naive"].mean() - last["vectorised"].mean())
        assert difference < 4 * error, f"{compose}: the two disagree by {difference / error:.1f} standard errors"
        naive_cost, cost = (statistics.median(costs[name]) for name in ("naive", "vectorised"))
        print(
            f"{compose}: {1e6 * naive_cost:.0f} µs and {1e6 * cost:.1f} µs a replicate, ratio {naive_cost / cost:.0f}; "
            f"mean error at the last generation {last['naive'].mean():.3f} and {last['vectorised'].mean():.3f}"
        )


if __name__ == "__main__":
    main()
