"""Checks that need what the tiny experiment has not: prompts, optimizer steps, categories; and the list of checks."""

import pyarrow as pa
import pytest

from collapse.artifacts.contracts import ANCESTRY, AUDIT, DOCUMENTS, METRICS, TRAINING_LOG
from collapse.artifacts.lineage import ModelCard
from collapse.media.text.sequences import Sequences
from collapse.questions.audit import (
    CHECKS,
    CURES,
    MAKE_AGAIN,
    Arm,
    Finding,
    at_fault,
    collected,
    corpus,
    drawn,
    tables,
    trained,
)
from collapse.questions.audit.drawn import Documents

DIGEST = "ab" * 32


def test_the_contract_lists_every_check():
    column = next(column for column in AUDIT.columns if column.name == "check")
    assert column.categories == tuple(CHECKS)
    assert CURES.keys() <= CHECKS.keys()


def test_neighbours_that_fail_because_of_a_damaged_file_are_left_alone():
    damaged, other = Finding("a", "digest", ("x",)), Finding("b", "lineage", ("x",))
    assert at_fault([damaged, other, Finding("c", "key", ())]) == ["a"]
    assert at_fault([other]) == ["b"]


def test_a_finding_says_what_was_compared_or_what_is_wrong_and_what_to_do():
    passed, failed = Finding("a", "seeds", ()), Finding("a", "seeds", ("x", "y"))
    assert (passed.passed, passed.detail) == (True, CHECKS["seeds"])
    assert (failed.passed, failed.detail, failed.cure) == (False, "x; y", MAKE_AGAIN)
    assert Finding("a", "complete", ("x",)).cure == CURES["complete"]


# --- prompts ----------------------------------------------------------------------------------------------------------


def documents() -> Documents:
    tokens = Sequences.of([[1, 2, 3], [4, 5, 6]])
    table = pa.table(
        {
            "document_id": ["train", "test"],
            "split": ["train", "test"],
            "n_tokens": pa.array([3, 3], pa.int32()),
            "token_ids": tokens.to_arrow(),
        }
    )
    return Documents.of(table)


def prompted(document: str | None, prompt: list[int]) -> pa.Table:
    return pa.table(
        {
            "sample_id": ["s"],
            "sampled_from": ["writer"],
            "prompt_id": pa.array([document], pa.string()),
            "prompt_token_ids": pa.array([prompt], pa.list_(pa.int32())),
            "token_ids": pa.array([[]], pa.list_(pa.int32())),
        }
    )


@pytest.mark.parametrize(
    ("document", "prompt", "told"),
    [
        (None, [], []),
        ("train", [1, 2], []),
        ("train", [1, 3], ["the prompt is not how its document begins: s"]),
        ("test", [4, 5], ["prompts are of documents that are not there to train on: test"]),
        ("none", [4], ["prompts are of documents that are not there to train on: none"]),
    ],
)
def test_a_prompt_is_the_beginning_of_a_training_document(document, prompt, told):
    assert drawn.lineage_faults(prompted(document, prompt), "writer", documents(), 1) == told


# --- training ---------------------------------------------------------------------------------------------------------


def card(**changes) -> ModelCard:
    values = {
        "model_id": f"replace.0.3@{DIGEST[:12]}",
        "family": "transformer",
        "strategy": "replace",
        "seed": 0,
        "generation": 3,
        "parent_model_id": "replace.0.2@000000000000",
        "base_model": None,
        "mixture_sha256": DIGEST,
        "n_parameters": 1,
        "n_trained": 30,
        "unit": "token",
        "n_steps": 3,
        "dtype": "float32",
        "files": {"model.safetensors": DIGEST},
    }
    return ModelCard(**(values | changes))


def log(seen: list[int], steps: list[int] | None = None) -> pa.Table:
    rows = [
        {"strategy": "replace", "seed": 0, "generation": 3, "step": step, "tokens_seen": n}
        | {"loss_nats": 1.0, "learning_rate": 1.0, "gradient_norm": 1.0}
        for step, n in zip(steps or range(1, len(seen) + 1), seen, strict=True)
    ]
    return pa.Table.from_pylist(rows, TRAINING_LOG.schema)


def test_a_log_that_ends_with_the_mixture_passes():
    assert trained.training_faults(card(), log([10, 20, 30]), n_trained=30, n_steps=3) == []


@pytest.mark.parametrize(
    ("its_card", "its_log"),
    [
        (card(n_trained=29), log([10, 20, 30])),
        (card(n_steps=2), log([10, 20, 30])),
        (card(), log([10, 30])),
        (card(), log([10, 20, 29])),
        (card(), log([20, 10, 30])),
        (card(), log([30, 30, 30])),
        (card(), log([10, 20, 30], steps=[0, 1, 2])),
    ],
)
def test_other_steps_or_tokens_do_not_pass(its_card, its_log):
    assert trained.training_faults(its_card, its_log, n_trained=30, n_steps=3)


def test_a_model_goes_on_from_the_one_its_card_names():
    parent = "replace.0.2@000000000000"
    assert trained.card_lineage_faults(card(), DIGEST, parent) == []
    assert "started from" in trained.card_lineage_faults(card(), DIGEST, None)[0]
    assert "mixture" in trained.card_lineage_faults(card(), "0" * 64, parent)[0]


def test_an_id_names_the_weights():
    assert trained.card_place_faults(card(), Arm("replace", 0, 3)) == []
    assert trained.card_place_faults(card(files={"model.safetensors": "0" * 64}), Arm("replace", 0, 3))
    assert trained.card_place_faults(card(), Arm("replace", 1, 3))


# --- tables -----------------------------------------------------------------------------------------------------------


def corpus_table(splits: list[str], texts: list[str], groups: list[str]) -> pa.Table:
    return pa.table({"split": splits, "text": texts, "group": groups})


def test_training_and_its_reserve_share_groups_and_nothing_else_does():
    assert corpus.splits_faults(corpus_table(["train", "reserve"], ["a", "b"], ["g", "g"]), False) == []
    assert corpus.splits_faults(corpus_table(["train", "test"], ["a", "b"], ["g", "g"]), False)
    assert corpus.splits_faults(corpus_table(["train", "reserve"], ["a", "a"], ["g", "g"]), False)


def test_draws_from_a_grammar_may_repeat_a_text_on_both_sides():
    table = corpus_table(["train", "test"], ["a", "a"], ["g", "h"])
    assert corpus.splits_faults(table, draws_repeat=True) == []
    assert corpus.splits_faults(table, draws_repeat=False)


def test_what_is_held_out_is_new_to_the_base_model():
    read = corpus_table(["train", "train", "test"], ["a", "b", "c"], ["g", "g", "h"])
    assert corpus.held_out_faults(corpus_table(["train", "test"], ["a", "c"], ["g", "h"]), read) == []
    assert "group: 'g'" in corpus.held_out_faults(corpus_table(["validation"], ["d"], ["g"]), read)[0]
    assert "text: 'b'" in corpus.held_out_faults(corpus_table(["test"], ["b"], ["k"]), read)[0]


def test_nulls_types_and_categories_of_the_contract_are_kept():
    rows = [
        dict.fromkeys(DOCUMENTS.schema.names)
        | {"document_id": "a", "split": "train", "text": "t", "token_ids": [1], "n_tokens": 1, "n_bytes": 1}
        | {"group": "g", "source": "s", "licence": "l"}
    ]
    plain = pa.schema([(c.name, pa.string() if c.categories else c.type) for c in DOCUMENTS.columns])
    good = pa.Table.from_pylist(rows, plain)

    def told(table: pa.Table, schema: pa.Schema = DOCUMENTS.schema) -> list[str]:
        return tables.contract_faults(schema, table, DOCUMENTS)

    assert told(good) == []
    assert "misses 1" in told(pa.Table.from_pylist([rows[0] | {"text": None}], plain))[0]
    assert "no category" in told(pa.Table.from_pylist([rows[0] | {"split": "trial"}], plain))[0]
    longer = pa.schema(
        [field.with_type(pa.int64()) if field.name == "n_tokens" else field for field in DOCUMENTS.schema]
    )
    assert told(good, longer) == ["column n_tokens is int64, not int32"]
    assert told(good.drop_columns("licence"), DOCUMENTS.schema.remove(9))


# --- the experiment's tables ------------------------------------------------------------------------------------------


def metrics_table(value: float | None, standard_error: float | None = None) -> pa.Table:
    row = dict.fromkeys(METRICS.key, "x") | {"seed": 0, "generation": 1, "unit": "1", "n": 1}
    return pa.Table.from_pylist([row | {"value": value, "standard_error": standard_error}], METRICS.schema)


def test_generation_0_is_expected_once_under_every_strategy():
    first = {"strategy": "real", "seed": 0, "generation": 0, "metric": "test_loss", "evaluation_set": "real_test"}
    later = first | {"strategy": "replace", "generation": 1}
    rows = [row | {"experiment": "e", "value": 1.0, "unit": "1", "n": 1} for row in (first, later)]
    real = {"origin_generation": 0, "n_examples": 5, "n_tokens": 9, "token_share": 1.0, "example_share": 1.0}
    of_first = dict.fromkeys(ANCESTRY.schema.names) | {name: first[name] for name in Arm._fields} | real
    of_later = of_first | {"strategy": "replace", "generation": 1}
    origins = collected.expected_ancestry(
        [pa.Table.from_pylist([row], ANCESTRY.schema) for row in (of_first, of_later)], ["real", "replace"]
    )
    assert origins.num_rows == 3
    expected = collected.expected_metrics([pa.Table.from_pylist(rows, METRICS.schema)], [], origins)
    places = expected.select(["strategy", "generation", "metric"]).to_pylist()
    arms = [("real", 0), ("replace", 0), ("replace", 1)]
    assert sorted((p["metric"], p["strategy"], p["generation"]) for p in places) == [
        (metric, *arm) for metric in ("ancestry_depth", "test_loss") for arm in arms
    ]


@pytest.mark.parametrize(
    ("found", "expected", "passes"),
    [
        ((2.0, None), (2.0, None), True),
        ((2.0 * (1 + 1e-13), None), (2.0, None), True),
        ((2.0 * (1 + 1e-9), None), (2.0, None), False),
        ((1e-30, None), (0.0, None), False),
        ((2.0, 0.0), (2.0, None), False),
        ((float("nan"), 0.1), (float("nan"), 0.1), True),
        ((float("nan"), None), (2.0, None), False),
    ],
)
def test_a_collected_value_is_the_arms_own_but_for_rounding(found, expected, passes):
    told = collected.faults(metrics_table(*found), metrics_table(*expected), METRICS)
    assert (told == []) is passes
