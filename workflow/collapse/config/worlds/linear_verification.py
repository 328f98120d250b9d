"""Settings of a classifier trained on labels of a linear generator that a linear verifier kept."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from collapse.config.settings import Name, Settings
from collapse.config.worlds.base import CapacityExponent, Held, WorldSettings

RESERVED = "clean"


class LinearVerifierSettings(Settings):
    """A verifier that keeps a label if its own linear classifier gives the same one."""

    name: Name
    angle: Annotated[float, Field(ge=0, le=90)] | None
    """Between its classifier and the true one, in degrees, in a direction orthogonal to the generator's error; 0: it
    keeps what is right, 90: it knows nothing; null: it keeps all."""


class LinearVerificationSettings(WorldSettings):
    """x ~ N(±μ, Σ), labels and verdicts by linear classifiers (Feng et al. 2024, the simulation, where Σ = I).

    Every verifier is simulated at every generator and number of samples. A label is right if it is the Bayes label.
    """

    model: Literal["linear_verification"]
    dimension: int = Field(ge=4, le=500)
    """d, number of inputs."""
    separation: Annotated[float, Field(gt=0, le=10)]
    """‖μ‖, half the distance of the two classes, in standard deviations."""
    capacity_exponent: CapacityExponent = Field(default=0.0, exclude_if=lambda exponent: exponent == 0)
    """Eigenvalues of Σ are j^(-exponent): j = 1 along μ, 2 along the generator's error, 3 along the verifier's; without
    one Σ = I."""
    samples: tuple[Annotated[int, Field(ge=10)], ...] = Field(min_length=1)
    """N, labels the generator wrote."""
    generator_angles: tuple[Annotated[float, Field(gt=0, lt=180)], ...] = Field(min_length=1)
    """Between the generator's classifier and the true one, in degrees."""
    verifiers: tuple[LinearVerifierSettings, ...] = Field(min_length=1)

    @property
    def held(self) -> Held:
        """Inputs, as drawn, as labelled and as rows of a fit."""
        return Held("samples", 12 * max(self.samples))

    @model_validator(mode="after")
    def _names_differ(self) -> "LinearVerificationSettings":
        names = [RESERVED, *(verifier.name for verifier in self.verifiers)]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(
                f"verifiers: {', '.join(repeated)} appears more than once; `{RESERVED}` is training on true labels"
            )
        return self

    @model_validator(mode="after")
    def _samples_rise(self) -> "LinearVerificationSettings":
        if list(self.samples) != sorted(set(self.samples)):
            raise ValueError("samples: must rise, because each set holds the one before")
        return self
