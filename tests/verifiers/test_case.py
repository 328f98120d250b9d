"""What verifiers take out of a case: the source's texts, likelihoods, features and groups."""

import dataclasses
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
import tables

from collapse.artifacts.contracts import DOCUMENTS, SAMPLES, TRUTH
from collapse.config.form import TEXT, Form
from collapse.config.settings import WatermarkSettings
from collapse.config.verifiers import DetectorVerifier, LikelihoodVerifier, SourceVerifier, WatermarkVerifier
from collapse.errors import ContractError
from collapse.verifiers import detector, likelihood, source, watermark
from collapse.verifiers.case import Case
from collapse.watermark import is_green

TOP_HALF = {"rule": "top_fraction", "fraction": 0.5}


def case(samples: list[dict], documents: list[dict] = (), truth: list[list[int]] | None = None, model=None) -> Case:
    drawn = [tables.sample("real", 1, i, **one) for i, one in enumerate(samples)]
    real = [tables.document(f"d{i}", **one) for i, one in enumerate(documents)]
    known = None
    if truth is not None:
        rows = [
            {"text_id": str(i), "text": "", "token_ids": tokens, "n_tokens": len(tokens), "probability": 0.5}
            | {"log_probability": -0.7}
            for i, tokens in enumerate(truth)
        ]
        known = pa.Table.from_pylist(rows, schema=TRUTH.schema)
    return Case(
        form=TEXT,
        samples=pa.Table.from_pylist(drawn, schema=SAMPLES.schema),
        documents=pa.Table.from_pylist(real, schema=DOCUMENTS.schema),
        n_offered=len(samples),
        open_generation_0=lambda: model,
        chance=lambda name: np.random.default_rng(len(name)),
        truth=known,
    )


def test_a_source_accepts_what_it_can_write_with_its_prompt():
    samples = [
        {"tokens": [5, 6, 1]},
        {"tokens": [6, 1], "prompt_token_ids": [5]},
        {"tokens": [5, 1]},
        {"tokens": [5, 6, 1, 1]},
    ]
    verdicts = source.judged(SourceVerifier(kind="source"), case(samples, truth=[[5, 6, 1], [7, 1]]), "it")
    assert verdicts.accepted.tolist() == [True, True, False, False]
    assert verdicts.reason.tolist() == ["accepted", "accepted", "wrong_answer", "wrong_answer"]
    assert verdicts.score is not None and verdicts.score.tolist() == [1, 1, 0, 0]
    assert verdicts.threshold is not None and verdicts.threshold.tolist() == [1] * 4


def test_a_biased_oracle_reads_the_sampler_s_likelihood_by_token_of_what_is_offered():
    samples = [{"tokens": [1] * n, "logprob_nats": nats} for n, nats in ((1, -1.0), (4, -2.0), (2, -9.0))]
    looked_at = case(samples)
    assert looked_at.sampler_logprobs.tolist() == [-1, -0.5, -4.5]
    fewer = dataclasses.replace(looked_at, n_offered=2)
    np.testing.assert_equal(fewer.compared(fewer.sampler_logprobs), [-1, -0.5, np.nan])


def test_a_source_that_nobody_gave_is_asked_for():
    with pytest.raises(ContractError, match=r"`source` compares .* no --truth was given"):
        source.judged(SourceVerifier(kind="source"), case([{"tokens": [1]}]), "it")


def likely(by: str) -> LikelihoodVerifier:
    return LikelihoodVerifier(kind="likelihood", by=by, select=TOP_HALF)


def test_likelihood_is_that_of_a_token_not_of_a_text():
    samples = [
        {"tokens": [5, 6, 7, 1], "logprob_nats": -4.0},
        {"tokens": [5, 1], "logprob_nats": -3.0},
        {"tokens": [1], "logprob_nats": -0.5},
        {"tokens": [9, 1], "logprob_nats": -9.0},
    ]
    verdicts = likelihood.judged(likely("sampler"), case(samples), "it")
    assert verdicts.score is not None and verdicts.score.tolist() == [-1, -1.5, -0.5, -4.5]
    assert verdicts.accepted.tolist() == [True, False, True, False]


def test_likelihood_by_the_first_model_asks_it_with_the_prompts():
    seen = []

    def score(outputs, inputs=None):
        seen.append((len(outputs), None if inputs is None else inputs.sizes.tolist()))
        return 2.0 * np.arange(len(outputs))

    samples = [{"tokens": [5, 1], "prompt_token_ids": [4]}, {"tokens": [6, 1], "prompt_token_ids": [4]}]
    documents = [{"tokens": [4, 7, 8, 1], "split": "validation"}, {"tokens": [9, 1], "split": "train"}]
    asked = case(samples, documents, model=SimpleNamespace(score=score))
    verdicts = likelihood.judged(likely("generation_0"), asked, "it")
    assert seen == [(2, [1, 1]), (1, [1])]  # samples, and validation documents cut where prompts are
    assert verdicts.score is not None and verdicts.score.tolist() == [0, -1]
    assert verdicts.accepted.tolist() == [True, False]


def test_by_the_base_model_it_is_asked_with_the_prompts():
    def score(outputs, inputs):
        assert inputs.sizes.tolist() == [1, 1]
        return np.array([6.0, 1.0])

    samples = [{"tokens": [5, 6, 1], "prompt_token_ids": [4]}, {"tokens": [1], "prompt_token_ids": [4]}]
    looked_at = replace(case(samples), open_base_model=lambda: SimpleNamespace(score=score))
    verdicts = likelihood.judged(likely("base_model"), looked_at, "it")
    assert verdicts.score is not None and verdicts.score.tolist() == [-2, -1]
    assert verdicts.accepted.tolist() == [False, True]


REAL = [{"tokens": [1], "text": f"we the people of state {i % 7}"} for i in range(30)]
FALSE = [{"tokens": [1], "text": f"lorem ipsum dolor {i % 5}"} for i in range(20)]


def detected(rule: dict) -> DetectorVerifier:
    return DetectorVerifier(kind="detector", regularization=1, select=rule)


def test_a_detector_keeps_what_reads_like_real_text():
    samples = [*FALSE, *({"tokens": [1], "text": one["text"]} for one in REAL[:20])]
    verdicts = detector.judged(detected(TOP_HALF), case(samples, REAL), "it")
    assert verdicts.accepted[20:].mean() > 0.9 and verdicts.accepted.sum() == 20


def test_a_quota_by_cluster_keeps_each_kind_of_real_text_in_its_share():
    real = [*REAL[:10], *({"tokens": [1], "text": f"iron coal steel trade {i % 3}"} for i in range(30))]
    samples = [{"tokens": [1], "text": one["text"]} for one in [*REAL[:30], *real[-10:]]]
    rule = {"rule": "quota", "fraction": 0.2, "per": "cluster", "n_clusters": 2}
    verdicts = detector.judged(detected(rule), case(samples, real), "it")
    assert (verdicts.accepted[:30].sum(), verdicts.accepted[30:].sum()) == (2, 6)  # a quarter and three quarters of 8


def test_resampling_draws_by_the_name_of_the_verifier():
    samples, rule = FALSE * 3, {"rule": "resample", "fraction": 0.5, "strength": 1}
    first, again, other = (detector.judged(detected(rule), case(samples, REAL), name) for name in ("a", "b", "abc"))
    assert first.accepted.tolist() == again.accepted.tolist() != other.accepted.tolist()


def test_classes_keep_their_real_shares_and_a_class_that_nobody_has_is_not_wanted():
    form = Form(input="image", output="label")
    samples = pa.table(
        {
            "label": pa.array([0, 0, 0, 0, 1, 1, 2, 2], pa.int32()),
            "draw": np.arange(8),
            "prompt_id": [str(i) for i in range(8)],
        }
        | {"logprob_nats": -np.arange(8, dtype=np.float32)}
    )
    documents = pa.table(
        {
            "document_id": ["a", "b", "c", "d"],
            "split": ["train"] * 3 + ["test"],
            "label": pa.array([0, 1, 1, 2], pa.int32()),
        }
    )
    judged = Case(form, samples, documents, 8, lambda: None, lambda _name: np.random.default_rng(0))
    rule = likely("sampler").model_copy(
        update={"select": detected({"rule": "quota", "fraction": 0.5, "per": "class"}).select}
    )
    verdicts = judged.select(rule.select, -np.arange(8.0), "it")
    assert np.flatnonzero(verdicts.accepted).tolist() == [
        0,
        4,
        5,
    ]  # 4 in all: a third and two thirds; of the third class none


MARK = WatermarkSettings(green_share=0.25, bias=2.0, key=3)


def after(before: int, green: bool) -> int:
    """The first token that is green, or red, after another."""
    lists = is_green(MARK, np.array([before]), np.arange(2, 100))
    return int(np.flatnonzero(lists == green)[0]) + 2


def test_a_watermark_scores_by_minus_z_with_the_start_or_the_prompt_before_the_first_token():
    red, green, prompted = after(0, False), after(0, True), after(8, True)
    samples = [{"tokens": [red]}, {"tokens": [green]}, {"tokens": [prompted], "prompt_token_ids": [0, 8]}]
    asked = replace(case(samples), watermark=MARK, encoder=SimpleNamespace(bos=0))
    z = {True: 0.75 / np.sqrt(3 / 16), False: -0.25 / np.sqrt(3 / 16)}
    rules = {
        "threshold": ({"rule": "threshold", "least": -1}, [True, False, False], "below_threshold"),
        "top_fraction": ({"rule": "top_fraction", "fraction": 2 / 3}, [True, True, False], "not_selected"),
    }
    for rule, accepted, reason in rules.values():
        verdicts = watermark.judged(WatermarkVerifier(kind="watermark", select=rule), asked, "it")
        assert verdicts.score is not None
        np.testing.assert_allclose(verdicts.score, [-z[False], -z[True], -z[True]])
        assert verdicts.accepted.tolist() == accepted
        assert verdicts.reason.tolist() == ["accepted" if one else reason for one in accepted]
