"""What was found inside the models, for the page: neurons that move with what is measured, and what layers use."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collapse.artifacts.evaluation_sets import rater_and_label
from collapse.plots import wording

Place = tuple[str, int, int]
"""Strategy, seed and generation."""

NAMES = {"weight": "weights", "activation": "activations"}


@dataclass(frozen=True)
class Counted:
    """How many neurons are significant, beside what chance gives."""

    quantity: str
    outcome: str
    n_significant: str
    nominal: str
    shuffled: str
    p_value: str
    n_bonferroni: str
    n_discovery: str


@dataclass(frozen=True)
class Layers:
    """What a strategy's layers come to at one generation, mean over seeds."""

    strategy: str
    generation: str
    effective_rank: tuple[str, ...]
    alignment: tuple[str, ...]


@dataclass(frozen=True)
class Spectrum:
    """How unsure a strategy's models are at one generation, by how frequent the real token is; mean over seeds."""

    strategy: str
    generation: str
    entropy: tuple[str, ...]
    loss: tuple[str, ...]


@dataclass(frozen=True)
class Inside:
    """The tables, and what they were found from."""

    n_neurons: int
    n_changes: int
    n_layers: int
    counts: tuple[Counted, ...]
    layers: tuple[Layers, ...]
    bands: tuple[int, ...]
    spectra: tuple[Spectrum, ...]


def inside(counts: pa.Table, internals: Mapping[Place, pa.Table], strategies: Sequence[str], last: int) -> Inside:
    """Put the tables together.

    Args:
        counts: Rows of the NEURON_COUNTS contract.
        internals: Rows of the INTERNALS contract, by arm; of generation 0 and the last one.
        strategies: What is shown, in the order of the config.
        last: The last generation.
    """
    rows, of_layers = counts.to_pylist(), _of_layers(internals)
    first = [name for name, generation in of_layers if generation == 0]
    places = [*((name, 0) for name in first), *((name, last) for name in strategies if (name, last) in of_layers)]
    layers = tuple(_layers(*place, of_layers[place]) for place in places)
    return Inside(
        n_neurons=max(row["n_neurons"] for row in rows),
        n_changes=max(row["n_changes"] for row in rows),
        n_layers=len(layers[0].effective_rank) if layers else 0,
        counts=tuple(_counted(row) for row in rows),
        layers=layers,
        bands=(bands := _bands(of_layers[places[0]]["entropy"]) if places else ()),
        spectra=tuple(_spectrum(*place, of_layers[place], bands) for place in places),
    )


def _bands(values: np.ndarray) -> tuple[int, ...]:
    """Tenths of real tokens that are told of, from 0, the rarest: first, last and each third between, if not empty."""
    there = [band for band in range(len(values)) if not np.isnan(values[band])]
    return tuple(band for band in there if band % 3 == 0 or band == there[-1])


def _spectrum(strategy: str, generation: int, values: dict[str, np.ndarray], bands: tuple[int, ...]) -> Spectrum:
    entropy, loss = (
        tuple(wording.number(float(values[name][band]), 2) for band in bands) for name in ("entropy", "loss")
    )
    return Spectrum(strategy, str(generation), entropy, loss)


def _counted(row: dict[str, object]) -> Counted:
    names = [_outcome(str(row[key])) for key in ("outcome", "other") if row[key]]
    return Counted(
        NAMES[str(row["quantity"])],
        " and ".join(names),
        str(row["n_significant"]),
        wording.number(float(str(row["nominal"])), 0),
        f"{float(str(row['shuffled'])):.0f} (95 %: below {float(str(row['shuffled_q95'])):.0f})",
        wording.number(float(str(row["p_value"])), 3),
        str(row["n_bonferroni"]),
        str(row["n_discovery"]),
    )


def _outcome(title: str) -> str:
    metric, _, place = title.partition("@")
    rater, label = rater_and_label(place)
    return f"{wording.title(metric)} ({label or rater})"


def _of_layers(internals: Mapping[Place, pa.Table]) -> dict[tuple[str, int], dict[str, np.ndarray]]:
    """Mean over seeds, by strategy and generation: shape `(n_layers,)` each."""
    found: dict[tuple[str, int], dict[str, list[np.ndarray]]] = {}
    for (strategy, _, generation), table in sorted(internals.items()):
        for quantity, values in _whole(table):
            found.setdefault((strategy, generation), {}).setdefault(quantity, []).append(values)
    return {place: {name: np.mean(values, axis=0) for name, values in one.items()} for place, one in found.items()}


def _whole(table: pa.Table) -> Iterator[tuple[str, np.ndarray]]:
    for quantity in ("effective_rank", "alignment", "entropy", "loss"):
        rows = table.filter(pc.equal(table["quantity"], quantity)).sort_by(
            [("layer", "ascending"), ("neuron", "ascending")]
        )
        yield quantity, rows["value"].to_numpy()


def _layers(strategy: str, generation: int, values: dict[str, np.ndarray]) -> Layers:
    ranks, alignment = (
        tuple(wording.number(float(value), digits) for value in values[name])
        for name, digits in (("effective_rank", 1), ("alignment", 3))
    )
    return Layers(strategy, str(generation), ranks, alignment)
