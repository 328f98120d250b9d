"""Settings of chains of memories, each trained on what the last one answers."""

from typing import Annotated, Literal

from pydantic import Field

from collapse.config.worlds.associative_memory import Exponent, Sweep
from collapse.config.worlds.base import ChainSettings, Held


class MemoryChainSettings(ChainSettings):
    """Questions with p_i ∝ i^−β; a memory asks and answers what it was shown, with the frequencies it was shown."""

    model: Literal["memory_chain"]
    exponent: Exponent
    """β."""
    atoms: int = Field(ge=2, le=10**7)
    """K, number of different questions."""
    samples: Sweep[Annotated[int, Field(ge=2, le=10**6)]]
    """T, real samples of generation 0 and samples that each generation writes; swept."""

    @property
    def held(self) -> Held:
        """Questions of all sets."""
        return Held("samples", max(self.samples) * self.sets_held)
