"""Gather every arm's metrics, and where its training text came from, into one table each."""

from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from collapse import contracts, layout
from collapse.config.plan import REAL, CollectSpec
from collapse.contracts import ANCESTRY, METRICS, MIXTURE, Record
from collapse.lineage import sha256
from collapse.metrics import Measurement, table
from collapse.metrics.provenance import ancestry as ancestry_of
from collapse.metrics.provenance import ancestry_depth
from collapse.stages import Output

MIXTURE_COLUMNS = ["strategy", "seed", "generation", "example_id", "origin_generation", "n_tokens"]


def run(*, spec: CollectSpec, metrics: Output, ancestry: Output, record: Record) -> None:
    """Write one metrics table and one ancestry table for the whole experiment.

    Every arm's `metrics.parquet` and `mixture.parquet` are found beside the outputs, where the layout puts them: an
    experiment may have more arms than a command line holds.

    Generation 0 is one model, shared by all strategies and stored under `real`. It is repeated under every strategy,
    so that each of their lines has its first point.

    Args:
        spec: The arms of the experiment.
        metrics: All metrics, with `ancestry_depth` added.
        ancestry: Share of each arm's training tokens by the generation they come from.
        record: What the tables are made from; the arms' files are added to it.
    """
    every = layout.arms(spec)
    arms, mixtures = (layout.found(metrics.parent, every, f"{name}.parquet") for name in ("metrics", "mixture"))
    record = replace(record, inputs={layout.inside_experiment(path): sha256(path) for path in [*arms, *mixtures]})
    measured = pa.concat_tables([contracts.read(path, METRICS) for path in arms])
    origins = pa.concat_tables([ancestry_of(contracts.read(path, MIXTURE, MIXTURE_COLUMNS)) for path in mixtures])
    measured, origins = (with_first_points(collected, spec.strategies) for collected in (measured, origins))
    depths = _depths(origins, measured["experiment"][0].as_py())
    contracts.write(metrics, METRICS, pa.concat_tables([measured, *depths]), record)
    contracts.write(ancestry, ANCESTRY, origins, record)


def with_first_points(collected: pa.Table, strategies: Sequence[str]) -> pa.Table:
    """Repeat the rows of the shared generation 0 under every strategy; they stay under `real` too."""
    shared = collected.filter((pc.field("strategy") == REAL) & (pc.field("generation") == 0))
    at = shared.schema.get_field_index("strategy")
    repeated = [
        shared.set_column(at, shared.schema.field(at), pa.array([name] * shared.num_rows, pa.string()))
        for name in strategies
        if name != REAL
    ]
    return pa.concat_tables([collected, *repeated])


def _depths(origins: pa.Table, experiment: str) -> list[pa.Table]:
    """METRICS rows of `ancestry_depth`, one table per arm."""
    chains: dict[tuple[str, int], dict[int, dict[int, float]]] = {}
    examples: dict[tuple[str, int, int], int] = {}
    for row in origins.to_pylist():
        strategy, seed, generation = row["strategy"], row["seed"], row["generation"]
        chain = chains.setdefault((strategy, seed), {})
        chain.setdefault(generation, {})[row["origin_generation"]] = row["token_share"]
        examples[strategy, seed, generation] = examples.get((strategy, seed, generation), 0) + row["n_examples"]
    return [
        table(
            [Measurement("ancestry_depth", "mixture", depth, examples[strategy, seed, generation])],
            experiment,
            strategy,
            seed,
            generation,
        )
        for (strategy, seed), chain in chains.items()
        for generation, depth in enumerate(ancestry_depth([chain[g] for g in sorted(chain)]))
    ]
