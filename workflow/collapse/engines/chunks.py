"""Draws samples a chunk of rows at a time and keeps each chunk, so that an interrupted job goes on where it was.

Where chunks begin depends on the number of rows alone, and each is drawn by itself. So a job that was interrupted,
however often, gives the same rows as one that was not.
"""

import logging
import shutil
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from collapse import media
from collapse.config.settings import DecodingSettings
from collapse.families import Sampler
from collapse.media import Draws
from collapse.running.faults import pass_on
from collapse.running.files import written_at_once

logger = logging.getLogger(__name__)


class ChunkedSampler:
    """A sampler whose rows are kept in a folder as they are drawn.

    Attributes:
        open_sampler: Opens the model; not called while every chunk is there.
        folder: Where chunks are kept. Its name must say all that decides them: what is found there is taken.
        chunk_rows: Rows of a chunk.
        medium: What is drawn.
    """

    def __init__(self, open_sampler: Callable[[], Sampler], folder: Path, chunk_rows: int, medium: str) -> None:
        self.open_sampler = open_sampler
        self.folder = folder
        self.chunk_rows = chunk_rows
        self.medium = media.medium(medium)

    @cached_property
    def _sampler(self) -> Sampler:
        return self.open_sampler()

    def sample(self, inputs: Any, decoding: DecodingSettings, seeds: np.ndarray) -> Draws:
        """Draw one output per seed, the chunks that are already there excepted; see `families.Sampler`."""
        chunks = []
        for start in range(0, len(seeds), self.chunk_rows):
            rows = np.arange(start, min(start + self.chunk_rows, len(seeds)))
            path = self.folder / f"{start:09d}.parquet"
            drawn = self._kept(path, len(rows))
            if drawn is None:
                drawn = self._sampler.sample(None if inputs is None else inputs.take(rows), decoding, seeds[rows])
                self._keep(path, drawn)
                logger.info("%d of %d samples drawn", rows[-1] + 1, len(seeds))
            chunks.append(drawn)
        return Draws(
            outputs=type(chunks[0].outputs).concatenate([chunk.outputs for chunk in chunks]),
            stopped=np.concatenate([chunk.stopped for chunk in chunks]),
            logprob_nats=np.concatenate([chunk.logprob_nats for chunk in chunks]),
        )

    def forget(self) -> None:
        """Remove the chunks: the samples are where they belong."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _keep(self, path: Path, drawn: Draws) -> None:
        table = pa.table(
            self.medium.stored(drawn.outputs) | {"stopped": drawn.stopped, "logprob_nats": drawn.logprob_nats}
        )
        with written_at_once(path) as partial:
            pq.write_table(table, partial, compression="zstd", compression_level=1, write_page_checksum=True)

    def _kept(self, path: Path, n_rows: int) -> Draws | None:
        """The chunk, or None if there is none that is whole."""
        if not path.is_file():
            return None
        try:
            table = pq.ParquetFile(path, page_checksum_verification=True).read()
        except (pa.ArrowInvalid, OSError) as error:
            pass_on(error)
            logger.warning("%s is damaged (%s); its %d samples are drawn again", path, error, n_rows)
            return None
        logger.info("%s: %d samples drawn before", path.name, table.num_rows)
        return Draws(
            outputs=self.medium.outputs(table),
            stopped=table["stopped"].to_numpy(),
            logprob_nats=table["logprob_nats"].to_numpy(),
        )
