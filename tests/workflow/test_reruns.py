"""What a change reruns, and what it must not."""

import shutil

import yaml

ARMS = 2 * 1 + 2 * 3 * 2  # two shared generations 0; two seeds, three strategies, two generations
ANALYSIS = {"collect": 1, "contrast": 1, "figure": 1, "audit": 1, "report": 1, "all": 1}


def strategies(project) -> list[dict]:
    return yaml.safe_load((project.folder / "experiment.yaml").read_text())["strategies"]


def test_the_number_of_jobs_is_a_function_of_the_config(fresh):
    fresh.configure()
    jobs = fresh.jobs()
    assert jobs["train"] == jobs["evaluate"] == jobs["mix"] == ARMS
    assert jobs["verify"] == 2 * 2
    assert jobs["generate"] == 2 + 2 * 3  # the first generation's samples are shared by all strategies
    assert jobs["corpus"] == 1
    assert "base_model" not in jobs


def test_a_comment_or_a_touch_reruns_nothing(project):
    project.edit("workflow/collapse/stages/train.py", "import logging", "# a comment\nimport logging")
    for path in (project.folder / "workflow").rglob("*.py"):
        path.touch()
    assert project.jobs() == {}


def test_an_edited_metric_reruns_evaluation_and_no_training(project):
    project.edit("workflow/collapse/metrics/tails.py", "return", "assert True\n    return")
    jobs = project.jobs()
    assert jobs["evaluate"] == ARMS
    assert not {"train", "generate", "mix", "corpus"} & jobs.keys()


def test_an_edited_strategy_reruns_compositions_and_what_follows(project):
    project.edit(
        "workflow/collapse/strategies.py", "newest = max(inventory.synthetic)", "newest = max([*inventory.synthetic])"
    )
    jobs = project.jobs()
    assert jobs["mix"] == ARMS
    assert "corpus" not in jobs


def test_another_strategy_runs_only_its_own_arms(project):
    project.configure(strategies=[*strategies(project), {"name": "half", "compose": "mix", "real_fraction": 0.5}])
    jobs = project.jobs()
    assert jobs == ANALYSIS | {"generate": 2, "mix": 4, "train": 4, "evaluate": 4}


def test_another_seed_runs_only_its_own_arms(project):
    project.configure(seeds=[0, 1, 2])
    assert project.jobs() == ANALYSIS | {"generate": 4, "verify": 2, "mix": 7, "train": 7, "evaluate": 7}


def test_another_generation_runs_only_the_new_one(project):
    project.configure(generations=3)
    assert project.jobs() == ANALYSIS | {"generate": 6, "verify": 2, "mix": 6, "train": 6, "evaluate": 6}


def test_another_evaluation_setting_trains_nothing(project):
    project.configure(evaluation={"diversity_tokens": 1_500, "self_bleu_samples": 20})
    assert project.jobs() == ANALYSIS | {"evaluate": ARMS}


def test_another_training_setting_trains_everything_on_the_same_documents(project):
    project.configure(ngram={"order": 2})
    jobs = project.jobs()
    assert jobs["train"] == ARMS
    assert "corpus" not in jobs


def test_another_report_setting_reruns_the_report_alone(project):
    project.configure(report={"n_samples_shown": 1})
    assert not {"train", "generate", "mix", "corpus", "evaluate", "collect"} & project.jobs().keys()


def test_a_deleted_arm_or_log_is_made_again_and_with_the_same_bytes(project):
    before = project.digests()
    shutil.rmtree(project.folder / "results/tiny/strategy=replace/seed=1/generation=2")
    (project.folder / "results/tiny/strategy=real/seed=0/generation=2/training_log.parquet").unlink()
    assert project.jobs() == ANALYSIS | {"generate": 1, "mix": 1, "train": 2, "evaluate": 2}
    project.run()
    assert project.digests() == before
    assert project.jobs() == {}
