"""How the text was drawn: the effective parameters, what was counted, and what looked wrong."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from collapse.plots import wording

MEANINGS = {
    "temperature": "1 draws from the model itself",
    "top_p": "1 keeps every token",
    "top_k": "0 keeps every token",
    "min_p": "0 keeps every token",
    "repetition_penalty": "1 is none",
    "n_beams": "1 is no beam search",
    "unseen_types": "whether token types that real training text lacks may be drawn; start and padding never are",
    "edit_above": "a token of a real document that is likelier is drawn anew, from the top_k",
    "min_new_tokens": "no sample ends before",
    "max_new_tokens": "a longer sample is cut, and counted as truncated",
    "watermark: green_share": "share of all tokens that are made likelier, γ",
    "watermark: bias": "how much, in nats, δ; 0 is nothing",
    "watermark: key": "which tokens",
}
"""What the value that changes nothing is, by parameter."""


Value = str | bool | int | float | None


class SamplingRecord(BaseModel):
    """`sampling_record.json`: what one arm's sampler did. Facts that the report does not show are passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    strategy: str
    seed: int
    generation: int
    engine: str
    decoding: dict[str, Value | dict[str, Value]]
    prompt: dict[str, Value]
    n_samples: int
    n_truncated: int | None = None
    n_empty: int | None = None
    n_duplicates: int | None = None
    mean_tokens: float | None = None
    warnings: list[str]


@dataclass(frozen=True)
class Parameter:
    """One effective value: its name, the value of each way of drawing, and what the neutral value is."""

    name: str
    values: tuple[str, ...]
    meaning: str


@dataclass(frozen=True)
class Count:
    """What came out of one strategy's sampler at one generation, over all seeds."""

    strategy: str
    generation: int
    n_samples: int
    truncated: str
    empty: str
    duplicates: str
    mean_tokens: str
    n_warnings: int


@dataclass(frozen=True)
class Decoding:
    """The decoding section.

    Attributes:
        parameters: Effective values; one column per way of drawing, normally one.
        n_ways: Different sets of parameters in this experiment; more than 1 makes strategies hard to compare.
        counts: By strategy and generation, in the order of the config.
        warnings: Sentences, each naming its arm.
    """

    parameters: tuple[Parameter, ...]
    n_ways: int
    counts: tuple[Count, ...]
    warnings: tuple[str, ...]


OF_TEXT = ("top_p", "top_k", "min_p", "repetition_penalty", "n_beams", "max_new_tokens", "unseen_types")
"""Parameters that mean something where text is drawn."""


def decoding(records: Sequence[SamplingRecord], strategies: Sequence[str]) -> Decoding:
    """Summarise the sampling records of all arms."""
    place = {name: index for index, name in enumerate(strategies)}
    arms = sorted(records, key=lambda r: (place.get(r.strategy, -1), r.strategy, r.generation, r.seed))
    ways = list({str(values := _effective(record)): values for record in arms}.values())
    names = list(dict.fromkeys(name for way in ways for name in way))
    groups: dict[tuple[str, int], list[SamplingRecord]] = {}
    for record in arms:
        groups.setdefault((record.strategy, record.generation), []).append(record)
    return Decoding(
        parameters=tuple(
            Parameter(name, tuple(way.get(name, wording.NOTHING) for way in ways), MEANINGS.get(name, ""))
            for name in names
        ),
        n_ways=len(ways),
        counts=tuple(_count(strategy, generation, group) for (strategy, generation), group in groups.items()),
        warnings=tuple(f"{_arm(record)}: {warning}" for record in arms for warning in record.warnings),
    )


def _effective(record: SamplingRecord) -> dict[str, str]:
    draws_text = record.mean_tokens is not None
    values: dict[str, Value] = {"engine": record.engine}
    for name, value in record.decoding.items():
        if isinstance(value, dict):
            values |= {f"{name}: {part}": one for part, one in value.items()}
        elif draws_text or name not in OF_TEXT:
            values[name] = value
    values |= {f"prompt: {name}": value for name, value in record.prompt.items()}
    return {name: _value(value) for name, value in values.items()}


def _value(value: Value) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case None:
            return "none"
        case float():
            return f"{value:g}"
        case _:
            return str(value)


def _count(strategy: str, generation: int, group: list[SamplingRecord]) -> Count:
    total = sum(record.n_samples for record in group)
    lengths = [record.mean_tokens * record.n_samples for record in group if record.mean_tokens is not None]
    return Count(
        strategy=strategy,
        generation=generation,
        n_samples=total,
        truncated=_share([record.n_truncated for record in group], total),
        empty=_share([record.n_empty for record in group], total),
        duplicates=_share([record.n_duplicates for record in group], total),
        mean_tokens=wording.number(sum(lengths) / max(total, 1), 1) if lengths else wording.NOTHING,
        n_warnings=sum(len(record.warnings) for record in group),
    )


def _share(counts: Sequence[int | None], total: int) -> str:
    """A count and its share; nothing where it is not counted of such samples."""
    known = [count for count in counts if count is not None]
    if not known:
        return wording.NOTHING
    count = sum(known)
    return f"{count:,}" if not count else f"{count:,} ({wording.percent(round(count / total, 3))})"


def _arm(record: SamplingRecord) -> str:
    return f"{record.strategy}, seed {record.seed}, generation {record.generation}"
