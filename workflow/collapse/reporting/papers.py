"""The papers whose claims are checked, by key."""

PAPERS = {
    "gerstgrasser-2024": ("Gerstgrasser et al. 2024", "Is Model Collapse Inevitable? (arXiv 2404.01413)"),
    "kazdan-2025": ("Kazdan et al. 2025", "Collapse or Thrive? (arXiv 2410.16713)"),
    "dey-donoho-2024": ("Dey and Donoho 2024", "Universality of the π²/6 pathway (arXiv 2410.22812)"),
    "shumailov-2024": (
        "Shumailov et al. 2024",
        "AI models collapse when trained on recursively generated data (Nature 631:755)",
    ),
    "seddik-2024": ("Seddik et al. 2024", "How bad is training on synthetic data? (arXiv 2404.05090)"),
    "dohmatob-2024-regression": (
        "Dohmatob, Feng and Kempe 2024",
        "Model collapse demystified: the case of regression (arXiv 2402.07712)",
    ),
    "dohmatob-2024-tails": ("Dohmatob et al. 2024, tails", "A Tale of Tails (arXiv 2402.07043)"),
    "dohmatob-2024-strong": ("Dohmatob et al. 2024, strong", "Strong Model Collapse (arXiv 2410.04840)"),
    "feng-2024": ("Feng et al. 2024", "Beyond Model Collapse: scaling up requires verification (arXiv 2406.07515)"),
    "wang-2025": ("Wang et al. 2025", "Bias Amplification (arXiv 2410.15234)"),
    "alemohammad-2024": ("Alemohammad et al. 2024", "Self-Consuming Generative Models Go MAD (arXiv 2307.01850)"),
    "guo-2024": ("Guo et al. 2024", "The Curious Decline of Linguistic Diversity (arXiv 2311.09807)"),
    "taori-2023": ("Taori and Hashimoto 2023", "Data Feedback Loops (arXiv 2209.03942)"),
    "drayson-2025": (
        "Drayson et al. 2025",
        "Machine-generated text detection prevents language model collapse (arXiv 2502.15654)",
    ),
    "collapse": ("Beyond the papers", "Derived or measured here"),
}
"""Name and title, by key."""


def name(key: str) -> str:
    """How a paper is called; its key, if it is not listed."""
    return PAPERS.get(key, (key, ""))[0]


def title(key: str) -> str:
    """Its title and where to find it."""
    return PAPERS.get(key, (key, ""))[1]
