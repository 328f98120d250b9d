"""The answer in a few sentences, which never claims more than the adjusted p-values show.

Contrasts come first: strategies share their seeds and are compared at one generation, so a difference is known better
than a change since generation 0, which is measured from one noisy model per seed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from collapse.config.specs import REAL
from collapse.plots import wording
from collapse.plots.contrasts import Pair, against_control, between_strategies
from collapse.plots.media import TEXT, Words
from collapse.stats.paired import LEAST_SEEDS, Interval

MOST_NAMED = 2
"""Decided differences between strategies that are named; the others are counted."""


@dataclass(frozen=True)
class Part:
    """A piece of a sentence; `strategy` is set where the piece is a strategy's name."""

    text: str
    strategy: str | None = None


@dataclass(frozen=True)
class Answer:
    """The sentences in pieces, so that the page can set names apart, and how to read their numbers."""

    parts: tuple[Part, ...]
    note: str = ""

    @property
    def text(self) -> str:
        """The sentences as plain text."""
        return "".join(part.text for part in self.parts)


CONTROL = (Part(REAL, REAL), Part(" (the control)"))


def answer(
    pairs: Sequence[Pair],
    changes: Mapping[str, Interval],
    generation: int,
    confidence: float,
    words: Words = TEXT,
) -> Answer:
    """Say how test loss on real examples differs at the last generation, and how it moved since generation 0.

    Args:
        pairs: Contrasts of test loss at the last generation, each pair in both directions.
        changes: Change of test loss since generation 0 by strategy, paired by seed.
        generation: The last generation.
        confidence: Coverage of the intervals.
        words: What examples are called.
    """
    loss = f"the model's loss on held-out real {words.real}"
    # A control that is refitted to the very same model did not move; that is no finding.
    changes = {name: change for name, change in changes.items() if change.estimate or change.n_seeds < 2}
    if not changes:
        return Answer((Part("No strategy has been measured beyond generation 0, so there is no answer yet."),))
    counts = [change.n_seeds for change in changes.values()]
    against, between = against_control(pairs), between_strategies(pairs)
    if max(counts) < LEAST_SEEDS:
        return _too_few_seeds(against, changes, generation, max(counts), loss, words)
    parts = [Part(f"After {_generations(generation)}, ")]
    if against:
        parts += [*_against(against, loss), Part(". ")]
    if between:
        parts += [
            Part(f"{'Between' if against else 'between'} strategies, "),
            *_between(between, "it" if against else loss),
        ]
        parts += [Part(". ")]
    parts += [*_moved(changes, confidence, "it" if pairs else loss), Part(".")]
    return Answer(tuple(parts), _note(counts, len(pairs) // 2, len(changes), confidence, words))


def _against(pairs: Sequence[Pair], loss: str) -> list[Part]:
    """Each strategy against the control of the same generation."""
    digits = _digits([pair.estimate for pair in pairs])
    higher = [_sized(pair, digits) for pair in pairs if pair.decided and pair.estimate > 0]
    lower = [_sized(pair, digits) for pair in pairs if pair.decided and pair.estimate < 0]
    undecided = [_sized(pair, digits) for pair in pairs if not pair.decided]
    if not higher and not lower:
        start = [Part(f"it is undecided whether {loss} differs from that of "), *CONTROL, Part(" with ")]
        return [*start, *_joined(undecided, "or")]
    parts = [Part("compared with "), *CONTROL, Part(f", {loss} is ")]
    sides = [
        [Part(f"{word} with "), *_joined(found)] for word, found in (("higher", higher), ("lower", lower)) if found
    ]
    parts += _joined(sides, "; it is ")
    if undecided:
        parts += [Part("; whether it differs with "), *_joined(undecided, "or"), Part(" is undecided")]
    return parts


def _between(pairs: Sequence[Pair], subject: str) -> list[Part]:
    """The largest decided differences between strategies, and how many others there are of each kind."""
    found = [pair for pair in pairs if pair.decided]
    if not found:
        what = "the one difference" if len(pairs) == 1 else f"each of the {len(pairs)} differences"
        return [Part(f"{what} in {subject} is undecided")]
    digits = _digits([pair.estimate for pair in pairs])
    named = [_over(pair, digits) for pair in found[:MOST_NAMED]]
    rest = [(len(found) - len(named), "smaller and decided"), (len(pairs) - len(found), "undecided")]
    told = [f"{n} other{'' if n == 1 else 's'} {'is' if n == 1 else 'are'} {what}" for n, what in rest if n]
    tail = [Part("; " + " and ".join(told))] if told else []
    return [Part(f"{subject} is higher with "), *_joined(named, ", and with "), *tail]


def _moved(changes: Mapping[str, Interval], confidence: float, subject: str) -> list[Part]:
    """What rose, what fell and what is undecided since generation 0, worst first."""
    since = "Since" if subject == "it" else "since"
    ordered = sorted(changes, key=lambda name: (-changes[name].estimate, name))
    by_sign = {
        sign: [[Part(name, name)] for name in ordered if changes[name].direction(confidence) == sign]
        for sign in (1, -1, 0)
    }
    verbs = ((1, "rose"), (-1, "fell"))
    said = [[Part(f"{verb} with "), *_joined(by_sign[sign])] for sign, verb in verbs if by_sign[sign]]
    if not said:
        return [Part(f"{since} generation 0, it is undecided with every strategy whether {subject} moved")]
    parts = [Part(f"{since} generation 0, {subject} "), *_joined(said, "; it ")]
    if by_sign[0]:
        parts += [Part("; whether it moved with "), *_joined(by_sign[0], "or"), Part(" is undecided")]
    return parts


def _too_few_seeds(
    against: Sequence[Pair], changes: Mapping[str, Interval], generation: int, n_seeds: int, loss: str, words: Words
) -> Answer:
    why = "one seed has no interval" if n_seeds < 2 else "two seeds can agree by luck (a third would tell)"
    digits = _digits([change.estimate for change in changes.values()])
    opening = f"Undecided, because {why}: after {_generations(generation)}, {loss} "
    if against:
        parts = [Part(opening + "differs from that of "), *CONTROL, Part(" by ")]
        sizes = [(pair.strategy, pair.estimate) for pair in against]
    else:
        parts = [Part(opening + "moved by ")]
        sizes = sorted(((name, one.estimate) for name, one in changes.items()), key=lambda one: (-one[1], one[0]))
    told = [[Part(f"{wording.signed(size, digits)} with "), Part(name, name)] for name, size in sizes]
    since = "between models of the same generation" if against else "since generation 0"
    mean = "" if n_seeds < 2 else f", mean of {wording.seeds(n_seeds)}"
    return Answer((*parts, *_joined(told), Part(".")), f"In {words.nats}, {since}{mean}.")


def _note(counts: Sequence[int], n_pairs: int, n_changes: int, confidence: float, words: Words) -> str:
    families = f"for the {n_pairs} pairs of strategies at this generation, or " if n_pairs > 1 else ""
    return (
        f"In parentheses: mean difference over {wording.seed_range(list(counts))}, in {words.nats}, and its "
        f"{wording.percent(confidence)} interval, not adjusted. Said to differ or to have moved: p, adjusted (Holm) "
        f"{families}for the {n_changes} change{'' if n_changes == 1 else 's'} since generation 0, is below "
        f"{1 - confidence:.2g}."
    )


def _sized(pair: Pair, digits: int) -> list[Part]:
    return [Part(pair.strategy, pair.strategy), Part(f" ({_size(pair, digits)})")]


def _over(pair: Pair, digits: int) -> list[Part]:
    names = [Part(pair.strategy, pair.strategy), Part(" than with "), Part(pair.baseline, pair.baseline)]
    return [*names, Part(f" ({_size(pair, digits)})")]


def _joined(items: list[list[Part]], last: str = "and") -> list[Part]:
    """Join with commas and a last `and`; or with `last` throughout, if it brings its own comma or semicolon."""
    parts: list[Part] = []
    for index, item in enumerate(items):
        if index:
            between = last if last[0] in ",;" else f" {last} " if index == len(items) - 1 else ", "
            parts.append(Part(between))
        parts += item
    return parts


def _size(pair: Pair, digits: int) -> str:
    estimate = wording.signed(pair.estimate, digits)
    if pair.low is None and pair.high is None:
        return f"{estimate}, the same in every seed"
    low, high = wording.ends(pair.low, pair.high, digits)
    return f"{estimate}; {low} to {high}"


def _digits(estimates: Sequence[float]) -> int:
    return wording.digits_for(max(abs(estimate) for estimate in estimates))


def _generations(n: int) -> str:
    return f"{n} generation{'' if n == 1 else 's'}"
