"""Every strategy's mixtures, as `mix` makes them, pass at every budget; at another budget or strategy they do not."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import tables

from collapse.artifacts import contracts
from collapse.artifacts.contracts import DOCUMENTS, MIXTURE, SAMPLES, VERDICTS, Record
from collapse.config.settings import BudgetSettings, Strategy
from collapse.config.specs import MixSpec
from collapse.questions.audit import Arm, mixed
from collapse.questions.audit.drawn import Documents, Samples
from collapse.questions.audit.mixed import Mixed
from collapse.questions.audit.walk import MIXTURE_CHECKS
from collapse.stages import mix
from collapse.strategies import COMPOSE, generations_read, sampled_from

GENERATION = 3
PARAMETERS = {
    "mix": {"real_fraction": 0.3},
    "preserve": {"real_fraction": 0.2},
    "fresh_real": {"real_fraction": 0.25},
    "feedback": {"real_fraction": 0.25},
    "window": {"window": 2},
}
BUDGETS = [
    ("epochs", 1),
    ("epochs", 0.4),
    ("epochs", 2.5),
    ("documents", 1),
    ("documents", 7),
    ("documents", 130),
    ("tokens", 3),
    ("tokens", 200),
    ("tokens", 5000),
    ("flops", 9000),
    ("steps", 1),
    ("steps", 30),
]
SPLITS = {"train": 40, "validation": 5, "test": 10, "reserve": 40}


def spec(compose: str, match: str = "epochs", amount: float = 1, verifiers: tuple[str, ...] = ()) -> MixSpec:
    name = "real" if compose == "real" else "tried"
    strategy = Strategy(name=name, compose=compose, verifiers=verifiers, **PARAMETERS.get(compose, {}))
    return MixSpec(
        strategy=strategy,
        budget=BudgetSettings(match=match, amount=amount),
        prompt_in_training=True,
        n_samples=None,
        sets_offered=strategy.sets_offered(GENERATION),
        batch_size=4,
        context_length=32,
        flops_per_token=3.0 if match == "flops" else None,
    )


def write_documents(folder: Path) -> None:
    lengths = np.random.default_rng(0).integers(3, 30, sum(SPLITS.values()))
    splits = [split for split, n in SPLITS.items() for _ in range(n)]
    rows = [
        tables.document(f"{index:032x}", [5] * int(length), split)
        for index, (split, length) in enumerate(zip(splits, lengths, strict=True))
    ]
    tables.write(folder / "documents.parquet", DOCUMENTS, rows)


def write_samples(folder: Path, arm: Arm, n: int) -> None:
    drawn = [
        tables.sample(arm.strategy, arm.generation, draw, [6] * (1 + draw % 20), prompt_token_ids=[7] * 2)
        for draw in range(n)
    ]
    tables.write(folder / arm.folder / "samples.parquet", SAMPLES, drawn)
    judged = [
        tables.verdict(row, verifier, row["draw"] % 5 != refuses)
        for row in drawn
        for refuses, verifier in enumerate(("taste", "sense"))
    ]
    tables.write(folder / arm.folder / "verdicts.parquet", VERDICTS, judged)


@pytest.fixture(scope="module")
def experiment(tmp_path_factory) -> Path:
    """Real documents, and samples of three generations with verdicts on them."""
    folder = tmp_path_factory.mktemp("mixed") / "results" / "example"
    write_documents(folder)
    for generation in (1, 2, 3):
        write_samples(folder, Arm("tried", 0, generation).samples, n=200)
        if generation == 1:  # a strategy's own verdicts on the samples that all share
            shared, own = (folder / arm.folder for arm in (Arm("real", 0, 1), Arm("tried", 0, 1)))
            own.mkdir(parents=True)
            (shared / "verdicts.parquet").rename(own / "verdicts.parquet")
        else:
            write_samples(folder, Arm("second", 0, generation), n=200)
    return folder


def composed(experiment: Path, made: MixSpec) -> Mixed:
    """A mixture as `mix` makes it, and what it was made from."""
    arm = Arm("tried", 0, GENERATION)
    read = [
        arm._replace(strategy=name, generation=generation)
        for generation in generations_read(made.strategy, GENERATION)
        for name in sampled_from(made.strategy, generation)
    ]
    samples = {one: experiment / one.samples.folder / "samples.parquet" for one in read}
    judged = [one for one in read if made.strategy.verifiers or one.strategy != arm.strategy]
    verdicts = {one: experiment / one.folder / "verdicts.parquet" for one in judged}
    path = experiment / arm.folder / "mixture.parquet"
    mix.run(
        spec=made,
        **arm._asdict(),
        documents=experiment / "documents.parquet",
        samples=list(samples.values()),
        verdicts=list(verdicts.values()),
        mixture=path,
        record=Record(),
    )
    accepted = {
        one: pa.chunked_array(
            [[sample for sample in contracts.read(path, VERDICTS)["sample_id"].to_pylist() if int(sample[-7:]) % 5 > 1]]
        )
        for one, path in verdicts.items()
    }
    return Mixed(
        arm=arm,
        spec=made,
        table=contracts.read(path, MIXTURE),
        documents=Documents.of(contracts.read(experiment / "documents.parquet", DOCUMENTS)),
        samples={one: Samples.of(contracts.read(path, SAMPLES)) for one, path in samples.items()},
        accepted=accepted,
    )


def faults(whole: Mixed) -> dict[str, list[str]]:
    found = {check: function(whole) for check, function in MIXTURE_CHECKS.items()}
    return {check: told for check, told in (found | {"passes": mixed.passes_faults(whole.table)}).items() if told}


@pytest.mark.parametrize(("match", "amount"), BUDGETS)
@pytest.mark.parametrize("compose", COMPOSE)
def test_what_mix_makes_passes(experiment, compose, match, amount):
    assert faults(composed(experiment, spec(compose, match, amount))) == {}


@pytest.mark.parametrize("compose", ["replace", "accumulate", "accumulate_subsample", "window"])
def test_what_mix_makes_of_accepted_samples_passes(experiment, compose):
    assert faults(composed(experiment, spec(compose, verifiers=("taste", "sense")))) == {}


def pooled(compose: str, **changes) -> MixSpec:
    """A strategy that reads another's samples too, which that one's verifiers have let through."""
    plain = spec(compose)
    strategy = Strategy.model_validate(plain.strategy.model_dump() | {"pool": ("second",)} | changes)
    return plain.model_copy(update={"strategy": strategy})


@pytest.mark.parametrize("compose", sorted(COMPOSE.keys() - {"real"}))
def test_what_mix_makes_of_a_pool_passes_and_holds_samples_of_both(experiment, compose):
    whole = composed(experiment, pooled(compose))
    assert faults(whole) == {}
    newest = whole.table.filter(pc.field("origin_generation") == GENERATION)
    writers = {source.split("/")[0] for source in newest["source"].to_pylist()}
    assert writers == {"strategy=tried", "strategy=second"}
    refused = [i for i in newest["example_id"].to_pylist() if i.startswith("second") and int(i[-7:]) % 5 <= 1]
    assert not refused
    assert "generations" in faults(replace(whole, spec=spec(compose)))


def test_a_pool_is_as_large_as_one_strategy_and_drawn_from_all_alike(experiment):
    table = composed(experiment, pooled("replace")).table
    assert table.num_rows == SPLITS["train"]
    n_second = sum(source.startswith("strategy=second") for source in table["source"].to_pylist())
    # 40 of the 40 offered of the one and the 24 accepted of the other's first 40.
    assert abs(n_second - 40 * 24 / 64) < 4 * np.sqrt(40 * (24 / 64) * (40 / 64) * (24 / 63))


def test_another_stream_composes_and_shuffles_otherwise_from_the_same(experiment):
    one, other = (composed(experiment, pooled("replace", stream=number)) for number in (0, 1))
    assert faults(other) == {}
    assert one.table["example_id"].to_pylist() != other.table["example_id"].to_pylist()


def labelled(compose: str, shown: bool = False) -> MixSpec:
    """A strategy whose labels err: hidden from training, or shown to it."""
    plain = spec(compose)
    labels = {"true_positive_rate": 0.7, "false_positive_rate": 0.2, "shown": shown}
    weight = {"synthetic_weight": 0.5} if shown else {}
    strategy = Strategy.model_validate(plain.strategy.model_dump() | weight | {"labels": labels})
    return plain.model_copy(update={"strategy": strategy})


@pytest.mark.parametrize("compose", sorted(COMPOSE.keys() - {"real"}))
def test_what_mix_makes_by_labels_that_err_passes_and_without_them_does_not(experiment, compose):
    whole = composed(experiment, labelled(compose))
    assert faults(whole) == {}
    without = composed(experiment, spec(compose))
    found = faults(replace(without, spec=labelled(compose)))
    assert {"usable", "splits"} & found.keys() and "shares" in found
    assert any("label calls synthetic" in one for one in found.get("splits", ["label calls synthetic"]))


def test_weights_by_labels_that_are_shown_pass_and_weights_by_origin_do_not(experiment):
    whole = composed(experiment, labelled("accumulate", shown=True))
    assert faults(whole) == {}
    by_origin = spec("accumulate")
    by_origin = by_origin.model_copy(
        update={"strategy": by_origin.strategy.model_copy(update={"synthetic_weight": 0.5})}
    )
    assert "weights" in faults(replace(whole, spec=by_origin))


@pytest.mark.parametrize(("match", "amount"), BUDGETS)
def test_another_amount_does_not_pass(experiment, match, amount):
    whole = composed(experiment, spec("accumulate", match, amount))
    more = spec("accumulate", match, 2 * amount + 60)
    assert "budget" in faults(Mixed(whole.arm, more, whole.table, whole.documents, whole.samples))


@pytest.mark.parametrize(
    ("made", "claimed"),
    [("accumulate", "accumulate_subsample"), ("accumulate_subsample", "accumulate"), ("replace", "mix")],
)
def test_another_strategy_does_not_pass(experiment, made, claimed):
    whole = composed(experiment, spec(made))
    found = faults(Mixed(whole.arm, spec(claimed), whole.table, whole.documents, whole.samples))
    assert {"shares", "budget"} & found.keys()


def test_samples_not_offered_do_not_pass(experiment):
    whole = composed(experiment, spec("replace").model_copy(update={"sets_offered": 3}))
    assert "usable" in faults(Mixed(whole.arm, spec("replace"), whole.table, whole.documents, whole.samples))


def test_the_reserve_of_another_generation_does_not_pass(experiment):
    whole = composed(experiment, spec("fresh_real"))
    arm = whole.arm._replace(generation=2)
    assert "splits" in faults(Mixed(arm, whole.spec, whole.table, whole.documents, whole.samples))


def moved(whole: Mixed, column: str, value: object) -> Mixed:
    """The mixture with one value in all of a column."""
    place = whole.table.schema.get_field_index(column)
    kind = whole.table.schema.field(column).type
    values = pa.array([value] * whole.table.num_rows, kind.value_type if pa.types.is_dictionary(kind) else kind)
    return replace(whole, table=whole.table.set_column(place, column, values))


def test_a_generation_that_the_strategy_does_not_read_does_not_pass(experiment):
    whole = composed(experiment, spec("replace"))
    second = Arm("tried", 0, 2).folder
    named = moved(moved(whole, "origin_generation", 2), "source", f"{second}/samples.parquet")
    assert f"synthetic text of 2 from {second}" in mixed.generation_faults(named)[0]


def test_a_sample_is_of_the_generation_of_the_table_it_is_said_to_be_in(experiment):
    whole = composed(experiment, spec("window"))
    assert mixed.generation_faults(whole) == []
    assert mixed.generation_faults(moved(whole, "origin_generation", 2))
    assert mixed.generation_faults(moved(whole, "source", "documents.parquet"))


def test_real_text_is_of_generation_0_and_from_the_documents(experiment):
    whole = composed(experiment, spec("real"))
    assert mixed.generation_faults(moved(whole, "origin_generation", 1))
    assert mixed.generation_faults(moved(whole, "source", "samples.parquet"))


def test_only_a_strategy_that_asks_for_fresh_documents_has_any(experiment):
    rows = {compose: composed(experiment, spec(compose)).fresh for compose in ("replace", "fresh_real")}
    assert len(rows["replace"]) == 0
    # A quarter of 40 real documents for each generation; the third has the third ten of the reserve.
    assert np.array_equal(rows["fresh_real"], np.arange(20, 30) + SPLITS["train"] + 5 + 10)


@pytest.mark.parametrize(("match", "amount"), BUDGETS)
def test_a_pool_that_is_not_what_the_strategy_takes_does_not_pass(experiment, match, amount):
    whole = composed(experiment, spec("accumulate", match, amount))
    right = whole.selection.total
    assert mixed.shares_faults(moved(whole, "n_pool", right)) == []
    assert mixed.shares_faults(moved(whole, "n_pool", right - 1)) == [
        f"n_pool is not {right}, all that `accumulate` takes"
    ]


def test_training_on_an_empty_sample_does_not_pass(experiment):
    whole = composed(experiment, spec("replace"))
    written = whole.samples[whole.arm]
    empty = replace(written, sizes=written.sizes * 0, input_sizes=written.input_sizes * 0)
    assert mixed.usable_faults(whole) == []
    assert "refused, empty or not offered" in mixed.usable_faults(replace(whole, samples={whole.arm: empty}))[0]


def test_a_second_pass_that_has_begun_shows_that_the_first_was_whole(experiment):
    whole = composed(experiment, spec("accumulate_subsample", "documents", 60))
    claimed = replace(whole, spec=spec("accumulate", "documents", 60))
    assert "takes 40" in mixed.shares_faults(claimed)[0]


@pytest.mark.parametrize(
    ("match", "amount", "whole"),
    [
        ("epochs", 1, True),
        ("epochs", 0.9, False),
        ("epochs", 2.5, True),
        ("documents", 40, True),
        ("documents", 39, False),
    ],
)
def test_a_budget_that_pays_for_every_example_pays_for_a_whole_pass(experiment, match, amount, whole):
    assert composed(experiment, spec("replace", match, amount)).whole is whole


@pytest.mark.parametrize(("made", "claimed", "found"), [("replace", "window", (0, 40)), ("window", "replace", (40, 0))])
def test_a_generation_too_few_or_too_many_is_named(experiment, made, claimed, found):
    told = mixed.shares_faults(
        replace(composed(experiment, spec("window")), table=composed(experiment, spec(made)).table, spec=spec(claimed))
    )
    assert told == [f"{found[0]} different samples of generation 2, but `{claimed}` takes {found[1]}"]


def test_one_example_again_and_again_is_not_what_a_part_of_a_pass_holds(experiment):
    whole = composed(experiment, spec("replace", "epochs", 0.4))
    same = moved(whole, "example_id", whole.table["example_id"][0].as_py())
    assert mixed.shares_faults(same) == ["1 different examples in 16 rows; there should be 16"]


def test_a_mixture_of_generation_0_holds_no_synthetic_text(experiment):
    whole, first = composed(experiment, spec("replace")), Arm("tried", 0, 0)
    named = moved(moved(whole, "origin_generation", 0), "source", f"{first.samples.folder}/samples.parquet")
    assert "holds synthetic text of 0" in mixed.generation_faults(replace(named, arm=first))[0]


def test_a_sample_of_one_token_may_be_trained_on(experiment):
    whole = composed(experiment, spec("replace"))
    written = whole.samples[whole.arm]
    short = replace(written, sizes=written.sizes * 0 + 1, input_sizes=written.input_sizes * 0)
    assert replace(whole, samples={whole.arm: short}).usable(whole.arm).sum() == whole.n_offered == 40


def test_tokens_are_spent_to_within_the_longest_example_and_no_further(experiment):
    whole = composed(experiment, spec("accumulate", "tokens", 200))
    used = sum(whole.table["n_tokens"].to_pylist())
    longest = max(*whole.documents.sizes[whole.documents.rows("train")], *whole.trained_sizes(whole.arm))
    passes = {
        amount: not mixed.budget_faults(replace(whole, spec=spec("accumulate", "tokens", amount)))
        for amount in (used - 1, used, used + longest - 1, used + longest)
    }
    assert list(passes.values()) == [False, True, True, False]
