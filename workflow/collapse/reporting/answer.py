"""The one-sentence answer, which never claims more than the intervals show."""

from collections.abc import Sequence
from dataclasses import dataclass

from collapse.plots import wording
from collapse.stats.paired import Interval


@dataclass(frozen=True)
class Part:
    """A piece of a sentence; `strategy` is set where the piece is a strategy's name."""

    text: str
    strategy: str | None = None


@dataclass(frozen=True)
class Answer:
    """The sentence in pieces, so that the page can set names apart, and how to read its numbers."""

    parts: tuple[Part, ...]
    note: str = ""

    @property
    def text(self) -> str:
        """The sentence as plain text."""
        return "".join(part.text for part in self.parts)


def answer(changes: dict[str, Interval], generation: int, confidence: float) -> Answer:
    """Say how test loss on real text moved from generation 0 to the last, worst strategy first.

    Args:
        changes: Change of test loss by strategy, in nats per token, paired by seed.
        generation: The last generation.
        confidence: Coverage of the intervals.
    """
    # A control that is refitted to the very same model did not move; that is no finding.
    changes = {name: change for name, change in changes.items() if change.estimate or change.n_seeds < 2}
    if not changes:
        return Answer((Part("No strategy has been measured beyond generation 0, so there is no answer yet."),))
    ordered = sorted(changes, key=lambda name: (-changes[name].estimate, name))
    digits = wording.digits_for(max(abs(interval.estimate) for interval in changes.values()))
    counts = [interval.n_seeds for interval in changes.values()]
    if max(counts) < 2:
        return _one_seed(changes, ordered, generation, digits)
    by_sign = {sign: [name for name in ordered if changes[name].sign == sign] for sign in (1, -1, 0)}
    listed = {sign: _listed(changes, names, digits) for sign, names in by_sign.items() if names}
    note = (
        f"In parentheses: change in nats per token since generation 0, mean of {wording.seed_range(counts)}, and its "
        f"{wording.percent(confidence)} t-interval over seeds."
    )
    return Answer((Part(f"After {_generations(generation)}, "), *_claims(listed), Part(".")), note)


def _claims(listed: dict[int, list[Part]]) -> list[Part]:
    """What rose, what fell and what is undecided; `listed` holds the strategies of each sign that occurs."""
    loss = "the model's loss on held-out real text"
    if listed.keys() == {0}:
        return [Part(f"it is undecided whether {loss} moved with "), *listed[0]]
    verbs = [[Part(f"{verb} with "), *listed[sign]] for sign, verb in ((1, "rose"), (-1, "fell")) if sign in listed]
    parts = [Part(f"{loss} "), *verbs[0]]
    for verb in verbs[1:]:
        parts += [Part("; it "), *verb]
    if 0 in listed:
        parts += [Part("; whether it moved with "), *listed[0], Part(" is undecided")]
    return parts


def _one_seed(changes: dict[str, Interval], ordered: Sequence[str], generation: int, digits: int) -> Answer:
    opening = (
        f"Undecided, because one seed has no interval: after {_generations(generation)}, the model's loss on held-out "
        "real text moved by "
    )
    moved = [[Part(f"{wording.signed(changes[name].estimate, digits)} with "), Part(name, name)] for name in ordered]
    return Answer((Part(opening), *_joined(moved), Part(".")), "In nats per token since generation 0.")


def _listed(changes: dict[str, Interval], names: Sequence[str], digits: int) -> list[Part]:
    return _joined([[Part(name, name), Part(f" ({_size(changes[name], digits)})")] for name in names])


def _joined(items: list[list[Part]]) -> list[Part]:
    """Join with commas and a last `and`."""
    parts: list[Part] = []
    for index, item in enumerate(items):
        if index:
            parts.append(Part(" and " if index == len(items) - 1 else ", "))
        parts += item
    return parts


def _size(interval: Interval, digits: int) -> str:
    estimate = wording.signed(interval.estimate, digits)
    if interval.low is None or interval.high is None:
        return f"{estimate}, {'one seed' if interval.n_seeds == 1 else 'the same in every seed'}"
    return f"{estimate}; {wording.signed(interval.low, digits)} to {wording.signed(interval.high, digits)}"


def _generations(n: int) -> str:
    return f"{n} generation{'' if n == 1 else 's'}"
