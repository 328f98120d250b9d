"""What a user of transformers writes to sample: `python plain_generation.py FOLDER N_TEXTS BATCH CACHE SEED`.

Prints how many tokens were written. It knows nothing of this project but where the model lies.
"""

import sys

import torch
from transformers import LlamaForCausalLM


def opened(folder: str) -> LlamaForCausalLM:
    """The model, ready to write."""
    return LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def texts(model: LlamaForCausalLM, n_texts: int, batch_size: int, cache: str) -> list[list[int]]:
    """Texts sampled at temperature 1 from all of the vocabulary, each up to and with its end of sequence.

    Args:
        model: Who writes.
        n_texts: How many.
        batch_size: How many at once.
        cache: `dynamic` or `static`, as `generate` calls its caches.
    """
    bos, eos = model.config.bos_token_id, model.config.eos_token_id
    assert isinstance(bos, int) and isinstance(eos, int)
    written = []
    for start in range(0, n_texts, batch_size):
        prompts = torch.full((min(batch_size, n_texts - start), 1), bos)
        rows = model.generate(
            prompts,
            attention_mask=torch.ones_like(prompts),
            do_sample=True,
            temperature=1.0,
            top_k=0,
            max_length=model.config.max_position_embeddings,
            pad_token_id=eos,
            cache_implementation=cache,
        )
        written += [_until_end(row, eos) for row in rows[:, 1:].tolist()]
    return written


def _until_end(row: list[int], eos: int) -> list[int]:
    return row[: row.index(eos) + 1] if eos in row else row


def main(folder: str, n_texts: str, batch_size: str, cache: str, seed: str) -> None:
    """Load, sample, print the number of tokens."""
    torch.manual_seed(int(seed))
    print(sum(map(len, texts(opened(folder), int(n_texts), int(batch_size), cache))))


if __name__ == "__main__":
    main(*sys.argv[1:])
