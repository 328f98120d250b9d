"""Distances of a model from its source: by hand, by brute force, by simulation, and within their inequalities."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collapse.config.settings import NgramSettings
from collapse.errors import ContractError
from collapse.families.ngram import NgramModel, count
from collapse.media.text import Vocabulary
from collapse.media.text.sequences import Sequences
from collapse.metrics import distance

P = np.array([1 / 2, 1 / 4, 1 / 4])
LOG_Q = np.log([1 / 4, 1 / 4, 1 / 4])
"""A model that has forgotten which document is common, and writes something else a quarter of the time."""


def test_distances_are_those_worked_out_by_hand() -> None:
    by_hand = {
        distance.entropy(P): 1.5 * math.log(2),
        distance.kl_divergence(P, LOG_Q): 0.5 * math.log(2),
        distance.total_variation(P, LOG_Q): 1 / 4,
        distance.support_mass(LOG_Q): 3 / 4,
        distance.support_entropy(LOG_Q): math.log(3),
    }
    for found, expected in by_hand.items():
        assert found == pytest.approx(expected, rel=1e-12)
        assert found != pytest.approx(1.05 * expected, rel=1e-3)


def test_the_source_is_at_no_distance_from_itself() -> None:
    log_p = np.log(P)
    assert distance.kl_divergence(P, log_p) == distance.total_variation(P, log_p) == 0
    assert distance.support_entropy(log_p) == pytest.approx(distance.entropy(P))


def test_a_document_the_model_excludes_is_infinitely_far_and_a_model_of_other_documents_as_far_as_can_be() -> None:
    assert distance.kl_divergence(P, np.array([0.0, -np.inf, -np.inf])) == math.inf
    nowhere = np.full(3, -np.inf)
    assert distance.total_variation(P, nowhere) == 1
    assert math.isnan(distance.support_entropy(nowhere))


def test_a_document_the_source_never_writes_adds_nothing() -> None:
    with_another = np.array([1 / 2, 1 / 4, 1 / 4, 0])
    log_q = np.append(LOG_Q, np.log(1 / 8))
    assert distance.kl_divergence(with_another, log_q) == pytest.approx(0.5 * math.log(2))
    assert distance.entropy(with_another) == pytest.approx(1.5 * math.log(2))


@st.composite
def distributions(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """A source, and a model that also writes something outside its support."""
    n = draw(st.integers(1, 12))
    weights = [np.array(draw(st.lists(st.floats(1e-6, 1), min_size=n + k, max_size=n + k))) for k in (0, 1)]
    p, q = (weight / weight.sum() for weight in weights)
    return p, np.log(q[:n])


@given(distributions())
def test_distances_keep_to_gibbs_pinsker_and_their_ranges(pair: tuple[np.ndarray, np.ndarray]) -> None:
    p, log_q = pair
    distance.refuse_improper(p, log_q)
    kl, tv = distance.kl_divergence(p, log_q), distance.total_variation(p, log_q)
    assert kl >= -1e-12  # Gibbs
    assert 0 <= tv <= 1 and tv <= math.sqrt(max(kl, 0) / 2) + 1e-7  # Pinsker
    assert distance.support_entropy(log_q) <= math.log(len(p)) + 1e-9
    scaled = p * np.exp(log_q).sum()  # the nearest model with this mass on the support
    assert kl >= distance.kl_divergence(p, np.log(scaled)) - 1e-9


@given(distributions(), st.floats(0.01, 0.99))
def test_rare_documents_are_the_rarest_and_one_more_would_exceed_the_share(
    pair: tuple[np.ndarray, np.ndarray], share: float
) -> None:
    p, _ = pair
    mask = distance.rare_documents(p, share)
    assert p[mask].sum() <= share * (1 + 1e-9)
    assert p[mask].max(initial=0) <= p[~mask].min(initial=1)
    assert p[mask].sum() + p[~mask].min() > share


@pytest.mark.parametrize(
    ("p", "log_q", "words"),
    [
        (1.05 * P, LOG_Q, "add up to 1.05, not to 1"),
        (P * np.array([1, 1, 1 + 1e-6]), LOG_Q, "not to 1"),
        (np.array([1.5, -0.25, -0.25]), LOG_Q, "-0.25, is no probability"),
        (P, LOG_Q[:2], "3,"),
        (P, LOG_Q + 0.5, "more than 1: it scores wrongly"),
        (P, np.array([0.0, np.nan, -1.0]), "more than 1: it scores wrongly"),
    ],
)
def test_what_are_no_two_distributions_is_refused(p: np.ndarray, log_q: np.ndarray, words: str) -> None:
    with pytest.raises(ContractError, match=words):
        distance.refuse_improper(p, log_q)


def test_loss_above_entropy_estimates_the_divergence_and_not_five_percent_more() -> None:
    rng = np.random.default_rng(0)
    losses = -LOG_Q[rng.choice(3, size=400_000, p=P)] + rng.normal(0, 0.5, 400_000)  # spread, as real losses have
    estimate = distance.loss_above_entropy(losses, distance.entropy(P))
    exact = distance.kl_divergence(P, LOG_Q)
    assert estimate.standard_error is not None
    assert abs(estimate.value - exact) <= 4 * estimate.standard_error
    assert abs(estimate.value - 1.05 * exact) > 4 * estimate.standard_error


# --- an n-gram model of a language of a dozen documents, by brute force ---------------------------------------------

BOS, EOS, A, B, C = range(5)
VOCABULARY = Vocabulary(5, BOS, EOS)
DOCUMENTS = [[x, y, EOS] for x, y in product((A, B, C), repeat=2)] + [[x, EOS] for x in (A, B, C)]
SOURCE = np.arange(1.0, 13) / 78
LONGEST = 7


def brute_force(model: NgramModel, tokens: list[int]) -> float:
    """Probability of a document: one conditional after another."""
    probability = 1.0
    for place, token in enumerate(tokens):
        probability *= model.next_distribution(Sequences.of([tokens[:place]]))[0, token]
    return probability


@pytest.mark.parametrize("order", [1, 2, 3])
def test_an_ngram_models_distances_are_those_of_brute_force_over_every_text(order: int) -> None:
    rng = np.random.default_rng(order)
    drawn = Sequences.of([DOCUMENTS[row] for row in rng.choice(12, size=60, p=SOURCE)])
    model = count(NgramSettings(order=order, discount=0.75), VOCABULARY, drawn)
    log_q = -model.score(Sequences.of(DOCUMENTS))
    q = [brute_force(model, tokens) for tokens in DOCUMENTS]
    kl = sum(p * math.log(p / q) for p, q in zip(SOURCE, q, strict=True))
    assert distance.kl_divergence(SOURCE, log_q) == pytest.approx(kl, rel=1e-9)
    assert distance.kl_divergence(SOURCE, log_q) != pytest.approx(1.05 * kl, rel=1e-3)
    # Every text that the model can write, up to a length that leaves little out; never the start of sequence.
    texts = [[*words, EOS] for n in range(LONGEST) for words in product((A, B, C), repeat=n)]
    every = np.exp(-model.score(Sequences.of(texts)))
    p = dict(zip(map(tuple, DOCUMENTS), SOURCE, strict=True))
    unlisted = 1 - every.sum()
    assert 0 < unlisted < 0.2
    difference = sum(abs(p.get(tuple(text), 0.0) - q) for text, q in zip(texts, every, strict=True))
    assert distance.total_variation(SOURCE, log_q) == pytest.approx((difference + unlisted) / 2, rel=1e-9)
    assert distance.support_mass(log_q) == pytest.approx(sum(q), rel=1e-9)
