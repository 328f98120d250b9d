"""Settings that must be refused, each with what the message says: the key, and what to do.

A row is the setting's path in the config, its odd value, and words of the message. `also` holds the other settings that
make it odd. Lists are entered by their index: `strategies.1.window`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

LARGE, MORE = 10**9, "run where there is more memory"
SCRATCH = {"transformer.base_model": None, "start": "fresh"}
NGRAM = {"family": "ngram", "generate.engine": "native", "budget": {"match": "epochs", "amount": 1}}
TRANSFORMERS = {"generate.engine": "transformers"}
PREFIX = {"source": "real_prefix", "n_tokens": 5, "in_training": False}
WORLD = {
    "model": "gaussian",
    "title": "t",
    "paper": "p",
    "panels": [{"metric": "variance", "title": "t"}],
    "samples": 100,
    "dimension": 1,
    "variance": "biased",
    "replicates": 10,
    "generations": 2,
    "strategies": [{"name": "replace", "compose": "replace"}],
}
BEAM = TRANSFORMERS | {
    "prompt": PREFIX,
    "decoding.method": "beam",
    "decoding.n_beams": 4,
    "decoding.max_new_tokens": 90,
}
BLOCKS = {"source": "real_blocks", "n_tokens": 40, "in_training": False}
HUB = {"dataset": "a/b", "subset": None, "revision": "c", "split": "train", "column": "text", "group_column": None}
TELLS = {"true_positive_rate": 0.8, "false_positive_rate": 0.1, "shown": False}
STOPS = {"metric": "test_loss", "evaluation_set": "real_test", "change": 0.1, "patience": 1}
EDIT = {
    "prompt": {"source": "real_document", "n_tokens": 0, "in_training": False},
    "decoding.method": "edit",
    "decoding.edit_above": 0.99,
    "decoding.top_k": 8,
    "decoding.max_new_tokens": 127,
}
COIN = {"kind": "noisy_oracle", "oracle": "whole", "true_positive_rate": 0.9, "false_positive_rate": 0.1}
TOP = {"rule": "top_fraction", "fraction": 0.5}
MARK = {"green_share": 0.25, "bias": 2.0, "key": 42}
LIKELY = {"kind": "likelihood", "by": "sampler"}
STRONG = {
    "kind": "likelihood",
    "by": "checkpoint",
    "checkpoint": "owner/name",
    "revision": "0" * 40,
    "window_tokens": 128,
    "select": {"rule": "top_fraction", "fraction": 1},
}
BEST = {"strategies": [{"name": "best", "compose": "replace", "verifiers": ["best"]}]}
SOTU = {"source": "sotu", "sotu": {"first_year": 1990, "last_year": None}}
LEANING = {"kind": "labels", "corpus": {"source": "conventions"}, "window_words": 50, "held_out": 0.25}
FLUENT = {"kind": "fluency", "corpus": SOTU, "sentences": 500}
GIVEN = {
    "kind": "checkpoint",
    "checkpoint": "owner/name",
    "revision": "0" * 40,
    "labels": ["noise", "clean"],
    "are_levels": True,
    "part": "sentence",
    "window_tokens": 128,
}
RATED = {"kind": "rating", "rater": "fluency", "by": "level", "select": TOP | {"fraction": 1}}
LEAST = {"rule": "threshold", "least": 2.5}
UNLIKE = {
    "kind": "semantic_duplicates",
    "similarity": 0.9,
    "encoder": "owner/name",
    "revision": "0" * 40,
    "window_tokens": 254,
}
OUTCOME = {"metric": "quality_index", "evaluation_set": "rater/quality"}
TEXTS = {"path": "texts.jsonl", "column": "text", "group_column": None, "max_bytes": 1_000}
INSIDE = {"tokens": 1_000, "outcomes": [OUTCOME]}
MANY = [{"name": f"replace-{i}", "compose": "replace"} for i in range(2_000)]


class Odd(NamedTuple):
    """A setting that must be refused.

    Attributes:
        key: Its path.
        value: What it is set to.
        says: What the message says.
        also: Other settings.
    """

    key: str
    value: Any
    says: tuple[str, ...]
    also: Mapping[str, Any] = MappingProxyType({})


def budget(match: str, amount: object) -> dict[str, object]:
    return {"match": match, "amount": amount}


TOO_LARGE = (
    Odd("strategies.4.oversample", LARGE, ("strategies[4].oversample: is 1,000,000,000", "`generate`", MORE)),
    Odd("generate.n_samples", 10**14, ("generate.n_samples: is 100,000,000,000,000", "`generate`", MORE)),
    Odd("generate.n_samples", 10**14, ("generate.n_samples: is", MORE), NGRAM),
    Odd("generate.n_samples", 10**10, ("generate.n_samples: is", MORE), NGRAM | {"budget": budget("tokens", 1e5)}),
    Odd("decoding.max_new_tokens", 10**11, ("decoding.max_new_tokens: is 100,000,000,000", "block", MORE), NGRAM),
    Odd("transformer.n_layers", 10**6, ("transformer.n_layers: is 1,000,000", "weights", MORE), SCRATCH),
    Odd("transformer.n_layers", 10**6, ("transformer.n_layers: is 1,000,000", MORE)),
    Odd("transformer.width", 10**6, ("transformer.width: is 1,000,000", MORE), SCRATCH | TRANSFORMERS | {"transformer.n_heads": 4}),
    Odd("transformer.context_length", LARGE, ("transformer.context_length: is 1,000,000,000", MORE), SCRATCH),
    Odd("transformer.context_length", LARGE, ("transformer.context_length: is", MORE), SCRATCH | TRANSFORMERS),
    Odd("tokenizer.vocabulary_size", 2**31 - 1, ("tokenizer.vocabulary_size: is 2,147,483,647", MORE)),
    Odd("tokenizer.vocabulary_size", 2**31 - 1, ("tokenizer.vocabulary_size: is 2,147,483,647", MORE), NGRAM),
    Odd("training.batch_size", LARGE, ("training.batch_size: is 1,000,000,000", "`train`", MORE)),
    Odd("generate.chunk_rows", 10**6, ("generate.n_samples: is", MORE), {"generate.n_samples": 10**8}),
    Odd("decoding.n_beams", 10**6, ("decoding.n_beams: is 1,000,000", "`generate`", MORE), BEAM),
    Odd("corpus.train_bytes", 10**15, ("corpus.train_bytes: is 1e+15", MORE), {"corpus.source": "huggingface", "corpus.huggingface": HUB}),
    Odd("strategies.2", {"name": "m", "compose": "replace_multiple", "oversample": 10**6}, ("strategies[2].oversample: is", MORE)),
    Odd("generations", 5_000, ("generations: is 5,000", MORE), {"seeds": [0], "strategies": [{"name": "m", "compose": "replace_multiple", "oversample": 9}], "generate.n_samples": 10_000, "training.batch_size": 1}),
    Odd("seeds", list(range(1_000)), ("train", "on the disk", "make room"), {"transformer.n_layers": 40, "strategies": MANY[:4]} | SCRATCH),
)  # fmt: skip

TOO_MANY = (
    Odd("seeds", list(range(100_000)), ("seeds: are 100,000", "10,000,000 jobs", "Use fewer")),
    Odd("strategies", MANY, ("strategies: are 2,000", "120,000 jobs", "Use fewer")),
    Odd("generations", 10_000, ("generations: is 10,000", "750,000 jobs", "Use fewer")),
    Odd("generations", 9_000, ("generations: is 9,000", "81,009,000 inputs", "Use fewer"), {"seeds": [0], "strategies": [{"name": "a", "compose": "accumulate"}]}),
    Odd("corpus.grammar.draws", LARGE, ("corpus.grammar.draws: is 1000000000", "at most 10,000,000")),
    Odd("corpus.grammar.lexicon.0.words", 10**6, ("corpus.grammar.lexicon[0].words: is 1000000", "at most 4,900")),
    Odd("corpus.grammar.lexicon.0.words", 4_000, ("corpus.grammar", "can write", "use fewer words")),
    Odd("corpus.grammar.zipf_exponent", 1e6, ("corpus.grammar.zipf_exponent: is 1000000.0", "at most 10")),
    Odd("corpus.grammar.rules.0.weight", 1e308, ("corpus.grammar.rules[0].weight: is 1e+308", "at most 1,000,000,000")),
    Odd("corpus.grammar.seed", 2**31, ("corpus.grammar.seed: is 2147483648", "below 2,147,483,648")),
    Odd("corpus.grammar.rules.2.becomes", ["clause"], ("corpus.grammar.rules: clause → clause contains itself",)),
    Odd("ngram.order", 9, ("ngram.order: is 9", "at most 8")),
    Odd("generate.chunk_rows", 10**12, ("generate.chunk_rows: is 1000000000000", "at most 1,000,000")),
    Odd("evaluation.diversity_tokens", 10**12, ("evaluation.diversity_tokens: is", "at most 100,000,000")),
    Odd("evaluation.self_bleu_samples", 10**12, ("evaluation.self_bleu_samples: is", "at most 1,000,000")),
    Odd("report.n_samples_shown", LARGE, ("report.n_samples_shown: is 1000000000", "at most 1,000")),
    Odd("transformer.lora_rank", LARGE, ("transformer.lora_rank: is 1000000000", "at most 4,096")),
    Odd("decoding.top_k", 10**12, ("decoding.top_k: is 1000000000000", "below 2,147,483,648")),
    Odd("generations", 10**9, ("generations: is 1000000000", "at most 10,000")),
    Odd("corpus.max_document_tokens", 10**12, ("corpus.max_document_tokens: 1000000000000", "do not fit into transformer.context_length 128")),
    Odd("decoding.max_new_tokens", 10**11, ("decoding.max_new_tokens", "exceed transformer.context_length 128")),
    Odd("prompt", BLOCKS, ("decoding.max_new_tokens: a document", "has 3 blocks of prompt.n_tokens 40"), {"decoding.max_new_tokens": 80}),
    Odd("prompt", BLOCKS | {"in_training": True}, ("prompt.in_training: the blocks of a document", "set it to false")),
    Odd("prompt", BLOCKS | {"n_tokens": 0}, ("n_tokens must be at least 1",)),
    Odd("prompt.n_tokens", 10**6, ("prompt tokens", "exceed transformer.context_length 128"), {"prompt.source": "real_prefix"}),
    Odd(
        "worlds.w",
        WORLD | {"replicates": 10**12},
        ("worlds.w.replicates: would hold about 22,400 GiB at once", "use fewer"),
    ),
    Odd("worlds.w", {"model": "strong_ridge", "paper": "p", "title": "t", "panels": [{"metric": "excess_error", "title": "t", "x": "samples"}], "replicates": 10, "dimension": 5, "truth_variance": 1.0, "noise_variance": 0.1, "capacity_exponent": 0, "shift_variance": 0.5, "samples": [20], "synthetic_fractions": [0.5], "ridges": [0.1], "truth_exponent": 11}, ("worlds.w.truth_exponent: is", "at most 10")),
    Odd("worlds.w", {"model": "strong_ridge", "paper": "p", "title": "t", "panels": [{"metric": "excess_error", "title": "t", "x": "samples"}], "replicates": 10, "dimension": 5, "truth_variance": 1.0, "noise_variance": 0.1, "capacity_exponent": 0, "shift_variance": 0.5, "samples": [20], "synthetic_fractions": [0.5], "ridges": [0.1], "shift_exponent": -10.5}, ("worlds.w.shift_exponent: is", "at least -10")),
    Odd("worlds.w", {"model": "random_projections", "paper": "p", "title": "t", "panels": [{"metric": "excess_error", "title": "t", "x": "width"}], "replicates": 10, "dimension": 5, "truth_variance": 1.0, "noise_variance": 0.1, "shift_variances": [0.5], "samples": 20, "synthetic_fraction": 0.5, "ridge": 0.1, "widths": [3], "theory_draws": 2, "capacity_exponent": -1}, ("worlds.w.capacity_exponent: is", "at least 0")),
    Odd("worlds.w", {"model": "linear_verification", "paper": "p", "title": "t", "panels": [{"metric": "accuracy", "title": "t", "x": "samples"}], "replicates": 10, "dimension": 5, "separation": 1.0, "samples": [100], "generator_angles": [45], "verifiers": [{"name": "v", "angle": 0}], "capacity_exponent": "steep"}, ("worlds.w.capacity_exponent: is", "number")),
)  # fmt: skip

ENDLESS = (
    Odd("budget.amount", 1e18, ("budget.amount: is 1e+18", "passes", "raise budget.max_passes")),
    Odd("budget", budget("flops", 1e30), ("budget.amount: is 1e+30", "passes", "raise budget.max_passes")),
    Odd("budget", budget("steps", 1e12), ("budget.amount: is 1,000,000,000,000", "passes", "raise budget.max_passes")),
    Odd("budget", budget("documents", 1e9), ("budget.amount: is 1,000,000,000", "passes", "raise budget.max_passes")),
    Odd("budget", budget("epochs", 1e6), ("budget.amount: is 1,000,000", "passes", "raise budget.max_passes"), {"family": "ngram", "generate.engine": "native"}),
    Odd("budget", budget("epochs", 1001), ("budget.amount: is 1,001", "more than budget.max_passes 1,000")),
    Odd("budget.max_passes", 1, ("budget.amount: is 45,000", "about 2.25 passes", "more than budget.max_passes 1")),
    Odd("budget.max_passes", 0, ("budget.max_passes: is 0", "above 0")),
    Odd("pretraining.steps", 10**12, ("pretraining.steps: is 1,000,000,000,000", "passes", "raise budget.max_passes")),
    Odd("pretraining.training.batch_size", LARGE, ("pretraining.training.batch_size: is 1,000,000,000", "passes")),
    Odd("budget", budget("epochs", 1e-9), ("budget.amount: is 1e-09", "less than one document", "Raise it")),
    Odd("budget", budget("tokens", 2), ("budget.amount: is 2", "less than one document", "Raise it")),
    Odd("budget", budget("flops", 1), ("budget.amount: is 1", "less than one document", "Raise it")),
    Odd("budget", budget("steps", 0.5), ("budget.amount: is 0.5, but steps are counted", "such as 1")),
    Odd("budget", budget("documents", 10.5), ("budget.amount: is 10.5, but documents are counted", "such as 11")),
)  # fmt: skip

NO_NUMBER = (
    Odd("generations", True, ("generations: is true", "write 1")),
    Odd("generations", False, ("generations: is false", "write 0")),
    Odd("generations", "3", ("generations: is the text '3'", "write 3 without quotes")),
    Odd("generations", "1e3", ("generations: is the text '1e3'", "write 1000 without quotes")),
    Odd("generations", 3.5, ("generations: is 3.5; write a whole number",)),
    Odd("generations", None, ("generations: is null; write a whole number",)),
    Odd("generations", "three", ("generations: is 'three'; write a whole number",)),
    Odd("generations", [3], ("generations: is [3]; write a whole number",)),
    Odd("generations", {"n": 3}, ("generations: is {'n': 3}; write a whole number",)),
    Odd("generations", float("nan"), ("generations: is nan; write a finite number",)),
    Odd("training.learning_rate", "1e-4", ("training.learning_rate: is the text '1e-4'", "write 0.0001 without quotes")),
    Odd("training.learning_rate", "1e-5", ("training.learning_rate: is the text '1e-5'", "write 1.0e-5 without quotes")),
    Odd("training.learning_rate", True, ("training.learning_rate: is true", "write 1")),
    Odd("training.learning_rate", float("inf"), ("training.learning_rate: is inf; write a finite number",)),
    Odd("training.learning_rate", "nan", ("training.learning_rate: is 'nan'; write a finite number",)),
    Odd("budget.amount", "1.0e18", ("budget.amount: is the text '1.0e18'", "write 1.0e+18 without quotes")),
    Odd("budget.amount", "1_000", ("budget.amount: is the text '1_000'", "write 1000 without quotes")),
    Odd("budget.amount", float("inf"), ("budget.amount: is inf; write a finite number",)),
    Odd("corpus.test_fraction", float("nan"), ("corpus.test_fraction: is nan",)),
    Odd("corpus.test_fraction", True, ("corpus.test_fraction: is true", "write 1")),
    Odd("seeds", [0, True], ("seeds[1]: is true", "write 1")),
    Odd("seeds", ["0"], ("seeds[0]: is the text '0'", "write 0 without quotes")),
    Odd("seeds", [0.5], ("seeds[0]: is 0.5; write a whole number",)),
    Odd("generate.n_samples", True, ("generate.n_samples: is true", "write 1")),
    Odd("corpus.sotu.last_year", True, ("corpus.sotu.last_year: is true", "write 1")),
    Odd("pretraining.training.batch_size", True, ("pretraining.training.batch_size: is true", "write 1")),
    Odd("strategies.4.oversample", True, ("strategies[4].oversample: is true", "write 1")),
    Odd("verifiers.whole.min_tokens", True, ("verifiers.whole.min_tokens: is true", "write 1")),
    Odd("prompt.in_training", "yes", ("prompt.in_training: is 'yes'; write true or false",)),
    Odd("prompt.in_training", "x" * 1_000, ("prompt.in_training: is 'xxx", "write true or false")),
    Odd("prompt.in_training", 1, ("prompt.in_training: is 1; write true or false",)),
)  # fmt: skip

NO_NAME = (
    Odd("experiment", "a" * 300, ("experiment: is 'aaa", "at most 64 characters")),
    Odd("experiment", "../elsewhere", ("experiment: is '../elsewhere'", "use small letters")),
    Odd("experiment", "a/b", ("experiment: is 'a/b'", "use small letters")),
    Odd("experiment", ".hidden", ("experiment: is '.hidden'", "use small letters")),
    Odd("experiment", "con.txt", ("experiment: is 'con.txt'", "use small letters")),
    Odd("experiment", "replасe", ("experiment: is 'repl", "use small letters")),  # its а and с are Cyrillic
    Odd("experiment", "mix\u200b", ("experiment: is 'mix", "use small letters")),  # ends in a space of no width
    Odd("experiment", "mix\n", (r"experiment: is 'mix\n'", "use small letters")),
    Odd("experiment", "", ("experiment: is ''", "use small letters")),
    Odd("experiment", "-n", ("experiment: is '-n'", "use small letters")),
    Odd("experiment", "{seed}", ("experiment: is '{seed}'", "use small letters")),
    Odd("experiment", 2024, ("experiment: is 2024; write text, in quotes",)),
    Odd("experiment", True, ("experiment: is true; write text, in quotes",)),
    Odd("experiment", None, ("experiment: is null; write text, in quotes",)),
    Odd("experiment", "base-98f9b75d8aaa", ("experiment: `base-98f9b75d8aaa`", "choose another name")),
    Odd("strategies.1.name", "b" * 65, ("strategies[1].name: is 'bbb", "at most 64 characters")),
    Odd("strategies.1.name", "real", ("strategies[1]", "belong together")),
    Odd("strategies.1.name", "accumulate", ("strategies: accumulate appears more than once",)),
    Odd("verifiers.Whole", {"kind": "exact_duplicates"}, ("verifiers", "use small letters")),
    Odd("corpus.grammar.lexicon.0.name", "n" * 65, ("corpus.grammar.lexicon[0].name: is 'nnn", "at most 64 characters")),
    Odd("seeds", [1, 1], ("seeds: 1 appears more than once; keep each once",)),
    Odd("seeds", [-1], ("seeds: each must be at least 0",)),
    Odd("seeds", [2**31], ("seeds: each must be at least 0 and below 2147483648",)),
    Odd("seeds", [], ("seeds: is []; it needs at least 1 item",)),
    Odd("seeds", 3, ("seeds: is 3; write a list",)),
    Odd("pretraining.seed", -1, ("pretraining.seed: is -1; it must be at least 0",)),
)  # fmt: skip

NO_SETTING = (
    Odd("generation", 3, ("generation: is not a setting; did you mean `generations`?",)),
    Odd("x" * 500, 3, ("x" * 80 + "…: is not a setting",)),
    Odd("", 3, ("'': is not a setting; here one may set",)),
    Odd("decoding.temprature", 1, ("decoding.temprature: is not a setting; did you mean `temperature`?",)),
    Odd("verifiers.whole.min_token", 1, ("verifiers.whole.min_token: is not a setting; did you mean `min_tokens`?",)),
    Odd("strategies.1.colour", 1, ("strategies[1].colour: is not a setting; here one may set",)),
    Odd("corpus", None, ("corpus: is null; write settings, each with its key",)),
    Odd("corpus", "speeches.txt", ("corpus: is 'speeches.txt'; write settings, each with its key",)),
    Odd("corpus", [], ("corpus: is []; write settings, each with its key",)),
    Odd("worlds", None, ("worlds: is null; write settings, each with its key",)),
    Odd("verifiers", [], ("verifiers: is []; write settings, each with its key",)),
    Odd("strategies", "replace", ("strategies: is 'replace'; write a list",)),
    Odd("strategies", None, ("strategies: is null; write a list",)),
    Odd("strategies", list(range(2_000)), ("2000 problem(s)", "strategies[0]: is 0; write settings", "and 1980 more")),
    Odd("strategies", [], ("strategies: are empty",)),
    Odd("strategies.1", None, ("strategies[1]: is null; write settings, each with its key",)),
    Odd("strategies.1", "replace", ("strategies[1]: is 'replace'; write settings, each with its key",)),
    Odd("device", "cuda", ("device: is 'cuda'; it may be 'cpu' or 'gpu'",)),
    Odd("device", True, ("device: is true; it may be 'cpu' or 'gpu'",)),
    Odd("family", "gpt", ("family: is 'gpt'; it may be 'transformer', 'ngram', 'vae' or 'classifier'",)),
    Odd("generate.engine", "hf", ("generate.engine: is 'hf'; it may be",)),
    Odd("verifiers.odd", {"kind": "lenght"}, ("verifiers.odd.kind: is 'lenght'; it may be",)),
    Odd("verifiers.odd", {}, ("verifiers.odd.kind: is required",)),
    Odd("verifiers.odd", {"kind": None}, ("verifiers.odd.kind: is null; it may be",)),
    Odd("worlds.w", {"model": "gauss"}, ("worlds.w.model: is 'gauss'; it may be",)),
)

VAE = {"family": "vae", "start": "fresh", "corpus.source": "mnist", "generate.engine": "native", "budget": {"match": "steps", "amount": 50}, "strategies": [{"name": "replace", "compose": "replace"}]}  # fmt: skip
SUMS = {"corpus.source": "arithmetic", "prompt.source": "real_input", "corpus.max_document_tokens": 20}
MATRICES = {"rows": 2, "largest": 5, "digits": 2, "examples": 100, "seed": 0}
OF_MEDIA = (
    Odd("family", "vae", ("family: `vae` does not learn texts", "use transformer, ngram"), {"generate.engine": "native"}),
    Odd("family", "ngram", ("family: `ngram` does not learn images", "use vae"), VAE),
    Odd("family", "ngram", ("family: `ngram` does not learn texts of texts", "use transformer"), SUMS | NGRAM),
    Odd("corpus.source", "arithmetic", ("prompt.source: is none, but examples of the corpus have inputs", "real_input")),
    Odd("prompt.source", "real_input", ("prompt.source: `real_input` needs examples with inputs", "input_column")),
    Odd("prompt.template", "say it", ("prompt.template: must hold `{input}` once",)),
    Odd("budget", {"match": "tokens", "amount": 100}, ("budget.match: `tokens` is about text", "images", "steps"), VAE),
    Odd("budget", {"match": "steps", "amount": 100}, ("budget.match: `steps` counts rows of texts without their inputs",), SUMS),
    Odd("strategies.0", {"name": "replace", "compose": "replace", "verifiers": ["whole"]}, ("verifiers.whole: `length` judges texts", "images"), VAE),
    Odd("generate.engine", "vllm", ("generate.engine: `vllm` does not sample from `family: vae`; use native",), VAE),
    Odd("corpus.source", "images", ("corpus: `source: images` needs either `images.path` or `images.dataset`",), VAE),
    Odd("corpus.images.dataset", "a/b", ("images.revision", "commit"), VAE | {"corpus.source": "images"}),
    Odd("corpus.examples.train", 0, ("corpus.examples.train: is 0; it must be at least 1",), VAE),
    Odd("corpus.examples.train", 200_000_000, ("corpus.examples.train: is 200,000,000", MORE), VAE | {"budget": {"match": "epochs", "amount": 1}}),
    Odd("prompt.source", "pool", ("corpus.reserve_bytes: is 0, but `prompt.source: pool`", "real_input"), SUMS),
    Odd("prompt.source", "pool", ("corpus.examples.reserve: is 0, but", "raise it"), VAE | {"family": "classifier"}),
    Odd("vae.latent", 0, ("vae.latent: is 0; it must be at least 1",), VAE),
    Odd("corpus.images.height", 30, ("corpus.images.height", "multiple of 4", "28"), VAE | {"corpus.source": "images", "corpus.images.path": "x.parquet"}),
    Odd("classifier.architecture", "random_features", ("`family: classifier` is fitted at once", "no steps"), VAE | {"family": "classifier", "prompt.source": "real_input"}),
    Odd("corpus.source", "wikipedia", ("corpus: `source: wikipedia` needs `wikipedia`",)),
    Odd("corpus.wikipedia", {"wheel": ""}, ("corpus.wikipedia.wheel",)),
    Odd("corpus.max_input_tokens", 0, ("corpus.max_input_tokens: is 0; it must be at least 1",), SUMS),
    Odd("corpus.max_input_tokens", 9, ("corpus.max_input_tokens: is 9", "no inputs", "input_column")),
    Odd("corpus.max_input_tokens", 100, ("corpus.max_input_tokens: is 100", "leaves room for 87", "set it to 87 or less"), SUMS | {"decoding.max_new_tokens": 40}),
    Odd("corpus.arithmetic.largest", 0, ("corpus.arithmetic.largest: is 0; it must be at least 1",), SUMS),
    Odd("corpus.arithmetic.base", 1, ("corpus.arithmetic.base: is 1; it must be at least 2",), SUMS),
    Odd("corpus.arithmetic.base", 37, ("corpus.arithmetic.base: is 37; it may be at most 36",), SUMS),
    Odd("corpus.source", "eigenvalues", ("corpus: `source: eigenvalues` needs `eigenvalues`",), SUMS | {"corpus.eigenvalues": None}),
    Odd("corpus.eigenvalues", MATRICES | {"rows": 1}, ("corpus.eigenvalues.rows: is 1; it must be at least 2",), SUMS),
    Odd("corpus.eigenvalues", MATRICES | {"digits": 9}, ("corpus.eigenvalues.digits: is 9; it may be at most 8",), SUMS),
    Odd("corpus.eigenvalues", MATRICES | {"largest": 0}, ("corpus.eigenvalues.largest: is 0; it must be at least 1",), SUMS),
    Odd("corpus.eigenvalues", MATRICES | {"encoding": "fp16"}, ("corpus.eigenvalues.encoding: is 'fp16'", "fp15"), SUMS),
    Odd("corpus.eigenvalues", MATRICES | {"encoding": "fp15", "digits": 2}, ("corpus.eigenvalues.digits: is 2", "have 3; set it to that"), SUMS),
    Odd("corpus.eigenvalues", MATRICES | {"encoding": "fp15", "digits": 3}, ("tokenizer.vocabulary_size: is", "has 29060 tokens", "set it to 29060"), SUMS | SCRATCH | {"corpus.source": "eigenvalues"}),
    Odd("corpus.eigenvalues", MATRICES | {"encoding": "fp15", "digits": 3}, ("corpus.eigenvalues.encoding: `fp15` has tokens of its own", "base_model to null"), SUMS | {"corpus.source": "eigenvalues"}),
    Odd("evaluation.answers", {"match": "exact"}, ("evaluation.answers: asks held-out inputs of pairs of texts", "leave it out")),
    Odd("evaluation.answers", {"match": "exact", "inputs": 0}, ("evaluation.answers.inputs: is 0; it must be at least 1",), SUMS),
    Odd("evaluation.answers", {"match": "nearly"}, ("evaluation.answers.match: is 'nearly'; it may be", "numbers"), SUMS),
    Odd("evaluation.answers", {"match": "exact", "tolerance": 0.1}, ("evaluation.answers.tolerance: is 0.1", "use `match: numbers`"), SUMS),
    Odd("evaluation.answers", {"match": "numbers", "tolerance": -1}, ("evaluation.answers.tolerance: is -1; it must be at least 0",), SUMS),
    Odd("prompt.in_training", True, ("prompt.in_training", "false"), VAE | {"family": "classifier", "prompt.source": "real_input"}),
)  # fmt: skip

NO_SENSE = (
    Odd("transformer.width", 36, ("transformer.width: is 36", "9 wide", "such as 40"), {"transformer.n_heads": 4}),
    Odd("transformer.width", 36, ("transformer.width: is 36", "such as 40"), SCRATCH | TRANSFORMERS | {"transformer.n_heads": 4}),
    Odd("transformer.width", 64, ("transformer", "is 16 a head, but vLLM knows 32"), {"transformer.n_heads": 4}),
    Odd("transformer.n_heads", 7, ("transformer: width 192 is not a multiple of n_heads 7; 189 is",)),
    Odd("transformer.n_heads", 500, ("transformer: width 192 is not a multiple of n_heads 500; 500 is",)),
    Odd("transformer.n_heads", 0, ("transformer.n_heads: is 0; it must be at least 1",)),
    Odd("verifiers.whole", {"kind": "length", "min_tokens": 9, "max_tokens": 3}, ("verifiers.whole.min_tokens: is 9, above max_tokens 3",)),
    Odd("verifiers.whole", {"kind": "length", "min_tokens": 500, "max_tokens": 600}, ("verifiers.whole.min_tokens: is 500", "decoding.max_new_tokens", "lower it")),
    Odd("verifiers.plausible.low_quantile", 1.0, ("verifiers.plausible.low_quantile: is 1", "below high_quantile 1")),
    Odd("verifiers.coin", COIN | {"oracle": "coin"}, ("verifiers.coin.oracle: `coin` must be a verifier without noise",)),
    Odd("verifiers.coin", COIN | {"oracle": "other"}, ("oracle: `coin` must be a verifier without noise",), {"verifiers.other": COIN | {"oracle": "coin"}}),
    Odd("verifiers.coin", COIN | {"oracle": "truth"}, ("verifiers.coin.oracle: `truth` must be",)),
    Odd("verifiers.coin", COIN | {"true_positive_rate": 0, "false_positive_rate": 0}, ("verifiers.coin.true_positive_rate: is 0", "raise one")),
    Odd("verifiers.coin", COIN | {"true_positive_rate": 1.5}, ("verifiers.coin.true_positive_rate: is 1.5; it may be at most 1",)),
    Odd("verifiers.best", {"kind": "rouge"}, ("verifiers.best.select: is required",)),
    Odd("verifiers.best", {"kind": "rouge", "select": {"rule": "best"}}, ("verifiers.best.select.rule: is 'best'; it may be", "top_fraction")),
    Odd("verifiers.best", {"kind": "rouge", "select": {"rule": "threshold", "least": 1.5}}, ("verifiers.best.select.least: is 1.5", "between 0 and 1")),
    Odd("verifiers.best", LIKELY | {"select": {"rule": "threshold", "least": 0.5}}, ("verifiers.best.select.least: is 0.5", "and 0")),
    Odd("verifiers.best", LIKELY | {"select": TOP | {"fraction": 0}}, ("verifiers.best.select.fraction: is 0; it must be above 0",)),
    Odd("verifiers.best", LIKELY | {"select": TOP | {"fraction": 1.5}}, ("verifiers.best.select.fraction: is 1.5; it may be at most 1",)),
    Odd("verifiers.best", LIKELY | {"select": {"rule": "quota", "fraction": 1, "per": "cluster"}}, ("n_clusters: is for `per: cluster`, which needs it",)),
    Odd("verifiers.best", LIKELY | {"select": TOP}, ("verifiers.best.select: leaves `best` 50% of the samples", "`oversample`, 2 or more"), BEST),
    Odd("verifiers.best", LIKELY | {"select": {"rule": "best_of_input"}}, ("verifiers.best.select: `best_of_input`", "`prompt.source` is none"), BEST),
    Odd("verifiers.best", LIKELY | {"select": {"rule": "quota", "fraction": 1, "per": "class"}}, ("verifiers.best.select.per: `class` is of labels",), BEST),
    Odd("verifiers.best", {"kind": "rouge", "select": TOP | {"fraction": 1}}, ("verifiers.best: `rouge` needs the right answer", "no inputs"), BEST),
    Odd("verifiers.best", {"kind": "answer", "match": "exact"}, ("verifiers.best: `answer` needs the right answer",), BEST),
    Odd("verifiers.best", {"kind": "source"}, ("verifiers.best: `source` needs a source that is known", "grammar"), BEST),
    Odd("verifiers.best", {"kind": "answer", "match": "exact", "tolerance": 0.1}, ("verifiers.best.tolerance: is 0.1", "use `match: numbers`")),
    Odd("verifiers.best", {"kind": "near_duplicates", "similarity": 0.2, "words": 3}, ("verifiers.best.similarity: is 0.2; it must be at least 0.5",)),
    Odd("verifiers.best", LIKELY | {"select": TOP | {"fraction": 1}}, ("verifiers.best.by: what draws images has no log-probability", "generation_0"), VAE | BEST),
    Odd("verifiers.best", {"kind": "near_duplicates", "similarity": 0.8, "words": 3}, ("verifiers.best: `near_duplicates` judges texts", "images"), VAE | BEST),
    Odd("strategies.2.times", 3, ("strategies[2].times: `compose: accumulate` has none",)),
    Odd("strategies.1.times", 10**7, ("strategies[1].times: is", MORE)),
    Odd("strategies.1.synthetic_weight", 0.5, ("strategies[1].synthetic_weight: `compose: replace` trains on one kind",)),
    Odd("strategies.2.synthetic_weight", 0, ("strategies[2].synthetic_weight: is 0; it must be above 0",)),
    Odd("strategies.2.synthetic_weight", 0.5, ("strategies: `accumulate` has a `synthetic_weight`", "counts"), NGRAM),
    Odd("strategies.1.verifiers", ["whole", "whole"], ("strategies[1].verifiers: whole appears more than once",)),
    Odd("strategies.1.verifiers", ["truth"], ("strategies[1].verifiers: `truth` is not defined",)),
    Odd("strategies.0.verifiers", ["whole"], ("strategies[0]", "trains on no samples")),
    Odd("strategies.1.window", 2, ("strategies[1]: `compose: replace` has no `window`",)),
    Odd("strategies.1.real_fraction", 0.5, ("strategies[1]: `compose: replace` has no `real_fraction`",)),
    Odd("generate.health.min_length_ratio", 3.0, ("generate.health.min_length_ratio: is 3, above max_length_ratio 2",)),
    Odd("generate.n_samples", 0, ("generate.n_samples: is 0; it must be at least 1",)),
    Odd("decoding.temperature", 1e-9, ("decoding.temperature: is 1e-09", "0.01", "`method: greedy`")),
    Odd("decoding.temperature", -1, ("decoding.temperature: is -1; it must be at least 0",)),
    Odd("decoding.top_p", 0, ("decoding.top_p: is 0; it must be above 0",)),
    Odd("decoding.top_p", 1.1, ("decoding.top_p: is 1.1; it may be at most 1",)),
    Odd("decoding.repetition_penalty", 1e9, ("decoding.repetition_penalty: is 1000000000.0; it may be at most 100",)),
    Odd("stopping", {"a": STOPS | {"change": 0}}, ("stopping.a", "change: is 0; write how far the measure rises")),
    Odd("stopping", {"a": STOPS | {"patience": 0}}, ("stopping.a.patience: is 0; it must be at least 1",)),
    Odd("stopping", {"a": STOPS | {"patience": 4}}, ("stopping.a.patience: is 4, and generations is 4", "lower it")),
    Odd("stopping", {"a": STOPS | {"metric": "test_los"}}, ("stopping.a.metric: `test_los`", "test_loss")),
    Odd(
        "strategies",
        [{"name": "best", "compose": "replace", "oversample": 5}],
        ("strategies[0]: asks for 5 candidates of an input", "n_beams 4", "lower oversample"),
        BEAM,
    ),
    Odd("corpus.balance", {"per_label": 5}, ("corpus.balance: chooses by labels", "name a `label_column`"), {"corpus.source": "grammar", "corpus.max_document_tokens": 127, "family": "ngram", "generate.engine": "native", "transformer.base_model": None, "start": "fresh", "budget": {"match": "epochs", "amount": 1}}),
    Odd("corpus.long_texts", "beginning", ("corpus.long_texts: texts of this source are not cut",), {"corpus.source": "arithmetic", "prompt.source": "real_input"}),
    Odd("corpus.balance", {"per_label": 5, "labels": ["a", "a"]}, ("corpus.balance.labels: a appears more than once",)),
    Odd("stopping", {"early": STOPS}, ("stopping: there are no `strategies`",), {"strategies": [], "worlds.w": WORLD}),
    Odd("strategies.1.training", {}, ("strategies[1].training: changes nothing", "or leave it out")),
    Odd("strategies.1.training", {"budget_times": 0}, ("strategies[1].training.budget_times: is 0; it must be above 0",)),
    Odd("strategies.1.training", {"weight_decay": 0}, ("strategies[1].training.weight_decay", "takes no steps"), NGRAM),
    Odd("strategies.1.training", {"weight_decay": 1e4}, ("strategies[1].training: weight_decay 10000 times", "lower one")),
    Odd("strategies.1.training", {"budget_times": 900}, ("passes through the real training text",)),
    Odd("strategies.0.pool", ["replace"], ("strategies[0]", "pool: `compose: real` trains on no samples")),
    Odd("strategies.1.pool", ["replace"], ("strategies[1].pool: names `replace` itself",)),
    Odd("strategies.1.pool", ["nobody"], ("strategies[1].pool: `nobody` is not one of `strategies`",)),
    Odd("strategies.1.pool", ["accumulate"] * 2, ("pool: accumulate appears more than once",)),
    Odd(
        "strategies",
        [{"name": "one", "compose": "replace", "pool": ["other"]}, {"name": "other", "compose": "replace"}],
        ("strategies[0].pool: `other` is trained like `one` on the same noise", "another `stream`"),
    ),
    Odd("strategies.0.labels", TELLS, ("strategies[0].labels: `compose: real` trains on no samples",)),
    Odd("strategies.2.labels", TELLS | {"shown": True}, ("strategies[2]", "labels.shown: what is labelled synthetic")),
    Odd("strategies.1.labels", TELLS | {"true_positive_rate": 1}, ("labels.true_positive_rate: is 1", "lower it")),
    Odd("verifiers.noisy", COIN | {"bias": 1.5}, ("verifiers.noisy", "bias: is 1.5; it may be at most 1")),
    Odd("decoding.edit_above", 0.99, ("decoding.edit_above: is for `method: edit`, which needs it",)),
    Odd("decoding.edit_above", 1.2, ("decoding.edit_above: is 1.2; it may be at most 1",)),
    Odd("decoding.edit_above", None, ("decoding.edit_above: is for `method: edit`, which needs it",), EDIT),
    Odd("decoding.top_k", 0, ("decoding.top_k: is 0", "the likeliest 1 to 20"), EDIT),
    Odd("decoding.top_k", 50, ("decoding.top_k: is 50", "the likeliest 1 to 20"), EDIT),
    Odd("decoding.temperature", 0.7, ("decoding.temperature: is 0.7", "set it to 1"), EDIT),
    Odd("decoding.max_new_tokens", 40, ("decoding.max_new_tokens: is 40", "max_document_tokens 96", "raise it"), EDIT),
    Odd("decoding.watermark", MARK, ("decoding.watermark: `method: edit` leaves real tokens", "set it to null"), EDIT),
    Odd("prompt.source", "none", ("prompt.source: is none", "`real_document` and `edit` belong together"), EDIT),
    Odd("prompt.source", "real_document", ("prompt.source: is real_document", "belong together")),
    Odd("prompt.source", "previous_sample", ("prompt.source: is previous_sample", "`previous_sample` and `edit`")),
    Odd("family", "ngram", ("decoding.method: `edit` needs `family: transformer`",), EDIT | {"generate.engine": "native"}),
    Odd("decoding.method", "greedy", ("decoding.method: `greedy` writes one and the same text",)),
    Odd("training.learning_rate", 10, ("training.learning_rate: is 10; it may be at most 1",)),
    Odd("training.weight_decay", 1e308, ("training.weight_decay: is 1e+308", "lower it")),
    Odd("training.gradient_clip", 0, ("training.gradient_clip: is 0; it must be above 0",)),
    Odd("training.batch_size", 0, ("training.batch_size: is 0; it must be at least 1",)),
    Odd("corpus.test_fraction", 0.95, ("corpus: test_fraction + validation_fraction", "keep their sum below 1")),
    Odd("corpus.sotu.last_year", 1900, ("corpus.sotu: last_year 1900 is before first_year 1945",)),
    Odd("corpus.max_document_tokens", 3, ("corpus.max_document_tokens: is 3; it must be at least 4",)),
    Odd("corpus.file.path", "a\0b", ("corpus.file.path: holds a null character",), {"corpus.source": "file"}),
    Odd("corpus.source", "file", ("corpus: `source: file` needs `file.path`",)),
    Odd("report.confidence", 1, ("report.confidence: is 1; it must be below 1",)),
    Odd("tokenizer.vocabulary_size", 10, ("tokenizer.vocabulary_size: is 10; it must be at least 260",)),
)  # fmt: skip

OF_RATERS = (
    Odd("raters.Leaning", LEANING, ("raters", "use small letters")),
    Odd("raters", {"leaning": LEANING | {"kind": "label"}}, ("raters.leaning.kind: is 'label'; it may be",)),
    Odd("raters", {"leaning": LEANING | {"held_out": 1}}, ("raters.leaning.held_out: is 1; it must be below 1",)),
    Odd("raters", {"leaning": LEANING | {"window_words": 2}}, ("raters.leaning.window_words: is 2",)),
    Odd("raters", {"leaning": LEANING | {"corpus": {"source": "mnist"}}}, ("raters.leaning.corpus.source: is 'mnist'",)),
    Odd("raters", {"leaning": LEANING | {"corpus": {"source": "file"}}}, ("raters.leaning.corpus", "needs the section `file`")),
    Odd("raters", {"leaning": LEANING | {"corpus": {"source": "file", "file": TEXTS}}}, ("needs `file.label_column`",)),
    Odd("raters", {"leaning": LEANING | {"corpus": SOTU | {"source": "conventions"}}}, ("sotu: is not read by `source: conventions`",)),
    Odd("raters", {"fluency": FLUENT | {"sentences": 3}}, ("raters.fluency.sentences: is 3",)),
    Odd("raters", {"fluency": FLUENT}, ("raters: is about text", "mnist"), VAE),
    Odd("raters", {"given": GIVEN | {"labels": ["noise"]}}, ("raters.given.labels: is ['noise']; it needs at least 2",)),
    Odd("raters", {"given": GIVEN | {"labels": ["noise", "noise"]}}, ("raters.given.labels: `noise` appears more than once",)),
    Odd("raters", {"given": GIVEN | {"labels": ["noise", ""]}}, ("raters.given.labels[1]: is ''",)),
    Odd("raters", {"given": GIVEN | {"window_tokens": 0}}, ("raters.given.window_tokens: is 0; it must be at least 1",)),
    Odd("raters", {"given": GIVEN | {"window_tokens": 10**6}}, ("raters.given.window_tokens: is 1000000; it may be at most 100,000",)),
    Odd("raters", {"given": GIVEN | {"part": "word"}}, ("raters.given.part: is 'word'; it may be", "sentence")),
    Odd("raters", {"given": GIVEN | {"checkpoint": ""}}, ("raters.given.checkpoint: is ''",)),
    Odd("raters", {"given": {key: value for key, value in GIVEN.items() if key != "revision"}}, ("raters.given.revision: is required",)),
    Odd("raters", {"given": GIVEN | {"corpus": SOTU | {"source": "mnist"}}}, ("raters.given.corpus.source: is 'mnist'",)),
    Odd("verifiers.best", RATED, ("verifiers.best.rater: `fluency` is not one of `raters` (none)", "add it"), BEST),
    Odd("verifiers.best", RATED | {"by": "label", "label": "fluent"}, ("verifiers.best.label: `fluent` is no label", "noise, word salad"), BEST | {"raters": {"fluency": FLUENT}}),
    Odd("verifiers.best", RATED | {"by": "label"}, ("verifiers.best.label: is for `by: label`, which needs it",)),
    Odd("verifiers.best", RATED | {"label": "clean"}, ("verifiers.best.label: is for `by: label`", "nothing else")),
    Odd("verifiers.best", RATED | {"rater": "leaning"}, ("verifiers.best.by: the labels of `raters.leaning` are no levels",), BEST | {"raters": {"leaning": LEANING}}),
    Odd("verifiers.best", RATED | {"rater": "leaning", "by": "label", "label": "whig"}, ("verifiers.best.label: `whig`", "democrat, republican"), BEST | {"raters": {"leaning": LEANING}}),
    Odd("verifiers.best", RATED | {"select": LEAST | {"least": 3.5}}, ("verifiers.best.select.least: is 3.5", "between 0 and 3", "lower it"), BEST | {"raters": {"fluency": FLUENT}}),
    Odd("verifiers.best", RATED | {"rater": "given", "select": LEAST}, ("verifiers.best.select.least: is 2.5", "between 0 and 1"), BEST | {"raters": {"given": GIVEN}}),
    Odd("verifiers.best", RATED | {"by": "label", "label": "clean", "select": LEAST}, ("least: is 2.5", "between 0 and 1"), BEST | {"raters": {"fluency": FLUENT}}),
    Odd("verifiers.best", RATED | {"select": LEAST | {"least": -1}}, ("verifiers.best.select.least: is -1", "between 0 and")),
    Odd("verifiers.best", RATED | {"select": TOP}, ("verifiers.best.select: leaves `best` 50%",), BEST | {"raters": {"fluency": FLUENT}}),
    Odd("verifiers.noisy", COIN | {"oracle": "best"}, ("verifiers.best.rater: `fluency` is not one",), {"verifiers.best": RATED, "strategies.1.verifiers": ["noisy"]}),
    Odd("verifiers.best", RATED, ("verifiers.best: `rating` judges texts", "images"), VAE | BEST),
    Odd("verifiers.best", UNLIKE, ("verifiers.best: `semantic_duplicates` judges texts", "images"), VAE | BEST),
    Odd("verifiers.best", UNLIKE | {"similarity": 1.2}, ("verifiers.best.similarity: is 1.2; it may be at most 1",)),
    Odd("verifiers.best", UNLIKE | {"similarity": 0}, ("verifiers.best.similarity: is 0; it must be above 0",)),
    Odd("verifiers.best", UNLIKE | {"window_tokens": 0}, ("verifiers.best.window_tokens: is 0; it must be at least 1",)),
    Odd("generate.n_samples", 10**9, ("generate.n_samples: is", MORE), NGRAM | BEST | {"verifiers.best": UNLIKE}),
    Odd("verifiers.best", STRONG | {"by": "somebody"}, ("verifiers.best.by: is 'somebody'", "base_model", "checkpoint")),
    Odd("verifiers.best", STRONG | {"by": "sampler"}, ("verifiers.best.checkpoint: is for `by: checkpoint`", "nothing else")),
    Odd("verifiers.best", {key: value for key, value in STRONG.items() if key != "window_tokens"}, ("verifiers.best.window_tokens: is for `by: checkpoint`, which needs it",)),
    Odd("verifiers.best", STRONG | {"checkpoint": ""}, ("verifiers.best.checkpoint: is ''",)),
    Odd("verifiers.best", STRONG | {"window_tokens": 1}, ("verifiers.best.window_tokens: is 1; it must be at least 2",)),
    Odd("verifiers.best", STRONG | {"window_tokens": 10**6}, ("verifiers.best.window_tokens: is 1000000; it may be at most 100,000",)),
    Odd("verifiers.best", STRONG | {"template": "In short:"}, ("verifiers.best.template: must hold `{input}` once",)),
    Odd("verifiers.best", STRONG | {"template": "In short: {input}"}, ("verifiers.best.template: is put around", "`prompt.source` is none", "leave it out"), BEST),
    Odd("verifiers.best", LIKELY | {"template": "{input}:", "select": TOP}, ("verifiers.best: revision, template: are for `by: checkpoint`",)),
    Odd("verifiers.best", STRONG, ("verifiers.best.by: a checkpoint reads texts", "images", "generation_0"), VAE | BEST),
    Odd("verifiers.best", LIKELY | {"by": "base_model", "select": STRONG["select"]}, ("verifiers.best.by: `base_model` needs transformer.base_model", "generation_0"), SCRATCH | BEST),
    Odd("verifiers.noisy", COIN | {"oracle": "best"}, ("verifiers.best.by: `base_model` needs",), SCRATCH | {"verifiers.best": LIKELY | {"by": "base_model", "select": STRONG["select"]}, "strategies.1.verifiers": ["noisy"]}),
    Odd("evaluation.base_perplexity", True, ("evaluation.base_perplexity: needs transformer.base_model",), SCRATCH),
    Odd("internals", INSIDE | {"tokens": 10**9}, ("internals.tokens: is 1000000000",)),
    Odd("internals", INSIDE | {"outcomes": []}, ("internals.outcomes",)),
    Odd("internals", INSIDE | {"outcomes": [OUTCOME, OUTCOME]}, ("quality_index@rater/quality appears more than once",)),
    Odd("internals", INSIDE, ("internals.outcomes[0].evaluation_set: `quality` is not one of `raters` (none)",)),
    Odd("internals", INSIDE | {"outcomes": [OUTCOME | {"metric": "quality"}]}, ("internals.outcomes[0].metric", "did you mean `quality_level`")),
    Odd("internals", INSIDE | {"outcomes": [OUTCOME | {"metric": "label_share"}]}, ("write rater/NAME/LABEL",), {"raters": {"quality": FLUENT}}),
    Odd("internals", INSIDE, ("internals: looks inside transformers, and family is ngram",), NGRAM),
    Odd("internals", INSIDE, ("internals: changes from one generation", "set it to 3 or more"), {"generations": 2}),
    Odd("decoding.min_new_tokens", 128, ("decoding.min_new_tokens: is 128, more than max_new_tokens (127)",)),
    Odd("decoding.watermark", MARK | {"green_share": 1}, ("decoding.watermark.green_share: is 1; it must be below 1",)),
    Odd("decoding.watermark", MARK | {"green_share": 0}, ("decoding.watermark.green_share: is 0; it must be above 0",)),
    Odd("decoding.watermark", MARK | {"bias": -1}, ("decoding.watermark.bias: is -1; it must be at least 0",)),
    Odd("decoding.watermark", MARK | {"key": 2**63}, ("decoding.watermark.key: is 9223372036854775808; it must be below",)),
    Odd("decoding.watermark", MARK | {"gamma": 0.5}, ("decoding.watermark.gamma: is not a setting",)),
    Odd("decoding.watermark", {"bias": 2.0, "key": 1}, ("decoding.watermark.green_share: is required",)),
    Odd("decoding.watermark", MARK, ("decoding.watermark: family is ngram", "`family: transformer`"), NGRAM),
    Odd("decoding.watermark", MARK, ("decoding.watermark: family is vae", "set it to null"), VAE),
    Odd("decoding.watermark", MARK, ("decoding.watermark: is not for `method: beam`", "use sample or greedy"), BEAM),
    Odd("decoding.watermark", MARK, ("watermark: repetition_penalty is 1.5", "set it to 1"), {"decoding.repetition_penalty": 1.5}),
    Odd("verifiers.best", {"kind": "watermark", "select": TOP}, ("verifiers.best: `watermark` looks for the mark", "decoding.watermark is null"), BEST),
    Odd("verifiers.whole", {"kind": "watermark", "select": TOP}, ("verifiers.whole: `watermark` looks for the mark",), {"verifiers.best": COIN} | BEST),
    Odd("decoding.min_new_tokens", 5, ("decoding.min_new_tokens: is 5, and family is ngram",), NGRAM),
)  # fmt: skip

ODD = (*OF_RATERS, *TOO_LARGE, *TOO_MANY, *ENDLESS, *NO_NUMBER, *NO_NAME, *NO_SETTING, *OF_MEDIA, *NO_SENSE)
