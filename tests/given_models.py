"""Somebody's models that read texts: tiny, drawn at random, with a real tokenizer of words and their pieces."""

from pathlib import Path

import tables
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertModel,
    BertTokenizerFast,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from collapse.artifacts import contracts
from collapse.artifacts.contracts import DOCUMENTS, SAMPLES, VERDICTS, Record
from collapse.config.specs import VerifySpec
from collapse.stages import verify

TEXT = "the people of this union are free and strong . we ask the congress for peace and for work this year !"
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
CONTEXT = 16


def save_tokenizer(folder: Path) -> None:
    """A WordPiece tokenizer in small letters, trained on a sentence."""
    inner = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    inner.normalizer, inner.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=120, special_tokens=SPECIAL, show_progress=False)
    inner.train_from_iterator([TEXT, "abcdefghijklmnopqrstuvwxyz .,!?"], trainer)
    ends = [(token, inner.token_to_id(token)) for token in ("[CLS]", "[SEP]")]
    inner.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=ends
    )
    BertTokenizerFast(tokenizer_object=inner, model_max_length=CONTEXT).save_pretrained(folder)


def shape(**changes: object) -> BertConfig:
    """Of a BERT of a few thousand weights."""
    small = {"vocab_size": 120, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    small |= {"intermediate_size": 16, "max_position_embeddings": CONTEXT, "initializer_range": 0.5}
    return BertConfig(**small | changes)


def save_classifier(folder: Path, labels: tuple[str, ...], seed: int = 0) -> Path:
    """A classifier of these labels, in the model's own order."""
    torch.manual_seed(seed)
    names = {"id2label": dict(enumerate(labels)), "label2id": {label: place for place, label in enumerate(labels)}}
    BertForSequenceClassification(shape(**names)).save_pretrained(folder)
    save_tokenizer(folder)
    return folder


def save_encoder(folder: Path, seed: int = 0) -> Path:
    """What gives every token a state."""
    torch.manual_seed(seed)
    BertModel(shape()).save_pretrained(folder)
    save_tokenizer(folder)
    return folder


def save_writer(folder: Path, seed: int = 0) -> Path:
    """A Llama that writes, with a tokenizer of bytes and a few pairs of them that has a start and an end."""
    torch.manual_seed(seed)
    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer, inner.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    ends = ["<|start|>", "<|end|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=ends, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    inner.train_from_iterator([TEXT], trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner, bos_token=ends[0], eos_token=ends[1], model_max_length=64
    )
    small = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    asked = LlamaConfig(vocab_size=inner.get_vocab_size(), max_position_embeddings=64, initializer_range=0.5, **small)
    LlamaForCausalLM(asked).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def verdicts_by(card: Path, verifier: dict, documents: list[dict], drawn: list[dict]) -> list[dict]:
    """Verdicts of a verifier that reads by a model which was brought in, on texts whose tables lie beside it.

    Args:
        card: The model's, in a folder `checkpoint=verifier-NAME`.
        verifier: Settings of the verifier NAME.
        documents: Rows of real documents.
        drawn: Rows of samples.
    """
    folder, name = card.parents[1], card.parent.name.removeprefix("checkpoint=verifier-")
    tables.write(folder / "documents.parquet", DOCUMENTS, documents)
    tables.write(folder / "samples.parquet", SAMPLES, drawn)
    spec = {"family": "ngram", "device": "cpu", "verifiers": {name: verifier}, "chain": (name,)}
    verify.run(
        spec=VerifySpec.model_validate(spec),
        strategy="verified",
        seed=0,
        generation=1,
        samples=folder / "samples.parquet",
        documents=folder / "documents.parquet",
        raters=[],
        checkpoints=[card],
        verdicts=folder / "verdicts.parquet",
        record=Record(),
    )
    return contracts.read(folder / "verdicts.parquet", VERDICTS).to_pylist()
