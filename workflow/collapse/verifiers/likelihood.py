"""Scores samples by their likelihood under the model that made them, or under that of generation 0.

Selection by a model's own perplexity needs no verifier beside it, and is what Feng et al. 2024 compare verifiers with.
"""

from collapse.config.verifiers import LikelihoodVerifier
from collapse.verifiers import Verdicts
from collapse.verifiers.case import Case

VERSION = "likelihood/1"


def judged(settings: LikelihoodVerifier, case: Case, name: str) -> Verdicts:
    """What it says of a case; see `verifiers`."""
    if settings.by == "generation_0":
        return case.select(settings.select, -case.generation_0_losses[0], name)
    return case.select(settings.select, case.sampler_logprobs, name)
