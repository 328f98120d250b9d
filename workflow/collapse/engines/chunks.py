"""Draws samples a chunk of rows at a time and keeps each chunk, so that an interrupted job goes on where it was.

Where chunks begin depends on the number of rows alone, and each is drawn by itself. So a job that was interrupted,
however often, gives the same rows as one that was not.
"""

import logging
import shutil
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from collapse.config.settings import DecodingSettings
from collapse.families import Draws, Sampler
from collapse.media.text.sequences import Sequences
from collapse.running.files import written_at_once

logger = logging.getLogger(__name__)


class ChunkedSampler:
    """A sampler whose rows are kept in a folder as they are drawn.

    Attributes:
        open_sampler: Opens the model; not called while every chunk is there.
        folder: Where chunks are kept. Its name must say all that decides them: what is found there is taken.
        chunk_rows: Rows of a chunk.
    """

    def __init__(self, open_sampler: Callable[[], Sampler], folder: Path, chunk_rows: int) -> None:
        self.open_sampler = open_sampler
        self.folder = folder
        self.chunk_rows = chunk_rows

    @cached_property
    def _sampler(self) -> Sampler:
        return self.open_sampler()

    def sample(self, prompts: Sequences, decoding: DecodingSettings, seeds: np.ndarray) -> Draws:
        """Draw one continuation per prompt, the chunks that are already there excepted; see `families.Sampler`."""
        starts = range(0, len(prompts), self.chunk_rows)
        chunks = []
        for start in starts:
            rows = np.arange(start, min(start + self.chunk_rows, len(prompts)))
            path = self.folder / f"{start:09d}.parquet"
            drawn = _kept(path, len(rows))
            if drawn is None:
                drawn = self._sampler.sample(prompts.take(rows), decoding, seeds[rows])
                _keep(path, drawn)
                logger.info("%d of %d samples drawn", rows[-1] + 1, len(prompts))
            chunks.append(drawn)
        return Draws(
            tokens=Sequences.concatenate([chunk.tokens for chunk in chunks]),
            stopped=np.concatenate([chunk.stopped for chunk in chunks]),
            logprob_nats=np.concatenate([chunk.logprob_nats for chunk in chunks]),
        )

    def forget(self) -> None:
        """Remove the chunks: the samples are where they belong."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _keep(path: Path, drawn: Draws) -> None:
    table = pa.table(
        {"token_ids": drawn.tokens.to_arrow(), "stopped": drawn.stopped, "logprob_nats": drawn.logprob_nats}
    )
    with written_at_once(path) as partial:
        pq.write_table(table, partial, compression="zstd", compression_level=1, write_page_checksum=True)


def _kept(path: Path, n_rows: int) -> Draws | None:
    """The chunk, or None if there is none that is whole."""
    if not path.is_file():
        return None
    try:
        table = pq.ParquetFile(path, page_checksum_verification=True).read()
    except (pa.ArrowInvalid, OSError) as error:
        logger.warning("%s is damaged (%s); its %d samples are drawn again", path, error, n_rows)
        return None
    logger.info("%s: %d samples drawn before", path.name, table.num_rows)
    return Draws(
        tokens=Sequences.from_arrow(table["token_ids"]),
        stopped=table["stopped"].to_numpy(),
        logprob_nats=table["logprob_nats"].to_numpy(),
    )
