import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from collapse.randomness import row_seeds, stream, stream_seed


@given(st.integers(0, 2**31 - 1), st.integers(0, 1000), st.integers(0, 500), st.integers(1, 50))
def test_a_row_keeps_its_seed_whichever_rows_are_asked_for(seed, generation, start, n):
    shard = row_seeds(seed, generation, "generate", range(start, start + n))
    whole = row_seeds(seed, generation, "generate", range(start + n))
    np.testing.assert_array_equal(shard, whole[start:])


def test_rows_seeds_generations_and_purposes_do_not_share_noise():
    seeds = np.concatenate(
        [row_seeds(s, g, p, range(200)) for s in range(3) for g in range(3) for p in ("generate", "verify")]
    )
    assert len(set(seeds.tolist())) == len(seeds)
    assert (seeds >= 0).all()


def test_a_stream_repeats_and_differs_by_seed_generation_and_purpose():
    draws = {
        (s, g, p): tuple(stream(s, g, p).integers(0, 2**62, 4)) for s in (0, 1) for g in (0, 1) for p in ("a", "b")
    }
    assert len(set(draws.values())) == 8
    assert tuple(stream(0, 1, "a").integers(0, 2**62, 4)) == draws[0, 1, "a"]


def test_numbers_cannot_be_read_as_other_numbers():
    assert stream_seed(1, 11, "a") != stream_seed(11, 1, "a")
