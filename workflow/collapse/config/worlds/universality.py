"""Settings of chains of estimators that are not least squares."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from collapse.config.worlds.base import ChainSettings, Held


class UniversalitySettings(ChainSettings):
    """A median, or a logistic regression, that labels its own data (Dey and Donoho 2024)."""

    model: Literal["universality"]
    estimator: Literal["median", "logistic"]
    """`median` of n draws from N(θ, 1); `logistic`: labels of the same standard normal inputs at every generation."""
    samples: int = Field(ge=3)
    """n, draws or labelled rows per generation."""
    dimension: int = Field(ge=1, le=50)
    """d, number of weights; 1 for the median."""
    signal: Annotated[float, Field(ge=0, le=5)]
    """Length of the true parameter: θ, or the weights of inputs of variance 1."""

    @property
    def held(self) -> Held:
        """Draws or rows of all sets."""
        return Held("samples", self.samples * (self.dimension + 1) * self.sets_held)

    @model_validator(mode="after")
    def _estimator_is_defined(self) -> "UniversalitySettings":
        if self.estimator == "median" and self.dimension != 1:
            raise ValueError(f"dimension: is {self.dimension}; the median has one parameter, so it must be 1")
        if self.estimator == "median" and self.samples % 2 == 0:
            raise ValueError(
                f"samples: {self.samples} is even; the median needs a draw in the middle, so an odd number"
            )
        if self.estimator == "logistic" and self.samples < 20 * self.dimension:
            raise ValueError(
                f"samples: {self.samples} rows may be separable, and then no logistic fit exists; use at least 20 per "
                f"dimension = {20 * self.dimension}"
            )
        return self
