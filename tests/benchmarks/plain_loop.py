"""The study from scratch as a user of transformers writes it: one process, one script, nothing kept but the losses.

    python plain_loop.py CONFIG.yaml DOCUMENTS.parquet

It is given the real documents split and tokenized, and reads corpus sizes, shapes, budget, strategies, seeds and
generations from the project's configuration; it uses nothing else of the project. Models of generation 0, and the
samples of generation 1 that they write, are shared by the strategies of a seed. The control's later models write
nothing, since nobody would read it. Prints the test loss, in nat/token, of every strategy, seed and generation as JSON.
"""

import json
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch
import yaml
from torch.nn import functional
from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainingArguments, set_seed

Texts = list[list[int]]
"""Token ids of documents, each with its end of sequence."""

BOS, EOS = 0, 1
SAMPLED_AT_ONCE, SCORED_AT_ONCE = 256, 64


def new_model(config: dict[str, Any]) -> LlamaForCausalLM:
    """Random weights of the configured shape."""
    shape = config["transformer"]
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=config["tokenizer"]["vocabulary_size"],
            hidden_size=shape["width"],
            intermediate_size=8 * round(shape["width"] / 3),
            num_hidden_layers=shape["n_layers"],
            num_attention_heads=shape["n_heads"],
            max_position_embeddings=shape["context_length"],
            tie_word_embeddings=True,
            bos_token_id=BOS,
            eos_token_id=EOS,
        )
    )


def train(config: dict[str, Any], texts: Texts, seed: int, rng: np.random.Generator) -> LlamaForCausalLM:
    """A model trained on the texts, shuffled and repeated until the budget of tokens is used, in full rows."""
    set_seed(seed)
    model, settings = new_model(config), config["training"]
    rows = [{"input_ids": row, "labels": row} for row in _rows(config, texts, rng)]
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder,
            per_device_train_batch_size=settings["batch_size"],
            num_train_epochs=1,
            learning_rate=settings["learning_rate"],
            lr_scheduler_type=settings["schedule"],
            warmup_steps=settings["warmup_fraction"],
            weight_decay=settings["weight_decay"],
            max_grad_norm=settings["gradient_clip"],
            use_cpu=True,
            seed=seed,
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            disable_tqdm=True,
        )
        Trainer(model, arguments, train_dataset=rows).train()  # pyright: ignore[reportArgumentType]
    return model.eval()


def _rows(config: dict[str, Any], texts: Texts, rng: np.random.Generator) -> tuple[torch.Tensor, ...]:
    """The budget's tokens one document after another, cut into rows of the context's length."""
    stream, n_left = list[int](), config["budget"]["amount"]
    while n_left > 0:
        for index in rng.permutation(len(texts)):
            stream += [BOS, *texts[index]]
            n_left -= len(texts[index])
            if n_left <= 0:
                break
    length = config["transformer"]["context_length"]
    return torch.tensor(stream[: len(stream) // length * length]).view(-1, length).unbind()


@torch.inference_mode()
def sample(config: dict[str, Any], model: LlamaForCausalLM, n_texts: int) -> Texts:
    """Texts sampled from the model, each up to and with its end of sequence."""
    written = Texts()
    for start in range(0, n_texts, SAMPLED_AT_ONCE):
        prompts = torch.full((min(SAMPLED_AT_ONCE, n_texts - start), 1), BOS)
        rows = model.generate(
            prompts,
            attention_mask=torch.ones_like(prompts),
            do_sample=True,
            temperature=config["decoding"]["temperature"],
            top_k=0,
            max_new_tokens=config["decoding"]["max_new_tokens"],
            use_cache=True,  # training with Trainer has turned it off
            pad_token_id=EOS,
        )
        written += [row[: row.index(EOS) + 1] if EOS in row else row for row in rows[:, 1:].tolist()]
    return written


@torch.inference_mode()
def losses(model: LlamaForCausalLM, texts: Texts) -> np.ndarray:
    """Negative log-likelihood of each text in nats, shape `(len(texts),)`; texts of like length share a batch."""
    order, found = np.argsort([len(text) for text in texts]), np.zeros(len(texts))
    for rows in np.array_split(order, -(-len(texts) // SCORED_AT_ONCE)):
        tokens = [torch.tensor([BOS, *texts[row]]) for row in rows]
        padded = torch.nn.utils.rnn.pad_sequence(tokens, batch_first=True, padding_value=EOS)
        lengths = torch.tensor([len(one) for one in tokens])
        logits = model(padded[:, :-1]).logits
        each = functional.cross_entropy(logits.transpose(1, 2), padded[:, 1:], reduction="none")
        real = torch.arange(each.shape[1]) < lengths[:, None] - 1
        found[rows] = (each * real).sum(1).double().numpy()
    return found


def mean_loss(model: LlamaForCausalLM, texts: Texts) -> float:
    """Nats per token."""
    return float(losses(model, texts).sum() / sum(map(len, texts)))


def verified(samples: Texts, judge: LlamaForCausalLM, documents: dict[str, Texts]) -> Texts:
    """Samples that end, are no copies, and are no less plausible than the least plausible held-out document."""
    known = {tuple(text) for text in documents["train"]}
    kept = Texts()
    for text in samples:
        if 4 <= len(text) <= 126 and tuple(text) not in known:
            known.add(tuple(text))
            kept.append(text)
    held_out = losses(judge, documents["validation"]) / [len(text) for text in documents["validation"]]
    mean = losses(judge, kept) / [len(text) for text in kept]
    return [text for text, loss in zip(kept, mean, strict=True) if loss <= held_out.max()]


def composed(compose: str, real: Texts, synthetic: list[Texts], rng: np.random.Generator) -> Texts:
    """What a strategy trains on, of the real documents and the samples of all generations so far."""
    newest, n_real = synthetic[-1], len(real)
    pool = [*real, *(text for texts in synthetic for text in texts[:n_real])]
    match compose:
        case "real":
            return real
        case "replace":
            return newest[:n_real]
        case "accumulate":
            return pool
        case "accumulate_subsample":
            return [pool[row] for row in rng.choice(len(pool), n_real, replace=False)]
        case _:
            raise ValueError(f"{compose}: this script knows no such strategy")


def chain(
    config: dict[str, Any],
    strategy: dict[str, Any],
    seed: int,
    first: LlamaForCausalLM,
    first_samples: Texts,
    documents: dict[str, Texts],
) -> Iterator[float]:
    """The test losses of a strategy's models from generation 1 on."""
    model, synthetic, real = first, list[Texts](), documents["train"]
    for generation in range(1, config["generations"] + 1):
        rng = np.random.default_rng([seed, generation])
        if strategy["compose"] != "real" or generation == 1:
            n_texts = len(real) * strategy.get("oversample", 1)
            written = first_samples[:n_texts] if generation == 1 else sample(config, model, n_texts)
            synthetic.append(verified(written, first, documents) if strategy.get("verifiers") else written)
        texts = composed(strategy["compose"], real, synthetic, rng)
        model = train(config, texts, 1_000 * seed + generation, rng)
        yield mean_loss(model, documents["test"])


def main(config_file: str, documents_file: str) -> None:
    """Run every strategy of every seed, one after another."""
    with open(config_file) as file:
        config = yaml.safe_load(file)
    table = pq.read_table(documents_file, columns=["split", "token_ids"]).to_pylist()
    splits = ("train", "validation", "test")
    documents = {split: [row["token_ids"] for row in table if row["split"] == split] for split in splits}
    found = dict[str, list[list[float]]]()
    for seed in config["seeds"]:
        first = train(config, documents["train"], 1_000 * seed, np.random.default_rng(seed))
        loss = mean_loss(first, documents["test"])
        n_shared = max(one.get("oversample", 1) for one in config["strategies"]) * len(documents["train"])
        shared = sample(config, first, n_shared)
        for strategy in config["strategies"]:
            later = chain(config, strategy, seed, first, shared, documents)
            found.setdefault(strategy["name"], []).append([loss, *later])
            print(f"seed {seed}, {strategy['name']}: {found[strategy['name']][-1]}", file=sys.stderr, flush=True)
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
