"""Settings that may be right alone and are refused together, and numbers at the very limit."""

import copy

import pytest
import yaml
from projects import ROOT

from collapse.config import load_plan
from collapse.errors import ConfigError

DEFAULT = yaml.safe_load((ROOT / "config.yaml").read_text())
NGRAM = {"family": "ngram", "generate.engine": "native", "budget": {"match": "epochs", "amount": 1}}
PRETRAINED = {"transformer.base_model": "some/folder", "start": "base"}
SCRATCH = {"transformer.base_model": None, "start": "fresh"}
FILE = {"source": "file", "file.path": "speeches.txt"}
COIN = {"kind": "noisy_oracle", "true_positive_rate": 0.9, "false_positive_rate": 0.1}


def config(changes: dict[str, object]) -> dict:
    """The default config with values put in at dotted paths."""
    changed = copy.deepcopy(DEFAULT)
    for path, value in changes.items():
        *parents, last = path.split(".")
        node = changed
        for part in parents:
            node = node[part]
        node[last] = copy.deepcopy(value)
    return changed


@pytest.mark.parametrize(
    "changes",
    [
        NGRAM,
        PRETRAINED,
        PRETRAINED | {"start": "previous"},
        SCRATCH,
        SCRATCH | {"start": "previous"},
        {"start": "previous"},
        {"budget": {"match": "flops", "amount": 1e12}},
    ],
)
def test_what_fits_together_is_a_plan(changes):
    load_plan(config(changes), "config.yaml")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (NGRAM | {"decoding.repetition_penalty": 1.2}, "samples only, without repetition penalty"),
        (NGRAM | {"start": "previous"}, "`family: ngram` has no `start: previous`, steps or flops"),
        (NGRAM | {"budget.match": "steps"}, "`family: ngram` has no `start: previous`, steps or flops"),
        (NGRAM | {"budget.match": "flops"}, "`family: ngram` has no `start: previous`, steps or flops"),
        (PRETRAINED | {"start": "fresh"}, "start: `fresh` draws random weights"),
        (PRETRAINED | {"budget.match": "flops"}, "budget.match: `flops` needs a model of a known shape"),
        ({"start": "fresh"}, "start: `fresh` draws random weights"),
        ({"transformer.tuning": "lora"}, "`tuning: lora` needs a base_model that somebody else pretrained"),
        (
            {"pretraining.corpus.sotu": {"first_year": 1790, "last_year": None}},
            "its addresses and those of `corpus` share the years from 1945 on",
        ),
        ({"corpus.sotu.first_year": 1944}, "share the years from 1944 on"),
        (
            {f"{part}.{key}": value for part in ("corpus", "pretraining.corpus") for key, value in FILE.items()},
            "pretraining.corpus: it is the same file, speeches.txt",
        ),
        ({"pretraining.corpus.max_document_tokens": 128}, "pretraining.corpus.max_document_tokens: 128 tokens"),
        (
            {"verifiers.coin": COIN | {"oracle": "whole"}, "verifiers.odd": COIN | {"oracle": "coin"}},
            "verifiers.odd.oracle: `coin` must be a verifier without noise",
        ),
    ],
)
def test_what_does_not_fit_together_is_refused_with_the_reason(changes, words):
    with pytest.raises(ConfigError) as refused:
        load_plan(config(changes), "config.yaml")
    assert words in str(refused.value)


def test_seeds_reach_from_0_to_the_largest_of_31_bits():
    assert load_plan(config({"seeds": [0, 2**31 - 1]}), "config.yaml").seeds == (0, 2**31 - 1)


@pytest.mark.parametrize("seed", [-1, 2**31])
def test_a_seed_out_of_range_is_refused_with_the_range(seed):
    with pytest.raises(ConfigError, match="seeds: each must be at least 0 and below 2147483648"):
        load_plan(config({"seeds": [seed]}), "config.yaml")
