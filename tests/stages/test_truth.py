"""A grammar through the corpus and truth stages: draws keep their multiplicities, what is listed is what is drawn."""

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import yaml
from tokenizers import Tokenizer, models, pre_tokenizers

from collapse.artifacts import contracts
from collapse.artifacts.contracts import DOCUMENTS, TRUTH, Record
from collapse.config import load_plan
from collapse.config.specs import CorpusSpec
from collapse.corpora import grammar
from collapse.errors import ConfigError
from collapse.media.text import tokenizer as tokenizers
from collapse.stages import corpus, truth

CONFIG = yaml.safe_load((Path(__file__).parents[2] / "config.yaml").read_text())
NATIVE = {"generate": CONFIG["generate"] | {"engine": "native"}, "budget": {"match": "epochs", "amount": 1}}
LIMITS = dict.fromkeys(("train_bytes", "validation_bytes", "test_bytes"), 1_000_000)


def spec(**changed: object) -> CorpusSpec:
    corpus_settings = CONFIG["corpus"] | LIMITS | {"source": "grammar"} | changed
    return load_plan(CONFIG | {"corpus": corpus_settings, "family": "ngram"} | NATIVE, "test").corpus_spec()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[CorpusSpec, Path, list[dict], list[dict]]:
    """The settings, the folder, the documents and the truth."""
    folder, settings = tmp_path_factory.mktemp("language"), spec()
    documents, tokenizer = folder / "documents.parquet", folder / "tokenizer" / "tokenizer.json"
    corpus.run(spec=settings, documents=documents, encoding=tokenizer, record=Record())
    truth.run(spec=settings, tokenizer=tokenizer, truth=folder / "truth.parquet", record=Record())
    tables = (contracts.read(documents, DOCUMENTS), contracts.read(folder / "truth.parquet", TRUTH))
    return settings, folder, *(table.to_pylist() for table in tables)


def test_every_draw_is_a_document_however_often_its_text_was_drawn(made) -> None:
    settings, _, documents, _ = made
    drawn = Counter(real.text for real in grammar.read(settings.corpus.grammar))
    assert Counter(row["text"] for row in documents) == drawn
    assert len(documents) == settings.corpus.grammar.draws == drawn.total() > 2 * len(drawn)
    assert len({row["document_id"] for row in documents}) == len(documents)


def test_splits_share_no_document_and_each_is_like_the_source(made) -> None:
    settings, _, documents, known = made
    by_split = {name: [row for row in documents if row["split"] == name] for name in ("train", "validation", "test")}
    n = settings.corpus.grammar.draws
    assert {name: len(rows) for name, rows in by_split.items()} == {
        "train": 0.7 * n,
        "validation": 0.1 * n,
        "test": 0.2 * n,
    }
    ids = [{row["document_id"] for row in rows} for rows in by_split.values()]
    assert sum(map(len, ids)) == len(set.union(*ids))
    p = {row["text"]: row["probability"] for row in known}
    surprise = {text: -np.log(probability) for text, probability in p.items()}
    entropy = grammar.entropy(settings.corpus.grammar)
    for rows in by_split.values():
        found = np.array([surprise[row["text"]] for row in rows])
        error = found.std(ddof=1) / np.sqrt(len(found))
        assert abs(found.mean() - entropy) <= 4 * error
    found = np.array([surprise[row["text"]] for row in documents])
    assert abs(found.mean() - 1.05 * entropy) > 4 * found.std(ddof=1) / np.sqrt(n)


def test_what_is_listed_has_the_tokens_that_models_are_trained_on(made) -> None:
    settings, folder, documents, known = made
    tokens = {row["text"]: row["token_ids"] for row in known}
    assert all(tokens[row["text"]] == row["token_ids"] for row in documents)
    codec = tokenizers.Codec.load(folder / "tokenizer")
    assert all(codec.decode(row["token_ids"]) == row["text"] for row in known[::50])
    assert all(row["n_tokens"] == len(row["token_ids"]) <= settings.corpus.max_document_tokens for row in known)
    assert all(row["token_ids"][-1] == codec.eos for row in known)


def test_the_listed_probabilities_add_up_to_one_and_give_the_grammars_entropy(made) -> None:
    settings, _, _, known = made
    p, log_p = (np.array([row[name] for row in known]) for name in ("probability", "log_probability"))
    assert len(known) == settings.corpus.grammar.reach().n_ways
    assert p.sum() == pytest.approx(1, abs=1e-12)
    assert -np.sum(p * log_p) == pytest.approx(grammar.entropy(settings.corpus.grammar), rel=1e-12)


def test_the_same_language_gives_the_same_bytes(made, tmp_path: Path) -> None:
    settings, folder, _, _ = made
    tokenizer = folder / "tokenizer" / "tokenizer.json"
    truth.run(spec=settings, tokenizer=tokenizer, truth=tmp_path / "truth.parquet", record=Record())
    assert (tmp_path / "truth.parquet").read_bytes() == (folder / "truth.parquet").read_bytes()


def test_a_tokenizer_that_cannot_tell_documents_apart_is_refused(tmp_path: Path) -> None:
    blind = Tokenizer(models.WordLevel({"<|unk|>": 0, tokenizers.BOS: 1, tokenizers.EOS: 2}, unk_token="<|unk|>"))
    blind.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizers.save(blind, tmp_path)
    with pytest.raises(ConfigError, match="have the same tokens, so no model could tell them apart"):
        truth.run(spec=spec(), tokenizer=tmp_path / "tokenizer.json", truth=tmp_path / "t.parquet", record=Record())
    assert not (tmp_path / "t.parquet").exists()


def test_a_listed_document_that_would_be_cut_is_refused(made, tmp_path: Path) -> None:
    settings, folder, _, known = made
    longest = max(row["n_tokens"] for row in known)
    short = settings.corpus.model_copy(update={"max_document_tokens": longest - 1})
    with pytest.raises(ConfigError, match=f"has {longest} tokens, more than {longest - 1}"):
        truth.run(
            spec=settings.model_copy(update={"corpus": short}),
            tokenizer=folder / "tokenizer" / "tokenizer.json",
            truth=tmp_path / "truth.parquet",
            record=Record(),
        )
    whole = settings.corpus.model_copy(update={"max_document_tokens": longest})
    truth.run(
        spec=settings.model_copy(update={"corpus": whole}),
        tokenizer=folder / "tokenizer" / "tokenizer.json",
        truth=tmp_path / "truth.parquet",
        record=Record(),
    )


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"max_document_tokens": 29}, "max_document_tokens: is 29, but a document of `grammar` may have 29 bytes"),
        ({"grammar": CONFIG["corpus"]["grammar"] | {"zipf_exponent": 0}}, "corpus.grammar.zipf_exponent: is 0"),
        ({"grammar": CONFIG["corpus"]["grammar"] | {"exponent": 1}}, "did you mean `zipf_exponent`?"),
        (
            {"grammar": CONFIG["corpus"]["grammar"] | {"lexicon": [{"name": "noun", "words": 12}]}},
            "corpus.grammar: `adjective` is neither a word class nor the symbol of a rule",
        ),
    ],
)
def test_a_config_without_a_known_distribution_is_refused_in_words(changed: dict, words: str) -> None:
    with pytest.raises(ConfigError) as refused:
        spec(**changed)
    assert words in str(refused.value)


def test_a_truth_of_another_version_is_refused(made, tmp_path: Path) -> None:
    _, folder, _, _ = made
    with pytest.raises(contracts.ContractError, match="holds `documents/1`, but `truth/1` is expected"):
        contracts.read(folder / "documents.parquet", TRUTH)
    table = pa.table({"text_id": ["a"], "text": ["x"]})
    with pytest.raises(contracts.ContractError, match="misses columns"):
        contracts.write(tmp_path / "truth.parquet", TRUTH, table, Record())
