"""What is refused: with one clear message, before any work, and without losing anything."""

import pytest


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
        ("texts.txt", b"One paragraph only.", "document"),
        ("texts.txt", b"", "holds no text"),
        ("texts.txt", "Grüße\n\nzwei".encode("latin-1"), "UTF-8"),
        ("texts.jsonl", b'{"text": "one"}\n{"txt": "two"}\n', "text"),
    ],
)
def test_a_corpus_that_cannot_be_used_is_refused_in_words(fresh, name, content, words):
    (fresh.folder / name).write_bytes(content)
    fresh.configure(corpus={"source": "file", "file": {"path": name}})
    output = refused(fresh, "--cores", "1")
    assert "ConfigError" in output and words in output and name in output


def test_more_generations_of_a_finished_run_are_added_to_it(project):
    before = project.digests()
    project.configure(generations=3)
    project.run()
    after = project.digests()
    arms = [path for path in before if "strategy=" in path]
    assert arms and all(after[path] == before[path] for path in arms)
