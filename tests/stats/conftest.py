import pyarrow as pa
import pytest

from collapse.artifacts.contracts import METRICS


def _metrics(values):
    """A metrics table from {(strategy, generation): [value of seed 0, of seed 1, …]}."""
    rows = [
        {
            "experiment": "made-up",
            "strategy": strategy,
            "seed": seed,
            "generation": generation,
            "metric": "test_loss",
            "evaluation_set": "real_test",
            "value": value,
            "unit": "nat/token",
            "n": 1,
            "standard_error": None,
        }
        for (strategy, generation), by_seed in values.items()
        for seed, value in enumerate(by_seed)
    ]
    return pa.Table.from_pylist(rows, METRICS.schema)


@pytest.fixture
def metrics():
    return _metrics
