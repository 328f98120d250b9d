"""Claims and worlds on the page."""

import re
from pathlib import Path

import pyarrow as pa
import pytest
import yaml
from pydantic import TypeAdapter

from collapse.artifacts.contracts import CLAIMS, THEORY
from collapse.config.claims import Claim
from collapse.config.plan import load_plan
from collapse.reporting.claims import claim_row, pair, side
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


def page(*claims: dict, worlds: dict | None = None, laws: tuple[str, ...] = ("replace",)) -> str:
    config = CONFIG | {"strategies": [], "worlds": {"one": WORLD} if worlds is None else worlds, "seeds": [0, 1]}
    plan = load_plan(config, "test")
    law = {"generation": 1, "metric": "relative_error", "evaluation_set": "one", "value": 2.0}
    law |= {"status": "asymptotic", "formula": "E = a < b", "source": "theorem 1"}
    shown = theory_view(
        plan,
        {"one": '<svg id="figure"></svg>'},
        pa.Table.from_pylist([law | {"strategy": name} for name in laws], THEORY.schema),
        pa.Table.from_pylist(list(claims), CLAIMS.schema),
    )
    return rendered(view(plan.report_spec(), None, shown, {}, "Audited before: nothing."))


def test_the_answer_counts_the_verdicts():
    text = page(claim("A1", "reproduced"), claim("A2", "not_reproduced"), claim("A3", "inconclusive"))
    assert "1 of 3 claims are reproduced, 1 not, 1 inconclusive, in 1 closed-form world." in text


def row_of(text: str, claim_id: str) -> str:
    row = text[text.index(f'id="claim-{claim_id}"') :]
    return row[: row.index("</tr>")]


def test_a_claim_shows_what_was_expected_and_obtained_each_with_how_sure_it_is():
    text = page(claim("A1-one", "reproduced"))
    row = row_of(text, "A1-one")
    cells = re.findall(r'<td(?: class="n")?>(.*?)</td>', row)
    assert cells[0] == '2.00 <span class="interval">± 0.10</span>'
    assert cells[1] == '2.0123 <span class="interval">± 0.0046</span>'
    assert cells[2] == "theorem"
    assert '<span class="verdict reproduced">reproduced</span>' in cells[3] and "Because." in cells[3]
    assert "theorem 1" in row
    heads = re.findall(r"<th scope=\"col\"[^>]*>(.*?)</th>", text[text.index('<table class="claims">') :])
    assert heads[:5] == ["Claim", "Expected ± tolerance", "Obtained ± s.e.", "Evidence", "Verdict"]


def test_every_count_of_the_overview_leads_to_its_claims():
    verdicts = {
        "A2-one": "reproduced",
        "A10-two": "not_reproduced",
        "A10-three": "not_reproduced",
        "A2-four": "inconclusive",
    }
    kinds = {"A2-four": "published", "A10-two": "ours"}
    text = page(*(claim(name, verdict, evidence=kinds.get(name, "theorem")) for name, verdict in verdicts.items()))
    overview = text[text.index("Claims by paper and row") : text.index("</table>")]
    lines = re.findall(r'<th scope="row">(A\d+)</th>(.*?)</tr>', overview, re.DOTALL)
    links = {row: re.findall(r'<td class="n">(?:<a href="#(.*?)">(.*?)</a>)?</td>', cells) for row, cells in lines}
    group = "claims-gerstgrasser-2024-"
    assert list(links) == ["A2", "A10"]
    assert links["A2"] == [
        (f"{group}A2-published", "0 of 1"),
        (f"{group}A2-theorem", "1 of 1"),
        ("", ""),
        ("", ""),
        ("claim-A2-four", "1"),
    ]
    assert links["A10"][1:4] == [
        (f"{group}A10-theorem", "0 of 1"),
        (f"{group}A10-ours", "0 of 1"),
        ("not-reproduced", "2"),
    ]
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', text)) <= set(ids)


def test_an_expectation_of_one_side_has_its_sign():
    common = {"paper": "p", "where": "w", "statement": "s", "evidence": "ours"}
    common |= {"select": {"world": "one", "metric": "m", "strategy": "replace"}}
    bound, trend = common | {"kind": "bound"}, common | {"kind": "trend", "along": "generation"}
    signs = {
        "≤": bound | {"at_most": 1},
        "≥": bound | {"at_least": 1},
        "<": trend | {"direction": "decreasing"},
        ">": trend | {"direction": "increasing"},
        "": common | {"kind": "value", "expected": 1, "tolerance": 1},
    }
    assert all(side(TypeAdapter(Claim).validate_python(one)) == sign for sign, one in signs.items())
    assert claim_row(claim("A1", "reproduced", tolerance=None), None).expected == "2"


@pytest.mark.parametrize(
    ("value", "spread", "shown"),
    [
        (2.0123, 0.0046, ("2.0123", "0.0046")),
        (0.051, 0.0012, ("0.0510", "0.0012")),
        (5.1e-5, 3e-7, ("5.100 × 10⁻⁵", "0.030 × 10⁻⁵")),
        (100000.0, None, ("1 × 10⁵", "")),
        (100.0, None, ("100", "")),
        (-0.33333333, 0.03, ("−0.333", "0.030")),
        (130.2, 1.44, ("130.2", "1.4")),
        (0.0, 0.0, ("0", "0")),
        (1.0, 1e-12, ("1.000000", "less than 10⁻⁶")),
        (0.9999, None, ("0.9999", "")),
    ],
)
def test_digits_are_those_that_are_known(value, spread, shown):
    assert pair(value, spread) == shown


def test_a_formula_of_several_strategies_is_said_once():
    text = page(claim("A1", "reproduced"), laws=("replace", "accumulate"))
    assert text.count("<code>E = a &lt; b</code>") == 1
    assert "(replace, accumulate; theorem 1; in the limit it names)" in text


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
