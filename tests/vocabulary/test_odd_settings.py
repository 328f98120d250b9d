"""Odd settings are refused before any work, each with a sentence, and what is merely large is not."""

import copy
import tracemalloc

import pytest
import yaml
from projects import ROOT
from vocabulary.odd_settings import ENDLESS, NGRAM, ODD, TOO_LARGE, TOO_MANY, Odd, budget

from collapse.config import load_plan
from collapse.errors import CollapseError
from collapse.experiment import Experiment
from collapse.running import machine

DEFAULT = yaml.safe_load((ROOT / "config.yaml").read_text())
GIBIBYTE = 2**30
LONGEST = DEFAULT["decoding"]["max_new_tokens"]
GPT2 = DEFAULT["transformer"] | {"architecture": "gpt2", "width": 36, "n_heads": 4}


@pytest.fixture(autouse=True)
def a_machine(monkeypatch):
    """One of 16 GiB of memory and 100 GiB of disk, whatever the tests run on."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(machine, "memory", lambda: 16 * GIBIBYTE)
    monkeypatch.setattr(machine, "free_disk", lambda _folder: 100 * GIBIBYTE)


def put(config: dict, path: str, value: object) -> None:
    """Set a setting by its path."""
    node = config
    *parents, last = path.split(".")
    for part in parents:
        node = node[int(part)] if isinstance(node, list) else node[part]
    key = int(last) if isinstance(node, list) else last
    node[key] = copy.deepcopy(value)  # pyright: ignore[reportArgumentType, reportCallIssue]


def asked(odd: Odd) -> Experiment:
    """The experiment, checked as `workflow/rules/common.smk` does it."""
    config = copy.deepcopy(DEFAULT)
    for path, value in {**odd.also, odd.key: odd.value}.items():
        put(config, path, value)
    experiment = Experiment(load_plan(config, "config.yaml"))
    experiment.start.check_claims()
    experiment.start.check_size(jobs_run_here=True)
    return experiment


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: f"{odd.key[:40]}={str(odd.value)[:30]!r}")
def test_an_odd_setting_is_refused_with_its_key_and_the_way_out(odd):
    with pytest.raises(CollapseError) as refused:
        asked(odd)
    message = str(refused.value)
    assert all(words in message for words in odd.says), message
    assert len(message) < 1_500


@pytest.mark.parametrize(
    "fine",
    [
        Odd("generations", 3.0, ()),
        Odd("strategies.4.oversample", 50, ()),
        Odd("generate.n_samples", 1_000_000, ()),
        Odd("tokenizer.vocabulary_size", 128_000, ()),
        Odd("budget.max_passes", 3, ()),
        Odd("budget", budget("epochs", 5_000) | {"max_passes": 5_000}, ()),
        Odd("budget", budget("steps", 12.0), ()),
        Odd("seeds", list(range(1_000)), ()),
        Odd("training.batch_size", 1_024, ()),
        Odd("decoding.temperature", 0.01, ()),
        Odd("corpus.train_bytes", 10**15, ()),  # there are 12 MB of speeches
        Odd("experiment", "a" * 64, ()),
        Odd("transformer", GPT2, (), {"generate.engine": "transformers"}),
        Odd("verifiers.unused", {"kind": "length", "min_tokens": 500, "max_tokens": 600}, ()),
        Odd("verifiers.whole", {"kind": "length", "min_tokens": LONGEST, "max_tokens": LONGEST}, ()),
        Odd("corpus.max_document_tokens", 10**12, (), NGRAM),
    ],
    ids=lambda odd: f"{odd.key}={str(odd.value)[:30]}",
)  # fmt: skip
def test_a_large_setting_is_no_odd_one(fine):
    assert asked(fine).plan


@pytest.mark.parametrize("odd", [TOO_LARGE[0], TOO_LARGE[1], *TOO_MANY[:4], ENDLESS[0]], ids=lambda odd: odd.key)
def test_refusing_takes_little_memory_itself(odd):
    tracemalloc.start()
    try:
        with pytest.raises(CollapseError):
            asked(odd)
        assert tracemalloc.get_traced_memory()[1] < 60e6
    finally:
        tracemalloc.stop()


def test_a_setting_that_holds_itself_is_refused():
    seeds: list = [0]
    seeds.append(seeds)
    with pytest.raises(CollapseError, match="a value holds itself"):
        load_plan(DEFAULT | {"seeds": seeds}, "config.yaml")
