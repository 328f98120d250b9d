"""`trace` walks a sample back to people's text and says how far that is; `describe` says what a table holds."""

import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tables

from collapse.artifacts import contracts, lineage
from collapse.artifacts.contracts import DOCUMENTS, MIXTURE, SAMPLES, Record
from collapse.errors import ContractError
from collapse.plain_text import printable
from collapse.questions import inspection

DECODING = {"method": "sample", "temperature": 1.0, "top_p": 0.9}
N_DOCUMENTS, N_SAMPLES = 4, 3


def arm(experiment: Path, strategy: str, generation: int) -> Path:
    return experiment / f"strategy={strategy}" / "seed=0" / f"generation={generation}"


def write_documents(experiment: Path) -> list[str]:
    texts = [f"Document {i}." for i in range(N_DOCUMENTS)]
    ids = [lineage.document_id("speech", text) for text in texts]
    rows = [
        tables.document(name, [5, 6, 1], text=text, n_tokens=10, source=f"https://speeches.example/{i}")
        for i, (name, text) in enumerate(zip(ids, texts, strict=True))
    ]
    tables.write(experiment / "documents.parquet", DOCUMENTS, rows)
    return sorted(ids)


def write_samples(
    experiment: Path, strategy: str, generation: int, sampled_from: str, source: str = "none"
) -> list[str]:
    facts = {"sampled_from": sampled_from, "n_tokens": 10, "logprob_nats": -3.5}
    rows = [
        tables.sample(strategy, generation, i, [5, 1], text=f'Line\n"{generation}", draw {i}', **facts)
        for i in range(N_SAMPLES)
    ]
    path = arm(experiment, strategy, generation) / "samples.parquet"
    tables.write(path, SAMPLES, rows, Record(spec={"decoding": DECODING, "prompt": {"source": source}}))
    return [row["sample_id"] for row in rows]


def write_model(experiment: Path, strategy: str, generation: int, examples: list[tuple[str, int, str]]) -> str:
    """Write a mixture of (example, origin generation, table) and the card of a model trained on it."""
    folder = arm(experiment, strategy, generation)
    n = len(examples)
    real = [origin == 0 for _, origin, _ in examples]
    table = pa.table(
        {
            "strategy": [strategy] * n,
            "seed": [0] * n,
            "generation": [generation] * n,
            "position": list(range(n)),
            "example_id": [example for example, _, _ in examples],
            "origin": ["real" if is_real else "synthetic" for is_real in real],
            "origin_generation": [origin for _, origin, _ in examples],
            "source": [source for _, _, source in examples],
            "repeat": [0] * n,
            "weight": [1.0] * n,
            "n_tokens": [10] * n,
            "n_real_tokens": [10 if is_real else 0 for is_real in real],
            "n_pool": [n] * n,
        }
    )
    contracts.write(folder / "mixture.parquet", MIXTURE, table, Record())
    digest = lineage.sha256(folder / "mixture.parquet")
    card = lineage.ModelCard(
        model_id=lineage.model_id(strategy, 0, generation, digest),
        family="ngram",
        strategy=strategy,
        seed=0,
        generation=generation,
        parent_model_id=None,
        base_model=None,
        mixture_sha256=digest,
        n_parameters=1234,
        n_trained=10 * n,
        unit="token",
        n_steps=0,
        dtype="float32",
        files={},
    )
    (folder / "model").mkdir()
    (folder / "model" / "model.json").write_text(card.model_dump_json())
    return card.model_id


def write_experiment(experiment: Path, generations: int) -> Path:
    """`replace` and `accumulate` side by side, up to samples of the last generation."""
    real = [(document, 0, "documents.parquet") for document in write_documents(experiment)]
    first = write_model(experiment, "real", 0, real)
    shared = [
        (sample, 1, "strategy=real/seed=0/generation=1/samples.parquet")
        for sample in write_samples(experiment, "real", 1, first)
    ]
    for strategy in ("replace", "accumulate"):
        pool, newest = [*real, *shared], shared
        for generation in range(1, generations):
            mixture = newest if strategy == "replace" else pool
            model = write_model(experiment, strategy, generation, mixture)
            source = f"strategy={strategy}/seed=0/generation={generation + 1}/samples.parquet"
            drawn = write_samples(experiment, strategy, generation + 1, model)
            newest = [(sample, generation + 1, source) for sample in drawn]
            pool += newest
    return experiment


@pytest.fixture
def experiment(tmp_path: Path) -> Path:
    return write_experiment(tmp_path / "results" / "small", generations=3)


def test_a_sample_of_replace_is_as_deep_as_its_generation(experiment: Path) -> None:
    told = inspection.trace("replace.0.3.0000001", experiment.parent)
    assert "People wrote 0.0% of the tokens its model was trained on." in told
    assert "is 3 at most and 3.00 on average" in told
    places = [told.index(f"written by {model}@") for model in ("replace.0.2", "replace.0.1", "real.0.0")]
    assert places == sorted(places)
    assert "100.0% samples of generation 2: 3 examples, 30 tokens" in told
    assert "100.0% real documents: 4 examples, 40 tokens, documents.parquet" in told
    assert "https://speeches.example/" in told


def test_a_sample_of_accumulate_is_shallower_on_average(experiment: Path) -> None:
    told = inspection.trace("accumulate.0.3.0000000", experiment.parent)
    # M_2 saw 4 documents (depth 0), 3 samples of M_0 (depth 1) and 3 of M_1, whose mixture is 4/7 real, 3/7 depth 1
    mean = (4 * 0 + 3 * 1 + 3 * (1 + 3 / 7)) / 10 + 1
    assert f"is 3 at most and {mean:.2f} on average" in told
    assert "People wrote 40.0% of the tokens its model was trained on." in told
    assert told.count("written by real.0.0@") == 2 and told.count("shown above") == 1


def test_a_sample_of_the_first_generation_comes_from_people_at_one_remove(experiment: Path) -> None:
    told = inspection.trace("real.0.1.2", experiment)
    assert "People wrote 100.0% of the tokens" in told and "is 1 at most and 1.00 on average" in told
    assert told.startswith("real.0.1.0000002  (experiment small)")


def test_a_sample_is_told_on_one_line_with_how_it_was_drawn(experiment: Path) -> None:
    lines = inspection.trace("replace.0.2.0000000", experiment).splitlines()
    assert '  text      "Line\\n\\"2\\", draw 0"' in lines
    assert "  decoding  method sample, temperature 1.0, top_p 0.9" in lines
    assert "  drawn     10 tokens, ended by the model, -3.50 nats, sampler seed 0" in lines


def test_an_edit_names_the_samples_that_it_edits_back_to_the_real_document(experiment: Path) -> None:
    assert "edit of" not in inspection.trace("replace.0.3.0000002", experiment)
    for generation in (2, 3):
        writer = lineage.read_card(arm(experiment, "replace", generation - 1) / "model" / "model.json").model_id
        write_samples(experiment, "replace", generation, writer, source="previous_sample")
    lines = inspection.trace("replace.0.3.0000002", experiment).splitlines()
    assert "  edit of   replace.0.2.0000002, an edit of real.0.1.0000002, an edit of document None" in lines


def test_a_chain_of_many_generations_can_be_told(tmp_path: Path) -> None:
    experiment = write_experiment(tmp_path / "results" / "long", generations=40)
    assert "is 40 at most and 40.00 on average" in inspection.trace("replace.0.40.0000000", experiment)
    assert len(inspection.trace("accumulate.0.40.0000000", experiment).splitlines()) < 40 * 41 / 2 * 4


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        ("replace-0-3-17", "is not a sample's id"),
        ("replace.0.3", "such as replace.0.3.0000017"),
        ("replace.0.3.0000099", "replace.0.3.0000000 to replace.0.3.0000002"),
        ("replace.0.9.0000000", "there are samples of replace.0.3.0000000 to replace.0.3.0000002"),
        ("replace.0.1.0000000", "their ids begin with `real`"),
    ],
)
def test_an_unknown_sample_is_answered_with_those_there_are(experiment: Path, sample: str, message: str) -> None:
    with pytest.raises(ContractError) as refused:
        inspection.trace(sample, experiment.parent)
    assert message in str(refused.value)


def test_a_sample_in_two_experiments_is_asked_for_by_folder(experiment: Path) -> None:
    other = write_experiment(experiment.parent / "other", generations=3)
    with pytest.raises(ContractError, match=f"--results {other}"):
        inspection.trace("replace.0.3.0000001", experiment.parent)
    assert "(experiment other)" in inspection.trace("replace.0.3.0000001", other)


def test_a_broken_link_is_named(experiment: Path) -> None:
    card = arm(experiment, "replace", 1) / "model" / "model.json"
    whole = card.read_text()
    card.write_text(whole.replace("replace.0.1@", "replace.0.1@00"))
    with pytest.raises(ContractError, match=r"holds replace.0.1@00\w+, but samples are from"):
        inspection.trace("replace.0.3.0000001", experiment)
    card.write_text(whole)
    mixture = arm(experiment, "replace", 1) / "mixture.parquet"
    contracts.write(mixture, MIXTURE, contracts.read(mixture, MIXTURE).slice(1), Record())
    with pytest.raises(ContractError, match=r"is not the mixture that replace\.0\.1@"):
        inspection.trace("replace.0.3.0000001", experiment)


def test_a_table_is_described_by_its_contract_and_its_values(experiment: Path) -> None:
    path = arm(experiment, "replace", 2) / "samples.parquet"
    told = inspection.describe(path)
    lines = {line.split()[0]: line for line in told.splitlines() if line.strip()}
    assert "samples/1" in told and "key: sample_id" in told and f"3 rows, {path.stat().st_size:,} bytes" in told
    assert "0 to 2" in lines["draw"] and "int32" in lines["draw"]
    assert "stop 3" in lines["finish_reason"] and "category" in lines["finish_reason"]
    assert "  3  " in lines["prompt_id"] and "none" in lines["prompt_id"]
    assert "2 to 2 long, [5, 1]" in lines["token_ids"]
    assert "nat" in lines["logprob_nats"] and "-3.5 to -3.5" in lines["logprob_nats"]
    assert '"top_p": 0.9' in told
    assert all(column.doc in told for column in SAMPLES.columns)


def test_every_contract_can_be_described(tmp_path: Path) -> None:
    for contract in contracts.ALL:
        path = tmp_path / f"{contract.name}.parquet"
        contracts.write(path, contract, contract.schema.empty_table(), Record())
        told = inspection.describe(path)
        assert contract.title in told and "0 rows" in told and contract.columns[-1].doc in told


def test_what_is_no_table_of_this_project_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="there is no such file"):
        inspection.describe(tmp_path / "missing.parquet")
    (tmp_path / "text.parquet").write_text("not a table")
    with pytest.raises(ContractError, match="is not a Parquet file"):
        inspection.describe(tmp_path / "text.parquet")


# --- what others wrote ------------------------------------------------------------------------------------------------

HOSTILE = "\x1b[2J\x9b31m\u202egpj\u200b\nforged: line"


def with_metadata(path: Path, **changes: bytes) -> None:
    table = pq.read_table(path)
    named = {f"collapse.{name}".encode(): value for name, value in changes.items()}
    pq.write_table(table.replace_schema_metadata(table.schema.metadata | named), path)


def rename_source(experiment: Path, source: str) -> None:
    """Have the model of generation 1 trained on examples of another table, its card too."""
    folder = arm(experiment, "replace", 1)
    examples = contracts.read(folder / "mixture.parquet", MIXTURE)
    column = pa.array([source] * examples.num_rows)
    changed = examples.set_column(examples.schema.get_field_index("source"), "source", column)
    contracts.write(folder / "mixture.parquet", MIXTURE, changed, Record())
    card = folder / "model" / "model.json"
    digest = lineage.sha256(folder / "mixture.parquet")
    card.write_text(json.dumps(json.loads(card.read_text()) | {"mixture_sha256": digest}))


@pytest.mark.parametrize(
    "source",
    ["../../secret.parquet", "/etc/passwd", "strategy=real/../../secret/samples.parquet", "metrics.parquet", HOSTILE],
)
def test_a_mixture_leads_to_tables_of_its_experiment_only(experiment: Path, source: str) -> None:
    rename_source(experiment, source)
    with pytest.raises(ContractError, match="which is no table of this experiment; it is not opened"):
        inspection.trace("replace.0.3.0000001", experiment)


@pytest.mark.parametrize(("make", "words"), [(os.mkfifo, "is a pipe"), (os.mkdir, "is a folder, not a file")])
def test_what_lies_in_the_place_of_a_table_is_not_opened(experiment: Path, make, words: str) -> None:
    for path in (arm(experiment, "real", 1) / "samples.parquet", arm(experiment, "replace", 1) / "mixture.parquet"):
        path.unlink()
        make(path)
        with pytest.raises(ContractError, match=f"{path.name}: {words}"):
            inspection.trace("replace.0.3.0000001", experiment)
        with pytest.raises(ContractError, match=f"{path.name}: {words}"):
            inspection.describe(path)


def test_samples_that_claim_a_model_of_their_own_generation_are_refused(experiment: Path) -> None:
    own = json.loads((arm(experiment, "replace", 2) / "model" / "model.json").read_text())["model_id"]
    write_samples(experiment, "replace", 2, own)
    with pytest.raises(ContractError, match=rf"says that {own} wrote samples of generation 2"):
        inspection.trace("replace.0.3.0000001", experiment)


def test_an_empty_mixture_is_refused(experiment: Path) -> None:
    folder = arm(experiment, "replace", 1)
    contracts.write(folder / "mixture.parquet", MIXTURE, MIXTURE.schema.empty_table(), Record())
    card = folder / "model" / "model.json"
    digest = lineage.sha256(folder / "mixture.parquet")
    card.write_text(json.dumps(json.loads(card.read_text()) | {"mixture_sha256": digest}))
    with pytest.raises(ContractError, match="holds 0 tokens"):
        inspection.trace("replace.0.3.0000001", experiment)


def test_odd_folders_beside_the_arms_are_passed_over(experiment: Path) -> None:
    odd = experiment / "strategy=replace" / "seed=zero" / "generation=two" / "samples.parquet"
    odd.parent.mkdir(parents=True)
    odd.write_text("")
    with pytest.raises(ContractError, match=r"there are samples of replace\.0"):
        inspection.trace("replace.0.9.0000000", experiment)
    with pytest.raises(ContractError, match="is not a sample's id"):
        inspection.trace(f"replace.0.{'9' * 5_000}.0", experiment)


def test_what_is_told_does_not_steer_the_terminal(tmp_path: Path) -> None:
    experiment = tmp_path / "results" / "small"
    documents = [tables.document("a", [5, 1], source=HOSTILE, n_tokens=10)]
    tables.write(experiment / "documents.parquet", DOCUMENTS, documents)
    model = write_model(experiment, "real", 0, [("a", 0, "documents.parquet")])
    sample = tables.sample("real", 1, 0, [5, 1], sampled_from=model, text=HOSTILE, prompt=HOSTILE, prompt_id=HOSTILE)
    record = Record(spec={"decoding": {HOSTILE: HOSTILE}}, code=HOSTILE, inputs={HOSTILE: HOSTILE})
    tables.write(arm(experiment, "real", 1) / "samples.parquet", SAMPLES, [sample], record)
    told = [inspection.trace("real.0.1.0", experiment), inspection.describe(experiment / "documents.parquet")]
    told.append(inspection.describe(arm(experiment, "real", 1) / "samples.parquet"))
    for text in told:
        assert r"\u202e" in text
        assert all(printable(line) == line and not line.startswith("forged") for line in text.split("\n"))


@pytest.mark.parametrize(
    "changes",
    [
        {"spec": b"[]"},
        {"spec": b'{"a":' * 100_000 + b"1" + b"}" * 100_000},
        {"spec": b"\xff"},
        {"inputs": b'{"documents.parquet": 3}'},
        {"inputs": b"[" * 100_000},
        {"code": b"\xff"},
    ],
)
def test_a_table_whose_metadata_is_damaged_is_refused_in_words(experiment: Path, changes: dict[str, bytes]) -> None:
    path = arm(experiment, "replace", 3) / "samples.parquet"
    with_metadata(path, **changes)
    with pytest.raises(ContractError, match="what it says it was made from cannot be read"):
        inspection.describe(path)
    assert "decoding  not recorded" in inspection.trace("replace.0.3.0000001", experiment)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda table: table.drop_columns(["text"]), "text is there 0 times"),
        (lambda table: table.append_column("text", table["text"]), "text is there 2 times"),
        (lambda table: table.set_column(0, "strategy", pa.array(range(3))), "strategy is int64, not string"),
        (lambda table: table.set_column(0, "strategy", pa.nulls(3, pa.string())), r"strategy misses 3 value\(s\)"),
    ],
)
def test_a_table_with_other_columns_is_refused_in_words(experiment: Path, change, words: str) -> None:
    path = arm(experiment, "replace", 3) / "samples.parquet"
    table = pq.read_table(path)
    pq.write_table(change(table).replace_schema_metadata(table.schema.metadata), path)
    with pytest.raises(ContractError, match=words):
        inspection.describe(path)
