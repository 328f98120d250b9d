"""Settings of chains of fitted Gaussians."""

from typing import Literal

from pydantic import Field, model_validator

from collapse.config.worlds.base import ChainSettings, Held


class GaussianSettings(ChainSettings):
    """N(0, I_d), fitted by mean and covariance (Shumailov et al. 2024; Kazdan et al. 2025)."""

    model: Literal["gaussian"]
    dimension: int = Field(ge=1, le=100)
    """d, dimension of the draws."""
    samples: int = Field(ge=2)
    """N, draws per generation."""
    variance: Literal["biased", "unbiased"]
    """`biased`: maximum likelihood, which divides by the number of examples; `unbiased`: by one less."""

    @property
    def held(self) -> Held:
        """Draws of all sets, where they are kept."""
        return Held("samples", self.samples * self.dimension * self.sets_held * self.keeps_examples)

    @model_validator(mode="after")
    def _covariance_has_full_rank(self) -> "GaussianSettings":
        if self.samples <= self.dimension:
            raise ValueError(
                f"samples: {self.samples} draws fit a singular covariance in {self.dimension} dimensions; at least "
                f"dimension + 1 = {self.dimension + 1} are needed"
            )
        return self
