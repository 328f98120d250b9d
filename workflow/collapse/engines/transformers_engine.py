"""transformers' `generate`: the second engine, for hosts without vLLM, and the only one with beams.

`generate` draws from one global generator, so a row's text would depend on its neighbours. Here each row brings its
own noise: adding Gumbel noise to the scores and taking the largest draws from exactly the same distribution.
"""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from transformers import (
    AutoModelForCausalLM,
    LogitsProcessor,
    LogitsProcessorList,
    MinPLogitsWarper,
    SuppressTokensLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from collapse.config.settings import DecodingSettings, WatermarkSettings
from collapse.engines import editing
from collapse.engines.beams import Ranked
from collapse.engines.marking import add_bias
from collapse.families import transformer
from collapse.families.devices import torch_device
from collapse.media import Draws
from collapse.media.text import Vocabulary
from collapse.media.text.sequences import Sequences

ROWS_AT_ONCE = 64


class SeededGumbel(LogitsProcessor):
    """Adds one Gumbel variate per row and token, from the row's own seed; the largest score is then a sample."""

    def __init__(self, seeds: np.ndarray) -> None:
        self._generators = [np.random.Generator(np.random.Philox(key=int(seed))) for seed in seeds]

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Scores with noise, `(rows, vocabulary)`."""
        noise = np.stack([generator.gumbel(size=scores.shape[1]) for generator in self._generators])
        return scores.double() + torch.from_numpy(noise).to(scores.device)


class Marking(LogitsProcessor):
    """Adds the watermark's bias to the tokens that are green after the last one of each row."""

    def __init__(self, mark: WatermarkSettings) -> None:
        self._mark = mark

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Scores with the bias, `(rows, vocabulary)`."""
        return add_bias(self._mark, scores, input_ids[:, -1])


class Engine:
    """A model opened by transformers."""

    def __init__(self, folder: Path, vocabulary: Vocabulary, device: str, never: Sequence[int]) -> None:
        place = torch_device(device)
        self._scorer = transformer.load(folder, device)  # which refuses what is not whole
        self._network = AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, use_safetensors=True, trust_remote_code=False
        )
        self._network.to(torch.device(place)).eval()  # pyright: ignore[reportArgumentType]
        self._vocabulary = vocabulary
        self._never = list(never)

    def sample(self, inputs: Sequences | Ranked, decoding: DecodingSettings, seeds: np.ndarray) -> Draws:
        """Draw one continuation per prompt, or edit the documents that are given; see `families.Sampler`."""
        if isinstance(inputs, Ranked):
            prompts, each = inputs.searches()
            found = self._written(prompts, decoding, np.zeros(len(prompts)), inputs.n_beams)
            tokens = Sequences.of(found[place][rank] for place, rank in zip(each, inputs.ranks, strict=True))
            return self._draws(inputs.prompts, tokens)
        if decoding.method == "edit":
            readings = (self._reading(text, decoding.top_k) for text in inputs)
            return editing.drawn(readings, decoding, [*self._never, self._vocabulary.eos], seeds)
        return self._draws(inputs, Sequences.of(text for (text,) in self._written(inputs, decoding, seeds)))

    def _draws(self, prompts: Sequences, tokens: Sequences) -> Draws:
        stopped = np.array([len(text) > 0 and text[-1] == self._vocabulary.eos for text in tokens], dtype=bool)
        return Draws(tokens, stopped, logprob_nats=-self._scorer.score(tokens, prompts))

    def _written(
        self, prompts: Sequences, decoding: DecodingSettings, seeds: np.ndarray, n_each: int = 1
    ) -> list[list[np.ndarray]]:
        """What is written after each prompt: one text, or the best `n_each` of its beams, best first."""
        texts = [list[np.ndarray]() for _ in range(len(prompts))]
        order = np.argsort(prompts.lengths, kind="stable")
        for rows in np.split(order, self._cuts(prompts.lengths[order])):
            if len(rows):
                batch = self._batch(prompts.take(rows), decoding, seeds[rows], n_each)
                for place, text in enumerate(batch):
                    texts[rows[place // n_each]].append(text)
        return texts

    @torch.inference_mode()
    def _reading(self, tokens: np.ndarray, n_candidates: int) -> editing.Reading:
        """What the model says of a document."""
        before = torch.tensor([[self._vocabulary.bos, *tokens[:-1].tolist()]], device=self._network.device)
        told = self._network(before).logits[0].float().log_softmax(-1).cpu()
        own = told.gather(1, torch.from_numpy(tokens.astype(np.int64))[:, None])[:, 0]
        best = told[:-1].topk(n_candidates)
        return editing.Reading(tokens, own.numpy(), best.indices.numpy(), best.values.numpy())

    def _cuts(self, lengths: np.ndarray) -> np.ndarray:
        """Where batches end: every `ROWS_AT_ONCE` rows, and wherever the prompt's length changes (no padding)."""
        changes = np.flatnonzero(np.diff(lengths)) + 1
        starts = np.concatenate([[0], changes, [len(lengths)]])
        within = [np.arange(start, end, ROWS_AT_ONCE)[1:] for start, end in pairwise(starts)]
        return np.sort(np.concatenate([changes, *within])).astype(np.int64)

    def _batch(
        self, prompts: Sequences, decoding: DecodingSettings, seeds: np.ndarray, n_each: int
    ) -> list[np.ndarray]:
        inputs = torch.tensor(
            [[self._vocabulary.bos, *prompt] for prompt in prompts], device=self._network.device, dtype=torch.long
        )
        written = self._network.generate(
            inputs,
            attention_mask=torch.ones_like(inputs),
            do_sample=False,
            num_beams=decoding.n_beams,
            num_return_sequences=n_each,
            repetition_penalty=decoding.repetition_penalty,
            max_new_tokens=decoding.max_new_tokens,
            min_new_tokens=decoding.min_new_tokens or None,
            logits_processor=self._processors(decoding, seeds),
            eos_token_id=self._vocabulary.eos,
            pad_token_id=self._vocabulary.eos,
        )
        return [self._until_end(row) for row in written[:, inputs.shape[1] :].cpu().numpy()]

    def _processors(self, decoding: DecodingSettings, seeds: np.ndarray) -> LogitsProcessorList:
        device = str(self._network.device)
        banned = [SuppressTokensLogitsProcessor(self._never, device=device)] if self._never else []
        marking = [Marking(decoding.watermark)] if decoding.watermark else []
        return LogitsProcessorList([*banned, *marking, *_drawing(decoding, seeds)])

    def _until_end(self, row: np.ndarray) -> np.ndarray:
        ends = np.flatnonzero(row == self._vocabulary.eos)
        return row[: ends[0] + 1] if len(ends) else row


def _drawing(decoding: DecodingSettings, seeds: np.ndarray) -> list[LogitsProcessor]:
    if decoding.method != "sample":
        return []
    chosen: list[LogitsProcessor] = [TemperatureLogitsWarper(decoding.temperature)]
    if decoding.top_k > 0:
        chosen.append(TopKLogitsWarper(decoding.top_k))
    if decoding.top_p < 1:
        chosen.append(TopPLogitsWarper(decoding.top_p))
    if decoding.min_p > 0:
        chosen.append(MinPLogitsWarper(decoding.min_p))
    return [*chosen, SeededGumbel(seeds)]
