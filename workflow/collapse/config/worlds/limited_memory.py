"""Settings of an associative memory of limited capacity."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from collapse.config.worlds.associative_memory import Count, Exponent, Rank, Sweep
from collapse.config.worlds.base import Held, WorldSettings


class LimitedMemorySettings(WorldSettings):
    """Questions with p_i ∝ i^−β, embedded at random in d dimensions; answers ±1; a sum of outer products remembers."""

    model: Literal["limited_memory"]
    exponent: Exponent
    """β."""
    atoms: int = Field(ge=2, le=10**5)
    """K, number of different questions."""
    weights: Sweep[Literal["frequency", "root", "seen"]]
    """How much a question counts in the memory: how often it was shown, the root of that, or 1 if it was shown."""
    dimensions: Sweep[Annotated[int, Field(ge=1, le=100_000)]]
    """d; swept."""
    samples: Sweep[Count]
    """T; swept."""
    ranks: Sweep[Rank]
    """k, at which the training set's tail is cut; swept. `atoms` is no cut."""

    @property
    def held(self) -> Held:
        """Embeddings of the questions that are shown."""
        return Held("dimensions", max(self.dimensions) * min(max(self.ranks), max(self.samples)))

    @model_validator(mode="after")
    def _ranks_exist(self) -> "LimitedMemorySettings":
        if (largest := max(self.ranks)) > self.atoms:
            raise ValueError(f"ranks: {largest} is beyond the last of {self.atoms} `atoms`")
        return self
