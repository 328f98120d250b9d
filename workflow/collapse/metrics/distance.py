"""How far a model is from the known source of its real text: exact, because all that the source can write is listed.

P is the source and Q the model, both over documents. `p` holds P of every document of the support, `log_q` the
natural logarithm of Q of the same documents: of their tokens, as the tokenizer gives them, end of sequence included.
Whatever else the model may write lies outside the support and has the mass that is left.
"""

import math

import numpy as np

from collapse.errors import ContractError
from collapse.metrics.loss import Estimate

PROBABILITY_TOLERANCE = 1e-9
"""How far probabilities of the source, sums of 64-bit numbers, may be from adding up to 1."""

MODEL_TOLERANCE = 1e-3
"""How far above 1 a model's may add up: a transformer scores in 32 bits."""


def entropy(p: np.ndarray) -> float:
    """−Σ P ln P in nats.

    Args:
        p: Probabilities, shape `(n_documents,)`; documents of probability 0 add nothing.
    """
    return float(-np.sum(p * np.log(p, where=p > 0, out=np.zeros_like(p)))) + 0.0  # + 0.0: one document gives 0, not -0


def kl_divergence(p: np.ndarray, log_q: np.ndarray) -> float:
    """KL(P ‖ Q) = Σ P ln(P / Q) in nats per document; infinite if Q excludes a document of P (Kullback, Leibler 1951).

    Args:
        p: Probabilities under the source, shape `(n_documents,)`.
        log_q: Log-probabilities under the model, shape `(n_documents,)`.
    """
    written = p > 0
    return float(np.sum(p[written] * (np.log(p[written]) - log_q[written])))


def total_variation(p: np.ndarray, log_q: np.ndarray) -> float:
    """½ (Σ |P − Q| + Q outside the support), in [0, 1]: the most by which any event's probability differs.

    Args:
        p: Probabilities under the source, shape `(n_documents,)`.
        log_q: Log-probabilities under the model, shape `(n_documents,)`.
    """
    outside = max(0.0, 1.0 - support_mass(log_q))
    return 0.5 * (float(np.sum(np.abs(p - np.exp(log_q)))) + outside)


def support_mass(log_q: np.ndarray) -> float:
    """Probability that the model writes a document of the source, Σ Q.

    Args:
        log_q: Log-probabilities under the model, shape `(n_documents,)`.
    """
    return float(np.sum(np.exp(log_q)))


def support_entropy(log_q: np.ndarray) -> float:
    """Entropy in nats of what the model writes, given that it is a document of the source; nan if it never is.

    Args:
        log_q: Log-probabilities under the model, shape `(n_documents,)`.
    """
    mass = support_mass(log_q)
    return entropy(np.exp(log_q) / mass) if mass > 0 else math.nan


def rare_documents(p: np.ndarray, share: float) -> np.ndarray:
    """The rarest documents that together hold at most `share` of the source, as a mask of shape `(n_documents,)`.

    Those equally rare are taken in the order given, until the next one would exceed the share.

    Args:
        p: Probabilities under the source, shape `(n_documents,)`.
        share: Share of the source, in (0, 1).
    """
    rarest_first = np.argsort(p, kind="stable")
    mask = np.zeros(len(p), dtype=bool)
    mask[rarest_first[np.cumsum(p[rarest_first]) <= share * (1 + 1e-12)]] = True
    return mask


def loss_above_entropy(loss_nats: np.ndarray, source_entropy: float) -> Estimate:
    """Mean loss of held-out documents less the source's entropy, in nats per document: an estimate of KL(P ‖ Q).

    E_P[−ln Q] = H(P) + KL(P ‖ Q), so it is unbiased if the documents are independent draws from the source that the
    model was not trained on. Its standard error is that of the mean loss.

    Args:
        loss_nats: Loss of each held-out document, summed over its tokens, shape `(n_documents,)`.
        source_entropy: H(P) in nats per document.
    """
    n = len(loss_nats)
    error = float(np.std(loss_nats, ddof=1)) / math.sqrt(n) if n > 1 else None
    return Estimate(float(np.mean(loss_nats)) - source_entropy, n, error)


def refuse_improper(p: np.ndarray, log_q: np.ndarray) -> None:
    """Refuse what cannot be two distributions over the same documents.

    Raises:
        ContractError: The arrays differ in length, P is negative or does not add up to 1, or Q adds up to more.
    """
    if p.shape != log_q.shape:
        raise ContractError(f"truth: {p.shape} probabilities of the source, but {log_q.shape} of the model.")
    again = "Delete truth.parquet and run snakemake again."
    if np.any(p < 0):
        raise ContractError(f"truth: the least value, {p.min():g}, is no probability.\n  {again}")
    if not abs(float(np.sum(p)) - 1) <= PROBABILITY_TOLERANCE:
        raise ContractError(f"truth: the source's probabilities add up to {np.sum(p):.12g}, not to 1.\n  {again}")
    mass = support_mass(log_q)
    if not mass <= 1 + MODEL_TOLERANCE:
        raise ContractError(f"truth: the model's probabilities add up to {mass:.6g}, more than 1: it scores wrongly.")
