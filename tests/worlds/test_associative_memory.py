"""Learners that memorise err as the sum over what they never saw says."""

from itertools import product

import numpy as np
import pytest
from pydantic import ValidationError

from collapse.config.worlds.associative_memory import AssociativeMemorySettings
from collapse.randomness import stream
from collapse.theory import associative_memory as theory
from collapse.theory.zipf import zipf
from collapse.worlds import associative_memory as world

SOURCES = {
    "clean": {"kind": "clean", "exponents": [1.5, 2]},
    "cut": {"kind": "cut", "exponent": 1.5, "ranks": [300, 3000]},
    "narrowed": {"kind": "narrowed", "exponent": 1.5, "temperatures": [0.7, 1.2]},
    "top_p": {"kind": "top_p", "exponent": 1.5, "cut_masses": [0.02]},
    "finite": {"kind": "finite", "exponent": 1.5, "real_samples": [300, 2000]},
    "mixed": {"kind": "mixed", "exponent": 1.5, "rank": 50, "real_fractions": [0.1, 0.5]},
    "tail_added": {"kind": "tail_added", "exponent": 1.5, "rank": 50, "real_fraction": 0.2, "from_ranks": [50, 500]},
}


def settings(kind: str = "clean", **changes) -> AssociativeMemorySettings:
    values = {"model": "associative_memory", "replicates": 1000, "atoms": 20_000, "samples": [300, 3000]}
    return AssociativeMemorySettings.model_validate(values | {"source": SOURCES[kind]} | changes)


def observed(chosen: AssociativeMemorySettings, seed: int = 1) -> dict[tuple, np.ndarray]:
    return {tuple(one.point.items()): one.values for one in world.simulate(chosen, seed)}


def standard_errors_off(values: np.ndarray, expected: float) -> float:
    return abs(values.mean() - expected) / (values.std(ddof=1) / np.sqrt(len(values)))


@pytest.mark.parametrize("kind", SOURCES)
def test_the_error_follows_its_law_and_not_one_five_per_cent_away(kind):
    known = {tuple(one.point.items()): one.value for one in world.predict(settings(kind))}
    for point, values in observed(settings(kind)).items():
        assert standard_errors_off(values, known[point]) <= 4, point
        assert standard_errors_off(values, 1.05 * known[point]) > 4, point
        assert standard_errors_off(values, 0.95 * known[point]) > 4, point


def test_the_law_is_the_mean_over_every_sequence_of_samples():
    p, q = np.array([0.4, 0.3, 0.2, 0.1]), np.array([0.7, 0.2, 0.1, 0.0])
    sequences = list(product(range(4), repeat=3))
    chances = [np.prod(q[list(drawn)]) for drawn in sequences]
    unseen = [1 - p[sorted(set(drawn))].sum() for drawn in sequences]
    assert theory.error(p, q, 3) == pytest.approx(np.dot(chances, unseen), abs=1e-14)


def test_counting_the_first_ranks_leaves_the_distribution_of_the_error_as_it_is():
    p, q = zipf(1.5, 4), np.array([0.7, 0.2, 0.0, 0.1])
    data = world.Data({}, p, q)
    assert world.counted_ranks(data.cumulative, 3) < 4, "the last ranks are drawn one by one"
    drawn = np.round(world.unseen_mass(data, 3, 40_000, stream(0, 0, "test")), 12)
    chances: dict[float, float] = {}
    for sequence in product(range(4), repeat=3):
        unseen = round(1 - p[sorted(set(sequence))].sum(), 12)
        chances[unseen] = chances.get(unseen, 0) + float(np.prod(q[list(sequence)]))
    assert set(drawn) == {unseen for unseen, chance in chances.items() if chance > 0}
    for unseen, chance in chances.items():
        assert abs(np.mean(drawn == unseen) - chance) <= 4 * np.sqrt(chance * (1 - chance) / len(drawn)), unseen


def test_counted_ranks_are_the_fewest_that_leave_no_more_draws_than_ranks():
    cumulative = np.cumsum(zipf(1.5, 5000))
    for samples in (1, 10, 1000, 10**6):
        head = world.counted_ranks(cumulative, samples)
        assert samples * (1 - cumulative[head - 1]) <= head
        assert head == 1 or samples * (1 - cumulative[head - 2]) > head - 1


def test_an_atom_of_no_probability_is_never_drawn():
    cumulative = np.cumsum([0.0, 0.25, 0.0, 0.75, 0.0])
    assert set(world.drawn(cumulative, np.linspace(0, 1, 1001))) == {1, 3}


def test_masses_of_different_atoms_are_those_of_a_set():
    p, atoms = zipf(1.2, 30), stream(0, 0, "test").integers(30, size=(20, 15))
    expected = [sum(p[atom] for atom in set(row)) for row in atoms.tolist()]
    np.testing.assert_allclose(world.mass_of_different(p, atoms), expected)


@pytest.mark.parametrize("exponent", [1.5, 2.0, 3.0])
def test_on_real_data_the_error_is_a_power_of_the_samples(exponent):
    p, samples = zipf(exponent, 10**6), np.array([1e3, 1e4, 1e5])
    beyond = 1e6 ** -(exponent - 1) / (exponent - 1) * p[0]
    np.testing.assert_allclose(
        theory.error(p, p, samples) + beyond, theory.clean_limit(exponent, samples), rtol=0.01 if exponent < 2 else 2e-3
    )


@pytest.mark.parametrize("temperature", [0.75, 0.6, 0.5])
def test_a_narrowed_tail_has_a_smaller_power(temperature):
    p = zipf(1.5, 10**6)
    early, late = theory.error(p, theory.narrowed(p, temperature), np.array([1e4, 1e5]))
    assert np.log10(late / early) == pytest.approx(-0.5 / (1.5 / temperature), abs=0.01)
    assert np.log10(late / early) != pytest.approx(-1 / 3, abs=0.03)


P = np.array([0.4, 0.3, 0.2, 0.1])


def test_a_temperature_divides_the_logarithms_of_odds():
    q = theory.narrowed(P, 0.8)
    np.testing.assert_allclose(np.diff(np.log(q)), np.diff(np.log(P)) / 0.8, rtol=1e-12)
    assert q.sum() == pytest.approx(1, rel=1e-12)


def test_mixed_data_are_real_data_in_their_share_and_the_cut_for_the_rest():
    expected = 0.25 * P + 0.75 * np.array([4 / 7, 3 / 7, 0, 0])
    np.testing.assert_allclose(theory.mixed(P, 2, 0.25), expected, rtol=1e-12)


def test_an_added_tail_has_its_share_and_only_ranks_beyond_its_own():
    expected = np.array([0.75 * 4 / 7, 0.75 * 3 / 7, 0.25 * 2 / 3, 0.25 / 3])
    np.testing.assert_allclose(theory.tail_added(P, 2, 0.25, 2), expected, rtol=1e-12)
    np.testing.assert_allclose(theory.tail_added(P, 2, 0.25, 3), [0.75 * 4 / 7, 0.75 * 3 / 7, 0, 0.25], rtol=1e-12)
    assert list(np.flatnonzero(theory.tail_added(zipf(1.5, 100), 2, 0.25, 40))) == [0, 1, *range(40, 100)]


def test_top_p_cuts_where_the_kept_mass_is_reached():
    p = zipf(1.5, 10**6)
    for mass in (0.9, 0.98):
        rank = theory.top_p_rank(p, mass)
        assert p[: rank - 1].sum() < mass <= p[:rank].sum()
        assert theory.error(p, theory.cut(p, rank), 1e8) == pytest.approx(1 - mass, rel=0.02)
    ranks = [theory.top_p_rank(p, mass) for mass in (0.9, 0.95)]
    assert ranks[1] / ranks[0] == pytest.approx(2**2, rel=0.05)


def test_different_real_samples_are_worth_as_many_clean_ones():
    boxes, draws = 30, 40
    chances = np.zeros(boxes + 1)
    chances[0] = 1.0
    for _ in range(draws):
        occupied = np.arange(boxes + 1) / boxes
        chances = chances * occupied + np.concatenate([[0], (chances * (1 - occupied))[:-1]])
    assert theory.distinct(boxes, draws) == pytest.approx(chances @ np.arange(boxes + 1))
    p = zipf(1.5, 2000)
    exact = chances @ theory.error(p, p, np.arange(boxes + 1))
    assert theory.finite_error(p, boxes, draws) == pytest.approx(exact, rel=0.005)


def test_a_small_real_share_ends_the_plateau_late_and_a_tenth_of_it_ten_times_later():
    p = zipf(1.5, 10**6)
    error = {share: theory.error(p, theory.mixed(p, 100, share), np.array([1e5, 1e6])) for share in (0, 0.01, 0.1)}
    floor = p[100:].sum()
    assert error[0] == pytest.approx([floor, floor])
    assert error[0.01][1] == pytest.approx(error[0.1][0], rel=1e-3)
    assert error[0.1][1] < 0.5 * error[0.1][0] < 0.5 * floor


def test_real_data_from_deep_in_the_tail_leave_the_floor():
    p = zipf(1.5, 10**6)
    deep, near = (theory.error(p, theory.tail_added(p, 100, 0.1, rank), 1e6) for rank in (10_000, 100))
    assert deep > 0.9 * p[100:].sum() > 5 * near


@pytest.mark.parametrize(
    "source",
    [
        SOURCES["clean"] | {"exponents": [1]},
        SOURCES["clean"] | {"exponents": []},
        SOURCES["cut"] | {"exponent": 0.9},
        SOURCES["cut"] | {"ranks": [20_001]},
        SOURCES["cut"] | {"ranks": [100, 100]},
        SOURCES["narrowed"] | {"temperatures": [1.5]},
        SOURCES["narrowed"] | {"temperatures": [0]},
        SOURCES["top_p"] | {"cut_masses": [1]},
        SOURCES["finite"] | {"real_samples": [1]},
        SOURCES["mixed"] | {"real_fractions": [1.1]},
        SOURCES["mixed"] | {"rank": 1},
        SOURCES["tail_added"] | {"from_ranks": [49]},
        SOURCES["tail_added"] | {"from_ranks": [20_000]},
        SOURCES["tail_added"] | {"real_fraction": 0},
        {"kind": "doubled", "exponent": 1.5},
    ],
)
def test_impossible_sources_are_refused(source):
    with pytest.raises(ValidationError, match="source"):
        settings(source=source)


@pytest.mark.parametrize("changes", [{"samples": [0]}, {"samples": [10, 10]}, {"atoms": 1}, {"replicates": 1}])
def test_impossible_sizes_are_refused(changes):
    with pytest.raises(ValidationError, match=next(iter(changes))):
        settings(**changes)


def test_a_seed_gives_the_same_values_and_another_seed_or_point_gives_others():
    chosen = settings("mixed", replicates=50)
    first, again, other = observed(chosen), observed(chosen), observed(chosen, seed=2)
    for point, values in first.items():
        np.testing.assert_array_equal(values, again[point])
        assert not np.any(values == other[point])
    small = [point for point in first if ("samples", 300.0) in point]
    assert not np.array_equal(first[small[0]], first[small[1]])


def test_blocks_of_replicates_have_streams_of_their_own(monkeypatch):
    monkeypatch.setattr(world, "BLOCK", 1)
    values = next(iter(observed(settings(replicates=40)).values()))
    assert len(values) == len(set(values)) == 40
