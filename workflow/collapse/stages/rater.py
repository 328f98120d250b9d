"""Fit a rater, which gives every sample a label, and see how well it does on text that it was not fitted to."""

import logging
from pathlib import Path

import pyarrow as pa

from collapse import raters
from collapse.artifacts import contracts, sources
from collapse.artifacts.contracts import HELD_OUT, RATER, Record
from collapse.config.specs import RaterSpec
from collapse.corpora import labelled
from collapse.errors import ConfigError
from collapse.stages import Output

log = logging.getLogger(__name__)


def run(*, spec: RaterSpec, checkpoint: Path | None = None, rater: Output, held_out: Output, record: Record) -> None:
    """Read its text, fit it, and write what it has learned and what it says of what was held out.

    Args:
        spec: Its kind, its text, and what is held out.
        checkpoint: Card of somebody's model, where the rater is one.
        rater: What it has learned.
        held_out: One row per text that it was tested on; none where it was tested on nothing.
        record: What the tables were made from.

    Raises:
        ConfigError: Its text does not do.
        ContractError: Its text is not what it was when the run was planned.
    """
    where = f"raters.{spec.name}"
    corpus = spec.rater.corpus
    if source := sources.of_rater(corpus, f"{where}.corpus"):
        source.check(spec.source_sha256)
    try:
        texts = labelled.read(corpus) if corpus else []
        learned, tested = raters.module(spec.rater.kind).fit(texts, spec.rater, raters.Beside(checkpoint))
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None
    contracts.write(rater, RATER, learned, record)
    rows = [{"text_id": f"{row:06d}", **vars(text)} for row, text in enumerate(tested)]
    contracts.write(held_out, HELD_OUT, pa.Table.from_pylist(rows, schema=HELD_OUT.schema), record)
    if not tested:
        log.info("%s: tested on nothing", spec.name)
        return
    right = sum(text.label == text.given for text in tested) / len(tested)
    log.info("%s: %.1f %% of %d held-out texts rated rightly", spec.name, 100 * right, len(tested))
