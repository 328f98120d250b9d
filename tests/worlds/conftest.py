"""What every world must do, whatever it is."""

from collections.abc import Callable

import numpy as np
import pytest

from collapse.config.worlds import WorldSettings
from collapse.worlds import WorldModule

STRATEGIES = [
    {"name": "real", "compose": "real"},
    {"name": "replace-multiple", "compose": "replace_multiple"},
    {"name": "mix", "compose": "mix", "real_fraction": 0.5},
    {"name": "preserve", "compose": "preserve", "real_fraction": 0.5},
    {"name": "fresh", "compose": "fresh_real", "real_fraction": 0.5},
    {"name": "window", "compose": "window", "window": 2},
]

Comparison = dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]


@pytest.fixture
def assert_every_strategy_runs() -> Callable[[WorldModule, Callable[..., WorldSettings]], None]:
    """Simulate a chain under every way of composing that its own tests do not already use."""

    def check(world: WorldModule, settings: Callable[..., WorldSettings]) -> None:
        rows = list(world.simulate(settings(replicates=5, strategies=STRATEGIES), 0))
        assert {one.strategy for one in rows} == {one["name"] for one in STRATEGIES}
        assert all(one.values.shape == (5,) and np.all(np.isfinite(one.values)) for one in rows)

    return check


@pytest.fixture
def compare() -> Callable[[WorldModule, WorldSettings], Comparison]:
    """Mean, standard error and prediction at every simulated place, by metric."""

    def compared(world: WorldModule, given: WorldSettings) -> Comparison:
        expected = {(one.metric, *one.point.items()): one.value for one in world.predict(given)}
        seen = list(world.simulate(given, 1))
        rows = {metric: [one for one in seen if one.metric == metric] for metric in world.METRICS}
        return {
            metric: (
                np.array([one.values.mean() for one in ones]),
                np.array([one.values.std(ddof=1) / np.sqrt(len(one.values)) for one in ones]),
                np.array([expected[metric, *one.point.items()] for one in ones]),
            )
            for metric, ones in rows.items()
        }

    return compared
