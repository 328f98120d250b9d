"""The committed verdicts: there for every claim, named where a run moves them, and still those of today's code."""

import shutil
from pathlib import Path

import pyarrow as pa
import pytest
import yaml

from collapse.artifacts import contracts
from collapse.artifacts.contracts import CLAIMS, METRICS, POINTS, THEORY, Record
from collapse.config import Plan, load_plan
from collapse.config.specs import ClaimsSpec
from collapse.errors import ContractError
from collapse.publishing import accept_verdicts, compare_verdicts, verdicts
from collapse.publishing.verdicts import Verdict
from collapse.stages import claims, simulate

ROOT = Path(__file__).parents[2]
PAPERS = {path.stem: path for path in sorted((ROOT / "workflow/experiments/papers").glob("*.yaml"))}
PUBLISHED = verdicts.of_table(ROOT / verdicts.TABLE)
CLAIMS_OF_PAPERS = {
    claim_id: claim
    for path in PAPERS.values()
    for claim_id, claim in yaml.safe_load(path.read_text())["claims"].items()
}


def test_every_claim_of_every_paper_has_a_published_verdict_and_nothing_else_has():
    written = {(claim_id, claim["paper"], claim["evidence"]) for claim_id, claim in CLAIMS_OF_PAPERS.items()}
    assert {(one.claim_id, one.paper, one.evidence) for one in PUBLISHED.values()} == written


def test_what_is_derived_here_is_told_from_what_a_paper_says():
    ours = {name for name, claim in CLAIMS_OF_PAPERS.items() if claim["evidence"] == "ours"}
    assert ours == {name for name, claim in CLAIMS_OF_PAPERS.items() if claim["where"].startswith("derived")}


# --- what today's code says -------------------------------------------------------------------------------------------

QUICK = {
    "gerstgrasser-2024": ["gerstgrasser-same-inputs"],
    "kazdan-2025": ["kazdan-circles"],
    "shumailov-2024": ["shumailov-gaussian", "shumailov-two-states"],
    "seddik-2024": ["seddik-mixtures"],
    "dohmatob-2024-regression": ["dohmatob-ridge-sweep"],
    "dohmatob-2024-tails": ["dohmatob-tails-clean", "dohmatob-tails-cut", "dohmatob-tails-bigram"],
    "dohmatob-2024-strong": ["dohmatob-strong-mixing"],
    "feng-2024": ["feng-proxy"],
    "wang-2025": ["wang-unweighted"],
}
"""Worlds whose whole simulation, all seeds and replicates, takes a CPU second or two: one of every kind."""


TABLES = {"metrics": METRICS, "theory": THEORY, "points": POINTS}


def merged(base: dict, override: dict) -> dict:
    """As Snakemake does it: mappings merge, everything else replaces."""
    both = {key for key in override if isinstance(override[key], dict) and isinstance(base.get(key), dict)}
    return base | override | {key: merged(base[key], override[key]) for key in both}


def plan_of(paper: str) -> Plan:
    default, changes = (yaml.safe_load(path.read_text()) for path in (ROOT / "config.yaml", PAPERS[paper]))
    return load_plan(merged(default, changes), paper)


def simulated(plan: Plan, world: str, folder: Path) -> tuple[pa.Table, ...]:
    """Metrics, theory and points of one world."""
    paths = {name: folder / f"{world}-{name}.parquet" for name in TABLES}
    simulate.run(spec=plan.simulate_spec(world), **paths, record=Record())
    return tuple(contracts.read(paths[name], contract) for name, contract in TABLES.items())


def worlds_of(claim) -> set[str]:
    selections = (claim.select, getattr(claim, "over", None), getattr(claim, "exceeds", None))
    return {selection.world for selection in selections if selection is not None}


LONG = {"kazdan-2025"}
"""Papers of whose quick worlds a claim asks for seven seconds of replicates."""


@pytest.mark.parametrize(
    "paper", [pytest.param(paper, marks=[pytest.mark.full] if paper in LONG else []) for paper in QUICK]
)
def test_todays_code_finds_what_is_published(paper, tmp_path):
    plan = plan_of(paper)
    parts = [simulated(plan, world, tmp_path) for world in QUICK[paper]]
    paths = {name: tmp_path / f"{name}.parquet" for name in TABLES}
    for (name, contract), tables in zip(TABLES.items(), zip(*parts, strict=True), strict=True):
        contracts.write(paths[name], contract, pa.concat_tables(tables), Record())
    checked = {name: claim for name, claim in plan.claims.items() if worlds_of(claim) <= set(QUICK[paper])}
    spec = ClaimsSpec(claims=checked)
    claims.run(spec=spec, **paths, claims=tmp_path / "claims.parquet", record=Record())
    found = verdicts.of_run(tmp_path)
    assert found.keys() == checked.keys() and found
    assert verdicts.moved(PUBLISHED, found) == []


# --- what moves is named ----------------------------------------------------------------------------------------------


@pytest.fixture
def table(tmp_path) -> Path:
    return Path(shutil.copy(ROOT / verdicts.TABLE, tmp_path / "verdicts.csv"))


def run_with(folder: Path, *found: Verdict) -> Path:
    """Results that hold these verdicts."""
    text = dict.fromkeys(("where", "statement", "metric", "kind", "reason"), "-")
    rows = [
        dict.fromkeys(CLAIMS.schema.names)
        | text
        | {"evidence": "theorem", "kind": "value", "expected": 1.0, "n_values": 1, "n_replicates": 1}
        | one._asdict()
        for one in found
    ]
    plain = pa.schema([(column.name, pa.string() if column.categories else column.type) for column in CLAIMS.columns])
    contracts.write(folder / "claims.parquet", CLAIMS, pa.Table.from_pylist(rows, plain), Record())
    return folder


def of_one_paper() -> tuple[Verdict, ...]:
    return tuple(one for one in PUBLISHED.values() if one.paper == "gerstgrasser-2024")


def test_the_published_verdicts_are_accepted_as_they_are(table, tmp_path):
    before = table.read_text()
    results = run_with(tmp_path, *of_one_paper())
    assert compare_verdicts(results, table) == f"{len(of_one_paper())} verdicts, all as published in {table}."
    assert accept_verdicts(results, table).endswith(f"0 of {len(PUBLISHED)} rows moved.")
    assert table.read_text() == before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"verdict": "inconclusive"}, "is inconclusive"),
        ({"observed": 1.00001}, "1.00001 times"),
        ({"observed": None}, r"is reproduced \(, "),
        ({"claim_id": "A0-new"}, "A0-new: was not published, is reproduced"),
    ],
)
def test_a_verdict_that_moved_is_named_with_what_it_was_and_is(change, words, table, tmp_path):
    first, *rest = of_one_paper()
    if change.get("observed"):
        change = {"observed": first.observed * change["observed"]}
        words = f"{change['observed']:.10g}"
    results = run_with(tmp_path, first._replace(**change), *rest)
    with pytest.raises(ContractError, match=words) as refused:
        compare_verdicts(results, table)
    assert f"1 of {len(rest) + 1} verdicts are not those of" in str(refused.value)
    assert all(one.claim_id not in str(refused.value) for one in rest)


def test_rounding_on_another_processor_moves_nothing(table, tmp_path):
    first, *rest = of_one_paper()
    results = run_with(tmp_path, first._replace(observed=first.observed * (1 + 1e-9)), *rest)
    assert "all as published" in compare_verdicts(results, table)


def test_accepting_replaces_the_rows_of_the_papers_that_ran_and_leaves_the_others(table, tmp_path):
    first, *rest = of_one_paper()
    changed = first._replace(verdict="not_reproduced")
    told = accept_verdicts(run_with(tmp_path, changed, *rest[1:]), table)
    assert f"{first.claim_id}: was reproduced" in told and f"{rest[0].claim_id}: is gone" in told
    after = verdicts.of_table(table)
    assert after[first.claim_id].verdict == "not_reproduced"
    assert set(PUBLISHED) - set(after) == {rest[0].claim_id}
    assert all(after[name] == one for name, one in PUBLISHED.items() if one.paper != first.paper)


def test_results_without_claims_and_a_table_that_is_not_there_are_refused(table, tmp_path):
    with pytest.raises(ContractError, match=r"claims\.parquet: there is no such file"):
        compare_verdicts(tmp_path, table)
    with pytest.raises(ContractError, match=r"Run this where config\.yaml lies"):
        compare_verdicts(run_with(tmp_path, *of_one_paper()), tmp_path / "elsewhere.csv")
