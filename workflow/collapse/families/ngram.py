"""An n-gram model over token ids: interpolated Kneser-Ney smoothing, exact and its own sampler.

With D the discount, c(h, w) the count of token w after context h, c(h) its sum over w, n(h) how many different w
follow, and h' the context without its oldest token (Kneser and Ney 1995; interpolated as in Chen and Goodman 1999):

    p(w | h) = (c(h, w) - D) / c(h) + D n(h) / c(h) p(w | h')

At the longest contexts, and at those that reach back to the start of their document, c counts occurrences. A shorter
context counts in how many longer contexts w was seen. With plain counts at every order the end of sequence, frequent
but after few contexts, leaks into every context: samples of a trigram model of speeches (D = 0.75) were 29 % shorter
than their training text, generation after generation; with these counts they are as long.

A context never seen passes everything on to h'. The recursion ends in the uniform distribution over every token but
the start of sequence, so every text has a positive probability. No context crosses a document: it begins, at the
earliest, with the start of sequence.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from collapse.config.settings import DecodingSettings, NgramSettings
from collapse.errors import ConfigError, ContractError
from collapse.families import TrainingJob, TrainingStep
from collapse.media import Draws, Facts
from collapse.media.text import Vocabulary
from collapse.media.text.sequences import Sequences
from collapse.running.faults import pass_on
from collapse.running.files import entries

ABSENT = -1
"""Stands for a token before the start of a document, and for a context that was never seen."""

WEIGHTS, FACTS = "model.safetensors", "ngram.json"
PARTS = ("contexts", "grams", "counts")
"""Arrays of a level, as attributes and as the beginnings of their names in the file."""

MOST_TOKENS = 10_000_000
"""Largest vocabulary that a file may claim: a distribution over it takes 80 MB."""

AGAIN = "Delete this folder and run snakemake, which counts it again."

CELLS = 2**18
"""Most probabilities held at once while sampling; blocks of 2 MB stay in the cache and were fastest."""


@dataclass(frozen=True)
class Level:
    """What follows the contexts of one length.

    A context's number is its place in `contexts`; its entry is the number of the context without the oldest token,
    times the vocabulary size, plus that token. The empty context is number 0 of level 0.

    Attributes:
        contexts: Known contexts, ascending, shape `(n_contexts,)`, int64.
        grams: Context number times vocabulary size plus token, of each seen pair, ascending, shape `(n_grams,)`, int64.
        counts: c(h, w) of each pair, shape `(n_grams,)`, int64, positive.
    """

    contexts: np.ndarray
    grams: np.ndarray
    counts: np.ndarray


@dataclass(frozen=True)
class Probabilities:
    """A level's share of the probabilities, worked out once.

    Attributes:
        discounted: (c(h, w) - D) / c(h), shape `(n_grams,)`.
        passed_on: Share left to the shorter context, shape `(n_contexts,)`.
        begin: Where each context's pairs begin among the grams, and the end of the last, shape `(n_contexts + 1,)`.
    """

    discounted: np.ndarray
    passed_on: np.ndarray
    begin: np.ndarray


def fit(job: TrainingJob) -> tuple["NgramModel", list[TrainingStep]]:
    """Count the job's texts; there are no optimizer steps to log, and no weights to start from."""
    settings = job.family.settings
    assert isinstance(settings, NgramSettings)
    return count(settings, job.facts.output, job.examples.outputs), []


def count(settings: NgramSettings, vocabulary: Vocabulary, texts: Sequences) -> "NgramModel":
    """Fit a model.

    Args:
        settings: Order and discount.
        vocabulary: Number of tokens, start and end of sequence.
        texts: Tokens to count, ends of sequence included; a repeated text counts as often as it occurs.

    Raises:
        ContractError: There is no token to count.
    """
    if not texts.n_tokens:
        raise ContractError("n-gram: the training set holds no token.\n  Look at the arm's mixture.parquet.")
    tokens, histories = texts.values.astype(np.int64), _histories(vocabulary, texts, None, settings.order - 1)
    contexts, numbers = _number_contexts(histories, vocabulary.size)
    levels = list[Level]()  # longest contexts first: shorter ones count those
    for length in reversed(range(settings.order)):
        longest = numbers[length] != ABSENT
        if levels:
            longest &= numbers[length + 1] == ABSENT
        pairs = [numbers[length][longest] * vocabulary.size + tokens[longest]]
        pairs += [_without_oldest(levels[-1], vocabulary.size)] if levels else []
        levels.append(Level(contexts[length], *np.unique(np.concatenate(pairs), return_counts=True)))
    return NgramModel(settings, vocabulary, tuple(reversed(levels)))


def load(folder: Path, device: str) -> "NgramModel":
    """Load a model that `save` wrote; it runs on the CPU whatever the device.

    Raises:
        ContractError: A file is missing or damaged, or what it holds is no n-gram model.
    """
    try:
        facts = entries(folder / FACTS)
        settings = NgramSettings.model_validate(facts.get("settings"))
        vocabulary = _vocabulary(facts.get("vocabulary"))
        arrays = load_file(folder / WEIGHTS)
    except (OSError, ValueError, SafetensorError) as error:
        pass_on(error)
        raise ContractError(f"{folder}: does not hold an n-gram model ({error}).\n  {AGAIN}") from None
    if faults := _faults(arrays, settings.order, vocabulary):
        raise ContractError(f"{folder}: its counts are not whole: {'; '.join(faults[:3])}.\n  {AGAIN}")
    levels = tuple(Level(*(arrays[f"{name}.{length}"] for name in PARTS)) for length in range(settings.order))
    return NgramModel(settings, vocabulary, levels)


def _vocabulary(facts: object) -> Vocabulary:
    """A vocabulary, from what `save` wrote of it.

    Raises:
        ValueError: It is none.
    """
    names = [one.name for one in fields(Vocabulary)]
    if not isinstance(facts, dict) or facts.keys() != set(names) or not all(type(n) is int for n in facts.values()):
        raise ValueError("its vocabulary is not a size and two tokens")
    vocabulary = Vocabulary(**facts)
    if not all(0 <= token < vocabulary.size <= MOST_TOKENS for token in (vocabulary.bos, vocabulary.eos)):
        raise ValueError(f"a vocabulary of {vocabulary.size} tokens with {vocabulary.bos} and {vocabulary.eos} is none")
    return vocabulary


def _faults(arrays: Mapping[str, np.ndarray], order: int, vocabulary: Vocabulary) -> list[str]:
    """What is wrong with the arrays of a model: missing, unknown, of another type, or no counts of this vocabulary."""
    wanted = {f"{name}.{length}" for length in range(order) for name in PARTS}
    faults = [f"{name} is missing" for name in sorted(wanted - arrays.keys())]
    faults += [f"{name} is none of this model's" for name in sorted(arrays.keys() - wanted)]
    faults += [
        f"{name} is of type {arrays[name].dtype} and shape {arrays[name].shape}, not a list of int64"
        for name in sorted(wanted & arrays.keys())
        if arrays[name].dtype != np.int64 or arrays[name].ndim != 1
    ]
    return faults or [fault for length in range(order) for fault in _level_faults(arrays, length, vocabulary.size)]


def _level_faults(arrays: Mapping[str, np.ndarray], length: int, size: int) -> list[str]:
    """What is wrong with one level: counts that are not positive, or numbers of contexts and tokens there are not."""
    contexts, grams, counts = (arrays[f"{name}.{length}"] for name in PARTS)
    n_shorter = len(arrays[f"contexts.{length - 1}"]) if length else 1
    n_used = 1 + int((np.diff(grams // size) > 0).sum()) if len(grams) else 0
    checks = {
        f"contexts.{length} holds {len(contexts)} contexts, of which {n_used} are used": len(contexts) == n_used,
        f"counts.{length} has {len(counts)} values for {len(grams)} n-grams": len(counts) == len(grams),
        f"counts.{length} holds a count below 1": bool((counts > 0).all()),
        f"contexts.{length} is not that of a vocabulary of {size}": _numbers(
            contexts, n_shorter * size if length else 1
        ),
        f"grams.{length} is not that of a vocabulary of {size}": _numbers(grams, len(contexts) * size),
    }
    return [fault for fault, holds in checks.items() if not holds]


def _numbers(values: np.ndarray, end: int) -> bool:
    """Whether these are ascending numbers from 0 to below `end`."""
    return not len(values) or bool(values[0] >= 0 and values[-1] < end and (np.diff(values) > 0).all())


@dataclass(frozen=True)
class NgramModel:
    """A fitted n-gram model.

    Attributes:
        settings: Order and discount.
        vocabulary: Number of tokens, start and end of sequence.
        levels: Counts by context length, from 0 to order - 1.
        never: Tokens that `sample` never draws; they are no part of the model, and `score` knows nothing of them.
    """

    settings: NgramSettings
    vocabulary: Vocabulary
    levels: tuple[Level, ...] = field(repr=False)
    never: tuple[int, ...] = ()

    def without(self, never: Iterable[int]) -> "NgramModel":
        """The same model, as a sampler that never draws these tokens."""
        return replace(self, never=tuple(never))

    @property
    def n_parameters(self) -> int:
        """Number of n-grams with a count, over all orders."""
        return sum(len(level.grams) for level in self.levels)

    @cached_property
    def _probabilities(self) -> tuple[Probabilities, ...]:
        return tuple(_probabilities(level, self.settings.discount, self.vocabulary.size) for level in self.levels)

    @cached_property
    def _uniform(self) -> np.ndarray:
        uniform = np.full(self.vocabulary.size, 1 / (self.vocabulary.size - 1))
        uniform[self.vocabulary.bos] = 0
        return uniform

    @cached_property
    def _unigram(self) -> np.ndarray:
        unigram = self._probabilities[0].passed_on[0] * self._uniform
        unigram[self.levels[0].grams] += self._probabilities[0].discounted
        return unigram

    def save(self, folder: Path) -> list[str]:
        """Write the counts and their settings into `folder` and return the files' names; same model, same bytes."""
        folder.mkdir(parents=True, exist_ok=True)
        arrays = {
            f"{name}.{length}": np.ascontiguousarray(getattr(level, name))
            for length, level in enumerate(self.levels)
            for name in PARTS
        }
        save_file(arrays, folder / WEIGHTS)
        facts = {"settings": self.settings.model_dump(), "vocabulary": asdict(self.vocabulary)}
        (folder / FACTS).write_text(json.dumps(facts, indent=2, sort_keys=True) + "\n")
        # safetensors makes files that only their owner may read, whatever the umask says
        (folder / WEIGHTS).chmod((folder / FACTS).stat().st_mode)
        return [WEIGHTS, FACTS]

    def score(self, texts: Sequences, prompts: Sequences | None = None) -> np.ndarray:
        """Negative log-likelihood of each text in nats, summed over its tokens, shape `(len(texts),)`, float64."""
        tokens = texts.values.astype(np.int64)
        probability = self._uniform[tokens]
        numbers = self._context_numbers(_histories(self.vocabulary, texts, prompts, self.settings.order - 1))
        for level, share, context in zip(self.levels, self._probabilities, numbers, strict=True):
            known = np.flatnonzero(context != ABSENT)
            place = _find(level.grams, context[known] * self.vocabulary.size + tokens[known])
            own = np.where(place != ABSENT, share.discounted[place], 0)
            probability[known] = own + share.passed_on[context[known]] * probability[known]
        text_of = np.repeat(np.arange(len(texts)), texts.lengths)
        with np.errstate(divide="ignore"):  # a start of sequence inside a text is impossible: infinite loss
            return np.bincount(text_of, -np.log(probability), minlength=len(texts))

    def next_distribution(self, contexts: Sequences) -> np.ndarray:
        """Probability of every token after each context, shape `(len(contexts), vocabulary.size)`.

        Args:
            contexts: Tokens since the start of each document, without the start of sequence.
        """
        return self._next(_last(self.vocabulary, contexts, self.settings.order - 1))

    @property
    def facts(self) -> Facts:
        """What it knows of the values."""
        return Facts(self.vocabulary)

    def sample(self, prompts: Sequences, decoding: DecodingSettings, seeds: np.ndarray) -> Draws:
        """Draw one continuation per prompt, each from its own seed.

        Args:
            prompts: Tokens given to the model after the start of sequence; an empty row is no prompt.
            decoding: How to draw; `method: sample` without repetition penalty.
            seeds: One seed per row, shape `(len(prompts),)`, int64.

        Raises:
            ConfigError: The decoding is one this family does not have.
        """
        if decoding.method != "sample" or decoding.repetition_penalty != 1:
            raise ConfigError("decoding: `family: ngram` samples only, without repetition penalty.\n  Set both so.")
        histories = _last(self.vocabulary, prompts, self.settings.order - 1)
        block = max(1, CELLS // self.vocabulary.size)
        parts = [
            self._sample_block(histories[start : start + block], decoding, seeds[start : start + block])
            for start in range(0, len(prompts), block)
        ]
        return Draws(
            Sequences.concatenate(part.outputs for part in parts),
            np.concatenate([part.stopped for part in parts] or [np.empty(0, dtype=bool)]),
            np.concatenate([part.logprob_nats for part in parts] or [np.empty(0)]),
        )

    def _sample_block(self, histories: np.ndarray, decoding: DecodingSettings, seeds: np.ndarray) -> Draws:
        n_rows = len(seeds)
        tokens = np.empty((n_rows, decoding.max_new_tokens), dtype=np.int32)
        lengths, stopped, logprobs = np.zeros(n_rows, dtype=np.int64), np.zeros(n_rows, dtype=bool), np.zeros(n_rows)
        active = np.arange(n_rows)
        for step in range(decoding.max_new_tokens):
            probabilities = self._next(histories)
            drawn = _draw(_decoded(self._drawable(probabilities), decoding), uniform_numbers(seeds[active], step))
            logprobs[active] += np.log(probabilities[np.arange(len(active)), drawn])
            tokens[active, step] = drawn
            lengths[active] += 1
            ended = drawn == self.vocabulary.eos
            stopped[active[ended]] = True
            active = active[~ended]
            histories = np.column_stack([histories, drawn])[~ended, 1:]
            if not len(active):
                break
        values = tokens[np.arange(decoding.max_new_tokens) < lengths[:, None]]
        return Draws(Sequences(values, np.concatenate([[0], np.cumsum(lengths)])), stopped, logprobs)

    def _drawable(self, probabilities: np.ndarray) -> np.ndarray:
        """The probabilities without those of tokens that are never drawn; not normalized."""
        if not self.never:
            return probabilities
        left = probabilities.copy()
        left[:, list(self.never)] = 0
        return left

    def _next(self, histories: np.ndarray) -> np.ndarray:
        """Distribution after each history: the unigram's, scaled once, and the few tokens each longer context adds."""
        numbers = self._context_numbers(histories)
        left = np.ones(len(histories))
        seen = list[tuple[np.ndarray, np.ndarray, np.ndarray]]()
        for length in range(len(self.levels) - 1, 0, -1):
            level, share = self.levels[length], self._probabilities[length]
            rows = np.flatnonzero(numbers[length] != ABSENT)
            known = numbers[length][rows]
            n_grams = share.begin[known + 1] - share.begin[known]
            place = _ranges(share.begin[known], n_grams)
            row, token = np.repeat(rows, n_grams), level.grams[place] % self.vocabulary.size
            seen.append((row, token, share.discounted[place] * left[row]))
            left[rows] *= share.passed_on[known]
        probabilities = left[:, None] * self._unigram
        for row, token, probability in seen:
            probabilities[row, token] += probability
        return probabilities

    def _context_numbers(self, histories: np.ndarray) -> list[np.ndarray]:
        """Number of the context of each length, from 0, that ends each history; ABSENT where it was never seen."""
        numbers = [np.zeros(len(histories), dtype=np.int64)]
        for length, level in enumerate(self.levels[1:], start=1):
            oldest = histories[:, -length]
            keys = numbers[-1] * self.vocabulary.size + oldest
            numbers.append(np.where((numbers[-1] != ABSENT) & (oldest != ABSENT), _find(level.contexts, keys), ABSENT))
        return numbers


def uniform_numbers(seeds: np.ndarray, step: int) -> np.ndarray:
    """One number in [0, 1) per seed for a step: a counter-based hash, so a row depends on no other row.

    SplitMix64's finalizer (Steele, Lea and Flood 2014) of the hashed seed plus the step's multiple of the golden ratio.
    """
    golden = np.uint64(0x9E3779B97F4A7C15)
    counter = np.uint64((step + 1) * int(golden) % 2**64)
    mixed = _mix(_mix(seeds.astype(np.uint64) + golden) + counter)
    return (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _mix(state: np.ndarray) -> np.ndarray:
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


def _decoded(probabilities: np.ndarray, decoding: DecodingSettings) -> np.ndarray:
    """Temper, then cut: top_k first, top_p among what it left, then min_p; not normalized.

    Tokens as probable as the last one kept are kept too. Equal counts are common here, and an order by token id would
    favour low ids.
    """
    if decoding.temperature == 1:
        tempered = probabilities
    else:
        tempered = (probabilities / probabilities.max(axis=1, keepdims=True)) ** (1 / decoding.temperature)
    least = decoding.min_p * tempered.max(axis=1, keepdims=True)
    if decoding.top_k or decoding.top_p < 1:
        least = np.maximum(least, _least_kept(-np.sort(-tempered, axis=1), decoding))
    return np.where(tempered >= least, tempered, 0)


def _least_kept(falling: np.ndarray, decoding: DecodingSettings) -> np.ndarray:
    """Weight of the last token that top_k and top_p keep, given each row's weights in falling order, shape `(n, 1)`."""
    last = (decoding.top_k or falling.shape[1]) - 1
    least = falling[:, min(last, falling.shape[1] - 1), None]
    if decoding.top_p == 1:
        return least
    held = np.cumsum(np.where(falling >= least, falling, 0), axis=1)
    last_held = np.argmax(held >= decoding.top_p * held[:, -1:], axis=1)
    return np.take_along_axis(falling, last_held[:, None], axis=1)


def _draw(weights: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    """Token of each row by inverting its distribution function; weights need not sum to 1."""
    cumulative = np.cumsum(weights, axis=1)
    return np.count_nonzero(cumulative <= (uniform * cumulative[:, -1])[:, None], axis=1)


def _number_contexts(histories: np.ndarray, size: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Number the contexts of each length from 0, and say which one each history ends with; ABSENT if it is shorter."""
    contexts, numbers = [np.zeros(1, dtype=np.int64)], [np.zeros(len(histories), dtype=np.int64)]
    for length in range(1, histories.shape[1] + 1):
        oldest = histories[:, -length]
        keys = np.where(oldest != ABSENT, numbers[-1] * size + oldest, ABSENT)
        known = np.unique(keys[keys != ABSENT])
        contexts.append(known)
        numbers.append(_find(known, keys))
    return contexts, numbers


def _without_oldest(level: Level, size: int) -> np.ndarray:
    """Each pair of a level, its context shortened by the oldest token."""
    shorter = level.contexts[level.grams // size] // size
    return shorter * size + level.grams % size


def _histories(vocabulary: Vocabulary, texts: Sequences, prompts: Sequences | None, n_context: int) -> np.ndarray:
    """The `n_context` tokens before every token of every text, in its document, shape `(texts.n_tokens, n_context)`."""
    before = _starts(vocabulary, len(texts)) if prompts is None else _starts(vocabulary, len(texts)).joined(prompts)
    whole = before.joined(texts)
    place = _ranges(whole.offsets[:-1] + before.lengths, texts.lengths)
    return _before(whole, place, np.repeat(whole.offsets[:-1], texts.lengths), n_context)


def _last(vocabulary: Vocabulary, contexts: Sequences, n_context: int) -> np.ndarray:
    """The last `n_context` tokens of every context, shape `(len(contexts), n_context)`."""
    whole = _starts(vocabulary, len(contexts)).joined(contexts)
    return _before(whole, whole.offsets[1:], whole.offsets[:-1], n_context)


def _starts(vocabulary: Vocabulary, n: int) -> Sequences:
    return Sequences(np.full(n, vocabulary.bos, dtype=np.int32), np.arange(n + 1))


def _before(whole: Sequences, place: np.ndarray, first: np.ndarray, n_context: int) -> np.ndarray:
    """The tokens before each place, oldest first, shape `(n, n_context)`; ABSENT before the document's first."""
    places = place[:, None] - np.arange(n_context, 0, -1)
    inside = places >= first[:, None]
    return np.where(inside, whole.values[np.where(inside, places, 0)].astype(np.int64), ABSENT)


def _probabilities(level: Level, discount: float, size: int) -> Probabilities:
    context = level.grams // size
    n_grams = np.bincount(context, minlength=len(level.contexts))
    total = np.bincount(context, level.counts, minlength=len(level.contexts))
    begin = np.concatenate([[0], np.cumsum(n_grams)])
    return Probabilities((level.counts - discount) / total[context], discount * n_grams / total, begin)


def _find(ascending: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Place of each key in an ascending array, ABSENT where it is not there."""
    if not len(ascending):
        return np.full(len(keys), ABSENT)
    place = np.minimum(np.searchsorted(ascending, keys), len(ascending) - 1)
    return np.where(ascending[place] == keys, place, ABSENT)


def _ranges(begin: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """The numbers from `begin` to `begin + length` of each range, one range after another."""
    ends = np.cumsum(lengths)
    return np.arange(ends[-1] if len(ends) else 0) + np.repeat(begin - (ends - lengths), lengths)
