"""The loop on a language whose distribution is known: the distances are there, and nothing else is changed by them."""

import json
import math

import pyarrow.parquet as pq
import pytest

from collapse.artifacts import contracts
from collapse.artifacts.contracts import METRICS, TRUTH

EXACT = {
    "kl_to_source",
    "tv_to_source",
    "support_mass",
    "support_entropy",
    "source_entropy",
    "source_tail_mass",
}


def test_every_generation_is_measured_against_the_known_distribution(undisturbed):
    folder = undisturbed.folder / "results/tiny"
    rows = contracts.read(folder / "metrics.parquet", METRICS).to_pylist()
    for generation in (0, 1):
        found = {row["metric"]: row for row in rows if (row["strategy"], row["generation"]) == ("verified", generation)}
        exact = {name: found[name]["value"] for name in EXACT}
        assert {found[name]["evaluation_set"] for name in EXACT} == {"truth"}
        assert exact["source_entropy"] == pytest.approx(7.689663, rel=1e-6)
        assert 0 < exact["tv_to_source"] <= math.sqrt(exact["kl_to_source"] / 2)
        assert exact["source_tail_mass"] < exact["support_mass"] < 1
        assert exact["support_entropy"] < exact["source_entropy"]
        estimate = found["loss_above_entropy"]
        assert abs(estimate["value"] - exact["kl_to_source"]) <= 4 * estimate["standard_error"]
        assert found["support_coverage"]["n"] == found["grammatical_fraction"]["n"] > 500
    known = contracts.read(folder / "truth.parquet", TRUTH)
    assert {row["n"] for row in rows if row["evaluation_set"] == "truth"} == {known.num_rows}


def test_a_known_distribution_changes_no_other_metric_and_no_loss(undisturbed, tmp_path):
    """An arm evaluated once more, without the known distribution."""
    arm = undisturbed.folder / "results/tiny/strategy=verified/seed=0/generation=1"
    experiment, real = arm.parents[2], arm.parents[2] / "strategy=real/seed=0"
    spec = contracts.spec_of(arm / "metrics.parquet")
    undisturbed.collapse(
        *("evaluate", "--spec", json.dumps(spec.spec), "--code", spec.code),
        *("--strategy", "verified", "--seed", "0", "--generation", "1"),
        *("--model", str(arm / "model/model.json"), "--generation-0", str(real / "generation=0/model/model.json")),
        *("--documents", str(experiment / "documents.parquet"), "--mixture", str(arm / "mixture.parquet")),
        *(
            "--samples",
            str(real / "generation=1/samples.parquet"),
            "--verdicts",
            str(arm / "verdicts.parquet"),
            "--raters",
            "--checkpoints",
        ),
        *("--document-losses", str(tmp_path / "losses.parquet"), "--metrics", str(tmp_path / "metrics.parquet")),
    )
    with_truth, without = (pq.read_table(path / "metrics.parquet").to_pylist() for path in (arm, tmp_path))
    added = EXACT | {"loss_above_entropy", "support_coverage", "grammatical_fraction"}
    added |= {"true_positive_rate", "false_positive_rate", "verifier_precision", "breakdown_proxy"}
    assert {row["metric"] for row in with_truth} - {row["metric"] for row in without} == added
    expected = [row | {"experiment": ""} for row in with_truth if row["metric"] not in added]
    assert [row | {"experiment": ""} for row in without] == expected
    losses = [pq.read_table(path) for path in (arm / "document_losses.parquet", tmp_path / "losses.parquet")]
    assert losses[0].equals(losses[1])


def test_found_text_has_no_known_distribution(finished):
    folder = finished.folder / "results/tiny"
    assert not (folder / "truth.parquet").exists()
    rows = contracts.read(folder / "metrics.parquet", METRICS).to_pylist()
    assert not EXACT & {row["metric"] for row in rows}


@pytest.mark.parametrize(
    ("grammar", "words"),
    [
        ({"zipf_exponent": 0}, "corpus.grammar.zipf_exponent: is 0"),
        ({"lexicon": [{"name": "noun", "words": 500}, {"name": "verb", "words": 500}]}, "neither a word class nor"),
        (
            {
                "lexicon": [{"name": "noun", "words": 500}],
                "rules": [{"symbol": "document", "becomes": ["noun", "noun"], "weight": 1}],
            },
            "corpus.grammar: can write 250,000 documents, but at most 100,000 can be listed and scored",
        ),
    ],
)
def test_a_language_that_cannot_be_listed_is_refused(refusal, grammar, words):
    assert words in refusal(corpus={"source": "grammar", "grammar": grammar})
