"""Settings of Beta laws fitted by weighted maximum likelihood, generation after generation."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from collapse.config.settings import Settings
from collapse.config.worlds.base import ChainSettings, Held


class BetaSettings(Settings):
    """A Beta law."""

    a: Annotated[float, Field(gt=0, le=1000)]
    b: Annotated[float, Field(gt=0, le=1000)]


class WeightedLikelihoodSettings(ChainSettings):
    """A model biased by pretraining is tuned on data, then on its own samples, all weighted by its last density."""

    model: Literal["weighted_likelihood"]
    data: BetaSettings
    """Law of real data."""
    pretrained: BetaSettings
    """The model before generation 0."""
    weights: Literal["last_model", "none"]
    """`last_model`: examples weigh the last model's density at them; `none`: ordinary maximum likelihood."""
    samples: int = Field(ge=10, le=1_000_000)
    """N, real examples, and samples of each generation."""

    @property
    def held(self) -> Held:
        """Two logarithms of each example of all sets."""
        return Held("samples", 2 * self.samples * self.sets_held)

    @model_validator(mode="after")
    def _fits_have_a_mode(self) -> "WeightedLikelihoodSettings":
        for shape in ("a", "b"):
            data, before = getattr(self.data, shape), getattr(self.pretrained, shape)
            if self.weights == "none" and data <= 1:
                raise ValueError(f"data.{shape}: {data:g} leaves the law without a mode; it must be above 1")
            if self.weights == "last_model" and data + before <= 2:
                raise ValueError(
                    f"data.{shape}: with pretrained.{shape}, the first fit has {data:g} + {before:g} - 1 = "
                    f"{data + before - 1:g}, which must be above 1 for a mode to exist"
                )
        return self
