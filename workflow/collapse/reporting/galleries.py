"""Samples on the page, whatever they are: texts beside one another, or sheets of images."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from collapse.artifacts import contracts
from collapse.artifacts.contracts import DOCUMENTS, SAMPLES
from collapse.reporting import pictures, samples
from collapse.reporting.samples import Gallery

TEXT_COLUMNS = ["strategy", "seed", "generation", "draw", "sample_id", "prompt_id", "prompt", "text", "finish_reason"]


def shown(paths: Sequence[Path], documents: Path, strategies: Sequence[str], n_draws: int) -> Gallery | None:
    """The first draws of some seeds, side by side.

    Args:
        paths: Tables of samples.
        documents: Real documents.
        strategies: The strategies of the experiment, in order.
        n_draws: How many draws are shown; of images, of how many seeds a sheet is.
    """
    real = contracts.read(documents, DOCUMENTS)
    form = contracts.form_of(real, DOCUMENTS)
    if not paths or not n_draws:
        return None
    if form.output == "text":
        few = [contracts.read(path, SAMPLES, TEXT_COLUMNS).filter(pc.field("draw") < n_draws) for path in paths]
        return samples.gallery(pa.concat_tables(few), real, strategies, n_draws)
    few = [contracts.read(path, SAMPLES).filter(pc.field("draw") < pictures.PER_SHEET) for path in paths]
    return pictures.gallery(pa.concat_tables(few), real, strategies, n_draws, form)
