"""Settings of chains of mixtures of two Gaussians, fitted by EM."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from collapse.config.worlds.base import Held, MeasuredChainSettings


class GaussianMixtureSettings(MeasuredChainSettings):
    """Two equal real components of unit variance; mixtures of two by EM (after Shumailov et al. 2024)."""

    model: Literal["gaussian_mixture"]
    dimension: int = Field(ge=1, le=5)
    """d, dimension of the draws."""
    samples: int = Field(ge=10)
    """N, draws per generation."""
    separation: Annotated[float, Field(gt=0, le=100)]
    """Distance between the real centres, in standard deviations of a component."""
    em_steps: int = Field(ge=1, le=1000)
    """Steps of EM per fit; they start at the mixture that wrote the newest draws, which is close."""
    variance_floor: Annotated[float, Field(gt=0, le=0.1)]
    """Variance added to every component at every step, so that none shrinks to a point."""

    @property
    def held(self) -> Held:
        """Draws of all sets."""
        return Held("samples", self.samples * self.dimension * self.sets_held)

    @model_validator(mode="after")
    def _covariances_have_full_rank(self) -> "GaussianMixtureSettings":
        if self.samples < 10 * self.dimension:
            raise ValueError(
                f"samples: {self.samples} are too few for two covariances in {self.dimension} dimensions; use at "
                f"least 10 per dimension = {10 * self.dimension}"
            )
        return self
