from typing import get_args

import numpy as np
import pytest
import tables

from collapse import families, verifiers
from collapse.artifacts import contracts
from collapse.artifacts.contracts import DOCUMENTS, SAMPLES, VERDICTS, Record
from collapse.config.form import Form
from collapse.config.specs import VerifySpec
from collapse.config.verifiers import Verifier
from collapse.errors import ConfigError, ContractError, EngineError
from collapse.stages import verify

END = 0
VERIFIERS = {
    "length": {"kind": "length", "min_tokens": 2, "max_tokens": 4},
    "no-copies": {"kind": "exact_duplicates"},
    "coin": {"kind": "noisy_oracle", "oracle": "length", "true_positive_rate": 0.5, "false_positive_rate": 0.5},
    "band": {"kind": "perplexity_band", "low_quantile": 0.05, "high_quantile": 0.95},
}


def spec(*chain, oracles=(), **changes):
    verifiers = {name: VERIFIERS[name] | changes.get(name, {}) for name in (*chain, *oracles)}
    return VerifySpec(family="ngram", device="cpu", verifiers=verifiers, chain=chain)


def write_documents(path, documents):
    """Write (split, tokens) pairs."""
    rows = [tables.document(f"d{i}", tokens, split) for i, (split, tokens) in enumerate(documents)]
    tables.write(path, DOCUMENTS, rows)


def write_samples(path, samples):
    """Write (prompt tokens, tokens) pairs."""
    rows = [
        tables.sample("real", 1, i, tokens, prompt_token_ids=prompt, text="" if tokens == [END] else "text")
        for i, (prompt, tokens) in enumerate(samples)
    ]
    tables.write(path, SAMPLES, rows)


@pytest.fixture
def verdicts_of(tmp_path):
    """Run the stage on hand-made samples and documents; return its rows by (sample number, verifier)."""

    def run(spec, samples, documents=(("train", [7, 7, END]),), name="verdicts", **arm):
        write_samples(tmp_path / "samples.parquet", samples)
        write_documents(tmp_path / "documents.parquet", documents)
        verify.run(
            spec=spec,
            samples=tmp_path / "samples.parquet",
            documents=tmp_path / "documents.parquet",
            raters=[],
            checkpoints=[],
            verdicts=tmp_path / f"{name}.parquet",
            record=Record(),
            **{"strategy": "replace-verified", "seed": 0, "generation": 1} | arm,
        )
        rows = contracts.read(tmp_path / f"{name}.parquet", VERDICTS).to_pylist()
        return {(int(row["sample_id"].split(".")[-1]), row["verifier"]): row for row in rows}

    return run


def no_prompt(*tokens):
    return [([], list(row)) for row in tokens]


def test_every_verifier_judges_every_sample_whatever_the_others_say(verdicts_of):
    samples = no_prompt([1, END], [END], [END], [1, 2, 3, 4, END], [7, 7, END])
    rows = verdicts_of(spec("length", "no-copies"), samples)
    assert {key: row["reason"] for key, row in rows.items()} == {
        (0, "length"): "accepted",
        (1, "length"): "too_short",
        (2, "length"): "too_short",
        (3, "length"): "too_long",
        (4, "length"): "accepted",
        (0, "no-copies"): "accepted",
        (1, "no-copies"): "accepted",
        (2, "no-copies"): "duplicate",
        (3, "no-copies"): "accepted",
        (4, "no-copies"): "duplicate",
    }
    assert rows[2, "no-copies"]["duplicate_of"] == "real.0.1.0000001"
    assert rows[4, "no-copies"]["duplicate_of"] == "d0"
    assert {row["strategy"] for row in rows.values()} == {"replace-verified"}
    assert rows[0, "length"]["verifier_version"] == "length/1"


def test_a_copy_is_judged_with_its_prompt_and_against_training_documents_alone(verdicts_of):
    documents = [("train", [5, 6, 1, END]), ("test", [5, 6, 2, END]), ("validation", [5, 6, 3, END])]
    samples = [([5, 6], [1, END]), ([5, 6], [2, END]), ([5, 6], [3, END]), ([6, 5], [1, END]), ([5], [6, 2, END])]
    rows = verdicts_of(spec("no-copies"), samples, documents)
    assert [rows[i, "no-copies"]["duplicate_of"] for i in range(5)] == ["d0", None, None, None, "real.0.1.0000001"]


def test_an_oracle_outside_the_chain_decides_but_writes_no_verdicts(verdicts_of):
    perfect = {"true_positive_rate": 1.0, "false_positive_rate": 0.0}
    rows = verdicts_of(spec("coin", oracles=("length",), coin=perfect), no_prompt([1, END], [END]))
    assert {key: row["reason"] for key, row in rows.items()} == {(0, "coin"): "accepted", (1, "coin"): "too_short"}


def test_an_oracle_that_comes_after_its_noise_in_the_chain_is_judged_first(verdicts_of):
    perfect = {"true_positive_rate": 1.0, "false_positive_rate": 0.0}
    rows = verdicts_of(spec("coin", "length", coin=perfect), no_prompt([1, END], [END]))
    assert all(rows[i, "coin"]["accepted"] == rows[i, "length"]["accepted"] for i in range(2))


def test_noise_is_shared_by_strategies_and_differs_between_seeds_and_generations(verdicts_of):
    samples = no_prompt(*([1, END] for _ in range(200)))

    def accepted(**arm):
        rows = verdicts_of(spec("coin", oracles=("length",)), samples, **arm)
        return [rows[i, "coin"]["accepted"] for i in range(200)]

    first = accepted(strategy="replace", seed=0, generation=1)
    assert accepted(strategy="accumulate", seed=0, generation=1) == first
    assert accepted(strategy="replace", seed=1, generation=1) != first
    assert accepted(strategy="replace", seed=0, generation=2) != first


def test_the_same_samples_give_the_same_bytes(verdicts_of, tmp_path):
    samples = no_prompt([1, END], [2, 2, END], [END])
    for name in ("first", "second"):
        verdicts_of(spec("length", "no-copies", "coin"), samples, name=name, seed=4)
    assert (tmp_path / "first.parquet").read_bytes() == (tmp_path / "second.parquet").read_bytes()


class LosesItsTokens:
    """A model with a known answer: a token costs its id in nats, and each token of the prompt ten more per text."""

    def score(self, texts, prompts):
        pairs = zip(texts, prompts, strict=True)
        return np.array([tokens.sum() + 10.0 * len(prompt) for tokens, prompt in pairs])


def test_a_band_compares_continuations_of_prompts_of_the_same_length(verdicts_of, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(families, "load", lambda *arguments: asked.append(arguments) or LosesItsTokens())
    validation = [("validation", [90, 91, 2, END]), ("validation", [90, 91, 4, 8, END]), ("validation", [99, END])]
    # After prompts of two tokens the two longer documents lose (2 + 20) / 2 = 11 and (12 + 20) / 3 = 10.67 nat/token.
    samples = [([90, 91], row) for row in ([2, END], [3, END], [4, 8, END], [4, 7, END])]
    whole = {"low_quantile": 0.0, "high_quantile": 1.0}
    card = tmp_path / "model" / "model.json"
    rows = verdicts_of(spec("band", band=whole), samples, [("train", [1, END]), *validation], judge=card)
    assert [rows[i, "band"]["score"] for i in range(4)] == pytest.approx([-11, -23 / 2, -32 / 3, -31 / 3])
    assert [rows[i, "band"]["reason"] for i in range(4)] == [
        "accepted",
        "below_threshold",
        "accepted",
        "above_threshold",
    ]
    assert rows[0, "band"]["threshold"] == pytest.approx(-11)
    assert asked == [("ngram", tmp_path / "model", "cpu")]


def test_a_perplexity_band_without_a_judge_is_refused_also_as_an_oracle(verdicts_of):
    noisy_band = {"oracle": "band"}
    for asked in (spec("band"), spec("coin", oracles=("band",), coin=noisy_band)):
        with pytest.raises(ConfigError, match=r"verifiers\.band: .*generation-0 model"):
            verdicts_of(asked, no_prompt([1, END]))


def test_a_strategy_without_verifiers_has_nothing_to_verify(verdicts_of):
    with pytest.raises(ConfigError, match="`replace-verified` has no verifiers"):
        verdicts_of(spec(), no_prompt([1, END]))


def test_if_nothing_passes_the_error_counts_what_each_verifier_rejected(verdicts_of, tmp_path):
    samples = no_prompt([END], [END], [7, 7, END])
    with pytest.raises(EngineError, match=r"of 3 samples .* `length` rejected 2, `no-copies` rejected 2"):
        verdicts_of(spec("length", "no-copies"), samples)
    assert not (tmp_path / "verdicts.parquet").exists()


# --- verifiers that score, and what they are compared with ------------------------------------------------------------

PAIR = Form(input="text", output="text")
TOP_HALF = {"rule": "top_fraction", "fraction": 0.5}


@pytest.fixture
def pairs_of(tmp_path):
    """Run the stage on pairs: (question, right answer) in documents, (number of a question, answer) in samples."""

    def run(settings, documents, samples, n_offered=None, of="d"):
        real = [
            tables.document(f"d{i}", [i + 1, END], "train", prompt=asked, prompt_token_ids=[i + 1], text=answer)
            for i, (asked, answer) in enumerate(documents)
        ]
        drawn = [
            tables.sample("real", 1, i, [9, END], prompt_id=f"{of}{asked}", prompt=documents[asked][0], text=answer)
            for i, (asked, answer) in enumerate(samples)
        ]
        tables.write(tmp_path / "documents.parquet", DOCUMENTS.of(PAIR), real)
        tables.write(tmp_path / "samples.parquet", SAMPLES.of(PAIR), drawn)
        compared = {"n_samples": n_offered or len(samples), "sets_offered": 1} if "select" in settings else {}
        verify.run(
            spec=VerifySpec(
                form=PAIR, family="transformer", device="cpu", verifiers={"it": settings}, chain=("it",), **compared
            ),
            strategy="verified",
            seed=0,
            generation=1,
            samples=tmp_path / "samples.parquet",
            documents=tmp_path / "documents.parquet",
            raters=[],
            checkpoints=[],
            verdicts=tmp_path / "verdicts.parquet",
            record=Record(),
        )
        return contracts.read(tmp_path / "verdicts.parquet", VERDICTS).to_pylist()

    return run


def test_answers_are_compared_with_those_of_the_same_question(pairs_of):
    documents = [("1+1=", "2"), ("1+2=", "3")]
    rows = pairs_of({"kind": "answer", "match": "exact"}, documents, [(0, "2"), (1, "2"), (1, "3"), (0, "3")])
    assert [row["reason"] for row in rows] == ["accepted", "wrong_answer", "accepted", "wrong_answer"]


def test_the_best_by_rouge_are_those_that_say_what_the_real_answer_says(pairs_of):
    documents = [("a", "the cat sat on the mat"), ("b", "dogs bark")]
    samples = [(0, "the cat sat"), (0, "dogs bark"), (1, "dogs bark"), (1, "cats")]
    rows = pairs_of({"kind": "rouge", "select": TOP_HALF}, documents, samples)
    assert [row["accepted"] for row in rows] == [True, False, True, False]
    assert [row["score"] for row in rows] == pytest.approx([2 * 3 / 9, 0, 1, 0])
    assert [row["threshold"] for row in rows] == pytest.approx([2 / 3] * 4)


def test_only_samples_that_the_strategy_is_offered_are_chosen_from(pairs_of):
    samples = [(0, "x"), (0, "y two"), (0, "two")]  # the third was drawn for another strategy
    rows = pairs_of({"kind": "rouge", "select": TOP_HALF}, [("a", "two")], samples, n_offered=2)
    assert [(row["accepted"], row["reason"]) for row in rows] == [
        (False, "not_selected"),
        (True, "accepted"),
        (False, "not_selected"),
    ]


def test_the_best_of_each_question_is_kept(pairs_of):
    documents = [("a", "one two"), ("b", "three")]
    samples = [(0, "one"), (0, "one two"), (1, "four"), (1, "five")]
    rows = pairs_of({"kind": "rouge", "select": {"rule": "best_of_input"}}, documents, samples)
    assert [row["accepted"] for row in rows] == [False, True, True, False]  # of equal ones, the earlier


def test_a_question_that_no_document_asks_is_refused(pairs_of, tmp_path):
    with pytest.raises(ContractError, match="1 samples were drawn for no real example"):
        pairs_of({"kind": "answer", "match": "exact"}, [("a", "b")], [(0, "b")], of="elsewhere")


def test_near_duplicates_are_looked_for_in_real_training_texts_and_earlier_samples(tmp_path):
    words = [f"word{i}" for i in range(15)]
    texts = [" ".join(words), " ".join(words[:-1]), " ".join(words[::-1]), " ".join([*words[::-1], "again"])]
    real = [
        tables.document("d0", [1, END], "train", text=texts[0]),
        tables.document("d1", [1, END], "test", text=texts[2]),
    ]
    tables.write(tmp_path / "documents.parquet", DOCUMENTS, real)
    tables.write(
        tmp_path / "samples.parquet",
        SAMPLES,
        [tables.sample("real", 1, i, [1, END], text=text) for i, text in enumerate(texts)],
    )
    near = {"kind": "near_duplicates", "similarity": 0.7, "words": 3}
    verify.run(
        spec=VerifySpec(family="ngram", device="cpu", verifiers={"near": near}, chain=("near",)),
        strategy="verified",
        seed=0,
        generation=1,
        samples=tmp_path / "samples.parquet",
        documents=tmp_path / "documents.parquet",
        raters=[],
        checkpoints=[],
        verdicts=tmp_path / "verdicts.parquet",
        record=Record(),
    )
    rows = contracts.read(tmp_path / "verdicts.parquet", VERDICTS).to_pylist()
    assert [row["duplicate_of"] for row in rows] == [
        "d0",
        "d0",
        None,
        "real.0.1.0000002",
    ]  # held-out texts do not count


@pytest.mark.parametrize("kind", sorted(verifiers.MODULES))
def test_every_kind_of_verifier_has_a_module_with_a_version_of_its_own(kind):
    module = verifiers.module(kind)
    assert module.VERSION.split("/")[0] == kind
    assert callable(module.judged)
    known = {get_args(member.model_fields["kind"].annotation)[0] for member in get_args(get_args(Verifier)[0])}
    assert known == set(verifiers.MODULES)
