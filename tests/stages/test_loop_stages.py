"""generate, train and evaluate on a real source: what the loop writes, and that it does not fake collapse."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import tables
import yaml
from scipy import stats

from collapse import families
from collapse.artifacts import contracts
from collapse.artifacts.contracts import (
    DOCUMENT_LOSSES,
    DOCUMENTS,
    METRICS,
    MIXTURE,
    REFERENCES,
    SAMPLES,
    TRUTH,
    Record,
)
from collapse.artifacts.lineage import read_card
from collapse.config import Plan, load_plan
from collapse.config.form import TEXT
from collapse.config.settings import EvaluationSettings, HealthSettings, PromptSettings
from collapse.config.specs import EvaluateSpec, ReferencesSpec
from collapse.errors import EngineError
from collapse.families.ngram import count
from collapse.media.text import Vocabulary, packing
from collapse.media.text.sequences import Sequences
from collapse.media.text.tokenizer import Codec
from collapse.metrics import diversity, kneser_ney, text
from collapse.metrics.arm import Arm
from collapse.randomness import row_seeds, stream
from collapse.stages import corpus, evaluate, generate, mix, references, train

ROOT = Path(__file__).parents[2]
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())
CONFIG |= {"family": "ngram", "budget": {"match": "epochs", "amount": 1}, "experiment": "study"}
CONFIG["generate"]["engine"] = "native"
VOCABULARY_SIZE = CONFIG["tokenizer"]["vocabulary_size"]
CONFIG["corpus"] |= {"train_bytes": 40_000, "validation_bytes": 10_000, "test_bytes": 10_000}
CONFIG["strategies"] = [
    {"name": "replace", "compose": "replace"},
    {"name": "accumulate-subsample", "compose": "accumulate_subsample"},
]


def plan(**changes) -> Plan:
    return load_plan(CONFIG | changes, "test")


class Study:
    """An experiment run stage by stage, without Snakemake."""

    def __init__(self, folder: Path, settings: Plan) -> None:
        self.folder, self.plan = folder / "results" / "study", settings
        self.documents, self.tokenizer = self.folder / "documents.parquet", self.folder / "tokenizer/tokenizer.json"

    def arm(self, strategy: str, generation: int) -> Path:
        shared = "real" if generation == 0 else strategy
        path = self.folder / f"strategy={shared}/seed=0/generation={generation}"
        path.mkdir(parents=True, exist_ok=True)
        return path

    def corpus(self) -> None:
        corpus.run(spec=self.plan.corpus_spec(), documents=self.documents, encoding=self.tokenizer, record=Record())

    def mix(self, strategy: str, generation: int, samples: list[Path]) -> pa.Table:
        path = self.arm(strategy, generation) / "mixture.parquet"
        mix.run(
            spec=self.plan.mix_spec(strategy, generation, None),
            strategy=strategy,
            seed=0,
            generation=generation,
            documents=self.documents,
            samples=samples,
            verdicts=[],
            mixture=path,
            record=Record(),
        )
        return contracts.read(path, MIXTURE)

    def train(self, strategy: str, generation: int, samples: list[Path]) -> Path:
        arm = self.arm(strategy, generation)
        train.run(
            spec=self.plan.train_spec(),
            strategy=strategy,
            seed=0,
            generation=generation,
            mixture=arm / "mixture.parquet",
            documents=self.documents,
            samples=samples,
            encoding=self.tokenizer,
            model=arm / "model" / "model.json",
            training_log=arm / "training_log.parquet",
            record=Record(),
        )
        return arm / "model" / "model.json"

    def generate(self, strategy: str, generation: int, model: Path) -> Path:
        arm = self.arm(strategy, generation)
        generate.run(
            spec=self.plan.generate_spec(strategy, generation),
            strategy=strategy,
            seed=0,
            generation=generation,
            model=model,
            documents=self.documents,
            encoding=self.tokenizer,
            samples=arm / "samples.parquet",
            sampling_record=arm / "sampling_record.json",
            record=Record(),
        )
        return arm / "samples.parquet"


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Study:
    """Generation 0 trained, generation 1 drawn."""
    study = Study(tmp_path_factory.mktemp("study"), plan())
    study.corpus()
    study.mix("replace", 0, [])
    study.generate("replace", 1, study.train("replace", 0, []))
    return study


def read_samples(study: Study, generation: int = 1) -> pa.Table:
    return contracts.read(study.arm("replace", generation) / "samples.parquet", SAMPLES)


def test_as_many_samples_are_drawn_as_there_are_training_documents(study):
    documents = contracts.read(study.documents, DOCUMENTS)
    assert read_samples(study).num_rows == pc.sum(pc.equal(documents["split"], "train")).as_py()


def test_log_probabilities_of_samples_are_those_of_the_model(study):
    table = read_samples(study)
    model = families.load("ngram", study.arm("replace", 0) / "model", "cpu")
    np.testing.assert_allclose(
        -model.score(Sequences.from_arrow(table["token_ids"])), table["logprob_nats"], rtol=1e-5, atol=1e-4
    )


def test_the_model_card_names_its_mixture_and_its_files(study):
    card = read_card(study.arm("replace", 0) / "model" / "model.json")
    assert card.model_id.startswith("real.0.0@") or card.model_id.startswith("replace.0.0@")
    assert set(read_samples(study)["sampled_from"].to_pylist()) == {card.model_id}
    assert "model.safetensors" in card.files


def test_every_row_has_its_own_seed(study):
    seeds = read_samples(study)["sampler_seed"].to_pylist()
    assert len(set(seeds)) == len(seeds)


@pytest.fixture(scope="module")
def replaced(study) -> Path:
    """Generation 1 of replace, trained; its folder."""
    path = study.arm("replace", 1)
    study.mix("replace", 1, [path / "samples.parquet"])
    study.train("replace", 1, [path / "samples.parquet"])
    return path


def evaluated(study: Study, path: Path, spec: EvaluateSpec) -> tuple[pa.Table, dict[str, dict]]:
    """Losses on held-out documents, and rows of the metrics by name."""
    evaluate.run(
        spec=spec,
        strategy="replace",
        seed=0,
        generation=1,
        model=path / "model" / "model.json",
        generation_0=study.arm("replace", 0) / "model" / "model.json",
        documents=study.documents,
        mixture=path / "mixture.parquet",
        samples=path / "samples.parquet",
        raters=[],
        checkpoints=[],
        document_losses=path / "document_losses.parquet",
        metrics=path / "metrics.parquet",
        record=Record(),
    )
    losses = contracts.read(path / "document_losses.parquet", DOCUMENT_LOSSES)
    metrics = {row["metric"]: row for row in contracts.read(path / "metrics.parquet", METRICS).to_pylist()}
    return losses.filter(pc.equal(losses["evaluation_set"], "real_test")), metrics


def test_evaluation_measures_model_samples_and_mixture(study, replaced):
    test, metrics = evaluated(study, replaced, study.plan.evaluate_spec("replace", 1))
    expected = pc.sum(test["loss_nats"]).as_py() / pc.sum(test["n_tokens"]).as_py()
    assert metrics["test_loss"]["value"] == pytest.approx(expected)
    assert metrics["perplexity"]["value"] == pytest.approx(np.exp(expected))
    # The samples were written by generation 0, so their loss under it is their sampler's.
    assert metrics["generation_0_loss"]["value"] == pytest.approx(metrics["sampler_loss"]["value"], rel=1e-5)
    assert metrics["real_token_share"]["value"] == 0
    assert metrics["test_loss"]["standard_error"] > 0


def test_the_pool_and_the_passes_over_it_are_measured(study, replaced):
    _, metrics = evaluated(study, replaced, study.plan.evaluate_spec("replace", 1))
    usable = pc.sum(pc.greater(read_samples(study)["n_tokens"], 0)).as_py()
    assert (metrics["n_pool_examples"]["value"], metrics["pool_passes"]["value"]) == (usable, 1.0)
    assert "n_steps" not in metrics, "an n-gram model takes none"


def test_mass_on_types_that_real_text_lacks_is_measured_on_the_samples(study, replaced):
    _, metrics = evaluated(study, replaced, study.plan.evaluate_spec("replace", 1))
    train = contracts.read(study.documents, DOCUMENTS).filter(pc.field("split") == "train")
    real = np.unique(Sequences.from_arrow(train["token_ids"]).values)
    tokens = Sequences.from_arrow(read_samples(study)["token_ids"]).first_tokens(study.plan.evaluation.diversity_tokens)
    assert metrics["unseen_type_mass"]["evaluation_set"] == "samples"
    assert metrics["unseen_type_mass"]["value"] == pytest.approx(1 - np.isin(tokens.values, real).mean())


def test_one_document_in_twenty_loses_more_than_the_tail_metric_says(study, replaced):
    test, metrics = evaluated(study, replaced, study.plan.evaluate_spec("replace", 1))
    by_document = np.sort(test["loss_nats"].to_numpy() / test["n_tokens"].to_numpy())
    place = 0.95 * (len(by_document) - 1)
    expected = np.interp(place, np.arange(len(by_document)), by_document)
    assert metrics["document_loss_q95"]["value"] == pytest.approx(expected, rel=1e-12)
    assert len(by_document) > 20


def test_samples_are_compressed_at_the_size_at_which_diversity_is_measured(study, replaced):
    settings = study.plan.evaluation.model_copy(update={"diversity_tokens": 1_000})
    spec = study.plan.evaluate_spec("replace", 1).model_copy(update={"evaluation": settings})
    _, metrics = evaluated(study, replaced, spec)
    written = read_samples(study)
    n_first = int(np.searchsorted(np.cumsum(written["n_tokens"].to_numpy()), 1_000)) + 1
    assert n_first < written.num_rows
    expected = diversity.compression_ratio(written["text"].to_pylist()[:n_first])
    assert metrics["compression_ratio"]["value"] == pytest.approx(expected, rel=1e-12)


def test_only_the_draws_offered_to_a_strategy_are_measured(study, replaced):
    n, spec = read_samples(study).num_rows, study.plan.evaluate_spec("replace", 1)
    assert evaluated(study, replaced, spec)[1]["mean_length"]["n"] == n
    few = spec.model_copy(update={"n_samples": n // 4})
    assert evaluated(study, replaced, few)[1]["mean_length"]["n"] == n // 4
    twice = few.model_copy(update={"sets_offered": 2})
    assert evaluated(study, replaced, twice)[1]["mean_length"]["n"] == n // 4 * 2


@pytest.fixture(scope="module")
def unseen(study) -> set[int]:
    """Token types that real training text lacks."""
    train = contracts.read(study.documents, DOCUMENTS).filter(pc.field("split") == "train")
    return set(range(VOCABULARY_SIZE)) - set(Sequences.from_arrow(train["token_ids"]).values.tolist())


def test_start_and_padding_are_never_drawn_and_other_unseen_types_may_be(study, unseen):
    codec = Codec.load(study.tokenizer.parent)
    drawn = set(Sequences.from_arrow(read_samples(study)["token_ids"]).values.tolist())
    assert not drawn & {codec.bos, codec.pad}
    assert drawn & unseen


def test_unseen_types_are_not_drawn_where_they_are_forbidden(study, unseen, tmp_path):
    strict = Study(tmp_path, plan(decoding=CONFIG["decoding"] | {"unseen_types": "forbidden"}))
    strict.documents, strict.tokenizer = study.documents, study.tokenizer
    model = study.arm("replace", 0) / "model" / "model.json"
    table = contracts.read(strict.generate("replace", 1, model), SAMPLES)
    tokens = Sequences.from_arrow(table["token_ids"])
    assert not set(tokens.values.tolist()) & unseen
    assert np.mean(table["finish_reason"].to_numpy() == "stop") > 0.9
    own = families.load("ngram", model.parent, "cpu").score(tokens)
    np.testing.assert_allclose(-own, table["logprob_nats"], rtol=1e-5, atol=1e-4)


def test_a_broken_sampler_stops_the_run_where_the_config_says_so(study, tmp_path):
    gates = CONFIG["generate"]["health"] | {"max_length_ratio": 0.5, "on_failure": "stop"}
    strict = Study(tmp_path, plan(generate=CONFIG["generate"] | {"health": gates}))
    strict.documents, strict.tokenizer = study.documents, study.tokenizer
    model = study.arm("replace", 0) / "model" / "model.json"
    with pytest.raises(EngineError, match=r"look broken, not collapsed: mean length is .* times that of real"):
        strict.generate("replace", 1, model)
    record = json.loads((strict.arm("replace", 1) / "sampling_record.json").read_text())
    assert len(record["warnings"]) == 1


def test_prompts_are_the_beginnings_of_real_documents(study, tmp_path):
    prompt = {"source": "real_prefix", "n_tokens": 5, "in_training": True}
    prompted = Study(tmp_path, plan(prompt=prompt))
    prompted.documents, prompted.tokenizer = study.documents, study.tokenizer
    path = prompted.generate("replace", 1, study.arm("replace", 0) / "model" / "model.json")
    table, documents = contracts.read(path, SAMPLES), contracts.read(study.documents, DOCUMENTS)
    beginnings = {row["document_id"]: row["token_ids"][:5] for row in documents.to_pylist() if row["split"] == "train"}
    for row in table.to_pylist():
        assert row["prompt_token_ids"] == beginnings[row["prompt_id"]]


def test_a_document_that_ends_where_its_prompt_would_end_prompts_nothing():
    spec = plan(prompt={"source": "real_prefix", "n_tokens": 3, "in_training": True}).generate_spec("replace", 1)
    names = {"document_id": ["short", "just as long", "longer"], "n_tokens": [2, 3, 4]}
    train = pa.table(names | {"split": ["train"] * 3, "token_ids": pa.array([[5] * n for n in names["n_tokens"]])})
    ids, prompts = generate._inputs(spec, train, 2)
    assert (ids.to_pylist(), list(map(list, prompts))) == (["longer"] * 2, [[5, 5, 5]] * 2)


def test_what_is_edited_is_whole_real_documents_however_short():
    prompt = PromptSettings(source="real_document", n_tokens=0, in_training=False)
    spec = plan().generate_spec("replace", 1).model_copy(update={"prompt": prompt})
    names = {"document_id": ["one", "two"], "n_tokens": [1, 3], "split": ["train"] * 2}
    train = pa.table(names | {"token_ids": pa.array([[5], [6, 7, 5]])})
    ids, given = generate._inputs(spec, train, 3)
    assert (ids.to_pylist(), list(map(list, given))) == (["one", "two", "one"], [[5], [6, 7, 5], [5]])


def test_blocks_are_continued_by_the_arm_s_own_model_and_nothing_is_kept_as_their_beginning(study, tmp_path):
    blockwise = Study(tmp_path, plan(prompt={"source": "real_blocks", "n_tokens": 8, "in_training": False}))
    blockwise.documents, blockwise.tokenizer = study.documents, study.tokenizer
    path = blockwise.generate("replace", 1, study.arm("replace", 0) / "model" / "model.json")
    table, documents = contracts.read(path, SAMPLES), contracts.read(study.documents, DOCUMENTS)
    train = [row for row in documents.to_pylist() if row["split"] == "train"]
    assert table["prompt_id"].to_pylist() == [row["document_id"] for row in train]
    assert not any(table["prompt_token_ids"].to_pylist())
    assert not any(
        1 in tokens[:-1] for tokens in table["token_ids"].to_pylist()
    )  # the end of sequence, at the end only


def test_what_is_edited_again_is_what_the_generation_before_made_each_in_turn_named_by_its_real_document(tmp_path):
    prompt = PromptSettings(source="previous_sample", n_tokens=0, in_training=False)
    spec = plan().generate_spec("replace", 2).model_copy(update={"prompt": prompt})
    before = [tables.sample("real", 1, draw, [draw + 5, 1], prompt_id=name) for draw, name in enumerate("aba")]
    tables.write(tmp_path / "samples.parquet", SAMPLES, before)
    ids, given = generate._edited(tmp_path / "samples.parquet", spec, 5)
    assert (ids.to_pylist(), [row[0] for row in given]) == (["a", "b", "a", "a", "b"], [5, 6, 7, 5, 6])
    ids, given = generate._edited(tmp_path / "samples.parquet", spec, 2)
    assert (ids.to_pylist(), [row[0] for row in given]) == (["a", "b"], [5, 6])


def test_the_share_of_edited_tokens_is_counted_against_the_documents_they_were():
    real = pa.table({"document_id": ["a", "b"], "token_ids": pa.array([[3, 4, 1], [5, 1]])})
    drawn = {"prompt_id": ["b", "a"], "token_ids": pa.array([[6, 1], [3, 9, 1]])}
    arm = Arm(TEXT, EvaluationSettings(**CONFIG["evaluation"]), None, real, real, np.zeros(2))
    nothing = pa.array([[], []], pa.list_(pa.int32()))
    assert text._edited_share(arm, pa.table(drawn | {"prompt_token_ids": nothing})) == pytest.approx(2 / 5)
    begun = pa.array([[5], [3]], pa.list_(pa.int32()))
    assert text._edited_share(arm, pa.table(drawn | {"prompt_token_ids": begun})) is None
    longer = {"token_ids": pa.array([[6, 1], [3, 9, 1, 1]]), "prompt_token_ids": nothing}
    assert text._edited_share(arm, pa.table(drawn | longer)) is None
    nobody = pa.array([None, None], pa.string())
    assert text._edited_share(arm, pa.table(drawn | {"prompt_id": nobody, "prompt_token_ids": nothing})) is None


def test_the_sampling_record_counts_what_was_drawn(study):
    record = json.loads((study.arm("replace", 1) / "sampling_record.json").read_text())
    written, documents = read_samples(study), contracts.read(study.documents, DOCUMENTS)
    stopped = pc.equal(written["finish_reason"], "stop")
    expected = {
        "n_samples": written.num_rows,
        "n_stopped": pc.sum(stopped).as_py(),
        "n_truncated": pc.sum(pc.invert(stopped)).as_py(),
        "n_empty": sum(text.strip() == "" for text in written["text"].to_pylist()),
        "n_duplicates": written.num_rows - len(set(map(tuple, written["token_ids"].to_pylist()))),
        "mean_tokens": round(pc.mean(written["n_tokens"]).as_py(), 4),
        "mean_real_tokens": round(pc.mean(documents.filter(pc.field("split") == "train")["n_tokens"]).as_py(), 4),
    }
    assert {name: record[name] for name in expected} == expected


# --- the pipeline must not fake collapse ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def known_source(tmp_path_factory, study):
    """A world whose source is known: "real" documents are drawn from an n-gram model, and that same model, not one
    fitted to them, writes generation 1. Whatever differs then was put there by the pipeline.
    """
    world = Study(tmp_path_factory.mktemp("world"), plan(generate=CONFIG["generate"] | {"n_samples": 2_000}))
    source = families.load("ngram", study.arm("replace", 0) / "model", "cpu")
    n = 2_000
    drawn = source.sample(Sequences.of([[]] * n), world.plan.decoding, row_seeds(99, 0, "source", range(n)))
    rows = {
        "document_id": [f"{row:032x}" for row in range(n)],
        "split": ["train"] * n,
        "text": [""] * n,
        "token_ids": drawn.outputs.to_arrow(),
        "n_tokens": drawn.outputs.lengths.astype(np.int32),
        "n_bytes": np.zeros(n, dtype=np.int32),
        "reference_answer": pa.nulls(n, pa.string()),
        "group": [str(row) for row in range(n)],
        "source": ["known"] * n,
        "licence": ["none"] * n,
    }
    world.tokenizer = study.tokenizer
    contracts.write(world.documents, DOCUMENTS, pa.table(rows), Record())
    world.generate("replace", 1, study.arm("replace", 0) / "model" / "model.json")
    return world, source


def tokens_of(world: Study, mixture: pa.Table) -> Sequences:
    tables = [contracts.read(world.documents, DOCUMENTS, ["document_id", "token_ids"])]
    if "synthetic" in mixture["origin"].to_pylist():
        tables.append(contracts.read(world.arm("replace", 1) / "samples.parquet", SAMPLES, ["sample_id", "token_ids"]))
    texts = {
        name: tokens for table in tables for name, tokens in zip(*map(pa.ChunkedArray.to_pylist, table), strict=True)
    }
    return Sequences.of(texts[name] for name in mixture["example_id"].to_pylist())


@pytest.mark.parametrize("strategy", ["replace", "accumulate-subsample"])
def test_under_the_true_source_generation_1_is_like_generation_0(known_source, strategy):
    """Lengths, positions and losses agree within error after sampling, composing, subsampling and packing."""
    world, source = known_source
    real = tokens_of(world, world.mix("replace", 0, []))
    synthetic = tokens_of(world, world.mix(strategy, 1, [world.arm("replace", 1) / "samples.parquet"]))
    assert len(synthetic) == len(real) == 2_000

    assert stats.ks_2samp(real.lengths, synthetic.lengths).pvalue > 1e-3
    losses = [source.score(texts) / texts.lengths for texts in (real, synthetic)]
    assert stats.ttest_ind(*losses, equal_var=False).pvalue > 1e-3
    counts = [np.bincount(texts.values, minlength=VOCABULARY_SIZE) for texts in (real, synthetic)]
    common = np.minimum(*counts) >= 20
    assert stats.chi2_contingency([c[common] for c in counts]).pvalue > 1e-3

    positions = [_positions(texts) for texts in (real, synthetic)]
    assert stats.ks_2samp(*positions).statistic < 0.02
    eos = int(real.values[real.offsets[1:][real.lengths < 127] - 1][0])
    assert all((texts.values == eos).sum() / len(texts) > 0.7 for texts in (real, synthetic)), (
        "documents keep their ends"
    )


def _positions(texts: Sequences) -> np.ndarray:
    batches = packing.batches(texts, None, 0, 128, 8)
    return np.concatenate([batch.positions[batch.segments >= 0] for _, batch in batches])


def test_the_check_above_sees_a_sampler_that_loses_document_ends(known_source):
    """The trap it is there for: text cut into windows of equal length, as a stream sampler does."""
    world, _source = known_source
    real = tokens_of(world, world.mix("replace", 0, []))
    windows = real.values[: len(real.values) // 64 * 64].reshape(-1, 64)
    assert stats.ks_2samp(real.lengths, Sequences.of(windows).lengths).pvalue < 1e-6
    assert stats.ks_2samp(_positions(real), _positions(Sequences.of(windows))).statistic > 0.1


def test_a_refit_source_drifts_from_the_truth(known_source, study):
    """And real collapse is still seen: a model refitted to its own samples scores fresh real text worse each time."""
    world, source = known_source
    held_out = source.sample(
        Sequences.of([[]] * 500), world.plan.decoding, row_seeds(7, 0, "held out", range(500))
    ).outputs
    texts = tokens_of(world, world.mix("replace", 0, []))
    rng, losses = stream(0, 0, "refit"), []
    vocabulary = Vocabulary(VOCABULARY_SIZE, 0, 1)
    for _ in range(3):
        model = count(world.plan.ngram, vocabulary, texts)
        losses.append(model.score(held_out).sum() / held_out.n_tokens)
        seeds = rng.integers(0, 2**62, 2_000)
        texts = model.sample(Sequences.of([[]] * 2_000), world.plan.decoding, seeds).outputs
    assert losses[0] < losses[1] < losses[2]


# --- gates ------------------------------------------------------------------------------------------------------------

HEALTHY = {
    "n_samples": 20,
    "n_stopped": 10,
    "n_truncated": 10,
    "n_empty": 1,
    "n_duplicates": 2,
    "mean_tokens": 30.0,
    "mean_real_tokens": 20.0,
}
AT_THE_LIMIT = {
    "max_duplicate_fraction": 0.1,
    "min_stopped_fraction": 0.5,
    "max_empty_fraction": 0.05,
    "min_length_ratio": 1.5,
    "max_length_ratio": 1.5,
    "on_failure": "warn",
}


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({}, None),
        ({"n_duplicates": 3}, "3 of 20 are duplicates"),
        ({"n_stopped": 9}, "only 9 of 20 ended themselves"),
        ({"n_empty": 2}, "2 of 20 are empty"),
        ({"mean_tokens": 30.2}, "mean length is 1.51 times that of real documents"),
        ({"mean_tokens": 29.8}, "mean length is 1.49 times that of real documents"),
    ],
)
def test_a_gate_warns_beyond_its_limit_and_not_at_it(facts, words):
    told = generate.health_warnings(HEALTHY | facts, HealthSettings.model_validate(AT_THE_LIMIT))
    assert told == ([words] if words else [])


def test_what_is_said_of_samples_is_said_of_all_that_were_drawn(study, replaced):
    settings = study.plan.evaluation.model_copy(update={"diversity_tokens": 1_500, "self_bleu_samples": 30})
    spec = study.plan.evaluate_spec("replace", 1).model_copy(update={"evaluation": settings})
    _, metrics = evaluated(study, replaced, spec)
    table = read_samples(study)
    tokens = Sequences.from_arrow(table["token_ids"])
    first = tokens.first_tokens(1_500)
    expected = {
        "mean_length": tokens.lengths.mean(),
        "stopped_fraction": np.mean([reason == "stop" for reason in table["finish_reason"].to_pylist()]),
        "empty_fraction": np.mean([text.strip() == "" for text in table["text"].to_pylist()]),
        "duplicate_fraction": 1 - len({row.tobytes() for row in tokens}) / len(tokens),
        "self_bleu": diversity.self_bleu(tokens.take(np.arange(30))),
        "type_entropy": stats.entropy(np.bincount(first.values)),
        **{f"distinct_{n}": diversity.distinct_n(first, n) for n in (1, 2, 3, 4)},
    }
    assert {name: metrics[name]["value"] for name in expected} == pytest.approx(expected)
    assert metrics["distinct_2"]["n"] == first.n_tokens


def test_generation_0_has_no_samples_so_real_text_stands_in(study):
    arm = study.arm("replace", 0)
    evaluate.run(
        spec=study.plan.evaluate_spec("real", 0),
        strategy="real",
        seed=0,
        generation=0,
        model=arm / "model" / "model.json",
        generation_0=arm / "model" / "model.json",
        documents=study.documents,
        mixture=arm / "mixture.parquet",
        raters=[],
        checkpoints=[],
        document_losses=arm / "document_losses.parquet",
        metrics=arm / "metrics.parquet",
        record=Record(),
    )
    metrics = contracts.read(arm / "metrics.parquet", METRICS).to_pylist()
    assert {row["evaluation_set"] for row in metrics} == {"real_test", "real_train", "mixture"}
    assert not {"sampler_loss", "mean_length"} & {row["metric"] for row in metrics}
    by_name = {row["metric"]: row["value"] for row in metrics}
    assert (by_name["real_token_share"], by_name["surviving_vocabulary"] > 0.5) == (1.0, True)
    assert (by_name["unseen_type_mass"], by_name["pool_passes"]) == (0.0, 1.0)


def test_a_mixture_of_one_example_is_measured(study, tmp_path):
    single = Study(tmp_path, plan(budget={"match": "documents", "amount": 1}))
    single.documents, single.tokenizer = study.documents, study.tokenizer
    n_pool = single.mix("replace", 0, [])["n_pool"].to_pylist()
    found = {one.metric: one.value for one in evaluate._provenance(single.arm("replace", 0) / "mixture.parquet", 0)}
    assert len(n_pool) == 1 < n_pool[0]
    assert (found["n_pool_examples"], found["pool_passes"]) == (n_pool[0], 1 / n_pool[0])


def test_references_are_a_bigram_and_a_trigram_of_the_real_training_text(study, tmp_path):
    path, codec = tmp_path / "references.parquet", Codec.load(study.tokenizer.parent)
    spec = ReferencesSpec(pretraining_text_is_known=True)
    references.run(spec=spec, documents=study.documents, encoding=study.tokenizer, references=path, record=Record())
    documents = contracts.read(study.documents, DOCUMENTS)
    train, test = (
        Sequences.from_arrow(documents.filter(pc.field("split") == split)["token_ids"]) for split in ("train", "test")
    )
    losses = [kneser_ney.losses(train, test, order, codec.size, codec.bos).sum() for order in (2, 3)]
    found = contracts.read(path, REFERENCES).to_pylist()
    assert [(row["model"], row["n_order"]) for row in found] == [("bigram", 2), ("trigram", 3)]
    assert [row["test_loss"] for row in found] == pytest.approx([nats / test.n_tokens for nats in losses])
    assert {row["n_training_tokens"] for row in found} == {train.n_tokens}


# --- beside a source that is known ------------------------------------------------------------------------------------

LISTED, P = [[5, 6], [5, 7], [8]], np.array([0.5, 0.3, 0.2])


class Knowing:
    """A model that gives every listed document its probability, times `share`."""

    def __init__(self, share: float = 1.0) -> None:
        self.share = share

    def score(self, texts: Sequences, prompts: Sequences | None = None) -> np.ndarray:
        return -np.log(self.share * P)


def distances(folder: Path, model: Knowing, written: list[list[int]], prompts: list[list[int]] | None = None) -> dict:
    rows = {"text_id": list("abc"), "text": list("abc"), "probability": P, "log_probability": np.log(P)}
    tokens = {"token_ids": Sequences.of(LISTED).to_arrow(), "n_tokens": np.array([2, 2, 1], np.int32)}
    truth = folder / "truth.parquet"
    contracts.write(truth, TRUTH, pa.table(rows | tokens), Record())
    given = Sequences.of(prompts or [[]] * len(written))
    samples = pa.table({"token_ids": Sequences.of(written).to_arrow(), "prompt_token_ids": given.to_arrow()})
    settings = EvaluationSettings(diversity_tokens=100, self_bleu_samples=2, tail_share=0.25)
    nothing = pa.table({})
    arm = Arm(TEXT, settings, model, train=nothing, test=nothing, test_nats=-np.log(P))
    found = text._distances(arm, model, contracts.read(truth, TRUTH), samples, "samples")
    return {one.metric: one.value for one in found}


def test_a_model_that_is_the_source_has_no_distance_from_it(tmp_path):
    found = distances(tmp_path, Knowing(), [[5, 6]])
    entropy = -np.sum(P * np.log(P))
    exact = {"kl_to_source": 0, "tv_to_source": 0, "support_mass": 1, "support_entropy": entropy}
    assert {name: found[name] for name in exact} == pytest.approx(exact, abs=1e-12)
    assert found["source_entropy"] == pytest.approx(entropy)
    assert found["source_tail_mass"] == pytest.approx(0.2), "the rarest document, a quarter of the mass or less"


def test_half_the_mass_off_the_source_is_log_two_away_from_it(tmp_path):
    found = distances(tmp_path, Knowing(0.5), [[5, 6]])
    assert (found["kl_to_source"], found["support_mass"]) == pytest.approx((np.log(2), 0.5))


def test_samples_are_grammatical_if_they_are_listed_and_cover_the_probability_of_what_they_say(tmp_path):
    found = distances(tmp_path, Knowing(), [[5, 6], [5, 6], [8], [9]])
    assert (found["grammatical_fraction"], found["support_coverage"]) == pytest.approx((0.75, 0.7))
    prompted = distances(tmp_path, Knowing(), [[6], [6]], prompts=[[5], [8]])
    assert (prompted["grammatical_fraction"], prompted["support_coverage"]) == pytest.approx((0.5, 0.5))
