"""The project's training loop beside what a user of transformers would take, at the default size.

All train the same Llama shape, half a million weights, on the same full rows of random tokens, from scratch.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.contest import Benchmark, Contest, Contestants
from benchmarks.costs import JOB, ONE_THREAD, Cost, Stopwatch, inside_fresh_process
from benchmarks.workflow_copy import study
from collapse.config.plan import Plan
from collapse.config.specs import FamilySpec
from collapse.families import TrainingJob
from collapse.families.size import llama_hidden_width
from collapse.media import Examples, Facts
from collapse.media.text import Vocabulary
from collapse.media.text.sequences import Sequences

VOCABULARY = Vocabulary(512, 0, 1)
WARM_STEPS = 5


def ours(n_steps: int) -> Cost:
    """The project's loop, in bfloat16: packed rows, Accelerate, fused AdamW."""
    from collapse.families import transformer

    plan = study()

    def fit(texts: np.ndarray) -> None:
        family = FamilySpec(name="transformer", settings=plan.transformer, device="cpu")
        texts_of_job = Sequences.of(texts)
        transformer.fit(
            TrainingJob(family, plan.training, Facts(VOCABULARY), Examples(texts_of_job), None, 0, Path("none"), 10)
        )

    return _timed(fit, plan, n_steps)


def trainer(n_steps: int, precision: str) -> Cost:
    """`transformers.Trainer` with its defaults; `bfloat16` asks for `bf16`."""
    import torch
    from transformers import Trainer, TrainingArguments

    plan = study()

    def fit(texts: np.ndarray) -> None:
        rows = [{"input_ids": torch.tensor(row), "labels": torch.tensor(row)} for row in texts]
        with tempfile.TemporaryDirectory() as folder:
            arguments = TrainingArguments(
                folder,
                per_device_train_batch_size=plan.training.batch_size,
                num_train_epochs=1,
                learning_rate=plan.training.learning_rate,
                use_cpu=True,
                bf16=precision == "bfloat16",
                save_strategy="no",
                logging_strategy="no",
                report_to="none",
                disable_tqdm=True,
            )
            Trainer(_llama(plan), arguments, train_dataset=rows).train()  # pyright: ignore[reportArgumentType]

    return _timed(fit, plan, n_steps)


def plain_loop(n_steps: int, precision: str) -> Cost:
    """The loop of a PyTorch tutorial over `LlamaForCausalLM`, with fused AdamW and clipped gradients."""
    import torch

    plan = study()

    def fit(texts: np.ndarray) -> None:
        model = _llama(plan)
        model.train()
        optimizer = torch.optim.AdamW(model.parameters(), lr=plan.training.learning_rate, fused=True)
        for rows in torch.from_numpy(texts).split(plan.training.batch_size):
            with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
                loss = model(input_ids=rows, labels=rows).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), plan.training.gradient_clip)
            optimizer.step()
            optimizer.zero_grad()

    return _timed(fit, plan, n_steps)


def _timed(fit: Callable[[np.ndarray], None], plan: Plan, n_steps: int) -> Cost:
    """The cost of a training, in tokens, after a short one that nobody times."""
    shape = (plan.training.batch_size, plan.transformer.context_length)
    texts = np.random.default_rng(0).integers(2, VOCABULARY.size, (n_steps + WARM_STEPS, *shape))
    fit(texts[:WARM_STEPS].reshape(-1, shape[1]))
    watch = Stopwatch()
    fit(texts[WARM_STEPS:].reshape(-1, shape[1]))
    return watch.cost(n_steps * shape[0] * shape[1])


def _llama(plan: Plan):
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCABULARY.size,
            hidden_size=plan.transformer.width,
            intermediate_size=llama_hidden_width(plan.transformer.width),
            num_hidden_layers=plan.transformer.n_layers,
            num_attention_heads=plan.transformer.n_heads,
            max_position_embeddings=plan.transformer.context_length,
            tie_word_embeddings=True,
            bos_token_id=VOCABULARY.bos,
            eos_token_id=VOCABULARY.eos,
        )
    )


@contextmanager
def prepared(_folder: Path, small: bool) -> Iterator[Contestants]:
    """All loops."""
    n_steps = 4 if small else 100
    yield {
        OURS: lambda _: inside_fresh_process(ours, JOB, n_steps=n_steps),
        "Trainer": lambda _: inside_fresh_process(trainer, ONE_THREAD, n_steps=n_steps, precision="float32"),
        "Trainer, bf16": lambda _: inside_fresh_process(trainer, ONE_THREAD, n_steps=n_steps, precision="bfloat16"),
        "loop": lambda _: inside_fresh_process(plain_loop, ONE_THREAD, n_steps=n_steps, precision="float32"),
        "loop, bf16": lambda _: inside_fresh_process(plain_loop, ONE_THREAD, n_steps=n_steps, precision="bfloat16"),
    }


OURS = "training loop"
UNIT = "times, tokens per CPU second"

against = partial(Benchmark, ours=OURS, unit=UNIT)

CONTEST = Contest(
    (
        against(
            name="training",
            others=("Trainer",),
            compared="461,440 weights, steps of 4 × 128 tokens: the training loop, in bfloat16, against "
            "transformers.Trainer with its defaults, in float32",
        ),
        against(
            name="training_bfloat16",
            others=("Trainer, bf16",),
            compared="the same, against transformers.Trainer in bfloat16",
        ),
        against(
            name="training_plain_loop",
            others=("loop", "loop, bf16"),
            compared="the same, against a plain PyTorch loop over LlamaForCausalLM in float32 and bfloat16, the faster",
        ),
    ),
    prepared,
    n_rounds=3,
    minutes=2,
)
