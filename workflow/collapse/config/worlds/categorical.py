"""Settings of chains of category frequencies."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from collapse.config.worlds.base import MeasuredChainSettings


class CategoricalSettings(MeasuredChainSettings):
    """Draws from K categories, fitted by their frequencies (Shumailov et al. 2024; Seddik et al. 2024)."""

    model: Literal["categorical"]
    categories: int = Field(ge=2, le=1_000_000)
    """K, number of categories."""
    exponent: Annotated[float, Field(ge=0)]
    """Real probabilities fall as k^−exponent; 0 is uniform."""
    samples: tuple[Annotated[int, Field(ge=2)], ...] = Field(min_length=1)
    """N, draws per generation; each is a point of the sweep."""

    @model_validator(mode="after")
    def _sizes_differ(self) -> "CategoricalSettings":
        if len(set(self.samples)) < len(self.samples):
            raise ValueError("samples: names a size more than once")
        return self
