"""Llama in plain PyTorch, for small models from scratch.

The weights, their names and their meaning are those of `transformers.LlamaForCausalLM` (a test holds the two to the
same logits), so vLLM and transformers load what is trained here. It computes no faster than transformers does; it
exists because a job that need not import transformers starts four CPU seconds earlier, a fifth of the default run.
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from collapse.config.settings import TransformerSettings
from collapse.families.size import llama_hidden_width
from collapse.media.text.packing import Batch

ROTARY_BASE = 10_000.0


class RootMeanSquareNorm(nn.Module):
    """Divides by the root mean square, computed in float32."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, hidden: Tensor) -> Tensor:
        """`(…, width)` to `(…, width)`."""
        scaled = hidden.float() * torch.rsqrt(hidden.float().pow(2).mean(-1, keepdim=True) + 1e-6)
        return self.weight * scaled.to(hidden.dtype)


class Attention(nn.Module):
    """Causal self-attention inside each document, with rotary positions."""

    def __init__(self, width: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.q_proj = nn.Linear(width, width, bias=False)
        self.k_proj = nn.Linear(width, width, bias=False)
        self.v_proj = nn.Linear(width, width, bias=False)
        self.o_proj = nn.Linear(width, width, bias=False)

    def forward(self, hidden: Tensor, angles: tuple[Tensor, Tensor], blocked: Tensor) -> Tensor:
        """Attend where `blocked`, shape `(rows, 1, length, length)`, is 0 and not where it is −inf."""
        rows, length, width = hidden.shape
        query, key, value = (
            projection(hidden).view(rows, length, self.n_heads, -1).transpose(1, 2)
            for projection in (self.q_proj, self.k_proj, self.v_proj)
        )
        scores = rotated(query, angles) @ rotated(key, angles).transpose(-2, -1)
        scores = scores / math.sqrt(width // self.n_heads) + blocked
        mixed = functional.softmax(scores, dim=-1, dtype=torch.float32).to(value.dtype) @ value
        return self.o_proj(mixed.transpose(1, 2).reshape(rows, length, width))


class FeedForward(nn.Module):
    """A gated linear unit with SiLU."""

    def __init__(self, width: int) -> None:
        super().__init__()
        inner = llama_hidden_width(width)
        self.gate_proj = nn.Linear(width, inner, bias=False)
        self.up_proj = nn.Linear(width, inner, bias=False)
        self.down_proj = nn.Linear(inner, width, bias=False)

    def forward(self, hidden: Tensor) -> Tensor:
        """`(…, width)` to `(…, width)`."""
        return self.down_proj(functional.silu(self.gate_proj(hidden)) * self.up_proj(hidden))


class Layer(nn.Module):
    """Attention and feed-forward, each after a norm and added to the residual stream."""

    def __init__(self, width: int, n_heads: int) -> None:
        super().__init__()
        self.input_layernorm = RootMeanSquareNorm(width)
        self.self_attn = Attention(width, n_heads)
        self.post_attention_layernorm = RootMeanSquareNorm(width)
        self.mlp = FeedForward(width)

    def forward(self, hidden: Tensor, angles: tuple[Tensor, Tensor], blocked: Tensor) -> Tensor:
        """One layer."""
        hidden = hidden + self.self_attn(self.input_layernorm(hidden), angles, blocked)
        return hidden + self.mlp(self.post_attention_layernorm(hidden))


class Llama(nn.Module):
    """The whole model, input and output embeddings shared. Its weights are drawn from PyTorch's global generator,
    which the caller seeds.
    """

    def __init__(self, settings: TransformerSettings, vocabulary_size: int) -> None:
        super().__init__()
        self.head_width = settings.width // settings.n_heads
        self.embed_tokens = nn.Embedding(vocabulary_size, settings.width)
        self.layers = nn.ModuleList(Layer(settings.width, settings.n_heads) for _ in range(settings.n_layers))
        self.norm = RootMeanSquareNorm(settings.width)
        for weight in self.parameters():
            if weight.ndim == 2:
                nn.init.normal_(weight, std=0.02)

    def forward(self, inputs: Tensor, positions: Tensor, segments: Tensor) -> Tensor:
        """Logits, `(rows, length, vocabulary)`, of packed rows; arguments `(rows, length)`, see `packing.Batch`."""
        hidden = self.embed_tokens(inputs)
        angles, blocked = rotary_angles(positions, self.head_width), block_mask(segments)
        for layer in self.layers:
            hidden = layer(hidden, angles, blocked)
        return functional.linear(self.norm(hidden), self.embed_tokens.weight)


def tensors(batch: Batch, device: torch.device) -> Iterator[Tensor]:
    """The arrays of a batch as tensors: inputs, positions, segments, targets."""
    for array in (batch.inputs, batch.positions, batch.segments, batch.targets):
        yield torch.from_numpy(array).to(device)


def rotary_angles(positions: Tensor, head_width: int) -> tuple[Tensor, Tensor]:
    """Cosine and sine of each position's angles, `(rows, 1, length, head_width)` (Su et al. 2021)."""
    powers = torch.arange(0, head_width, 2, device=positions.device, dtype=torch.float32) / head_width
    angles = positions[:, None, :, None] * ROTARY_BASE**-powers
    both = torch.cat([angles, angles], dim=-1)
    return both.cos(), both.sin()


def rotated(heads: Tensor, angles: tuple[Tensor, Tensor]) -> Tensor:
    """Turn each pair (i, i + head_width / 2) by its position's angle; `(rows, heads, length, head_width)`."""
    first, second = heads.chunk(2, dim=-1)
    cosine, sine = (part.to(heads.dtype) for part in angles)
    return heads * cosine + torch.cat([-second, first], dim=-1) * sine


def block_mask(segments: Tensor) -> Tensor:
    """0 where a position may look (its own document, not ahead), −inf elsewhere; `(rows, 1, length, length)`."""
    length = segments.shape[1]
    same = segments[:, None, :, None] == segments[:, None, None, :]
    ahead = torch.ones(length, length, dtype=torch.bool, device=segments.device).triu(1)
    return torch.zeros(same.shape, device=segments.device).masked_fill_(~same | ahead, -torch.inf)


def configuration(settings: TransformerSettings, vocabulary_size: int, bos: int, eos: int) -> dict[str, object]:
    """The `config.json` that makes transformers and vLLM read the weights as this model."""
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_act": "silu",
        "vocab_size": vocabulary_size,
        "max_position_embeddings": settings.context_length,
        "hidden_size": settings.width,
        "intermediate_size": llama_hidden_width(settings.width),
        "num_hidden_layers": settings.n_layers,
        "num_attention_heads": settings.n_heads,
        "num_key_value_heads": settings.n_heads,
        "head_dim": settings.width // settings.n_heads,
        "rms_norm_eps": 1e-6,
        "rope_theta": ROTARY_BASE,
        "attention_bias": False,
        "mlp_bias": False,
        "bos_token_id": bos,
        "eos_token_id": eos,
        "tie_word_embeddings": True,
        "dtype": "float32",
        MARK: True,
    }


MARK = "trained_from_scratch_by_collapse"
"""Key of `config.json` that says a folder holds exactly this architecture, no variant of it."""
