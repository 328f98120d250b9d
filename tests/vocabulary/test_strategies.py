"""Every strategy by its properties, and by its definition in the paper that it comes from."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collapse.config.settings import LabelSettings, Strategy
from collapse.strategies import COMPOSE, Counts, fresh_taken, generations_read, labelled_synthetic

PARAMETERS = {
    "mix": {"real_fraction": 0.25},
    "preserve": {"real_fraction": 0.1},
    "fresh_real": {"real_fraction": 0.5},
    "feedback": {"real_fraction": 0.1},
    "window": {"window": 2},
}


def named(compose: str, **parameters) -> Strategy:
    name = "real" if compose == "real" else compose.replace("_", "-")
    return Strategy(name=name, compose=compose, **(PARAMETERS.get(compose, {}) | parameters))


def select(compose: str, inventory: Counts, seed: int = 0, **parameters) -> Counts:
    return COMPOSE[compose](named(compose, **parameters), inventory, np.random.default_rng(seed))


@st.composite
def inventories(draw) -> Counts:
    n_generations = draw(st.integers(1, 6))
    counts = st.integers(0, 300)
    return Counts(
        real=draw(st.integers(1, 200)),
        synthetic={g: draw(counts) for g in range(1, n_generations + 1)},
        fresh=draw(counts),
    )


@pytest.mark.parametrize("compose", sorted(COMPOSE))
@given(inventory=inventories(), seed=st.integers(0, 2**31))
def test_nothing_is_taken_that_does_not_exist(compose, inventory, seed):
    taken = select(compose, inventory, seed)
    assert 0 <= taken.real <= inventory.real
    assert 0 <= taken.fresh <= inventory.fresh
    assert all(0 <= n <= inventory.synthetic[g] for g, n in taken.synthetic.items())


@pytest.mark.parametrize("compose", sorted(COMPOSE))
@given(inventory=inventories())
def test_only_generations_that_the_dag_provides_are_taken(compose, inventory):
    newest = max(inventory.synthetic)
    used = {g for g, n in select(compose, inventory).synthetic.items() if n}
    assert used <= set(generations_read(named(compose), newest))


@pytest.mark.parametrize("compose", ["replace", "replace_multiple"])
@given(inventory=inventories())
def test_replace_forgets_real_text_and_every_earlier_generation(compose, inventory):
    taken = select(compose, inventory)
    assert taken.real == taken.fresh == 0
    assert set(taken.synthetic) == {max(inventory.synthetic)}


FULL = Counts(real=100, synthetic={1: 100, 2: 100, 3: 100}, fresh=100)


@pytest.mark.parametrize(
    ("compose", "expected"),
    [
        ("real", Counts(real=100)),
        ("replace", Counts(real=0, synthetic={3: 100})),
        ("accumulate", Counts(real=100, synthetic={1: 100, 2: 100, 3: 100})),
        ("mix", Counts(real=25, synthetic={3: 75})),
        ("preserve", Counts(real=10, synthetic={3: 100})),
        ("window", Counts(real=0, synthetic={2: 100, 3: 100})),
        ("fresh_real", Counts(real=0, synthetic={3: 100}, fresh=50)),
        ("feedback", Counts(real=100, synthetic={1: 100, 2: 100, 3: 100}, fresh=30)),
    ],
)
def test_a_full_inventory_gives_the_definition(compose, expected):
    assert select(compose, FULL) == expected


@pytest.mark.parametrize("synthetic", [False, True])
def test_labels_err_at_their_rates_and_a_higher_rate_only_adds_some(synthetic):
    ids = np.array([f"example-{i}" for i in range(20_000)])

    def labelled(found: float, false: float, seed: int = 1) -> np.ndarray:
        labels = LabelSettings(true_positive_rate=found, false_positive_rate=false, shown=False)
        return labelled_synthetic(labels, seed, ids, synthetic)

    rates = (0.8, 0.1) if synthetic else (0.1, 0.8)
    found = labelled(*rates)
    assert abs(found.mean() - 0.8) < 4 * np.sqrt(0.16 / len(ids))
    assert (labelled(0.9, 0.9) >= found).all() and labelled(1, 1).all() and not labelled(0, 0).any()
    other = labelled(*rates, seed=2)
    assert abs((found & other).mean() - 0.64) < 0.02  # another replicate's labels are independent


def test_a_mislabelled_example_keeps_its_label_from_whatever_list_it_is_asked():
    labels = LabelSettings(true_positive_rate=0.5, false_positive_rate=0.5, shown=False)
    ids = np.array([f"example-{i}" for i in range(100)])
    whole, part = (labelled_synthetic(labels, 0, some, True) for some in (ids, ids[40:60]))
    assert (whole[40:60] == part).all()


def test_replace_multiple_is_as_large_as_accumulate():
    inventory = Counts(real=100, synthetic={3: 400})
    assert select("replace_multiple", inventory).total == select("accumulate", FULL).total == 400


def test_replace_takes_as_many_times_the_real_set_as_it_says_and_as_there_are():
    for n, taken in ((50, 50), (400, 300), (300, 300)):
        assert select("replace", Counts(real=100, synthetic={3: n}), times=3) == Counts(real=0, synthetic={3: taken})
    assert named("replace", times=3, oversample=2).sets_offered(5) == 6


def test_a_window_holds_real_text_until_it_slides_past_generation_0():
    sizes = [select("window", Counts(50, dict.fromkeys(range(1, newest + 1), 50))).real for newest in (1, 2, 3)]
    assert sizes == [50, 0, 0]


def test_accumulate_subsample_keeps_its_size_and_draws_every_origin_alike():
    draws = [select("accumulate_subsample", FULL, seed) for seed in range(400)]
    assert {draw.total for draw in draws} == {100}
    shares = np.array([[draw.real, *draw.synthetic.values()] for draw in draws])
    # Hypergeometric: 100 of 400, a quarter each; variance n K/N (1 - K/N) (N - n)/(N - 1).
    standard_error = np.sqrt(100 * 0.25 * 0.75 * 300 / 399 / len(draws))
    assert np.all(np.abs(shares.mean(axis=0) - 25) < 4 * standard_error)


@given(inventory=inventories(), seed=st.integers(0, 2**31))
def test_the_same_stream_selects_the_same(inventory, seed):
    assert select("accumulate_subsample", inventory, seed) == select("accumulate_subsample", inventory, seed)


def test_more_samples_than_real_documents_do_not_crowd_them_out_of_a_subsample():
    """Oversampling offers three times as many of each generation; the pool holds T of each all the same."""
    oversampled = Counts(real=100, synthetic=dict.fromkeys((1, 2, 3), 300))
    drawn = [select("accumulate_subsample", oversampled, seed) for seed in range(50)]
    assert drawn == [select("accumulate_subsample", FULL, seed) for seed in range(50)]


def test_a_share_of_fresh_documents_is_rounded_up():
    inventory = Counts(real=10, synthetic={1: 10}, fresh=10)
    assert select("fresh_real", inventory, real_fraction=0.21).fresh == 3


def test_fresh_documents_are_each_generations_own_or_come_in_for_good():
    own, kept = (
        [fresh_taken(named(compose, real_fraction=0.21), 10, g) for g in range(3)]
        for compose in ("fresh_real", "feedback")
    )
    assert own == [range(0), range(3), range(3, 6)]
    assert kept == [range(0), range(3), range(6)]
    assert fresh_taken(named("replace"), 10, 2) == range(0)
