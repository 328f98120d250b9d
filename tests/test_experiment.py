"""What the rules are told about a plan."""

import copy
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from collapse.artifacts import contracts, layout
from collapse.config import load_plan
from collapse.config.specs import EvaluateSpec, TrainSpec
from collapse.errors import ConfigError, EngineError
from collapse.experiment import Experiment

CONFIG = yaml.safe_load((Path(__file__).parents[1] / "config.yaml").read_text())


def experiment(**changes) -> Experiment:
    return Experiment(load_plan(copy.deepcopy(CONFIG) | changes, "test"))


def arm(strategy: str, generation: int, seed: int = 0) -> SimpleNamespace:
    return SimpleNamespace(strategy=strategy, seed=str(seed), generation=str(generation))


def places(paths: list[str]) -> list[str]:
    return [path.removeprefix("results/speeches/").replace("/seed=0", "").replace("strategy=", "") for path in paths]


def test_generation_0_and_the_samples_it_writes_are_shared():
    found = experiment()
    assert places([found.inputs.model_before(arm("replace", 1))]) == ["real/generation=0/model/model.json"]
    assert places([found.inputs.model_before(arm("replace", 3))]) == ["replace/generation=2/model/model.json"]
    assert places(found.inputs.own_samples(arm("accumulate", 1))) == ["real/generation=1/samples.parquet"]
    assert found.inputs.own_samples(arm("real", 0)) == []


def test_the_audit_waits_for_everything_but_the_report():
    found = experiment()
    audited = found.outputs.audited()
    own = {path for path in found.outputs.everything() if path.startswith("results/speeches/")}
    assert own < set(audited) and len(set(audited)) == len(audited)
    assert {path for path in audited if path.endswith((".html", "audit.parquet"))} == set()
    assert [
        path for path in audited if not path.startswith("results/speeches/")
    ] == found.inputs.pretraining_documents()
    parts = json.loads(found.specs.of("audit")(SimpleNamespace()))["parts"]
    assert {f"results/speeches/{part}" for part in parts} < set(audited)


@pytest.mark.parametrize(
    ("strategy", "read"),
    [
        ("real", []),
        ("replace", ["replace/generation=3"]),
        ("accumulate", ["real/generation=1", "accumulate/generation=2", "accumulate/generation=3"]),
    ],
)
def test_a_strategy_waits_for_the_samples_it_reads_and_no_others(strategy, read):
    assert places(experiment().inputs.samples_read(arm(strategy, 3))) == [f"{place}/samples.parquet" for place in read]


def test_only_strategies_with_verifiers_wait_for_verdicts():
    found = experiment()
    assert found.inputs.verdicts_read(arm("replace", 2)) == []
    assert places(found.inputs.verdicts_read(arm("replace-verified", 2))) == [
        "replace-verified/generation=2/verdicts.parquet"
    ]
    assert places(found.inputs.judge(arm("replace-verified", 2))) == ["real/generation=0/model/model.json"]


SPOKEN = {"kind": "labels", "corpus": {"source": "conventions"}, "window_words": 50, "held_out": 0.25}
GIVEN = {"kind": "checkpoint", "checkpoint": "owner/name", "revision": "0" * 40, "labels": ["noise", "clean"]}
GIVEN |= {"are_levels": True, "part": "text", "window_tokens": 9}
STRONG = {"kind": "likelihood", "by": "checkpoint", "checkpoint": "a==1:b/c.gguf", "window_tokens": 9}
STRONG |= {"select": {"rule": "threshold", "least": -5.0}}
UNLIKE = {"kind": "semantic_duplicates", "similarity": 0.9, "encoder": "a==1:b", "revision": None, "window_tokens": 9}
RATED = {"kind": "rating", "by": "level", "select": {"rule": "threshold", "least": 0.5}}
ASKING = {
    "raters": {"leaning": SPOKEN, "given": GIVEN},
    "verifiers": {
        "clean": RATED | {"rater": "given"},
        "left": RATED | {"rater": "leaning", "by": "label", "label": "democrat"},
        "unlike": UNLIKE,
        "coin": {"kind": "noisy_oracle", "oracle": "unlike", "true_positive_rate": 0.9, "false_positive_rate": 0.1},
        "unused": UNLIKE,
    },
    "strategies": [
        {"name": name, "compose": "replace", "verifiers": [name]} for name in ("clean", "left", "unlike", "coin")
    ]
    + [{"name": "replace", "compose": "replace"}],
}


def test_only_strategies_whose_verifiers_ask_a_rater_or_an_encoder_wait_for_it():
    found = experiment(**ASKING).inputs
    rater, given = "rater={}/rater.parquet".format, ["checkpoint=rater-given/model.json"]
    unlike = ["checkpoint=verifier-unlike/model.json"]
    expected = {
        "clean": ([rater("given")], given),
        "left": ([rater("leaning")], []),
        "unlike": ([], unlike),
        "coin": ([], unlike),  # the oracle is asked
        "replace": ([], []),
    }
    for strategy, (raters, checkpoints) in expected.items():
        of = arm(strategy, 2)
        assert (places(found.raters_asked(of)), places(found.checkpoints_asked(of))) == (raters, checkpoints)
    assert places(found.raters_checkpoints()) == given
    assert places(found.every_checkpoint()) == given + unlike
    assert [found.checkpoint_of_rater(SimpleNamespace(rater=name)) for name in ("leaning", "given")] == [
        [],
        found.raters_checkpoints(),
    ]


def test_what_verifiers_ask_is_of_their_spec_and_code_and_nobody_elses():
    asking, plain = experiment(**ASKING), experiment()
    specs = {name: json.loads(asking.specs.of("verify")(arm(name, 2))) for name in ("clean", "left", "unlike")}
    assert {name: list(spec.get("raters", {})) for name, spec in specs.items()} == {
        "clean": ["given"],
        "left": ["leaning"],
        "unlike": [],
    }
    assert "raters" not in plain.specs.of("verify")(arm("replace-verified", 2))
    assert "collapse.raters.checkpoint" in asking.specs.plugins["verify"]
    assert not [name for name in plain.specs.plugins["verify"] if "raters" in name]
    spec = json.loads(asking.specs.of_checkpoint(SimpleNamespace(checkpoint="rater-given")))
    assert spec == {
        "asked_by": "rater",
        "name": "given",
        "checkpoint": "owner/name",
        "revision": "0" * 40,
        "window_tokens": 9,
        "labels": ["noise", "clean"],
    }


def test_edits_of_samples_wait_for_the_generation_before_those_of_documents_for_none():
    decoding = CONFIG["decoding"] | {"method": "edit", "edit_above": 0.5, "top_k": 8, "max_new_tokens": 127}
    corpus = CONFIG["corpus"] | {"max_document_tokens": 127}

    def waits(source: str, generation: int) -> list[str]:
        prompt = {"source": source, "n_tokens": 0, "in_training": False}
        return places(
            experiment(prompt=prompt, decoding=decoding, corpus=corpus).inputs.edited(arm("replace", generation))
        )

    assert waits("previous_sample", 1) == waits("real_document", 3) == []
    assert waits("previous_sample", 2) == ["real/generation=1/samples.parquet"]
    assert waits("previous_sample", 3) == ["replace/generation=2/samples.parquet"]


def test_whoever_s_likelihood_it_is_is_waited_for_by_those_that_ask():
    of_base = {"kind": "likelihood", "by": "base_model", "select": STRONG["select"]}
    coin = {"kind": "noisy_oracle", "oracle": "base", "true_positive_rate": 0.9, "false_positive_rate": 0.1}
    chains = {"strong": ["strong"], "base": ["base"], "coin": ["coin"], "none": []}
    strategies = [{"name": name, "compose": "replace", "verifiers": chain} for name, chain in chains.items()]
    found = experiment(verifiers={"strong": STRONG, "base": of_base, "coin": coin}, strategies=strategies)
    strong, base = ["checkpoint=verifier-strong/model.json"], ["base_model/base_model.json"]
    expected = {"strong": (strong, []), "base": ([], base), "coin": ([], base), "none": ([], [])}
    for strategy, wanted in expected.items():
        of = arm(strategy, 2)
        assert (places(found.inputs.checkpoints_asked(of)), places(found.inputs.base_asked(of))) == wanted
    assert places(found.inputs.every_checkpoint()) == strong
    spec = json.loads(found.specs.of_checkpoint(SimpleNamespace(checkpoint="verifier-strong")))
    assert spec["writes"] and spec["labels"] is None and spec["checkpoint"] == "a==1:b/c.gguf"
    assert "collapse.verifiers.read_likelihood" in found.specs.plugins["verify"]
    assert "collapse.verifiers.read_likelihood" not in experiment().specs.plugins["verify"]
    found.start.check_sources()


def test_a_folder_that_could_not_say_how_likely_texts_are_is_refused_before_any_work(tmp_path):
    def asked(**changes) -> None:
        strong = STRONG | {"checkpoint": str(tmp_path)} | changes
        strategies = [{"name": "strong", "compose": "replace", "verifiers": ["strong"]}]
        experiment(verifiers={"strong": strong}, strategies=strategies).start.check_sources()

    (tmp_path / "config.json").write_text(json.dumps({"architectures": ["BertModel"]}))
    with pytest.raises(EngineError, match=r"verifiers.strong.checkpoint: .*: is a BertModel"):
        asked()
    (tmp_path / "config.json").write_text(json.dumps({"architectures": ["GPT2LMHeadModel"]}))
    with pytest.raises(EngineError, match=r"verifiers.strong.checkpoint: .*: there is no tokenizer.json"):
        asked()
    (tmp_path / "tokenizer.json").write_text("{}")
    asked()
    with pytest.raises(ConfigError, match=r"verifiers.strong.checkpoint: `\./gone` is not a folder here"):
        asked(checkpoint="./gone")
    with pytest.raises(ConfigError, match=r"verifiers.strong.revision: .* is not a commit"):
        asked(checkpoint="owner/name")


def test_a_folder_counts_by_its_content_and_other_labels_in_it_are_refused_before_any_work(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"id2label": {"0": "clean", "1": "noise"}}))
    of_folder = {"checkpoint": str(tmp_path), "revision": None}

    def asked(**changes) -> Experiment:
        return experiment(raters={"given": GIVEN | of_folder | changes})

    def digest() -> str:
        return json.loads(asked().specs.of_checkpoint(SimpleNamespace(checkpoint="rater-given")))["source_sha256"]

    asked().start.check_sources()
    first = digest()
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    assert digest() != first
    with pytest.raises(
        ConfigError, match=r"raters.given.labels: are `noise`, `salad`, but the model has `clean`, `noi"
    ):
        asked(labels=["noise", "salad"]).start.check_sources()
    with pytest.raises(ConfigError, match=r"raters.given.revision: '0+' means nothing for"):
        asked(revision="0" * 40).start.check_sources()
    (tmp_path / "config.json").write_text(json.dumps({"auto_map": {"AutoModel": "own.Own"}}))
    with pytest.raises(EngineError, match=r"raters.given.checkpoint: .*asks for code that comes with it"):
        asked().start.check_sources()
    with pytest.raises(ConfigError, match=r"raters.given.checkpoint: `\./gone` is not a folder here"):
        asked(checkpoint="./gone").start.check_sources()


@pytest.mark.parametrize(
    ("start", "generation", "expected"),
    [
        ("fresh", 2, []),
        ("base", 2, []),
        ("previous", 2, ["replace/generation=1/model/model.json"]),
        ("previous", 0, []),
    ],
)
def test_training_from_scratch_starts_where_the_config_says(start, generation, expected):
    found = experiment(start=start, transformer=CONFIG["transformer"] | {"base_model": None})
    assert places(found.inputs.initial(arm("replace", generation))) == expected


def test_training_from_a_base_model_starts_there_or_goes_on():
    base = ["base_model/base_model.json"]
    assert places(experiment(start="base").inputs.initial(arm("replace", 2))) == base
    assert places(experiment(start="previous").inputs.initial(arm("replace", 0))) == base
    assert places(experiment(start="previous").inputs.initial(arm("replace", 2))) == [
        "replace/generation=1/model/model.json"
    ]


def recipe(**changes) -> str | None:
    return load_plan(copy.deepcopy(CONFIG) | changes, "test").recipe


def test_equal_recipes_have_one_base_model_whatever_else_the_experiments_do():
    others = {
        "experiment": "other",
        "seeds": [7],
        "generations": 9,
        "corpus": CONFIG["corpus"] | {"train_bytes": 9_000},
    }
    unread = CONFIG["pretraining"]["corpus"] | {
        "file": CONFIG["pretraining"]["corpus"]["file"] | {"path": "unread.txt"}
    }
    same = [recipe(), recipe(**others), recipe(pretraining=CONFIG["pretraining"] | {"corpus": unread})]
    assert len(set(same)) == 1
    first, second = (experiment(**changes).pretraining for changes in ({}, others))
    assert [(first.spec(stage)(arm("real", 0))) for stage in ("corpus", "mix", "train", "evaluate")] == [
        second.spec(stage)(arm("real", 0)) for stage in ("corpus", "mix", "train", "evaluate")
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"pretraining": CONFIG["pretraining"] | {"steps": 7}},
        {"pretraining": CONFIG["pretraining"] | {"seed": 7}},
        {"transformer": CONFIG["transformer"] | {"n_layers": 1}},
        {"tokenizer": {"vocabulary_size": 300}},
    ],
)
def test_another_recipe_is_another_base_model(changes):
    assert recipe(**changes) != recipe()


def test_a_base_model_that_comes_with_the_project_is_not_made_again(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    made = experiment(pretraining=CONFIG["pretraining"] | {"steps": 7}).pretraining
    assert made.card in made.made
    shipped = tmp_path / "workflow" / "base_models" / made.folder.removeprefix("results/") / "model.json"
    shipped.parent.mkdir(parents=True)
    shipped.touch()
    taken = experiment(pretraining=CONFIG["pretraining"] | {"steps": 7}).pretraining
    assert taken.card == str(shipped.relative_to(tmp_path))
    assert taken.made == [taken.documents, taken.tokenizer]


def test_the_base_model_that_comes_with_the_project_was_trained_and_measured_as_the_recipe_says():
    plan = load_plan(copy.deepcopy(CONFIG), "test").pretraining_plan()
    shipped = Path(__file__).parents[1] / layout.SHIPPED / plan.experiment
    trained, measured = (contracts.spec_of(shipped / f"{name}.parquet").spec for name in ("training_log", "metrics"))
    assert TrainSpec.model_validate(trained) == plan.train_spec()
    assert EvaluateSpec.model_validate(measured) == plan.evaluate_spec("real", 0)


def test_no_base_model_is_made_where_none_is_asked_for():
    assert experiment(transformer=CONFIG["transformer"] | {"base_model": None}).pretraining is None
    ngram = {"family": "ngram", "generate": CONFIG["generate"] | {"engine": "native"}}
    assert experiment(budget={"match": "epochs", "amount": 1}, **ngram).pretraining is None


def test_a_stage_sees_only_the_settings_that_decide_its_result():
    found = experiment()
    seen = {
        stage: json.loads(found.specs.of(stage)(arm("replace", 2)))
        for stage in ("generate", "mix", "train", "evaluate")
    }
    assert "decoding" in seen["generate"] and "training" not in seen["generate"]
    assert "budget" in seen["mix"] and "decoding" not in seen["mix"]
    assert "training" in seen["train"] and "strategy" not in seen["train"]
    assert set(seen["evaluate"]) == {"form", "family", "device", "evaluation", "n_samples", "sets_offered"}


def test_a_watermark_is_seen_by_what_draws_measures_or_looks_for_it_and_not_by_the_shared_base_model():
    mark = {"green_share": 0.25, "bias": 2.0, "key": 7}
    unmarked = {"kind": "watermark", "select": {"rule": "threshold", "least": -4}}
    strategies = [
        {"name": "replace", "compose": "replace"},
        {"name": "dropped", "compose": "replace", "verifiers": ["unmarked", "whole"]},
        {"name": "verified", "compose": "replace", "verifiers": ["whole"]},
    ]
    changes = {"strategies": strategies, "verifiers": CONFIG["verifiers"] | {"unmarked": unmarked}}
    found = experiment(decoding=CONFIG["decoding"] | {"watermark": mark}, **changes)
    stages = {"generate": "replace", "evaluate": "replace", "verify": "dropped", "mix": "dropped", "train": "dropped"}
    seen = {stage: json.loads(found.specs.of(stage)(arm(name, 2))) for stage, name in stages.items()}
    assert (
        seen["generate"]["decoding"]["watermark"]
        == seen["evaluate"]["watermark"]
        == seen["verify"]["watermark"]
        == mark
    )
    assert "watermark" not in json.dumps([seen["mix"], seen["train"]])
    assert "watermark" not in json.loads(found.specs.of("verify")(arm("verified", 2)))
    assert found.inputs.marked_in(arm("dropped", 2)) == found.inputs.measured_in() == [found.inputs.encoding]
    assert found.inputs.marked_in(arm("verified", 2)) == experiment().inputs.measured_in() == []
    assert "collapse.metrics.marked" in found.specs.plugins["evaluate"]
    marked, plain = found.plan.pretraining_plan(), experiment().plan.pretraining_plan()
    assert marked is not None and plain is not None
    assert marked.evaluate_spec("real", 0) == plain.evaluate_spec("real", 0)


def test_an_engine_that_is_not_installed_is_refused_before_any_work(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EngineError, match=r"`vllm` is asked for, but it is not installed"):
        experiment().start.check_machine(jobs_run_here=True)


def test_a_missing_gpu_is_refused_here_and_left_to_the_cluster_elsewhere():
    if list(Path("/dev").glob("nvidia[0-9]*")):
        pytest.skip("this machine has a GPU")
    asked = experiment(device="gpu")
    with pytest.raises(EngineError, match="`gpu` is asked for"):
        asked.start.check_machine(jobs_run_here=True)
    asked.start.check_machine(jobs_run_here=False)


@pytest.mark.parametrize(
    ("select", "words"),
    [
        ({"generations": [2, 9]}, "claims.A0.select.generations: 9 is beyond the last, 4"),
        ({"at": {"ridge": 1}}, "claims.A0.select.at: the loop of models sweeps no parameters"),
        ({"metric": "test_los"}, "claims.A0.select.metric: `test_los` is not measured there; did you mean `test_loss`"),
        ({"evaluation_set": "truth"}, "claims.A0.select.evaluation_set: `truth` needs a known source"),
    ],
)
def test_a_claim_about_the_loop_names_what_the_loop_measures(select, words):
    claim = {"kind": "bound", "at_most": 9, "paper": "p", "where": "w", "statement": "s", "evidence": "ours"}
    claim |= {"select": {"metric": "test_loss", "evaluation_set": "real_test", "strategy": "replace"}}
    experiment(claims={"A0": claim}).start.check_claims()
    with pytest.raises(ConfigError) as refused:
        experiment(claims={"A0": claim | {"select": claim["select"] | select}}).start.check_claims()
    assert words in str(refused.value)


def test_a_flops_budget_knows_the_models_size():
    flops = experiment(budget={"match": "flops", "amount": 1e12})
    spec = json.loads(flops.specs.of("mix")(arm("replace", 1)))
    assert spec["flops_per_token"] == 6 * 1_525_056


def test_a_start_of_snakemake_imports_no_library_that_only_jobs_need():
    """Every Snakemake imports this first; scipy.stats alone would take half a second."""
    heavy = "{'torch', 'transformers', 'vllm', 'matplotlib', 'sklearn', 'scipy.stats', 'datasets'}"
    asked = f"import sys, collapse.experiment, collapse.terminal; print({heavy} & sys.modules.keys())"
    told = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "set()"
