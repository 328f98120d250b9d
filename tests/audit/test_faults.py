"""What each check says of a table in which one thing is wrong; a table in which nothing is has no faults."""

import inspect
import json
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from collapse.artifacts import contracts, lineage
from collapse.artifacts.contracts import CONTRASTS, METRICS, POINTS, THEORY, TRAINING_LOG, Record
from collapse.config.specs import AuditSpec, CollectSpec
from collapse.errors import ContractError
from collapse.media import text
from collapse.media.text.sequences import Sequences
from collapse.plain_text import printable
from collapse.questions.audit import Arm, Finding, drawn, mixed, some, tables
from collapse.questions.audit.drawn import Documents, Samples
from collapse.questions.audit.shelf import Shelf
from collapse.questions.audit.walk import audited, spec_of
from collapse.stages import audit
from collapse.stages.audit import _summary

ARM = Arm("replace", 0, 3)
IDS = [f"replace.0.3.{draw:07d}" for draw in range(4)]
TOKENS = [[1, 2], [3], [1, 2], [4, 5, 6]]


def samples(**changes: list) -> pa.Table:
    """Four draws of an arm: two alike, one that did not end, one empty to the eye."""
    columns = {
        "strategy": ["replace"] * 4,
        "seed": [0] * 4,
        "generation": [3] * 4,
        "sample_id": IDS,
        "draw": [0, 1, 2, 3],
        "sampled_from": ["writer"] * 4,
        "prompt_id": pa.nulls(4, pa.string()),
        "prompt_token_ids": Sequences.of([[]] * 4).to_arrow(),
        "text": ["a b", " ", "a b", "d e f"],
        "token_ids": Sequences.of(TOKENS).to_arrow(),
        "n_tokens": [2, 1, 2, 3],
        "finish_reason": ["stop", "stop", "length", "stop"],
        "sampler_seed": [11, 12, 13, 14],
    }
    return pa.table(columns | changes)


def documents() -> Documents:
    table = pa.table(
        {
            "document_id": ["a", "b", "c"],
            "split": ["train", "test", "test"],
            "n_tokens": pa.array([3, 2, 1], pa.int32()),
            "token_ids": Sequences.of([[1, 2, 3], [4, 5], [6]]).to_arrow(),
        }
    )
    return Documents.of(table)


def test_how_many_and_the_first_of_them() -> None:
    assert (some(["a"]), some(["a", "b"]), some([3, 1, 2])) == ("a", "2, such as a", "3, such as 3")


def test_the_first_generation_is_sampled_from_what_all_share() -> None:
    first, third = Arm("replace", 2, 1), Arm("replace", 2, 3)
    assert (first.samples, first.before) == (Arm("real", 2, 1), Arm("real", 2, 0))
    assert (third.samples, third.before) == (third, Arm("replace", 2, 2))


# --- a table alone ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "values", "told"),
    [
        ("strategy", ["replace"] * 4, []),
        ("seed", [0, 0, 1, 1], ["column seed holds 1, but it lies in"]),
        ("generation", [3, 1, 2, 3], ["column generation holds 2, such as 1, but it lies in"]),
    ],
)
def test_rows_belong_to_the_arm_they_lie_in(column: str, values: list, told: list[str]) -> None:
    found = tables.place_faults(samples(**{column: values}), ARM)
    assert [fault.startswith(words) for fault, words in zip(found, told, strict=True)] == [True] * len(told)


def test_counts_are_those_of_tokens_and_bytes() -> None:
    assert tables.counts_faults(samples(), text) == []
    assert tables.counts_faults(samples(n_tokens=[2, 1, 9, 9]), text) == [
        "n_tokens is wrong or none in row 2, such as 2"
    ]
    empty = samples(token_ids=Sequences.of([[], [3], [1, 2], [4, 5, 6]]).to_arrow(), n_tokens=[0, 1, 2, 3])
    assert tables.counts_faults(empty, text) == [], "a sample may end at once"
    real = empty.append_column("n_bytes", pa.array([3, 1, 3, 5]))
    assert tables.counts_faults(real, text) == ["token_ids is wrong or none in row 0"]
    wrong = tables.counts_faults(samples().append_column("n_bytes", pa.array([3, 2, 3, 5])), text)
    assert "n_bytes is wrong" in wrong[0]


def test_steps_of_a_log_are_its_key() -> None:
    def log(*steps: int) -> pa.Table:
        row = {"strategy": "replace", "seed": 0, "generation": 3, "tokens_seen": 1}
        rows = [row | {"step": step, "loss_nats": 1.0, "learning_rate": 1.0, "gradient_norm": 1.0} for step in steps]
        return pa.Table.from_pylist(rows, TRAINING_LOG.schema)

    assert tables.key_faults(log(1, 2, 3), TRAINING_LOG) == []
    assert "1 row(s) repeat the key" in tables.key_faults(log(1, 2, 2), TRAINING_LOG)[0]
    assert "2 rows are not in the order" in tables.key_faults(log(1, 3, 2), TRAINING_LOG)[0]


def test_columns_are_those_of_the_contract_in_its_order() -> None:
    table = CONTRASTS.schema.empty_table()
    assert tables.contract_faults(table.schema, table, CONTRASTS) == []
    turned = table.select(table.column_names[::-1])
    assert "its columns are" in tables.contract_faults(turned.schema, turned, CONTRASTS)[0]


# --- samples and what is said of them ---------------------------------------------------------------------------------


def test_ids_and_draws_count_from_0() -> None:
    assert drawn.id_faults(samples(), ARM) == []
    assert "the ids are not" in drawn.id_faults(samples(sample_id=[*IDS[:3], "replace.0.3.0000009"]), ARM)[0]
    assert "such as 2" in drawn.id_faults(samples(draw=[0, 1, 3, 2]), ARM)[0]


def test_a_seed_is_used_once() -> None:
    assert drawn.seeds_faults(samples()) == []
    shared = drawn.seeds_faults(samples(sampler_seed=[11, 12, 11, 11]))
    assert shared == ["2 of 4 rows repeat another row's sampler_seed"]


def test_edits_of_samples_are_of_the_same_document_and_as_long_each_in_turn() -> None:
    before, sizes = pa.table({"prompt_id": ["a", "b"]}), np.array([2, 1])
    edits = samples(prompt_id=["a", "b", "a", "b"], token_ids=Sequences.of([[9, 2], [3], [1, 2], [7]]).to_arrow())
    assert drawn.edit_faults(edits, before, sizes) == []
    of_another = samples(prompt_id=["a", "a", "a", "b"], token_ids=edits["token_ids"])
    longer = samples(prompt_id=edits["prompt_id"])
    for wrong, name in ((of_another, IDS[1]), (longer, IDS[3])):
        assert drawn.edit_faults(wrong, before, sizes) == [f"no edit of the sample of the generation before: {name}"]


def test_samples_are_as_many_as_were_to_be_drawn_and_of_the_model_before() -> None:
    assert drawn.lineage_faults(samples(), "writer", documents(), 4) == []
    assert drawn.lineage_faults(samples(), "writer", documents(), 5) == ["4 samples, but 5 were to be drawn"]
    other = drawn.lineage_faults(samples(sampled_from=["writer", "x", "x", "writer"]), "writer", documents(), 4)
    assert other == ["samples are from x, but the model of the generation before is writer"]


RECORD = ARM._asdict() | {
    "n_samples": 4,
    "n_stopped": 3,
    "n_truncated": 1,
    "n_empty": 1,
    "n_duplicates": 1,
    "mean_tokens": 2.0,
    "engine": "native",
}


def test_a_record_says_what_the_samples_hold() -> None:
    assert drawn.record_faults(RECORD, samples(), {"engine": "native"}, ARM) == []
    for name, value in RECORD.items():
        other = "another" if isinstance(value, str) else value + 1
        told = drawn.record_faults(RECORD | {name: other}, samples(), {"engine": "native"}, ARM)
        assert told == [f"{name} is {other}, but the samples say {value}"]
    assert drawn.record_faults(RECORD, samples(n_tokens=[9] * 4), {}, ARM) == [], "lengths are those of the tokens"


def test_every_verifier_judges_every_sample_and_nothing_else() -> None:
    whole = Samples.of(samples())
    rows = [{"sample_id": identity, "verifier": name} for name in ("taste", "sense") for identity in IDS]

    def told(rows: list[dict]) -> list[str]:
        return drawn.coverage_faults(pa.Table.from_pylist(rows), whole, ("taste", "sense"))

    assert told(rows) == []
    assert told(rows[1:]) == [f"taste: has nothing on {IDS[0]}"]
    assert told([*rows, {"sample_id": "x", "verifier": "sense"}]) == ["sense: is about x, which should not be there"]
    assert told([*rows, {"sample_id": IDS[0], "verifier": "other"}]) == [
        "verdicts are by other, not one of the strategy's verifiers"
    ]


LOSSES = [("real_test", "own", "b", 2), ("real_test", "own", "c", 1)]
OF_SAMPLES = [("samples", "generation_0", IDS[0], 2), ("samples", "generation_0", IDS[1], 1)]


@pytest.mark.parametrize(
    ("rows", "n_offered", "words"),
    [
        (LOSSES, None, None),
        (LOSSES + OF_SAMPLES, 2, None),
        (LOSSES[1:], None, "real_test scored by own: has nothing on b"),
        ([*LOSSES, ("real_test", "own", "a", 3)], None, "is about a, which should not be there"),
        ([LOSSES[0], ("real_test", "own", "c", 2)], None, "n_tokens is not that of c"),
        (LOSSES + OF_SAMPLES, None, "2 rows are of texts that this arm does not score"),
        (LOSSES + OF_SAMPLES, 3, f"samples scored by generation_0: has nothing on {IDS[2]}"),
        (LOSSES + OF_SAMPLES, 1, f"is about {IDS[1]}"),
        ([*LOSSES, ("samples", "own", IDS[0], 2)], 0, "1 rows are of texts"),
    ],
)
def test_losses_are_of_the_test_documents_and_the_samples_offered(rows, n_offered, words) -> None:
    columns = zip(*rows, strict=True)
    table = pa.table(dict(zip(("evaluation_set", "scored_by", "document_id", "n_tokens"), columns, strict=True)))
    offered = None if n_offered is None else Samples.of(samples()).first(n_offered)
    told = drawn.loss_faults(table, documents(), offered)
    assert len(told) == (words is not None) and all(words in fault for fault in told)


# --- mixtures ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("position", "repeat", "ids", "words"),
    [
        ([0, 1, 2, 3], [0, 0, 1, 1], "abba", None),
        ([0, 1, 2], [0, 0, 1], "aba", None),
        ([1, 2, 3, 4], [0, 0, 1, 1], "abab", "positions are not 0 to 3"),
        ([0, 1, 2, 3], [0, 0, 0, 1], "abab", "`repeat` does not count passes of 2 different examples"),
        ([0, 1, 2, 3], [0, 0, 1, 1], "abaa", "1 examples are twice in one pass"),
        ([], [], "", "it is empty"),
    ],
)
def test_a_pass_holds_every_example_once(position, repeat, ids, words) -> None:
    types = {"position": pa.int64(), "repeat": pa.int64(), "example_id": pa.string()}
    values = {"position": position, "repeat": repeat, "example_id": list(ids)}
    table = pa.table({name: pa.array(values[name], kind) for name, kind in types.items()})
    assert mixed.passes_faults(table) == ([words] if words else [])


# --- files ------------------------------------------------------------------------------------------------------------


def shelf(folder: Path, **written: str) -> Shelf:
    (folder / "there").write_text("bytes")
    return Shelf(folder, {name: digest * 64 for name, digest in written.items()})


def test_a_file_is_compared_with_what_was_written(tmp_path: Path) -> None:
    known, unknown = shelf(tmp_path, there="0"), shelf(tmp_path)
    for one, name in ((known, "there"), (unknown, "there"), (unknown, "gone")):
        assert one.file(name) is (name == "there")
    assert [(finding.check, finding.passed) for finding in known.findings] == [("complete", True), ("digest", False)]
    told = [(finding.artifact, finding.check, finding.passed) for finding in unknown.findings]
    assert told == [("there", "complete", True), ("gone", "complete", False)]


def test_others_should_have_seen_what_was_written_or_else_what_is_there(tmp_path: Path) -> None:
    one = shelf(tmp_path, written="0")
    assert one.as_written("written") == "0" * 64
    assert one.as_written("gone") is None
    digest = one.as_written("there")
    (tmp_path / "there").write_text("other bytes")
    assert one.as_written("there") == digest is not None, "each file is read once"


def test_a_table_made_from_another_file_or_from_one_that_is_gone_is_stale(tmp_path: Path) -> None:
    one = shelf(tmp_path, a="0", b="1")
    zeros, ones = "0" * 64, "1" * 64
    one._inputs.update(fresh={"a": zeros, "b": ones}, stale={"a": ones, "b": ones}, lost={"gone": zeros, "b": ones})
    one.compare_inputs()
    assert [(finding.artifact, finding.faults) for finding in one.findings] == [
        ("fresh", ()),
        ("stale", ("it was made from another a",)),
        ("lost", ("it was made from gone, which is gone",)),
    ]


@pytest.mark.parametrize(
    ("text", "passes"), [('{"a": 1}', True), ("[1]", False), ("{", False), ('{"a":' * 100_000, False)]
)
def test_entries_are_a_json_object(tmp_path: Path, text: str, passes: bool) -> None:
    one = shelf(tmp_path)
    (tmp_path / "record.json").write_text(text)
    assert one.entries("record.json") == ({"a": 1} if passes else None)
    assert [(finding.check, finding.passed) for finding in one.findings] == [("complete", True), ("contract", passes)]
    assert np.all([finding.artifact == "record.json" for finding in one.findings])


def test_files_that_no_provenance_knows_are_counted(tmp_path: Path) -> None:
    one = shelf(tmp_path, known="0", elsewhere="1")
    one.found.update(known="x", unknown="y", too="z")
    assert any("2 have no provenance" in line for line in _summary(one, [], []))
    one.written.update(unknown="y", too="z")
    assert not any("no provenance" in line for line in _summary(one, [], []))


@pytest.mark.parametrize(("make", "words"), [(os.mkdir, "is a folder"), (os.mkfifo, "is a pipe")])
def test_what_lies_in_the_place_of_an_artifact_is_told_and_set_aside(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], make, words: str
) -> None:
    names = ("metrics.parquet", "tokenizer/tokenizer.json", "base_model/base_model.json", "report.html")
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        make(tmp_path / name)
    with pytest.raises(ContractError, match="it makes what was set aside"):
        audit.run(results=tmp_path, set_aside=True, record=Record())
    told = capsys.readouterr().out
    assert all(f"{name}: contract: it {words}" in told for name in names if name != "tokenizer/tokenizer.json")
    assert "set aside: report.html as report.html.damaged" in told
    assert (tmp_path / "report.html.damaged").exists() and not (tmp_path / "report.html").exists()


def test_somebodys_model_is_looked_at_file_by_file(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoint=rater-quality"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"weights")
    named = {"model.safetensors": lineage.sha256(folder / "model.safetensors")}
    (folder / "model.json").write_text(json.dumps({"checkpoint": "owner/name", "files": named}))
    spec = spec_of(tmp_path)
    assert "checkpoint=rater-quality/model.json" in spec.parts

    def faults() -> list[str]:
        found = audited(tmp_path, spec).findings
        return [one.detail for one in found if one.artifact.startswith("checkpoint=") and not one.passed]

    assert faults() == []
    (folder / "model.safetensors").write_bytes(b"others!")
    assert faults() == ["it names model.safetensors, which is not what was written"]


@pytest.mark.parametrize("changes", [{"spec": b"[]"}, {"inputs": b"[" * 100_000}, {"inputs": b'{"a": 3}'}])
def test_metadata_that_is_damaged_is_told(tmp_path: Path, changes: dict[str, bytes]) -> None:
    table, path = CONTRASTS.schema.empty_table(), tmp_path / "contrasts.parquet"
    named = {f"collapse.{name}".encode(): value for name, value in changes.items()}
    pq.write_table(table.replace_schema_metadata({"collapse.contract": CONTRASTS.title} | named), path)
    one = Shelf(tmp_path, {})
    assert one.table("contrasts.parquet") is None
    assert any("what it says it was made from cannot be read" in finding.detail for finding in one.findings)


def test_an_audit_of_odd_folders_does_not_steer_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "\x1b[2J\u202e"
    for name in ("strategy=a/seed=b/generation=c", "strategy=a/seed=0/generation=1"):
        (folder / name).mkdir(parents=True)
        (folder / name / "mixture.parquet").write_text("")
    with pytest.raises(ContractError):
        audit.run(results=folder, record=Record())
    told = capsys.readouterr().out
    assert "\\x1b[2J\\u202e" in told and "strategy=a/seed=0" in told
    assert all(printable(line) == line for line in told.split("\n"))


def test_an_audit_only_looks_unless_it_is_told_to_set_aside() -> None:
    assert inspect.signature(audit.run).parameters["set_aside"].default is False


def test_an_experiment_is_audited_alone_and_those_in_a_folder_together(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name / "world=line").mkdir(parents=True)
        (tmp_path / name / "world=line" / "metrics.parquet").touch()
    assert audit._experiments(tmp_path / "one") == [tmp_path / "one"]
    assert audit._experiments(tmp_path) == [tmp_path / "one", tmp_path / "two"]
    assert spec_of(tmp_path / "one").arms.generations == 0


def test_twenty_failures_are_told_and_the_others_counted(tmp_path: Path) -> None:
    failed = [Finding(f"{n}.parquet", "key", ("rows repeat",)) for n in range(21)]
    assert not any("more" in line for line in _summary(shelf(tmp_path), failed[:20], []))
    assert list(_summary(shelf(tmp_path), failed, []))[-1] == "  and 1 more"


@pytest.mark.parametrize(("n_damaged", "rest"), [(6, ""), (7, "  and 1 more; all are told above.\n")])
def test_six_files_at_fault_are_named_and_the_others_counted(tmp_path: Path, n_damaged: int, rest: str) -> None:
    for n in range(n_damaged):
        (tmp_path / "figures" / f"{n}.svg").mkdir(parents=True)
    (tmp_path / "world=line").mkdir()
    with pytest.raises(ContractError) as refused:
        audit.run(results=tmp_path, record=Record())
    assert str(refused.value).count("it is a folder") == 6
    assert str(refused.value).endswith(f"it is a folder, not a file.\n{rest}  Nothing was changed.")


def test_what_is_missing_is_not_set_aside(tmp_path: Path) -> None:
    one = shelf(tmp_path)
    one.file("gone")
    assert audit._set_aside(one) == []


def test_a_card_that_cannot_be_read_is_told_once(tmp_path: Path) -> None:
    one = shelf(tmp_path)
    (tmp_path / "model.json").write_text("{")
    assert one.card("model.json") is None
    assert [(finding.check, finding.passed) for finding in one.findings] == [("complete", True), ("contract", False)]


def test_tables_are_compared_with_those_of_worlds_once_all_are_there(tmp_path: Path) -> None:
    collected = {"metrics.parquet": METRICS, "theory.parquet": THEORY, "points.parquet": POINTS}
    arms = CollectSpec(strategies=(), seeds=(0,), generations=0, worlds=("line", "memory"))

    def compared() -> set[str]:
        found = audited(tmp_path, AuditSpec(arms=arms, parts=tuple(collected))).findings
        return {finding.artifact for finding in found if finding.check == "collected"}

    for folder, expected in (
        (tmp_path, set()),
        (tmp_path / "world=line", set()),
        (tmp_path / "world=memory", {*collected}),
    ):
        for name, contract in collected.items():
            contracts.write(folder / name, contract, contract.schema.empty_table(), Record())
        assert compared() == expected
