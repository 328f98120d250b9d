"""Every metric: its unit, where it goes as models collapse, and what it means.

Words, mostly: a better sentence here makes no result stale, so this module is no part of a stage's fingerprint.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Definition:
    """What one metric means.

    Attributes:
        unit: Unit of the value; `1` for pure numbers.
        direction: Where the literature sees it go as models collapse; `none` where it goes either way or describes
            the set-up instead of the outcome.
        doc: Meaning and source.
    """

    unit: str
    direction: Literal["lower", "higher", "none"]
    doc: str

    def unit_over(self, size_unit: str) -> str:
        """The unit where sizes count something else than tokens: `nat/image`."""
        return self.unit.replace("/token", f"/{size_unit}")


def _distinct(n: int) -> Definition:
    return Definition(
        "1",
        "lower",
        f"Different {n}-grams over all {n}-grams of the samples (Li et al. 2016). Falls with the amount of text, so it "
        "is taken at equal size; rises where a model drifts to noise instead of narrowing.",
    )


CATALOGUE: dict[str, Definition] = {
    # --- raters ---
    "label_share": Definition(
        "1",
        "none",
        "Share of texts (or of their sentences, where these are rated) that a rater gives this label; at generation 0, "
        "of held-out real text "
        "(Wang et al. 2025, section 4.2: share of articles that lean to one side).",
    ),
    "quality_index": Definition(
        "1",
        "lower",
        "Level (0 the worst; of fluency 0 noise, 1 word salad, 2 mild gibberish, 3 clean) times how sure the rater is "
        "of it, mean over the sentences of a text, then over texts: the text quality index as the code of Wang et al. "
        "2025 computes it.",
    ),
    "quality_level": Definition(
        "1", "lower", "Mean level of a text's sentences, then over texts: the same index as their prose describes it."
    ),
    "base_perplexity": Definition(
        "1",
        "lower",
        "Mean over texts of exp(loss per token) under the base model, which no generation has changed; falls as text "
        "repeats itself (Wang et al. 2025, section 4.3). At generation 0, of held-out real text.",
    ),
    # --- watermark ---
    "watermark_z": Definition(
        "1",
        "none",
        "Standard deviations by which a text has more green tokens than text that nobody has marked, each pair of "
        "tokens counted once; mean over texts. Of real text it is 0 on average, over keys (Kirchenbauer et al. 2023, "
        "equation 3).",
    ),
    "watermarked_fraction": Definition(
        "1",
        "none",
        "Share of texts with watermark_z of at least 4: of samples those that are detected, of real text those that "
        "are taken for marked though they are not (Kirchenbauer et al. 2023).",
    ),
    "green_share": Definition(
        "1",
        "none",
        "Share of green tokens among the different pairs of tokens of each text; decoding.watermark.green_share in "
        "text that nobody has marked (Kirchenbauer et al. 2023).",
    ),
    "green_mass": Definition(
        "1",
        "none",
        "Probability that the model itself, without the bias, gives to green tokens, mean over the tokens of held-out "
        "real text: how much of the watermark it has learned from marked samples (after Sander et al. 2024, who call "
        "such text radioactive).",
    ),
    # --- loss ---
    "test_loss": Definition(
        "nat/token",
        "higher",
        "Mean negative log-likelihood per token of held-out real documents, end of sequence included "
        "(Gerstgrasser et al. 2024). Of images, per image, and a bound on it: the negative evidence lower bound of an "
        "autoencoder. Of labels, per label.",
    ),
    "perplexity": Definition(
        "1", "higher", "exp(test_loss); comparable under one tokenizer only (Jelinek et al. 1977)."
    ),
    "bits_per_byte": Definition(
        "bit/byte",
        "higher",
        "Loss of held-out real documents over their UTF-8 bytes and ln 2; comparable across tokenizers "
        "(Gao et al. 2020).",
    ),
    "document_loss_q95": Definition(
        "nat/token",
        "higher",
        "95 % quantile over held-out real documents of their mean loss per token: the documents a model has forgotten "
        "first (after Shumailov et al. 2024, who see the tails go first).",
    ),
    "sampler_loss": Definition(
        "nat/token",
        "lower",
        "Mean negative log-likelihood of the samples under the model that wrote them, before tempering and truncation: "
        "at temperature 1 an estimate of that model's entropy per token (Shannon 1948).",
    ),
    "generation_0_loss": Definition(
        "nat/token",
        "none",
        "Mean negative log-likelihood of the samples under the model of generation 0 (Shumailov et al. 2024): lower as "
        "samples narrow to what was likely, higher as they drift away from real text.",
    ),
    # --- diversity ---
    **{f"distinct_{n}": _distinct(n) for n in (1, 2, 3, 4)},
    "self_bleu": Definition(
        "1",
        "higher",
        "Mean BLEU-4 of each sample against all others (Zhu et al. 2018); 1 when every sample occurs twice.",
    ),
    "type_entropy": Definition(
        "nat",
        "lower",
        "Entropy of the distribution of token types in the samples (Shannon 1948, from the counts as they are).",
    ),
    "compression_ratio": Definition(
        "1", "higher", "Bytes of the samples' text over bytes after zlib, level 6 (Shaib et al. 2024)."
    ),
    "duplicate_fraction": Definition(
        "1", "higher", "Share of the samples whose tokens repeat an earlier sample's (Lee et al. 2022)."
    ),
    # --- tails ---
    "tail_mass": Definition(
        "1",
        "lower",
        "Share of sampled tokens that belong to the rarest real token types; those types hold at most "
        "`evaluation.tail_share` of real tokens (after Shumailov et al. 2024; Dohmatob et al. 2024).",
    ),
    "surviving_vocabulary": Definition(
        "1",
        "lower",
        "Share of the real token types that occur in the samples; grows with the amount of text (after Seddik et al. "
        "2024, whose model loses types for good).",
    ),
    "unseen_type_mass": Definition(
        "1",
        "higher",
        "Share of sampled tokens whose type never occurs in real training text: bytes and merges that only the "
        "tokenizer knows. Their logits are trained by nothing but absence, and what leaks there is kept and amplified.",
    ),
    # --- distance from a known source (`corpus.source: grammar`); exact on the evaluation set `truth` ---
    "kl_to_source": Definition(
        "nat/document",
        "higher",
        "KL(P ‖ Q) of the source P to the model Q: what the model loses on a document beyond the source's entropy "
        "(Kullback and Leibler 1951).",
    ),
    "tv_to_source": Definition(
        "1",
        "higher",
        "Total variation between source and model, what the model writes outside the source's support included.",
    ),
    "support_mass": Definition("1", "none", "Probability that the model writes a document that the source can write."),
    "support_entropy": Definition(
        "nat/document",
        "lower",
        "Entropy of what the model writes, given that the source can write it; source_entropy is what it should be.",
    ),
    "source_entropy": Definition("nat/document", "none", "Entropy of a document under the source (Shannon 1948)."),
    "source_tail_mass": Definition(
        "1",
        "lower",
        "Probability that the model gives to the source's rarest documents, which together hold "
        "`evaluation.tail_share` of the source (after Shumailov et al. 2024).",
    ),
    "loss_above_entropy": Definition(
        "nat/document",
        "higher",
        "Mean loss of a held-out document less source_entropy: what held-out text alone says about kl_to_source.",
    ),
    "support_coverage": Definition(
        "1",
        "lower",
        "Share of the source, by probability, whose documents occur among the samples; grows with their number.",
    ),
    "grammatical_fraction": Definition(
        "1",
        "none",
        "Share of the samples, prompts included, that the source can write: what samples say about support_mass of the "
        "model that wrote them.",
    ),
    # --- the samples as such ---
    "mean_length": Definition("token", "none", "Mean tokens per sample, end of sequence included."),
    "stopped_fraction": Definition("1", "none", "Share of the samples that the model ended itself."),
    "empty_fraction": Definition("1", "none", "Share of the samples without text."),
    "accepted_fraction": Definition(
        "1", "none", "Share of the samples that every verifier of the strategy accepts (Feng et al. 2024)."
    ),
    "true_positive_rate": Definition(
        "1", "none", "Share of the right samples that a verifier lets through: φ, its recall (Feng et al. 2024)."
    ),
    "false_positive_rate": Definition(
        "1", "none", "Share of the wrong samples that a verifier lets through: ψ (Feng et al. 2024)."
    ),
    "verifier_precision": Definition("1", "none", "Share of the samples that a verifier lets through that are right."),
    "solved_fraction": Definition(
        "1",
        "none",
        "Share of the inputs of which the verifiers let a right sample through: of an oracle, how often the best of "
        "several answers is right (Feng et al. 2024, table 1).",
    ),
    "right_fraction": Definition(
        "1",
        "lower",
        "Share of the samples that are the real output of their input, letter by letter or as `evaluation.answers` "
        "says. On `real_test`, of a model's likeliest answers to held-out inputs: its accuracy (Charton 2022).",
    ),
    "rouge_1": Definition(
        "1",
        "lower",
        "Mean ROUGE-1 F of answers against the real answers to the same inputs, words in small letters and not stemmed "
        "(Lin 2004): of samples to what was asked of them, on `real_test` of the model to held-out inputs "
        "(Feng et al. 2024).",
    ),
    # --- images ---
    "reconstruction_error": Definition(
        "1",
        "higher",
        "Mean squared error of the grey levels (0 to 1) that held-out real images are decoded to from their own codes.",
    ),
    "latent_spread": Definition(
        "1",
        "lower",
        "Standard deviation of the codes of the samples under the encoder of generation 0, mean over the numbers of a "
        "code (Shumailov et al. 2024, section 7).",
    ),
    "class_entropy": Definition("nat", "lower", "Entropy of the shares of the classes among the samples."),
    "class_distance": Definition(
        "1", "higher", "Total variation between the shares of the classes and those of the real examples."
    ),
    "confidence": Definition(
        "1",
        "none",
        "Mean probability of the likeliest class of the samples, under a classifier fitted to real images.",
    ),
    "frechet_distance": Definition(
        "1",
        "higher",
        "Squared Fréchet distance of samples from held-out real images in the features of a classifier fitted to real "
        "ones (after Heusel et al. 2017; no Inception network, so it compares with no published FID).",
    ),
    "precision": Definition(
        "1", "none", "Share of the samples in the neighbourhood of a real image (Kynkäänniemi et al. 2019)."
    ),
    "recall": Definition(
        "1", "lower", "Share of the real images in the neighbourhood of a sample (Kynkäänniemi et al. 2019)."
    ),
    "density": Definition(
        "1", "none", "Real neighbourhoods that hold a sample, over the number of neighbours (Naeem et al. 2020)."
    ),
    "coverage": Definition("1", "lower", "Share of real neighbourhoods that hold a sample (Naeem et al. 2020)."),
    # --- labels ---
    "calibration_error": Definition(
        "1", "higher", "Expected calibration error: how far accuracy is from confidence, ten bins (Guo et al. 2017)."
    ),
    # --- provenance of the training set ---
    "real_token_share": Definition(
        "1", "none", "Share of the tokens trained on that a person wrote, prompts within samples included."
    ),
    "edited_share": Definition(
        "1", "none", "Share of the tokens of edited documents that are others than the real one's (ToEdit, 1 - kept)."
    ),
    "real_image_share": Definition("1", "none", "Share of the images trained on that are real."),
    "real_label_share": Definition("1", "none", "Share of the labels trained on that are real."),
    "mean_origin_generation": Definition(
        "generation", "none", "Mean generation of the examples trained on, by tokens; real documents count as 0."
    ),
    "n_distinct_examples": Definition("example", "none", "Different documents and samples trained on."),
    "n_tokens_trained": Definition("token", "none", "Tokens trained on, repeats counted."),
    "n_images_trained": Definition("image", "none", "Images trained on, repeats counted."),
    "n_labels_trained": Definition("label", "none", "Labels trained on, repeats counted."),
    "n_pool_examples": Definition(
        "example", "none", "Different documents and samples that the strategy took for this model, seen or not."
    ),
    "pool_passes": Definition(
        "1",
        "none",
        "Examples trained on, repeats counted, over n_pool_examples. Below 1 the budget ended before one pass, and "
        "this is the share of the pool that was seen.",
    ),
    "n_steps": Definition("step", "none", "Optimizer steps; equal tokens are not equal steps where lengths differ."),
    "ancestry_depth": Definition(
        "generation",
        "none",
        "Mean number of models between the text trained on and real text: sum over j of share_j (1 + depth of the "
        "training set of generation j - 1), 0 for real text.",
    ),
    # --- closed-form worlds; each value is one replicate's, its mean over replicates is what theory speaks of ---
    "excess_error": Definition(
        "1", "higher", "Expected squared error of predictions on real inputs above the noise floor, ‖ŵ − w*‖²_Σ."
    ),
    "relative_error": Definition(
        "1", "higher", "excess_error over the expected error of one fit on real data (Gerstgrasser et al. 2024)."
    ),
    "added_error": Definition(
        "1", "higher", "Error minus that of the same student on real labels (Dohmatob et al. 2024; 2025)."
    ),
    "bias_error": Definition(
        "1",
        "higher",
        "Part of excess_error that shrinking makes: that of a fit without noise (Dohmatob et al. 2025, B).",
    ),
    "noise_error": Definition(
        "1", "higher", "Part of excess_error that the noise of labels makes (Dohmatob et al. 2025, V)."
    ),
    "clean_ridge_error": Definition(
        "1", "higher", "excess_error of a student whose ridge is best for real labels, T^{-l*} (Dohmatob et al. 2024)."
    ),
    "adaptive_ridge_error": Definition(
        "1",
        "higher",
        "excess_error of a student whose ridge is best in theory, by samples and generation (Dohmatob et al. 2024).",
    ),
    "optimal_ridge": Definition(
        "1",
        "higher",
        "The ridge with the least excess_error, for each replicate by itself, in the unit of the inputs' covariance.",
    ),
    "squared_error": Definition(
        "1",
        "higher",
        "Squared distance of predictions from true targets, one per class, on held-out real images; noise included.",
    ),
    "misclassified_fraction": Definition(
        "1", "higher", "Share of held-out real images whose largest prediction is not of their class."
    ),
    "error_slope": Definition(
        "1",
        "higher",
        "Slope of log squared_error in the log of the number of training labels, by least squares; nearer to 0 as "
        "synthetic labels keep more of them from helping (Dohmatob et al. 2025).",
    ),
    "accuracy": Definition("1", "lower", "Probability that a classifier gives a new real input its true label."),
    "breakdown_proxy": Definition(
        "1",
        "none",
        "Error rate up to which a verifier saves the student, p̂* = φ̂/(φ̂ + ψ̂), from the shares of right and of wrong "
        "labels that it keeps in a labelled sample (Feng et al. 2024).",
    ),
    "proxy_squared_error": Definition("1", "none", "Squared distance of breakdown_proxy from the true one."),
    "test_error": Definition("1", "higher", "Probability of a wrong answer to a real question (Dohmatob et al. 2024)."),
    "missing_mass": Definition(
        "1", "higher", "Real probability of what the learner was never shown (Dohmatob et al. 2024)."
    ),
    "total_variation": Definition(
        "1", "higher", "Half the summed absolute differences between a model's probabilities and the true ones."
    ),
    "shape_a": Definition("1", "none", "First shape parameter of the fitted Beta law (Wang et al. 2025)."),
    "shape_b": Definition("1", "none", "Second shape parameter of the fitted Beta law (Wang et al. 2025)."),
    "model_mean": Definition("1", "none", "Mean of the fitted law (Wang et al. 2025)."),
    "model_mode": Definition("1", "none", "Mode of the fitted law (Wang et al. 2025)."),
    "model_variance": Definition("1", "lower", "Variance of the fitted law (Wang et al. 2025)."),
    "variance_ratio": Definition(
        "1", "lower", "Trace of the fitted model's covariance over that of the source (Kazdan et al. 2025)."
    ),
    "mean_shift": Definition(
        "1",
        "higher",
        "Squared distance of the fitted mean from the source's, over the trace of the source's covariance "
        "(Kazdan et al. 2025).",
    ),
    "draw_variance": Definition(
        "1",
        "higher",
        "Expected squared deviation of a draw of the fitted model from the source's mean, over the source's variance; "
        "its mean over replicates is the variance of a draw (Shumailov et al. 2024).",
    ),
    "log_variance_ratio": Definition(
        "nat",
        "lower",
        "ln of variance_ratio: its mean shows the typical chain, where that of the ratio shows the mean.",
    ),
    "squared_wasserstein": Definition(
        "1",
        "higher",
        "(μ_g − μ_0)² + (σ_g − σ_0)², the squared Wasserstein-2 distance of two Gaussians in one dimension, over σ_0² "
        "(Shumailov et al. 2024).",
    ),
    "negative_log_likelihood": Definition(
        "nat", "higher", "Mean negative log density of fresh real points under the model (Kazdan et al. 2025)."
    ),
    "heterozygosity": Definition(
        "1", "lower", "1 − Σ p²: the chance that two draws of the fitted model differ (Wright 1931)."
    ),
    "model_entropy": Definition("nat", "lower", "Entropy of the fitted frequencies (Kazdan et al. 2025)."),
    "surviving_support": Definition(
        "1", "lower", "Share of the real categories that the fitted model can still draw (Shumailov et al. 2024)."
    ),
    "absorbed_fraction": Definition(
        "1",
        "higher",
        "Whether one category is all that is left; its mean is the share of such chains (Seddik et al. 2024).",
    ),
    "absorption_time": Definition(
        "generation",
        "none",
        "First generation with one category left, or the last generation of the chain if none came earlier "
        "(Kazdan et al. 2025).",
    ),
    "component_variance": Definition(
        "1",
        "lower",
        "Variance of a mixture's components per coordinate, mean by their weights; real components have 1 "
        "(Shumailov et al. 2024).",
    ),
    "density_distance": Definition(
        "1", "higher", "∫ (p_g − p_0)², squared L2 distance between fitted and real density (Shumailov et al. 2024)."
    ),
}
"""Every metric by name."""
