"""vLLM, in this process, one thread on a CPU.

Settings that decide the text are all passed by hand: vLLM would otherwise read a model's `generation_config`, turn
float32 weights into bfloat16, and on a CPU take nine tenths of the memory.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from collapse.config.settings import DecodingSettings, WatermarkSettings
from collapse.engines import editing
from collapse.engines.marking import add_bias
from collapse.errors import EngineError
from collapse.families import transformer
from collapse.media import Draws
from collapse.media.text import Vocabulary
from collapse.media.text.sequences import Sequences
from collapse.running.imports import collector_at_rest

ENVIRONMENT = {
    # One process: a second one would cost 15 CPU seconds more to start and compute no faster.
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_NO_USAGE_STATS": "1",
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
os.environ.update({name: os.environ.get(name, value) for name, value in ENVIRONMENT.items()})  # read by the import

with collector_at_rest():
    from vllm import LLM, SamplingParams, TokensPrompt
    from vllm.sampling_params import RequestOutputKind
    from vllm.v1.sample.logits_processor import BatchUpdate, LogitsProcessor
    from vllm.v1.sample.logits_processor.builtin import process_dict_updates
    from vllm.v1.worker.gpu.sample.logits_processor import LogitsContext
    from vllm.v1.worker.gpu.sample.logits_processor import LogitsProcessor as NextLogitsProcessor

IMPORTED_LATE = {"generate": ("vllm.v1.worker.cpu_worker",)}
"""What a stage will import in the course of its work; a fork server imports it before."""

MARK = "watermark"
"""Name of the watermark among a row's parameters."""

_OPENED: list[LLM] = []
"""Engines on a CPU, which stay open until their process ends: vLLM takes one apart by looking four times through all
that it has imported, for a quarter of a job's CPU time, and the end of the process does without."""

MAX_ROWS_AT_ONCE = 256
MOST_CACHE_BYTES = 1 << 30


class Engine:
    """A model opened by vLLM."""

    def __init__(self, folder: Path, vocabulary: Vocabulary, device: str, never: Sequence[int]) -> None:
        if device == "cpu":
            # The one function that vLLM would compile ranks the drawn token, which nobody reads; compiling it takes
            # half a CPU second of every job.
            torch.compiler.set_stance("force_eager")
        transformer.refuse_damaged(folder)
        config = json.loads((folder / "config.json").read_text())
        self._vocabulary, self._never = vocabulary, list(never)
        self._context_length = int(config.get("n_positions") or config["max_position_embeddings"])
        self._llm = LLM(
            model=str(folder),
            dtype="float32" if device == "cpu" else "bfloat16",
            max_model_len=self._context_length,
            max_num_seqs=MAX_ROWS_AT_ONCE,
            skip_tokenizer_init=True,
            # by default, vLLM would unpickle weights where there are no safetensors
            load_format="safetensors",
            trust_remote_code=False,
            enforce_eager=device == "cpu",
            enable_prefix_caching=False,
            generation_config="vllm",
            # what a sample's log-probability is under the model, before any token is banned
            logprobs_mode="raw_logprobs",
            logits_processors=[*([_banning(never)] if never else []), Marking],
            disable_log_stats=True,
            seed=0,
            kv_cache_memory_bytes=_cache_bytes(config, self._context_length) if device == "cpu" else None,
            # float32 noise on a GPU never reaches tokens further down than about 17 nats.
            use_fp64_gumbel=device == "gpu",
        )
        if device == "cpu":
            _OPENED.append(self._llm)

    def sample(self, prompts: Sequences, decoding: DecodingSettings, seeds: np.ndarray) -> Draws:
        """Draw one continuation per prompt, or edit the documents that are given; see `families.Sampler`."""
        if decoding.method == "edit":
            return self._edited(prompts, decoding, seeds)
        requests = [TokensPrompt(prompt_token_ids=[self._vocabulary.bos, *prompt.tolist()]) for prompt in prompts]
        parameters = [self._parameters(decoding, seed) for seed in seeds.tolist()]
        rows = [result.outputs[0] for result in self._llm.generate(requests, parameters, use_tqdm=False)]
        return Draws(
            outputs=Sequences.of(row.token_ids for row in rows),
            stopped=np.array([row.finish_reason == "stop" for row in rows], dtype=bool),
            logprob_nats=np.array([row.cumulative_logprob for row in rows], dtype=np.float64),
        )

    def _edited(self, documents: Sequences, decoding: DecodingSettings, seeds: np.ndarray) -> Draws:
        """Documents with their likeliest tokens drawn anew. Their last token is asked for as the one to be written, so
        that a document may fill the context.
        """
        requests = [TokensPrompt(prompt_token_ids=[self._vocabulary.bos, *text[:-1].tolist()]) for text in documents]
        parameters = [
            SamplingParams(
                temperature=0.0,
                max_tokens=1,
                allowed_token_ids=[int(text[-1])],
                prompt_logprobs=decoding.top_k,
                logprobs=0,
                detokenize=False,
                output_kind=RequestOutputKind.FINAL_ONLY,
            )
            for text in documents
        ]
        results = self._llm.generate(requests, parameters, use_tqdm=False)
        readings = (_reading(text, result, decoding.top_k) for text, result in zip(documents, results, strict=True))
        return editing.drawn(readings, decoding, [*self._never, self._vocabulary.eos], seeds)

    def _parameters(self, decoding: DecodingSettings, seed: int):
        return SamplingParams(
            temperature=0.0 if decoding.method == "greedy" else decoding.temperature,
            top_p=decoding.top_p,
            top_k=decoding.top_k,
            min_p=decoding.min_p,
            repetition_penalty=decoding.repetition_penalty,
            max_tokens=decoding.max_new_tokens,
            min_tokens=decoding.min_new_tokens,
            seed=seed,
            stop_token_ids=[self._vocabulary.eos],
            logprobs=0,
            detokenize=False,
            output_kind=RequestOutputKind.FINAL_ONLY,
            extra_args={MARK: decoding.watermark.model_dump()} if decoding.watermark else None,
        )


def _reading(tokens: np.ndarray, result: Any, n_candidates: int) -> editing.Reading:
    """What vLLM says of a document. Of each place it tells the likeliest tokens and, behind or among them, the real
    one.
    """
    told = result.prompt_logprobs[1:]
    ranked = [sorted(place.items(), key=lambda entry: entry[1].rank)[:n_candidates] for place in told]
    own = [place[token].logprob for place, token in zip(told, tokens[:-1].tolist(), strict=True)]
    shape = (len(told), n_candidates)
    return editing.Reading(
        tokens=tokens,
        logprobs=np.array([*own, result.outputs[0].cumulative_logprob]),
        candidates=np.array([[token for token, _ in place] for place in ranked], dtype=np.int64).reshape(shape),
        candidate_logprobs=np.array([[one.logprob for _, one in place] for place in ranked]).reshape(shape),
    )


def _banning(never: Sequence[int]) -> type:
    """A logits processor that bans tokens of every row at once.

    A row's own `allowed_token_ids` or `logit_bias` would be copied and checked for each row. Of vLLM's two model
    runners, each asks for processors of its own interface; which of them runs is settled when the engine starts.
    """

    class Banning(LogitsProcessor, NextLogitsProcessor):
        def __init__(self, *_: object) -> None:
            self._banned = torch.tensor(never)

        def is_argmax_invariant(self) -> bool:
            return False

        def update_state(self, batch_update: object) -> None:
            pass

        def apply(self, logits: torch.Tensor, ctx: object = None) -> torch.Tensor:
            self._banned = self._banned.to(logits.device)
            return logits.index_fill_(1, self._banned, -float("inf"))

    return Banning


class Marking(LogitsProcessor, NextLogitsProcessor):
    """Adds the watermark's bias to the tokens that are green after the last one of each row.

    The first of the two interfaces says which rows come, go and change places, and hands over the list that a row's
    tokens are put into; the second says which place each row of a step has, and the token before it. A row's watermark
    comes with its parameters.
    """

    def __init__(self, *_: object) -> None:
        self._rows = dict[int, tuple[WatermarkSettings, list[int], list[int]]]()
        self._slots = dict[int, WatermarkSettings | None]()

    def is_argmax_invariant(self) -> bool:
        """Whether greedy decoding may do without it."""
        return False

    def update_state(self, batch_update: BatchUpdate | None) -> None:
        """Follow rows that come, go and change places."""
        process_dict_updates(self._rows, batch_update, self._row)

    def add_request(self, req_idx: int, sampling_params: SamplingParams) -> bool:
        """Whether a row that comes into this place has a watermark."""
        self._slots[req_idx] = _mark(sampling_params)
        return self._slots[req_idx] is not None

    def apply(self, logits: torch.Tensor, ctx: LogitsContext | None = None) -> torch.Tensor:
        """Logits with the bias, `(rows, vocabulary)`."""
        marks = self._of_rows() if ctx is None else self._of_slots(ctx)
        for mark in set(marks.values()):
            rows = torch.tensor([row for row, other in marks.items() if other == mark], device=logits.device)
            before = self._before(rows.tolist()).to(logits.device) if ctx is None else ctx.input_ids[rows].long()
            logits[rows] = add_bias(mark, logits[rows], before)
        return logits

    @staticmethod
    def _row(
        parameters: SamplingParams, prompt: list[int] | None, written: list[int]
    ) -> tuple[WatermarkSettings, list[int], list[int]] | None:
        mark = _mark(parameters)
        return (mark, prompt or [], written) if mark else None

    def _of_rows(self) -> dict[int, WatermarkSettings]:
        return {row: mark for row, (mark, _, _) in self._rows.items()}

    def _of_slots(self, ctx: LogitsContext) -> dict[int, WatermarkSettings]:
        found = ((row, self._slots.get(slot)) for row, slot in enumerate(ctx.idx_mapping_np.tolist()))
        return {row: mark for row, mark in found if mark}

    def _before(self, rows: list[int]) -> torch.Tensor:
        """The last token of each row: written, or of its prompt.

        Raises:
            EngineError: vLLM has not said it yet; in its place stands -1.
        """
        found = [(written or prompt)[-1] for _, prompt, written in (self._rows[row] for row in rows)]
        if min(found) < 0:
            raise EngineError(
                "decoding.watermark: vLLM asks for a row's next token before it has said its last one.\n"
                "  Use generate.engine: transformers."
            )
        return torch.tensor(found)


def _mark(parameters: SamplingParams) -> WatermarkSettings | None:
    given = (parameters.extra_args or {}).get(MARK)
    return WatermarkSettings(**given) if given else None


def _cache_bytes(config: dict[str, int], context_length: int) -> int:
    """Memory for keys and values in float32: `MAX_ROWS_AT_ONCE` full rows and half as much again for blocks half used,
    but no more than `MOST_CACHE_BYTES` unless one row alone needs it; vLLM lets rows wait where that is too little.
    """
    n_layers = config.get("num_hidden_layers") or config["n_layer"]
    n_heads = config.get("num_attention_heads") or config["n_head"]
    width = config.get("hidden_size") or config["n_embd"]
    n_key_heads = config.get("num_key_value_heads") or n_heads
    head_width = config.get("head_dim") or width // n_heads
    per_row = 2 * n_layers * n_key_heads * head_width * 4 * max(context_length, 64)
    return int(1.5 * max(per_row, min(MAX_ROWS_AT_ONCE * per_row, MOST_CACHE_BYTES)))
