"""Accepts samples that the generation-0 model finds about as likely as real text: neither noise nor boilerplate."""

import numpy as np

from collapse.config.verifiers import PerplexityBandVerifier
from collapse.errors import ContractError
from collapse.verifiers import ACCEPTED, Verdicts
from collapse.verifiers.case import Case

VERSION = "perplexity_band/1"


def judge(settings: PerplexityBandVerifier, sample_losses: np.ndarray, validation_losses: np.ndarray) -> Verdicts:
    """Accept a sample whose mean loss lies between two quantiles of real documents', the ends included.

    The score is the mean log-likelihood, the loss with its sign turned, so that higher is better; the threshold
    recorded is the lower end of the band of scores. A sample above the upper end (`above_threshold`) is likelier than
    real text is: boilerplate, repetition.

    Args:
        settings: Which quantiles.
        sample_losses: Mean loss of each sample under the generation-0 model in nat/token, shape `(n_samples,)`.
        validation_losses: The same for real documents the model has not seen, shape `(n_documents,)`.

    Raises:
        ContractError: There are no real documents, or a loss is not a number.
    """
    n_undefined = int(np.isnan(sample_losses).sum() + np.isnan(validation_losses).sum())
    if not len(validation_losses) or n_undefined:
        raise ContractError(
            f"perplexity_band: {len(validation_losses)} validation documents, {n_undefined} losses are not a number.\n"
            "  It needs at least one document (`corpus.validation_bytes`), longer than the prompts, and losses."
        )
    low_loss, high_loss = np.quantile(validation_losses, [settings.low_quantile, settings.high_quantile])
    unlikely, too_likely = sample_losses > high_loss, sample_losses < low_loss
    return Verdicts(
        accepted=~unlikely & ~too_likely,
        reason=np.select([unlikely, too_likely], ["below_threshold", "above_threshold"], ACCEPTED),
        score=-sample_losses,
        threshold=np.full(len(sample_losses), -high_loss),
    )


def judged(settings: PerplexityBandVerifier, case: Case, _name: str) -> Verdicts:
    """What it says of a case; see `verifiers`."""
    return judge(settings, *case.generation_0_losses)
