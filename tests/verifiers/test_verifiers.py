import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collapse.artifacts import contracts
from collapse.artifacts.contracts import VERDICTS, Record
from collapse.config.verifiers import LengthVerifier, NoisyOracleVerifier, PerplexityBandVerifier
from collapse.errors import ContractError
from collapse.media.text.sequences import Sequences
from collapse.randomness import stream
from collapse.verifiers import (
    Verdicts,
    exact_duplicates,
    length,
    noisy_oracle,
    perplexity_band,
    table,
    usable,
)


def oracle_of(n, accepted_share=0.6):
    accepted = np.arange(n) < accepted_share * n
    return Verdicts(accepted=accepted, reason=np.where(accepted, "accepted", "too_long"))


def noise(true_positive_rate, false_positive_rate):
    return NoisyOracleVerifier(
        kind="noisy_oracle",
        oracle="length",
        true_positive_rate=true_positive_rate,
        false_positive_rate=false_positive_rate,
    )


def band(low_quantile, high_quantile):
    return PerplexityBandVerifier(kind="perplexity_band", low_quantile=low_quantile, high_quantile=high_quantile)


# --- length ---


def test_length_accepts_both_ends_of_its_range():
    limits = LengthVerifier(kind="length", min_tokens=3, max_tokens=5)
    verdicts = length.judge(limits, np.array([2, 3, 5, 6]), ["a"] * 4)
    assert verdicts.accepted.tolist() == [False, True, True, False]
    assert verdicts.reason.tolist() == ["too_short", "accepted", "accepted", "too_long"]


def test_blank_text_is_too_short_however_many_tokens_it_took():
    limits = LengthVerifier(kind="length", min_tokens=0, max_tokens=5)
    verdicts = length.judge(limits, np.array([1, 3, 9, 3]), ["", " \n\t\u00a0", " ", " a "])
    assert verdicts.reason.tolist() == ["too_short", "too_short", "too_short", "accepted"]


# --- exact duplicates ---


def keys(rows: list[list[int]]) -> list[bytes]:
    return Sequences.of(rows).keys()


def test_the_first_of_identical_samples_is_kept_and_the_others_name_it():
    samples = Sequences.of([[1, 2], [3], [1, 2], [], [3], [1, 2], []])
    names = [f"s{i}" for i in range(7)]
    verdicts = exact_duplicates.judge(samples.keys(), names, [], [])
    assert verdicts.duplicate_of.tolist() == [None, None, "s0", None, "s1", "s0", "s3"]
    assert verdicts.accepted.tolist() == [True, True, False, True, False, False, False]
    assert verdicts.reason[2] == "duplicate"


def test_a_sample_that_repeats_a_training_document_is_refused_and_names_it():
    documents = Sequences.of([[9], [1, 2], [1, 2]])
    verdicts = exact_duplicates.judge(keys([[1, 2], [1, 2], [1]]), ["a", "b", "c"], documents.keys(), ["x", "y", "z"])
    assert verdicts.duplicate_of.tolist() == ["y", "y", None]


def test_sequences_whose_tokens_only_join_to_the_same_text_are_no_duplicates():
    verdicts = exact_duplicates.judge(keys([[1, 23], [12, 3], [256], [0, 1]]), list("abcd"), [], [])
    assert verdicts.accepted.all()


@given(
    st.lists(st.lists(st.integers(0, 2), max_size=3), max_size=12), st.lists(st.lists(st.integers(0, 2)), max_size=4)
)
def test_what_passes_is_every_new_sequence_exactly_once(rows, documents):
    verdicts = exact_duplicates.judge(
        keys(rows),
        [str(i) for i in range(len(rows))],
        keys(documents),
        [f"d{i}" for i in range(len(documents))],
    )
    passed = [tuple(row) for row, accepted in zip(rows, verdicts.accepted, strict=True) if accepted]
    assert len(passed) == len(set(passed))
    assert set(passed) == set(map(tuple, rows)) - set(map(tuple, documents))


# --- perplexity band ---


def test_the_band_accepts_its_ends_and_says_on_which_side_a_sample_lies():
    validation = np.arange(11.0)  # quantiles 0.1 and 0.9 are 1 and 9
    verdicts = perplexity_band.judge(band(0.1, 0.9), np.array([0.9, 1.0, 5.0, 9.0, 9.1, np.inf]), validation)
    assert verdicts.reason.tolist() == [
        "above_threshold",
        "accepted",
        "accepted",
        "accepted",
        "below_threshold",
        "below_threshold",
    ]
    assert verdicts.accepted.tolist() == [False, True, True, True, False, False]
    assert verdicts.score.tolist() == [-0.9, -1.0, -5.0, -9.0, -9.1, -np.inf]
    assert set(verdicts.threshold) == {-9.0}


def test_samples_like_real_text_pass_as_often_as_the_band_is_wide():
    rng, n = np.random.default_rng(0), 40_000
    verdicts = perplexity_band.judge(band(0.05, 0.9), rng.gamma(9, 0.4, n), rng.gamma(9, 0.4, n))
    # Both the samples and the quantiles of the validation documents vary, each like a share of n.
    assert abs(verdicts.accepted.mean() - 0.85) <= 4 * np.sqrt(2 * 0.85 * 0.15 / n)


def test_a_whole_band_refuses_only_what_lies_beyond_all_real_text():
    verdicts = perplexity_band.judge(band(0.0, 1.0), np.array([1.0, 2.0, 4.0, 5.0]), np.array([2.0, 4.0]))
    assert verdicts.accepted.tolist() == [False, True, True, False]


@pytest.mark.parametrize(("samples", "validation"), [([1.0], []), ([np.nan], [1.0]), ([1.0], [1.0, np.nan])])
def test_a_band_without_losses_is_refused(samples, validation):
    with pytest.raises(ContractError, match="perplexity_band"):
        perplexity_band.judge(band(0.1, 0.9), np.array(samples), np.array(validation))


# --- noisy oracle ---


@pytest.mark.parametrize(("phi", "psi"), [(0.9, 0.2), (0.5, 0.5), (1.0, 0.35), (0.65, 0.0)])
def test_the_noisy_oracle_errs_at_the_rates_asked_for(phi, psi):
    oracle = oracle_of(30_000)
    verdicts = noisy_oracle.judge(noise(phi, psi), oracle, stream(1, 2, "verify:noisy"))
    for rate, judged in ((phi, oracle.accepted), (psi, ~oracle.accepted)):
        kept = verdicts.accepted[judged]
        assert abs(kept.mean() - rate) <= 4 * np.sqrt(rate * (1 - rate) / len(kept))


def test_an_oracle_without_noise_is_itself():
    oracle = oracle_of(500)
    verdicts = noisy_oracle.judge(noise(1.0, 0.0), oracle, stream(0, 1, "verify:noisy"))
    assert np.array_equal(verdicts.accepted, oracle.accepted)
    assert np.array_equal(verdicts.reason, oracle.reason)


def test_reasons_tell_a_flip_from_the_oracle_s_own_refusal():
    oracle = oracle_of(2000)
    verdicts = noisy_oracle.judge(noise(0.5, 0.5), oracle, stream(0, 1, "verify:noisy"))
    expected = np.where(verdicts.accepted, "accepted", np.where(oracle.accepted, "flipped", "too_long"))
    assert np.array_equal(verdicts.reason, expected)
    assert set(verdicts.reason) == {"accepted", "flipped", "too_long"}


def test_better_rates_only_add_right_verdicts_under_the_same_stream():
    oracle = oracle_of(2000)
    worse, better = (
        noisy_oracle.judge(noise(phi, psi), oracle, stream(0, 1, "verify:noisy")).accepted
        for phi, psi in ((0.6, 0.4), (0.8, 0.1))
    )
    assert (better[oracle.accepted] >= worse[oracle.accepted]).all()
    assert (better[~oracle.accepted] <= worse[~oracle.accepted]).all()


@pytest.mark.parametrize("bias", [-1.0, -0.5, 0.5, 1.0])
@pytest.mark.parametrize(("phi", "psi"), [(0.9, 0.2), (0.5, 0.5), (1.0, 0.35)])
def test_a_bias_moves_which_samples_are_kept_and_no_rate(phi, psi, bias):
    rng = np.random.default_rng(3)
    right, likely = rng.random(5_001) < 0.4, rng.normal(size=5_001)
    rates = np.where(right, phi, psi)
    found = noisy_oracle.biased(rates, right, likely, bias)
    assert ((found >= -1e-12) & (found <= 1 + 1e-12)).all()
    for kind, rate in ((right, phi), (~right, psi)):
        assert found[kind].mean() == pytest.approx(rate)
        least, most = found[kind][likely[kind].argmin()], found[kind][likely[kind].argmax()]
        n, room = kind.sum(), min(rate, 1 - rate)
        assert most - least == pytest.approx(2 * bias * room * (n - 1) / n)


def test_equally_likely_samples_and_those_of_others_are_kept_at_the_rate_itself():
    rates, right = np.full(5, 0.5), np.ones(5, dtype=bool)
    likely = np.array([1.0, 2.0, 2.0, 3.0, np.nan])
    found = noisy_oracle.biased(rates, right, likely, 1.0)  # ranks 1, 2.5, 2.5, 4 of 4
    assert found.tolist() == [0.125, 0.5, 0.5, 0.875, 0.5]


def test_a_biased_oracle_keeps_the_likely_ones_more_often():
    oracle, likely = oracle_of(20_000), np.random.default_rng(0).normal(size=20_000)
    settings = noise(0.5, 0.5).model_copy(update={"bias": 1.0})
    kept = noisy_oracle.judge(settings, oracle, stream(0, 1, "verify:noisy"), likely).accepted
    upper = likely > np.median(likely)
    assert kept[upper].mean() == pytest.approx(0.75, abs=0.02) and kept[~upper].mean() == pytest.approx(0.25, abs=0.02)


def test_noise_leaves_the_oracle_s_scores_and_duplicates_as_they_are():
    oracle = exact_duplicates.judge(keys([[1], [1]]), ["a", "b"], [], [])
    verdicts = noisy_oracle.judge(noise(1.0, 1.0), oracle, stream(0, 1, "verify:noisy"))
    assert verdicts.accepted.all() and verdicts.reason.tolist() == ["accepted", "accepted"]
    assert verdicts.duplicate_of.tolist() == [None, "a"]


# --- tables and chains ---


def rows_of(verdicts, verifier, names):
    ids = pa.chunked_array([names])
    return table(verdicts, verifier=verifier, version="v/1", sample_ids=ids, strategy="replace", seed=0, generation=1)


def test_what_a_verifier_does_not_say_is_null_on_disk(tmp_path):
    scored = perplexity_band.judge(band(0.0, 1.0), np.array([1.0, 3.0]), np.array([2.0, 4.0]))
    copies = exact_duplicates.judge(keys([[1], [1]]), ["a", "b"], [], [])
    path = tmp_path / "verdicts.parquet"
    both = pa.concat_tables([rows_of(scored, "band", ["a", "b"]), rows_of(copies, "new", ["a", "b"])])
    contracts.write(path, VERDICTS, both, Record())
    read = contracts.read(path, VERDICTS)
    columns = ("sample_id", "verifier", "accepted", "reason", "score", "threshold", "duplicate_of")
    assert [tuple(row[column] for column in columns) for row in read.to_pylist()] == [
        ("a", "band", False, "above_threshold", -1.0, -4.0, None),
        ("a", "new", True, "accepted", None, None, None),
        ("b", "band", True, "accepted", -3.0, -4.0, None),
        ("b", "new", False, "duplicate", None, None, "a"),
    ]


@given(st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=1, max_size=12), st.randoms())
def test_a_sample_is_usable_when_the_whole_chain_accepts_it(answers, random):
    names = [f"s{i:02d}" for i in range(len(answers))]
    chain = pa.concat_tables(
        rows_of(Verdicts(np.array(column), np.where(column, "accepted", "too_long")), f"v{i}", names)
        for i, column in enumerate(zip(*answers, strict=True))
    )
    order = random.sample(range(len(names)), k=random.randint(1, len(names)))
    asked = [names[i] for i in order]
    for ids in (pa.chunked_array([asked]), np.array(asked, dtype=object)):
        assert usable(chain, ids).tolist() == [all(answers[i]) for i in order]


@pytest.mark.parametrize("asked", [pa.chunked_array([["a"], ["c"]]), np.array(["a", "c"], dtype=object)])
def test_a_sample_without_verdict_is_refused(asked):
    chain = rows_of(oracle_of(2), "length", ["a", "b"])
    with pytest.raises(ContractError, match="1 of 2 samples have none, such as `c`"):
        usable(chain, asked)
