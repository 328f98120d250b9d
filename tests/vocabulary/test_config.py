import copy
from pathlib import Path

import pytest
import yaml

from collapse.config import Plan, load_plan
from collapse.errors import ConfigError
from collapse.experiment import Experiment
from collapse.reporting import papers

ROOT = Path(__file__).parents[2]
DEFAULT = yaml.safe_load((ROOT / "config.yaml").read_text())
PAPERS = sorted((ROOT / "workflow" / "experiments" / "papers").glob("*.yaml"))


def changed(path: str, value) -> dict:
    config = copy.deepcopy(DEFAULT)
    *parents, last = path.split(".")
    node = config
    for part in parents:
        node = node[int(part)] if isinstance(node, list) else node[part]
    if isinstance(node, list):
        node.append(value)
    else:
        node[last] = value
    return config


def problem(config: dict) -> str:
    with pytest.raises(ConfigError) as caught:
        load_plan(config, "config.yaml")
    return str(caught.value)


def test_the_default_config_is_a_plan():
    assert load_plan(DEFAULT, "config.yaml").generations == 4


@pytest.mark.parametrize(
    "path", sorted((ROOT / "workflow" / "experiments").rglob("*.yaml")), ids=lambda path: path.stem
)
def test_every_shipped_experiment_is_a_plan(path):
    config = DEFAULT
    for part in [*(PAPERS if path.stem == "theory" else []), path]:
        config = merged(config, yaml.safe_load(part.read_text()))
    plan = load_plan(config, str(path))
    Experiment(plan).start.check_claims()
    assert {claim.paper for claim in plan.claims.values()} <= papers.PAPERS.keys(), "the page calls papers by name"


def test_papers_share_no_world_and_no_claim_so_that_they_can_be_listed_together():
    for key in ("worlds", "claims"):
        names = [name for path in PAPERS for name in yaml.safe_load(path.read_text()).get(key) or {}]
        assert len(names) == len(set(names))


def merged(base: dict, override: dict) -> dict:
    """As Snakemake does it: mappings merge, everything else replaces."""
    result = dict(base)
    for key, value in override.items():
        both = isinstance(value, dict) and isinstance(base.get(key), dict)
        result[key] = merged(base[key], value) if both else value
    return result


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("generation", 3, "generation: is not a setting; did you mean `generations`?"),
        ("decoding.temprature", 1, "decoding.temprature: is not a setting; did you mean `temperature`?"),
        ("corpus.sotu.year", 1, "corpus.sotu.year: is not a setting; did you mean `last_year`?"),
        ("decoding.temperature", -0.5, "decoding.temperature: is -0.5"),
        ("decoding.temperature", 0, "temperature 0 is `method: greedy`"),
        ("decoding.top_p", 0, "decoding.top_p"),
        ("generations", 0, "generations: is 0"),
        ("seeds", [], "seeds"),
        ("seeds", [1, 1], "seeds: 1 appears more than once"),
        ("strategies", [], "strategies"),
        ("strategies.+", {"name": "Replace", "compose": "replace"}, "kebab|small letters"),
        ("strategies.+", {"name": "replace", "compose": "replace"}, "replace appears more than once"),
        ("strategies.+", {"name": "m", "compose": "mix"}, "`compose: mix` needs `real_fraction`"),
        ("strategies.+", {"name": "m", "compose": "mix", "real_fraction": 1.0}, "leaves no samples"),
        ("strategies.+", {"name": "w", "compose": "window", "window": 0}, r"strategies\[5\].window"),
        ("strategies.+", {"name": "r", "compose": "replace", "window": 2}, "has no `window`"),
        ("strategies.+", {"name": "r", "compose": "replace", "verifiers": ["truth"]}, "`truth` is not defined"),
        ("strategies.+", {"name": "r", "compose": "replaced"}, r"strategies\[5\].compose: is 'replaced'"),
        ("verifiers.odd", {"kind": "lenght"}, "verifiers.odd.kind: is 'lenght'"),
        (
            "verifiers.odd",
            {"kind": "noisy_oracle", "oracle": "truth", "true_positive_rate": 1, "false_positive_rate": 0},
            "verifiers.odd.oracle",
        ),
        ("corpus.max_document_tokens", 500, "do not fit into transformer.context_length 128"),
        ("decoding.max_new_tokens", 500, "exceed transformer.context_length 128"),
        ("transformer.width", 130, "width 130 is not a multiple of n_heads 6"),
        ("transformer.n_heads", 12, "is 16 a head, but vLLM knows 32"),
        ("transformer.tuning", "lora", "needs a base_model that somebody else pretrained"),
        ("tokenizer.source", "train", "tokenizer.source: is not a setting"),
        ("pretraining.steps", 0, "pretraining.steps: is 0"),
        ("pretraining.corpus.source", "grammar", "pretraining.corpus.source: is 'grammar'"),
        ("corpus.sotu.last_year", 1900, "last_year 1900 is before first_year 1945"),
        ("family", "ngram", "generate.engine: `vllm` does not sample from `family: ngram`"),
        ("corpus.source", "file", "corpus: `source: file` needs `file.path`"),
        ("corpus.source", "huggingface", "corpus: `source: huggingface` needs `huggingface.dataset`"),
        ("decoding.n_beams", 4, "n_beams"),
        ("prompt.source", "real_prefix", "prompt: n_tokens"),
        ("budget.amount", 0, "budget.amount"),
        ("budget.amount", float("nan"), "budget.amount"),
    ],
)
def test_a_wrong_setting_is_named_with_the_way_out(path, value, words):
    assert pytest.importorskip("re").search(words, problem(changed(path, value)))


@pytest.mark.parametrize(("seeds", "item"), [(["one"], "[0]"), ([], "")])
def test_a_list_of_wrong_items_is_told_by_its_items_alone(seeds, item):
    with pytest.raises(ConfigError) as refused:
        load_plan(DEFAULT | {"seeds": seeds}, "config.yaml")
    assert str(refused.value).startswith(f"config.yaml has 1 problem(s):\n  seeds{item}: is ")


@pytest.mark.parametrize(
    ("path", "most"),
    [("corpus.max_document_tokens", 127), ("decoding.max_new_tokens", 127)],
)
def test_a_text_may_fill_the_context_to_its_last_token(path, most):
    load_plan(changed(path, most), "config.yaml")
    assert path in problem(changed(path, most + 1))


def test_a_prompt_takes_its_tokens_from_those_that_are_left():
    prompted = changed("prompt", {"source": "real_prefix", "n_tokens": 27, "in_training": False})
    fits, exceeds = (
        prompted | {"decoding": DEFAULT["decoding"] | {"max_new_tokens": n_tokens}} for n_tokens in (100, 101)
    )
    load_plan(fits, "config.yaml")
    assert "27 prompt tokens and 101 new ones exceed" in problem(exceeds)


def test_seeds_are_numbers_of_31_bits():
    load_plan(changed("seeds", [0, 2**31 - 1]), "config.yaml")
    for seed in (-1, 2**31):
        assert "seeds: each must be at least 0 and below 2147483648" in problem(changed("seeds", [seed]))


def test_an_oracle_has_no_noise_of_its_own():
    rates = {"kind": "noisy_oracle", "true_positive_rate": 1, "false_positive_rate": 0}
    whole = rates | {"oracle": next(iter(DEFAULT["verifiers"]))}
    load_plan(changed("verifiers.whole-noise", whole), "config.yaml")
    both = changed("verifiers.whole-noise", whole)
    both["verifiers"]["noise-of-noise"] = rates | {"oracle": "whole-noise"}
    assert "verifiers.noise-of-noise.oracle: `whole-noise` must be a verifier without noise" in problem(both)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"start": "fresh"}, "start: `fresh` draws random weights"),
        ({"budget": {"match": "flops", "amount": 1e12}}, "budget.match: `flops` needs a model of a known shape"),
    ],
)
def test_a_base_model_is_neither_fresh_nor_counted_in_flops(changes, words):
    pretrained, scratch = (changed("transformer.base_model", base) for base in ("some/folder", None))
    load_plan(pretrained, "config.yaml")
    assert words in problem(pretrained | changes)
    load_plan(scratch | changes, "config.yaml")


def test_an_ngram_does_not_go_on_from_the_generation_before():
    ngram = changed("family", "ngram")
    ngram["generate"]["engine"] = "native"
    ngram["budget"] = {"match": "tokens", "amount": 1000}
    for start in ("base", "fresh"):
        load_plan(ngram | {"start": start}, "config.yaml")
    assert "no `start: previous`" in problem(ngram | {"start": "previous"})
    for match in ("steps", "flops"):
        assert "steps or flops" in problem(ngram | {"budget": {"match": match, "amount": 1000}})


def test_generations_end_at_ten_thousand():
    load_plan(changed("generations", 10_000), "config.yaml")
    load_plan(changed("generations", 1), "config.yaml")
    assert "generations: is 10001" in problem(changed("generations", 10_001))


@pytest.mark.parametrize("width", [32, 64, 80, 96, 112, 128, 160, 192, 224, 256, 512])
def test_heads_are_as_wide_as_vllm_has_them(width):
    shape = DEFAULT["transformer"] | {"n_heads": 2}
    load_plan(changed("transformer", shape | {"width": 2 * width}), "config.yaml")
    other = changed("transformer", shape | {"width": 2 * (width + 2)})
    assert f"is {width + 2} a head, but vLLM knows 32, 64," in problem(other)
    other["generate"]["engine"] = "transformers"
    load_plan(other, "config.yaml")


def prompted(method: str, engine: str, **changes) -> dict:
    """A transformer that goes on from real beginnings, decoded in another way."""
    config = changed("prompt", {"source": "real_prefix", "n_tokens": 10, "in_training": False})
    beams = {"n_beams": 4} if method == "beam" else {}
    config["decoding"] |= {"method": method, "max_new_tokens": 50} | beams | changes
    config["generate"]["engine"] = engine
    return config


def test_a_prompt_lets_decoding_be_greedy_and_beams_need_their_engine():
    load_plan(prompted("greedy", "vllm"), "config.yaml")
    load_plan(prompted("sample", "transformers"), "config.yaml")
    load_plan(prompted("beam", "transformers"), "config.yaml")
    assert "`beam` needs `generate.engine: transformers`" in problem(prompted("beam", "vllm"))


def test_an_ngram_samples_only_and_repeats_as_it_likes():
    ngram = {"family": "ngram", "budget": {"match": "tokens", "amount": 1000}}
    load_plan(prompted("sample", "native") | ngram, "config.yaml")
    assert "samples only" in problem(prompted("greedy", "native") | ngram)
    assert "without repetition penalty" in problem(prompted("sample", "native", repetition_penalty=1.1) | ngram)
    load_plan(prompted("sample", "vllm", repetition_penalty=1.1), "config.yaml")


def claimed(**select) -> dict:
    claim = {"kind": "bound", "at_most": 9, "paper": "p", "where": "w", "statement": "s", "evidence": "theorem"}
    return changed("claims", {"A0-test": claim | {"select": {"metric": "test_loss"} | select}})


def test_a_claim_names_a_strategy_or_a_world_that_there_is():
    for strategy in ("replace", "real"):
        load_plan(claimed(evaluation_set="real_test", strategy=strategy), "config.yaml")
    other = problem(claimed(evaluation_set="real_test", strategy="replaced"))
    assert "`replaced` is not one of `strategies` (real, replace, accumulate" in other
    assert "`line` is not one of `worlds` (none)" in problem(claimed(world="line", strategy="replace"))
    alone = merged(DEFAULT, yaml.safe_load(PAPERS[0].read_text())) | {
        "claims": claimed(evaluation_set="x", strategy="real")["claims"]
    }
    assert "(none: this experiment has closed-form worlds only)" in problem(alone)


def test_an_undefined_verifier_is_told_which_are_defined():
    config = changed("strategies.+", {"name": "r", "compose": "replace", "verifiers": ["truth"]})
    assert f"`verifiers` defines {', '.join(DEFAULT['verifiers'])}" in problem(config)
    assert "`verifiers` defines none" in problem(config | {"verifiers": {}})


# --- what each stage sees ---------------------------------------------------------------------------------------------


def test_the_corpus_sets_aside_as_much_as_the_greediest_strategy_takes():
    plain = load_plan(changed("strategies.+", {"name": "m", "compose": "mix", "real_fraction": 0.5}), "config.yaml")
    assert (plain.corpus_spec().fresh_fraction, plain.corpus_spec().fresh_generations) == (0, 0)
    config = changed("strategies.+", {"name": "f", "compose": "fresh_real", "real_fraction": 0.2})
    config["strategies"].append({"name": "g", "compose": "fresh_real", "real_fraction": 0.3})
    spec = load_plan(config, "config.yaml").corpus_spec()
    assert (spec.fresh_fraction, spec.fresh_generations) == (0.3, 4)


def test_a_mixture_depends_on_flops_only_where_they_are_the_budget():
    by_tokens, by_flops = DEFAULT, changed("budget", {"match": "flops", "amount": 1e12})
    specs = [load_plan(config, "config.yaml").mix_spec("replace", 2, 5.0) for config in (by_tokens, by_flops)]
    assert [spec.flops_per_token for spec in specs] == [None, 5.0]
    assert {spec.context_length for spec in specs} == {DEFAULT["transformer"]["context_length"]}


def test_a_chain_brings_the_oracle_whose_noise_it_is():
    noise = {"kind": "noisy_oracle", "oracle": "whole", "true_positive_rate": 0.9, "false_positive_rate": 0.1}
    config = changed("verifiers.noise", noise)
    config["strategies"].append({"name": "n", "compose": "replace", "verifiers": ["noise"]})
    spec = load_plan(config, "config.yaml").verify_spec("n", 1)
    assert (spec.chain, list(spec.verifiers)) == (("noise",), ["noise", "whole"])


def test_a_family_is_seen_with_its_own_settings_and_base_model():
    transformer = load_plan(DEFAULT, "config.yaml").family_spec
    assert (transformer.name, transformer.base_model) == ("transformer", "pretraining")
    assert transformer.settings.model_dump() == load_plan(DEFAULT, "config.yaml").transformer.model_dump()
    config = changed("transformer.base_model", "some/folder")
    assert load_plan(config, "config.yaml").family_spec.base_model == "some/folder"


def test_every_problem_is_reported_at_once():
    config = changed("generation", 3)
    del config["seeds"]
    assert "config.yaml has 2 problem(s)" in problem(config)


def test_greedy_without_prompts_is_refused_because_every_sample_would_be_the_same():
    config = changed("decoding.method", "greedy")
    assert "one and the same text" in problem(config)


def test_the_shared_first_samples_are_as_many_as_the_largest_strategy_needs():
    config = changed("strategies.+", {"name": "grown", "compose": "replace_multiple"})
    plan = load_plan(config, "config.yaml")
    asked = ("real", 1), ("replace", 1), ("replace", 4), ("grown", 1), ("grown", 4)
    assert [plan.sets_drawn(*arm) for arm in asked] == [
        2,
        1,
        1,
        2,
        5,
    ]


def test_every_setting_says_what_it_means_or_is_named_so_that_it_does():
    schema = Plan.model_json_schema()
    assert all("description" in definition for definition in schema["$defs"].values())
