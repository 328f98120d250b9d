import numpy as np
import pyarrow as pa
import pytest

from collapse.artifacts import contracts
from collapse.artifacts.contracts import ANCESTRY, Record
from collapse.errors import ContractError
from collapse.metrics import provenance


def mixture(origins, examples, n_tokens):
    n = len(origins)
    return pa.table(
        {
            "strategy": pa.array(["accumulate"] * n),
            "seed": pa.array([1] * n, pa.int32()),
            "generation": pa.array([2] * n, pa.int32()),
            "example_id": pa.array(examples),
            "origin_generation": pa.array(origins, pa.int32()),
            "n_tokens": pa.array(n_tokens, pa.int32()),
        }
    )


def test_prompts_within_samples_count_as_real_tokens():
    n_tokens, n_real_tokens = np.array([10, 10, 20]), np.array([10, 0, 5])
    assert provenance.real_share(n_tokens, n_real_tokens) == 15 / 40


def test_the_mean_generation_is_weighted_by_tokens():
    assert provenance.mean_origin_generation(np.array([0, 3]), np.array([10, 30])) == pytest.approx(2.25)


def test_repeats_add_tokens_but_no_examples():
    assert provenance.n_distinct_examples(pa.chunked_array([["a", "b"], ["a"]])) == 2
    assert provenance.n_trained(np.full(3, 2**30, dtype=np.int32)) == 3 * 2**30


def test_ancestry_counts_examples_once_and_tokens_as_often_as_trained_on(tmp_path):
    table = mixture([0, 2, 0, 1, 0], ["d1", "s2", "d2", "s1", "d1"], [10, 20, 30, 30, 10])
    found = provenance.ancestry(table)
    contracts.write(tmp_path / "ancestry.parquet", ANCESTRY, found, Record())
    rows = contracts.read(tmp_path / "ancestry.parquet", ANCESTRY).to_pylist()
    assert [(row["origin_generation"], row["n_examples"], row["n_tokens"], row["token_share"]) for row in rows] == [
        (0, 2, 50, 0.5),
        (1, 1, 30, 0.3),
        (2, 1, 20, 0.2),
    ]
    assert {(row["strategy"], row["seed"], row["generation"]) for row in rows} == {("accumulate", 1, 2)}


def test_the_shares_of_a_large_mixture_add_up_to_one():
    rng = np.random.default_rng(0)
    n_tokens = rng.integers(2**28, 2**31 - 1, 100)  # sums beyond 32 bits
    found = provenance.ancestry(mixture(rng.integers(0, 7, 100), [str(i) for i in range(100)], n_tokens))
    assert sum(found["token_share"].to_pylist()) == pytest.approx(1)
    assert sum(found["n_tokens"].to_pylist()) == n_tokens.sum()


def test_replace_is_one_model_deeper_every_generation():
    assert provenance.ancestry_depth([{0: 1.0}, *({g: 1.0} for g in range(1, 6))]) == [0, 1, 2, 3, 4, 5]


def test_real_text_has_no_model_behind_it():
    assert provenance.ancestry_depth([{0: 1.0}] * 4) == [0, 0, 0, 0]


def test_the_depth_of_accumulate_grows_like_the_harmonic_numbers():
    # With equal parts, D_g = D_{g-1} + 1 / (g + 1): the mean depth of a random recursive tree.
    generations = 30
    shares = [dict.fromkeys(range(g + 1), 1 / (g + 1)) for g in range(generations)]
    expected = np.cumsum(1 / np.arange(1, generations + 1)) - 1
    assert provenance.ancestry_depth(shares) == pytest.approx(expected.tolist())


def test_the_depth_of_a_fixed_real_share_levels_off():
    real, generations = 0.25, 40
    shares = [{0: 1.0}, *({0: real, g: 1 - real} for g in range(1, generations))]
    expected = (1 - real) / real * (1 - (1 - real) ** np.arange(generations))
    assert provenance.ancestry_depth(shares) == pytest.approx(expected.tolist())


def test_the_depth_is_the_mean_length_of_random_walks_to_real_text():
    rng, walks = np.random.default_rng(0), 20_000
    shares = [{0: 1.0}, {0: 0.5, 1: 0.5}, {0: 0.2, 1: 0.3, 2: 0.5}, {1: 0.4, 3: 0.6}]
    lengths = np.zeros(walks)
    for walk in range(walks):
        training_set = 3
        while (origin := rng.choice(list(shares[training_set]), p=list(shares[training_set].values()))) > 0:
            lengths[walk] += 1
            training_set = origin - 1
    expected = provenance.ancestry_depth(shares)[3]
    assert abs(lengths.mean() - expected) <= 4 * lengths.std() / np.sqrt(walks)


@pytest.mark.parametrize("shares", [{2: 1.0}, {0: 0.5, 1: 0.4}])
def test_samples_of_the_future_and_shares_that_do_not_add_up_are_refused(shares):
    with pytest.raises(ContractError, match="generation 1"):
        provenance.ancestry_depth([{0: 1.0}, shares])
