"""Settings of chains of min-norm fits with fewer examples than inputs."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from collapse.config.worlds.base import ChainSettings


class OverparametrisedChainSettings(ChainSettings):
    """x ~ N(0, I_d), y = x·w_0 + ε, ‖w_0‖ = 1; each min-norm fit labels the next data set (Dohmatob et al. 2024)."""

    model: Literal["overparametrised_chain"]
    dimension: int = Field(ge=3, le=1000)
    """d, number of inputs."""
    samples: int = Field(ge=1)
    """T_0, examples of each fit; inputs are drawn anew."""
    noise_variances: tuple[Annotated[float, Field(ge=0)], ...] = Field(min_length=1)
    """σ_0², variance of the labels' noise; a sweep whose chains share inputs and noise up to its scale."""

    @model_validator(mode="after")
    def _fewer_samples_than_inputs(self) -> "OverparametrisedChainSettings":
        if self.samples > self.dimension - 2:
            raise ValueError(
                f"samples: {self.samples} are too many: E tr (XX')⁻¹ = T_0/(d-T_0-1) needs at most dimension - 2 = "
                f"{self.dimension - 2}; see `model: ridge_chain` for more samples than inputs"
            )
        return self

    @model_validator(mode="after")
    def _training_sets_stay_small(self) -> "OverparametrisedChainSettings":
        if growing := [one.name for one in self.strategies if one.compose not in ("real", "replace", "mix")]:
            raise ValueError(
                f"strategies: the training sets of `{growing[0]}` grow past dimension, where fits are no longer "
                "min-norm; use real, replace or mix"
            )
        return self
