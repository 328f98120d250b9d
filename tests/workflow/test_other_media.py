"""The loop on images, on labels of images and on pairs of texts: the same rules, stages, audit and faults."""

import json
import re
from collections.abc import Iterator
from functools import partial

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from projects import Disturbed, Project

from collapse.artifacts import contracts
from collapse.questions.audit.walk import audited, spec_of

IMAGES = {
    "experiment": "tiny",
    "generations": 2,
    "seeds": [0],
    "family": "vae",
    "vae": {"latent": 4, "channels": 4},
    "start": "fresh",
    "generate": {"engine": "native"},
    "corpus": {"source": "mnist", "examples": {"train": 200, "validation": 20, "test": 60, "reserve": 0}},
    "budget": {"match": "steps", "amount": 12},
    "training": {"batch_size": 32},
    "strategies": [
        {"name": "replace", "compose": "replace"},
        {"name": "unique", "compose": "accumulate", "verifiers": ["unique"]},
    ],
}
LABELS = IMAGES | {
    "generations": 1,
    "family": "classifier",
    "classifier": {"architecture": "random_features", "width": 100},
    "prompt": {"source": "pool"},
    "corpus": {"source": "mnist", "examples": {"train": 200, "validation": 20, "test": 60, "reserve": 300}},
    "budget": {"match": "epochs", "amount": 1},
    "verifiers": {
        "right": {"kind": "answer", "match": "exact"},
        "noisy": {"kind": "noisy_oracle", "oracle": "right", "true_positive_rate": 0.9, "false_positive_rate": 0.2},
        "likely": {"kind": "likelihood", "by": "sampler", "select": {"rule": "quota", "fraction": 0.5, "per": "class"}},
    },
    "strategies": [
        {"name": "feedback", "compose": "feedback", "real_fraction": 0.1},
        {"name": "checked", "compose": "replace", "times": 3, "oversample": 2, "verifiers": ["noisy", "likely"]},
        {"name": "weighed", "compose": "accumulate", "synthetic_weight": 0.5},
    ],
}
PAIRS = {
    "experiment": "tiny",
    "family": "transformer",
    "generations": 1,
    "seeds": [0],
    "corpus": {
        "source": "arithmetic",
        "arithmetic": {"task": "gcd", "largest": 30, "examples": 400, "base": 6},
        "train_bytes": 1_500,
        "validation_bytes": 500,
        "test_bytes": 500,
        "max_document_tokens": 16,
    },
    "tokenizer": {"vocabulary_size": 260},
    "transformer": {"base_model": None, "n_layers": 1, "n_heads": 1, "width": 32, "context_length": 32},
    "start": "fresh",
    "prompt": {"source": "real_input"},
    "decoding": {"max_new_tokens": 6},
    "generate": {"engine": "transformers"},
    "budget": {"match": "epochs", "amount": 2},
    "evaluation": {"answers": {"match": "exact", "inputs": 7}},
    "strategies": [{"name": "replace", "compose": "replace", "verifiers": ["unique"]}],
}
REPLACE = "results/tiny/strategy=replace/seed=0/generation=2"


@pytest.fixture(scope="module")
def images(project_for_all) -> Iterator[Project]:
    with project_for_all("images") as project:
        project.configure(**IMAGES)
        project.run()
        yield project


def test_every_artifact_of_images_passes_the_audit(images):
    folder = images.folder / "results/tiny"
    findings = audited(folder, spec_of(folder)).findings
    assert len(findings) > 100 and all(finding.passed for finding in findings)


def test_what_images_count_is_said_in_images(images):
    metrics = contracts.read(images.folder / "results/tiny/metrics.parquet", contracts.METRICS)
    losses = metrics.filter(pc.equal(metrics["metric"], "test_loss"))
    assert set(losses["unit"].to_pylist()) == {"nat/image"}
    assert {"latent_spread", "recall", "real_image_share"} <= set(metrics["metric"].to_pylist())
    for path in (images.folder / "results").rglob("*.parquet"):
        assert not [name for name in pq.read_schema(path).names if "token" in name], path


def test_the_page_shows_images_as_images_and_nothing_from_elsewhere(images):
    page = (images.folder / "results/tiny/report.html").read_text()
    shown = re.findall(r'<img[^>]* src="([^"]{22})', page)
    assert set(shown) == {"data:image/png;base64,"} and len(shown) == 1 + 1 + 2  # real, generation 1, both strategies
    assert "Test loss on held-out real images" in page and "nats per token" not in page


def test_an_image_is_traced_to_real_ones(images):
    told = images.collapse("trace", "replace.0.2.0000007").stdout
    assert "28 x 28 pixels" in told and "real documents" in told and "images" in told


@pytest.mark.full
def test_an_arm_of_images_whose_training_is_killed_has_the_same_bytes_in_another_folder(images, fresh, chance):
    fresh.configure(**IMAGES | {"strategies": IMAGES["strategies"][:1]})
    disturbed, first = Disturbed(fresh), "strategy=real/seed=0/generation=0/model/model.json"
    disturbed.aim_at(first)
    try:
        if not disturbed.interrupt("train", chance.uniform(0, 0.05), when=partial(disturbed.at_work, "train")):
            disturbed.forget(first)  # it was over too soon
            assert disturbed.interrupt("train", 0)
        assert "was killed" in disturbed.output
        fresh.run(f"{REPLACE}/metrics.parquet")
    finally:
        disturbed.end()
    assert len(arm := fresh.digests()) > 12 and arm.items() < images.digests().items()


@pytest.mark.full
def test_an_edited_measure_of_images_reruns_no_training(images, fresh):
    project = Project(fresh.folder / "copy", images)
    project.edit(
        "workflow/collapse/metrics/image.py", "return float(model.codes", "assert True\n    return float(model.codes"
    )
    jobs = project.jobs()
    assert jobs["evaluate"] == 5 and not {"train", "generate", "mix", "corpus"} & jobs.keys()


@pytest.mark.full
def test_a_spoiled_table_of_images_is_made_again(images, fresh):
    project = Project(fresh.folder / "copy", images)
    path = project.folder / REPLACE / "samples.parquet"
    path.write_bytes(path.read_bytes()[:-40])
    told = project.run(f"{REPLACE}/metrics.parquet")
    assert f"{REPLACE}/samples.parquet" in told
    undisturbed = images.digests()
    assert all(undisturbed[name] == digest for name, digest in project.digests().items() if "damaged" not in name)


@pytest.fixture(scope="module")
def labels(project_for_all) -> Iterator[Project]:
    with project_for_all("labels") as project:
        project.configure(**LABELS)
        project.run()
        yield project


def test_labels_go_round_the_loop_with_inputs_from_the_pool(labels):
    folder = labels.folder / "results/tiny"
    assert all(finding.passed for finding in audited(folder, spec_of(folder)).findings)
    documents = pq.read_table(folder / "documents.parquet", columns=["document_id", "split"]).to_pydict()
    split = dict(zip(documents["document_id"], documents["split"], strict=True))
    asked = pq.read_table(folder / "strategy=real/seed=0/generation=1/samples.parquet")["prompt_id"].to_pylist()
    mixture = pq.read_table(folder / "strategy=feedback/seed=0/generation=1/mixture.parquet").to_pandas()
    fresh_ids = {name for name in mixture[mixture.origin == "real"].example_id if split[name] == "reserve"}
    assert {split[name] for name in asked} == {"reserve"} and len(set(asked)) == 280 and len(asked) == 1_200
    assert len(fresh_ids) == 20 and not fresh_ids & set(asked), "what people answered is not asked of the model"
    assert json.loads((folder / "encoding.json").read_text())["label"]["classes"] == [str(digit) for digit in range(10)]


def test_verified_labels_train_what_was_chosen_and_the_page_says_what_the_verifiers_did(labels):
    folder = labels.folder / "results/tiny"
    arm, others = (folder / f"strategy={name}/seed=0/generation=1" for name in ("checked", "weighed"))
    verdicts = pq.read_table(arm / "verdicts.parquet").to_pandas()
    accepted = verdicts.pivot_table(index="sample_id", columns="verifier", values="accepted").astype(bool)
    assert len(accepted) == 1_200 and accepted.likely.sum() == 600  # half of six times 200
    trained = set(pq.read_table(arm / "mixture.parquet")["example_id"].to_pylist())
    assert trained == set(accepted[accepted.noisy & accepted.likely].index) and len(trained) > 200
    weighed = pq.read_table(others / "mixture.parquet").to_pandas()
    assert set(weighed.groupby("origin").weight.unique().explode()) == {1.0, 0.5}

    metrics = contracts.read(folder / "metrics.parquet", contracts.METRICS).to_pandas()
    of_checked = metrics[(metrics.strategy == "checked") & (metrics.generation == 1)]
    measured = {(row.metric, row.evaluation_set): row.value for row in of_checked.itertuples()}
    assert measured["true_positive_rate", "verifier/noisy"] == pytest.approx(0.9, abs=0.05)
    assert measured["false_positive_rate", "verifier/noisy"] == pytest.approx(0.2, abs=0.08)
    assert measured["accepted_fraction", "verifier/likely"] == 0.5
    page = (folder / "report.html").read_text()
    assert "What the verifiers did" in page and "How good a verifier must be" in page
    assert (folder / "figures/verification.svg").is_file() and not (folder / "figures/calibration.svg").exists()


def test_pairs_go_round_the_loop_and_keep_their_questions(fresh):
    fresh.configure(**PAIRS)
    fresh.run()
    folder = fresh.folder / "results/tiny"
    assert all(finding.passed for finding in audited(folder, spec_of(folder)).findings)
    real = pq.read_table(folder / "documents.parquet").to_pandas().set_index("document_id")
    samples = pq.read_table(folder / "strategy=real/seed=0/generation=1/samples.parquet").to_pandas()
    assert (samples.prompt == real.loc[samples.prompt_id].prompt.to_numpy()).all()
    metrics = pq.read_table(folder / "metrics.parquet").to_pandas()
    right = samples.text.to_numpy() == real.loc[samples.prompt_id].text.to_numpy()
    shares = metrics[metrics.metric == "right_fraction"].set_index(["evaluation_set", "generation"]).value
    assert shares["samples", 1] == right.mean()
    assert set(shares["real_test"].index) == {0, 1}, "held-out questions are answered, by both models"
    answered = metrics[(metrics.metric == "rouge_1") & (metrics.evaluation_set == "real_test")]
    assert set(zip(answered.generation, answered.n, strict=True)) == {(0, 7), (1, 7)}
    assert answered.value.between(0, 1).all()
    page = (folder / "report.html").read_text()
    assert samples.prompt[0] in page
