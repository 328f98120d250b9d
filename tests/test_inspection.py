"""`trace` walks a sample back to people's text and says how far that is; `describe` says what a table holds."""

from pathlib import Path

import pyarrow as pa
import pytest
import tables

from collapse import contracts, inspection, lineage
from collapse.contracts import DOCUMENTS, MIXTURE, SAMPLES, Record
from collapse.errors import ContractError

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


def write_samples(experiment: Path, strategy: str, generation: int, sampled_from: str) -> list[str]:
    facts = {"sampled_from": sampled_from, "n_tokens": 10, "logprob_nats": -3.5}
    rows = [
        tables.sample(strategy, generation, i, [5, 1], text=f'Line\n"{generation}", draw {i}', **facts)
        for i in range(N_SAMPLES)
    ]
    path = arm(experiment, strategy, generation) / "samples.parquet"
    tables.write(path, SAMPLES, rows, Record(spec={"decoding": DECODING}))
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
        n_tokens_trained=10 * n,
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
