"""The corpus stage: the same bytes twice, a tokenizer that fits its documents, a reserve that is large enough."""

from pathlib import Path

import pytest
import yaml

from collapse.artifacts.contracts import DOCUMENTS, Record, read
from collapse.config.settings import CorpusSettings
from collapse.config.specs import CorpusSpec
from collapse.errors import ConfigError
from collapse.media.text import tokenizer as tokenizers
from collapse.media.text.tokenizer import Codec
from collapse.stages import corpus

GRAMMAR = yaml.safe_load((Path(__file__).parents[2] / "config.yaml").read_text())["corpus"]["grammar"]
PARAGRAPHS = [f"Speech {i}. We said {'and '.join(['so '] * (i % 7 + 1))}it was. Number {i * i}!" for i in range(300)]


def spec(path: Path, vocabulary_size: int | None = 300, fresh: float = 0) -> CorpusSpec:
    settings = CorpusSettings.model_validate(
        {
            "source": "file",
            "sotu": {"first_year": 2000, "last_year": None},
            "huggingface": dict.fromkeys(("dataset", "subset", "revision", "group_column"))
            | {"split": "train", "column": "text"},
            "file": {"path": str(path), "column": "text", "group_column": None, "max_bytes": 10**9},
            "grammar": GRAMMAR,
            "test_fraction": 0.1,
            "validation_fraction": 0.1,
            "train_bytes": 4_000,
            "validation_bytes": 1_000,
            "test_bytes": 1_000,
            "reserve_bytes": 2_000,
            "max_document_tokens": 24,
        }
    )
    return CorpusSpec(corpus=settings, vocabulary_size=vocabulary_size, fresh_fraction=fresh, fresh_generations=2)


def run(folder: Path, spec: CorpusSpec, given_tokenizer: Path | None = None, **inputs: Path) -> tuple[Path, Path]:
    documents, tokenizer = folder / "documents.parquet", folder / "tokenizer" / "tokenizer.json"
    outputs = {"documents": documents, "encoding": tokenizer}
    corpus.run(spec=spec, given_tokenizer=given_tokenizer, **inputs, **outputs, record=Record())
    return documents, tokenizer


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "speeches.txt"
    path.write_text("\n\n".join(PARAGRAPHS))
    return path


def test_running_twice_and_from_shuffled_paragraphs_gives_the_same_bytes(source: Path, tmp_path: Path) -> None:
    first = run(tmp_path / "a", spec(source))
    source.write_text("\n\n".join(reversed(PARAGRAPHS)))
    second = run(tmp_path / "b", spec(source))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_documents_come_back_from_the_saved_tokenizer(source: Path, tmp_path: Path) -> None:
    documents, tokenizer = run(tmp_path, spec(source))
    rows, codec = read(documents, DOCUMENTS).to_pylist(), Codec.load(tokenizer.parent)
    assert {row["split"] for row in rows} == {"train", "validation", "test", "reserve"}
    assert all(codec.decode(row["token_ids"]) == row["text"] for row in rows)
    assert sum(row["n_bytes"] for row in rows if row["split"] == "train") <= 4_000


def test_a_reserve_too_small_for_its_strategies_is_refused(source: Path, tmp_path: Path) -> None:
    run(tmp_path, spec(source, fresh=0.15))
    with pytest.raises(ConfigError, match=r"corpus.reserve_bytes: the reserve holds \d+ documents"):
        run(tmp_path, spec(source, fresh=1.0))


def test_a_base_models_tokenizer_is_taken_over(source: Path, tmp_path: Path) -> None:
    base_model = tmp_path / "base_model" / "base_model.json"
    base_model.parent.mkdir()
    tokenizers.save(tokenizers.train(["another tongue entirely"], 270), base_model.parent)
    documents, tokenizer = run(tmp_path, spec(source, None), base_model)
    assert tokenizer.read_bytes() == (base_model.parent / "tokenizer.json").read_bytes()
    assert Codec.load(tokenizer.parent).eos in read(documents, DOCUMENTS)["token_ids"][0].as_py()
    with pytest.raises(ConfigError, match="has a tokenizer of its own, which is not there"):
        run(tmp_path, spec(source, None))


def test_groups_that_the_base_model_has_read_are_not_held_out_here(source: Path, tmp_path: Path) -> None:
    pretraining, _ = run(tmp_path / "base", spec(source))
    other_groups = spec(source).corpus.model_copy(update={"test_fraction": 0.6})
    with pytest.raises(ConfigError, match=r"pretraining.corpus: it holds \d+ of the groups that `corpus` holds out"):
        asked = spec(source).model_copy(update={"corpus": other_groups})
        run(tmp_path / "loop", asked, pretraining_documents=pretraining)


def test_held_out_text_that_the_base_model_has_read_word_for_word_is_left_out(source: Path, tmp_path: Path) -> None:
    pretraining, _ = run(tmp_path / "base", spec(source))
    source.write_text("\n\n".join(f"{paragraph} Indeed." for paragraph in PARAGRAPHS))
    alone, _ = run(tmp_path / "alone", spec(source))
    documents, _ = run(tmp_path / "loop", spec(source), pretraining_documents=pretraining)
    learned = {row["text"] for row in read(pretraining, DOCUMENTS).to_pylist() if row["split"] == "train"}
    rows = {row["document_id"]: row for row in read(alone, DOCUMENTS).to_pylist()}
    held_out = {i for i, row in rows.items() if row["split"] in ("test", "validation") and row["text"] in learned}
    assert held_out
    assert {row["document_id"] for row in read(documents, DOCUMENTS).to_pylist()} == rows.keys() - held_out
