"""Closed-form worlds and claims through the workflow: what they leave, what reruns, what is refused."""

import copy
import shutil
from collections.abc import Iterator

import pyarrow.compute as pc
import pytest
from projects import Project

from collapse.artifacts import contracts
from collapse.artifacts.contracts import CLAIMS, METRICS
from collapse.artifacts.contracts import THEORY as THEORY_TABLE

WORLD = {
    "model": "linear_regression",
    "paper": "gerstgrasser-2024",
    "title": "Chains of fits",
    "panels": [{"metric": "relative_error", "title": "Error"}],
    "replicates": 400,
    "dimension": 2,
    "samples": 12,
    "noise_variance": 1.0,
    "design": "same",
    "ridge": 0,
    "generations": 3,
    "strategies": [{"name": "replace", "compose": "replace"}, {"name": "accumulate", "compose": "accumulate"}],
}
CLAIM = {
    "kind": "value",
    "paper": "gerstgrasser-2024",
    "where": "theorem 1",
    "statement": "The error grows linearly.",
    "evidence": "theorem",
    "select": {"world": "first", "metric": "relative_error", "strategy": "replace"},
    "expected": "theory",
    "tolerance": 0.5,
}
THEORY = {
    "experiment": "small-theory",
    "strategies": [],
    "worlds": {"first": WORLD, "second": WORLD | {"design": "fresh"}},
    "claims": {"A1-true": CLAIM, "A1-false": CLAIM | {"expected": 40.0, "tolerance": 0.1}},
}
JOBS_AFTER_SIMULATION = {"collect": 1, "contrast": 1, "claims": 1, "audit": 1, "report": 1, "all": 1}


STATES = {name: WORLD[name] for name in ("paper", "title", "panels", "replicates", "generations", "strategies")}
STATES |= {"model": "categorical", "categories": 2, "exponent": 0, "measured": []}


SUBSAMPLE = {"name": "accumulate-subsample", "compose": "accumulate_subsample"}


def selecting(select: dict, world: dict | None = None) -> dict:
    """A claim that selects otherwise, in a world that may be another."""
    claim = CLAIM | {"select": CLAIM["select"] | select}
    panels = [{"metric": "excess_error", "title": "Error"}]
    return {"worlds": {"first": WORLD | {"panels": panels} | (world or {})}, "claims": {"A1": claim}}


def panelled(panel: dict) -> dict:
    """A world with another panel, and no claims."""
    return {"worlds": {"first": WORLD | {"panels": [WORLD["panels"][0] | panel]}}, "claims": {}}


def changed(**changes) -> dict:
    return copy.deepcopy(THEORY) | changes


@pytest.fixture(scope="module")
def simulated(project_for_all) -> Iterator[Project]:
    """A small experiment of worlds alone, run to its end."""
    with project_for_all("project") as project:
        project.configure(**THEORY)
        project.run()
        yield project


@pytest.fixture
def theory(simulated, tmp_path) -> Project:
    """A copy that may be changed."""
    return Project(tmp_path / "project", simulated)


def test_worlds_end_in_metrics_verdicts_and_a_report(simulated):
    folder = simulated.folder / "results" / "small-theory"
    rows = contracts.read(folder / "metrics.parquet", METRICS).to_pylist()
    assert {row["evaluation_set"] for row in rows} == {"first", "second"}
    verdicts = {
        row["claim_id"]: row["verdict"] for row in contracts.read(folder / "claims.parquet", CLAIMS).to_pylist()
    }
    assert verdicts == {"A1-true": "reproduced", "A1-false": "not_reproduced"}
    page = (folder / "report.html").read_text()
    assert "1 of 2 claims are reproduced, 1 not, in 2 closed-form worlds." in page
    assert page.count('<div class="plot"') == 2
    assert simulated.jobs() == {}


def test_no_model_and_no_corpus_is_made_for_worlds_alone(simulated):
    folder = simulated.folder / "results" / "small-theory"
    assert not list(folder.rglob("samples.parquet")) and not (folder / "documents.parquet").exists()


def test_worlds_pass_the_audit_and_a_changed_value_does_not(theory):
    assert "all passed" in theory.collapse("audit", "results").stdout
    path = theory.folder / "results" / "small-theory" / "world=first" / "theory.parquet"
    table, record = contracts.read(path, THEORY_TABLE), contracts.spec_of(path)
    doubled = table.set_column(
        table.schema.get_field_index("value"), table.schema.field("value"), pc.multiply(table["value"], 2.0)
    )
    contracts.write(path, THEORY_TABLE, doubled, record)
    result = theory.collapse("audit", "results", check=False)
    assert result.returncode == 1
    assert "world=first/theory.parquet: digest" in result.stdout
    assert "theory.parquet: collected: column value" in result.stdout


def test_deleting_one_worlds_results_reruns_that_world(theory):
    shutil.rmtree(theory.folder / "results" / "small-theory" / "world=second")
    assert theory.jobs() == {"simulate": 1, "world_figure": 1} | JOBS_AFTER_SIMULATION


def test_another_title_draws_anew_and_simulates_nothing(theory):
    renamed = {"first": WORLD | {"title": "Other words"}, "second": THEORY["worlds"]["second"]}
    theory.configure(**changed(worlds=renamed))
    jobs = theory.jobs()
    assert (jobs["world_figure"], jobs["report"]) == (1, 1)
    assert not {"simulate", "collect", "claims"} & jobs.keys()


def test_another_claim_is_checked_without_simulating(theory):
    theory.configure(**changed(claims={"A1-true": CLAIM}))
    jobs = theory.jobs()
    assert jobs["claims"] == 1
    assert not {"simulate", "collect", "world_figure"} & jobs.keys()


def test_an_edited_theorem_reruns_its_worlds(theory):
    theory.edit(
        "workflow/collapse/theory/linear_regression.py", "np.arange(1, generations + 2", "np.arange(1, 2 + generations"
    )
    assert theory.jobs()["simulate"] == 2


def test_a_world_stands_beside_a_loop_of_language_models(undisturbed):
    page = (undisturbed.folder / "results" / "tiny" / "report.html").read_text()
    assert 'id="texts"' in page and 'id="claim-A1-line"' in page


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"worlds": {"first": WORLD | {"samples": 3}}}, "samples: 3 are too few"),
        ({"worlds": {"first": WORLD | {"model": "regression"}}}, "worlds.first.model: is 'regression'; it may be"),
        (
            {"worlds": {"first": WORLD | {"strategies": [{"name": "one", "compose": "collect"}]}}},
            "compose: is 'collect'",
        ),
        ({"worlds": {"first": WORLD | {"sample": 12}}}, "sample: is not a setting; did you mean `samples`?"),
        ({"worlds": {"first": WORLD | {"title": ""}}}, "worlds.first.title: is required"),
        ({"worlds": {}}, "strategies: are empty, and there are no `worlds`"),
        (
            {"claims": {"A1": CLAIM | {"select": CLAIM["select"] | {"metric": "relative_eror"}}}},
            "claims.A1.select.metric: `relative_eror` is not measured there; did you mean `relative_error`?",
        ),
        (
            {"claims": {"A1": CLAIM | {"select": CLAIM["select"] | {"strategy": "window"}}}},
            "claims.A1.select.strategy: `window` is not measured there",
        ),
        (
            {"claims": {"A1": CLAIM | {"select": CLAIM["select"] | {"world": "third"}}}},
            "claims.A1.select.world: `third` is not one of `worlds` (first, second)",
        ),
        ({"claims": {"A1": CLAIM | {"evidence": "memory"}}}, "claims.A1.evidence: is 'memory'"),
        (selecting({"generations": [2, 9]}), "claims.A1.select.generations: 9 is not measured; there is 0, 1, 2, 3"),
        (selecting({"at": {"samples": 12}}), "claims.A1.select.at: `samples` is not swept there; there is none"),
        (selecting({"metric": "relative_error"}, world={"ridge": 0.1}), "`relative_error` is not measured there"),
        (
            selecting(
                {"strategy": "window"}, world={"strategies": [{"name": "window", "compose": "window", "window": 2}]}
            ),
            "claims.A1.expected: there is no theory at window, generation 0",
        ),
        (
            panelled({"metric": "relative_eror"}),
            "panels[0].metric: `relative_eror` is not measured there; did you mean",
        ),
        (
            panelled({"strategies": ["accumulte"]}),
            "panels[0].strategies: `accumulte` is not measured there; did you mean",
        ),
        (panelled({"x": "samples"}), "panels[0].x: `samples` is not swept there; there is generation"),
        (
            {"worlds": {"first": WORLD | {"replicates": 10**12}}},
            "worlds.first.replicates: would hold about 29,800 GiB at once",
        ),
        (
            {"worlds": {"first": WORLD | {"samples": 10**9, "strategies": [SUBSAMPLE]}}},
            "samples: would hold about 89.4 GiB at once, more than the 4",
        ),
        (
            {"worlds": {"first": STATES | {"samples": [5, 5]}}},
            "worlds.first.samples: 5 appears more than once",
        ),
    ],
)
def test_a_wrong_world_or_claim_is_refused(refusal, changes, words):
    assert words in refusal(**changed(**changes))


def test_a_wrong_claim_stops_before_any_work(fresh):
    fresh.configure(**changed(claims={"A1": CLAIM | {"select": CLAIM["select"] | {"strategy": "window"}}}))
    result = fresh.snakemake("-n", check=False)
    assert result.returncode != 0
    assert "claims.A1.select.strategy: `window` is not measured there" in result.stdout
    assert "Traceback" not in result.stdout
    assert not (fresh.folder / "results").exists()
