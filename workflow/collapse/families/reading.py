"""Somebody's model that reads texts: windows of tokens in; labels, a vector for each text, or its likelihood out.

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

TOKENS_READ = 512
"""Tokens read at once where every token's logits are asked for: 100 MB for 50,000 kinds of token."""

TEXTS_READ = 1_024
"""Texts whose tokens are held at once."""

LONGEST_NAMED = 10**9
"""A tokenizer that knows no longest input says more than this."""


class Window(NamedTuple):
    """A part of a text that is read at once.

    Attributes:
        text: Place of its text.
        ids: Its tokens, with those that the model wants around them.
        n_tokens: Its own tokens, one at least; where it is asked how likely they are, how many of the last ones.
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

    def logprobs(self, given: Sequence[str], texts: Sequence[str]) -> np.ndarray:
        """Mean log-probability of a text's tokens after what was given, as the model itself splits both, in nats.

        Both are split as one text. A token that begins in what was given and ends in the text is the text's. The first
        token comes after the start of sequence; the end of sequence is not asked about.

        Args:
            given: What comes before each text, which may be nothing.
            texts: As many.

        Returns:
            Shape `(n_texts,)`, float64; nan where a text has no token.
        """
        sums, counts = np.zeros(len(texts)), np.zeros(len(texts))
        for start in range(0, len(texts), TEXTS_READ):
            rows = slice(start, start + TEXTS_READ)
            for window, nats in self._likelihoods(self.endings(given[rows], texts[rows])):
                sums[start + window.text] += nats
                counts[start + window.text] += window.n_tokens
        return np.divide(sums, counts, out=np.full(len(texts), np.nan), where=counts > 0)

    def endings(self, given: Sequence[str], texts: Sequence[str]) -> list[Window]:
        """Windows that hold each token of every text once among their last ones, behind as many as there is room for.

        A window is one token longer than what is read, for its last token is only asked about. What does not fit into
        one comes in steps of half a window, so that every token is read behind half a window or all there is.
        """
        inner = self.tokenizer.backend_tokenizer
        inner.encode_special_tokens = True  # a text may quote `<|end|>`, which ends nothing
        wholes = [before + text for before, text in zip(given, texts, strict=True)]
        found = list[Window]()
        for place, read in enumerate(inner.encode_batch(wholes, add_special_tokens=False)):
            n_own = sum(end > len(given[place]) for _, end in read.offsets)
            found += self._steps(place, (self.start, *read.ids), n_own)
        return found

    def _steps(self, place: int, ids: tuple[int, ...], n_asked: int) -> Iterator[Window]:
        first, step = len(ids) - n_asked, self.window // 2
        last = min(len(ids), max(self.window + 1, first + step))
        while first < len(ids):
            yield Window(place, ids[max(0, last - self.window - 1) : last], last - first)
            first, last = last, min(len(ids), last + step)

    def _likelihoods(self, windows: list[Window]) -> Iterator[tuple[Window, float]]:
        """The sum of the log-probabilities of each window's last tokens."""
        for _, alike in groupby(sorted(windows, key=_length), key=_length):
            rows = list(alike)
            at_once = max(1, TOKENS_READ // _length(rows[0]))
            for start in range(0, len(rows), at_once):
                part = rows[start : start + at_once]
                ids = torch.tensor([row.ids for row in part], device=self.device)
                with torch.inference_mode():
                    logits = self.network(input_ids=ids[:, :-1], attention_mask=torch.ones_like(ids[:, :-1])).logits
                    for window, said, own in zip(part, logits, ids, strict=True):
                        likely = torch.log_softmax(said[-window.n_tokens :].double(), dim=-1)
                        asked = own[-window.n_tokens :, None]
                        yield window, float(likely.gather(1, asked).sum())

    @property
    def start(self) -> int:
        """The token before a text: the start of sequence, or else the end."""
        named = self.tokenizer.bos_token_id
        return self.tokenizer.eos_token_id if named is None else named

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


def refuse_mute(reader: Reader, where: str) -> None:
    """Refuse a model that cannot say how likely a text is, token after token: one that looks ahead says it of no text.

    Args:
        reader: The model, made for writing.
        where: The setting that names it.

    Raises:
        EngineError: It looks ahead, or knows neither start nor end of a text.
    """
    if reader.start is None:
        raise EngineError(f"{where}: its tokenizer names neither start nor end of a text.\n  Use one that does.")
    one, other = range(2), (0, 2)
    with torch.inference_mode():
        said = [
            reader.network(input_ids=torch.tensor([ids], device=reader.device)).logits[0, 0] for ids in (one, other)
        ]
    if not torch.allclose(*said, rtol=1e-3, atol=1e-3):
        raise EngineError(
            f"{where}: the model looks at the tokens that come after, so what it says of a text's tokens is not how "
            "likely they are.\n  Name one that writes, such as those that `transformer.base_model` takes."
        )
