"""The project's training loop beside `transformers.Trainer`, at the default size, interleaved in one process.

    OMP_NUM_THREADS=1 python tests/benchmarks/training_loop.py

Prints tokens per CPU second of each and the ratio. Both train the same Llama shape (half a million weights) on the same
rows for the same number of steps, in bfloat16.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "workflow"))

from collapse.config.plan import FamilySpec
from collapse.config.settings import TrainingSettings, TransformerSettings
from collapse.families import TrainingJob, Vocabulary, transformer
from collapse.sequences import Sequences

VOCABULARY, CONTEXT, ROWS, STEPS, ROUNDS = Vocabulary(512, 0, 1), 128, 4, 60, 5
SHAPE = TransformerSettings(
    base_model=None,
    revision=None,
    architecture="llama",
    n_layers=2,
    n_heads=4,
    width=128,
    context_length=CONTEXT,
    tuning="full",
    lora_rank=1,
    precision="bfloat16",
)
TRAINING = TrainingSettings(
    batch_size=ROWS,
    learning_rate=2e-3,
    schedule="cosine",
    warmup_fraction=0.1,
    weight_decay=0.1,
    gradient_clip=1.0,
)
TEXTS = np.random.default_rng(0).integers(2, 512, (STEPS * ROWS, CONTEXT))


def ours() -> None:
    """The project's loop: packed rows, Accelerate, fused AdamW, bfloat16."""
    family = FamilySpec(name="transformer", settings=SHAPE, device="cpu")
    transformer.fit(TrainingJob(family, TRAINING, VOCABULARY, Sequences.of(TEXTS), None, 0, Path("none"), 10))


def trainer() -> None:
    """`transformers.Trainer` on the same rows, in bfloat16 too."""
    from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainingArguments

    config = LlamaConfig(
        vocab_size=VOCABULARY.size,
        hidden_size=SHAPE.width,
        intermediate_size=344,
        num_hidden_layers=SHAPE.n_layers,
        num_attention_heads=SHAPE.n_heads,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        bos_token_id=0,
        eos_token_id=1,
    )
    rows = [{"input_ids": torch.tensor(row), "labels": torch.tensor(row)} for row in TEXTS]
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder,
            per_device_train_batch_size=ROWS,
            max_steps=STEPS,
            learning_rate=2e-3,
            use_cpu=True,
            bf16=True,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            logging_strategy="no",
        )
        Trainer(LlamaForCausalLM(config), arguments, train_dataset=rows).train()  # type: ignore[arg-type]


def speed(run: Callable[[], None]) -> float:
    """Tokens per CPU second."""
    start = time.process_time()
    run()
    return STEPS * ROWS * CONTEXT / (time.process_time() - start)


def main() -> None:
    """Interleave the variants and print medians and ratios."""
    torch.set_num_threads(1)
    chosen = {"ours": ours, "Trainer": trainer}
    found: dict[str, list[float]] = {name: [] for name in chosen}
    for run in chosen.values():
        run()
    for _ in range(ROUNDS):
        for name, run in chosen.items():
            found[name].append(speed(run))
    for name, values in found.items():
        print(f"{name}: {statistics.median(values):.0f} tokens per CPU second, {min(values):.0f} to {max(values):.0f}")
    ratios = [mine / theirs for mine, theirs in zip(found["ours"], found["Trainer"], strict=True)]
    print(f"ours over Trainer: {statistics.median(ratios):.2f}, {min(ratios):.2f} to {max(ratios):.2f}")


if __name__ == "__main__":
    main()
