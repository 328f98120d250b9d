"""What is refused: with one clear message, before any work, and without losing anything."""

import json
import os

import pytest
from projects import SMALL, TINY

from collapse.artifacts.contracts import Record
from collapse.errors import ConfigError
from collapse.experiment.sizes import MEBIBYTE, Loop
from collapse.stages import corpus


def refused(project, *arguments: str) -> str:
    result = project.snakemake(*(arguments or ("-n",)), check=False)
    assert result.returncode != 0
    assert "Traceback" not in result.stdout
    return result.stdout


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"generation": 3}, "generation: is not a setting; did you mean `generations`?"),
        ({"decoding": {"temperature": -1}}, "decoding.temperature: is -1"),
        ({"strategies": [{"name": "none", "compose": "mix", "real_fraction": 1}]}, "leaves no samples"),
        ({"family": "transformer"}, "generate.engine: `native` does not sample from `family: transformer`"),
        ({"device": "gpu"}, "device: `gpu` is asked for"),
        ({"corpus": {"max_document_tokens": 3}}, "corpus.max_document_tokens: is 3"),
    ],
)
def test_a_wrong_config_is_refused_in_words(refusal, changes, words):
    assert words in refusal(**changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"generation": 3}, "generation: is not a setting; did you mean `generations`?"),
        ({"device": "gpu"}, "device: `gpu` is asked for"),
    ],
)
def test_a_wrong_config_stops_before_any_work(fresh, changes, words):
    fresh.configure(**changes)
    assert words in refused(fresh)
    assert not (fresh.folder / "results").exists()


def test_a_wrong_config_leaves_a_finished_run_alone(project):
    before = project.digests()
    project.configure(seeds=[])
    refused(project, "--cores", "1")
    assert project.digests() == before


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("texts.txt", b"One paragraph only.", ["corpus: the source has 1 group(s) of texts"]),
        ("texts.txt", b"", ["texts.txt", "holds no text"]),
        ("texts.txt", "Grüße\n\nzwei".encode("latin-1"), ["texts.txt", "UTF-8"]),
        ("texts.jsonl", b'{"text": "one"}\n{"txt": "two"}\n', ["texts.jsonl", "text"]),
    ],
)
def test_a_corpus_that_cannot_be_used_is_refused_in_words(planned, tmp_path, name, content, words):
    path = tmp_path / name
    path.write_bytes(content)
    plan = planned(corpus={"source": "file", "file": {"path": str(path)}}).plan
    made = {"documents": tmp_path / "documents.parquet", "encoding": tmp_path / "tokenizer/tokenizer.json"}
    with pytest.raises(ConfigError) as refused:
        corpus.run(spec=plan.corpus_spec(), **made, record=Record())
    assert all(word in str(refused.value) for word in words)
    assert not made["documents"].exists()


def test_a_corpus_that_cannot_be_used_stops_the_run_in_words(fresh):
    (fresh.folder / "texts.txt").write_bytes("Grüße\n\nzwei".encode("latin-1"))
    fresh.configure(corpus={"source": "file", "file": {"path": "texts.txt"}})
    output = refused(fresh, "--cores", "1")
    assert "ConfigError" in output and "UTF-8" in output and "texts.txt" in output


def test_more_generations_of_a_finished_run_are_added_to_it(disturbed):
    project = disturbed.project
    before = project.digests()
    project.configure(**SMALL | {"generations": 3})
    project.run("results/tiny/strategy=verified/seed=0/generation=3/metrics.parquet")
    after = project.digests()
    assert before.items() < after.items()


def local(path: str) -> dict:
    return {"corpus": TINY["corpus"] | {"source": "file", "file": {"path": path}}}


def test_a_corpus_file_that_is_gone_is_said_before_any_work(refusal):
    said = refusal(**local("no/such/texts.txt"))
    assert "corpus.file.path: there is no file no/such/texts.txt" in said and "put it back" in said


def test_a_pretraining_corpus_that_is_gone_is_said_by_its_own_key(refusal):
    recipe = {"corpus": {"source": "file", "file": {"path": "gone.txt"}}}
    loop = {"family": "transformer", "generate": {"engine": "transformers"}, "budget": {"match": "steps", "amount": 1}}
    said = refusal(**loop, transformer={"base_model": "pretraining"}, pretraining=recipe)
    assert "pretraining.corpus.file.path: there is no file gone.txt" in said


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ("/no/such/weights", "transformer.base_model: `/no/such/weights` is not a folder here"),
        ("models/mine", "if it is a folder, it is not here: put it back"),
    ],
)
def test_weights_that_are_gone_are_said_before_any_work(refusal, named, words):
    loop = {"family": "transformer", "generate": {"engine": "transformers"}, "budget": {"match": "steps", "amount": 1}}
    assert words in refusal(**loop, transformer={"base_model": named, "revision": None})


@pytest.mark.full  # that the digest of a source is a part of what decides, tests/vocabulary/test_sources.py says
def test_a_corpus_file_that_was_exchanged_under_an_old_date_reruns_what_was_made_from_it(fresh):
    texts = fresh.folder / "texts.txt"
    texts.write_text(
        "\n\n".join(f"Paragraph {number} tells what happened in the year {number}." for number in range(900))
    )
    fresh.configure(**local("texts.txt"))
    fresh.run("results/tiny/documents.parquet")
    assert fresh.jobs("--", "results/tiny/documents.parquet") == {}
    times = texts.stat()
    texts.write_text(texts.read_text().replace("what", "that"))
    os.utime(texts, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert fresh.jobs("--", "results/tiny/documents.parquet") == {"corpus": 1}
    explained = fresh.collapse("explain", "--configfile", "experiment.yaml").stdout
    assert "corpus: the content of what corpus names, by its digest, is " in explained


@pytest.mark.parametrize(
    ("path", "old", "new", "words"),
    [
        ("experiment.yaml", "experiment: tiny\n", "experiment: tiny\nfamily: ngram\n", "`family` stands in line"),
        ("config.yaml", "seeds: [0, 1, 2]", "seeds: [0, 1, 2", "config.yaml, line"),
        ("experiment.yaml", "engine: native\n", "engine: native\n  n_samples: 100000000000\n", "this machine"),
    ],
)
def test_a_config_file_is_looked_at_before_any_work(fresh, path, old, new, words):
    fresh.configure()
    fresh.edit(path, old, new)
    assert words in refused(fresh)
    assert not (fresh.folder / "results").exists()


def test_a_config_file_that_snakemake_cannot_read_is_named_with_its_line(fresh):
    """It reads the files of --configfile before any line of the Snakefile."""
    fresh.configure()
    fresh.edit("experiment.yaml", "generations: 2", "generations: [2")
    assert "ConfigError: experiment.yaml, line" in refused(fresh)


def test_a_finished_run_took_about_the_memory_that_was_foreseen(finished, planned):
    foreseen = {size.rule: size.peak / MEBIBYTE for size in Loop(planned().plan).stages()}
    facts = [json.loads(path.read_text()) for path in (finished.folder / "results/tiny").rglob("provenance/*.json")]
    peaks = {one["stage"]: one["cost"]["peak_memory_mb"] for one in facts}
    ratios = {rule: peak / peaks[rule] for rule, peak in foreseen.items()}
    assert all(1 / 3 < ratio < 3 for ratio in ratios.values()), ratios
