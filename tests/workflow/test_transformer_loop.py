"""The loop with a transformer and vLLM, at a size that takes a minute."""

import json
import shutil
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from projects import Project

from collapse.artifacts import contracts
from collapse.artifacts.contracts import DOCUMENTS
from collapse.questions.audit.walk import audited, spec_of

TRANSFORMER = {
    "experiment": "tiny",
    "generations": 3,
    "seeds": [0],
    "family": "transformer",
    "transformer": {"n_layers": 1, "n_heads": 1, "width": 32, "context_length": 64},
    "pretraining": {
        "steps": 10,
        "corpus": {
            "sotu": {"first_year": 1930},
            "test_fraction": 0.2,
            "validation_fraction": 0.2,
            "train_bytes": 20_000,
            "validation_bytes": 5_000,
            "test_bytes": 5_000,
            "max_document_tokens": 60,
        },
    },
    "tokenizer": {"vocabulary_size": 300},
    "generate": {"engine": "vllm", "n_samples": 40},
    "budget": {"match": "steps", "amount": 20},
    "decoding": {"max_new_tokens": 48, "watermark": {"green_share": 0.25, "bias": 4.0, "key": 42}},
    "prompt": {"source": "real_prefix", "n_tokens": 8, "in_training": True},
    "start": "previous",
    "corpus": {"train_bytes": 8_000, "validation_bytes": 5_000, "test_bytes": 5_000, "max_document_tokens": 60},
    "raters": {
        "quality": {
            "kind": "fluency",
            "corpus": {"source": "sotu", "sotu": {"first_year": 2012, "last_year": None}},
            "sentences": 200,
        }
    },
    "evaluation": {"base_perplexity": True},
    "internals": {"tokens": 200, "outcomes": [{"metric": "quality_level", "evaluation_set": "rater/quality"}]},
    "verifiers": {"unmarked": {"kind": "watermark", "select": {"rule": "threshold", "least": -20}}},
    "strategies": [
        {"name": "replace", "compose": "replace"},
        {"name": "plausible", "compose": "replace", "verifiers": ["plausible", "unmarked"], "oversample": 2},
    ],
}


REPLACE = "results/tiny/strategy=replace/seed=0/generation=1"
PLAUSIBLE = "results/tiny/strategy=plausible/seed=0/generation=1"
SHARED = "results/tiny/strategy=real/seed=0/generation=1"


@pytest.fixture(scope="module")
def trained(project_for_all) -> Iterator[Project]:
    """An arm, run to its model, and another's mixture of the same samples."""
    with project_for_all("project") as project:
        project.configure(**TRANSFORMER)
        project.run(f"{PLAUSIBLE}/model/model.json", f"{REPLACE}/mixture.parquet")
        yield project


def test_the_base_model_is_made_by_its_recipe_with_a_log_and_a_test_loss_of_its_own(trained):
    card = json.loads((trained.folder / "results/tiny/base_model/base_model.json").read_text())
    base = trained.folder / "results" / f"base-{card['recipe']}"
    arm = base / "strategy=real/seed=0/generation=0"
    trained.run(
        str((arm / "metrics.parquet").relative_to(trained.folder)),
        str(base.relative_to(trained.folder) / "audit.parquet"),
    )
    assert pq.read_table(arm / "training_log.parquet").num_rows == 10
    assert "test_loss" in pq.read_table(arm / "metrics.parquet")["metric"].to_pylist()
    assert all(pq.read_table(base / "audit.parquet")["passed"].to_pylist())
    first = trained.folder / "results/tiny/strategy=real/seed=0/generation=0/model/model.json"
    assert json.loads(first.read_text())["base_model"] == "pretraining"


def held_out_findings(folder):
    """What the audit says of held-out text and the base model; other artifacts are missing here, which it says too."""
    return [one for one in audited(folder, spec_of(folder)).findings if one.check == "held_out"]


def test_the_audit_finds_held_out_text_in_what_the_base_model_has_read(trained, tmp_path):
    results = shutil.copytree(trained.folder / "results", tmp_path / "results")
    (said,) = held_out_findings(results / "tiny")
    assert said.passed
    held_out = pq.read_table(results / "tiny/documents.parquet").filter(pc.field("split") == "test")["text"][0].as_py()
    (documents,) = results.glob("base-*/documents.parquet")
    read = contracts.read(documents, DOCUMENTS)
    row = read["split"].to_pylist().index("train")
    texts = [held_out if number == row else text for number, text in enumerate(read["text"].to_pylist())]
    damaged = read.set_column(read.schema.get_field_index("text"), "text", pa.array(texts))
    contracts.write(documents, DOCUMENTS, damaged, contracts.spec_of(documents))
    (said,) = held_out_findings(results / "tiny")
    assert not said.passed and held_out[:40] in said.detail


def test_a_transformer_and_vllm_run_through_the_loop(trained):
    assert pq.read_table(trained.folder / PLAUSIBLE / "training_log.parquet").num_rows == 20
    assert pq.read_table(trained.folder / SHARED / "samples.parquet").num_rows == 80
    mixture = pq.read_table(trained.folder / REPLACE / "mixture.parquet")
    assert len(set(mixture["example_id"].to_pylist())) <= 40
    assert set(mixture["n_real_tokens"].to_pylist()) == {8}


def test_raters_and_the_base_model_read_the_samples(trained):
    trained.run(f"{PLAUSIBLE}/metrics.parquet")
    rows = pq.read_table(trained.folder / PLAUSIBLE / "metrics.parquet").to_pylist()
    found = {(row["metric"], row["evaluation_set"]): row["value"] for row in rows}
    labels = ("noise", "word salad", "mild gibberish", "clean")
    assert sum(found["label_share", f"rater/quality/{label}"] for label in labels) == pytest.approx(1)
    assert found["base_perplexity", "samples"] > 1
    assert found["watermark_z", "samples"] > found["watermark_z", "real_test"] + 2
    assert found["accepted_fraction", "verifier/unmarked"] == 1 and 0.1 < found["green_mass", "real_test"] < 0.4
    assert (trained.folder / "results/tiny/rater=quality/held_out.parquet").exists()


def test_a_model_is_looked_into_and_the_plan_asks_for_every_one(trained):
    trained.run(f"{PLAUSIBLE}/internals.parquet")
    table = pq.read_table(trained.folder / PLAUSIBLE / "internals.parquet")
    assert pc.sum(pc.equal(table["neuron"], -1)).as_py() == 2, "effective rank and alignment of the one layer"
    planned = trained.jobs("--", "results/tiny/neurons.parquet")
    assert planned["neurons"] == 1
    assert planned["internals"] == 6, "generation 0, and three of each of two strategies, but for the one that is there"


@pytest.fixture(scope="module")
def drawn_again(trained, tmp_path_factory) -> Project:
    """A copy whose samples were drawn once more: by a vLLM that has started anew, which takes half its time."""
    project = Project(tmp_path_factory.mktemp("again") / "project", trained)
    (project.folder / SHARED / "samples.parquet").unlink()
    project.run(f"{SHARED}/samples.parquet")
    return project


@pytest.mark.full
def test_vllm_draws_the_same_bytes_again(trained, drawn_again):
    assert drawn_again.digests() == trained.digests()


@pytest.mark.full
def test_a_transformer_and_vllm_repeat_byte_for_byte(trained, fresh):
    fresh.configure(**TRANSFORMER)
    fresh.run()
    assert trained.digests().items() < fresh.digests().items()
    first = fresh.digests()
    (fresh.folder / "results").rename(fresh.folder / "earlier")
    fresh.run()
    assert fresh.digests() == first
