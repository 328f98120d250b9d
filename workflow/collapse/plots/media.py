"""How figures and pages speak of examples: what they are called, and which measures are drawn."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """What a page calls the examples of a medium, and what it draws of them.

    Attributes:
        real: Real examples, as in `held-out real text`.
        unit: What sizes count, as in `nats per token`.
        units: The same of many.
        panels: Measures of samples and of models that are drawn in small multiples, each with what it is measured on;
            of what an experiment does not measure, such as right answers where nothing is asked, none is drawn.
        narrowing: What the samples do as models narrow.
        columns: Two more measures of the table of strategies, at the last generation, with their decimals.
        error: What the errors of a model on held-out real examples are read from.
    """

    real: str
    unit: str
    units: str
    panels: tuple[tuple[str, str], ...]
    narrowing: str
    columns: tuple[tuple[str, int], ...]
    error: str = "test_loss"

    @property
    def plural(self) -> str:
        """The title of a part about them."""
        return "Texts" if self is TEXT else self.real.capitalize()

    @property
    def nats(self) -> str:
        """The unit of losses."""
        return f"nats per {self.unit}"


def _of_samples(*metrics: str) -> tuple[tuple[str, str], ...]:
    return tuple((metric, "samples") for metric in metrics)


TEXT = Words(
    real="text",
    unit="token",
    units="tokens",
    panels=(
        ("right_fraction", "real_test"),
        ("rouge_1", "real_test"),
        *_of_samples(
            "right_fraction",
            "edited_share",
            "distinct_2",
            "distinct_4",
            "self_bleu",
            "type_entropy",
            "surviving_vocabulary",
            "tail_mass",
            "unseen_type_mass",
            "compression_ratio",
            "generation_0_loss",
            "watermark_z",
        ),
        ("green_mass", "real_test"),
    ),
    narrowing="text narrows",
    columns=(("perplexity", 1), ("bits_per_byte", 3)),
)

WORDS = {
    "text": TEXT,
    "image": Words(
        real="images",
        unit="image",
        units="images",
        panels=(
            *_of_samples(
                "latent_spread",
                "recall",
                "coverage",
                "precision",
                "density",
                "frechet_distance",
                "class_entropy",
                "class_distance",
                "confidence",
            ),
            ("reconstruction_error", "real_test"),
            *_of_samples("generation_0_loss"),
        ),
        narrowing="images narrow",
        columns=(("reconstruction_error", 4),),
    ),
    "label": Words(
        real="labels",
        unit="label",
        units="labels",
        panels=(
            ("misclassified_fraction", "real_test"),
            ("calibration_error", "real_test"),
            ("class_distance", "real_test"),
            *_of_samples("right_fraction", "class_distance", "class_entropy", "sampler_loss", "generation_0_loss"),
        ),
        narrowing="labels narrow",
        columns=(("misclassified_fraction", 3), ("calibration_error", 3)),
        error="misclassified_fraction",
    ),
}
"""By the medium of outputs."""
