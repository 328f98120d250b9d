"""Ask which neurons move with what was measured of the models' samples, and how many would by chance."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collapse.artifacts import contracts, layout
from collapse.artifacts.contracts import INTERNALS, METRICS, NEURON_COUNTS, NEURONS, Record
from collapse.artifacts.provenance import verified_digests
from collapse.config.specs import REAL, NeuronsSpec
from collapse.errors import ConfigError
from collapse.randomness import stream
from collapse.stages import Output
from collapse.stats.neurons import LEVEL, Counted, Found, Versions, counted, found

QUANTITIES = ("weight", "activation")


def run(*, spec: NeuronsSpec, metrics: Path, neurons: Output, neuron_counts: Output, record: Record) -> None:
    """Compare every neuron of every model with every outcome.

    What every model is like inside is found beside the metrics, where the layout puts it.

    Args:
        spec: The arms, and what neurons are compared with.
        metrics: The experiment's metrics table.
        neurons: One row per neuron, quantity and outcome.
        neuron_counts: How many are significant, beside chance.
        record: What the tables are made from; the files of arms are added to it.

    Raises:
        ConfigError: An outcome was not measured.
    """
    folder = metrics.parent
    paths = layout.found(folder, layout.arms(spec.arms), "internals.parquet")
    record = replace(record, inputs=record.inputs | verified_digests(paths, folder))
    inside = {arm: contracts.read(path, INTERNALS) for arm, path in zip(layout.arms(spec.arms), paths, strict=True)}
    measured, rows, counts = contracts.read(metrics, METRICS), list[pa.Table](), list[pa.Table]()
    for quantity in QUANTITIES:
        versions, places = _versions(spec, quantity, inside, measured)
        tables = found(versions)
        rows += [_rows(quantity, outcome, places, one) for outcome, one in tables.items()]
        by_chance = counted(versions, tables, stream(0, 0, f"neurons:{quantity}"))
        counts += [_count(quantity, versions, tables, one) for one in by_chance]
    contracts.write(neurons, NEURONS, pa.concat_tables(rows), record)
    contracts.write(neuron_counts, NEURON_COUNTS, pa.concat_tables(counts), record)


def _rows(quantity: str, outcome: str, places: np.ndarray, one: Found) -> pa.Table:
    """A row per neuron of one outcome."""
    return pa.table(
        {
            "quantity": [quantity] * len(places),
            "outcome": [outcome] * len(places),
            "layer": places[:, 0],
            "neuron": places[:, 1],
            "correlation": one.correlation,
            "slope": one.changes.slope,
            "standard_error": one.changes.standard_error,
            "p_value": one.changes.p_value,
            "p_bonferroni": one.p_bonferroni,
            "p_discovery": one.p_discovery,
        }
    )


def _count(quantity: str, versions: Versions, tables: dict[str, Found], one: Counted) -> pa.Table:
    """The row of one outcome, or of two at once."""

    def n_below(name: str) -> int:
        return int(np.all([getattr(tables[outcome], name) < LEVEL for outcome in one.outcomes], axis=0).sum())

    values = {
        "quantity": quantity,
        "outcome": one.outcomes[0],
        "other": "".join(one.outcomes[1:]),
        "n_neurons": versions.neurons.shape[1],
        "n_changes": len(versions.steps[0]),
        "n_significant": one.n,
        "nominal": one.nominal,
        "shuffled": one.shuffled,
        "shuffled_q95": one.shuffled_most,
        "p_value": one.p_value,
        "n_bonferroni": n_below("p_bonferroni"),
        "n_discovery": n_below("p_discovery"),
    }
    return pa.table({name: [value] for name, value in values.items()})


def _versions(
    spec: NeuronsSpec, quantity: str, inside: dict[tuple[str, int, int], pa.Table], measured: pa.Table
) -> tuple[Versions, np.ndarray]:
    """Every model that wrote samples, strategy by strategy and seed by seed; and layer and number of each neuron."""
    series, neurons, repeated = list[int](), list[np.ndarray](), list[bool]()
    outcomes: dict[str, list[float]] = {outcome.title: [] for outcome in spec.internals.outcomes}
    known = {title: _measured(measured, *title.split("@", 1)) for title in outcomes}
    seen, places = set[tuple[str, int, int]](), np.zeros((0, 2), dtype=int)
    for index, (strategy, seed) in enumerate((name, seed) for name in spec.arms.strategies for seed in spec.arms.seeds):
        for generation in range(spec.arms.generations):
            arm = (strategy if generation else REAL, seed, generation)
            rows = inside[arm].filter(pc.equal(inside[arm]["quantity"], quantity))
            places = np.stack([rows[name].to_numpy() for name in ("layer", "neuron")], axis=1)
            neurons.append(rows["value"].to_numpy())
            series.append(index)
            repeated.append(arm in seen)
            seen.add(arm)
            for title, values in outcomes.items():
                values.append(_of(known[title], title, strategy, seed, generation + 1))
    levels = {title: np.array(values) for title, values in outcomes.items()}
    return Versions(np.array(series), np.array(neurons), levels, np.array(repeated)), places


def _measured(metrics: pa.Table, metric: str, evaluation_set: str) -> dict[tuple[str, int, int], float]:
    """What was measured of the samples of each arm."""
    rows = metrics.filter((pc.field("metric") == metric) & (pc.field("evaluation_set") == evaluation_set))
    return {(row["strategy"], row["seed"], row["generation"]): row["value"] for row in rows.to_pylist()}


def _of(known: dict[tuple[str, int, int], float], title: str, strategy: str, seed: int, generation: int) -> float:
    """What was measured of the samples that the model of the generation before wrote."""
    if (value := known.get((strategy, seed, generation))) is None:
        raise ConfigError(
            f"internals.outcomes: {title} was not measured of {strategy}, seed {seed}, generation {generation}.\n"
            "  Name a metric and an evaluation set of metrics.parquet, such as those of raters."
        )
    return value
