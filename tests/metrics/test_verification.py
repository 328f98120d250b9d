"""What is measured of verifiers: how much they let through, how often they are right, and what it costs."""

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
import tables

from collapse.artifacts.contracts import DOCUMENTS, SAMPLES
from collapse.config.form import TEXT, Form
from collapse.config.settings import AnswerSettings, EvaluationSettings
from collapse.media.text.sequences import Sequences
from collapse.metrics import label, text, verification

SETTINGS = EvaluationSettings(diversity_tokens=100, self_bleu_samples=2, tail_share=0.5)


def found(right, accepted, said=None, seed=0) -> dict:
    """Measured by (metric, set), with a medium that counts the samples it is given."""
    medium = SimpleNamespace(
        right=lambda _arm: None if right is None else np.array(right, dtype=bool),
        spread=lambda _arm, rows: {"class_entropy": float(np.mean(rows["draw"].to_numpy()))},
    )
    arm = SimpleNamespace(samples=pa.table({"draw": np.arange(len(accepted))}), form=TEXT)
    said = {"one": np.array(accepted, dtype=bool)} if said is None else said
    rows = verification.measured(arm, medium, np.array(accepted, dtype=bool), said, np.random.default_rng(seed))
    return {(row.metric, row.evaluation_set): row for row in rows}


def test_rates_by_hand():
    rows = found([1, 1, 1, 1, 0, 0, 0, 0, 0, 0], [1, 1, 1, 0, 1, 0, 0, 0, 0, 0])
    for place in ("verifiers", "verifier/one"):
        assert rows["true_positive_rate", place].value == pytest.approx(3 / 4)
        assert rows["false_positive_rate", place].value == pytest.approx(1 / 6)
        assert rows["verifier_precision", place].value == pytest.approx(3 / 4)
        assert rows["breakdown_proxy", place].value == pytest.approx(0.75 / (0.75 + 1 / 6))  # 1/(1 + ψ/φ)
    assert rows["accepted_fraction", "samples"].value == pytest.approx(0.4)
    assert rows["accepted_fraction", "verifier/one"].value == pytest.approx(0.4)
    assert rows["true_positive_rate", "verifiers"].n == 4
    assert rows["true_positive_rate", "verifiers"].standard_error == pytest.approx(np.sqrt(0.75 * 0.25 / 4))


def test_each_verifier_is_measured_alone():
    said = {"lax": np.ones(4, dtype=bool), "strict": np.array([True, False, False, False])}
    rows = found([1, 1, 0, 0], [1, 0, 0, 0], said)
    assert rows["false_positive_rate", "verifier/lax"].value == 1
    assert rows["true_positive_rate", "verifier/strict"].value == 0.5
    assert rows["breakdown_proxy", "verifier/lax"].value == 0.5  # no better than none


@pytest.mark.parametrize(
    ("right", "accepted", "absent"),
    [
        (None, [1, 0], {"true_positive_rate", "false_positive_rate", "verifier_precision", "breakdown_proxy"}),
        ([1, 1], [1, 0], {"false_positive_rate", "breakdown_proxy"}),
        ([0, 0], [1, 0], {"true_positive_rate", "breakdown_proxy"}),
        ([1, 0], [0, 0], {"verifier_precision", "breakdown_proxy"}),
    ],
)
def test_what_is_not_defined_is_not_measured(right, accepted, absent):
    measured = {metric for metric, place in found(right, accepted) if place == "verifiers"}
    assert measured == {"true_positive_rate", "false_positive_rate", "verifier_precision", "breakdown_proxy"} - absent


def test_an_input_is_solved_if_a_right_sample_of_it_is_let_through():
    medium = SimpleNamespace(right=lambda _arm: np.array([1, 0, 1, 1, 0, 0], dtype=bool), spread=lambda _arm, _rows: {})
    asked = pa.table({"prompt_id": ["a", "a", "b", "b", "c", "d"]})
    arm = SimpleNamespace(samples=asked, form=Form(input="text", output="text"))
    # a: the right one; b: neither of two right ones; c: a wrong one; d: nothing
    accepted = np.array([1, 0, 0, 0, 1, 0], dtype=bool)
    rows = verification.measured(arm, medium, accepted, {}, np.random.default_rng(0))
    (solved,) = [row for row in rows if row.metric == "solved_fraction"]
    assert (solved.value, solved.n, solved.evaluation_set) == (0.25, 4, "verifiers")


def test_accepted_samples_are_set_beside_as_many_at_random():
    accepted = np.arange(1_000) >= 900
    rows = found(None, accepted)
    assert rows["class_entropy", "accepted"].value == pytest.approx(949.5)
    assert rows["class_entropy", "accepted"].n == rows["class_entropy", "accepted_at_random"].n == 100
    at_random = [found(None, accepted, seed=seed)["class_entropy", "accepted_at_random"].value for seed in range(40)]
    assert np.mean(at_random) == pytest.approx(499.5, abs=4 * 289 / np.sqrt(100 * 40))
    assert len(set(at_random)) == 40
    assert not any(place.startswith("accepted") for _, place in found(None, [0, 0]))


def documents(*answers: str) -> pa.Table:
    rows = [tables.document(f"d{i}", [i, 9], text=answer) for i, answer in enumerate(answers)]
    return pa.Table.from_pylist(rows, schema=DOCUMENTS.schema)


def samples(*asked_and_said: tuple[str, str, list[int]]) -> pa.Table:
    rows = [
        tables.sample("replace", 1, i, tokens, prompt_id=asked, text=said)
        for i, (asked, said, tokens) in enumerate(asked_and_said)
    ]
    return pa.Table.from_pylist(rows, schema=SAMPLES.schema)


def test_answers_are_right_if_they_are_those_of_their_question():
    drawn = samples(("d0", "2", [1]), ("d1", "2", [1]), ("d1", "3", [1]))
    arm = SimpleNamespace(form=Form(input="text", output="text"), samples=drawn, truth=None, settings=SETTINGS)
    arm.train, arm.reserve = documents("2", "3"), None
    assert text.right(arm).tolist() == [True, False, True]
    nearly = AnswerSettings(match="numbers", tolerance=0.4)
    arm.settings = SETTINGS.model_copy(update={"answers": nearly})
    assert text.right(arm).tolist() == [True, True, True], "2 is within 40 % of 3"
    arm.form = TEXT
    assert text.right(arm) is None


def test_held_out_questions_are_answered_by_the_likeliest_tokens_and_an_answer_must_end():
    end = 9
    asked = pa.table({"text": ["19", "2", "3", "4"], "prompt_token_ids": pa.array([[1], [2], [3], [4]])})
    asked = asked.append_column(
        "token_ids", pa.array([[1, 8, end], [2, end], [3, end], [4, end]], pa.list_(pa.int32()))
    )
    said = {1: [1, 8, end], 2: [3, end], 3: [3, 3, 3], 4: [4, end]}  # right, wrong, without an end, right

    def continued(prompts, most_tokens):
        assert most_tokens == 3, "the length of the longest real answer"
        return Sequences.of(said[int(prompt[0])] for prompt in prompts)

    words = {(1, 8): "19", (3,): "3", (3, 3, 3): "3", (4,): "4"}
    encoder = SimpleNamespace(
        eos=end, decode_all=lambda texts: [words[tuple(int(t) for t in one if t != end)] for one in texts]
    )
    arm = SimpleNamespace(model=SimpleNamespace(continued=continued), test=asked, encoder=encoder, settings=SETTINGS)
    assert text._answer_metrics(arm) == []
    arm.settings = SETTINGS.model_copy(update={"answers": AnswerSettings(match="exact")})
    found, near = text._answer_metrics(arm)
    assert (near.metric, near.value, near.n) == ("rouge_1", 0.75, 4)
    assert (found.metric, found.evaluation_set, found.value, found.n) == ("right_fraction", "real_test", 0.5, 4)


def test_a_text_is_right_if_the_source_can_write_it():
    arm = SimpleNamespace(form=TEXT, samples=samples((None, "a", [5, 1]), (None, "b", [6, 1])), truth=None)
    arm.truth = pa.table({"token_ids": pa.array([[5, 1], [7, 1]], pa.list_(pa.int32()))})
    assert text.right(arm).tolist() == [True, False]


def test_the_spread_of_texts_by_hand():
    arm = SimpleNamespace(train=documents("a", "b"), settings=SETTINGS)  # tokens 0 9, 1 9
    rows = samples((None, "a", [0, 9]), (None, "a", [0, 9]), (None, "b", [1, 9]))
    values = text.spread(arm, rows)
    assert values["distinct_2"] == pytest.approx(2 / 3)
    assert values["surviving_vocabulary"] == 1
    assert values["type_entropy"] == pytest.approx(-sum(p * np.log(p) for p in (1 / 3, 1 / 6, 1 / 2)))


def test_labels_are_right_if_they_are_real_and_spread_over_their_classes():
    real = pa.table({"document_id": ["a", "b", "c"], "label": pa.array([0, 1, 2], pa.int32())})
    drawn = pa.table({"prompt_id": ["c", "a", "b", "b"], "label": pa.array([2, 1, 1, 0], pa.int32())})
    model = SimpleNamespace(facts=SimpleNamespace(output=SimpleNamespace(n=3)))
    arm = SimpleNamespace(train=real.slice(0, 1), reserve=real.slice(1), samples=drawn, model=model)
    assert label.right(arm).tolist() == [True, False, True, False]
    values = label.spread(arm, drawn.take([0, 2]))
    assert values["class_entropy"] == pytest.approx(np.log(2))
    assert values["class_distance"] == 0
