"""How large a transformer from scratch is, without building it."""

from collapse.config.settings import TransformerSettings


def n_parameters(settings: TransformerSettings, vocabulary_size: int) -> int:
    """Weights of a model from scratch, embeddings included; input and output embeddings are shared."""
    width, layers = settings.width, settings.n_layers
    if settings.architecture == "gpt2":
        block = 12 * width**2 + 13 * width
        return (vocabulary_size + settings.context_length) * width + layers * block + 2 * width
    block = 4 * width**2 + 3 * width * llama_hidden_width(width) + 2 * width
    return vocabulary_size * width + layers * block + width


def llama_hidden_width(width: int) -> int:
    """Width of a Llama feed-forward layer with as many weights as GPT-2's: 8/3 of the model's, a multiple of 8."""
    return 8 * round(width / 3)


def flops_per_token(settings: TransformerSettings, vocabulary_size: int) -> float:
    """Training operations per token, 6 N: forward and backward through every weight that multiplies (Kaplan et al.
    2020, section 2.1). Position embeddings and attention scores are not counted.
    """
    positions = settings.context_length * settings.width if settings.architecture == "gpt2" else 0
    return 6.0 * (n_parameters(settings, vocabulary_size) - positions)
