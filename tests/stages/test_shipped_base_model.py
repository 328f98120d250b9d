"""A recipe's model becomes part of the project, and nothing else does."""

from pathlib import Path

import pytest
import tables

from collapse.artifacts import layout, lineage
from collapse.errors import ContractError
from collapse.publishing import ship_base_model


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What following a recipe leaves behind."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "results" / "base-0123456789ab"
    model, tokenizer = folder / "strategy=real/seed=0/generation=0/model", folder / "tokenizer"
    model.mkdir(parents=True)
    tokenizer.mkdir()
    (model / "model.safetensors").write_bytes(b"weights")
    for path in ("model/../training_log.parquet", "model/../metrics.parquet", "model/../mixture.parquet"):
        (model.parent / path).touch()
    (tokenizer / "tokenizer.json").write_text("{}")
    (model / "model.json").write_text(
        tables.card({"model.safetensors": lineage.sha256(model / "model.safetensors")}).model_dump_json()
    )
    return folder


def test_model_tokenizer_log_and_test_loss_are_copied_to_where_the_workflow_looks(results: Path) -> None:
    assert "5 files" in ship_base_model(results)
    card = layout.shipped_model(results.name)
    assert lineage.card_faults(card) == []
    assert {path.name for path in card.parent.iterdir()} == {
        "model.json",
        "model.safetensors",
        "tokenizer.json",
        "training_log.parquet",
        "metrics.parquet",
    }


def test_an_earlier_model_of_the_same_recipe_leaves_nothing_behind(results: Path) -> None:
    ship_base_model(results)
    stale = layout.shipped_model(results.name).with_name("special_tokens_map.json")
    stale.touch()
    ship_base_model(results)
    assert not stale.exists()


def test_a_damaged_model_is_not_shipped(results: Path) -> None:
    next(results.rglob("model.safetensors")).write_bytes(b"other weights")
    with pytest.raises(ContractError, match="which is not what was written"):
        ship_base_model(results)
    assert not layout.SHIPPED.exists()


def test_a_folder_without_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="holds 0 base models"):
        ship_base_model(tmp_path)
