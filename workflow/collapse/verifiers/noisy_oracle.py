"""Another verifier's verdicts with errors at chosen rates (Feng et al. 2024): how good must a verifier be?"""

import numpy as np

from collapse.config.verifiers import NoisyOracleVerifier
from collapse.verifiers import ACCEPTED, Verdicts
from collapse.verifiers.case import Case

VERSION = "noisy_oracle/1"


def judge(settings: NoisyOracleVerifier, oracle: Verdicts, rng: np.random.Generator) -> Verdicts:
    """Keep each sample by an independent draw whose probability depends on the oracle's verdict alone.

    A sample that the oracle accepts and the draw drops is `flipped`; one that both refuse keeps the oracle's reason.
    Scores, thresholds and duplicates stay the oracle's.

    Args:
        settings: The two rates: phi for samples the oracle accepts, psi for those it rejects.
        oracle: Verdicts that are right by definition.
        rng: The noise; one number is drawn per sample, so the rates do not shift it.
    """
    rates = np.where(oracle.accepted, settings.true_positive_rate, settings.false_positive_rate)
    accepted = rng.random(len(oracle)) < rates
    dropped = ~accepted & oracle.accepted
    return Verdicts(
        accepted=accepted,
        reason=np.select([accepted, dropped], [ACCEPTED, "flipped"], oracle.reason),
        score=oracle.score,
        threshold=oracle.threshold,
        duplicate_of=oracle.duplicate_of,
    )


def judged(settings: NoisyOracleVerifier, case: Case, name: str) -> Verdicts:
    """What it says of a case; see `verifiers`."""
    return judge(settings, case.judged[settings.oracle], case.chance(name))
