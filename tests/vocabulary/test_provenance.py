"""What a job wrote is known again, and what is damaged is set aside, by one job or by two at once."""

import json
import os
from pathlib import Path

import pytest

from collapse.artifacts import lineage, provenance
from collapse.errors import ContractError
from collapse.media.text import tokenizer

ODD = {
    "a list": "[]",
    "nothing": "",
    "a number of outputs": '{"outputs": 3}',
    "a list of outputs": '{"outputs": ["a"]}',
    "digests that are none": '{"outputs": {"table.parquet": 3}}',
    "no end": '{"outputs":' * 100_000,
    "much depth": '{"outputs":' * 500 + "1" + "}" * 500,
    "no text": "\udcff",
}


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "results" / "tiny" / "table.parquet"
    (path.parent / "provenance").mkdir(parents=True)
    path.write_text("whole")
    record = path.parent / "provenance" / "table.json"
    record.write_text(json.dumps({"outputs": {"table.parquet": lineage.sha256(path)}, "identity": "same"}))
    return path


def record_of(table: Path) -> Path:
    return table.parent / "provenance" / "table.json"


@pytest.mark.parametrize("name", ODD)
def test_provenance_of_another_shape_names_nothing(table: Path, name: str) -> None:
    record_of(table).write_text(ODD[name], errors="surrogateescape")
    assert provenance.written_in(table.parent) == {}
    assert provenance.written_digest(table) is None
    assert not provenance.made_by([table], "same")
    assert provenance.verified_digests([table], None) == {"table.parquet": lineage.sha256(table)}


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_provenance_that_is_no_file_names_nothing(table: Path, make) -> None:
    record_of(table).unlink()
    make(record_of(table))
    assert provenance.written_in(table.parent) == {}
    assert not provenance.made_by([table], "same")


def test_a_damaged_file_is_set_aside_and_its_neighbours_stay(table: Path) -> None:
    assert provenance.made_by([table], "same") and not provenance.made_by([table], "other")
    table.write_text("other")
    with pytest.raises(ContractError, match=r"(?s)is not what was written .* set aside as table.parquet.damaged"):
        provenance.verified_digests([table], None)
    assert {path.name for path in table.parent.iterdir()} == {"table.parquet.damaged", "provenance"}


@pytest.mark.parametrize("moment", ["sha256", "set_aside"])
def test_the_second_of_two_jobs_that_meet_a_damaged_file_says_what_the_first_did(
    table: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """It is set aside by the other before it is read, or before it is renamed."""
    table.write_text("other")
    module = lineage if moment == "sha256" else provenance
    own = getattr(module, moment)

    def late(path: Path) -> object:
        path.replace(path.with_name("table.parquet.damaged"))
        return own(path)

    monkeypatch.setattr(module, moment, late)
    with pytest.raises(ContractError, match=r"(?s)table.parquet: is gone; another job .* Run snakemake again"):
        provenance.verified_digests([table], None)


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_what_is_no_file_is_set_aside_again_and_again(table: Path, make) -> None:
    for n, name in enumerate(("table.parquet.damaged", "table.parquet.damaged.2", "table.parquet.damaged.3")):
        if table.is_file():
            table.unlink()
        make(table)
        with pytest.raises(ContractError, match=r"(?s)not a file; .*It is set aside as"):
            provenance.verified_digests([table], None)
        assert (table.parent / name).exists(), n


def test_a_later_damaged_file_takes_the_place_of_an_earlier(table: Path) -> None:
    for content in ("one", "two"):
        table.write_text(content)
        assert provenance.set_aside(table).read_text() == content
    assert len(list(table.parent.glob("*.damaged*"))) == 1


CARDS = {
    "a list": "[]",
    "no files": "{}",
    "files that are a list": '{"files": ["a"]}',
    "files without digests": '{"files": {"a": 3}}',
    "a file elsewhere": '{"files": {"../../secret": "0"}}',
    "the folder above": '{"files": {"..": "0"}}',
    "no end": '{"files":' * 100_000,
}


@pytest.mark.parametrize("name", CARDS)
def test_a_card_of_another_shape_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "model.json").write_text(CARDS[name])
    with pytest.raises(ContractError, match="is not a card"):
        lineage.card_faults(tmp_path / "model.json")


def test_a_card_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.json").mkdir()
    for read in (lineage.card_faults, lineage.read_card):
        with pytest.raises(ContractError, match=r"model.json: is not a"):
            read(tmp_path / "model.json")


def test_a_tokenizer_stands_for_all_of_its_files():
    assert {"tokenizer.json", *provenance.COMPANIONS["tokenizer.json"]} == set(tokenizer.FILES)
