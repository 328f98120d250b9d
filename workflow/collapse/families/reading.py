"""Somebody's model that reads texts: windows of tokens in, what it says of labels or one vector a text out.

Windows that are read at once are equally long, so nothing is padded, and what is said of one does not hang on the
others' lengths.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from collapse.errors import ConfigError, EngineError
from collapse.families import weights
from collapse.families.devices import torch_device
from collapse.families.foreign import Head

ROWS_READ = 16
"""Windows read at once; more is not faster on a CPU."""

TEXTS_READ = 1_024
"""Texts whose tokens are held at once."""

LONGEST_NAMED = 10**9
"""A tokenizer that knows no longest input says more than this."""


class Window(NamedTuple):
    """A part of a text that is read at once.

    Attributes:
        text: Place of its text.
        ids: Its tokens, with those that the model wants around them.
        n_tokens: Its own tokens, one at least.
    """

    text: int
    ids: tuple[int, ...]
    n_tokens: int


@dataclass(frozen=True)
class Reader:
    """A model with its tokenizer.

    Attributes:
        network: The model, in float32.
        tokenizer: Its tokenizer.
        window: Most tokens of a text that it reads at once.
        device: Where the weights lie.
    """

    network: Any
    tokenizer: Any
    window: int
    device: torch.device

    @property
    def width(self) -> int:
        """Numbers of a token's state."""
        return int(self.network.config.hidden_size)

    def windows(self, texts: Sequence[str]) -> list[Window]:
        """Every window of every text, in order; an empty text has one."""
        around = self.tokenizer.num_special_tokens_to_add()
        found = list[Window]()
        for place, text in enumerate(texts):
            read = self.tokenizer(
                text,
                truncation=True,
                max_length=self.window + around,
                stride=0,
                return_overflowing_tokens=True,
                return_attention_mask=False,
            )
            found += [Window(place, tuple(ids), max(1, len(ids) - around)) for ids in read["input_ids"]]
        return found

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        """Of each label, for each text: the mean over its windows by their tokens, `(n_texts, n_labels)`, float64."""
        sums, counts = np.zeros((len(texts), self.network.config.num_labels)), np.zeros((len(texts), 1))
        for window, logits in self._read(self.windows(texts), "logits"):
            sums[window.text] += window.n_tokens * torch.softmax(logits.double(), dim=-1).numpy()
            counts[window.text] += window.n_tokens
        return sums / np.maximum(counts, 1)

    def vectors(self, texts: Sequence[str]) -> np.ndarray:
        """The mean of the last states of all of a text's tokens, those around its windows included, of length 1.

        It is what sentence encoders are trained for (Reimers and Gurevych 2019, section 3: mean pooling).

        Args:
            texts: Any number.

        Returns:
            Shape `(n_texts, width)`, float32.
        """
        found = np.empty((len(texts), self.width), dtype=np.float32)
        for start in range(0, len(texts), TEXTS_READ):
            part = texts[start : start + TEXTS_READ]
            sums = np.zeros((len(part), self.width))
            for window, states in self._read(self.windows(part), "last_hidden_state"):
                sums[window.text] += states.double().sum(dim=0).numpy()
            found[start : start + len(part)] = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)
        return found

    def read_longest(self) -> None:
        """Read as many tokens at once as will ever be."""
        ids = self.windows(["a " * self.window])[0].ids
        with torch.inference_mode():
            self.network(input_ids=torch.tensor([ids], device=self.device))

    def _read(self, windows: list[Window], output: str) -> Iterator[tuple[Window, torch.Tensor]]:
        """One of the model's outputs for each window, the shortest windows first."""
        at_once = ROWS_READ if self.network.config.pad_token_id is not None else 1  # some look for the padding's start
        for _, alike in groupby(sorted(windows, key=_length), key=_length):
            rows = list(alike)
            for start in range(0, len(rows), at_once):
                part = rows[start : start + at_once]
                ids = torch.tensor([row.ids for row in part], device=self.device)
                with torch.inference_mode():
                    said = self.network(input_ids=ids, attention_mask=torch.ones_like(ids))[output]
                yield from zip(part, said.cpu(), strict=True)


def _length(window: Window) -> int:
    return len(window.ids)


def load(card: Path, head: Head, window: int, device: str) -> Reader:
    """Load a model that was brought in.

    Args:
        card: Its card, beside its files.
        head: What the model is for.
        window: Most tokens of a text that are read at once.
        device: `cpu` or `gpu`.

    Raises:
        ContractError: Its weights are not whole; see `weights`.
    """
    from transformers import AutoTokenizer

    place = torch.device(torch_device(device))
    network: Any = weights.load_transformers(card.parent, card.parent, head=head)
    tokenizer = AutoTokenizer.from_pretrained(card.parent, trust_remote_code=False)
    return Reader(network.eval().to(place), tokenizer, window, place)


def refuse_unreadable(reader: Reader, where: str) -> None:
    """Refuse a model that cannot read as many tokens at once as is asked for: by what it says, then by having it read.

    Args:
        reader: The model.
        where: The section of its settings, such as `raters.quality`.

    Raises:
        ConfigError: The window is longer than its context.
        EngineError: It cannot be used.
    """
    if not getattr(reader.tokenizer, "is_fast", False):
        raise EngineError(f"{where}: its tokenizer cannot cut texts into windows.\n  Use one with a tokenizer.json.")
    named = (reader.tokenizer.model_max_length, getattr(reader.network.config, "max_position_embeddings", None))
    known = [int(n) for n in named if n is not None and 0 < n < LONGEST_NAMED]
    room = min(known, default=LONGEST_NAMED) - reader.tokenizer.num_special_tokens_to_add()
    if reader.window > room:
        raise ConfigError(
            f"{where}.window_tokens: is {reader.window:,}, but the model reads {room:,} tokens of a text at once.\n"
            f"  Set it to {room:,} or less."
        )
    try:
        reader.read_longest()
    except (IndexError, RuntimeError) as error:
        raise ConfigError(
            f"{where}.window_tokens: is {reader.window:,}, and the model cannot read as many at once "
            f"({' '.join(str(error).split()):.200}).\n  Set it to less."
        ) from None
