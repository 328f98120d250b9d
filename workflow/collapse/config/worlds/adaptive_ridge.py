"""Settings of ridge students whose λ is chosen for clean labels, or for labels of a chain of models."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from collapse.config.worlds.base import MeasuredChainSettings


class AdaptiveRidgeSettings(MeasuredChainSettings):
    """x ~ N(0, Σ) with a power law, y = x·w_0 + ε; which λ a student of generated labels needs (Dohmatob et al. 2024).

    λ_j = j^{−β} and λ_j w_{0j}² = j^{−(1 + 2rβ)}: capacity and source conditions.
    """

    model: Literal["adaptive_ridge"]
    dimension: int = Field(ge=2, le=1000)
    """d, number of inputs."""
    capacity_exponent: Annotated[float, Field(gt=1, le=10)]
    """β > 1: Σ has a finite trace in the limit of large d."""
    source_exponent: Annotated[float, Field(gt=0, le=10)]
    """r: how much of w_0 lies in directions that Σ makes large."""
    generator_samples: int = Field(ge=4)
    """T_0, examples of each generator's fit; inputs are drawn anew."""
    generator_noise_variance: Annotated[float, Field(gt=0)]
    """σ_0², variance of the noise on the labels that generators learn from."""
    noise_variance: Annotated[float, Field(gt=0)]
    """σ², variance of the noise on the labels that students learn from."""
    measured: tuple[int, ...] = Field(min_length=1)
    """Generations whose students are fitted; the student of generation 0 learns from real data."""
    samples: tuple[Annotated[int, Field(ge=2, le=100_000)], ...] = Field(min_length=2)
    """T, examples a student learns from, in rising order."""
    ridges: tuple[Annotated[float, Field(gt=0)], ...] = Field(min_length=2)
    """λ of the sweep, in rising order and in the unit of Σ; the best λ is looked for from its first to its last."""

    @model_validator(mode="after")
    def _generators_have_a_mean(self) -> "AdaptiveRidgeSettings":
        if self.generator_samples < self.dimension + 2:
            raise ValueError(
                f"generator_samples: {self.generator_samples} are too few: E (X'X)⁻¹ = Σ⁻¹/(T_0-d-1) needs at least "
                f"dimension + 2 = {self.dimension + 2}"
            )
        return self

    @model_validator(mode="after")
    def _sweeps_rise(self) -> "AdaptiveRidgeSettings":
        for name in ("samples", "ridges"):
            values = getattr(self, name)
            if list(values) != sorted(set(values)):
                raise ValueError(f"{name}: must rise from each value to the next")
        return self
