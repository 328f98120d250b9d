"""Settings of chains of kernel density estimates."""

from typing import Annotated, Literal

from pydantic import Field

from collapse.config.worlds.base import Held, MeasuredChainSettings


class KdeSettings(MeasuredChainSettings):
    """Points of a shape in the plane, fitted by a Gaussian kernel density (Kazdan et al. 2025)."""

    model: Literal["kde"]
    shape: Literal["blobs", "moons", "circles", "swiss_roll"]
    """What points are drawn from; the blobs have fixed centres, the roll is seen from its end."""
    noise: Annotated[float, Field(ge=0)]
    """Standard deviation of points about the shape's curve; of each blob about its centre."""
    samples: int = Field(ge=2)
    """N, points per generation."""
    bandwidth: Annotated[float, Field(gt=0)]
    """h, standard deviation of the kernel."""
    test_points: int = Field(ge=1)
    """Fresh real points whose likelihood is measured, the same at every generation of a chain."""

    @property
    def held(self) -> Held:
        """Points of all sets."""
        return Held("samples", 2 * self.samples * self.sets_held)
