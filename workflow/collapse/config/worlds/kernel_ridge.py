"""Settings of chains of kernel ridge regressions on handwritten digits."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from collapse.config.settings import Settings
from collapse.config.worlds.base import ChainSettings
from collapse.config.worlds.ridge_chain import StudentSettings

LARGEST_SET = 5000
"""Images there are."""


class RbfSettings(Settings):
    """k(x, x') = exp(−γ ‖x − x'‖²), with grey levels from 0 to 1."""

    kind: Literal["rbf"]
    gamma: Annotated[float, Field(gt=0)]
    """γ; two digits are at a squared distance of about 100."""


class PolynomialSettings(Settings):
    """k(x, x') = (x·x'/m + offset)^degree, where m is the mean of ‖x‖² over all images."""

    kind: Literal["polynomial"]
    degree: int = Field(ge=1, le=20)
    offset: Annotated[float, Field(ge=0)]


Kernel = Annotated[RbfSettings | PolynomialSettings, Field(discriminator="kind")]


class KernelRidgeSettings(ChainSettings):
    """Real images of digits, one target per class; each fit labels new images for the next (Dohmatob et al. 2024).

    Images are always real; only labels are generated. A replicate is a random split of 5,000 digits.
    """

    model: Literal["kernel_ridge"]
    kernel: Kernel
    test_images: int = Field(ge=100, lt=LARGEST_SET)
    """Images held out; the others are there to draw training sets from."""
    generator_samples: int = Field(ge=10)
    """T_0, images of each generator's fit, drawn anew from the training images."""
    generator_ridge: Annotated[float, Field(gt=0)]
    """λ_0 of generators, (K + T_0 λ_0 I)⁻¹Y; small, as an unregularised fit has no stable solution."""
    generator_noise_variance: Annotated[float, Field(ge=0)]
    """σ_0², variance of the noise on the labels that generators learn from, real ones too."""
    noise_variance: Annotated[float, Field(ge=0)]
    """σ², variance of the noise on the labels that students learn from."""
    students: tuple[StudentSettings, ...] = Field(min_length=1)
    """Samples T and ridge λ of (K + TλI)⁻¹Y."""

    @model_validator(mode="after")
    def _there_are_enough_images(self) -> "KernelRidgeSettings":
        left = LARGEST_SET - self.test_images
        largest = max(self.generator_samples, *(student.samples for student in self.students))
        if largest > left:
            raise ValueError(f"a training set of {largest} images is too large: {left} are not held out")
        if several := [one.name for one in self.strategies if one.compose == "replace_multiple"]:
            raise ValueError(f"strategies: `{several[0]}` would need more images with every generation")
        return self

    @model_validator(mode="after")
    def _students_are_regularised(self) -> "KernelRidgeSettings":
        if any(student.ridge == 0 for student in self.students):
            raise ValueError("students: a kernel matrix of images has no stable inverse; give a ridge above 0")
        return self
