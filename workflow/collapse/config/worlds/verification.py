"""Settings of a classifier trained on verified labels whose errors do not depend on the input."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from collapse.config.settings import Name, Settings
from collapse.config.worlds.base import Held, OpenProbability, Probability, WorldSettings


class RateVerifierSettings(Settings):
    """A verifier that looks at a label only through whether it is right."""

    name: Name
    keeps_right: Annotated[float, Field(gt=0, le=1)]
    """φ, probability that a right label is kept."""
    keeps_wrong: Probability
    """ψ, probability that a wrong label is kept."""


class VerificationSettings(WorldSettings):
    """x ~ N(±μ, I_d), labels wrong with probability p, least squares on the kept ones (Feng et al. 2024, theorem 4.2).

    Every verifier is simulated at every error rate and number of samples. A label is right if it is the Bayes label.
    """

    model: Literal["verification"]
    dimension: int = Field(ge=3, le=500)
    """d, number of inputs."""
    separation: Annotated[float, Field(gt=0, le=10)]
    """‖μ‖, half the distance of the two classes, in standard deviations."""
    samples: tuple[Annotated[int, Field(ge=10)], ...] = Field(min_length=1)
    """N, labels the generator wrote."""
    error_rates: tuple[OpenProbability, ...] = Field(min_length=1)
    """p, probability that a label is wrong."""
    verifiers: tuple[RateVerifierSettings, ...] = Field(min_length=1)
    proxy_samples: tuple[Annotated[int, Field(ge=10)], ...]
    """Sizes of labelled samples from which φ and ψ, and with them the breakdown point, are estimated; may be empty."""
    proxy_error_rate: OpenProbability
    """Error rate of those samples."""

    @property
    def held(self) -> Held:
        """Three sums over the inputs."""
        return Held("samples", 3 * max(self.samples))

    @model_validator(mode="after")
    def _names_differ(self) -> "VerificationSettings":
        names = [verifier.name for verifier in self.verifiers]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"verifiers: {', '.join(repeated)} appears more than once")
        return self

    @model_validator(mode="after")
    def _enough_is_kept(self) -> "VerificationSettings":
        for verifier in self.verifiers:
            for rate in self.error_rates:
                kept = min(self.samples) * (verifier.keeps_right * (1 - rate) + verifier.keeps_wrong * rate)
                if kept < 4 * self.dimension:
                    raise ValueError(
                        f"samples: at an error rate of {rate:g}, `{verifier.name}` keeps about {kept:.0f} of "
                        f"{min(self.samples)}; a fit in {self.dimension} dimensions needs at least {4 * self.dimension}"
                    )
        return self

    @model_validator(mode="after")
    def _proxy_sees_both_kinds(self) -> "VerificationSettings":
        for n in self.proxy_samples:
            if n * min(self.proxy_error_rate, 1 - self.proxy_error_rate) < 30:
                raise ValueError(
                    f"proxy_samples: {n} hold fewer than 30 labels of one kind at an error rate of "
                    f"{self.proxy_error_rate:g}, and may hold none"
                )
        return self
