"""A world's tables: means over replicates beside theory, and what the points of a sweep are."""

import numpy as np
import pytest

from collapse import worlds
from collapse.artifacts import contracts
from collapse.artifacts.contracts import METRICS, POINTS, THEORY, Record
from collapse.config.specs import SimulateSpec, WorldFigureSpec
from collapse.errors import EngineError
from collapse.stages import simulate, world_figure
from collapse.worlds import Observation, evaluation_set

WORLD = {
    "model": "linear_regression",
    "replicates": 30,
    "dimension": 2,
    "samples": 12,
    "noise_variance": 1.0,
    "design": "fresh",
    "ridge": 0.0,
    "generations": 3,
    "strategies": [{"name": "replace", "compose": "replace"}, {"name": "window", "compose": "window", "window": 2}],
}
PANEL = {"metric": "relative_error", "title": "Error <b>&"}


def run(folder, **changes):
    spec = SimulateSpec(experiment="tiny", name="one", world=WORLD | changes, seeds=(0, 5))
    paths = {name: folder / f"{name}.parquet" for name in ("metrics", "theory", "points")}
    simulate.run(spec=spec, **paths, record=Record())
    return paths


def test_every_seed_strategy_and_generation_has_its_mean_and_its_error(tmp_path):
    paths = run(tmp_path)
    rows = contracts.read(paths["metrics"], METRICS).to_pylist()
    assert len(rows) == 2 * 2 * 4 * 2
    one = next(
        r for r in rows if (r["seed"], r["strategy"], r["generation"], r["metric"]) == (5, "replace", 2, "excess_error")
    )
    spec = SimulateSpec(experiment="tiny", name="one", world=WORLD, seeds=(5,))
    module = worlds.module_of("linear_regression")
    values = next(
        seen.values
        for seen in module.simulate(spec.world, 5)
        if (seen.strategy, seen.generation, seen.metric) == ("replace", 2, "excess_error")
    )
    assert one["value"] == pytest.approx(np.mean(values))
    assert one["standard_error"] == pytest.approx(np.std(values, ddof=1) / np.sqrt(30))
    assert (one["n"], one["evaluation_set"], one["experiment"]) == (30, "one", "tiny")


def test_theory_is_given_where_there_is_one_and_joins_with_what_was_measured(tmp_path):
    paths = run(tmp_path)
    theory = contracts.read(paths["theory"], THEORY).to_pylist()
    assert {row["strategy"] for row in theory} == {"replace"}
    measured = {r["evaluation_set"] for r in contracts.read(paths["metrics"], METRICS).to_pylist()}
    points = contracts.read(paths["points"], POINTS).to_pylist()
    assert {row["evaluation_set"] for row in theory} <= measured == {row["evaluation_set"] for row in points}
    assert [(row["parameter"], row["value"]) for row in points] == [("replicates", 60.0)]


def test_the_same_world_gives_the_same_bytes(tmp_path):
    first, second = run(tmp_path / "a"), run(tmp_path / "b")
    for name in first:
        assert first[name].read_bytes() == second[name].read_bytes()


def test_a_value_that_is_no_number_is_refused_where_it_arose(tmp_path, monkeypatch):
    def broken(_settings, _seed):
        yield Observation("replace", 1, "excess_error", np.array([1.0, np.nan]))

    monkeypatch.setattr(worlds.module_of("linear_regression"), "simulate", broken)
    with pytest.raises(EngineError, match="world `one`: 1 of 2 values of excess_error at generation 1 under replace"):
        run(tmp_path)
    assert not list(tmp_path.iterdir())


def test_points_name_their_parameters():
    assert evaluation_set("one", {}) == "one"
    assert evaluation_set("one", {"samples": 200, "ridge": 0.1}) == "one/samples=200,ridge=0.1"


def test_a_figure_is_drawn_from_the_tables_and_repeats_its_bytes(tmp_path):
    paths = run(tmp_path)
    spec = WorldFigureSpec(name="one", world=WORLD | {"panels": [PANEL, PANEL], "title": "Chains"})
    drawn = []
    for name in ("a", "b"):
        world_figure.run(spec=spec, **paths, figure=tmp_path / f"{name}.svg", record=Record())
        drawn.append((tmp_path / f"{name}.svg").read_bytes())
    assert drawn[0] == drawn[1]
    assert drawn[0].count(b'id="axes_') == 2
