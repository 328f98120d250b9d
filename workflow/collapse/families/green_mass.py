"""How much of a watermark a transformer has learned: what it gives to green tokens by itself."""

import numpy as np
import torch
from torch import Tensor

from collapse.config.settings import WatermarkSettings
from collapse.families.llama import tensors
from collapse.families.transformer import ROWS_SCORED, TransformerModel
from collapse.media.text import packing
from collapse.media.text.sequences import Sequences
from collapse.watermark import is_green


def green_mass(
    model: TransformerModel, mark: WatermarkSettings, texts: Sequences, prompts: Sequences | None
) -> np.ndarray:
    """Probability of the tokens that are green there, at every place of the texts, shape `(n_tokens,)`, in no order.

    A model that knows nothing of the key gives them γ on average over keys; of one key and little text, about.

    Args:
        model: The model, without any bias.
        mark: The watermark.
        texts: What is read; the model sees each from its beginning.
        prompts: What came before; None: nothing.
    """
    lengths = texts.lengths if prompts is None else texts.lengths + prompts.lengths
    bos, row_length = int(str(model.configuration["bos_token_id"])), int(lengths.max(initial=1))
    model.network.eval()
    found = [np.empty(0)]
    for _, batch in packing.batches(texts, prompts, bos, row_length, ROWS_SCORED):
        inputs, positions, segments, targets = tensors(batch, model.device)
        with torch.no_grad():
            logits = model.network(inputs, positions, segments).float()
        predicted = targets != packing.IGNORED
        found.append(_on_green(mark, logits[predicted], inputs[predicted]).cpu().numpy())
    return np.concatenate(found)


def _on_green(mark: WatermarkSettings, logits: Tensor, before: Tensor) -> Tensor:
    """Of logits `(places, vocabulary)` and the token before each, a few places at a time: their lists take memory."""
    tokens = torch.arange(logits.shape[1], device=logits.device)
    parts = zip(logits.split(ROWS_SCORED), before.split(ROWS_SCORED), strict=True)
    return torch.cat([(part.softmax(1) * is_green(mark, given[:, None], tokens)).sum(1) for part, given in parts])
