"""`explain` says why results differ from today's config, code and packages; on what reruns it agrees with Snakemake."""

import json
import os
import re
import shutil
import time
from collections import Counter

import pytest
import yaml

from collapse.config import load_plan
from collapse.config.origins import sentences
from collapse.drift import merged
from collapse.experiment import Experiment
from collapse.jobs import planned

NOTHING = "nothing differs"
BRANCH = "results/tiny/strategy=replace/seed=1/generation=2"


def explained(project, *more: str) -> str:
    return project.collapse("explain", "--configfile", "experiment.yaml", *more).stdout


def tally(text: str) -> dict[str, int]:
    """Jobs by stage, read from the last line."""
    return {name: int(n) for name, n in re.findall(r"([a-z_]+) (\d+)", text.partition("Would run: ")[2])}


def agreed(project) -> str:
    """What `explain` says, after a check that it names the jobs that `snakemake -n` does."""
    text = explained(project)
    jobs = project.jobs()
    jobs.pop("all", None)
    assert tally(text) == jobs, text
    return text


def test_a_finished_run_has_one_line(project):
    text = agreed(project)
    assert NOTHING in text and len(text.splitlines()) == 1


def test_a_run_that_never_was_is_told_as_such(fresh):
    fresh.configure()
    assert "nothing has been made yet" in agreed(fresh)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"decoding": {"temperature": 0.9}}, "generate: decoding.temperature is 0.9, was 1.0 — 8 samples.parquet"),
        (
            {"budget": {"match": "epochs", "amount": 2}},
            "mix: budget.amount is 2.0, was 1.0 — 14 mixture.parquet would be made again, and what follows from them",
        ),
        ({"seeds": [0, 1, 2]}, "collect: seeds is [0, 1, 2], was [0, 1] — 1 metrics.parquet"),
        ({"seeds": [0]}, "left alone: "),
        ({"report": {"n_samples_shown": 1}}, "contrast, figure: report.n_samples_shown is 1, was 3"),
        ({"experiment": "other"}, "nothing has been made yet"),
        ({"ngram": {"order": 2}}, "train: ngram.order is 2, was 3 — 14 model.json would be trained again"),
        ({"generate": {"engine": "native", "n_samples": 20}}, "generate, mix, evaluate: generate.n_samples is 20, was"),
        ({"verifiers": {"whole": {"min_tokens": 5}}}, "verify: verifiers.whole.min_tokens is 5, was 4"),
        ({"training": {"schedule": "constant"}}, "train: training.schedule is"),
        ({"claims": {}}, NOTHING),
    ],
)
def test_a_setting_is_named_as_the_config_writes_it(project, changes, words):
    project.configure(**changes)
    assert words in agreed(project)


def test_another_way_of_composing_names_the_strategy(project):
    strategies = yaml.safe_load((project.folder / "experiment.yaml").read_text())["strategies"]
    strategies[1] = {"name": "replace", "compose": "mix", "real_fraction": 0.5}
    project.configure(strategies=strategies)
    text = agreed(project)
    assert 'mix, contrast, figure: strategies[replace].compose is "mix", was "replace" — 4 mixture.parquet' in text
    assert "strategies[replace].real_fraction is 0.5, was null" in text


def test_a_strategy_that_is_gone_is_left_alone(project):
    strategies = yaml.safe_load((project.folder / "experiment.yaml").read_text())["strategies"]
    project.configure(strategies=strategies[:2])
    text = agreed(project)
    assert "collect: strategies is" in text and "strategies[verified] is gone" in text
    assert "left alone: " in text and "strategy=verified/seed=0/generation=1" in text
    assert (project.folder / "results/tiny/strategy=verified/seed=0/generation=1/mixture.parquet").exists()


def test_a_deleted_arm_is_missing_and_would_be_made(project):
    shutil.rmtree(project.folder / BRANCH)
    text = agreed(project)
    assert "missing: 1 samples.parquet, 1 mixture.parquet, 1 model.json, 1 metrics.parquet — would be made" in text


def test_a_missing_table_that_nothing_reads_reruns_nothing(project):
    (project.folder / BRANCH / "training_log.parquet").unlink()
    assert "nothing that would run reads them" in agreed(project)


def test_an_edited_line_is_a_changed_code_and_a_comment_is_not(project):
    project.edit("workflow/collapse/metrics/tails.py", "return", "# why\n    return")
    assert NOTHING in agreed(project)
    project.edit("workflow/collapse/metrics/tails.py", "return", "assert True\n    return")
    text = agreed(project)
    assert re.search(r"evaluate: its code changed \(\w{16} now, \w{16} then\) — 14 metrics.parquet", text)
    assert "train" not in tally(text)


def test_a_touch_is_nothing_and_other_bytes_are_a_changed_input(project):
    documents = project.folder / "results/tiny/documents.parquet"
    later = time.time() + 5
    os.utime(documents, (later, later))
    template = project.folder / "workflow/report/loop.html.jinja"
    os.utime(template, (later, later))
    assert NOTHING in agreed(project)
    template.write_text(template.read_text() + "\n{# another line #}\n")
    os.utime(template, (later, later))
    assert "report: loop.html.jinja is not the one it was made from" in agreed(project)
    documents.write_bytes(documents.read_bytes() + b" ")
    os.utime(documents, (later, later))
    text = agreed(project)
    assert "documents.parquet is not the one it was made from" in text and "14 mixture.parquet" in text


def test_an_accepted_change_of_code_is_told_but_reruns_nothing(project):
    project.edit("workflow/collapse/metrics/tails.py", "return", "assert True\n    return")
    project.run("--touch")
    text = agreed(project)
    assert "evaluate: its code changed" in text and "Snakemake accepts them as they are" in text
    assert text.rstrip().endswith("Nothing would run.")


def test_results_without_records_of_snakemake_are_compared_all_the_same(project):
    shutil.rmtree(project.folder / ".snakemake")
    project.configure(decoding={"temperature": 0.9})
    text = agreed(project)
    assert "generate: decoding.temperature is 0.9, was 1.0 — 8 samples.parquet stay" in text
    assert "snakemake --forcerun generate" in text


def test_another_version_of_a_package_is_told_and_reruns_nothing(project):
    record = project.folder / BRANCH / "provenance/samples.json"
    facts = json.loads(record.read_text())
    now = facts["packages"]["numpy"]
    facts["packages"]["numpy"] = "1.0.0"
    record.write_text(json.dumps(facts))
    text = agreed(project)
    assert f"packages: numpy {now} now, 1.0.0 when 2 artifacts were made; nothing reruns for that" in text


def test_a_file_that_is_no_table_is_named(project):
    (project.folder / BRANCH / "samples.parquet").write_bytes(b"no table")
    assert "generate: cannot be read as Parquet" in explained(project)


def test_a_wrong_config_has_the_message_of_the_workflow(project):
    project.configure(generation=3)
    result = project.collapse("explain", "--configfile", "experiment.yaml", check=False)
    words = f"{project.folder / 'experiment.yaml'} + config.yaml has 1 problem(s):"
    assert result.returncode == 1 and words in result.stderr and "did you mean `generations`?" in result.stderr
    assert words in project.snakemake("-n", check=False).stdout


def test_it_changes_nothing_and_takes_less_than_three_seconds(project):
    before = project.digests()
    started = os.times().children_user
    explained(project)
    assert os.times().children_user - started < 3
    assert project.digests() == before


@pytest.mark.parametrize(
    "config", ["smoke", "studies/known-language", "studies/finetune-smollm2", "papers/feng-2024", "theory"]
)
def test_the_jobs_of_a_plan_are_those_of_the_rules(fresh, config):
    chosen = fresh.folder / f"workflow/experiments/{config}.yaml"
    shutil.copy(chosen, fresh.folder / "experiment.yaml")
    if config == "theory":
        content = yaml.safe_load((fresh.folder / "workflow/experiments/papers/wang-2025.yaml").read_text())
        (fresh.folder / "experiment.yaml").write_text(yaml.safe_dump(content | yaml.safe_load(chosen.read_text())))
    config_files = [fresh.folder / "config.yaml", fresh.folder / "experiment.yaml"]
    experiment = Experiment(load_plan(merged(config_files), "here"))
    jobs = fresh.jobs()
    jobs.pop("all")
    assert Counter(job.stage for job in planned(experiment)) == jobs


def test_other_kinds_of_things_are_not_compared_field_by_field():
    then = {"family": {"name": "ngram", "settings": {"order": 3}, "device": "cpu"}}
    now = {"family": {"name": "transformer", "settings": {"width": 8}, "device": "cpu"}}
    assert sentences("train", now, then, "", "transformer") == ['family is "transformer", was "ngram"']


def test_a_setting_that_another_version_did_not_have_is_new():
    found = sentences("corpus", {"corpus": {"file": {"limit": 1}}}, {"corpus": {"file": {}}}, "", "ngram")
    assert found == ["corpus.file.limit is new: 1"]
