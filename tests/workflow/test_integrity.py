"""What was spoiled behind Snakemake's back is named by a plain run and made again."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from corruptions import KNOWN, Corruption, drawn

from collapse.artifacts import integrity, lineage

N_DRAWN = 25


@pytest.fixture(scope="module")
def kept(finished, tmp_path_factory) -> Path:
    """The finished results, for copies."""
    folder = tmp_path_factory.mktemp("kept")
    shutil.copytree(finished.folder / "results", folder / "results")
    return folder


@pytest.fixture
def spoiled(kept, planned, tmp_path, monkeypatch) -> Callable[[Corruption], list[str]]:
    """Spoil a copy of the finished results, and say what a plain run would make again."""
    artifacts = planned().outputs.artifacts()

    def done(corruption: Corruption) -> list[str]:
        shutil.rmtree(tmp_path / "results", ignore_errors=True)
        shutil.copytree(kept / "results", tmp_path / "results")
        monkeypatch.chdir(tmp_path)
        corruption.spoil(Path("results/tiny"))
        gone = [Path(name) for name in artifacts if not Path(name).exists()]
        found = [find.path for find in integrity.look(artifacts, lineage.sha256)]
        return sorted(str(path.relative_to("results/tiny")) for path in [*gone, *found])

    return done


def test_whole_results_are_whole(spoiled):
    assert spoiled(Corruption("nothing", lambda _: None, ())) == []


@pytest.mark.parametrize("corruption", KNOWN, ids=lambda corruption: corruption.name)
def test_what_was_spoiled_is_made_again(spoiled, corruption):
    found = spoiled(corruption)
    assert set(corruption.found) <= set(found)
    if len(corruption.found) == 1:
        assert found == list(corruption.found)


@pytest.mark.parametrize("number", range(N_DRAWN))
def test_what_chance_spoils_is_made_again(spoiled, kept, chance, number):
    corruption = drawn(kept / "results" / "tiny", chance)
    print(corruption.name)
    assert spoiled(corruption) == list(corruption.found)


def test_a_job_that_is_writing_is_left_alone(spoiled, tmp_path):
    from collapse.running.files import only_writer

    record = tmp_path / "results/tiny/strategy=replace/seed=1/generation=2/provenance/mixture.json"
    corruption = next(one for one in KNOWN if one.name.endswith("/mixture.parquet decayed"))

    def spoil(folder: Path) -> None:
        corruption.spoil(folder)
        held.enter_context(only_writer(record.with_name(".mixture.lock"), []))

    from contextlib import ExitStack

    with ExitStack() as held:
        assert spoiled(Corruption("while a job writes", spoil, ())) == []
    assert spoiled(corruption) == list(corruption.found)


def test_very_many_finds_are_not_told_one_by_one():
    finds = [integrity.Find(Path(f"results/tiny/{number}"), "is not what was written") for number in range(100)]
    lines = integrity.told(finds, is_run=True)
    assert len(lines) == integrity.MOST_TOLD + 1 and lines[-1] == "And 80 more like these."
    assert "is set aside as 0.damaged and made again" in lines[0]


@pytest.mark.full  # that a run sets aside what is damaged, one kind at a time, tests/faults/test_disks.py says
def test_a_dry_run_names_it_and_a_run_makes_it_again(project, finished):
    """Several at a time, from the tokenizer to the report."""
    folder, before = project.folder / "results/tiny", project.digests()
    names = ("report flipped", "weights deleted", "tokenizer deleted", "another seed's losses")
    for corruption in KNOWN:
        if corruption.name in names:
            corruption.spoil(folder)
    spoiled_bytes = project.digests()
    dry = project.snakemake("-n", "--quiet").stdout
    assert "report.html: is not what was written" in dry and "a run sets it aside" in dry
    assert project.digests() == spoiled_bytes
    said = project.run()
    assert "which is gone; it is set aside as model.json.damaged and made again" in said
    aside = {path.name for path in folder.rglob("*.damaged")}
    assert aside == {"report.html.damaged", "document_losses.parquet.damaged"}  # a model's folder is made anew
    assert project.digests() == before == finished.digests()
