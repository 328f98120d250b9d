"""Text to token ids and back, without loss.

A trained tokenizer is a byte-level BPE, so any text comes back from its ids exactly; so is one of known words, which
has learned nothing. It is a Hugging Face folder, as is a base model's own; `Codec` reads either without importing
transformers.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from collapse.errors import ContractError
from collapse.media.text import Vocabulary
from collapse.media.text.sequences import Sequences
from collapse.running.faults import explained

BOS, EOS, PAD = "<|bos|>", "<|eos|>", "<|pad|>"

FILES = ("tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja", "tokenizer.json")
"""Files of a tokenizer's folder; `tokenizer.json` last, because its presence says that the others are there."""


def files(folder: Path) -> list[Path]:
    """Those of a tokenizer's files that a folder has."""
    return [path for name in FILES if (path := folder / name).is_file()]


def train(texts: Iterable[str], vocabulary_size: int) -> Tokenizer:
    """Train a byte-level BPE tokenizer on real training text.

    Args:
        texts: The text; its order does not matter, only how often each pair of bytes occurs.
        vocabulary_size: Most tokens, the 256 bytes and three special ones included; a small corpus gives fewer.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size,
        special_tokens=[BOS, EOS, PAD],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def of_words(words: Iterable[str], pattern: str) -> Tokenizer:
    """A tokenizer of known words, a token each, and of bytes for all else, so that any text comes back from its ids.

    Args:
        words: Printable ASCII without spaces; different.
        pattern: Regular expression that matches each of them as a whole, wherever it stands in a text.
    """
    known = [BOS, EOS, PAD, *sorted(pre_tokenizers.ByteLevel.alphabet()), *words]
    vocabulary = {word: place for place, word in enumerate(known)}
    tokenizer = Tokenizer(models.BPE(vocabulary, [], ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([BOS, EOS, PAD])
    return tokenizer


def save(tokenizer: Tokenizer, folder: Path) -> None:
    """Save a trained tokenizer as a folder that `transformers.AutoTokenizer` and `Codec` load."""
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": BOS,
        "eos_token": EOS,
        "pad_token": PAD,
        "clean_up_tokenization_spaces": False,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")
    (folder / "tokenizer.json").write_text(tokenizer.to_str(pretty=True))


@dataclass(frozen=True)
class Codec:
    """A tokenizer as the project uses it: no token is ever added, dropped or guessed from the text.

    Attributes:
        tokenizer: The tokenizer itself.
        bos: Token that starts every sequence; the end of sequence where a tokenizer has no start.
        eos: Token that ends a document.
        pad: Token that fills rows up, if the tokenizer names one.
    """

    tokenizer: Tokenizer
    bos: int
    eos: int
    pad: int | None

    @classmethod
    def load(cls, folder: Path) -> "Codec":
        """Load from a Hugging Face folder.

        Raises:
            ContractError: A file is missing or damaged, or no end of sequence is named.
        """
        try:
            tokenizer = Tokenizer.from_str((folder / "tokenizer.json").read_text())
            specials = _named_specials(folder)
        except Exception as error:  # the tokenizers library raises bare Exception for a damaged file
            if explained(error):
                raise
            raise ContractError(
                f"{folder}: does not hold a tokenizer ({error}).\n"
                "  It needs tokenizer.json and tokenizer_config.json; delete it and run snakemake again."
            ) from None
        # A document may quote `<|eos|>`: without this it would turn into the end of sequence.
        tokenizer.encode_special_tokens = True
        eos = tokenizer.token_to_id(specials.get("eos_token", ""))
        bos, pad = (tokenizer.token_to_id(specials.get(f"{name}_token", "")) for name in ("bos", "pad"))
        if eos is None:
            raise ContractError(
                f"{folder}: names no end-of-sequence token, so documents could not end.\n"
                "  Set `eos_token` in tokenizer_config.json to one of its tokens."
            )
        return cls(tokenizer, eos if bos is None else bos, eos, pad)

    @property
    def never_written(self) -> set[int]:
        """Tokens that stand in no document, start and padding: what no sampler may draw. The end is never one."""
        return {token for token in (self.bos, self.pad) if token is not None} - {self.eos}

    def never_drawn(self, real: Sequences, any_type: bool) -> list[int]:
        """What may not be sampled: start and padding, and, unless any type may be, types that real text lacks."""
        never = self.never_written
        if not any_type:
            never |= set(range(self.size)).difference(np.unique(real.values).tolist(), {self.eos})
        return sorted(never)

    @property
    def size(self) -> int:
        """Number of token ids, special ones included."""
        return max(self.tokenizer.get_vocab(with_added_tokens=True).values()) + 1

    @property
    def facts(self) -> Vocabulary:
        """What a model must know of it."""
        return Vocabulary(self.size, self.bos, self.eos)

    def encode(self, text: str) -> list[int]:
        """Token ids of a text, without special tokens."""
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def decode(self, ids: Iterable[int]) -> str:
        """The text of token ids; special tokens have none."""
        return self.tokenizer.decode(list(map(int, ids)), skip_special_tokens=True)

    def encode_all(self, texts: list[str]) -> Sequences:
        """Token ids of many texts, without special tokens."""
        return Sequences.of(one.ids for one in self.tokenizer.encode_batch_fast(texts, add_special_tokens=False))

    def decode_all(self, sequences: Sequences) -> list[str]:
        """The texts of many sequences; special tokens have none."""
        return self.tokenizer.decode_batch([row.tolist() for row in sequences], skip_special_tokens=True)


def _named_specials(folder: Path) -> dict[str, str]:
    named = dict[str, str]()
    for name in ("special_tokens_map.json", "tokenizer_config.json"):
        path = folder / name
        content = json.loads(path.read_text()) if path.is_file() else {}
        for key in ("bos_token", "eos_token", "pad_token"):
            match content.get(key):
                case str(token) | {"content": str(token)}:
                    named[key] = token
    return named
