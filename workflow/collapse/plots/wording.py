"""The few words that figures and report share: names of metrics, units, numbers, and how many seeds."""

MINUS, NOTHING = "\N{MINUS SIGN}", "\N{EN DASH}"
"""Before a negative number, and in the place of a missing one."""

TITLES = {
    "test_loss": "Test loss",
    "perplexity": "Perplexity",
    "bits_per_byte": "Bits per byte",
    "document_loss_q95": "Loss of the hardest documents (95 % quantile)",
    "sampler_loss": "Loss under the model that wrote it",
    "generation_0_loss": "Loss under the generation-0 model",
    "label_share": "Share of a label",
    "quality_index": "Text quality index",
    "quality_level": "Text quality level",
    "base_perplexity": "Perplexity under the base model",
    "watermark_z": "Watermark: z of a text",
    "watermarked_fraction": "Texts taken for watermarked",
    "green_share": "Share of green tokens",
    "green_mass": "Model's probability of green tokens",
    "distinct_1": "Distinct 1-grams",
    "distinct_2": "Distinct 2-grams",
    "distinct_3": "Distinct 3-grams",
    "distinct_4": "Distinct 4-grams",
    "self_bleu": "Self-BLEU",
    "type_entropy": "Entropy of token types",
    "compression_ratio": "Compression ratio",
    "duplicate_fraction": "Exact duplicates",
    "tail_mass": "Tail mass",
    "surviving_vocabulary": "Surviving vocabulary",
    "unseen_type_mass": "Mass on unseen token types",
    "kl_to_source": "KL divergence of the source to the model",
    "tv_to_source": "Total variation from the source",
    "support_mass": "Mass on what the source can write",
    "support_entropy": "Entropy within what the source can write",
    "source_entropy": "Entropy of the source",
    "source_tail_mass": "Mass on the source's rarest documents",
    "loss_above_entropy": "Loss above the source's entropy",
    "support_coverage": "Share of the source that occurs",
    "grammatical_fraction": "Samples that the source can write",
    "mean_length": "Mean length",
    "stopped_fraction": "Ended by the model itself",
    "empty_fraction": "Empty samples",
    "accepted_fraction": "Accepted by the verifiers",
    "true_positive_rate": "Right samples accepted, φ",
    "false_positive_rate": "Wrong samples accepted, ψ",
    "verifier_precision": "Right among accepted samples",
    "solved_fraction": "Inputs with a right sample accepted",
    "real_token_share": "Real-token share",
    "edited_share": "Edited tokens",
    "real_image_share": "Real-image share",
    "real_label_share": "Real-label share",
    "right_fraction": "Right answers",
    "rouge_1": "ROUGE-1 against real answers",
    "reconstruction_error": "Reconstruction error",
    "latent_spread": "Spread of codes",
    "class_entropy": "Entropy of classes",
    "class_distance": "Distance of class shares",
    "confidence": "Confidence of the classifier",
    "frechet_distance": "Fréchet distance",
    "precision": "Precision",
    "recall": "Recall",
    "density": "Density",
    "coverage": "Coverage",
    "calibration_error": "Calibration error",
    "mean_origin_generation": "Mean origin",
    "n_distinct_examples": "Different examples",
    "n_tokens_trained": "Tokens trained on",
    "n_images_trained": "Images trained on",
    "n_labels_trained": "Labels trained on",
    "n_pool_examples": "Examples in the pool",
    "pool_passes": "Passes over the pool",
    "n_steps": "Optimizer steps",
    "ancestry_depth": "Models between text and real text",
    "excess_error": "Test error",
    "accuracy": "Accuracy",
    "heterozygosity": "Heterozygosity",
    "relative_error": "Test error over one fit's",
    "added_error": "Error that generated labels added",
    "bias_error": "Error that shrinking makes",
    "noise_error": "Error that noise makes",
    "clean_ridge_error": "Excess error, ridge for real labels",
    "adaptive_ridge_error": "Excess error, ridge that theory chooses",
    "optimal_ridge": "Best ridge of a student",
    "squared_error": "Squared error on held-out images",
    "misclassified_fraction": "Held-out images classified wrongly",
    "breakdown_proxy": "Estimated breakdown point p*",
    "error_slope": "Slope of squared error in the number of labels, both in logs",
    "proxy_squared_error": "Squared error of the estimated p*",
    "variance_ratio": "Fitted variance over the real one",
    "mean_shift": "Squared shift of the mean",
    "draw_variance": "Variance of a draw",
    "log_variance_ratio": "Log of fitted over real variance",
    "squared_wasserstein": "Squared Wasserstein-2 distance",
    "negative_log_likelihood": "Negative log-likelihood of real points",
    "model_entropy": "Entropy of the model",
    "surviving_support": "Surviving categories",
    "absorbed_fraction": "Chains with one category left",
    "absorption_time": "Time until one category is left",
    "component_variance": "Variance within components",
    "density_distance": "Squared L2 distance of densities",
    "test_error": "Probability of a wrong answer",
    "missing_mass": "Probability of what was never shown",
    "total_variation": "Total variation from the true law",
    "shape_a": "First shape of the Beta law",
    "shape_b": "Second shape of the Beta law",
    "model_mean": "Mean of the fitted law",
    "model_mode": "Mode of the fitted law",
    "model_variance": "Variance of the fitted law",
}
"""Names for readers, by metric."""

UNITS = {
    "nat/token": "nats per token",
    "nat/image": "nats per image",
    "nat/label": "nats per label",
    "image": "images",
    "label": "labels",
    "nat/document": "nats per document",
    "nat": "nats",
    "bit/byte": "bits per byte",
    "token": "tokens",
    "example": "examples",
    "step": "steps",
    "generation": "generations",
    "1": "",
}
"""Units for readers."""


def title(metric: str) -> str:
    """Name of a metric, for readers."""
    return TITLES.get(metric, metric.replace("_", " ").capitalize())


def parameter(name: str) -> str:
    """A swept parameter or axis, for readers."""
    return {"generation": "generation (0: fitted on real data)"}.get(name, name.replace("_", " "))


def percent(share: float) -> str:
    """`0.95` as `95 %`, with the digits it needs."""
    return f"{100 * share:.4g} %"


def seeds(n: int) -> str:
    """`1 seed`, `2 seeds`."""
    return f"{n} seed{'' if n == 1 else 's'}"


def seed_range(counts: list[int]) -> str:
    """`2 seeds`, or `3 to 5 seeds` where values are missing."""
    low, high = min(counts), max(counts)
    return seeds(low) if low == high else f"{low} to {seeds(high)}"


def signed(value: float, digits: int) -> str:
    """A difference with its sign, a true minus, and no sign on zero."""
    text = f"{value:+.{digits}f}"
    return text[1:] if float(text) == 0 else text.replace("-", MINUS)


def number(value: float, digits: int) -> str:
    """A value with a true minus."""
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", MINUS)


def interval(low: float | None, high: float | None, digits: int) -> str:
    """` [+0.40, +0.63]`, or nothing where there is no interval; an unbounded end is an infinity."""
    if low is None and high is None:
        return ""
    return " [{}, {}]".format(*ends(low, high, digits))


def ends(low: float | None, high: float | None, digits: int) -> tuple[str, str]:
    """Both ends of an interval; an unbounded one is an infinity."""
    return (
        f"{MINUS}\N{INFINITY}" if low is None else signed(low, digits),
        "+\N{INFINITY}" if high is None else signed(high, digits),
    )


def digits_for(smallest: float) -> int:
    """Decimals that show a size of `smallest` with two figures: 0.31 → 2, 0.0042 → 4; between 2 and 6."""
    decimals = 2
    while decimals < 6 and 0 < abs(smallest) < 10.0 ** (1 - decimals):
        decimals += 1
    return decimals


def p_value(value: float | None) -> str:
    """Two figures, never `0`."""
    if value is None:
        return NOTHING
    return "< 0.001" if value < 0.001 else f"{value:.2g}" if value < 0.1 else f"{value:.2f}"
