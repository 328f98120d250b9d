"""How large a plan is, before any of it is done: jobs, rows, tokens, memory and disk of every kind of job.

An estimate from settings alone, so that what no machine can hold is refused with the setting that asks for it. It needs
no corpus: of real text there is at most what `train_bytes` says, and at most what its source holds.

* Memory is the peak of one job: interpreter and libraries, weights with gradients and moments, activations and logits
  of a batch, keys and values, tables and their tokens. For the default, `smoke.yaml`, a transformer of 23 million
  weights and an n-gram model with 200,000 samples, it was between 0.7 and 2.2 times the measured peak of every kind of
  job (`peak_memory_mb` in the provenance).
* Disk is what the jobs leave behind, models first of all, and the checkpoint of a model in training; between one and
  three times what was found.
* It takes documents for as long as most are (a few sentences, never more than `max_document_tokens`) and samples for as
  long as documents. It does not know the size of somebody else's base model and counts nothing of it; of a GPU it knows
  nothing, so with `device: gpu` no activations are counted.

So it bounds nothing strictly, and `DOUBT` lies between an estimate and a refusal.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from collapse.config.plan import Plan
from collapse.config.raters import FluencyRater, Rater
from collapse.config.settings import CorpusSettings, EigenvalueSettings, Strategy
from collapse.config.specs import CheckpointSpec
from collapse.families.size import flops_per_token, llama_hidden_width, n_parameters
from collapse.strategies import generations_read

DOUBT = 2
"""How many times too high an estimate may be: what needs less than so many times what there is, is not refused."""

MEBIBYTE = 2**20

BYTES_PER_TOKEN = 3
"""Of text. From 2.6 (1,024 tokens) to 4.5 (50,000)."""

WORD_BYTES = 7
"""Of a number that is a token, such as `+541e-2`."""

DOCUMENT_TOKENS = 400
"""Of a typical document where `max_document_tokens` does not cut it."""

SHARE_OF_LONGEST = 0.6
"""Tokens of a typical document over those of the longest."""

SOTU_BYTES = 12e6
"""All State of the Union addresses."""

WIKIPEDIA_BYTES = 6e6
"""All introductions and descriptions of the package."""

IMPORTED = {"transformer": 600 * MEBIBYTE, "vllm": 900 * MEBIBYTE, "ngram": 110 * MEBIBYTE}
"""What a job holds before it begins: interpreter and libraries."""

RATER_BYTES = 340 * MEBIBYTE
"""What fitting a rater holds before it reads its text: scikit-learn and the rest."""

SENTENCE_BYTES, RATED_BYTES = 5_000, 14
"""Of a sentence that a rater of fluency is fitted to, and of a byte of text of one that tells labels apart."""

ROW_BYTES = 800
"""Of a row of a table in memory, all its copies: ids, numbers, Python's objects."""

ROW_TOKEN_BYTES = 40
"""Of a token of such a row, and of the text it stands for."""

REQUEST_BYTES = 12_000
"""Of a row that waits in vLLM."""

ROWS_SAMPLED = {"vllm": 256, "transformers": 64, "native": 0}
"""Rows that an engine draws at once."""

ROWS_SCORED = 16
"""Packed rows that are scored at once."""

CACHE_BYTES = 2**30
"""Most that vLLM is given for keys and values, unless one row needs more."""

CELLS = 2**18
"""Probabilities that an n-gram model works out at once."""

NUMBER = 4
"""Bytes of a float32."""

COUNT_BYTES = 9
"""Of an n-gram with its count."""

WORDS_BYTES = 60
"""Of a token where texts are read as words: its characters, and its features as numbers and places."""

PAIR_BYTES = 80
"""Of a token and the one before it, where green ones are counted."""

HASHED_BYTES = 1_000
"""Of a text in the index of near duplicates, where all share bands."""

READER_BYTES = 350 * MEBIBYTE
"""Of the libraries that somebody's model reads by; its weights are not known here."""

READ_TOKEN_BYTES = 50_000
"""Of a token that it reads, as one of 768 numbers holds it."""

WORD_LOGIT_BYTES = 3 * 4 * 50_000
"""Of a token whose likelihood it says: numbers for 50,000 kinds of token, and two copies of them."""

READ_AT_ONCE = 512
"""Tokens of which it does at once, where its windows are shorter."""

VECTOR_BYTES = 4_200
"""Of a text's vector of a thousand numbers, and its name."""

BLOCK_BYTES = 16 * MEBIBYTE
"""Of the similarities of two blocks of texts, and what is found in them."""

MOST_JOBS = 100_000
"""Of one experiment. Snakemake plans about a hundred jobs a second, and holds them all."""

MOST_INPUTS = 5_000_000
"""Files that the jobs of an experiment name as inputs, each job's counted."""


def _own_budget(strategy: Strategy) -> float:
    """A strategy's budget over everybody's."""
    return strategy.training.budget_times if strategy.training else 1.0


class Factor(NamedTuple):
    """A setting that something grows with.

    Attributes:
        key: The setting.
        value: Its value.
        excess: How many times as much it makes of something as a large value that experiments have.
    """

    key: str
    value: float
    excess: float


class Part(NamedTuple):
    """Something that takes memory or disk: bytes, and the settings they grow with."""

    what: str
    n_bytes: float
    factors: tuple[Factor, ...]


@dataclass(frozen=True)
class StageSize:
    """What a kind of job takes: the largest of its jobs, where they differ.

    Attributes:
        rule: Name of the rule.
        n_jobs: How many there are.
        n_rows: Rows of its largest table.
        n_tokens: Tokens of its largest table, or those it trains on.
        memory: What it holds at its peak.
        disk: What one job leaves behind.
    """

    rule: str
    n_jobs: int
    n_rows: float
    n_tokens: float
    memory: tuple[Part, ...]
    disk: tuple[Part, ...] = ()

    @property
    def peak(self) -> float:
        """Bytes of memory of one job."""
        return sum(part.n_bytes for part in self.memory)

    @property
    def written(self) -> float:
        """Bytes on disk of all jobs."""
        return self.n_jobs * sum(part.n_bytes for part in self.disk)


def largest(parts: Iterable[Part]) -> Part:
    """The part that takes most."""
    return max(parts, key=lambda part: part.n_bytes)


def blamed(factors: Iterable[Factor]) -> Factor:
    """The setting that is furthest above what is usual."""
    return max(factors, key=lambda factor: factor.excess)


def over(key: str, value: float, large: float) -> Factor:
    """A setting that something grows in proportion to, and a large value of it."""
    return Factor(key, value, value / large)


PRETRAINING_KEYS = {
    "budget.amount": "pretraining.steps",
    "training.batch_size": "pretraining.training.batch_size",
    "corpus.train_bytes": "pretraining.corpus.train_bytes",
    "corpus.max_document_tokens": "pretraining.corpus.max_document_tokens",
}
"""Settings of the plan that makes a base model, and how the config spells them."""


def pretraining_stages(plan: Plan, text_bytes: float, is_shipped: bool) -> tuple[StageSize, ...]:
    """What making the base model takes.

    Args:
        plan: The plan that makes it (`Plan.pretraining_plan`).
        text_bytes: Real text that its source holds, where that is known.
        is_shipped: Whether the model comes with the project, so that only its documents are made.
    """
    loop = Loop(plan, text_bytes, PRETRAINING_KEYS)
    trained = () if is_shipped else (loop.mix(1), loop.train(1), loop.evaluate(1))
    return tuple(
        StageSize(f"pretraining_{one.rule}", 1, one.n_rows, one.n_tokens, one.memory, one.disk)
        for one in (loop.corpus(), *trained)
    )


def n_jobs(plan: Plan) -> int:
    """Jobs of the loop, those of the report left out: five for every strategy, seed and generation."""
    return 5 * len(plan.strategies) * len(plan.seeds) * plan.generations


def n_inputs(plan: Plan) -> int:
    """Samples that these jobs name: to mix and to train, strategies read those of earlier generations."""
    read = sum(
        len(generations_read(one, g)) * (1 + len(one.pool))
        for one in plan.strategies
        for g in range(1, plan.generations + 1)
    )
    return 2 * len(plan.seeds) * read


@dataclass(frozen=True)
class Loop:
    """A plan's quantities.

    Attributes:
        plan: The plan.
        text_bytes: Real text that its source holds.
        names: Settings that the config spells otherwise.
    """

    plan: Plan
    text_bytes: float = math.inf
    names: Mapping[str, str] = field(default_factory=dict)

    def named(self, key: str) -> str:
        """A setting's name in the config."""
        return self.names.get(key, key)

    # --- text -------------------------------------------------------------------------------------------------------

    @cached_property
    def document_tokens(self) -> float:
        """Of a typical document."""
        corpus = self.plan.corpus
        if corpus.source == "grammar" and corpus.grammar:
            return max(2, SHARE_OF_LONGEST * corpus.grammar.longest_document / BYTES_PER_TOKEN)
        return min(DOCUMENT_TOKENS, SHARE_OF_LONGEST * corpus.max_document_tokens)

    @cached_property
    def real_bytes(self) -> float:
        """Of real training text, at most."""
        corpus = self.plan.corpus
        here = min(self.text_bytes, corpus.file.max_bytes)
        known = {"sotu": SOTU_BYTES, "wikipedia": WIKIPEDIA_BYTES, "file": here}
        if corpus.source == "grammar" and corpus.grammar:
            trained_on = 1 - corpus.test_fraction - corpus.validation_fraction
            known["grammar"] = trained_on * corpus.grammar.draws * self.document_tokens * BYTES_PER_TOKEN
        return min(corpus.train_bytes, self.text_bytes, known.get(corpus.source, math.inf))

    @cached_property
    def source_bytes(self) -> float:
        """Of all that is read before it is split; never less than what is trained on."""
        corpus = self.plan.corpus
        held_out = corpus.validation_bytes + corpus.test_bytes + corpus.reserve_bytes
        found = {"sotu": SOTU_BYTES, "wikipedia": WIKIPEDIA_BYTES, "file": self.text_bytes}
        if (asked := self._words_asked) is not None:
            found["eigenvalues"] = asked.examples * self.document_bytes
        known = found.get(corpus.source, math.inf)
        return known if math.isfinite(known) else self.real_bytes + min(held_out, self.real_bytes)

    @cached_property
    def real_rows(self) -> float:
        """Real training documents."""
        return max(1, min(self.real_bytes / self.document_bytes, self._chosen_rows))

    @property
    def _chosen_rows(self) -> float:
        """Training documents where so many of each label are chosen, and each is kept whole or cut to its beginning."""
        corpus = self.plan.corpus
        if not (isinstance(corpus, CorpusSettings) and corpus.balance and corpus.long_texts == "beginning"):
            return math.inf
        n_labels = len(corpus.balance.labels) if corpus.balance.labels else math.inf
        return n_labels * corpus.balance.per_label * (1 - corpus.test_fraction - corpus.validation_fraction)

    @property
    def _words_asked(self) -> EigenvalueSettings | None:
        """Matrices whose numbers are a token each, so that there are fewer and longer tokens than of other text."""
        asked = self.plan.corpus.eigenvalues if self.plan.corpus.source == "eigenvalues" else None
        return asked if asked is not None and asked.n_words else None

    @cached_property
    def document_bytes(self) -> float:
        """Of a typical document, what it answers included where numbers are a token each."""
        if (asked := self._words_asked) is None:
            return BYTES_PER_TOKEN * self.document_tokens
        return (WORD_BYTES + 1) * asked.rows + WORD_BYTES * asked.rows * (asked.rows + 1) / 2

    @cached_property
    def text(self) -> tuple[Factor, ...]:
        """What decides how much real text there is."""
        if self.plan.corpus.source == "grammar" and self.plan.corpus.grammar:
            return (over("corpus.grammar.draws", self.plan.corpus.grammar.draws, 100_000),)
        if self.plan.corpus.source == "sotu":
            return (over(self.named("corpus.sotu"), 1, 1),)
        return (over(self.named("corpus.train_bytes"), self.plan.corpus.train_bytes, 1e8),)

    # --- samples ----------------------------------------------------------------------------------------------------

    @cached_property
    def set_rows(self) -> float:
        """Samples of one set, the size of a training set."""
        return self.plan.generate.n_samples or self.real_rows

    @property
    def n_blocks(self) -> int:
        """Of a document, where each is continued; of the others, one."""
        if self.plan.prompt.source != "real_blocks":
            return 1
        return math.ceil(self.plan.corpus.max_document_tokens / self.plan.prompt.n_tokens)

    @cached_property
    def sample_tokens(self) -> float:
        """Of a sample and its prompt."""
        if self.plan.prompt.source == "real_blocks":
            return self.n_blocks * self.plan.decoding.max_new_tokens
        return self.plan.prompt.n_tokens + min(self.plan.decoding.max_new_tokens, self.document_tokens)

    @cached_property
    def greediest(self) -> tuple[int, Strategy]:
        """The strategy that asks for the largest table of samples, and its place in the list."""
        return max(enumerate(self.plan.strategies), key=lambda one: one[1].sets_offered(self.plan.generations))

    @cached_property
    def drawn_rows(self) -> float:
        """Rows of the largest table of samples."""
        return self.set_rows * self.greediest[1].sets_offered(self.plan.generations)

    @cached_property
    def sets(self) -> tuple[Factor, ...]:
        """What decides how many samples there are."""
        index, strategy = self.greediest
        found = [over(f"strategies[{index}].oversample", strategy.oversample, 4)]
        found += [over(f"strategies[{index}].times", strategy.times, 4)] if strategy.times > 1 else []
        if strategy.compose == "replace_multiple":
            found.append(over("generations", self.plan.generations, 20))
        given = self.plan.generate.n_samples
        return (*found, *((over("generate.n_samples", given, 100_000),) if given else self.text))

    @cached_property
    def pool(self) -> tuple[float, tuple[Factor, ...]]:
        """Samples that a strategy chooses from at most, and why."""
        found = [(0.0, self.text)]
        for index, one in enumerate(self.plan.strategies):
            n_read = len(generations_read(one, self.plan.generations)) * (1 + len(one.pool))
            sets = one.sets_offered(self.plan.generations) * n_read
            why = (over(f"strategies[{index}].oversample", one.oversample, 4), over("generations", n_read, 20))
            why += (over(f"strategies[{index}].times", one.times, 4),) if one.times > 1 else ()
            found.append((sets * self.set_rows, (*why, *self.sets[-1:])))
        return max(found, key=lambda one: one[0])

    @cached_property
    def growth(self) -> float:
        """Examples of the largest training set over real documents; no strategy takes more of a generation."""
        return max((self._sets(one, self.plan.generations) for one in self.plan.strategies), default=1)

    def _sets(self, one: Strategy, generation: int) -> float:
        """Examples of a strategy's training set of a generation over real documents."""
        last = generation + 1
        grown = {"accumulate": last, "replace_multiple": last, "preserve": 2, "fresh_real": 2, "feedback": 2 * last}
        return min(one.window or grown.get(one.compose, 1), last) * one.times

    # --- training ---------------------------------------------------------------------------------------------------

    @cached_property
    def paid(self) -> float:
        """Real documents that the budget pays for, repeats counted."""
        match self.plan.budget.match:
            case "epochs":
                return self.plan.budget.amount * self.real_rows
            case "documents":
                return self.plan.budget.amount
            case _:
                return self._budgeted_tokens / self.document_tokens

    @property
    def passes(self) -> float:
        """About how often a model goes through as much as the real training text."""
        return self.generosity * self.paid / self.real_rows

    @property
    def generosity(self) -> float:
        """Largest budget of a strategy over everybody's."""
        return max([1.0, *map(_own_budget, self.plan.strategies)])

    @cached_property
    def trained(self) -> tuple[float, float]:
        """Examples and tokens that a model trains on at most."""
        last = self.plan.generations
        rows = max([max(1, self.paid), *(self.rows_trained(one, last) for one in self.plan.strategies)])
        return rows, rows * self.document_tokens

    def rows_trained(self, one: Strategy, generation: int) -> float:
        """Examples that a strategy's model of a generation trains on, repeats counted."""
        sets = self._sets(one, generation) if self.plan.budget.match == "epochs" else 1
        return max(1, self.paid * _own_budget(one) * sets)

    @property
    def _budgeted_tokens(self) -> float:
        """The budget in tokens; rows of a batch are taken for full."""
        amount, shape = self.plan.budget.amount, self.plan.transformer
        match self.plan.budget.match:
            case "steps":
                return amount * self.plan.training.batch_size * shape.context_length
            case "flops":
                return amount / flops_per_token(shape, self.plan.tokenizer.vocabulary_size)
            case _:
                return amount

    @cached_property
    def spent(self) -> tuple[Factor, ...]:
        """What decides how much a model trains on, the size of its pool aside."""
        key, amount = self.named("budget.amount"), self.plan.budget.amount
        if self.plan.budget.match == "steps":
            return over(key, amount, 100_000), self.batch, self.context
        return (Factor(key, amount, self.passes / 20),)

    @cached_property
    def n_weights(self) -> float:
        """Of a model whose shape is known here."""
        if self.plan.family != "transformer" or not self.plan.transformer.made_here:
            return 0
        return n_parameters(self.plan.transformer, self.plan.tokenizer.vocabulary_size)

    @property
    def vocabulary(self) -> Factor:
        """Token types, as many as are asked for."""
        return over("tokenizer.vocabulary_size", self.plan.tokenizer.vocabulary_size, 50_000)

    @property
    def batch(self) -> Factor:
        """Packed rows of an optimizer step."""
        return over(self.named("training.batch_size"), self.plan.training.batch_size, 256)

    @property
    def context(self) -> Factor:
        """Tokens of a packed row."""
        return over("transformer.context_length", self.plan.transformer.context_length, 4_096)

    @property
    def depth(self) -> tuple[Factor, Factor]:
        """What decides the size of what flows through the network."""
        shape = self.plan.transformer
        return over("transformer.n_layers", shape.n_layers, 12), over("transformer.width", shape.width, 768)

    @cached_property
    def shape(self) -> tuple[Factor, ...]:
        """What decides the number of weights."""
        shape = self.plan.transformer
        width = Factor("transformer.width", shape.width, (shape.width / 768) ** 2)
        return (self.depth[0], width, self.vocabulary)

    @cached_property
    def imported(self) -> Part:
        """What a job holds before it begins."""
        return Part("libraries", IMPORTED[self.plan.family], ())

    def table(self, rows: float, tokens: float, factors: tuple[Factor, ...]) -> Part:
        """A table in memory."""
        return Part("rows", rows * ROW_BYTES + rows * tokens * ROW_TOKEN_BYTES, factors)

    def weights(self, copies: float) -> Part:
        """So many numbers for every weight; of an n-gram model, what was counted of its training set."""
        if self.plan.family == "transformer":
            return Part("weights", copies * NUMBER * self.n_weights, self.shape)
        order = over("ngram.order", self.plan.ngram.order, 4)
        counted = order.value * min(self.trained[1], self.growth * self.real_rows * self.document_tokens)
        return Part("n-grams", COUNT_BYTES * copies * counted, (order, *self.spent, *self.text))

    @property
    def sets_or_text(self) -> tuple[Factor, ...]:
        """What decides the size of a training set."""
        return self.sets if self.plan.strategies else self.text

    def activations(self, rows: float, length: float, is_training: bool, by: tuple[Factor, ...]) -> list[Part]:
        """What a pass through the network holds: of every layer where gradients are wanted, else of one."""
        if self.plan.family != "transformer" or self.plan.device == "gpu":
            return []
        shape, tokens = self.plan.transformer, rows * length
        wide = 14 * shape.width + 6 * llama_hidden_width(shape.width) if shape.made_here else 0
        heads = shape.n_heads * length * (4 if is_training else 2) if shape.made_here else 0
        layers = shape.n_layers if is_training else 1
        logits = 14 if is_training else 12
        return [
            Part("activations", NUMBER * tokens * (layers * (wide + heads) + 16), (*by, *self.depth)),
            Part("logits", logits * tokens * self.vocabulary.value, (*by, self.vocabulary)),
        ]

    # --- stages -----------------------------------------------------------------------------------------------------

    @property
    def arms(self) -> int:
        """Strategies, times seeds, times generations."""
        return len(self.plan.strategies) * len(self.plan.seeds) * self.plan.generations

    @property
    def repeats(self) -> tuple[Factor, ...]:
        """What decides how many arms there are."""
        counts = (("strategies", len(self.plan.strategies)), ("seeds", len(self.plan.seeds)))
        return (*(over(key, n, 10) for key, n in counts), over("generations", self.plan.generations, 20))

    def stages(self) -> tuple[StageSize, ...]:
        """Every kind of job that reads text, samples or a model."""
        n_models = self.arms + len(self.plan.seeds)
        steps: tuple[Callable[[int], StageSize], ...] = (self.mix, self.train, self.evaluate)
        sampled = (self.generate(self.arms), self.verify(self.arms))
        looked_into = (self.internals(n_models),) if self.plan.internals and self.plan.strategies else ()
        rated = (self.rater(),) if self.plan.raters and self.plan.strategies else ()
        return (self.corpus(), self.references(), *rated, *sampled, *(step(n_models) for step in steps), *looked_into)

    def internals(self, n_jobs: int) -> StageSize:
        """Reads held-out text by two models and holds what each of their layers puts out."""
        assert self.plan.internals is not None
        tokens, shape = self.plan.internals.tokens, self.plan.transformer
        read = over("internals.tokens", tokens, 4_000)
        held = 4 * NUMBER * tokens * shape.n_layers * shape.width + 24 * tokens * shape.width
        length = over(self.named("corpus.max_document_tokens"), self.plan.corpus.max_document_tokens, 4_096)
        memory = (
            self.imported,
            self.weights(4),
            Part("what layers put out", held if shape.made_here else 0, (read, *self.depth)),
            *self.activations(ROWS_SCORED, length.value, False, (length,)),
        )
        n_rows = 2 * shape.n_layers * shape.width
        return StageSize("internals", n_jobs, n_rows, tokens, memory, (Part("neurons", 12 * n_rows, self.repeats),))

    def rater(self) -> StageSize:
        """Fits the largest rater: words and pairs of words of all its text, or sentences spoilt in three ways."""
        parts = [part for name, rater in self.plan.raters.items() for part in self._fitted(name, rater)]
        memory = (Part("libraries", RATER_BYTES, ()), max(parts, key=lambda part: part.n_bytes))
        return StageSize("rater", len(self.plan.raters), 0, 0, memory)

    @staticmethod
    def _fitted(name: str, rater: Rater) -> list[Part]:
        where, corpus = f"raters.{name}", rater.corpus
        if isinstance(rater, FluencyRater):
            by = over(f"{where}.sentences", rater.sentences, 10_000)
            return [Part("sentences", SENTENCE_BYTES * rater.sentences, (by,))]
        n_bytes = SOTU_BYTES if corpus is None or corpus.file is None else corpus.file.max_bytes
        read = over(f"{where}.corpus.file.max_bytes", n_bytes, 1e8)
        return [Part("words", RATED_BYTES * n_bytes, (read,))]

    def corpus(self) -> StageSize:
        """Reads and splits the text, and trains the tokenizer."""
        tokens = self.source_bytes / BYTES_PER_TOKEN
        rows = self.source_bytes / self.document_bytes
        read = self.text
        if math.isfinite(self.text_bytes):
            read = (*read, over("corpus.file (its bytes)", self.text_bytes, 1e8))
        held = Part("text", 6 * self.source_bytes + 40 * self.real_bytes + rows * ROW_BYTES, read)
        vocabulary = Part("vocabulary", 300 * self.vocabulary.value, (self.vocabulary,))
        return StageSize("corpus", 1, rows, tokens, (Part("libraries", IMPORTED["ngram"], ()), held, vocabulary))

    def references(self) -> StageSize:
        """Counts n-grams of the real text."""
        tokens = self.real_bytes / BYTES_PER_TOKEN
        counted = Part("n-grams", 150 * tokens + self.real_rows * ROW_BYTES, self.text)
        return StageSize("references", 1, self.real_rows, tokens, (Part("libraries", IMPORTED["ngram"], ()), counted))

    def generate(self, n_jobs: int) -> StageSize:
        """Draws the samples."""
        rows, tokens = self.drawn_rows, self.drawn_rows * self.sample_tokens
        tables = 2 if self.plan.prompt.source == "previous_sample" else 1
        table = self.table(tables * rows, self.sample_tokens, self.sets)
        memory = [self.imported, self.weights(2), table, *self._sampler()]
        if self.plan.generate.engine == "vllm":
            memory[0] = Part("libraries", IMPORTED["vllm"], ())
        kept = Part("samples", 40 * rows + 3 * tokens, (*self.sets, *self.repeats))
        return StageSize("generate", n_jobs, rows, tokens, tuple(memory), (kept,))

    def _sampler(self) -> list[Part]:
        """What an engine holds while it draws."""
        decoding, shape, n_tokens = self.plan.decoding, self.plan.transformer, self.vocabulary.value
        if self.plan.generate.engine == "native":
            rows, new = max(1, CELLS / n_tokens), over("decoding.max_new_tokens", decoding.max_new_tokens, 2_000)
            return [
                Part("a block of samples", rows * new.value * NUMBER, (new,)),
                Part("probabilities", 4 * rows * n_tokens * 8, (self.vocabulary,)),
            ]
        beams = over("decoding.n_beams", decoding.n_beams, 16)
        rows = min(ROWS_SAMPLED[self.plan.generate.engine], self.drawn_rows) * beams.value
        per_row = 2 * shape.n_layers * shape.width * NUMBER * shape.context_length if shape.made_here else 0
        cache = rows * per_row
        if self.plan.generate.engine == "vllm":
            cache = max(per_row, min(ROWS_SAMPLED["vllm"] * per_row, CACHE_BYTES))
        chunk = over("generate.chunk_rows", self.plan.generate.chunk_rows, 10_000)
        waiting = min(self.plan.generate.chunk_rows, self.drawn_rows)
        marked = 8 if decoding.watermark else 0
        return [
            Part("logits", (16 + marked) * rows * n_tokens, (self.vocabulary, beams)),
            Part("keys and values", 1.5 * cache, (self.context, beams, *self.depth)),
            Part("requests", REQUEST_BYTES * waiting, (chunk, *self.sets)),
        ]

    def verify(self, n_jobs: int) -> StageSize:
        """Judges the samples."""
        chain = max((len(one.verifiers) for one in self.plan.strategies), default=0)
        judged = Part("verdicts", 200 * chain * self.drawn_rows, self.sets)
        table = self.table(self.drawn_rows, self.sample_tokens, self.sets)
        memory = (self.imported, table, judged, self.weights(2), *self._scored(), *self._compared())
        kept = Part("verdicts", 12 * chain * self.drawn_rows, (*self.sets, *self.repeats))
        return StageSize("verify", n_jobs, chain * self.drawn_rows, 0, memory, (kept,))

    def _compared(self) -> list[Part]:
        """What verifiers hold of samples and of real text beside their tables: words, hashes, features."""
        verified = [strategy.name for strategy in self.plan.strategies if strategy.verifiers]
        chosen = [one for name in verified for one in self.plan.verify_spec(name, 1).verifiers.values()]
        texts, parts = self.drawn_rows + self.real_rows, list[Part]()
        if any(verifier.reads_words for verifier in chosen):
            parts.append(Part("words", WORDS_BYTES * self.sample_tokens * texts, self.sets))
        if any(verifier.kind == "near_duplicates" for verifier in chosen):
            parts.append(Part("hashes", HASHED_BYTES * texts, self.sets))
        if any(verifier.kind == "semantic_duplicates" for verifier in chosen):
            parts.append(Part("vectors", BLOCK_BYTES + VECTOR_BYTES * texts, self.sets))
        if any(verifier.reads_watermark for verifier in chosen):
            parts.append(Part("pairs of tokens", PAIR_BYTES * self.sample_tokens * self.drawn_rows, self.sets))
        asked = {f"rater-{name}" for one in verified for name in self.plan.verify_spec(one, 1).raters}
        read = [one for one in self.plan.checkpoints if one in asked or one.startswith("verifier-")]
        return [*parts, *self._read(read)]

    def _read(self, checkpoints: list[str]) -> list[Part]:
        """What a job holds that reads texts by somebody's models: that of the longest windows."""
        specs = [self.plan.checkpoint_spec(reader) for reader in checkpoints]
        if not specs:
            return []
        longest = max(specs, key=lambda spec: spec.window_tokens)
        window = over(f"{longest.section}.window_tokens", longest.window_tokens, 512)
        passing = Part("a batch of windows", ROWS_SCORED * window.value * READ_TOKEN_BYTES, (window,))
        return [Part("libraries", READER_BYTES, ()), passing, *self._said(specs)]

    @staticmethod
    def _said(specs: list[CheckpointSpec]) -> list[Part]:
        """Logits of somebody's models that say how likely texts are: those of the longest windows."""
        writing = [spec for spec in specs if spec.writes]
        if not writing:
            return []
        longest = max(writing, key=lambda spec: spec.window_tokens)
        window = over(f"{longest.section}.window_tokens", longest.window_tokens, 512)
        return [Part("logits", max(READ_AT_ONCE, window.value) * WORD_LOGIT_BYTES, (window,))]

    def mix(self, n_jobs: int) -> StageSize:
        """Composes the training set."""
        rows, tokens = self.trained
        pool, why = self.pool
        memory = (
            self.imported,
            Part("pool", (self.real_rows + pool) * ROW_BYTES, why),
            Part("training order", rows * ROW_BYTES / 2, self.spent),
        )
        kept = Part("mixture", 30 * rows, (*self.spent, *self.repeats))
        return StageSize("mix", n_jobs, rows, tokens, memory, (kept,))

    def train(self, n_jobs: int) -> StageSize:
        """Fits the model: its weights, their gradients, two moments, and a copy while it is loaded or saved."""
        rows, tokens = self.trained
        pool, why = self.pool
        batch, by = self.batch, (self.batch, self.context)
        memory = [self.imported, self.weights(5), Part("tokens", 30 * tokens + 300 * rows, self.spent)]
        memory += [self.table((self.real_rows + pool) / 2, self.sample_tokens, why)]
        if self.plan.family == "transformer":
            rows_held = 100 * batch.value + 32 * batch.value * self.context.value
            memory += [Part("a batch", rows_held, by), *self.activations(batch.value, self.context.value, True, by)]
        saved = self.weights(1)
        kept = Part(saved.what, saved.n_bytes * (1 + 2 / n_jobs), (*saved.factors, *self.repeats))
        return StageSize("train", n_jobs, rows, tokens, tuple(memory), (kept, Part("logs", 60_000, self.repeats)))

    def evaluate(self, n_jobs: int) -> StageSize:
        """Scores held-out text and samples by two models, and measures diversity."""
        corpus, settings = self.plan.corpus, self.plan.evaluation
        tested = min(corpus.test_bytes, self.source_bytes) / BYTES_PER_TOKEN
        rows = (self.drawn_rows if self.plan.strategies else 0) + tested / self.document_tokens
        measured = min(settings.diversity_tokens, rows * self.sample_tokens)
        compared = min(settings.self_bleu_samples, rows) * self.sample_tokens
        diverse = over("evaluation.diversity_tokens", settings.diversity_tokens, 1e6)
        bleu = over("evaluation.self_bleu_samples", settings.self_bleu_samples, 10_000)
        memory = (
            self.imported,
            self.weights(3),
            self.table(2 * rows, self.sample_tokens, self.sets_or_text),
            Part("n-grams", 100 * measured, (diverse,)),
            Part("n-grams", 100 * compared, (bleu,)),
            *self._scored(),
            *self._read([reader for reader in self.plan.checkpoints if reader.startswith("rater-")]),
        )
        kept = Part("losses", 25 * rows, (*self.sets_or_text, *self.repeats))
        return StageSize("evaluate", n_jobs, rows, rows * self.sample_tokens, memory, (kept,))

    def _scored(self) -> list[Part]:
        """What scoring a batch of texts holds; the longest is a row's length."""
        written = self.plan.prompt.n_tokens + self.n_blocks * self.plan.decoding.max_new_tokens
        lengths = (
            over(self.named("corpus.max_document_tokens"), self.plan.corpus.max_document_tokens, 4_096),
            over("decoding.max_new_tokens", written, 4_096),
        )
        longest = blamed(lengths)
        return self.activations(ROWS_SCORED, longest.value, False, (longest,))
