"""Loss on documents: per token, per byte, and in the tail of documents.

Standard errors treat documents as draws. Documents of one group (a speech, an article) resemble each other, so these
errors are a floor; the spread between seeds is the business of contrasts.
"""

import math
from typing import NamedTuple

import numpy as np

from collapse.errors import ContractError


class Estimate(NamedTuple):
    """A value with the spread that the choice of documents gives it.

    Attributes:
        value: The value.
        n: Documents averaged.
        standard_error: Standard error over documents; None for one document or where no formula is used.
    """

    value: float
    n: int
    standard_error: float | None


def mean_loss(loss_nats: np.ndarray, n_tokens: np.ndarray) -> Estimate:
    """Mean loss per token in nat/token: total loss over total tokens, so a long document counts for more.

    The standard error is that of a ratio estimator by linearisation (Cochran 1977, section 6.4).

    Args:
        loss_nats: Loss of each document, summed over its tokens, shape `(n_documents,)`.
        n_tokens: Tokens predicted in each document, shape `(n_documents,)`.
    """
    return _ratio(loss_nats, n_tokens, "tokens")


def perplexity(loss: Estimate) -> Estimate:
    """Exponential of a mean loss per token; its standard error by the delta method, to first order.

    A model that has come apart may lose more than 709 nat/token; its perplexity is infinite in 64 bits.
    """
    with np.errstate(over="ignore"):
        value = float(np.exp(loss.value))
    return Estimate(value, loss.n, None if loss.standard_error is None else value * loss.standard_error)


def bits_per_byte(loss_nats: np.ndarray, n_bytes: np.ndarray) -> Estimate:
    """Total loss in bits over total UTF-8 bytes (Gao et al. 2020); the end of sequence costs bits but has no bytes.

    Args:
        loss_nats: Loss of each document, summed over its tokens, shape `(n_documents,)`.
        n_bytes: UTF-8 bytes of each document, shape `(n_documents,)`.
    """
    return _ratio(np.asarray(loss_nats) / math.log(2), n_bytes, "bytes")


def document_loss_quantile(loss_nats: np.ndarray, n_tokens: np.ndarray, quantile: float) -> Estimate:
    """Quantile over documents of the mean loss per token in nat/token; every document counts once.

    Args:
        loss_nats: Loss of each document, summed over its tokens, shape `(n_documents,)`.
        n_tokens: Tokens predicted in each document, at least 1, shape `(n_documents,)`.
        quantile: Share of documents below, in [0, 1]; between two documents the value is interpolated.
    """
    return Estimate(float(np.quantile(loss_nats / n_tokens, quantile)), len(loss_nats), None)


def _ratio(numerators: np.ndarray, denominators: np.ndarray, what: str) -> Estimate:
    n, total = len(numerators), float(np.sum(denominators))
    if total <= 0:
        raise ContractError(f"loss of {n} documents: they hold no {what}.\n  Look at the table they come from.")
    value = float(np.sum(numerators)) / total
    if n < 2:
        return Estimate(value, n, None)
    residuals = numerators - value * np.asarray(denominators)
    return Estimate(value, n, math.sqrt(n / (n - 1) * float(np.sum(residuals**2))) / total)
