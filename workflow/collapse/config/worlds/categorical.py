"""Settings of chains of category frequencies."""

from typing import Annotated, Literal

from pydantic import Field

from collapse.config.worlds.base import Held, MeasuredChainSettings


class CategoricalSettings(MeasuredChainSettings):
    """Draws from K categories, fitted by their frequencies (Shumailov et al. 2024; Seddik et al. 2024)."""

    model: Literal["categorical"]
    categories: int = Field(ge=2, le=1_000_000)
    """K, number of categories."""
    exponent: Annotated[float, Field(ge=0)]
    """Real probabilities fall as k^−exponent; 0 is uniform."""
    samples: tuple[Annotated[int, Field(ge=2)], ...] = Field(min_length=1)
    """N, draws per generation; each is a point of the sweep."""

    @property
    def held(self) -> Held:
        """Draws, or frequencies, of all sets."""
        return Held("samples", max(*self.samples, self.categories) * self.sets_held)
