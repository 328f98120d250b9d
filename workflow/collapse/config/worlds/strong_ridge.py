"""Settings of ridge regression on real labels mixed with labels of another rule."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from collapse.config.worlds.base import RuleExponent, Variance, WorldSettings, refuse_parts_of_labels

SyntheticFraction = Annotated[float, Field(ge=0, le=1)]


class StrongRidgeSettings(WorldSettings):
    """n inputs, a share p₂ of them labelled by a wrong rule (Dohmatob, Feng, Subramonian, Kempe 2025, theorem 1).

    Every combination of samples, synthetic fractions and ridges is simulated.
    """

    model: Literal["strong_ridge"]
    dimension: int = Field(ge=1, le=1000)
    """d, number of inputs."""
    capacity_exponent: Annotated[float, Field(ge=0)]
    """Eigenvalues of the inputs' covariance are j^(-exponent); 0 is the unit matrix."""
    truth_variance: Variance
    """tr Γ, expected squared length of the true rule w₁ ~ N(0, Γ)."""
    truth_exponent: RuleExponent = Field(default=0.0, exclude_if=lambda exponent: exponent == 0)
    """Eigenvalues of Γ are as j^(-exponent) in the basis of the inputs' covariance; without one they are all alike."""
    shift_variance: Variance
    """tr Δ, expected squared length of δ = w₂ − w₁ ~ N(0, Δ); c² of isotropic inputs."""
    shift_exponent: RuleExponent = Field(default=0.0, exclude_if=lambda exponent: exponent == 0)
    """The same for Δ: above 0 synthetic labels are wrong about what inputs vary most in, below 0 about the rest."""
    noise_variance: Variance
    """σ², variance of the noise of real and synthetic labels."""
    samples: tuple[Annotated[int, Field(ge=2)], ...] = Field(min_length=1)
    """n, real and synthetic labels together."""
    synthetic_fractions: tuple[SyntheticFraction, ...] = Field(min_length=1)
    """p₂, share of synthetic labels."""
    ridges: tuple[Annotated[float, Field(ge=0)], ...] = Field(min_length=1)
    """λ of (X'X/n + λI)⁻¹ X'y/n; 0 is ordinary least squares."""

    @model_validator(mode="after")
    def _moments_exist(self) -> "StrongRidgeSettings":
        if 0 in self.ridges and min(self.samples) < self.dimension + 2:
            raise ValueError(
                f"samples: {min(self.samples)} are too few for a ridge of 0, whose error is finite from dimension + 2 "
                f"= {self.dimension + 2} on"
            )
        return self

    @model_validator(mode="after")
    def _labels_are_whole(self) -> "StrongRidgeSettings":
        for n in self.samples:
            for fraction in self.synthetic_fractions:
                refuse_parts_of_labels("synthetic_fractions", fraction, n)
        return self
