"""Settings of reweighted and of iterated mixing of real and synthetic labels."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from collapse.config.worlds.base import OpenProbability, Variance, WorldSettings, refuse_parts_of_labels


class MixingSchemesSettings(WorldSettings):
    """Half-way remedies, isotropic and without ridge (Dohmatob et al. 2025, corollaries 2 and 3).

    `reweight` weights the squared errors of real labels by 1 − α and those of synthetic ones by α. `iterate` trains on
    real and synthetic labels alike, then relabels the synthetic inputs with the fit, round after round. `real` is the
    fit on the real labels alone, `clean` that on as many real labels as there are labels in all.
    """

    model: Literal["mixing_schemes"]
    dimension: int = Field(ge=2, le=200)
    """d, number of inputs."""
    synthetic_fraction: OpenProbability
    """p₂, share of synthetic labels."""
    shift_variance: Variance
    """c², expected squared distance of the first synthetic labels' rule from the true one."""
    noise_variance: Variance
    """σ², variance of the noise of all labels."""
    samples: tuple[Annotated[int, Field(ge=4)], ...] = Field(min_length=1)
    """n, real and synthetic labels together."""
    synthetic_weights: tuple[OpenProbability, ...] = Field(min_length=1)
    """α of `reweight`; α = p₂ weights all labels alike."""
    rounds: int = Field(ge=1, le=200)
    """Rounds of relabelling."""

    @model_validator(mode="after")
    def _each_part_determines_a_fit(self) -> "MixingSchemesSettings":
        for n in self.samples:
            refuse_parts_of_labels("synthetic_fraction", self.synthetic_fraction, n)
            synthetic = round(self.synthetic_fraction * n)
            if min(synthetic, n - synthetic) < self.dimension + 2:
                raise ValueError(
                    f"samples: of {n}, {synthetic} are synthetic; each part needs at least dimension + 2 = "
                    f"{self.dimension + 2} for its fit to have a finite error"
                )
        return self
