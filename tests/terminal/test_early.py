"""A config file that Snakemake cannot read, before it has read the Snakefile."""

from pathlib import Path

import pytest

from collapse.terminal.early import explained, refused_by_the_system


@pytest.fixture
def files(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("whole.yaml").write_text("experiment: a\n")
    Path("cut.yaml").write_text("experiment: a\nseeds: [1,\n")
    Path("binary.yaml").write_bytes(b"\x7fELF\xd0\x02")
    Path("empty.yaml").touch()
    Path("hostile\x1b[2J.yaml").write_text("[")
    return tmp_path


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("-n --configfile cut.yaml", "ConfigError: cut.yaml, line 3"),
        ("--configfile whole.yaml binary.yaml -n", "binary.yaml, line 1: is not text in UTF-8"),
        ("--configfile=gone.yaml", "gone.yaml: there is no such file"),
        ("--configfiles empty.yaml", "empty.yaml: is empty"),
        ("--configfile .", "is a folder"),
    ],
)
def test_the_file_that_cannot_be_read_is_named(files, words, said):
    assert said in (explained(words.split()) or "")


@pytest.mark.parametrize("words", ["-n", "--configfile whole.yaml -n cut.yaml", "--cores 2 --", "--configfile"])
def test_where_all_can_be_read_nothing_is_said(files, words):
    assert explained(words.split()) is None


def test_a_hostile_name_is_shown_and_not_done(files):
    said = explained(["--configfile", "hostile\x1b[2J.yaml"])
    assert said and "\x1b" not in said


TRACEBACK = """OSError in file "Snakefile", line 3:
  File "<frozen os>", line 225, in makedirs

OSError: [Errno {}] Somehow: '/project/.snakemake/shadow'
"""


@pytest.mark.parametrize(
    ("number", "said"),
    [(30, "is on a read-only file system"), (13, "You may not read or write"), (28, "The disk is full")],
)
def test_a_fault_of_the_machine_is_a_sentence(number, said):
    sentence = refused_by_the_system(TRACEBACK.format(number))
    assert sentence and said in sentence.splitlines()[0] and "/project/.snakemake/shadow" in sentence
    assert "frozen" not in sentence


@pytest.mark.parametrize("said", [TRACEBACK.format(2), TRACEBACK.format(30) + "KeyError: 3\n", "WorkflowError: no"])
def test_what_is_no_fault_of_the_machine_stays_as_it_is(said):
    assert refused_by_the_system(said) is None
