"""Gather every arm's metrics, and where its training text came from, into one table each."""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from collapse import contracts
from collapse.config.plan import REAL
from collapse.contracts import ANCESTRY, METRICS, MIXTURE, Record
from collapse.errors import ContractError
from collapse.metrics import Measurement, table
from collapse.metrics.provenance import ancestry as ancestry_of
from collapse.metrics.provenance import ancestry_depth
from collapse.stages import Output

MIXTURE_COLUMNS = ["strategy", "seed", "generation", "example_id", "origin_generation", "n_tokens"]


def run(
    *,
    strategies: list[str],
    generations: int,
    arms: list[Path],
    mixtures: list[Path],
    metrics: Output,
    ancestry: Output,
    record: Record,
) -> None:
    """Write one metrics table and one ancestry table for the whole experiment.

    Generation 0 is one model, shared by all strategies and stored under `real`. It is repeated under every strategy,
    so that each of their lines has its first point.

    Args:
        strategies: The strategies of the experiment.
        generations: Its last generation.
        arms: Every arm's `metrics.parquet`.
        mixtures: Every arm's `mixture.parquet`.
        metrics: All metrics, with `ancestry_depth` added.
        ancestry: Share of each arm's training tokens by the generation they come from.
        record: What the tables are made from.
    """
    record = replace(record, spec={"strategies": strategies, "generations": generations})
    origins = pa.concat_tables([ancestry_of(contracts.read(path, MIXTURE, MIXTURE_COLUMNS)) for path in mixtures])
    origins = with_first_points(origins, strategies)
    measured = with_first_points(pa.concat_tables([contracts.read(path, METRICS) for path in arms]), strategies)
    for name, collected in (("metrics", measured), ("mixture", origins)):
        _require_every_arm(f"{name}.parquet", collected, strategies, generations)
    experiment = measured["experiment"][0].as_py()
    depths = _depths(origins, experiment)
    contracts.write(metrics, METRICS, pa.concat_tables([measured, *depths]), record)
    contracts.write(ancestry, ANCESTRY, origins, record)


def with_first_points(collected: pa.Table, strategies: list[str]) -> pa.Table:
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


def _require_every_arm(name: str, collected: pa.Table, strategies: list[str], generations: int) -> None:
    columns = [collected[column].to_pylist() for column in ("strategy", "seed", "generation")]
    found = set(zip(*columns, strict=True))
    seeds = {seed for _, seed, _ in found}
    wanted = {(s, seed, g) for s in strategies for seed in seeds for g in range(generations + 1)}
    if missing := sorted(wanted - found):
        strategy, seed, generation = missing[0]
        raise ContractError(
            f"{name}: {len(missing)} arm(s) are missing, such as strategy {strategy}, seed {seed}, generation "
            f"{generation}.\n  Hand in the file of every arm, generation 0 of `{REAL}` included."
        )
