"""Settings of a bigram learned by counting, where every context has a Zipf law of next tokens."""

from typing import Literal

from pydantic import Field, model_validator

from collapse.config.worlds.associative_memory import Count, Exponent, Rank, Sweep
from collapse.config.worlds.base import WorldSettings


class TailedBigramSettings(WorldSettings):
    """M contexts, equally often; the next token has rank j in its context's own order with p_j ∝ j^−β."""

    model: Literal["tailed_bigram"]
    exponents: Sweep[Exponent]
    """β; swept."""
    tokens: int = Field(ge=2, le=10**7)
    """K, number of next tokens."""
    contexts: int = Field(ge=2, le=10_000)
    """M."""
    samples: Sweep[Count]
    """T, pairs that are counted; swept."""
    ranks: Sweep[Rank]
    """k, beyond which tokens are cut from the training set; swept. `tokens` is no cut."""

    @model_validator(mode="after")
    def _ranks_exist(self) -> "TailedBigramSettings":
        if (largest := max(self.ranks)) > self.tokens:
            raise ValueError(f"ranks: {largest} is beyond the last of {self.tokens} `tokens`")
        return self
