"""Continues every block of a document, and puts what was written together: a sample as long as a document, of which
each part was begun by people.

Wang et al. (2025, section 4.1) make their synthetic articles so: 64 tokens of a real article, 64 that follow; the next
64 real ones, and so on.
"""

from dataclasses import dataclass

import numpy as np

from collapse.config.settings import DecodingSettings
from collapse.families import Sampler
from collapse.media import Draws
from collapse.media.text import blocks
from collapse.media.text.sequences import Sequences
from collapse.randomness import row_seeds


@dataclass(frozen=True)
class Blockwise:
    """A sampler that is given whole documents.

    Attributes:
        sampler: What continues a block.
        n_tokens: Tokens of a block; the last of a document may have fewer.
    """

    sampler: Sampler
    n_tokens: int

    def sample(self, inputs: Sequences, decoding: DecodingSettings, seeds: np.ndarray) -> Draws:
        """Draw one sample per document; see `families.Sampler`.

        The end of a sequence is kept behind a document's last block only, and only there does it say that the sample
        ended itself. A sample's log-probability is the sum over its continuations, each after its own block.
        """
        begun, per_document = blocks(inputs, self.n_tokens)
        own = [row_seeds(seed, 0, "block", range(n)) for seed, n in zip(seeds.tolist(), per_document, strict=True)]
        drawn = self.sampler.sample(begun, decoding, np.concatenate(own))
        ends = np.cumsum(per_document)
        is_last = np.isin(np.arange(len(begun)), ends - 1)
        written = [
            tokens[:-1] if stopped and not last else tokens
            for tokens, stopped, last in zip(drawn.outputs, drawn.stopped, is_last, strict=True)
        ]
        parts = Sequences.of(written)
        return Draws(
            outputs=Sequences(parts.values, parts.offsets[np.concatenate([[0], ends])]),
            stopped=drawn.stopped[ends - 1],
            logprob_nats=np.add.reduceat(drawn.logprob_nats, ends - per_document),
        )
