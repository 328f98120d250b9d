"""How likely somebody's model finds samples, which it reads as texts: its tokens need not be those of the experiment.

A score is a mean over tokens of that model's own, as its perplexity is, so those of two models do not compare; what a
rule needs is their order within a generation. The end of a sample does not count: a model that was not made for the
task would not end there, or by another token. A sample without a token has no score.
"""

from collections.abc import Sequence

import numpy as np

from collapse.config.verifiers import LikelihoodVerifier
from collapse.families import reading
from collapse.families.foreign import READ_BY, WRITES
from collapse.verifiers.case import Case

IMPORTED_LATE = {"verify": READ_BY}
"""What the stage will import when it loads the model; a fork server imports it before."""


def scores(settings: LikelihoodVerifier, case: Case, name: str) -> np.ndarray:
    """Mean log-probability of each sample's tokens after what it was drawn for, in nats, shape `(n,)`."""
    assert settings.window_tokens is not None
    reader = reading.load(case.checkpoints[f"verifier-{name}"], WRITES, settings.window_tokens, case.device)
    return reader.logprobs(asked(settings.template, case.medium.whole_texts(case.samples), case.answers), case.answers)


def asked(template: str, wholes: Sequence[str], answers: Sequence[str]) -> list[str]:
    """What stands before each answer, with the words of a template around it.

    Args:
        template: Words, with `{input}` in the place of what a sample was drawn for.
        wholes: Samples with what they were drawn for before them.
        answers: The samples alone.
    """
    before = (whole.removesuffix(answer) for whole, answer in zip(wholes, answers, strict=True))
    return [template.replace("{input}", given) for given in before]
