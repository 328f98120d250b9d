import math

import numpy as np
import pytest

from collapse.errors import ContractError
from collapse.metrics import loss


def test_a_model_that_knows_nothing_has_the_perplexity_of_its_vocabulary():
    n_tokens = np.array([3, 10, 1])
    estimate = loss.mean_loss(n_tokens * math.log(50), n_tokens)
    assert estimate.value == pytest.approx(math.log(50))
    assert estimate.standard_error == pytest.approx(0, abs=1e-12)
    assert loss.perplexity(estimate).value == pytest.approx(50)


def test_a_uniform_guess_over_bytes_costs_eight_bits_per_byte():
    n_bytes = np.array([5, 7, 100])
    assert loss.bits_per_byte(n_bytes * math.log(256), n_bytes).value == pytest.approx(8)


def test_a_long_document_counts_for_more_in_the_mean_and_once_in_the_quantile():
    loss_nats, n_tokens = np.array([1.0, 40.0]), np.array([1, 10])
    assert loss.mean_loss(loss_nats, n_tokens)[:2] == (pytest.approx(41 / 11), 2)
    assert loss.document_loss_quantile(loss_nats, n_tokens, 0.5).value == pytest.approx(2.5)
    assert loss.document_loss_quantile(loss_nats, n_tokens, 1.0).value == pytest.approx(4.0)


def test_the_standard_error_is_the_spread_between_draws_of_documents():
    rng, draws, n = np.random.default_rng(0), 4000, 150
    n_tokens = rng.integers(5, 60, (draws, n))
    loss_nats = n_tokens * rng.gamma(4.0, 0.5, (draws, n)) + rng.normal(0, 2, (draws, n))
    estimates = [loss.mean_loss(*row) for row in zip(loss_nats, n_tokens, strict=True)]
    spread = np.std([estimate.value for estimate in estimates], ddof=1)
    promised = math.sqrt(np.mean([estimate.standard_error**2 for estimate in estimates]))
    # A standard deviation from 4,000 draws is known to 1 / sqrt(8,000); linearisation is off by order 1 / n.
    assert abs(promised / spread - 1) <= 4 / math.sqrt(2 * draws) + 2 / n


def test_the_standard_error_agrees_with_the_jackknife():
    rng, n = np.random.default_rng(1), 400
    n_tokens = rng.integers(5, 60, n)
    loss_nats = n_tokens * rng.gamma(4.0, 0.5, n)
    left_out = (loss_nats.sum() - loss_nats) / (n_tokens.sum() - n_tokens)
    jackknife = math.sqrt((n - 1) / n * np.sum((left_out - left_out.mean()) ** 2))
    assert loss.mean_loss(loss_nats, n_tokens).standard_error == pytest.approx(jackknife, rel=3 / n)


def test_the_spread_of_perplexity_is_that_of_the_loss_carried_through_the_exponential():
    estimate = loss.Estimate(2.0, 100, 1e-4)
    below, above = math.exp(2.0 - 1e-4), math.exp(2.0 + 1e-4)
    assert loss.perplexity(estimate).standard_error == pytest.approx((above - below) / 2, rel=1e-6)


def test_one_document_has_a_loss_but_no_standard_error():
    assert loss.mean_loss(np.array([6.0]), np.array([3])) == (2.0, 1, None)
    assert loss.perplexity(loss.Estimate(0.0, 1, None)) == (1.0, 1, None)


def test_a_model_that_has_come_apart_has_infinite_perplexity():
    assert loss.perplexity(loss.Estimate(1e4, 1, None)).value == math.inf


@pytest.mark.parametrize("n", [0, 3])
def test_documents_without_tokens_are_refused(n):
    with pytest.raises(ContractError, match="no tokens"):
        loss.mean_loss(np.zeros(n), np.zeros(n))
