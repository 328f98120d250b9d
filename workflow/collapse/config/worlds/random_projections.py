"""Settings of ridge on random projections, with labels of another rule among the real ones."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from collapse.config.worlds.base import (
    CapacityExponent,
    Held,
    RuleExponent,
    Variance,
    WorldSettings,
    refuse_parts_of_labels,
)


class RandomProjectionsSettings(WorldSettings):
    """Ridge on m random projections of the inputs, f(x) = v'Sx (Dohmatob et al. 2025, theorem 2).

    Every combination of widths and shift variances is simulated; a shift variance of 0 is training on real labels.
    """

    model: Literal["random_projections"]
    dimension: int = Field(ge=2, le=1000)
    """d, number of inputs."""
    capacity_exponent: CapacityExponent = Field(default=0.0, exclude_if=lambda exponent: exponent == 0)
    """Eigenvalues of the inputs' covariance are j^(-exponent); without one they are isotropic."""
    samples: int = Field(ge=4)
    """n, real and synthetic labels together."""
    synthetic_fraction: Annotated[float, Field(gt=0, le=1)]
    """p₂, share of synthetic labels; 1 is the paper's study of sizes."""
    truth_variance: Variance
    """tr Γ, expected squared length of the true rule."""
    truth_exponent: RuleExponent = Field(default=0.0, exclude_if=lambda exponent: exponent == 0)
    """Eigenvalues of Γ are as j^(-exponent) in the basis of the inputs' covariance; without one they are all alike."""
    shift_variances: tuple[Annotated[float, Field(ge=0)], ...] = Field(min_length=1)
    """c² = tr Δ, expected squared distance of the synthetic labels' rule from it."""
    shift_exponent: RuleExponent = Field(default=0.0, exclude_if=lambda exponent: exponent == 0)
    """The same for Δ: above 0 synthetic labels are wrong about what inputs vary most in, below 0 about the rest."""
    noise_variance: Variance
    """σ², variance of the noise of real and synthetic labels."""
    ridge: Annotated[float, Field(gt=0)]
    """λ of (Z'Z/n + λI)⁻¹ Z'y/n, Z = XS'."""
    widths: tuple[Annotated[int, Field(ge=1)], ...] = Field(min_length=1)
    """m, number of projections; S has independent entries of variance 1/d."""
    theory_draws: int = Field(ge=1)
    """Draws of S that the closed form, which is conditional on S, is averaged over."""

    @property
    def held(self) -> Held:
        """Inputs and their projections."""
        return Held("samples", 2 * self.samples * self.dimension)

    @model_validator(mode="after")
    def _labels_are_whole(self) -> "RandomProjectionsSettings":
        refuse_parts_of_labels("synthetic_fraction", self.synthetic_fraction, self.samples)
        return self
