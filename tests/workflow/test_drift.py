"""`explain` says why results differ from today's config, code and packages."""

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from projects import ROOT, TINY, Project

from collapse.config import load_plan
from collapse.config.origins import sentences
from collapse.errors import ContractError
from collapse.experiment import Experiment
from collapse.questions import drift
from collapse.questions.drift import Place, explain, merged

BRANCH = "results/tiny/strategy=replace/seed=1/generation=2"


def asked(project, *more: str) -> str:
    """What the command says, which asks Snakemake what would run."""
    return project.collapse("explain", "--configfile", "experiment.yaml", *more).stdout


@pytest.fixture
def explained(monkeypatch) -> Callable[[Project], str]:
    """What differs, asked without a Snakemake: of a results folder elsewhere it would know nothing."""
    monkeypatch.chdir(ROOT)
    return lambda project: explain([project.folder / "experiment.yaml"], project.folder / "results")


def test_a_finished_run_has_nothing_to_explain(project):
    text = asked(project)
    assert "every table is of this config, this code and these packages" in text and "Nothing would run" in text
    assert len(text.splitlines()) == 3


def test_a_run_that_never_was_is_told_as_such(fresh, explained):
    fresh.configure()
    assert "nothing has been made yet" in explained(fresh)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"decoding": {"temperature": 0.9}}, "generate: decoding.temperature is 0.9, was 1.0 (8 tables)"),
        ({"seeds": [0, 1, 2]}, "collect: seeds is [0, 1, 2], was [0, 1] (1 table)"),
        ({"seeds": [0]}, "left alone, for this config does not have them: strategy=real/seed=1/generation=0, "),
        ({"ngram": {"order": 2}}, "train: ngram.order is 2, was 3 (14 tables)"),
        ({"generate": {"engine": "native", "n_samples": 20}}, "generate, mix, evaluate: generate.n_samples is 20, was"),
        ({"verifiers": {"whole": {"min_tokens": 5}}}, "verify: verifiers.whole.min_tokens is 5, was 4 (4 tables)"),
    ],
)
def test_a_setting_is_named_as_the_config_writes_it(project, changes, words, explained):
    project.configure(**changes)
    assert words in explained(project)


def test_what_would_run_is_what_snakemake_says_and_nothing_is_changed(project):
    before = project.digests()
    project.configure(budget={"match": "epochs", "amount": 2})
    text, jobs = asked(project), project.jobs()
    assert project.digests() == before
    assert "mix: budget.amount is 2.0, was 1.0 (14 tables)" in text
    told = {name: int(n) for name, n in re.findall(r"(\w+) (\d+)", text.partition("Would run: ")[2])}
    assert told == {rule: n for rule, n in jobs.items() if rule != "all"}


def test_another_way_of_composing_names_the_strategy(project, explained):
    strategies = yaml.safe_load((project.folder / "experiment.yaml").read_text())["strategies"]
    strategies[1] = {"name": "replace", "compose": "mix", "real_fraction": 0.5}
    project.configure(strategies=strategies)
    text = explained(project)
    assert 'strategies[replace].compose is "mix", was "replace"' in text
    assert "strategies[replace].real_fraction is 0.5, was null" in text


def test_an_edited_line_is_a_changed_code(project):
    project.edit("workflow/collapse/metrics/tails.py", "return", "assert True\n    return")
    text = asked(project)
    assert re.search(r"evaluate: its code changed \(\w{16} now, \w{16} then\) \(14 tables\)", text)
    assert "train" not in text


def test_results_that_snakemake_knows_nothing_of_are_compared_all_the_same(project):
    shutil.rmtree(project.folder / ".snakemake")
    project.configure(decoding={"temperature": 0.9})
    text = asked(project)
    assert "generate: decoding.temperature is 0.9, was 1.0 (8 tables); Snakemake lets them stay" in text
    assert "snakemake --forcerun generate" in text


def test_another_version_of_a_package_is_told_and_reruns_nothing(project, explained):
    record = project.folder / BRANCH / "provenance/samples.json"
    facts = json.loads(record.read_text())
    now = facts["packages"]["numpy"]
    record.write_text(json.dumps(facts | {"packages": facts["packages"] | {"numpy": "1.0.0"}}))
    text = explained(project)
    assert f"packages: numpy is {now}, was 1.0.0 for 1 job(s); nothing reruns for that" in text


def test_a_file_that_is_no_table_is_named(project, explained):
    (project.folder / BRANCH / "samples.parquet").write_bytes(b"no table")
    assert "generation=2/samples.parquet cannot be read as Parquet" in explained(project)


def test_a_wrong_config_has_the_message_of_the_workflow(project):
    project.configure(generation=3)
    result = project.collapse("explain", "--configfile", "experiment.yaml", check=False)
    words = f"{project.folder / 'experiment.yaml'} + config.yaml has 1 problem(s):"
    assert result.returncode == 1 and words in result.stderr and "did you mean `generations`?" in result.stderr
    assert words in project.snakemake("-n", check=False).stdout


def test_configs_are_merged_as_snakemake_does(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    (tmp_path / "one.yaml").write_text("decoding: {temperature: 0.5}\nseeds: [3]\n")
    (tmp_path / "two.yaml").write_text("seeds: [4, 5]\n")
    config = merged([tmp_path / "one.yaml", tmp_path / "two.yaml"])
    assert config["decoding"]["temperature"] == 0.5 and config["decoding"]["top_p"] == 1.0
    assert config["seeds"] == [4, 5]
    assert Experiment(load_plan(config, "here")).plan.seeds == (4, 5)


def test_a_table_says_its_place():
    assert Place.of(Path("strategy=replace/seed=1/generation=2/samples.parquet")) == Place("replace", "1", "2")
    assert Place.of(Path("metrics.parquet")) == Place()


def test_other_kinds_of_things_are_not_compared_field_by_field():
    then = {"family": {"name": "ngram", "settings": {"order": 3}, "device": "cpu"}}
    now = {"family": {"name": "transformer", "settings": {"width": 8}, "device": "cpu"}}
    assert sentences("train", now, then, "", "transformer") == ['family is "transformer", was "ngram"']


def test_a_setting_that_another_version_did_not_have_is_new():
    found = sentences("corpus", {"corpus": {"file": {"limit": 1}}}, {"corpus": {"file": {}}}, "", "ngram")
    assert found == ["corpus.file.limit is new: 1"]


@pytest.fixture
def explained_folder(tmp_path, monkeypatch) -> Callable[[], str]:
    """What is said of a results folder made by hand."""
    monkeypatch.chdir(ROOT)
    (tmp_path / "experiment.yaml").write_text(yaml.safe_dump(TINY))
    return lambda: explain([tmp_path / "experiment.yaml"], tmp_path / "results")


ODD_METADATA = {b"collapse.spec": b"[]", b"collapse.inputs": b"[" * 100_000}


def test_damaged_tables_and_odd_folders_are_told_in_words(tmp_path, explained_folder):
    results = tmp_path / "results" / "tiny"
    for arm in ("strategy=real/seed=x/generation=0", "strategy=real/seed=0/generation=0", "more=\x1b[2J\u202e"):
        (results / arm).mkdir(parents=True)
        pq.write_table(pa.table({}).replace_schema_metadata(ODD_METADATA), results / arm / "mixture.parquet")
    (results / "documents.parquet").mkdir()
    os.mkfifo(results / "metrics.parquet")
    os.mkfifo(results / "ancestry.parquet")
    told = explained_folder()
    assert "mix: what strategy=real/seed=0/generation=0/mixture.parquet says it was made from cannot be read" in told
    assert "corpus: documents.parquet is a folder, not a file" in told
    assert "collect: ancestry.parquet is a pipe" in told
    assert "strategy=real/seed=x/generation=0" in told and r"more=\x1b[2J\u202e" in told and "\x1b" not in told


@pytest.mark.parametrize("text", ["[]", "{", '{"packages": 3}', "{}", '{"packages":' * 100_000])
def test_provenance_of_another_shape_is_named(tmp_path, explained_folder, text):
    record = tmp_path / "results" / "tiny" / "provenance" / "documents.json"
    record.parent.mkdir(parents=True)
    record.write_text(text)
    with pytest.raises(ContractError, match=r"documents.json: is no provenance"):
        explained_folder()


def test_another_model_that_a_rater_reads_by_is_told_though_it_has_no_table(planned, tmp_path):
    given = {"kind": "checkpoint", "revision": None, "labels": ["a", "b"], "are_levels": False, "part": "text"}
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(json.dumps({"id2label": {0: "a", 1: "b"}, "of": name}))
    one, other = (
        planned(raters={"leaning": given | {"checkpoint": str(tmp_path / name), "window_tokens": 9}})
        for name in ("one", "other")
    )
    card = tmp_path / "results" / "checkpoint=rater-leaning" / "model.json"
    assert drift._checkpoints(one, tmp_path / "results") == []
    card.parent.mkdir(parents=True)
    card.write_text(one.specs.of_checkpoint(Place(checkpoint="rater-leaning")))
    assert drift._checkpoints(one, tmp_path / "results") == []
    said = drift._checkpoints(other, tmp_path / "results")
    assert [line.partition(" is ")[0] for line in said] == [
        "checkpoint: raters.leaning.checkpoint",
        "checkpoint: the content of raters.leaning.checkpoint, by its digest,",
    ]


def test_other_weights_in_the_same_folder_are_told_though_they_have_no_table(planned, tmp_path):
    weights, results = tmp_path / "weights", tmp_path / "results"
    for folder in (weights, results / "base_model"):
        folder.mkdir(parents=True)
    (weights / "config.json").write_text("{}")
    loop = {"family": "transformer", "generate": {"engine": "transformers"}, "budget": {"match": "steps", "amount": 1}}
    experiment = planned(**loop, transformer={"base_model": str(weights)})
    card = results / "base_model" / "base_model.json"
    card.write_text(experiment.specs.of("base_model")(Place()))
    assert drift._base_model(experiment, results) == []
    (weights / "config.json").write_text("{ }")
    again = planned(**loop, transformer={"base_model": str(weights)})
    (said,) = drift._base_model(again, results)
    assert said.startswith("base_model: the content of transformer.base_model, by its digest, is ")
    card.write_text("[" * 100_000)
    assert drift._base_model(again, results) == ["base_model/base_model.json cannot be read as a card"]
