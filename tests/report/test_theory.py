"""Claims and worlds on the page."""

from pathlib import Path

import pyarrow as pa
import pytest
import yaml

from collapse.config.plan import load_plan
from collapse.contracts import CLAIMS, THEORY
from collapse.reporting.theory import theory_view
from collapse.reporting.view import view
from collapse.stages.report import rendered

CONFIG = yaml.safe_load((Path(__file__).parents[2] / "config.yaml").read_text())
WORLD = {
    "model": "linear_regression",
    "paper": "gerstgrasser-2024",
    "title": "Chains",
    "panels": [{"metric": "relative_error", "title": "Error"}],
    "replicates": 1000,
    "dimension": 2,
    "samples": 12,
    "noise_variance": 1.0,
    "design": "fresh",
    "ridge": 0.0,
    "generations": 3,
    "strategies": [{"name": "replace", "compose": "replace"}],
}


def claim(claim_id: str, verdict: str, **changes) -> dict:
    return {
        "claim_id": claim_id,
        "paper": "gerstgrasser-2024",
        "where": "theorem 1",
        "statement": "It is <script>alert(1)</script> so.",
        "metric": "relative_error",
        "kind": "value",
        "evidence": "theorem",
        "expected": 2.0,
        "tolerance": 0.1,
        "published": None,
        "theory": 2.0,
        "observed": 2.0123,
        "standard_error": 0.0046,
        "low": 2.0,
        "high": 2.02,
        "at": "replace, generation 1",
        "n_values": 3,
        "n_replicates": 2000,
        "verdict": verdict,
        "reason": "Because.",
    } | changes


def page(*claims: dict, worlds: dict | None = None) -> str:
    config = CONFIG | {"strategies": [], "worlds": {"one": WORLD} if worlds is None else worlds, "seeds": [0, 1]}
    plan = load_plan(config, "test")
    law = {"strategy": "replace", "generation": 1, "metric": "relative_error", "evaluation_set": "one", "value": 2.0}
    laws = [law | {"status": "asymptotic", "formula": "E = a < b", "source": "theorem 1"}]
    shown = theory_view(
        plan,
        {"one": '<svg id="figure"></svg>'},
        pa.Table.from_pylist(laws, THEORY.schema),
        pa.Table.from_pylist(list(claims), CLAIMS.schema),
    )
    return rendered(view(plan.report_spec(), None, shown, {}, "Audited before: nothing."))


def test_the_answer_counts_the_verdicts():
    text = page(claim("A1", "reproduced"), claim("A2", "not_reproduced"), claim("A3", "inconclusive"))
    assert "1 of 3 claims are reproduced, 1 not, 1 inconclusive, in 1 closed-form world." in text


def test_a_claim_shows_published_theory_and_what_was_obtained_with_its_error():
    text = page(claim("A1-one", "reproduced", published=1.99))
    row = text[text.index('id="claim-A1-one"') :]
    row = row[: row.index("</tr>")]
    for shown in ("1.990", "2.0000", "2.0123", "± 0.0046", "Because.", "theorem 1"):
        assert shown.rstrip("0") in row
    assert '<span class="verdict reproduced">reproduced</span>' in row


def test_the_caption_says_replicates_setting_and_how_far_the_formula_holds():
    text = page(claim("A1", "reproduced"))
    assert "2,000 replicates (2 seeds of 1,000)" in text
    assert "dimension 2, samples 12, noise variance 1, design fresh" in text
    assert "<code>E = a &lt; b</code> (replace; theorem 1; in the limit it names)" in text


def test_text_from_a_config_is_escaped_and_only_figures_are_markup():
    text = page(claim("A1", "reproduced"))
    assert "<script>" not in text
    assert '<svg id="figure"></svg>' in text


def test_a_page_without_a_loop_has_no_part_about_texts():
    text = page(claim("A1", "reproduced"))
    assert 'href="#claims"' in text
    for absent in ("#texts", "#decoding", "Held equal"):
        assert absent not in text


@pytest.mark.parametrize("name", ["metrics.parquet", "theory.parquet", "points.parquet"])
def test_the_page_says_where_its_numbers_lie(name):
    assert name in page()
