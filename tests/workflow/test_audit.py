"""The audit of a finished experiment: all is well, and every damage is found by the check that is there for it."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from projects import ROOT

from collapse.artifacts import contracts, lineage
from collapse.artifacts.contracts import AUDIT
from collapse.errors import ContractError
from collapse.questions.audit import CHECKS, at_fault
from collapse.questions.audit.walk import AFTERWARDS, audited, spec_of
from collapse.stages import audit as stage

REPLACE, CHAINED = "strategy=replace/seed=0/generation=2", "strategy=verified/seed=0/generation=2"
FIRST = "strategy=real/seed=0/generation=0"


def audit(folder: Path) -> list:
    return audited(folder, spec_of(folder)).findings


def failed(folder: Path) -> set[tuple[str, str]]:
    return {(finding.artifact, finding.check) for finding in audit(folder) if not finding.passed}


@pytest.fixture
def results(finished, tmp_path) -> Path:
    """The results of a finished experiment, to be damaged."""
    return Path(shutil.copytree(finished.folder / "results" / "tiny", tmp_path / "results" / "tiny"))


# --- damages ----------------------------------------------------------------------------------------------------------


def read(path: Path) -> pa.Table:
    return pq.ParquetFile(path).read()


def edit(path: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    """Change the rows of a table as a careful hand would: schema and metadata stay."""
    table = read(path)
    changed = change(table).cast(table.schema)
    pq.write_table(changed.replace_schema_metadata(table.schema.metadata), path, **contracts.PARQUET)


def cell(column: str, row: int, value: object) -> Callable[[pa.Table], pa.Table]:
    """Put another value, or one made from the old value, into a cell."""

    def change(table: pa.Table) -> pa.Table:
        values = table[column].to_pylist()
        values[row] = value(values[row]) if callable(value) else value
        field = table.schema.field(column)
        return table.set_column(table.schema.get_field_index(column), field, pa.array(values, field.type))

    return change


def cells(row: int, **values: object) -> Callable[[pa.Table], pa.Table]:
    def change(table: pa.Table) -> pa.Table:
        for column, value in values.items():
            table = cell(column, row, value)(table)
        return table

    return change


def edits(name: str, change: Callable[[pa.Table], pa.Table]) -> Callable[[Path], None]:
    return lambda results: edit(results / name, change)


def edits_json(name: str, **changes: object) -> Callable[[Path], None]:
    def damage(results: Path) -> None:
        entries = json.loads((results / name).read_text())
        (results / name).write_text(json.dumps(entries | changes))

    return damage


def removes(name: str) -> Callable[[Path], None]:
    return lambda results: (results / name).unlink()


def flips_a_bit(name: str, place: float) -> Callable[[Path], None]:
    def damage(results: Path) -> None:
        content = bytearray((results / name).read_bytes())
        content[int(place * len(content))] ^= 4
        (results / name).write_bytes(content)

    return damage


def truncates(name: str) -> Callable[[Path], None]:
    return lambda results: os.truncate(results / name, 5000)


def becomes_a_folder(name: str) -> Callable[[Path], None]:
    def damage(results: Path) -> None:
        (results / name).unlink()
        (results / name / "inside").mkdir(parents=True)

    return damage


def copies(source: str, target: str) -> Callable[[Path], None]:
    return lambda results: (results / target).write_bytes((results / source).read_bytes())


def swaps(one: str, other: str) -> Callable[[Path], None]:
    def damage(results: Path) -> None:
        first, second = ((results / name).read_bytes() for name in (one, other))
        (results / one).write_bytes(second)
        (results / other).write_bytes(first)

    return damage


def remakes_the_documents(results: Path) -> None:
    """Other documents, written by a job that says so."""
    edit(results / "documents.parquet", cell("licence", 0, "another"))
    record = results / "provenance" / "documents.json"
    facts = json.loads(record.read_text())
    facts["outputs"]["documents.parquet"] = lineage.sha256(results / "documents.parquet")
    record.write_text(json.dumps(facts))


def trains_on_a_document(split: str) -> Callable[[Path], None]:
    """Put a real document of a split into a mixture that has none of it, in the place of another example."""

    def damage(results: Path) -> None:
        documents = read(results / "documents.parquet")
        one = documents.filter(pc.equal(documents["split"].cast(pa.string()), split)).slice(0, 1).to_pylist()[0]
        values = {"example_id": one["document_id"], "n_tokens": one["n_tokens"], "n_real_tokens": one["n_tokens"]}
        origin = {"origin": "real", "origin_generation": 0, "source": "documents.parquet"}
        edit(results / REPLACE / "mixture.parquet", cells(3, **values, **origin))

    return damage


def trains_on_a_refused_sample(results: Path) -> None:
    verdicts = read(results / CHAINED / "verdicts.parquet")
    refused = verdicts.filter(pc.invert(verdicts["accepted"]))["sample_id"][0].as_py()
    samples = read(results / CHAINED / "samples.parquet")
    n_tokens = samples.filter(pc.equal(samples["sample_id"], refused))["n_tokens"][0].as_py()

    def change(mixture: pa.Table) -> pa.Table:
        row = mixture["origin_generation"].to_pylist().index(2)
        return cells(row, example_id=refused, n_tokens=n_tokens)(mixture)

    edit(results / CHAINED / "mixture.parquet", change)


def accepts_a_refused_sample(results: Path) -> None:
    verdicts = read(results / CHAINED / "verdicts.parquet")
    refused = verdicts.filter(pc.invert(verdicts["accepted"]))["sample_id"][0].as_py()
    all_accepted = pc.or_(verdicts["accepted"], pc.equal(verdicts["sample_id"], refused))
    edit(results / CHAINED / "verdicts.parquet", lambda table: table.set_column(
        table.schema.get_field_index("accepted"), table.schema.field("accepted"), all_accepted
    ))  # fmt: skip


def without_last_row(table: pa.Table) -> pa.Table:
    return table.slice(0, table.num_rows - 1)


def repeated_row(table: pa.Table) -> pa.Table:
    return pa.concat_tables([table.slice(0, 1), table])


def reversed_rows(table: pa.Table) -> pa.Table:
    return table.take(pa.array(np.arange(table.num_rows)[::-1]))


def train_text_in_test(table: pa.Table) -> pa.Table:
    splits = table["split"].to_pylist()
    return cell("text", splits.index("test"), table["text"][splits.index("train")].as_py())(table)


def same_seed(table: pa.Table) -> pa.Table:
    return cell("sampler_seed", 0, table["sampler_seed"][1].as_py())(table)


def repeated_example(table: pa.Table) -> pa.Table:
    return cells(1, **{name: table[name][0].as_py() for name in ("example_id", "n_tokens")})(table)


def one_more(value: int) -> int:
    return value + 1


DAMAGES = {
    "a missing log": ("complete", f"{REPLACE}/training_log.parquet", removes(f"{REPLACE}/training_log.parquet")),
    "missing verdicts": ("complete", f"{CHAINED}/verdicts.parquet", removes(f"{CHAINED}/verdicts.parquet")),
    "a truncated table": ("contract", f"{REPLACE}/samples.parquet", truncates(f"{REPLACE}/samples.parquet")),
    "a flipped bit": ("contract", "documents.parquet", flips_a_bit("documents.parquet", 0.3)),
    "another table's name": ("contract", "theory.parquet", copies("points.parquet", "theory.parquet")),
    "a broken card": ("contract", f"{REPLACE}/model/model.json", truncates(f"{REPLACE}/model/model.json")),
    "a record that is no JSON": (
        "contract",
        f"{REPLACE}/sampling_record.json",
        lambda results: (results / REPLACE / "sampling_record.json").write_text("{"),
    ),
    "a record without end": (
        "contract",
        f"{REPLACE}/sampling_record.json",
        lambda results: (results / REPLACE / "sampling_record.json").write_text('{"a":' * 100_000),
    ),
    "a folder in a table's place": (
        "contract",
        f"{REPLACE}/samples.parquet",
        becomes_a_folder(f"{REPLACE}/samples.parquet"),
    ),
    "a folder in a card's place": (
        "contract",
        f"{REPLACE}/model/model.json",
        becomes_a_folder(f"{REPLACE}/model/model.json"),
    ),
    "a repeated key": (
        "key",
        f"{REPLACE}/document_losses.parquet",
        edits(f"{REPLACE}/document_losses.parquet", repeated_row),
    ),
    "rows out of order": ("key", "contrasts.parquet", edits("contrasts.parquet", reversed_rows)),
    "an edited tokenizer": ("digest", "tokenizer/tokenizer.json", flips_a_bit("tokenizer/tokenizer.json", 0.5)),
    "an edited figure": ("digest", "figures/test_loss.svg", flips_a_bit("figures/test_loss.svg", 0.5)),
    "missing weights": ("digest", f"{REPLACE}/model/model.json", removes(f"{REPLACE}/model/model.safetensors")),
    "other weights": (
        "digest",
        f"{REPLACE}/model/model.json",
        flips_a_bit(f"{REPLACE}/model/model.safetensors", 0.9),
    ),
    "an edited report": ("digest", "report.html", flips_a_bit("report.html", 0.5)),
    "other documents": ("inputs", f"{FIRST}/mixture.parquet", remakes_the_documents),
    "swapped samples": (
        "place",
        f"{REPLACE}/samples.parquet",
        swaps(f"{REPLACE}/samples.parquet", "strategy=replace/seed=1/generation=2/samples.parquet"),
    ),
    "another arm's card": (
        "place",
        f"{REPLACE}/model/model.json",
        copies("strategy=replace/seed=1/generation=2/model/model.json", f"{REPLACE}/model/model.json"),
    ),
    "another arm's metrics": (
        "place",
        f"{REPLACE}/metrics.parquet",
        copies(f"{CHAINED}/metrics.parquet", f"{REPLACE}/metrics.parquet"),
    ),
    "a sample with another length": (
        "counts",
        f"{REPLACE}/samples.parquet",
        edits(f"{REPLACE}/samples.parquet", cell("n_tokens", 5, one_more)),
    ),
    "a document with other bytes": (
        "counts",
        "documents.parquet",
        edits("documents.parquet", cell("n_bytes", 5, one_more)),
    ),
    "a training text in the test split": (
        "splits",
        "documents.parquet",
        edits("documents.parquet", train_text_in_test),
    ),
    "a test document in a mixture": ("splits", f"{REPLACE}/mixture.parquet", trains_on_a_document("test")),
    "one seed for two rows": ("seeds", f"{REPLACE}/samples.parquet", edits(f"{REPLACE}/samples.parquet", same_seed)),
    "a record of other samples": (
        "record",
        f"{REPLACE}/sampling_record.json",
        edits_json(f"{REPLACE}/sampling_record.json", n_stopped=1),
    ),
    "a record of another decoding": (
        "record",
        f"{REPLACE}/sampling_record.json",
        edits_json(f"{REPLACE}/sampling_record.json", decoding={"method": "greedy"}),
    ),
    "samples of another model": (
        "lineage",
        f"{REPLACE}/samples.parquet",
        edits(f"{REPLACE}/samples.parquet", cell("sampled_from", 0, "replace.0.1@000000000000")),
    ),
    "a sample too few": (
        "lineage",
        f"{REPLACE}/samples.parquet",
        edits(f"{REPLACE}/samples.parquet", without_last_row),
    ),
    "a sample without a verdict": (
        "lineage",
        f"{CHAINED}/verdicts.parquet",
        edits(f"{CHAINED}/verdicts.parquet", without_last_row),
    ),
    "a text without a loss": (
        "lineage",
        f"{REPLACE}/document_losses.parquet",
        edits(f"{REPLACE}/document_losses.parquet", without_last_row),
    ),
    "an example that does not exist": (
        "lineage",
        f"{REPLACE}/mixture.parquet",
        edits(f"{REPLACE}/mixture.parquet", cell("example_id", 0, "replace.0.2.0009999")),
    ),
    "an example with another length": (
        "lineage",
        f"{REPLACE}/mixture.parquet",
        edits(f"{REPLACE}/mixture.parquet", cell("n_tokens", 0, one_more)),
    ),
    "a card of another mixture": (
        "lineage",
        f"{REPLACE}/model/model.json",
        edits_json(f"{REPLACE}/model/model.json", mixture_sha256="0" * 64),
    ),
    "a card with a parent it has not": (
        "lineage",
        f"{REPLACE}/model/model.json",
        edits_json(f"{REPLACE}/model/model.json", parent_model_id="replace.0.1@000000000000"),
    ),
    "a sample that weighs more": (
        "weights",
        f"{REPLACE}/mixture.parquet",
        edits(f"{REPLACE}/mixture.parquet", cell("weight", 2, 2.0)),
    ),
    "a refused sample in a mixture": ("usable", f"{CHAINED}/mixture.parquet", trains_on_a_refused_sample),
    "a refused sample accepted": ("shares", f"{CHAINED}/mixture.parquet", accepts_a_refused_sample),
    "a younger example": (
        "generations",
        f"{REPLACE}/mixture.parquet",
        edits(f"{REPLACE}/mixture.parquet", cell("origin_generation", 0, 3)),
    ),
    "an example called real": (
        "generations",
        f"{REPLACE}/mixture.parquet",
        edits(f"{REPLACE}/mixture.parquet", cell("origin", 0, "real")),
    ),
    "real text under replace": ("shares", f"{REPLACE}/mixture.parquet", trains_on_a_document("train")),
    "an example twice in a pass": (
        "passes",
        f"{REPLACE}/mixture.parquet",
        edits(f"{REPLACE}/mixture.parquet", repeated_example),
    ),
    "a pass not counted": (
        "passes",
        f"{REPLACE}/mixture.parquet",
        edits(f"{REPLACE}/mixture.parquet", cell("repeat", 4, one_more)),
    ),
    "an example less than paid for": (
        "budget",
        f"{REPLACE}/mixture.parquet",
        edits(f"{REPLACE}/mixture.parquet", without_last_row),
    ),
    "a card that counts other tokens": (
        "training",
        f"{REPLACE}/training_log.parquet",
        edits_json(f"{REPLACE}/model/model.json", n_trained=1),
    ),
    "another value among all metrics": (
        "collected",
        "metrics.parquet",
        edits("metrics.parquet", cell("value", 9, 7.0)),
    ),
    "a metric of no arm": (
        "collected",
        "metrics.parquet",
        edits("metrics.parquet", cell("metric", 0, "an_unknown_metric")),
    ),
    "an origin less": ("collected", "ancestry.parquet", edits("ancestry.parquet", without_last_row)),
}


NEEDS_A_BASE_MODEL = "held_out"
"""The check that this experiment does not get; `test_transformer_loop.py` damages what it looks at."""


def test_every_check_has_a_damage():
    assert {check for check, _, _ in DAMAGES.values()} == CHECKS.keys() - {NEEDS_A_BASE_MODEL}


def test_a_finished_experiment_passes_every_check(finished):
    findings = audit(finished.folder / "results" / "tiny")
    assert [finding for finding in findings if not finding.passed] == []
    assert {finding.check for finding in findings} == CHECKS.keys() - {NEEDS_A_BASE_MODEL}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damage_is_found_by_its_check_and_what_is_set_aside_is_what_was_damaged(results, name):
    check, artifact, damage = DAMAGES[name]
    before = {path: path.read_bytes() for path in results.rglob("*") if path.is_file()}
    damage(results)
    findings = audit(results)
    assert (artifact, check) in {(finding.artifact, finding.check) for finding in findings if not finding.passed}
    if check not in ("complete", "inputs"):  # what is missing cannot be moved, and the inputs' maker is at fault
        damaged = {path for path, content in before.items() if not path.is_file() or path.read_bytes() != content}
        cards = {path.with_name("model.json") if path.suffix == ".safetensors" else path for path in damaged}
        assert {results / path for path in at_fault(findings)} == cards


def test_the_content_is_checked_even_if_no_provenance_says_what_was_written(results):
    for folder in list(results.rglob("provenance")):
        shutil.rmtree(folder)
    assert failed(results) == set()
    trains_on_a_document("test")(results)
    found = failed(results)
    assert (f"{REPLACE}/mixture.parquet", "splits") in found
    assert not any(check == "digest" for _, check in found)


def test_an_experiment_that_is_not_finished_is_told_what_is_missing(results):
    for path in results.glob("*.parquet"):
        path.unlink()
    assert ("metrics.parquet", "complete") in failed(results)
    assert {check for _, check in failed(results)} == {"complete"}


def test_an_experiment_without_its_summary_is_known_by_its_folders(tmp_path):
    for folder in (
        "world=line",
        "world=memory",
        "strategy=real/seed=1/generation=0",
        "strategy=mix-half/seed=0/generation=2",
    ):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "mixture.parquet").touch()
    arms = spec_of(tmp_path).arms
    assert (arms.strategies, arms.seeds, arms.generations) == (("mix-half",), (0, 1), 2)
    assert arms.worlds == ("line", "memory")


# --- as a command -----------------------------------------------------------------------------------------------------


def listing(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_command_needs_no_config_and_changes_nothing(project):
    (project.folder / "experiment.yaml").unlink()
    before = listing(project.folder / "results")
    assert "all passed" in project.collapse("audit", "results/tiny").stdout
    flips_a_bit("documents.parquet", 0.3)(project.folder / "results" / "tiny")
    damaged = listing(project.folder / "results")
    result = project.collapse("audit", "results", check=False)
    assert result.returncode == 1
    assert "documents.parquet: contract" in result.stdout and "--set-aside" in result.stdout
    assert listing(project.folder / "results") == damaged != before


@pytest.mark.parametrize("folder", ["workflow", "nowhere"])
def test_a_folder_without_results_is_refused(folder):
    with pytest.raises(ContractError, match=f"{folder}: holds no results"):
        stage.run(results=ROOT / folder, record=contracts.Record())


def test_the_table_holds_what_the_command_finds(finished):
    table = contracts.read(finished.folder / "results/tiny/audit.parquet", AUDIT)
    findings = audit(finished.folder / "results" / "tiny")
    found = [(one.artifact, one.check) for one in findings if one.artifact not in AFTERWARDS]
    assert list(zip(table["artifact"].to_pylist(), table["check"].to_pylist(), strict=True)) == found
    assert pc.all(table["passed"]).as_py()
    page = (finished.folder / "results/tiny/report.html").read_text()
    assert f"passed all {table.num_rows} checks" in page


def test_damage_stops_the_workflow_is_set_aside_and_healed(project):
    """It keeps its date and its provenance is gone, so nothing but the audit sees it."""
    undisturbed, results = project.digests(), project.folder / "results" / "tiny"
    times = (results / REPLACE / "mixture.parquet").stat()
    flips_a_bit(f"{REPLACE}/mixture.parquet", 0.5)(results)
    os.utime(results / REPLACE / "mixture.parquet", ns=(times.st_atime_ns, times.st_mtime_ns))
    (results / REPLACE / "provenance" / "mixture.json").unlink()
    (results / "audit.parquet").unlink()
    stopped = project.snakemake("--cores", "2", check=False)
    assert stopped.returncode != 0
    assert f"inputs: it was made from another {REPLACE}/mixture.parquet" in stopped.stdout
    assert "Run snakemake again: it makes what was set aside" in stopped.stdout
    log = (results / "logs" / "audit.log").read_text()
    assert f"set aside: {REPLACE}/mixture.parquet as mixture.parquet.damaged" in log
    assert not (results / "audit.parquet").exists()
    assert (results / REPLACE / "mixture.parquet.damaged").exists()  # and what seems to be made from another one
    made_again = (*(f"{REPLACE}/{name}" for name in ("mixture.parquet", "model/model.json")), "metrics.parquet")
    project.run(*(f"results/tiny/{name}" for name in made_again))
    assert project.digests() == {path: digest for path, digest in undisturbed.items() if "audit.parquet" not in path}
