"""Measures are paired with the exact value of the model that wrote the text they were taken on."""

import numpy as np
import pyarrow as pa
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from collapse.config.settings import Strategy
from collapse.metrics import Measurement, table
from collapse.plots import calibration, style
from collapse.stats.calibration import PAIRINGS, Calibration, calibrations

STRATEGIES = ["real", "replace"]
EXACT = {"kl_to_source", "support_mass", "support_entropy", "source_tail_mass"}
SAMPLED = [pairing.measure for pairing in PAIRINGS if pairing.evaluation_set == "samples"]


def measured(seeds: int = 3, generations: int = 3) -> pa.Table:
    """The model of generation g has the exact value 10 seed + g; samples of generation g + 1 say twice that."""
    tables = []
    for strategy in STRATEGIES:
        for seed in range(seeds):
            for generation in range(generations + 1):
                exact = 10.0 * seed + generation + (0.5 if strategy == "replace" and generation else 0)
                before = 10.0 * seed + generation - 1 + (0.5 if strategy == "replace" and generation > 1 else 0)
                rows = [Measurement(name, "truth", exact, 1) for name in EXACT]
                rows.append(Measurement("loss_above_entropy", "real_test", exact, 1))
                if generation:
                    rows += [Measurement(name, "samples", 2 * before, 1) for name in SAMPLED]
                else:
                    rows += [Measurement("distinct_2", "real_train", 99.0, 1)]
                tables.append(table(rows, "known", strategy, seed, generation))
    return pa.concat_tables(tables)


def by_measure(found: list[Calibration]) -> dict[str, Calibration]:
    return {one.pairing.measure: one for one in found}


def test_samples_are_paired_with_the_model_that_wrote_them_and_held_out_loss_with_its_own() -> None:
    found = by_measure(calibrations(measured(), STRATEGIES))
    loss, samples = found["loss_above_entropy"], found["distinct_2"]
    for points in loss.points.values():
        assert np.array_equal(points[:, 0], points[:, 1]) and len(points) == 3 * 4
    for points in samples.points.values():
        assert np.array_equal(2 * points[:, 0], points[:, 1]) and len(points) == 3 * 3
    assert all(one.rank_correlation == pytest.approx(1) for one in found.values())


def test_text_paired_with_the_wrong_generation_would_be_seen() -> None:
    rows = measured().to_pylist()
    moved = [row | ({"value": -row["value"]} if row["metric"] == "distinct_2" else {}) for row in rows]
    found = by_measure(calibrations(pa.Table.from_pylist(moved, measured().schema), STRATEGIES))
    assert found["distinct_2"].rank_correlation == pytest.approx(-1)
    assert found["distinct_4"].rank_correlation == pytest.approx(1)


def test_arms_that_strategies_share_count_once() -> None:
    rows = [row for row in measured().to_pylist() if row["generation"] <= 1]
    shared = by_measure(calibrations(pa.Table.from_pylist(rows, measured().schema), STRATEGIES))["distinct_2"]
    assert shared.rank_correlation == pytest.approx(1)
    two_seeds = [row for row in rows if row["seed"] < 2]
    shared = by_measure(calibrations(pa.Table.from_pylist(two_seeds, measured().schema), STRATEGIES))["distinct_2"]
    assert np.isnan(shared.rank_correlation)  # four points, two of them different


def test_without_a_known_source_there_is_nothing_to_compare() -> None:
    rows = [row for row in measured().to_pylist() if row["evaluation_set"] != "truth"]
    assert all(not one.points for one in calibrations(pa.Table.from_pylist(rows, measured().schema), STRATEGIES))


def test_the_figure_is_legible_and_its_bytes_repeat() -> None:
    strategies = [Strategy(name="real", compose="real"), Strategy(name="replace", compose="replace")]
    found = calibrations(measured(), STRATEGIES)
    drawn = calibration.figure(found, strategies)
    renderer = FigureCanvasAgg(drawn).get_renderer()
    drawn.draw(renderer)
    texts = [text for axes in drawn.axes for text in (axes.title, axes.xaxis.label, *axes.texts)]
    boxes = [Text.get_window_extent(text, renderer) for text in [*texts, *drawn.texts]]
    for index, box in enumerate(boxes):
        assert box.x0 >= 0 and box.x1 <= drawn.bbox.width and box.y0 >= 0 and box.y1 <= drawn.bbox.height
        assert not any(box.shrunk(0.98, 0.8).overlaps(other.shrunk(0.98, 0.8)) for other in boxes[:index])
    assert len(drawn.axes) == len(PAIRINGS)
    assert style.svg(drawn, "") == style.svg(calibration.figure(found, strategies), "")


def test_a_measure_is_read_as_rising_or_as_falling_with_the_truth() -> None:
    falling = {one.measure for one in PAIRINGS if one.agrees == -1}
    assert falling == {"self_bleu", "compression_ratio"}
    assert all(one.agrees == 1 for one in PAIRINGS if one.measure not in falling)
