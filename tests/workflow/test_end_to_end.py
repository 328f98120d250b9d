"""The whole loop, as a user runs it."""

import json

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from collapse.artifacts import contracts

GRAPHS = ("--dag", "--filegraph")


def test_every_arm_has_its_metrics(finished):
    table = contracts.read(finished.folder / "results/tiny/metrics.parquet", contracts.METRICS)
    losses = table.filter(pc.equal(table["metric"], "test_loss"))
    arms = set(zip(*(losses[name].to_pylist() for name in ("strategy", "seed", "generation")), strict=True))
    assert arms == {(s, n, g) for s in ("real", "replace", "verified") for n in (0, 1) for g in (0, 1, 2)}
    assert set(losses["unit"].to_pylist()) == {"nat/token"}


def test_replace_loses_more_than_the_control(finished):
    table = pq.read_table(finished.folder / "results/tiny/metrics.parquet").to_pandas()
    losses = table[table.metric == "test_loss"].pivot_table(
        index=["seed", "generation"], columns="strategy", values="value", observed=True
    )
    assert (losses.xs(2, level="generation")["replace"] > losses.xs(2, level="generation")["real"]).all()
    assert losses.groupby("seed")["replace"].apply(lambda losses: losses.is_monotonic_increasing).all()


def test_an_arm_has_the_same_bytes_in_another_folder_and_without_the_other_arms(finished, fresh):
    fresh.configure(seeds=[1], strategies=[{"name": "replace", "compose": "replace"}])
    fresh.run("results/tiny/strategy=replace/seed=1/generation=1/metrics.parquet")
    arm = fresh.digests()
    assert len(arm) > 12 and arm.items() < finished.digests().items()


@pytest.mark.full
def test_two_runs_in_two_folders_give_the_same_bytes(finished, fresh):
    fresh.configure()
    fresh.run()
    assert fresh.digests() == finished.digests()


def test_every_table_keeps_its_contract(finished):
    tables = list((finished.folder / "results").rglob("*.parquet"))
    assert len(tables) > 50
    for path in tables:
        contract = contracts.contract_of(path)
        assert contract.name == path.stem
        assert contracts.spec_of(path).code


def test_samples_lie_where_their_ids_say(finished):
    for path in (finished.folder / "results").rglob("samples.parquet"):
        table = pq.read_table(path, columns=["sample_id", "text", "finish_reason"])
        strategy, seed, generation, _ = table["sample_id"][0].as_py().split(".")
        assert f"strategy={strategy}/seed={seed}/generation={generation}" in str(path)


def test_a_sample_is_traced_to_real_documents(finished):
    output = finished.collapse("trace", "replace.0.2.0000003").stdout
    assert "replace.0.1@" in output and "real.0.0@" in output
    documents = pq.read_table(finished.folder / "results/tiny/documents.parquet", columns=["document_id"])
    assert any(one in output for one in documents["document_id"].to_pylist())


def test_an_artifact_describes_itself(finished):
    output = finished.collapse("describe", "results/tiny/metrics.parquet").stdout
    assert "metrics/1" in output and "standard_error" in output


def test_the_report_is_one_file_that_needs_nothing_else(finished):
    page = (finished.folder / "results/tiny/report.html").read_text()
    assert "<svg" in page
    assert not any(f'{attribute}="http' in page for attribute in ("src", "href"))


def test_the_sampling_record_says_how_text_was_drawn(finished):
    record = json.loads(
        (finished.folder / "results/tiny/strategy=replace/seed=0/generation=2/sampling_record.json").read_text()
    )
    assert record["engine"] == "native" and record["decoding"]["temperature"] == 1.0
    assert record["n_samples"] == record["n_stopped"] + record["n_truncated"]


@pytest.mark.parametrize("option", ["--rulegraph", *(pytest.param(name, marks=pytest.mark.full) for name in GRAPHS)])
def test_the_graphs_are_drawn(finished, option):
    output = finished.snakemake(option, "-F").stdout
    assert "digraph" in output and ("train" in output or "model.json" in output)
