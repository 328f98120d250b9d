"""Documents continued block by block, beside a sampler whose every answer is known."""

import numpy as np

from collapse.engines.blocks import Blockwise
from collapse.media import Draws
from collapse.media.text import blocks
from collapse.media.text.sequences import Sequences

END = 9
DOCUMENTS = Sequences.of([[1, 2, 3, 4, 5, END], [6, 7, END], [END], [1, 2, 3, 4, END]])


class Echo:
    """Writes its block's tokens backwards and ends itself after an even number of them; a token costs one nat."""

    def __init__(self) -> None:
        self.asked, self.seeds = list[list[int]](), list[int]()

    def sample(self, inputs, decoding, seeds):
        self.asked, self.seeds = [block.tolist() for block in inputs], seeds.tolist()
        written = [block[::-1] + [END] * (len(block) % 2 == 0) for block in self.asked]
        lengths = np.array([len(row) for row in written])
        return Draws(Sequences.of(written), np.array([len(block) % 2 == 0 for block in self.asked]), -1.0 * lengths)


def test_a_document_is_cut_without_its_end():
    found, counts = blocks(DOCUMENTS, 2)
    assert [block.tolist() for block in found] == [[1, 2], [3, 4], [5], [6, 7], [], [1, 2], [3, 4]]
    assert counts.tolist() == [3, 1, 1, 2]


def test_what_was_written_after_each_block_is_one_sample_with_one_end_at_most():
    drawn = Blockwise(Echo(), 2).sample(DOCUMENTS, None, np.array([11, 12, 13, 14]))  # pyright: ignore[reportArgumentType]
    assert [row.tolist() for row in drawn.outputs] == [[2, 1, 4, 3, 5], [7, 6, END], [END], [2, 1, 4, 3, END]]
    assert drawn.stopped.tolist() == [False, True, True, True]
    assert drawn.logprob_nats.tolist() == [-7.0, -3.0, -1.0, -6.0]  # ends that are taken away were drawn too


def test_every_block_has_noise_of_its_own_that_no_other_document_decides():
    together, alone = Echo(), Echo()
    Blockwise(together, 2).sample(DOCUMENTS, None, np.array([11, 12, 13, 14]))  # pyright: ignore[reportArgumentType]
    assert len(set(together.seeds)) == 7
    Blockwise(alone, 2).sample(DOCUMENTS.take(np.array([3])), None, np.array([14]))  # pyright: ignore[reportArgumentType]
    assert alone.seeds == together.seeds[-2:]
