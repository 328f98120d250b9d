"""Accepts samples that are neither too short nor too long, and refuses blank text."""

from collections.abc import Iterable

import numpy as np

from collapse.config.verifiers import LengthVerifier
from collapse.verifiers import ACCEPTED, Verdicts
from collapse.verifiers.case import Case, read_in_parts

VERSION = "length/1"


def judge(settings: LengthVerifier, n_tokens: np.ndarray, texts: Iterable[str]) -> Verdicts:
    """Accept a sample of `min_tokens` to `max_tokens` tokens, the ends included, that is more than white space.

    Args:
        settings: The two limits.
        n_tokens: Sampled tokens, end of sequence included, shape `(n_samples,)`.
        texts: What the model wrote; blank text is `too_short` however many tokens it took.
    """
    blank = np.fromiter((not text.strip() for text in texts), dtype=bool, count=len(n_tokens))
    too_short = blank | (n_tokens < settings.min_tokens)
    too_long = ~too_short & (n_tokens > settings.max_tokens)
    reason = np.select([too_short, too_long], ["too_short", "too_long"], ACCEPTED)
    return Verdicts(accepted=~too_short & ~too_long, reason=reason)


def judged(settings: LengthVerifier, case: Case, _name: str) -> Verdicts:
    """What it says of a case; see `verifiers`."""
    return judge(settings, case.drawn.outputs.sizes, read_in_parts(case.samples, case.medium.texts))
