"""What a world says it will measure is what it measures; panels of anything else are refused."""

import pytest
from pydantic import TypeAdapter, ValidationError

from collapse.config.worlds import PanelSettings, World
from collapse.errors import ConfigError
from collapse.worlds import module_of
from collapse.worlds.places import check_panel, places

REPLACE, REAL = {"name": "replace", "compose": "replace"}, {"name": "real", "compose": "real"}
ACCUMULATE, MIX = (
    {"name": "accumulate", "compose": "accumulate"},
    {"name": "mix", "compose": "mix", "real_fraction": 0.5},
)
WINDOW = {"name": "window", "compose": "window", "window": 2}
EVERY = {"generations": 3, "strategies": [REAL, REPLACE, ACCUMULATE, MIX, WINDOW]}
SOME = EVERY | {"measured": [0, 2]}
NOISE = {"generator_samples": 12, "generator_noise_variance": 0.1, "noise_variance": 0.1}
MEMORY = {"atoms": 20, "samples": [3, 5]}
REGRESSION = EVERY | {"dimension": 2, "samples": 12, "noise_variance": 1.0, "design": "same"}
SHIFT = {"dimension": 2, "truth_variance": 1.0, "noise_variance": 0.1}
STUDENTS = [{"samples": 20, "ridge": 0.1}, {"samples": 30, "ridge": 0}]
GAUSSIAN = EVERY | {"samples": 12, "variance": "biased"}
CATEGORICAL = SOME | {"categories": 3, "exponent": 0}
WORLDS = [
    {"model": "adaptive_ridge", **SOME, **NOISE, "dimension": 3, "capacity_exponent": 1.5, "source_exponent": 0.3}
    | {"samples": [5, 9], "ridges": [0.1, 1]},
    *(
        {"model": "associative_memory", **MEMORY, "source": source}
        for source in (
            {"kind": "clean", "exponents": [1.5, 2]},
            {"kind": "cut", "exponent": 1.5, "ranks": [2, 3]},
            {"kind": "narrowed", "exponent": 1.5, "temperatures": [0.5, 1]},
            {"kind": "top_p", "exponent": 1.5, "cut_masses": [0.1]},
            {"kind": "finite", "exponent": 1.5, "real_samples": [4]},
            {"kind": "mixed", "exponent": 1.5, "rank": 3, "real_fractions": [0, 0.1]},
            {"kind": "tail_added", "exponent": 1.5, "rank": 3, "real_fraction": 0.1, "from_ranks": [3, 5]},
        )
    ),
    CATEGORICAL | {"model": "categorical", "samples": [4, 6]},
    CATEGORICAL | {"model": "categorical", "samples": [401], "strategies": [REPLACE]},
    GAUSSIAN | {"model": "gaussian", "dimension": 1},
    GAUSSIAN | {"model": "gaussian", "dimension": 2},
    SOME
    | {"model": "gaussian_mixture", "dimension": 1, "samples": 20, "separation": 3}
    | {"em_steps": 1, "variance_floor": 0.01},
    SOME | {"model": "kde", "shape": "moons", "noise": 0.1, "samples": 5, "bandwidth": 0.5, "test_points": 3},
    {"model": "kernel_ridge", "kernel": {"kind": "rbf", "gamma": 0.02}, "test_images": 100, "generator_ridge": 0.1}
    | NOISE
    | {"students": [{"samples": 12, "ridge": 0.1}], "generations": 2, "strategies": [REPLACE]},
    {"model": "limited_memory", "exponent": 2, "weights": ["seen", "root"], "dimensions": [4], "ranks": [2, 20]}
    | MEMORY,
    REGRESSION | {"model": "linear_regression", "ridge": 0},
    REGRESSION | {"model": "linear_regression", "ridge": 0.1},
    {
        "model": "linear_verification",
        "dimension": 4,
        "separation": 1.0,
        "samples": [50, 99],
        "generator_angles": [20, 40],
    }
    | {"verifiers": [{"name": "one", "angle": 30}, {"name": "none", "angle": None}]},
    EVERY | {"model": "memory_chain", "exponent": 1.5} | MEMORY,
    {
        "model": "mixed_labels",
        "network": {"kind": "random_features", "ridges": [0.1]},
        "widths": [5, 9],
        "samples": [10, 20],
    }
    | {"synthetic_fractions": [0, 0.5], "teacher_samples": 20, "teacher_width": 5, "teacher_ridge": 0.1}
    | {"test_images": 100, "validation_images": 20},
    {"model": "mixing_schemes", "dimension": 2, "synthetic_fraction": 0.5, "shift_variance": 1, "noise_variance": 1}
    | {"samples": [20], "synthetic_weights": [0.1, 0.5], "rounds": 2},
    {"model": "overparametrised_chain", "dimension": 8, "samples": 4, "noise_variances": [0, 0.1], "generations": 2}
    | {"strategies": [REAL, REPLACE, MIX]},
    {"model": "random_projections", **SHIFT, "samples": 10, "synthetic_fraction": 0.5, "shift_variances": [0, 1]}
    | {"ridge": 0.1, "widths": [2, 4], "theory_draws": 1},
    EVERY | NOISE | {"model": "ridge_chain", "spectrum": "isotropic", "dimension": 3, "students": STUDENTS},
    {"model": "strong_ridge", **SHIFT, "capacity_exponent": 0, "shift_variance": 0.5, "samples": [10, 20]}
    | {"synthetic_fractions": [0, 0.5, 1], "ridges": [0, 0.1]},
    {"model": "tailed_bigram", "exponents": [1.5], "tokens": 20, "contexts": 3, "samples": [9], "ranks": [4, 20]},
    EVERY | {"model": "universality", "estimator": "median", "samples": 5, "dimension": 1, "signal": 1},
    {"model": "verification", "dimension": 3, "separation": 1.0, "samples": [200], "error_rates": [0.1, 0.3]}
    | {"verifiers": [{"name": "one", "keeps_right": 0.9, "keeps_wrong": 0.1}]}
    | {"proxy_samples": [200], "proxy_error_rate": 0.3},
    EVERY
    | {"model": "weighted_likelihood", "data": {"a": 2, "b": 2}, "pretrained": {"a": 3, "b": 2}}
    | {"weights": "none", "samples": 50},
]


def world(settings: dict) -> World:
    return TypeAdapter(World).validate_python({"replicates": 2} | settings)


def place(one) -> tuple:
    return (one.metric, one.strategy, one.generation, *sorted((key, float(f"{x:.9g}")) for key, x in one.point.items()))


@pytest.mark.parametrize("settings", WORLDS, ids=lambda settings: settings["model"])
def test_a_world_measures_what_it_says_and_theory_speaks_where_it_says(settings):
    given = world(settings)
    said, module = places("one", given), module_of(given.model)
    seen = [place(one) for one in module.simulate(given, 0)]
    assert sorted(place(one) for one in said) == sorted(seen)
    assert {one.metric for one in said} <= set(module.METRICS)
    predicted = {place(one) for one in module.predict(given)}
    assert {place(one) for one in said if one.theory is not None} == predicted & set(seen)


def test_every_model_is_among_them():
    models = {one.model_fields["model"].annotation.__args__[0] for one in World.__args__[0].__args__}
    assert models == {settings["model"] for settings in WORLDS}


@pytest.mark.parametrize(
    ("model", "key", "changes"),
    [
        *(
            (model, "samples", {"samples": 10**9})
            for model in ("gaussian", "gaussian_mixture", "kde", "linear_regression")
        ),
        *((model, "samples", {"samples": [10**9]}) for model in ("categorical", "linear_verification", "verification")),
        *((model, "samples", {"samples": 10**9 + 1}) for model in ("universality", "random_projections")),
        ("weighted_likelihood", "samples", {"samples": 10**6, "generations": 10_000}),
        ("memory_chain", "samples", {"samples": [10**6], "generations": 10_000}),
        ("limited_memory", "dimensions", {"atoms": 10**5, "dimensions": [10**5], "samples": [10**9], "ranks": [10**5]}),
        ("strong_ridge", "replicates", {"replicates": 10**10}),
        ("kde", "replicates", {"replicates": 10**9}),
    ],
)
def test_more_than_memory_holds_is_refused_with_the_key(model, key, changes):
    settings = next(one for one in WORLDS if one["model"] == model)
    with pytest.raises(
        ValidationError, match=rf"{key}: would hold about .* GiB at once, more than the 4 GiB .* use fewer"
    ):
        world(settings | changes)


def test_sums_over_whole_sets_hold_no_examples():
    whole = {"samples": 10**9, "strategies": [REPLACE, ACCUMULATE]}
    for model in ("gaussian", "linear_regression"):
        assert world(next(one for one in WORLDS if one["model"] == model) | whole).held.numbers == 0


@pytest.mark.parametrize(
    ("model", "key", "shown"), [("strong_ridge", "ridges", "0.1"), ("categorical", "measured", "2")]
)
def test_a_swept_value_is_named_once(model, key, shown):
    settings = next(one for one in WORLDS if one["model"] == model)
    with pytest.raises(ValidationError, match=f"{key}: {shown} appears more than once"):
        world(settings | {key: [float(shown), float(shown)] if "." in shown else [int(shown)] * 2})


# --- panels -----------------------------------------------------------------------------------------------------------

SWEPT = next(settings for settings in WORLDS if settings["model"] == "mixing_schemes")
CHAINS = next(settings for settings in WORLDS if settings["model"] == "kde")


@pytest.mark.parametrize(
    ("settings", "panel", "words"),
    [
        (
            SWEPT,
            {"metric": "exces_error"},
            r"one\.metric: `exces_error` is not measured there; did you mean `excess_error`",
        ),
        (SWEPT, {"strategies": ["iterat"]}, r"one\.strategies: `iterat` is not measured there; did you mean `iterate`"),
        (SWEPT, {"x": "sample"}, r"one\.x: `sample` is not swept there; did you mean `samples`"),
        (SWEPT, {"x": "samples", "lines": "rounds"}, r"one\.lines: `rounds` is not swept there; did you mean `round`"),
        (SWEPT, {"x": "round", "at": {"sample": 20}}, r"one\.at: `sample` is not swept there; did you mean `samples`"),
        (SWEPT, {"x": "round", "at": {"samples": 9}}, r"one\.at\.samples: 9 is not simulated; there is 20"),
        (SWEPT, {"x": "round", "lines": "synthetic_weight"}, "no strategy has both `round` and `synthetic_weight`"),
        (
            CHAINS,
            {"metric": "variance_ratio", "generations": [0, 1]},
            r"one\.generations: 1 is not measured; there is 0, 2",
        ),
        (CHAINS, {"metric": "variance_ratio", "x": "strategy"}, r"one\.x: `strategy` is not swept there"),
    ],
)
def test_a_panel_of_what_is_not_there_is_refused(settings, panel, words):
    wanted = PanelSettings(**({"metric": "excess_error", "title": "Error"} | panel))
    with pytest.raises(ConfigError, match=words):
        check_panel("one", wanted, places("one", world(settings)))


def test_a_panel_of_what_is_there_passes():
    for x, lines in (("samples", "strategy"), ("round", "samples"), ("generation", "synthetic_weight")):
        panel = PanelSettings(metric="excess_error", title="Error", x=x, lines=lines, at={"samples": 20})
        check_panel("one", panel, places("one", world(SWEPT)))
