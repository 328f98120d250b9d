"""Settings of networks that learn digits from real labels mixed with another network's."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from collapse.config.settings import Settings
from collapse.config.worlds.base import Held, Probability, WorldSettings, refuse_parts_of_labels
from collapse.config.worlds.kernel_ridge import LARGEST_SET

PIXELS = 784
"""Of a digit."""


class FixedFeaturesSettings(Settings):
    """A ridge fit on fixed random rectified features."""

    kind: Literal["random_features"]
    ridges: tuple[Annotated[float, Field(gt=0)], ...] = Field(min_length=1)
    """λ of (F'F/n + λI)⁻¹F'Y/n; each fit takes the one that is best on validation images."""


class TrainedFeaturesSettings(Settings):
    """Two layers, both trained: Adam on the squared error, kept where it is best on validation images."""

    kind: Literal["two_layer"]
    steps: int = Field(ge=1, le=100_000)
    """Optimizer steps, of each size of training set alike."""
    batch_size: int = Field(ge=1, le=LARGEST_SET)
    learning_rate: Annotated[float, Field(gt=0, le=1)]
    check_every: int = Field(ge=1)
    """Steps between two looks at the validation images."""


class MixedLabelsSettings(WorldSettings):
    """Real images of digits, a share p₂ of them labelled by another network (Dohmatob et al. 2025, experiments).

    Every combination of widths, samples and shares is fitted. A replicate is a random split of 5,000 digits, with a
    teacher of its own; its fits of all shares learn from the same images in the same order.
    """

    model: Literal["mixed_labels"]
    network: Annotated[FixedFeaturesSettings | TrainedFeaturesSettings, Field(discriminator="kind")]
    widths: tuple[Annotated[int, Field(ge=1, le=20_000)], ...] = Field(min_length=1)
    """Features, or hidden units."""
    samples: tuple[Annotated[int, Field(ge=10)], ...] = Field(min_length=2)
    """n, real and synthetic labels together; smaller sets are parts of larger ones."""
    synthetic_fractions: tuple[Probability, ...] = Field(min_length=1)
    """p₂, share of labels that are the teacher's."""
    teacher_samples: int = Field(ge=10)
    """Real labels that the teacher, a ridge fit on random features, has learnt from; none is a student's."""
    teacher_width: int = Field(ge=1, le=20_000)
    """Its features."""
    teacher_ridge: Annotated[float, Field(gt=0)]
    """Its λ."""
    test_images: int = Field(ge=100, lt=LARGEST_SET)
    validation_images: int = Field(ge=10, lt=LARGEST_SET)

    @property
    def held(self) -> Held:
        """Features of the largest set, or weights, gradients and two moments of every share's network."""
        widest = max(*self.widths, self.teacher_width)
        if self.network.kind == "random_features":
            return Held("widths", widest * (LARGEST_SET + PIXELS + widest))
        return Held("widths", 4 * len(self.synthetic_fractions) * PIXELS * widest)

    @model_validator(mode="after")
    def _there_are_enough_images(self) -> "MixedLabelsSettings":
        left = LARGEST_SET - self.test_images - self.validation_images - self.teacher_samples
        if (largest := max(self.samples)) > left:
            raise ValueError(
                f"samples: {largest} are too many: of {LARGEST_SET} images, {left} are left by test_images, "
                "validation_images and teacher_samples"
            )
        for n in self.samples:
            for fraction in self.synthetic_fractions:
                refuse_parts_of_labels("synthetic_fractions", fraction, n)
        return self
