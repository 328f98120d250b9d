"""Another verifier's verdicts with errors at chosen rates (Feng et al. 2024): how good must a verifier be?"""

import numpy as np
from scipy.stats import rankdata

from collapse.config.verifiers import NoisyOracleVerifier
from collapse.verifiers import ACCEPTED, Verdicts
from collapse.verifiers.case import Case

VERSION = "noisy_oracle/1"


def judge(
    settings: NoisyOracleVerifier, oracle: Verdicts, rng: np.random.Generator, likely: np.ndarray | None = None
) -> Verdicts:
    """Keep each sample by an independent draw whose probability depends on the oracle's verdict alone.

    A sample that the oracle accepts and the draw drops is `flipped`; one that both refuse keeps the oracle's reason.
    Scores, thresholds and duplicates stay the oracle's.

    Args:
        settings: The two rates: phi for samples the oracle accepts, psi for those it rejects.
        oracle: Verdicts that are right by definition.
        rng: The noise; one number is drawn per sample, so the rates do not shift it.
        likely: How likely each sample is, shape `(n,)`, any scale, `nan` where it is not compared; needed by a bias.
    """
    rates = np.where(oracle.accepted, settings.true_positive_rate, settings.false_positive_rate)
    if settings.bias:
        assert likely is not None
        rates = biased(rates, oracle.accepted, likely, settings.bias)
    accepted = rng.random(len(oracle)) < rates
    dropped = ~accepted & oracle.accepted
    return Verdicts(
        accepted=accepted,
        reason=np.select([accepted, dropped], [ACCEPTED, "flipped"], oracle.reason),
        score=oracle.score,
        threshold=oracle.threshold,
        duplicate_of=oracle.duplicate_of,
    )


def biased(rates: np.ndarray, right: np.ndarray, likely: np.ndarray, bias: float) -> np.ndarray:
    """Probabilities that rise with the rank of a sample among the right ones, or among the wrong ones.

    `rate + bias · min(rate, 1 − rate) · (2 u − 1)`, where u, the middle rank over their number, is uniform: so the mean
    of each kind is its rate whatever the bias, and with it p* of Feng et al. 2024. What differs is which are kept.

    Args:
        rates: Of each sample, shape `(n,)`.
        right: Whether the oracle accepts it, shape `(n,)`, bool.
        likely: How likely it is, shape `(n,)`; `nan` takes no part.
        bias: From -1 to 1.
    """
    tilt = np.zeros(len(rates))
    for kind in (right, ~right):
        rows = np.flatnonzero(kind & ~np.isnan(likely))
        if len(rows):
            tilt[rows] = 2 * (rankdata(likely[rows]) - 0.5) / len(rows) - 1
    return rates + bias * np.minimum(rates, 1 - rates) * tilt


def judged(settings: NoisyOracleVerifier, case: Case, name: str) -> Verdicts:
    """What it says of a case; see `verifiers`."""
    likely = case.compared(case.sampler_logprobs) if settings.bias else None
    return judge(settings, case.judged[settings.oracle], case.chance(name), likely)
