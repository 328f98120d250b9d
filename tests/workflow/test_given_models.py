"""Somebody's classifier and encoder through the whole workflow, from their folders to the report."""

import json
import shutil

import pyarrow.compute as pc
import pytest
from given_models import CONTEXT, save_classifier, save_encoder

from collapse.artifacts import contracts
from collapse.artifacts.contracts import AUDIT, METRICS, VERDICTS

ARM = "results/tiny/strategy={}/seed=0/generation={}/{}.parquet"


def asking(folder) -> dict:
    read = {"revision": None, "window_tokens": CONTEXT - 2}
    given = {"kind": "checkpoint", "checkpoint": str(folder / "classifier"), "labels": ["noise", "mild", "clean"]}
    by_level = {
        "kind": "rating",
        "rater": "quality",
        "by": "level",
        "select": {"rule": "top_fraction", "fraction": 0.5},
    }
    unlike = {"kind": "semantic_duplicates", "similarity": 0.999, "encoder": str(folder / "encoder")}
    return {
        "seeds": [0],
        "generate": {"engine": "native", "n_samples": 30},
        "raters": {"quality": read | given | {"are_levels": True, "part": "text"}},
        "verifiers": {"clean": by_level, "unlike": read | unlike},
        "strategies": [
            {"name": name, "compose": "replace", "verifiers": [name], "oversample": 2} for name in ("clean", "unlike")
        ],
    }


@pytest.mark.full
def test_they_are_brought_in_once_measure_every_arm_and_judge_those_that_ask_them(project_for_all, tmp_path):
    save_classifier(tmp_path / "classifier", ("clean", "noise", "mild"))
    save_encoder(tmp_path / "encoder")
    with project_for_all("project") as project:
        project.configure(**asking(tmp_path))
        shown = project.run()
        read = {name: contracts.read(project.folder / path, contract) for name, path, contract in found()}
        assert "Done: " in shown and all(read["audit"]["passed"].to_pylist())
        measured = read["metrics"].filter(pc.equal(read["metrics"]["evaluation_set"], "rater/quality"))
        assert set(measured["metric"].to_pylist()) == {"quality_level", "quality_index"}
        assert set(measured["generation"].to_pylist()) == {0, 1, 2}
        assert pc.sum(read["clean"]["accepted"]).as_py() == 30
        assert set(read["unlike"]["reason"].to_pylist()) == {"accepted", "duplicate"}
        assert project.jobs() == {}
        before = project.digests()
        arm = project.folder / ARM.format("unlike", 2, "verdicts")
        arm.unlink()
        project.run()
        assert project.digests() == before
        changed = tmp_path / "encoder" / "config.json"
        changed.write_text(json.dumps(json.loads(changed.read_text()) | {"note": "another"}))
        again = project.jobs()
        assert again["checkpoint"] == 1 and again["verify"] == 2 and "rater" not in again
        shutil.rmtree(tmp_path / "encoder")
        refused = project.snakemake("-n", check=False).stdout
        assert f"verifiers.unlike.encoder: `{tmp_path / 'encoder'}` is not a folder here" in refused


def found() -> list[tuple[str, str, contracts.Contract]]:
    verdicts = [(name, ARM.format(name, 1, "verdicts"), VERDICTS) for name in ("clean", "unlike")]
    return [
        *verdicts,
        ("metrics", "results/tiny/metrics.parquet", METRICS),
        ("audit", "results/tiny/audit.parquet", AUDIT),
    ]
