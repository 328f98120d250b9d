"""A config file that Snakemake cannot read, before it has read the Snakefile."""

from pathlib import Path

import pytest

from collapse.terminal.early import explained


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
