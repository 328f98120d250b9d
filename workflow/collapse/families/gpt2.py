"""GPT-2 in plain PyTorch, for small models from scratch.

The weights, their names and their layout are those of `transformers.GPT2LMHeadModel` (a test holds the two to the
same logits), so vLLM and transformers load what is trained here. It exists for speed where models are small: attention
as two batched products instead of a fused kernel, whose backward pass dominates at this size on a CPU, and a process
that starts without importing transformers.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from collapse.config.settings import TransformerSettings


class Projection(nn.Module):
    """An affine map whose weight is stored `(n_in, n_out)`, as GPT-2 stores it."""

    def __init__(self, n_in: int, n_out: int, scale: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_in, n_out).normal_(std=scale))
        self.bias = nn.Parameter(torch.zeros(n_out))

    def forward(self, hidden: Tensor) -> Tensor:
        """`(…, n_in)` to `(…, n_out)`."""
        return functional.linear(hidden, self.weight.t(), self.bias)


class Attention(nn.Module):
    """Causal self-attention inside each document."""

    def __init__(self, width: int, n_heads: int, residual_scale: float) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.c_attn = Projection(width, 3 * width, 0.02)
        self.c_proj = Projection(width, width, residual_scale)

    def forward(self, hidden: Tensor, blocked: Tensor) -> Tensor:
        """Attend where `blocked`, shape `(rows, 1, length, length)`, is 0 and not where it is −inf."""
        rows, length, width = hidden.shape
        query, key, value = (
            part.view(rows, length, self.n_heads, -1).transpose(1, 2) for part in self.c_attn(hidden).split(width, -1)
        )
        scores = query @ key.transpose(-2, -1) / math.sqrt(width // self.n_heads) + blocked
        mixed = functional.softmax(scores, dim=-1).to(value.dtype) @ value
        return self.c_proj(mixed.transpose(1, 2).reshape(rows, length, width))


class FeedForward(nn.Module):
    """Four times the width, tanh-approximated GELU."""

    def __init__(self, width: int, residual_scale: float) -> None:
        super().__init__()
        self.c_fc = Projection(width, 4 * width, 0.02)
        self.c_proj = Projection(4 * width, width, residual_scale)

    def forward(self, hidden: Tensor) -> Tensor:
        """`(…, width)` to `(…, width)`."""
        return self.c_proj(functional.gelu(self.c_fc(hidden), approximate="tanh"))


class Block(nn.Module):
    """Attention and feed-forward, each after a layer norm and added to the residual stream."""

    def __init__(self, width: int, n_heads: int, residual_scale: float) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(width)
        self.attn = Attention(width, n_heads, residual_scale)
        self.ln_2 = nn.LayerNorm(width)
        self.mlp = FeedForward(width, residual_scale)

    def forward(self, hidden: Tensor, blocked: Tensor) -> Tensor:
        """One layer."""
        hidden = hidden + self.attn(self.ln_1(hidden), blocked)
        return hidden + self.mlp(self.ln_2(hidden))


class Gpt2(nn.Module):
    """The whole model; logits of shape `(rows, length, vocabulary)`. Its weights are drawn from PyTorch's global
    generator, which the caller seeds.
    """

    def __init__(self, settings: TransformerSettings, vocabulary_size: int) -> None:
        super().__init__()
        width, residual_scale = settings.width, 0.02 / math.sqrt(2 * settings.n_layers)
        self.wte = nn.Embedding(vocabulary_size, width)
        self.wpe = nn.Embedding(settings.context_length, width)
        nn.init.normal_(self.wte.weight, std=0.02)
        nn.init.normal_(self.wpe.weight, std=0.02)
        self.h = nn.ModuleList(Block(width, settings.n_heads, residual_scale) for _ in range(settings.n_layers))
        self.ln_f = nn.LayerNorm(width)

    def forward(self, inputs: Tensor, positions: Tensor, segments: Tensor) -> Tensor:
        """Logits for rows of packed documents; all arguments `(rows, length)`, see `packing.Batch`."""
        hidden = self.wte(inputs) + self.wpe(positions)
        blocked = block_mask(segments)
        for block in self.h:
            hidden = block(hidden, blocked)
        return functional.linear(self.ln_f(hidden), self.wte.weight)


def block_mask(segments: Tensor) -> Tensor:
    """0 where a position may look (its own document, not ahead), −inf elsewhere; `(rows, 1, length, length)`."""
    length = segments.shape[1]
    same = segments[:, None, :, None] == segments[:, None, None, :]
    ahead = torch.ones(length, length, dtype=torch.bool, device=segments.device).triu(1)
    return torch.zeros(same.shape, device=segments.device).masked_fill_(~same | ahead, -torch.inf)


def configuration(settings: TransformerSettings, vocabulary_size: int, bos: int, eos: int) -> dict[str, object]:
    """The `config.json` that makes transformers and vLLM read the weights as this model."""
    return {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "activation_function": "gelu_pytorch_tanh",
        "vocab_size": vocabulary_size,
        "n_positions": settings.context_length,
        "n_embd": settings.width,
        "n_layer": settings.n_layers,
        "n_head": settings.n_heads,
        "n_inner": None,
        "attn_pdrop": 0.0,
        "embd_pdrop": 0.0,
        "resid_pdrop": 0.0,
        "layer_norm_epsilon": 1e-5,
        "bos_token_id": bos,
        "eos_token_id": eos,
        "tie_word_embeddings": True,
        "dtype": "float32",
    }
