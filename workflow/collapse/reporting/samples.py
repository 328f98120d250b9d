"""The same draws of every strategy side by side, generation by generation, below a real document."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from collapse.config.specs import REAL
from collapse.reporting.texts import LONGEST, Segment, segments

MOST_GENERATIONS = 6
"""Rows of samples in one table."""


@dataclass(frozen=True)
class Text:
    """One text on the page.

    Attributes:
        prompt: What the model was given; empty for a real document.
        body: What was written.
        n_columns: Strategies this text stands for; a shared text spans their columns.
        strategy: Whose it is; empty where it is shared.
        sample_id: Its id, for `python -m collapse trace`; empty for a real document.
        notes: What a reader must know: cut by the sampler, shortened here, empty.
        picture: Address of an image, where that is what was made.
    """

    prompt: tuple[Segment, ...]
    body: tuple[Segment, ...]
    n_columns: int
    strategy: str
    sample_id: str
    notes: tuple[str, ...]
    picture: str = ""


@dataclass(frozen=True)
class Row:
    """One generation; `texts` has None where a strategy has no samples."""

    generation: int
    title: str
    texts: tuple[Text | None, ...]


@dataclass(frozen=True)
class Draw:
    """All texts of one seed and draw number, which share the sampler's noise."""

    seed: int
    number: int
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Gallery:
    """The draws shown.

    Attributes:
        strategies: Columns.
        draws: The first draw of each seed in turn, then the second, whatever they show.
        left_out: Generations that are not shown, because the table would be too long.
        has_prompts: Whether any text began with a prompt.
        example_id: Id of one sample shown.
    """

    strategies: tuple[str, ...]
    draws: tuple[Draw, ...]
    left_out: tuple[int, ...]
    has_prompts: bool
    example_id: str


Place = tuple[str, int]
"""Strategy and generation."""


def picks(seeds: Sequence[int], n_draws: int) -> list[tuple[int, int]]:
    """Seed and draw number of each of the draws shown: the seeds in turn, so that as many as possible are seen."""
    return [(seeds[index % len(seeds)], index // len(seeds)) for index in range(n_draws)]


def gallery(samples: pa.Table, documents: pa.Table, strategies: Sequence[str], n_draws: int) -> Gallery | None:
    """Line up the first draws of every seed; None if there is nothing to show.

    Args:
        samples: Rows of the SAMPLES contract, all arms.
        documents: Rows of the DOCUMENTS contract.
        strategies: The strategies of the experiment, in order.
        n_draws: How many draws are shown.
    """
    wanted = picks(sorted(set(samples["seed"].to_pylist())), n_draws) if samples.num_rows else []
    kept = samples.filter(pc.field("draw") <= max((draw for _, draw in wanted), default=-1)).to_pylist()
    by_pick = {pick: dict[Place, dict[str, Any]]() for pick in wanted}
    for row in kept:
        if (pick := (row["seed"], row["draw"])) in by_pick:
            by_pick[pick][row["strategy"], row["generation"]] = row
    by_pick = {pick: texts for pick, texts in by_pick.items() if texts}
    if not by_pick:
        return None
    generations = sorted({generation for texts in by_pick.values() for _, generation in texts})
    shown = evenly(generations, MOST_GENERATIONS)
    draws = [
        Draw(seed, number, _rows(texts, documents, strategies, shown, index))
        for index, ((seed, number), texts) in enumerate(by_pick.items())
    ]
    everyone = [row for texts in by_pick.values() for row in texts.values()]
    return Gallery(
        strategies=tuple(strategies),
        draws=tuple(draws),
        left_out=tuple(sorted(set(generations) - set(shown))),
        has_prompts=any(row["prompt"] for row in everyone),
        example_id=max(everyone, key=lambda row: (row["generation"], row["sample_id"]))["sample_id"],
    )


def _rows(
    by_place: dict[Place, dict[str, object]],
    documents: pa.Table,
    strategies: Sequence[str],
    generations: Sequence[int],
    index: int,
) -> tuple[Row, ...]:
    rows = [Row(0, "Real text", (_document(by_place, documents, len(strategies), index),))]
    for generation in generations:
        if generation == 1:
            texts = (_shared(by_place, len(strategies)),)
        else:
            texts = tuple(_sample(by_place.get((name, generation))) for name in strategies)
        rows.append(Row(generation, f"Generation {generation}", texts))
    return tuple(rows)


def _shared(by_place: dict[Place, dict[str, object]], n_columns: int) -> Text | None:
    """Samples of generation 1 come from the shared model of generation 0 and stand for every strategy."""
    return _sample(by_place.get((REAL, 1)), n_columns, shared=True)


def _sample(row: dict[str, object] | None, n_columns: int = 1, shared: bool = False) -> Text | None:
    if row is None:
        return None
    text = str(row["text"])
    cut = ("not ended by the model: cut at the longest length",) if row["finish_reason"] == "length" else ()
    body, notes = _shown(text)
    strategy = "" if shared else str(row["strategy"])
    return Text(segments(str(row["prompt"])), body, n_columns, strategy, str(row["sample_id"]), (*notes, *cut))


def _document(by_place: dict[Place, dict[str, object]], documents: pa.Table, n_columns: int, index: int) -> Text | None:
    """The document whose beginning was the prompt; without prompts, the training document of the same number."""
    known = [name for name in ("document_id", "text", "prompt") if name in documents.column_names]
    train = documents.filter(pc.field("split") == "train").select(known).to_pylist()
    if not train:
        return None
    prompts = {row["prompt_id"] for row in by_place.values()} - {None}
    prompting = [row for row in train if row["document_id"] in prompts]
    shown = (prompting or train[index % len(train) :])[0]
    body, notes = _shown(shown["text"])
    return Text(segments(shown.get("prompt") or ""), body, n_columns, "", "", notes)


def _shown(text: str) -> tuple[tuple[Segment, ...], tuple[str, ...]]:
    if not text:
        return (), ("empty: the model ended at once",)
    if len(text) > LONGEST:
        return segments(text[:LONGEST]), (f"{len(text) - LONGEST:,} more characters in the Parquet file",)
    return segments(text), ()


def evenly(generations: list[int], most: int) -> list[int]:
    """At most `most` of them, first and last included, evenly spaced."""
    if len(generations) <= most:
        return generations
    step = (len(generations) - 1) / (most - 1)
    return [generations[round(k * step)] for k in range(most)]
