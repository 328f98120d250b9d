"""Settings of ordinary and ridge regression chains with independent standard normal inputs."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from collapse.config.worlds.base import ChainSettings, Held


class LinearRegressionSettings(ChainSettings):
    """x ~ N(0, I_d), y = x·w* + ε, ε ~ N(0, σ²); each model labels the next data set (Gerstgrasser et al. 2024)."""

    model: Literal["linear_regression"]
    dimension: int = Field(ge=1, le=1000)
    """d, number of inputs."""
    samples: int = Field(ge=1)
    """T, samples per generation."""
    noise_variance: Annotated[float, Field(gt=0)]
    """σ², variance of the labels' noise, at every generation."""
    design: Literal["same", "fresh"]
    """`same`: every generation relabels the inputs of generation 0; `fresh`: new inputs every generation."""
    ridge: Annotated[float, Field(ge=0)]
    """λ of (X'X + λ I)⁻¹ X'y; 0 is ordinary least squares, which has a closed form here."""

    @property
    def held(self) -> Held:
        """Inputs and labels of all sets, where they are kept."""
        return Held("samples", self.samples * (self.dimension + 1) * self.sets_held * self.keeps_examples)

    @model_validator(mode="after")
    def _moments_exist(self) -> "LinearRegressionSettings":
        if self.ridge == 0 and self.samples < self.dimension + 2:
            raise ValueError(
                f"samples: {self.samples} are too few: E tr (X'X)⁻¹ = d/(T-d-1) needs at least dimension + 2 = "
                f"{self.dimension + 2}, or a ridge above 0"
            )
        return self
