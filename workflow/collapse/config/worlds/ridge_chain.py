"""Settings of chains of unregularised fits and the ridge students that learn from their labels."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from collapse.config.settings import Settings
from collapse.config.worlds.base import ChainSettings


class StudentSettings(Settings):
    """A ridge fit downstream of the chain."""

    samples: int = Field(ge=1, le=100_000)
    """T, examples it learns from."""
    ridge: Annotated[float, Field(ge=0)]
    """λ of (X'X/T + λI)⁻¹ X'Y/T, in the unit of Σ."""


class RidgeChainSettings(ChainSettings):
    """x ~ N(0, Σ), y = x·w_0 + ε; generators label one another's data, students learn from their labels.

    Dohmatob, Feng, Kempe 2024. w_0 has length 1 and equal coordinates in the eigenbasis of Σ.
    """

    model: Literal["ridge_chain"]
    spectrum: Literal["isotropic", "power_law"]
    """Eigenvalues of Σ: all 1, or j^{−exponent}."""
    exponent: Annotated[float, Field(gt=0, le=10)] | None = None
    """β of the power law; `isotropic` has none."""
    dimension: int = Field(ge=1, le=1000)
    """d, number of inputs."""
    generator_samples: int = Field(ge=3)
    """T_0, examples of each generator's fit; inputs are drawn anew."""
    generator_noise_variance: Annotated[float, Field(gt=0)]
    """σ_0², variance of the noise on the labels that generators learn from."""
    noise_variance: Annotated[float, Field(ge=0)]
    """σ², variance of the noise on the labels that students learn from."""
    students: tuple[StudentSettings, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _exponent_belongs_to_the_power_law(self) -> "RidgeChainSettings":
        if (self.spectrum == "power_law") != (self.exponent is not None):
            raise ValueError("exponent: `spectrum: power_law` needs one, and `spectrum: isotropic` has none")
        return self

    @model_validator(mode="after")
    def _moments_exist(self) -> "RidgeChainSettings":
        least = self.dimension + 2
        if self.generator_samples < least:
            raise ValueError(
                f"generator_samples: {self.generator_samples} are too few: E (X'X)⁻¹ = Σ⁻¹/(T_0-d-1) needs at least "
                f"dimension + 2 = {least}; see `model: overparametrised_chain` for fewer samples than inputs"
            )
        for student in self.students:
            if student.ridge == 0 and student.samples < least:
                raise ValueError(
                    f"students: {student.samples} samples are too few without a ridge; use at least dimension + 2 = "
                    f"{least}, or a ridge above 0"
                )
        return self
