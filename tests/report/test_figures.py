import itertools
import re
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from collapse.artifacts import contracts
from collapse.artifacts.contracts import ANCESTRY, METRICS
from collapse.config.settings import Strategy
from collapse.metrics import CATALOGUE, Measurement, table
from collapse.plots import ancestry, curves, style, verification, wording
from collapse.plots import contrasts as contrasts_plot
from collapse.plots.media import TEXT
from collapse.reporting.figures import inlined, night
from collapse.stats.contrasts import contrasts
from collapse.stats.verifiers import Strength

COMPOSE = ("real", "replace", "accumulate", "accumulate_subsample", "replace_multiple")


def figures(study):
    metrics = contracts.read(study.folder / "metrics.parquet", METRICS)
    origins = contracts.read(study.folder / "ancestry.parquet", ANCESTRY)
    return drawn(metrics, study.plan.strategies) | {"ancestry": ancestry.origins(origins, study.plan.strategies)}


def drawn(metrics, strategies):
    differences = contrasts(metrics, [strategy.name for strategy in strategies], 0.95)
    return {
        "test_loss": curves.test_loss(metrics, strategies, 0.95, {"bigram": 99.0, "trigram": 4.5}),
        "diversity": curves.diversity(metrics, strategies, 0.95),
        "contrasts": contrasts_plot.forest(differences, strategies, 0.95),
    }


def crowd(n_strategies, n_seeds, generations):
    """Many strategies that end close to one another, and every panel of the diversity figure."""
    rng = np.random.default_rng(0)
    strategies = [Strategy(name=f"window-of-{k + 1}", compose="window", window=k + 1) for k in range(n_strategies)]
    arms = itertools.product(strategies, range(n_seeds), range(generations + 1))
    tables = [
        table(
            [
                Measurement("test_loss", "real_test", 4 + 0.1 * generation + 0.003 * rng.normal(), 1),
                *(Measurement(name, on, rng.uniform(0, 1), 1) for name, on in TEXT.panels if generation),
            ],
            "crowd",
            strategy.name,
            seed,
            generation,
        )
        for strategy, seed, generation in arms
    ]
    return pa.concat_tables(tables), strategies


def texts(figure):
    """Every text of a figure with its box in pixels."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    artists = dict.fromkeys(artist for artist in figure.findobj(Text) if artist.get_visible())
    undrawn = {id(label) for axes in figure.axes for axis in (axes.xaxis, axes.yaxis) for label in outside(axis)}
    shown = [artist for artist in artists if artist.get_text().strip() and id(artist) not in undrawn]
    return [(artist.get_text(), Text.get_window_extent(artist, renderer)) for artist in shown]


def outside(axis):
    """Labels of ticks beyond the frame, which exist and are not drawn."""
    low, high = sorted(axis.get_view_interval())
    return [tick.label1 for tick in axis.get_major_ticks() if not low <= tick.get_loc() <= high]


@pytest.mark.parametrize("study", ["one_seed", "two_seeds"])
def test_no_text_of_a_figure_covers_another_or_leaves_the_page(study, request):
    for name, figure in figures(request.getfixturevalue(study)).items():
        assert_legible(name, figure)


@pytest.mark.parametrize(
    ("n_strategies", "n_seeds", "generations"),
    [pytest.param(12, 2, 8, marks=pytest.mark.full), (5, 3, 4), (1, 1, 1), (2, 2, 40)],
)
def test_a_crowd_of_strategies_stays_legible(n_strategies, n_seeds, generations):
    for name, figure in drawn(*crowd(n_strategies, n_seeds, generations)).items():
        assert_legible(name, figure)


def assert_legible(name, figure):
    boxes = texts(figure)
    for (text, box), (other, other_box) in itertools.combinations(boxes, 2):
        # Boxes are as tall as the font; letters of neighbouring lines may touch boxes but not each other.
        assert not box.shrunk(0.98, 0.8).overlaps(other_box.shrunk(0.98, 0.8)), f"{name}: {text!r} on {other!r}"
    width, height = figure.bbox.width, figure.bbox.height
    outside = [text for text, box in boxes if box.x0 < 0 or box.y0 < 0 or box.x1 > width or box.y1 > height]
    assert outside == [], name


def test_the_same_table_gives_the_same_bytes(two_seeds):
    first, second = ([style.svg(figure, "") for figure in figures(two_seeds).values()] for _ in range(2))
    assert first == second


def test_a_figure_says_how_many_seeds_it_shows(one_seed, two_seeds):
    for study, words in ((one_seed, "one seed"), (two_seeds, "2 seeds")):
        for name, figure in figures(study).items():
            assert any(words in text.lower() for text, _ in texts(figure)), name


def test_a_band_is_drawn_from_three_seeds_on(two_seeds, three_seeds):
    """With two, t with one degree of freedom fills the frame whatever the seeds say."""
    bands = []
    for study in (two_seeds, three_seeds):
        axes = figures(study)["test_loss"].axes[0]
        bands.append(
            sum(np.isfinite(band.get_paths()[0].vertices).all() for band in axes.collections if band.get_paths())
        )
    assert bands == [0, 3]


def test_a_strategy_looks_the_same_whatever_stands_beside_it():
    everyone = [Strategy(name=compose.replace("_", "-"), compose=compose) for compose in COMPOSE]
    verified = Strategy(name="replace-verified", compose="replace", verifiers=("unique",))
    together = style.looks([*everyone, verified])
    for order in itertools.permutations([*everyone[1:4], verified], 2):
        assert style.looks(order) == {strategy.name: together[strategy.name] for strategy in order}
    assert len({(look.colour, look.marker, look.hollow) for look in together.values()}) == len(together)


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=12), st.floats(0.01, 1))
def test_labels_are_moved_apart_in_order_and_without_drifting(positions, gap):
    wanted = np.array(positions)
    placed = style.spread(wanted, gap, -100, 100)
    order = np.argsort(wanted, kind="stable")
    assert np.all(np.diff(placed[order]) >= gap - 1e-9)
    assert placed.mean() == pytest.approx(wanted.mean(), abs=1e-9)


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=12))
def test_labels_stay_inside_as_long_as_they_fit(positions):
    placed = style.spread(np.array(positions), 1.0, -6, 6)
    assert placed.min() >= -6 - 1e-9 and placed.max() <= 6 + 1e-9
    assert np.all(np.diff(np.sort(placed)) >= 1.0 - 1e-9)


@given(st.lists(st.integers(-20, 20), min_size=1, max_size=8, unique=True))
def test_labels_that_have_room_stay_where_they_are(positions):
    wanted = np.array(positions, dtype=float)
    assert style.spread(wanted, 1.0, -20, 20) == pytest.approx(wanted)


def test_shares_of_origins_add_up_to_one_at_every_generation(two_seeds):
    origins = contracts.read(two_seeds.folder / "ancestry.parquet", ANCESTRY)
    shares = ancestry.mean_shares(origins, "accumulate")
    assert shares.sum(axis=1) == pytest.approx(np.ones(4))
    assert shares[3] == pytest.approx(np.full(4, 0.25))


def test_every_metric_and_unit_has_words_for_readers():
    assert CATALOGUE.keys() <= wording.TITLES.keys()
    assert {definition.unit for definition in CATALOGUE.values()} <= wording.UNITS.keys()


def test_an_inlined_figure_keeps_its_ids_to_itself():
    svg = (
        '<?xml version="1.0"?><svg viewBox="0 0 9 9" width="9"><defs><path id="a"/></defs><use xlink:href="#a"/></svg>'
    )
    found = inlined(svg, "loss", 'A "figure"')
    assert 'id="loss-a"' in found and 'href="#loss-a"' in found and "width" not in found
    assert 'aria-label="A &quot;figure&quot;"' in found


def test_text_in_a_figure_is_text_in_a_font_that_every_machine_has_one_for(two_seeds):
    for name, figure in figures(two_seeds).items():
        drawn = style.svg(figure, "").decode()
        assert "DejaVuSans-" not in drawn, f"{name}: letters are outlines"
        fonts = re.findall(r"<text style=\"[^\"]*font(?:-family)?: [^;]*'DejaVu Sans'[^;]*sans-serif", drawn)
        assert len(fonts) == drawn.count("<text ") > 5


def test_figures_with_one_frame_fit_a_telephone_and_grow_with_long_names(two_seeds):
    found = figures(two_seeds)
    for name in ("test_loss", "contrasts"):
        assert found[name].get_size_inches()[0] == style.NARROW
    metrics, strategies = crowd(2, 2, 1)
    longer = [s.model_copy(update={"name": f"{s.name}-{'x' * 40}"}) for s in strategies]
    renamed = pc.binary_join_element_wise(metrics["strategy"], "x" * 40, "-")
    metrics = metrics.set_column(metrics.schema.get_field_index("strategy"), "strategy", renamed)
    differences = contrasts(metrics, [strategy.name for strategy in longer], 0.95)
    for figure in (curves.test_loss(metrics, longer, 0.95, {}), contrasts_plot.forest(differences, longer, 0.95)):
        assert figure.get_size_inches()[0] > style.NARROW
        assert_legible("long names", figure)


def test_an_inlined_figures_colours_follow_the_page():
    svg = '<svg viewBox="0 0 9 9"><path style="fill: #d55e00; stroke: #1f2328"/><use href="#aaaaaa"/></svg>'
    found = inlined(svg, "loss", "")
    assert 'style="fill: var(--c-d55e00, #d55e00); stroke: var(--c-1f2328, #1f2328)"' in found
    assert 'href="#loss-aaaaaa"' in found
    assert night([found], ["#4d4d4d"]).keys() == {"d55e00", "1f2328", "4d4d4d"}


def test_an_inlined_figure_leaves_the_ground_to_the_page_and_keeps_hollow_markers(two_seeds):
    drawn = style.svg(figures(two_seeds)["contrasts"], "").decode()
    assert drawn.count("fill: #ffffff") > 1  # two seeds: every marker is hollow
    assert inlined(drawn, "loss", "").count("fill: var(--c-ffffff, #ffffff)") == drawn.count("fill: #ffffff") - 1


def test_every_colour_can_be_read_on_a_dark_page():
    everyone = [Strategy(name=f"w{n}", compose="window", window=n + 1, verifiers=("x",) * (n % 2)) for n in range(5)]
    everyone += [Strategy(name=compose.replace("_", "-"), compose=compose) for compose in COMPOSE]
    colours = {look.colour for look in style.looks(everyone).values()} | {style.INK, style.QUIET, ancestry.REAL_TEXT}
    colours |= {look.text_colour for look in style.looks(everyone).values()}
    assert all(style.contrast(style.at_night(colour), style.at_night(style.PAPER)) >= 4.5 for colour in colours)
    assert style.at_night(style.PAPER) != style.PAPER


def test_what_is_not_a_figure_is_refused():
    with pytest.raises(ValueError, match="viewBox"):
        inlined("<html></html>", "loss", "")


def test_levels_near_the_lines_are_drawn_and_named_and_those_far_away_are_not(two_seeds):
    metrics = contracts.read(two_seeds.folder / "metrics.parquet", METRICS)
    plain = curves.test_loss(metrics, two_seeds.plan.strategies, 0.95, {})
    figure = curves.test_loss(metrics, two_seeds.plan.strategies, 0.95, {"bigram": 99.0, "trigram": 4.9})
    named = {text.get_text() for text in figure.axes[0].texts}
    assert "trigram" in named and "bigram" not in named
    assert plain.axes[0].get_ylim()[1] < 4.9 < figure.axes[0].get_ylim()[1] < 6


def test_lines_that_stay_at_zero_have_an_axis_that_can_be_read(two_seeds):
    metrics = contracts.read(two_seeds.folder / "metrics.parquet", METRICS)
    place = metrics.column_names.index("value")
    flat = metrics.set_column(place, metrics.schema.field("value"), pa.array([0.0] * metrics.num_rows))
    figure = curves.diversity(flat, two_seeds.plan.strategies, 0.95)
    figure.canvas.draw()
    for axes in (axes for axes in figure.axes if axes.lines):
        assert axes.get_ylim()[0] < -0.01 and 0.01 < axes.get_ylim()[1] < 1
        assert not axes.yaxis.get_offset_text().get_text()


def test_closed_forms_are_levels_of_their_own_panel():
    metrics, strategies = crowd(2, 3, 2)
    panel = ("right_fraction", "real_test")
    figure = curves.diversity(metrics, strategies, 0.95, TEXT, {panel: {"the last digit": 0.6, "nobody": 60.0}})
    named = [[text.get_text() for text in axes.texts] for axes in figure.axes]
    assert ["the last digit" in texts for texts in named] == [i == TEXT.panels.index(panel) for i in range(len(named))]
    assert not any("nobody" in texts for texts in named)


def test_names_of_levels_that_lie_close_are_moved_apart_and_their_lines_are_not():
    metrics, strategies = crowd(2, 3, 2)
    panel = ("right_fraction", "real_test")
    close = {"first": 0.6, "second": 0.601, "third": 0.602}
    figure = curves.diversity(metrics, strategies, 0.95, TEXT, {panel: close})
    assert_legible("levels", figure)
    axes = figure.axes[TEXT.panels.index(panel)]
    drawn = {round(float(line.get_ydata()[0]), 4) for line in axes.lines if len({*line.get_ydata()}) == 1}
    assert set(close.values()) <= drawn


def test_a_figure_of_verifiers_whose_strength_nobody_knows_says_so():
    drawn = style.svg(verification.figure([], []), "").decode()
    assert "every sample is wrong" in drawn


def test_strategies_are_named_beside_what_their_verifiers_come_to():
    strategies = [Strategy(name=name, compose="replace", verifiers=("it",)) for name in ("strict", "lax")]
    points = {"strict": np.array([[0.9, 0.1], [0.92, 0.12]]), "lax": np.array([[0.6, 0.4], [0.61, 0.42]])}
    found = [Strength(generation, "misclassified_fraction", points, 0.3, 0.7) for generation in (1, 3)]
    drawn = style.svg(verification.figure(found, strategies), "").decode()
    for words in (
        "Generation 1",
        "Generation 3",
        "strict",
        "lax",
        "Held-out images classified wrongly",
        "up: error of",
    ):
        assert words in drawn
    answering = [replace(one, outcome="right_fraction") for one in found]
    assert "up: right answers of" in style.svg(verification.figure(answering, strategies), "").decode()
