"""Scores samples by their likelihood: under the model that made them, that of generation 0, or a stronger one.

Selection by a model's own perplexity needs no verifier beside it; Feng et al. 2024 compare it with an oracle and with a
stronger model, which reads what a weaker one wrote (Llama-3 and Llama-2, on summaries of news).
"""

import numpy as np

from collapse.config.verifiers import LikelihoodVerifier
from collapse.verifiers import Verdicts
from collapse.verifiers.case import Case

VERSION = "likelihood/1"


def judged(settings: LikelihoodVerifier, case: Case, name: str) -> Verdicts:
    """What it says of a case; see `verifiers`."""
    return case.select(settings.select, _scores(settings, case, name), name)


def _scores(settings: LikelihoodVerifier, case: Case, name: str) -> np.ndarray:
    """Mean log-probability of each sample over its size, in nats, shape `(n,)`."""
    match settings.by:
        case "sampler":
            return case.sampler_logprobs
        case "generation_0":
            return -case.generation_0_losses[0]
        case "base_model":
            return case.base_model_logprobs
        case "checkpoint":
            from collapse.verifiers import read_likelihood  # transformers, which only those need whom a model reads

            return read_likelihood.scores(settings, case, name)
