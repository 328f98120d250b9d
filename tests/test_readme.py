"""The README says what the committed tables say, and the tables what a run measured."""

import re
import shutil
from pathlib import Path

import pyarrow as pa
import pytest

from collapse.artifacts import contracts
from collapse.artifacts.contracts import METRICS, Record
from collapse.errors import ContractError
from collapse.metrics import Measurement
from collapse.metrics import table as metrics_table
from collapse.publishing import measure, measured, readme, verdicts
from collapse.publishing.readme import BLOCK, FIGURE, FIGURES, PAGE, TEMPLATE, figure, read_tables, rewritten

ROOT = Path(__file__).parents[1]


def test_every_number_of_the_readme_follows_from_the_committed_tables():
    page = (ROOT / PAGE).read_text()
    assert rewritten(page, ROOT) == page, "run `make readme` and commit the result"


def test_every_block_of_the_template_stands_in_the_readme_once():
    written = re.findall(r"{% macro (\w+)\(\) %}", (ROOT / TEMPLATE).read_text())
    page = (ROOT / PAGE).read_text()
    there = [match["name"] for match in BLOCK.finditer(page)]
    assert sorted(there) == sorted(name.replace("_", "-") for name in written)


def test_every_table_is_one_that_the_readme_is_made_from():
    there = {path.stem for path in (ROOT / measured.FOLDER).glob("*.csv")}
    assert there <= {*measured.PUBLISHED, "benchmarks"}


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_of_the_readme_is_that_of_its_table(name):
    path, drawn = FIGURES[name]
    assert (ROOT / path).read_bytes() == drawn(read_tables(ROOT)[name]), "run `make readme`"
    assert f"]({path})" in (ROOT / PAGE).read_text()


# --- on made-up results -----------------------------------------------------------------------------------------------

GENERATIONS = range(9)
RISE = {"real": 0.01, "accumulate": 0.1, "accumulate-subsample": 0.11, "replace": 0.2}
"""Nats per generation; seeds differ by a hundredth of it."""


def made_up(folder: Path) -> Path:
    """Results of three strategies and two seeds, whose losses rise by a little more in the second."""
    tables = []
    for strategy, rise in RISE.items():
        for seed in (0, 1):
            for generation in GENERATIONS:
                loss = 3 + rise * generation * (1 + seed / 100)
                rows = [Measurement("test_loss", "real_test", loss, 9), Measurement("perplexity", "real_test", 1.0, 9)]
                written = "samples" if generation else "real_train"
                rows.append(Measurement("distinct_2", written, 0.4 + 0.02 * generation, 9))
                tables.append(metrics_table(rows, "five-seeds", strategy, seed, generation))
    results = folder / "five-seeds"
    contracts.write(results / "metrics.parquet", METRICS, pa.concat_tables(tables), Record())
    return results


@pytest.fixture
def root(tmp_path) -> Path:
    """A checkout whose README is about made-up results only."""
    benchmarks = measured.FOLDER / "benchmarks.csv"
    for path in (TEMPLATE, verdicts.TABLE, benchmarks):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
    (tmp_path / benchmarks).write_text((ROOT / benchmarks).read_text().splitlines(keepends=True)[0])  # of none
    measure(made_up(tmp_path / "results"), tmp_path / measured.FOLDER)
    (tmp_path / PAGE).write_text(
        "# Made up\n\n<!-- measured: five-seeds-losses -->\n| old |\n<!-- end -->\n\nTyped by hand: 3.490.\n\n"
        "<!-- measured: five-seeds -->\n<!-- end -->\n\n<!-- measured: benchmarks -->\n<!-- end -->\n"
    )
    return tmp_path


def test_a_table_holds_what_the_readme_speaks_of_by_seed(root):
    values = read_tables(root)["five-seeds"].values
    assert set(values["metric"].to_pylist()) == {"test_loss", "distinct_2"}
    losses = [row for row in values.to_pylist() if row["metric"] == "test_loss"]
    assert len(losses) == len(RISE) * 2 * len(GENERATIONS)
    last = {"strategy": "replace", "seed": 1, "generation": 8}
    assert [row["value"] for row in losses if last.items() <= row.items()] == [pytest.approx(3 + 1.6 * 1.01)]


def test_only_experiments_of_the_readme_are_measured(tmp_path):
    with pytest.raises(ContractError, match="the README speaks of speeches, five-seeds"):
        measure(tmp_path / "own-text", tmp_path)


def test_a_block_is_rewritten_and_what_stands_around_it_is_not(root):
    assert "five-seeds-losses, five-seeds changed in 3 blocks" in readme(root)
    page = (root / PAGE).read_text()
    assert "| old |" not in page and page.startswith("# Made up\n\n<!-- measured: five-seeds-losses -->\n| strategy |")
    assert "\n<!-- end -->\n\nTyped by hand: 3.490.\n\n" in page
    assert "nothing changed in 3 blocks" in readme(root)
    assert (root / PAGE).read_text() == page


def test_numbers_are_those_of_the_seeds(root):
    readme(root)
    page = (root / PAGE).read_text()
    # Means of 3 + 1.6 and 3 + 1.616; differences 1.6 and 1.616: t with one degree of freedom is 12.706 at 97.5 %.
    assert "| replace | 3.000 | 3.201 | 3.402 | 3.603 | 3.804 | 4.206 | 4.608 | +1.61 [+1.51, +1.71] |" in page
    # Differences .8 and .808 to accumulate.
    assert "replace loses 1.53 nats more than the control, which is retrained on real text every time\n[+1.43" in page
    assert "and 0.80 more than accumulate [+0.75, +0.85]. Accumulate does not escape: 0.72 [+0.68, +0.77]." in page
    assert "adds 0.08 to it [+0.08, +0.09]." in page
    assert "Distinct bigrams *rise* under replace" in page
    assert "from 0.40 to 0.56 at equal size" in page


def test_the_figure_is_drawn_from_the_table(root):
    readme(root)
    drawn = (root / FIGURE).read_bytes()
    assert b"accumulate-subsample" in drawn or b"<svg" in drawn
    assert drawn == figure(read_tables(root)["five-seeds"])


def test_one_seed_more_or_less_changes_the_readme(root):
    before = rewritten((root / PAGE).read_text(), root)
    table = root / measured.FOLDER / "five-seeds.csv"
    lines = table.read_text().splitlines()
    table.write_text("\n".join(line for line in lines if ",accumulate,1," not in line) + "\n")
    with pytest.raises(AssertionError):  # one seed has no interval to publish
        rewritten(before, root)
    table.write_text("\n".join(lines).replace("4.616", "4.716") + "\n")
    assert rewritten(before, root) != before


def test_a_block_that_the_template_does_not_have_is_refused(root):
    with pytest.raises(ContractError, match="the block `six-seeds` is not in"):
        rewritten("<!-- measured: six-seeds -->\n<!-- end -->\n", root)


def test_benchmarks_appear_when_there_are_some(root):
    assert "<!-- measured: benchmarks -->\n<!-- end -->" in rewritten((root / PAGE).read_text(), root)
    table = root / measured.FOLDER / "benchmarks.csv"
    table.write_text(table.read_text() + "whole_loop,1.52,1.48,1.57,wall seconds,a script of transformers\n")
    page = rewritten((root / PAGE).read_text(), root)
    assert "| whole loop | 1.52 (1.48 to 1.57) | wall seconds | a script of transformers |" in page


def test_paper_counts_are_those_of_the_published_verdicts(root):
    page = rewritten("<!-- measured: theory -->\n<!-- end -->\n", root)
    published = verdicts.of_table(root / verdicts.TABLE).values()

    def counted(claims: list[verdicts.Verdict]) -> str:
        return f"{sum(one.verdict == 'reproduced' for one in claims)} of {len(claims)}" if claims else "–"

    for paper, row in (("feng-2024", "classifiers behind a verifier"), ("wang-2025", "weighted maximum likelihood")):
        claims = [one for one in published if one.paper == paper]
        kinds = [counted([one for one in claims if one.evidence == kind]) for kind in ("published", "theorem", "ours")]
        assert f"| {row} | {' | '.join(kinds)} |" in page
    assert f"| all | | {counted([one for one in published if one.evidence == 'published'])} |" in page
