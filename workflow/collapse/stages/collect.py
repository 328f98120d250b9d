"""Gather what every arm and every closed-form world measured into one table each."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from collapse.artifacts import contracts, layout
from collapse.artifacts.contracts import ANCESTRY, METRICS, MIXTURE, POINTS, THEORY, Contract, Record
from collapse.artifacts.provenance import verified_digests
from collapse.config.specs import REAL, CollectSpec
from collapse.metrics import Measurement, table
from collapse.metrics.provenance import ancestry as ancestry_of
from collapse.metrics.provenance import ancestry_depth
from collapse.stages import Output

WORLD_TABLES = ("metrics", "theory", "points")
MIXTURE_COLUMNS = ["strategy", "seed", "generation", "example_id", "origin_generation", "n_tokens"]


def run(
    *, spec: CollectSpec, metrics: Output, ancestry: Output, theory: Output, points: Output, record: Record
) -> None:
    """Write one metrics table, one of ancestry, one of theory and one of sweeps for the whole experiment.

    Every arm's and every world's tables are found beside the outputs, where the layout puts them: an experiment may
    have more arms than a command line holds. A table of which the experiment has nothing is empty.

    Generation 0 is one model, shared by all strategies and stored under `real`. It is repeated under every strategy,
    so that each of their lines has its first point.

    Args:
        spec: The arms and the worlds of the experiment.
        metrics: All metrics, with `ancestry_depth` added.
        ancestry: Share of each arm's training tokens by the generation they come from.
        theory: What closed forms predict in the worlds.
        points: The worlds' swept parameters.
        record: What the tables are made from; the files of arms and worlds are added to it.
    """
    folder, every = metrics.parent, layout.arms(spec)
    arms, mixtures = (layout.found(folder, every, f"{name}.parquet") for name in ("metrics", "mixture"))
    worlds = {name: layout.found_worlds(folder, spec.worlds, f"{name}.parquet") for name in WORLD_TABLES}
    read = [*arms, *mixtures, *(path for paths in worlds.values() for path in paths)]
    record = replace(record, inputs=verified_digests(read, folder))
    measured = with_first_points(_read(arms, METRICS), spec.strategies)
    origins = [ancestry_of(contracts.read(path, MIXTURE, MIXTURE_COLUMNS)) for path in mixtures]
    contract = ANCESTRY.counting(spec.unit)
    origins = with_first_points(pa.concat_tables([contract.schema.empty_table(), *origins]), spec.strategies)
    depths = _depths(origins, folder.name, contracts.counted("token_share", spec.unit))
    simulated = _read(worlds["metrics"], METRICS)
    contracts.write(metrics, METRICS, pa.concat_tables([measured, *depths, simulated]), record)
    contracts.write(ancestry, contract, origins, record)
    contracts.write(theory, THEORY, _read(worlds["theory"], THEORY), record)
    contracts.write(points, POINTS, _read(worlds["points"], POINTS), record)


def _read(paths: list[Path], contract: Contract) -> pa.Table:
    """The rows of all these files, none if there are none."""
    tables = [contracts.read(path, contract) for path in paths]
    return pa.concat_tables(tables) if tables else contract.schema.empty_table()


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


def _depths(origins: pa.Table, experiment: str, share: str) -> list[pa.Table]:
    """METRICS rows of `ancestry_depth`, one table per arm."""
    chains: dict[tuple[str, int], dict[int, dict[int, float]]] = {}
    examples: dict[tuple[str, int, int], int] = {}
    for row in origins.to_pylist():
        strategy, seed, generation = row["strategy"], row["seed"], row["generation"]
        chain = chains.setdefault((strategy, seed), {})
        chain.setdefault(generation, {})[row["origin_generation"]] = row[share]
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
