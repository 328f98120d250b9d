"""rater, evaluate with raters, internals and neurons: what they write, and of whom."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import torch
import yaml

from collapse.artifacts import contracts, layout
from collapse.artifacts.contracts import (
    DOCUMENTS,
    HELD_OUT,
    INTERNALS,
    METRICS,
    NEURON_COUNTS,
    NEURONS,
    RATER,
    Record,
)
from collapse.config import Plan, load_plan
from collapse.config.form import TEXT
from collapse.config.settings import EvaluationSettings, TransformerSettings
from collapse.config.specs import REAL, InternalsSpec
from collapse.errors import ConfigError
from collapse.families import transformer
from collapse.families.llama import Llama, configuration
from collapse.media.text.sequences import Sequences
from collapse.metrics import Measurement, rated, table
from collapse.metrics.arm import Arm
from collapse.stages import internals, neurons, rater

ROOT = Path(__file__).parents[2]
OUTCOME = {"metric": "label_share", "evaluation_set": "rater/leaning/right"}


def plan(**changes) -> Plan:
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    return load_plan(config | {"experiment": "study"} | changes, "test")


# --- a rater, from a file of one's own --------------------------------------------------------------------------------


@pytest.fixture
def own_file(tmp_path, monkeypatch) -> dict:
    """Settings of a rater of labelled text in a file."""
    monkeypatch.chdir(tmp_path)
    words = {"left": "union wages health", "right": "taxes border faith"}
    rows = [
        {"text": f"{words[label]} the of and " * 5, "outlet": f"{label} {number}", "leans": label}
        for label in words
        for number in range(6)
    ]
    Path("news.jsonl").write_text("\n".join(map(json.dumps, rows)))
    file = {"path": "news.jsonl", "column": "text", "label_column": "leans", "group_column": "outlet"}
    corpus = {"source": "file", "file": file | {"max_bytes": 10_000}}
    return {"kind": "labels", "corpus": corpus, "window_words": 10, "held_out": 0.3}


def fitted(tmp_path: Path, settings: dict) -> tuple[pa.Table, pa.Table]:
    paths = tmp_path / "rater.parquet", tmp_path / "held_out.parquet"
    spec = plan(raters={"leaning": settings}).rater_spec("leaning")
    rater.run(spec=spec, rater=paths[0], held_out=paths[1], record=Record())
    return contracts.read(paths[0], RATER), contracts.read(paths[1], HELD_OUT)


def test_a_rater_of_ones_own_labels_is_fitted_and_tested(tmp_path, own_file):
    learned, held_out = fitted(tmp_path, own_file)
    assert set(pc.unique(held_out["group"]).to_pylist()) < {
        f"{side} {n}" for side in ("left", "right") for n in range(6)
    }
    assert held_out["label"].equals(held_out["given"])
    wages = learned.filter((pc.field("part") == "weight") & (pc.field("feature") == "wages")).to_pylist()
    assert {row["label"]: row["value"] > 0 for row in wages} == {"left": True, "right": False}


def test_a_missing_label_is_refused_with_its_rater_file_and_row(tmp_path, own_file):
    lines = Path("news.jsonl").read_text().splitlines()
    Path("news.jsonl").write_text("\n".join([*lines, json.dumps({"text": "x", "outlet": "y", "leans": None})]))
    with pytest.raises(ConfigError, match=r"raters.leaning: .*news.jsonl, row 13: has no label"):
        fitted(tmp_path, own_file)


# --- what is said of samples ------------------------------------------------------------------------------------------


class Coin:
    """A rater that reads its labels off a text: a sentence each."""

    labels = ("noise", "clean")

    def __init__(self, are_levels: bool) -> None:
        self.are_levels = are_levels

    def probabilities(self, text: str) -> np.ndarray:
        return np.array([[0.2, 0.8] if word == "clean" else [0.9, 0.1] for word in text.split()]).reshape(-1, 2)


def arm(texts: list[str], **changes) -> Arm:
    outputs = Sequences.of([[5] * max(1, len(text.split())) for text in texts])
    written = pa.table({"text": texts, "token_ids": outputs.to_arrow()})
    settings = EvaluationSettings(diversity_tokens=100, self_bleu_samples=2, tail_share=0.1)
    given = {"train": written, "test": written, "test_nats": np.ones(len(texts)), "samples": written} | changes
    return Arm(form=TEXT, settings=settings, model=None, **given)  # pyright: ignore[reportArgumentType]


def test_shares_are_of_parts_and_levels_of_texts():
    texts = ["clean clean noise", "noise", ""]
    found = {
        (row.metric, row.evaluation_set): row
        for row in rated.measured(arm(texts, raters={"quality": Coin(are_levels=True)}))
    }
    clean = found["label_share", "rater/quality/clean"]
    assert (clean.value, clean.n, clean.standard_error) == (0.5, 4, pytest.approx(0.25))
    assert found["label_share", "rater/quality/noise"].value == 0.5
    level, index = (found[name, "rater/quality"] for name in ("quality_level", "quality_index"))
    assert (level.value, level.n) == (pytest.approx((2 / 3 + 0) / 2), 2), "the empty text has no part to rate"
    assert index.value == pytest.approx((2 * 0.8 / 3 + 0) / 2)
    assert level.standard_error == pytest.approx(np.std([2 / 3, 0], ddof=1) / np.sqrt(2))


def test_labels_that_are_no_levels_have_no_mean_and_no_text_has_no_share():
    measured = rated.measured(arm(["clean"], raters={"leaning": Coin(are_levels=False)}))
    assert {row.metric for row in measured} == {"label_share"}
    assert rated.measured(arm([""], raters={"leaning": Coin(are_levels=True)})) == []


def test_perplexity_under_the_base_is_the_mean_of_each_texts_own():
    (found,) = rated.measured(arm(["a b", "a"], base_nats=np.array([2.0, 3.0])))
    assert (found.metric, found.evaluation_set, found.value) == (
        "base_perplexity",
        "samples",
        pytest.approx((np.exp(1) + np.exp(3)) / 2),
    )


def test_at_generation_0_held_out_real_text_is_read():
    real = pa.table({"text": ["clean"], "token_ids": Sequences.of([[5]]).to_arrow()})
    first = arm(["noise"], samples=None, test=real, raters={"q": Coin(False)}, base_nats=np.array([1.0]))
    found = {(row.metric, row.evaluation_set): row.value for row in rated.measured(first)}
    assert found["label_share", "rater/q/clean"] == 1
    assert found["base_perplexity", "real_test"] == pytest.approx(np.e)


# --- inside the models ------------------------------------------------------------------------------------------------


def save_llama(folder: Path, seed: int) -> Path:
    shape = TransformerSettings.model_validate(
        {"base_model": None, "revision": None, "architecture": "llama", "n_layers": 2, "n_heads": 2, "width": 16}
        | {"context_length": 16, "tuning": "full", "lora_rank": 1, "precision": "float32"}
    )
    torch.manual_seed(seed)
    model = transformer.TransformerModel(Llama(shape, 30), configuration(shape, 30, 0, 1), torch.device("cpu"))
    model.save(folder)
    return folder / "model.json"


def test_internals_of_a_model_beside_generation_0(tmp_path):
    own, first = save_llama(tmp_path / "own", 1), save_llama(tmp_path / "first", 0)
    texts = Sequences.of([np.arange(5, 15)] * 20)
    columns = {"document_id": [f"{i:032x}" for i in range(20)], "split": ["test"] * 19 + ["train"], "text": ["x"] * 20}
    columns |= {"token_ids": texts.to_arrow(), "n_tokens": texts.lengths, "n_bytes": [1] * 20}
    columns |= {"reference_answer": pa.nulls(20, pa.string())}
    columns |= {name: ["x"] * 20 for name in ("group", "source", "licence")}
    contracts.write(tmp_path / "documents.parquet", DOCUMENTS, pa.table(columns), Record())

    def run(model: Path) -> pa.Table:
        internals.run(
            spec=InternalsSpec(device="cpu", tokens=100),
            strategy="replace",
            seed=0,
            generation=1,
            model=model,
            generation_0=first,
            documents=tmp_path / "documents.parquet",
            internals=tmp_path / "internals.parquet",
            record=Record(),
        )
        return contracts.read(tmp_path / "internals.parquet", INTERNALS)

    found = run(own)
    counts = {row["values"]: row["counts"] for row in found["quantity"].value_counts().to_pylist()}
    assert counts == {"weight": 32, "activation": 32, "effective_rank": 2, "alignment": 2, "entropy": 10, "loss": 10}
    losses = found.filter(pc.field("quantity") == "loss")
    assert set(losses["layer"].to_pylist()) == {2} and sum(np.isfinite(losses["value"].to_numpy())) == 10
    alignment = found.filter(pc.field("quantity") == "alignment")["value"].to_pylist()
    assert all(0 <= value < 0.99 for value in alignment)
    same = run(first)
    assert same.filter(pc.field("quantity") == "alignment")["value"].to_pylist() == pytest.approx([1, 1])
    weights = found.filter(pc.field("quantity") == "weight").sort_by([("layer", "ascending"), ("neuron", "ascending")])
    network = transformer.load(own.parent, "cpu").network
    down = network.layers[1].mlp.down_proj.weight[3].detach().norm().item()  # pyright: ignore
    assert weights["value"][16 + 3].as_py() > down, "what writes a neuron is a part of its weight"


def test_neurons_are_held_against_the_samples_that_their_own_model_wrote(tmp_path):
    """Neuron 1 of every model is the share that is measured one generation later, in its samples; the rest is noise."""
    settings = plan(
        seeds=[0, 1, 2],
        generations=5,
        strategies=[{"name": "replace", "compose": "replace"}, {"name": "accumulate", "compose": "accumulate"}],
        raters={
            "leaning": {"kind": "labels", "corpus": {"source": "conventions"}, "window_words": 50, "held_out": 0.2}
        },
        internals={"tokens": 100, "outcomes": [OUTCOME]},
    )
    folder, rng, measured = tmp_path / "results" / "study", np.random.default_rng(0), []
    shares = {arm: (0.5 if arm[2] == 0 else 0.5 + 0.2 * rng.normal()) for arm in layout.arms(settings.collect_spec())}
    for (strategy, seed, generation), share in shares.items():
        values = rng.normal(size=(2, 4))
        values[:, 1] = share
        rows = {"quantity": np.repeat(["weight", "activation"], 4), "layer": [0] * 8, "neuron": list(range(4)) * 2}
        of = {"strategy": [strategy] * 8, "seed": [seed] * 8, "generation": [generation] * 8}
        path = tmp_path / layout.arm("study", strategy, seed, generation) / "internals.parquet"
        contracts.write(path, INTERNALS, pa.table(of | rows | {"value": values.ravel()}), Record())
        for name in [strategy] if generation else ["replace", "accumulate"]:
            row = Measurement("label_share", OUTCOME["evaluation_set"], share, 10)
            measured.append(table([row], "study", name, seed, generation + 1))
    contracts.write(folder / "metrics.parquet", METRICS, pa.concat_tables(measured), Record())
    outputs = folder / "neurons.parquet", folder / "neuron_counts.parquet"
    record = Record(inputs={})
    neurons.run(
        spec=settings.neurons_spec(),
        metrics=folder / "metrics.parquet",
        neurons=outputs[0],
        neuron_counts=outputs[1],
        record=record,
    )
    found = contracts.read(outputs[0], NEURONS).to_pylist()
    assert len(found) == 8
    of_share = [row for row in found if row["neuron"] == 1]
    assert [row["correlation"] for row in of_share] == pytest.approx([1, 1])
    assert [row["slope"] for row in of_share] == pytest.approx([1, 1])
    others = [abs(row["correlation"]) for row in found if row["neuron"] != 1]
    assert max(others) < 0.7
    counts = contracts.read(outputs[1], NEURON_COUNTS).to_pylist()
    assert {(row["n_neurons"], row["n_changes"]) for row in counts} == {(4, 6 * 4)}
    assert len(contracts.spec_of(outputs[0]).inputs) == len(shares)
    assert REAL in str(contracts.spec_of(outputs[0]).inputs)


def test_an_outcome_that_was_not_measured_is_named(tmp_path):
    settings = plan(generations=3, seeds=[0], strategies=[{"name": "replace", "compose": "replace"}])
    settings = settings.model_copy(
        update={
            "internals": plan(
                internals={"tokens": 100, "outcomes": [{"metric": "self_bleu", "evaluation_set": "x"}]}
            ).internals
        }
    )
    for arm in layout.arms(settings.collect_spec()):
        one = {"strategy": [arm[0]], "seed": [arm[1]], "generation": [arm[2]], "quantity": ["weight"], "layer": [0]}
        path = tmp_path / layout.arm("study", *arm) / "internals.parquet"
        contracts.write(path, INTERNALS, pa.table(one | {"neuron": [0], "value": [1.0]}), Record())
    metrics = tmp_path / "results" / "study" / "metrics.parquet"
    contracts.write(metrics, METRICS, METRICS.schema.empty_table(), Record())
    with pytest.raises(ConfigError, match=r"self_bleu@x was not measured of replace, seed 0, generation 1"):
        neurons.run(
            spec=settings.neurons_spec(),
            metrics=metrics,
            neurons=tmp_path / "neurons.parquet",
            neuron_counts=tmp_path / "neuron_counts.parquet",
            record=Record(),
        )
