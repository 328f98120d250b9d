"""When rules would have stopped the loop, for the page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from collapse.artifacts.evaluation_sets import RATERS, rater_and_label
from collapse.config.settings import StoppingSettings
from collapse.config.specs import REAL
from collapse.plots import wording

Seed = Mapping[str, Any]
"""A row of the STOPPING contract."""


@dataclass(frozen=True)
class Rule:
    """A rule in words."""

    name: str
    says: str


@dataclass(frozen=True)
class Row:
    """What a rule does with the seeds of a strategy; losses are means over them, in nats."""

    rule: str
    strategy: str
    stopped: str
    at: str
    kept: str
    loss_kept: str
    loss_best: str
    loss_last: str
    saved: str


@dataclass(frozen=True)
class Stopping:
    """The section.

    Attributes:
        rules: Every rule, in words.
        rows: By rule and strategy, in the order of the config.
        false_alarms: Rules that stop the control, which has nothing to be stopped for.
    """

    rules: tuple[Rule, ...]
    rows: tuple[Row, ...]
    false_alarms: tuple[str, ...]


def stopping(table: pa.Table, rules: Mapping[str, StoppingSettings], strategies: Sequence[str]) -> Stopping:
    """Put the section together.

    Args:
        table: Rows of the STOPPING contract.
        rules: The rules by name.
        strategies: What is shown, in the order of the config.
    """
    found: dict[tuple[str, str], list[Seed]] = {}
    for row in table.to_pylist():
        found.setdefault((row["rule"], row["strategy"]), []).append(row)
    rows = [_row(name, strategy, found[name, strategy]) for name in rules for strategy in strategies]
    stops = [name for name in rules if any(seed["stopped_at"] is not None for seed in found.get((name, REAL), []))]
    return Stopping(tuple(Rule(name, _in_words(rule)) for name, rule in rules.items()), tuple(rows), tuple(stops))


def _in_words(rule: StoppingSettings) -> str:
    rater, label = rater_and_label(rule.evaluation_set)
    place = f" ({label or rater})" if rule.evaluation_set.startswith(RATERS) else ""
    moves = "rises" if rule.change > 0 else "falls"
    for_long = "" if rule.patience == 1 else f" for {rule.patience} generations in a row"
    return f"{wording.title(rule.metric)}{place} {moves} by {abs(rule.change):g} or more{for_long}"


def _row(rule: str, strategy: str, seeds: list[Seed]) -> Row:
    at = [int(seed["stopped_at"]) for seed in seeds if seed["stopped_at"] is not None]
    return Row(
        rule=rule,
        strategy=strategy,
        stopped=f"{len(at)} of {len(seeds)}",
        at=_span(at),
        kept=_span([int(seed["kept"]) for seed in seeds]),
        loss_kept=wording.number(_mean(seeds, "loss_kept"), 3),
        loss_best=wording.number(_mean(seeds, "loss_best"), 3),
        loss_last=wording.number(_mean(seeds, "loss_last"), 3),
        saved=wording.number(_mean(seeds, "generations_saved"), 1),
    )


def _mean(seeds: list[Seed], name: str) -> float:
    return float(np.mean([float(seed[name]) for seed in seeds]))


def _span(generations: list[int]) -> str:
    """Generations of several seeds: `3`, or `2 to 4`; nothing where there is none."""
    if not generations:
        return wording.NOTHING
    low, high = min(generations), max(generations)
    return f"{low}" if low == high else f"{low} to {high}"
