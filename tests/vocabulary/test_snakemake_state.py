"""What Snakemake keeps, read and mended; what it was asked to do."""

from base64 import urlsafe_b64encode
from pathlib import Path

import pytest

from collapse.running import snakemake_state

RECORD = b'{"rule": "mix", "input": ["a"], "params": []}'


@pytest.mark.parametrize("words", [["--cores", "2"], ["-c1", "results/a"], [], ["--profile", "slurm", "-j", "4"]])
def test_a_run_is_told(words):
    assert snakemake_state.runs_jobs(words)


@pytest.mark.parametrize(
    "words",
    [
        ["-n"],
        ["-nq"],
        ["--dry-run"],
        ["--dryrun", "--cores", "2"],
        ["--touch"],
        ["--rulegraph"],
        ["--dag"],
        ["--summary"],
        ["--lint"],
        ["--unlock"],
        ["--report", "x.html"],
        ["--no-such-option-at-all", "--cores", "x"],
    ],
)
def test_what_runs_nothing_is_told(words):
    assert not snakemake_state.runs_jobs(words)


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "metadata" / "@long").mkdir(parents=True)
    (tmp_path / "metadata" / "whole").write_bytes(RECORD)
    (tmp_path / "metadata" / "@long" / "whole").write_bytes(RECORD)
    return tmp_path


def test_whole_records_stay(folder):
    assert list(snakemake_state.mended(folder)) == []
    assert len([path for path in folder.rglob("*") if path.is_file()]) == 2


@pytest.mark.parametrize("content", [RECORD.replace(b"mix", b"m\xffx"), b'{"rule": [3]}', b"[1, 2]", b"[" * 100_000])
def test_a_record_that_snakemake_would_stop_at_is_removed_with_a_word(folder, content):
    damaged = folder / "metadata" / "@long" / "damaged"
    damaged.write_bytes(content)
    (said,) = snakemake_state.mended(folder)
    assert "1 of Snakemake's own record(s) were damaged and are removed" in said
    assert not damaged.exists() and (folder / "metadata" / "whole").exists()


def test_a_half_written_record_is_left_to_snakemake(folder):
    (folder / "metadata" / "half").write_bytes(RECORD[:20])
    assert list(snakemake_state.mended(folder)) == []


def test_outputs_of_jobs_that_did_not_end_are_read_off_the_markers(tmp_path):
    name = "results/tiny/strategy=replace/seed=1/generation=2/samples.parquet"
    encoded = urlsafe_b64encode(name.encode()).decode()
    nested = tmp_path / "incomplete" / f"@{encoded[:40]}" / encoded[40:]
    nested.parent.mkdir(parents=True)
    nested.write_text("{}")
    (tmp_path / "incomplete" / urlsafe_b64encode(b"results/a").decode()).write_text("{}")
    (tmp_path / "incomplete" / "migration_underway").write_text("")
    assert snakemake_state.incomplete(tmp_path) >= {name, "results/a"}
    assert snakemake_state.incomplete(tmp_path / "nowhere") == set()
