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
    """The sentence in pieces, so that the page can set names apart."""

    parts: tuple[Part, ...]

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
    if not changes:
        return Answer((Part("No strategy has been measured beyond generation 0, so there is no answer yet."),))
    ordered = sorted(changes, key=lambda name: (-changes[name].estimate, name))
    digits = wording.digits_for(max(abs(interval.estimate) for interval in changes.values()) / 10)
    counts = [interval.n_seeds for interval in changes.values()]
    if max(counts) < 2:
        return Answer(tuple(_one_seed(changes, ordered, generation, digits)))
    parts = [Part(f"After {_generations(generation)}, the model's loss on held-out real text ")]
    verbs = {1: "had risen with ", -1: "had fallen with "}
    clauses = [
        [Part(verbs[sign]), *_listed(changes, [name for name in ordered if changes[name].sign == sign], digits)]
        for sign in (1, -1)
        if any(changes[name].sign == sign for name in ordered)
    ]
    undecided = [name for name in ordered if changes[name].sign == 0]
    for index, clause in enumerate(clauses):
        parts += [Part("; it "), *clause] if index else clause
    if undecided:
        opening = "; it is undecided whether it moved with " if clauses else "is undecided: it may have moved either way with "
        parts += [Part(opening), *_listed(changes, undecided, digits)]
    parts.append(
        Part(
            f" (nats per token, mean of {wording.seed_range(counts)}, in brackets the "
            f"{wording.percent(confidence)} t-interval)."
        )
    )
    return Answer(tuple(parts))


def _one_seed(changes: dict[str, Interval], ordered: Sequence[str], generation: int, digits: int) -> list[Part]:
    return [
        Part(f"Undecided, because one seed has no interval: after {_generations(generation)}, the model's loss on "),
        Part("held-out real text had moved by "),
        *_joined([[Part(f"{wording.signed(changes[name].estimate, digits)} with "), Part(name, name)] for name in ordered]),
        Part(" (nats per token)."),
    ]


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
    return f"{wording.signed(interval.estimate, digits)}{wording.interval(interval.low, interval.high, digits)}"


def _generations(n: int) -> str:
    return f"{n} generation{'' if n == 1 else 's'}"
