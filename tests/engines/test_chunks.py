"""Samples are drawn in chunks: interrupted or not, they are the same, and none is drawn twice."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from collapse.config.settings import DecodingSettings
from collapse.engines.chunks import ChunkedSampler
from collapse.families import Draws
from collapse.media.text.sequences import Sequences

DECODING = DecodingSettings(
    method="sample",
    temperature=1,
    top_p=1,
    top_k=0,
    min_p=0,
    repetition_penalty=1,
    n_beams=1,
    max_new_tokens=8,
    unseen_types="allowed",
)
SEEDS = np.arange(23) * 7
PROMPTS = Sequences.of([[row] for row in range(23)])


@dataclass
class Counting:
    """A sampler that writes each row's prompt and seed, and stops working after some rows."""

    rows_left: int = 1000
    drawn: list[int] = field(default_factory=list)

    def sample(self, prompts: Sequences, decoding: DecodingSettings, seeds: np.ndarray) -> Draws:
        if self.rows_left < len(prompts):
            raise KeyboardInterrupt
        self.rows_left -= len(prompts)
        self.drawn += seeds.tolist()
        texts = [[int(prompt[0]), int(seed)] for prompt, seed in zip(prompts, seeds, strict=True)]
        return Draws(Sequences.of(texts), seeds % 2 == 0, -seeds / 3)


def sample(inner: Counting, folder, rows: int = 5) -> Draws:
    return ChunkedSampler(lambda: inner, folder, rows, "text").sample(PROMPTS, DECODING, SEEDS)


def assert_same(first: Draws, second: Draws) -> None:
    np.testing.assert_array_equal(first.outputs.values, second.outputs.values)
    np.testing.assert_array_equal(first.outputs.lengths, second.outputs.lengths)
    np.testing.assert_array_equal(first.stopped, second.stopped)
    np.testing.assert_array_equal(first.logprob_nats, second.logprob_nats)


@pytest.mark.parametrize("rows_left", [0, 5, 12, 22])
def test_an_interrupted_job_goes_on_after_its_last_chunk(tmp_path, rows_left):
    first, second = Counting(rows_left), Counting()
    with pytest.raises(KeyboardInterrupt):
        sample(first, tmp_path / "work")
    resumed = sample(second, tmp_path / "work")
    assert sorted(first.drawn + second.drawn) == SEEDS.tolist()
    assert_same(resumed, sample(Counting(), tmp_path / "undisturbed"))


def test_no_model_is_opened_when_every_chunk_is_there(tmp_path):
    whole = sample(Counting(), tmp_path)
    sampler = ChunkedSampler(lambda: pytest.fail("opened"), tmp_path, 5, "text")
    assert_same(sampler.sample(PROMPTS, DECODING, SEEDS), whole)


@pytest.mark.parametrize("damage", ["truncate", "flip"])
def test_a_damaged_chunk_is_drawn_again(tmp_path, damage):
    whole, again = sample(Counting(), tmp_path), Counting()
    chunk = tmp_path / "000000005.parquet"
    content = bytearray(chunk.read_bytes())
    content = content[: len(content) // 2] if damage == "truncate" else flipped(content)
    chunk.write_bytes(content)
    assert_same(sample(again, tmp_path), whole)
    assert again.drawn == SEEDS[5:10].tolist()


def flipped(content: bytearray) -> bytearray:
    """One bit of the first page changed; what precedes it is the magic number and the page's header."""
    content[60] ^= 4
    return content


def test_forgotten_chunks_are_gone(tmp_path):
    inner = ChunkedSampler(Counting, tmp_path / "work", 5, "text")
    inner.sample(PROMPTS, DECODING, SEEDS)
    inner.forget()
    assert not (tmp_path / "work").exists()
