"""Images on the page: the same draws of every strategy in one sheet each, generation by generation, below real ones."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collapse.config.form import Form
from collapse.config.specs import REAL
from collapse.media import image
from collapse.media.image import Images
from collapse.reporting.samples import MOST_GENERATIONS, Draw, Gallery, Row, Text, evenly
from collapse.reporting.texts import segments

COLUMNS, ROWS = 6, 5
PER_SHEET = COLUMNS * ROWS
"""Draws on a sheet."""

MARGIN = 2
"""Pixels between images."""


def gallery(
    samples: pa.Table, documents: pa.Table, strategies: Sequence[str], n_seeds: int, form: Form
) -> Gallery | None:
    """Line up the first draws of as many seeds as asked for; None if there is nothing to show.

    Args:
        samples: Rows of the SAMPLES contract, all arms.
        documents: Rows of the DOCUMENTS contract.
        strategies: The strategies of the experiment, in order.
        n_seeds: How many seeds are shown.
        form: What an example is.
    """
    kept = samples.filter(pc.field("draw") < PER_SHEET)
    seeds = sorted(set(kept["seed"].to_pylist()))[:n_seeds]
    if not seeds:
        return None
    generations = sorted(set(kept["generation"].to_pylist()))
    shown = evenly(generations, MOST_GENERATIONS)
    draws = [Draw(seed, 0, _rows(kept, documents, strategies, shown, seed, form)) for seed in seeds]
    return Gallery(
        strategies=tuple(strategies),
        draws=tuple(draws),
        left_out=tuple(sorted(set(generations) - set(shown))),
        has_prompts=form.input is not None,
        example_id=str(kept.sort_by([("generation", "descending"), ("sample_id", "descending")])["sample_id"][0]),
    )


def _rows(
    samples: pa.Table, documents: pa.Table, strategies: Sequence[str], generations: Sequence[int], seed: int, form: Form
) -> tuple[Row, ...]:
    first = documents.filter(pc.field("split") == "train").slice(0, PER_SHEET)
    rows = [Row(0, f"Real {form.output}s", (_text(first, form, documents, len(strategies), "", ""),))]
    for generation in generations:
        owners = [REAL] if generation == 1 else list(strategies)
        texts = list[Text | None]()
        for name in owners:
            where = (pc.field("seed") == seed) & (pc.field("generation") == generation) & (pc.field("strategy") == name)
            drawn = samples.filter(where).sort_by("draw")
            width, shown = (len(strategies), "") if generation == 1 else (1, name)
            identity = str(drawn["sample_id"][0]) if drawn.num_rows else ""
            texts.append(_text(drawn, form, documents, width, shown, identity) if drawn.num_rows else None)
        rows.append(Row(generation, f"Generation {generation}", tuple(texts)))
    return tuple(rows)


def _text(table: pa.Table, form: Form, documents: pa.Table, n_columns: int, strategy: str, first_id: str) -> Text:
    picture = image.as_uri(sheet(image.outputs(table)))
    body = segments(_labels(table, documents)) if form.output == "label" else ()
    return Text((), body, n_columns, strategy, first_id, (), picture)


def _labels(table: pa.Table, documents: pa.Table) -> str:
    """The label of each image of a sheet, in its place; a star beside one that is not the real one."""
    true: Mapping[str, Any] = {}
    if "prompt_id" in table.column_names:
        true = dict(zip(documents["document_id"].to_pylist(), documents["label"].to_pylist(), strict=True))
    rows = table.to_pylist()
    said = [
        f"{row['label']}{'*' if true.get(row.get('prompt_id'), row['label']) != row['label'] else ' '}" for row in rows
    ]
    return "\n".join("  ".join(said[start : start + COLUMNS]) for start in range(0, len(said), COLUMNS))


def sheet(images: Images) -> np.ndarray:
    """Images side by side, row by row, shape `(height, width)`, uint8."""
    height, width = images.shape.height + MARGIN, images.shape.width + MARGIN
    n_rows = -(-len(images) // COLUMNS)
    page = np.full((n_rows * height + MARGIN, COLUMNS * width + MARGIN), image.WHITE, dtype=np.uint8)
    for index, pixels in enumerate(images.pixels):
        row, column = divmod(index, COLUMNS)
        top, left = MARGIN + row * height, MARGIN + column * width
        page[top : top + images.shape.height, left : left + images.shape.width] = pixels
    return page
