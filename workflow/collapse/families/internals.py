"""What is inside a transformer: the weights and activations of its neurons, and how many directions a layer uses.

A neuron is a coordinate of the residual stream after one block, as in Wang et al. 2025 (section 5): its activation is
what the block puts out there, its weight the norm of the feed-forward parameters that read or write it. Their code does
not say which norm; here it is the Euclidean one over the rows and columns of all its matrices.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from collapse.errors import ConfigError
from collapse.families.llama import tensors
from collapse.families.transformer import TransformerModel
from collapse.media.text import packing
from collapse.media.text.sequences import Sequences

BANDS = 10
"""Parts that real tokens are put in, by how frequent their types are."""

ROWS_READ = 16
"""Packed rows that are read at once."""


def neuron_weights(model: TransformerModel) -> np.ndarray:
    """Norm of the feed-forward parameters of each neuron, shape `(n_layers, width)`, float64."""
    return np.array([_norms(block) for block in blocks(model.network)])


def activations(model: TransformerModel, texts: Sequences, n_tokens: int) -> np.ndarray:
    """What every block puts out at the first tokens of some texts, `(n_layers, n, width)`, float32.

    Args:
        model: The transformer.
        texts: Real texts; each is read from its beginning, alone.
        n_tokens: Tokens that are looked at, at most.
    """
    found = list[Tensor]()
    hooks = [
        block.register_forward_hook(lambda _block, _given, out: found.append(_first(out)))
        for block in blocks(model.network)
    ]
    try:
        parts = list[np.ndarray]()
        for _, _, read in _batches(model, texts):
            parts.append(np.stack([out.float().flatten(0, 1)[read].cpu().numpy() for out in found]))
            found.clear()
        return np.concatenate(parts, axis=1)[:, :n_tokens]
    finally:
        for hook in hooks:
            hook.remove()


def spectrum(model: TransformerModel, texts: Sequences, n_tokens: int, bands: np.ndarray) -> tuple[np.ndarray, ...]:
    """How unsure a model is of the next token, and how wrong, by how frequent the real one is.

    Args:
        model: The transformer.
        texts: Real texts; each is read from its beginning, alone.
        n_tokens: Tokens that are looked at, at most.
        bands: Band of each token type, as `frequency_bands` gives them.

    Returns:
        Mean entropy of its prediction and mean loss, in nats, by band, shape `(BANDS,)` each; nan where no token is.
    """
    tokens, entropy, loss = list[np.ndarray](), list[np.ndarray](), list[np.ndarray]()
    for logits, targets, read in _batches(model, texts):
        said, real = logits.float().flatten(0, 1)[read].log_softmax(-1), targets.flatten()[read]
        tokens.append(real.cpu().numpy())
        entropy.append(-(said.exp() * said).nan_to_num(0.0).sum(-1).double().cpu().numpy())
        loss.append(-said.gather(1, real[:, None])[:, 0].double().cpu().numpy())
    of_each = bands[np.concatenate(tokens)[:n_tokens]]
    counts = np.bincount(of_each, minlength=BANDS).astype(float)
    counts[counts == 0] = np.nan
    sums = (np.bincount(of_each, np.concatenate(one)[:n_tokens], minlength=BANDS) for one in (entropy, loss))
    return tuple(total / counts for total in sums)


def frequency_bands(real: Sequences, n_types: int) -> np.ndarray:
    """Tenth of real tokens that each type is in, when types are put in order from the rarest, shape `(n_types,)`, int.

    A type belongs where the middle of its tokens lies, so one that is more than a tenth of them may leave a band empty.
    Types that do not occur are with the rarest.
    """
    counts = np.bincount(real.values, minlength=n_types)
    order = np.argsort(counts, kind="stable")
    middle = (np.cumsum(counts[order]) - counts[order] / 2) / max(1, counts.sum())
    bands = np.empty(n_types, dtype=np.int64)
    bands[order] = np.minimum(BANDS - 1, (middle * BANDS).astype(np.int64))
    return bands


def _batches(model: TransformerModel, texts: Sequences) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Logits and targets of a batch after the other, and which of its places predict a token."""
    bos = int(str(model.configuration["bos_token_id"]))
    model.network.eval()
    length = int(texts.lengths.max(initial=1))
    for _, batch in packing.batches(texts, None, bos, length, ROWS_READ):
        inputs, positions, segments, targets = tensors(batch, model.device)
        with torch.no_grad():
            logits = model.network(inputs, positions, segments)
        yield logits, targets, (targets != packing.IGNORED).flatten()


def blocks(network: nn.Module) -> list[nn.Module]:
    """The blocks of a transformer, from the first.

    Raises:
        ConfigError: It is of a kind whose blocks are not known here.
    """
    inner = getattr(network, "inner", network)
    for path in ("layers", "model.layers", "transformer.h"):
        found: object = inner
        for name in path.split("."):
            found = getattr(found, name, None)
        if isinstance(found, nn.ModuleList):
            return list(found)
    raise ConfigError(
        f"internals: the blocks of a {type(inner).__name__} are not known here.\n"
        "  Set internals: null, or use another base."
    )


def _first(out: Tensor | tuple[Tensor, ...]) -> Tensor:
    return out[0] if isinstance(out, tuple) else out


def _norms(block: nn.Module) -> np.ndarray:
    """Of one block's neurons, shape `(width,)`."""
    by_neuron = torch.cat([matrix.detach().double() for matrix in _by_neuron(block)], dim=1)
    return by_neuron.norm(dim=1).cpu().numpy()


def _by_neuron(block: nn.Module) -> list[Tensor]:
    """A block's feed-forward matrices, each with a row per neuron of the residual stream."""
    named = {name.removesuffix(".weight"): matrix for name, matrix in block.named_parameters() if matrix.ndim == 2}
    if "mlp.c_fc" in named:  # GPT-2 keeps its matrices input by output
        return [named["mlp.c_fc"], named["mlp.c_proj"].T]
    if "mlp.gate_proj" in named:
        return [named["mlp.gate_proj"].T, named["mlp.up_proj"].T, named["mlp.down_proj"]]
    raise ConfigError(
        f"internals: the feed-forward layers among {', '.join(sorted(named))} are not known here.\n"
        "  Set internals: null, or use another base."
    )


def effective_rank(values: np.ndarray) -> float:
    """How many directions activations `(n, width)` use; `nan` where all are equal.

    The exponential of the entropy of the singular values' shares, once centred (Roy and Vetterli 2007).
    """
    centred = values.astype(np.float64) - values.mean(axis=0, dtype=np.float64)
    sizes = np.linalg.svd(centred, compute_uv=False)
    shares = sizes[sizes > 0] / sizes.sum() if sizes.sum() > 0 else np.array([np.nan])
    return float(np.exp(-(shares * np.log(shares)).sum()))


def linear_alignment(first: np.ndarray, second: np.ndarray) -> float:
    """Linear CKA of two sets of activations of the same tokens, `(n, width)` each, from 0 to 1 (Kornblith et al. 2019,
    equation 3 with linear kernels): 1 where one is the other turned or scaled; `nan` where either is constant.
    """
    one, other = (values.astype(np.float64) - values.mean(axis=0, dtype=np.float64) for values in (first, second))
    scale = np.linalg.norm(one.T @ one) * np.linalg.norm(other.T @ other)
    return float(np.linalg.norm(one.T @ other) ** 2 / scale) if scale > 0 else float("nan")
