"""Composition on real tables: budgets, lineage, and documents kept whole."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import tables

from collapse.artifacts import contracts
from collapse.artifacts.contracts import DOCUMENTS, MIXTURE, SAMPLES, VERDICTS, Record
from collapse.config.settings import BudgetSettings, Strategy
from collapse.config.specs import MixSpec
from collapse.errors import ContractError, EngineError
from collapse.media.text.packing import assign_batches
from collapse.stages import mix

RNG = np.random.default_rng(0)
LENGTHS = {split: RNG.integers(3, 30, n) for split, n in (("train", 50), ("test", 10), ("reserve", 40))}


@pytest.fixture
def experiment(tmp_path) -> Path:
    folder = tmp_path / "results" / "example"
    rows = [
        tables.document(f"{split}-{index:03d}", [5] * int(length), split)
        for split, lengths in LENGTHS.items()
        for index, length in enumerate(lengths)
    ]
    tables.write(folder / "documents.parquet", DOCUMENTS, rows)
    return folder


def samples(experiment: Path, generation: int, n: int = 50, n_prompt: int = 0, shortest: int = 4) -> Path:
    prompt = {"prompt_token_ids": [7] * n_prompt}
    rows = [tables.sample("replace", generation, draw, [6] * (shortest + draw % 20), **prompt) for draw in range(n)]
    path = experiment / f"strategy=replace/seed=0/generation={generation}/samples.parquet"
    tables.write(path, SAMPLES, rows)
    return path


def verdicts(experiment: Path, generation: int, accepted: list[bool]) -> Path:
    judged = [tables.sample("replace", generation, draw, []) for draw in range(len(accepted))]
    path = experiment / f"strategy=replace/seed=0/generation={generation}/verdicts.parquet"
    tables.write(
        path, VERDICTS, [tables.verdict(row, "taste", good) for row, good in zip(judged, accepted, strict=True)]
    )
    return path


def spec(compose="replace", match="epochs", amount=1.0, **changes) -> MixSpec:
    strategy = {
        name: changes.pop(name)
        for name in ("real_fraction", "window", "verifiers", "synthetic_weight", "labels", "pool", "stream")
        if name in changes
    }
    values = {
        "strategy": Strategy(name="real" if compose == "real" else "replace", compose=compose, **strategy),
        "budget": BudgetSettings(match=match, amount=amount),
        "prompt_in_training": False,
        "n_samples": None,
        "sets_offered": 1,
        "batch_size": 4,
        "context_length": 32,
        "flops_per_token": None,
    }
    return MixSpec(**(values | changes))


def mixture(experiment, spec_, generation=1, sample_paths=(), verdict_paths=()) -> pa.Table:
    path = experiment / f"strategy=replace/seed=0/generation={generation}/mixture.parquet"
    mix.run(
        spec=spec_,
        strategy="replace",
        seed=0,
        generation=generation,
        documents=experiment / "documents.parquet",
        samples=list(sample_paths),
        verdicts=list(verdict_paths),
        mixture=path,
        record=Record(),
    )
    return contracts.read(path, MIXTURE)


def test_generation_0_is_every_training_document_once_and_no_other(experiment):
    table = mixture(experiment, spec(), generation=0)
    assert sorted(table["example_id"].to_pylist()) == [f"train-{i:03d}" for i in range(50)]
    assert set(table["origin"].to_pylist()) == {"real"}
    assert table["n_real_tokens"].to_pylist() == table["n_tokens"].to_pylist()


def test_replace_holds_no_real_row(experiment):
    table = mixture(experiment, spec(), sample_paths=[samples(experiment, 1)])
    assert set(table["origin"].to_pylist()) == {"synthetic"}
    assert sum(table["n_real_tokens"].to_pylist()) == 0
    assert set(table["source"].to_pylist()) == {"strategy=replace/seed=0/generation=1/samples.parquet"}


def test_only_accepted_samples_are_used(experiment):
    accepted = [draw % 3 == 0 for draw in range(50)]
    table = mixture(
        experiment,
        spec(verifiers=("taste",)),
        sample_paths=[samples(experiment, 1)],
        verdict_paths=[verdicts(experiment, 1, accepted)],
    )
    assert {int(i[-7:]) for i in table["example_id"].to_pylist()} == {d for d, good in enumerate(accepted) if good}


@pytest.mark.parametrize(
    ("n_accepted", "says"), [(50, None), (20, "of 50 samples of generation 1, 20 pass every verifier")]
)
def test_what_is_missing_after_verification_is_said_with_what_would_do(experiment, caplog, n_accepted, says):
    with caplog.at_level("WARNING"):
        mixture(
            experiment,
            spec(verifiers=("taste",)),
            sample_paths=[samples(experiment, 1)],
            verdict_paths=[verdicts(experiment, 1, [draw < n_accepted for draw in range(50)])],
        )
    told = " ".join(caplog.messages)
    assert (says is None) == (told == "")
    if says:
        assert says in told and "room for 50, so 30 are missing" in told and "3 would do" in told  # 50 / 20, rounded up


def test_a_verifier_that_accepts_nothing_stops_the_arm_with_the_reason(experiment):
    with pytest.raises(EngineError, match=r"no sample of generation 1 is usable; its verifiers \(taste\)"):
        mixture(
            experiment,
            spec(verifiers=("taste",)),
            sample_paths=[samples(experiment, 1)],
            verdict_paths=[verdicts(experiment, 1, [False] * 50)],
        )


def test_only_the_draws_offered_to_a_strategy_are_used(experiment):
    table = mixture(experiment, spec(), sample_paths=[samples(experiment, 1, n=120)])
    assert {int(i[-7:]) for i in table["example_id"].to_pylist()} == set(range(50))


@pytest.mark.parametrize("amount", [700, 2500, 9000])
def test_a_token_budget_is_kept_to_within_one_example(experiment, amount):
    table = mixture(experiment, spec(match="tokens", amount=amount), sample_paths=[samples(experiment, 1)])
    total = sum(table["n_tokens"].to_pylist())
    assert amount - 30 < total <= amount


def test_a_flops_budget_is_a_token_budget_over_flops_per_token(experiment):
    by_flops = spec(match="flops", amount=2500 * 3e6, flops_per_token=3e6)
    paths = [samples(experiment, 1)]
    assert mixture(experiment, by_flops, sample_paths=paths).equals(
        mixture(experiment, spec(match="tokens", amount=2500), sample_paths=paths)
    )


@pytest.mark.parametrize("steps", [1, 7, 40])
def test_a_step_budget_gives_exactly_so_many_optimizer_steps(experiment, steps):
    table = mixture(experiment, spec(match="steps", amount=steps), sample_paths=[samples(experiment, 1)])
    assert len(assign_batches(table["n_tokens"].to_numpy(), 32, 4)) == steps


def test_a_document_budget_counts_documents_and_repeats_only_after_a_whole_pass(experiment):
    table = mixture(experiment, spec(match="documents", amount=120), sample_paths=[samples(experiment, 1)])
    assert table.num_rows == 120
    repeats = table["repeat"].to_numpy()
    assert [int((repeats == k).sum()) for k in range(3)] == [50, 50, 20]
    first = table["example_id"].to_pylist()[:50]
    assert len(set(first)) == 50 and first != table["example_id"].to_pylist()[50:100]


def test_a_budget_that_ends_before_one_pass_is_told_with_the_share_that_was_seen(experiment, caplog):
    paths = [samples(experiment, 1), samples(experiment, 2)]
    table = mixture(experiment, spec("accumulate", "documents", 60), 2, paths)
    assert (table.num_rows, set(table["n_pool"].to_pylist())) == (60, {150})
    assert "before one pass: 60 of 150 examples are seen" in caplog.text


@pytest.mark.parametrize(("match", "amount"), [("documents", 150), ("epochs", 0.4)])
def test_a_whole_pass_and_a_pass_that_is_asked_to_be_short_are_no_news(experiment, caplog, match, amount):
    mixture(experiment, spec("accumulate", match, amount), 2, [samples(experiment, 1), samples(experiment, 2)])
    assert "before one pass" not in caplog.text


def test_matched_budgets_are_equal_between_strategies_of_unequal_size(experiment):
    paths = [samples(experiment, 1), samples(experiment, 2)]
    totals = [
        sum(mixture(experiment, spec(compose, "tokens", 4000), 2, read)["n_tokens"].to_pylist())
        for compose, read in (("replace", paths[1:]), ("accumulate", paths))
    ]
    assert abs(totals[0] - totals[1]) < 30


def test_fresh_real_documents_are_never_used_twice(experiment):
    used = [
        set(
            mixture(experiment, spec("fresh_real", real_fraction=0.2), g, [samples(experiment, g)])["example_id"]
            .to_pandas()
            .loc[lambda ids: ids.str.startswith("reserve")]
        )
        for g in (1, 2, 3, 4)
    ]
    assert [len(ids) for ids in used] == [10] * 4
    assert len(set.union(*used)) == 40


def test_a_used_up_reserve_is_refused_by_name_of_the_setting(experiment):
    with pytest.raises(EngineError, match=r"corpus\.reserve_bytes"):
        mixture(experiment, spec("fresh_real", real_fraction=0.2), 5, [samples(experiment, 5)])


def test_a_reserve_that_is_one_document_short_is_refused(experiment):
    """It holds 40; 0.82 of 50 are 41."""
    with pytest.raises(EngineError, match=r"needs fresh real documents 0 to 40, but the reserve holds 40"):
        mixture(experiment, spec("fresh_real", real_fraction=0.82), 1, [samples(experiment, 1)])


def test_prompts_count_as_real_tokens_when_they_are_trained_on(experiment):
    path = samples(experiment, 1, n_prompt=8)
    table = mixture(experiment, spec(prompt_in_training=True), sample_paths=[path])
    assert set(table["n_real_tokens"].to_pylist()) == {8}
    assert min(table["n_tokens"].to_pylist()) == 12


def test_strategies_share_the_shuffle_of_a_seed(experiment):
    """Paired contrasts need the same noise: equal sizes are shuffled alike, whatever they hold."""
    real = mixture(experiment, spec(), generation=0)["example_id"].to_pylist()
    again = mixture(experiment, spec("accumulate"), generation=0)["example_id"].to_pylist()
    assert real == again


def test_generations_are_shuffled_apart(experiment):
    """Else the order in which the same documents are seen would be the same error in every generation."""
    first, second = (mixture(experiment, spec("real"), g)["example_id"].to_pylist() for g in (1, 2))
    assert sorted(first) == sorted(second)
    assert first != second


def test_a_sample_without_a_token_is_not_trained_on(experiment):
    table = mixture(experiment, spec(), sample_paths=[samples(experiment, 1, shortest=0)])
    assert {int(i[-7:]) for i in table["example_id"].to_pylist()} == set(range(50)) - {0, 20, 40}


def test_samples_weigh_what_their_strategy_says_and_real_documents_one(experiment):
    table = mixture(experiment, spec("accumulate", synthetic_weight=0.25), sample_paths=[samples(experiment, 1)])
    found = set(zip(table["origin"].to_pylist(), table["weight"].to_pylist(), strict=True))
    assert found == {("real", 1.0), ("synthetic", 0.25)}
    plain = mixture(experiment, spec("accumulate"), sample_paths=[samples(experiment, 1)])
    assert set(plain["weight"].to_pylist()) == {1.0}
    assert plain["example_id"].to_pylist() == table["example_id"].to_pylist()  # weights change no order


# --- labels that say what is synthetic, with errors ---


def labels(found: float, false: float, shown: bool = False) -> dict:
    return {"true_positive_rate": found, "false_positive_rate": false, "shown": shown}


def test_labels_without_errors_leave_the_real_documents_alone(experiment):
    table = mixture(experiment, spec("accumulate", labels=labels(1, 0)), sample_paths=[samples(experiment, 1)])
    assert sorted(table["example_id"].to_pylist()) == [f"train-{i:03d}" for i in range(50)]


def test_labels_that_err_leave_out_real_documents_and_let_samples_in_the_same_ones_in_every_generation(experiment):
    one = samples(experiment, 1, n=400)
    first = mixture(experiment, spec("accumulate", n_samples=400, labels=labels(0.7, 0.2)), sample_paths=[one])
    later = mixture(
        experiment,
        spec("accumulate", n_samples=400, labels=labels(0.7, 0.2)),
        generation=2,
        sample_paths=[one, samples(experiment, 2, n=400)],
    )
    real = [{i for i in table["example_id"].to_pylist() if i.startswith("train")} for table in (first, later)]
    assert real[0] == real[1] and 30 <= len(real[0]) <= 48
    synthetic = [i for i in first["example_id"].to_pylist() if not i.startswith("train")]
    assert len(synthetic) == len(real[0])  # at most T of a generation, and T is what is labelled real


def test_labels_that_are_shown_decide_the_weight_whatever_an_example_is(experiment):
    shown = spec("accumulate", synthetic_weight=0.25, labels=labels(0.8, 0.3, shown=True))
    table = mixture(experiment, shown, sample_paths=[samples(experiment, 1)])
    assert table.num_rows == 100
    of_real, of_samples = (
        table.filter(pa.compute.equal(table["origin"], origin))["weight"].to_numpy() for origin in ("real", "synthetic")
    )
    assert set(of_real) == set(of_samples) == {0.25, 1.0}
    assert (of_real == 0.25).sum() < (of_samples == 0.25).sum()
    first = mixture(experiment, shown, generation=0)
    assert set(first["weight"].to_pylist()) == {1.0}


def test_a_set_of_which_labels_leave_nothing_is_refused_with_what_to_do(experiment):
    with pytest.raises(EngineError, match=r"labels call every example synthetic.*\n  Lower labels.true_positive_rate"):
        mixture(experiment, spec("accumulate", labels=labels(1, 1)), sample_paths=[samples(experiment, 1)])


# --- several strategies in one pool ---


def test_verdicts_of_a_pool_are_each_strategy_s_own(experiment):
    """Of the newest samples, one strategy's verifiers refuse the first half, the other's the second."""
    own, judged = samples(experiment, 2), verdicts(experiment, 2, [draw >= 25 for draw in range(50)])
    other = experiment / "strategy=other/seed=0/generation=2"
    rows = [tables.sample("other", 2, draw, [8] * 5) for draw in range(50)]
    tables.write(other / "samples.parquet", SAMPLES, rows)
    said = [tables.verdict(row, "sense", row["draw"] < 25) for row in rows]
    tables.write(other / "verdicts.parquet", VERDICTS, said)
    table = mixture(
        experiment,
        spec(verifiers=("taste",), pool=("other",)),
        generation=2,
        sample_paths=[own, other / "samples.parquet"],
        verdict_paths=[judged, other / "verdicts.parquet"],
    )
    used = {(i.split(".")[0], int(i[-7:]) >= 25) for i in table["example_id"].to_pylist()}
    assert used == {("replace", True), ("other", False)} and table.num_rows == 50


def test_samples_whose_verdicts_nobody_gave_are_not_taken_as_accepted(experiment):
    with pytest.raises(ContractError, match="its samples have no verdicts"):
        mixture(experiment, spec(verifiers=("taste",)), generation=2, sample_paths=[samples(experiment, 2)])
