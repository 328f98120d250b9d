"""Everything the page shows, as plain values; the template only lays it out."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import yaml

from collapse.config.plan import Plan
from collapse.config.specs import ReportSpec
from collapse.plain_text import printable_lines
from collapse.plots import wording
from collapse.plots.contrasts import Pair, every_pair, interval_text, last_generation_pairs
from collapse.plots.media import Words
from collapse.plots.ratings import rated_panels
from collapse.plots.style import Look, looks
from collapse.reporting import numbers, setup
from collapse.reporting.answer import Answer, answer
from collapse.reporting.decoding import Decoding
from collapse.reporting.figures import night
from collapse.reporting.inside import Inside
from collapse.reporting.levels import levels
from collapse.reporting.numbers import Numbers
from collapse.reporting.rated import Rated, rated
from collapse.reporting.samples import Gallery
from collapse.reporting.stopping import Stopping, stopping
from collapse.reporting.theory import TheoryView, limits
from collapse.reporting.verification import Verification, verification
from collapse.stats.bands import Band, bands
from collapse.stats.calibration import calibrations
from collapse.stats.paired import LEAST_SEEDS, Interval
from collapse.stats.trends import changes, slopes
from collapse.stats.verifiers import strengths

LOSS = ("test_loss", "real_test")

VERDICTS = {1: "rose", -1: "fell", 0: "undecided"}


@dataclass(frozen=True)
class Swatch:
    """A strategy's line and marker, to be drawn beside its name."""

    colour: str
    dashes: str
    marker_points: str
    hollow: bool


@dataclass(frozen=True)
class Change:
    """A number with its interval and what it comes to."""

    estimate: str
    interval: str
    p_adjusted: str
    verdict: str


@dataclass(frozen=True)
class Summary:
    """One strategy's row of the table."""

    name: str
    recipe: str
    verifiers: str
    first_loss: str
    last_loss: str
    rise: Change
    slope: Change
    others: tuple[str, ...]
    real_share: str
    pool: str
    seen: str
    steps: str


@dataclass(frozen=True)
class Difference:
    """One contrast's row of the table."""

    strategy: str
    baseline: str
    estimate: str
    p_adjusted: str
    n_seeds: int
    verdict: str


@dataclass(frozen=True)
class Figure:
    """A figure, what to say about it, and its numbers; None where a table on the page has them already."""

    svg: str
    caption: tuple[str, ...]
    numbers: Numbers | None


@dataclass(frozen=True)
class LoopView:
    """The part of the page about the loop of models."""

    answer: Answer
    facts: tuple[setup.Fact, ...]
    n_seeds: int
    decision: str
    part_passes: tuple[str, ...]
    last_generation: int
    words: Words
    columns: tuple[str, ...]
    swatches: dict[str, Swatch]
    summary: tuple[Summary, ...]
    differences: dict[str, tuple[Difference, ...]]
    figures: dict[str, Figure]
    gallery: Gallery | None
    decoding: Decoding
    verification: Verification | None
    rated: Rated | None
    inside: Inside | None
    stopping: Stopping | None


@dataclass(frozen=True)
class Part:
    """An entry of the page's table of contents."""

    anchor: str
    name: str


@dataclass(frozen=True)
class View:
    """The page."""

    experiment: str
    question: str
    parts: tuple[Part, ...]
    confidence: str
    loop: LoopView | None
    theory: TheoryView | None
    limits: tuple[str, ...]
    settings: str
    data: str
    example_metric: str
    inputs: dict[str, str]
    audited: str
    code: str
    config_digest: str
    made_with: str
    night: dict[str, str]


LOOP_PARTS = (
    "Answer",
    "Strategies",
    "Contrasts",
    "Stopping",
    "Verifiers",
    "Ratings",
    "Inside",
    "Texts",
    "Diversity",
    "Ancestry",
    "Decoding",
)
LAST_PARTS = ("Settings", "Limits", "Data")


def view(
    spec: ReportSpec,
    loop: LoopView | None,
    theory: TheoryView | None,
    inputs: dict[str, str],
    audited: str,
    code: str = "",
    made_with: str = "",
) -> View:
    """Put the page together.

    Args:
        spec: Experiment, strategies, coverage, and the whole config.
        loop: The loop of models, if the experiment has one.
        theory: Claims and closed-form worlds, if it has any.
        inputs: SHA-256 of what the page is made from, by path.
        audited: What was checked before, in one sentence.
        code: Fingerprint of the code that made the page.
        made_with: Packages and commit.
    """
    plan = Plan.model_validate(spec.settings)
    papers = [Part(paper.key, paper.name) for paper in theory.papers] if theory else []
    parts = _loop_parts(loop) if loop else []
    parts += [Part("calibration", "Calibration")] if loop and "calibration" in loop.figures else []
    parts += [Part("claims", "Claims"), *papers] if theory else []
    parts += [Part(name.lower(), name) for name in LAST_PARTS]
    settings = yaml.safe_dump(spec.settings, sort_keys=False, allow_unicode=True, width=100)
    return View(
        experiment=spec.experiment,
        question=setup.question(plan),
        parts=tuple(parts),
        confidence=wording.percent(spec.report.confidence),
        loop=loop,
        theory=theory,
        limits=(*(setup.limits(plan) if loop else ()), *(limits(plan) if theory else ())),
        settings=printable_lines(settings),
        data=setup.data(plan),
        example_metric="test_loss" if loop else _first_metric(plan),
        inputs=inputs,
        audited=audited,
        code=code,
        config_digest=hashlib.sha256(settings.encode()).hexdigest()[:16],
        made_with=made_with,
        night=_night(loop, theory),
    )


def _loop_parts(loop: LoopView) -> list[Part]:
    optional = {
        "Stopping": loop.stopping,
        "Verifiers": loop.verification,
        "Ratings": loop.rated,
        "Inside": loop.inside,
    }
    there = [name for name in LOOP_PARTS if optional.get(name, True)]
    return [Part(name.lower(), loop.words.plural if name == "Texts" else name) for name in there]


def _night(loop: LoopView | None, theory: TheoryView | None) -> dict[str, str]:
    """What every colour of figures and strategies is on a dark page."""
    drawn = [figure.svg for figure in loop.figures.values()] if loop else []
    drawn += [world.svg for paper in theory.papers for world in paper.worlds] if theory else []
    return night(drawn, [swatch.colour for swatch in loop.swatches.values()] if loop else [])


def _first_metric(plan: Plan) -> str:
    return next((panel.metric for world in plan.worlds.values() for panel in world.panels), "test_loss")


def loop_view(
    spec: ReportSpec,
    metrics: pa.Table,
    contrasts: pa.Table,
    ancestry: pa.Table,
    references: pa.Table,
    figures: dict[str, str],
    gallery: Gallery | None,
    decoding: Decoding,
    held_out: Mapping[str, pa.Table],
    found_inside: Inside | None,
    stopped: pa.Table | None = None,
) -> LoopView:
    """Put the part about the loop together.

    Args:
        spec: Experiment, strategies, coverage, and the whole config.
        metrics: Rows of the METRICS contract.
        contrasts: Rows of the CONTRASTS contract.
        ancestry: Rows of the ANCESTRY contract.
        references: Rows of the REFERENCES contract.
        figures: SVG elements by name: `test_loss`, `diversity`, `contrasts`, `ancestry`.
        gallery: The samples shown.
        decoding: How text was drawn.
        held_out: What raters say of texts that they were not fitted to, by rater.
        found_inside: What was found inside the models, if anyone looked.
        stopped: Rows of the STOPPING contract, if there are rules that would stop the loop.
    """
    plan = Plan.model_validate(spec.settings)
    confidence = spec.report.confidence
    names = [strategy.name for strategy in spec.strategies]
    last = spec.arms.generations
    moved = changes(metrics.filter(pc.is_in(metrics["strategy"], pa.array(names))), *LOSS, last, confidence)
    words = setup.words_of(plan)
    tables = _numbers(spec, metrics, ancestry, figures, words)
    return LoopView(
        answer=answer(
            every_pair(contrasts, spec.strategies, *LOSS),
            {name: moved[name] for name in names if name in moved},
            last,
            confidence,
            words,
        ),
        facts=setup.facts(plan),
        n_seeds=len(spec.arms.seeds),
        decision=setup.decision(len(spec.arms.seeds), confidence),
        part_passes=_part_passes(metrics, names, last),
        last_generation=last,
        words=words,
        columns=tuple(wording.title(metric) for metric, _ in words.columns),
        swatches={name: _swatch(look) for name, look in looks(spec.strategies).items()},
        summary=_summary(spec, metrics, moved, last, words),
        differences=_differences(spec, contrasts),
        figures={
            name: Figure(
                svg,
                (*_captions(plan, name), *(levels(metrics, references) if name == "test_loss" else ())),
                tables.get(name),
            )
            for name, svg in figures.items()
        },
        gallery=gallery,
        decoding=decoding,
        verification=verification(metrics, spec.strategies, last, confidence),
        rated=rated(metrics, names, last, confidence, held_out),
        inside=found_inside,
        stopping=None if stopped is None else stopping(stopped, plan.stopping, names),
    )


def _numbers(
    spec: ReportSpec, metrics: pa.Table, ancestry: pa.Table, figures: dict[str, str], words: Words
) -> dict[str, Numbers]:
    """The tables of the figures that have none on the page."""
    names, confidence = [strategy.name for strategy in spec.strategies], spec.report.confidence
    tables = {
        "test_loss": numbers.losses(metrics, names, confidence, words),
        "diversity": numbers.diversity(metrics, names, confidence, words),
        "ancestry": numbers.origins(ancestry, names, words),
    }
    if "calibration" in figures:
        tables["calibration"] = numbers.calibration(calibrations(metrics, names))
    if "ratings" in figures:
        panels = replace(words, panels=rated_panels(metrics))
        tables["ratings"] = numbers.diversity(metrics, names, confidence, panels)
    if "verification" in figures:
        tables["verification"] = numbers.strength(strengths(metrics, names, words.error))
    return tables


def _summary(
    spec: ReportSpec, metrics: pa.Table, moved: dict[str, Interval], last: int, words: Words
) -> tuple[Summary, ...]:
    confidence = spec.report.confidence
    loss = bands(metrics, "test_loss", "real_test", confidence)
    others = [(bands(metrics, name, "real_test", confidence), digits) for name, digits in words.columns]
    real, passes, pool, steps = (
        bands(metrics, name, "mixture", confidence)
        for name in (f"real_{words.unit}_share", "pool_passes", "n_pool_examples", "n_steps")
    )
    trend = slopes(metrics, *LOSS, confidence)
    return tuple(
        Summary(
            name=strategy.name,
            recipe=setup.recipe(strategy, words),
            verifiers=", ".join(strategy.verifiers),
            first_loss=_at(loss.get(strategy.name), 0, 3),
            last_loss=_at(loss.get(strategy.name), last, 3),
            rise=_change(moved.get(strategy.name), confidence),
            slope=_change(trend.get(strategy.name), confidence),
            others=tuple(_at(found.get(strategy.name), last, digits) for found, digits in others),
            real_share=_percent_at(real.get(strategy.name), last),
            pool=_count_at(pool.get(strategy.name), last),
            seen=_seen(_value(passes.get(strategy.name), last)),
            steps=_count_at(steps.get(strategy.name), last),
        )
        for strategy in spec.strategies
    )


def _seen(passes: float | None) -> str:
    """How often a model saw the examples its strategy had for it: `77 % of them, once` or `1.6 times each`."""
    if passes is None:
        return ""
    if passes < 1:
        return f"{wording.percent(_two_figures(passes))} of them, once"
    return "once each" if passes == 1 else f"{passes:.2g} times each"


def _part_passes(metrics: pa.Table, names: list[str], last: int) -> tuple[str, ...]:
    """Which strategies' budget ended before they had seen their pool once, at the last generation, and how far."""
    passes, pool = (bands(metrics, name, "mixture", 0.95) for name in ("pool_passes", "n_pool_examples"))
    found = {name: (_value(passes.get(name), last), _value(pool.get(name), last)) for name in names}
    return tuple(
        f"{name} saw {wording.percent(_two_figures(seen))} of its {size:,.0f} examples, once"
        for name, (seen, size) in found.items()
        if seen is not None and size is not None and seen < 1
    )


def _two_figures(share: float) -> float:
    """A share below 1 rounded down to whole per cents, so that what is not all never reads as all."""
    return math.floor(100 * share) / 100


def _differences(spec: ReportSpec, contrasts: pa.Table) -> dict[str, tuple[Difference, ...]]:
    groups = last_generation_pairs(contrasts, spec.strategies, *LOSS)
    every = [pair for pairs in groups.values() for pair in pairs]
    digits = wording.digits_for(max((abs(pair.estimate) for pair in every), default=1) / 10)
    return {head: tuple(_difference(pair, digits) for pair in pairs) for head, pairs in groups.items()}


def _difference(pair: Pair, digits: int) -> Difference:
    verdict = ("higher" if pair.estimate > 0 else "lower") if pair.decided else "undecided"
    p_adjusted = wording.p_value(pair.p_adjusted)
    return Difference(pair.strategy, pair.baseline, interval_text(pair, digits), p_adjusted, pair.n_seeds, verdict)


def _change(interval: Interval | None, confidence: float) -> Change:
    if interval is None:
        return Change(wording.NOTHING, "", wording.NOTHING, "not measured")
    verdict = "one seed" if interval.method == "single_seed" else VERDICTS[interval.direction(confidence)]
    limits = wording.interval(interval.low, interval.high, 3).strip()
    return Change(wording.signed(interval.estimate, 3), limits, wording.p_value(interval.p_adjusted), verdict)


def _at(band: Band | None, generation: int, digits: int) -> str:
    value = _value(band, generation)
    return wording.NOTHING if value is None else wording.number(value, digits)


def _count_at(band: Band | None, generation: int) -> str:
    value = _value(band, generation)
    return wording.NOTHING if value is None else f"{value:,.0f}"


def _percent_at(band: Band | None, generation: int) -> str:
    value = _value(band, generation)
    return wording.NOTHING if value is None else wording.percent(round(value, 3))


def _value(band: Band | None, generation: int) -> float | None:
    if band is None or generation not in band.generations:
        return None
    return float(band.mean[np.flatnonzero(band.generations == generation)[0]])


def _swatch(look: Look) -> Swatch:
    dashes = "" if isinstance(look.dash, str) else " ".join(f"{2 * part:g}" for part in look.dash[1])
    corners = look.marker_outline()
    # SVG counts downwards; the marker is 9 units wide around the middle of a 36 x 14 box.
    points = " ".join(f"{18 + 9 * x:.2f},{7 - 9 * y:.2f}" for x, y in corners)
    return Swatch(look.colour, dashes, points, look.hollow)


def _captions(plan: Plan, figure: str) -> tuple[str, ...]:
    words = setup.words_of(plan)
    n, confidence = len(plan.seeds), plan.report.confidence
    lines, width = _how_lines_are_drawn(n, confidence), setup.interval_width(n, confidence)
    return {
        "test_loss": (
            LOSSES[plan.form.output],
            lines,
            width,
            f"Generation 0 is one model per seed, trained on real {words.real} and shared by all strategies.",
        ),
        "contrasts": (
            "Each row is a difference between two strategies with the same seeds. The table below has the numbers of "
            "the figure: intervals stand for one pair each and are not adjusted; p is.",
            "All other pairs, metrics and generations are in contrasts.parquet.",
        ),
        "diversity": _diversity_caption(plan, lines),
        "ancestry": (
            f"Shares of the {words.units} trained on, by where they come from{', mean over seeds' if n > 1 else ''}. "
            "Bars, because between two generations nothing is trained.",
        ),
        "calibration": CALIBRATION,
        "verification": VERIFICATION,
        "ratings": (*RATINGS, lines),
    }[figure]


CALIBRATION = (
    "The source of real text is known here, so the distance between a model and its source is exact. Each panel sets a "
    "measure that needs no such knowledge against the exact property it is read as; a point is one arm.",
    "Where the line x = y is drawn, the measure estimates the very quantity. Correlations are by rank, over arms of "
    "one chain that depend on one another: they describe, they do not test.",
)

VERIFICATION = (
    "Theory's p* is that of errors that fall by chance alone, with examples without end: verifiers of one p* do "
    "unequally well where what they let through is not like what is right, as where the likeliest samples are chosen.",
)

RATINGS = (
    "Generation 0 is held-out real text; every other point is what models wrote, before any verifier. A rater reads "
    "words: text that repeats one phrase is rated by that phrase.",
)

LOSSES = {
    "text": "Mean negative log-likelihood per token of held-out real documents; lower is better.",
    "image": "Mean negative evidence lower bound of held-out real images, in nats per image; lower is better.",
    "label": "Mean negative log-probability of the real labels of held-out images; lower is better.",
}


def _diversity_caption(plan: Plan, lines: str) -> tuple[str, ...]:
    shared = "Samples of generation 1 come from the shared model of generation 0."
    if plan.form.output == "image":
        return (
            "Codes are those of the encoder of generation 0. Classes, confidence and features are those of a small "
            "classifier, fitted once to real training images; precision and density say how like real images samples "
            "are, recall and coverage how many kinds of real images they reach.",
            "Dotted: real training images, against the same held-out ones.",
            shared,
            lines,
        )
    if plan.form.output == "label":
        return (
            "Labels that models gave are set beside the real ones. Calibration and errors are those of the models on "
            "held-out images.",
            shared,
            lines,
        )
    tokens = f"{plan.evaluation.diversity_tokens:,}"
    return (
        f"Diversity depends on size, so sizes are matched: every generation is measured on its first {tokens} "
        "tokens, and so is real text (dotted).",
        "A rise is not health: sampled at temperature 1, a model that drifts to noise writes more varied text. So "
        "read every panel with the last one. Where it falls, samples narrow to what the first model found likely; "
        "where it rises, they drift away from it. Its dotted level is that model's loss on held-out real text.",
        "Unseen token types never occur in real training text; only the tokenizer knows them, so their mass is a "
        "leak, and no new word. With decoding.unseen_types: forbidden, none is drawn.",
        shared,
        lines,
    )


def _how_lines_are_drawn(n_seeds: int, confidence: float) -> str:
    if n_seeds == 1:
        return "One seed: there is no band, because there is nothing to judge the spread between seeds by."
    means = f"Lines are means of {wording.seeds(n_seeds)}, thin lines are single seeds"
    if n_seeds < LEAST_SEEDS:
        return f"{means}. A band would need a third: with two, it fills the frame whatever the seeds say."
    return (
        f"{means}, bands are {wording.percent(confidence)} t-intervals of the mean, not adjusted; a band that is wider "
        "than the frame is cut at its edge."
    )
