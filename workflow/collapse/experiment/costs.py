"""What a plan's models cost in CPU time, before any of them is made.

Two ways of knowing. What this experiment's own jobs cost when they ran (`provenance/`), by the token, is best. Else, on
a CPU, a transformer whose shape is known costs operations for every token it learns, writes or reads; their rates were
measured on two cores of an EPYC with bfloat16 (Zen 4), so elsewhere they are right within a factor of two or three. Of
other families, of somebody else's weights and of GPUs nothing is known before a run.

Beside 450 jobs of five experiments on that machine, what was reckoned of a rule was between .5 and 1.4 times what it
took; the base model's and raters' reading of samples is not counted.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from collapse.artifacts import layout
from collapse.config.specs import REAL
from collapse.experiment.sizes import BYTES_PER_TOKEN, Loop

Arm = tuple[str, int, int]
"""Strategy, seed, generation."""

TRAINED = 7.0e10
"""Operations of training (6 a weight and token) in a CPU second, in bfloat16, padding paid for."""

READ = 6.0e10
"""Operations of reading (2 a weight and token) in a CPU second, in float32."""

WRITTEN = 3.0e10
"""The same of sampling, in float32."""

TOKEN_WRITTEN = 2.2e-5
"""CPU seconds that an engine takes for a token, whatever the model."""

OPENED = {"vllm": 1.3, "transformers": 5.0}
"""CPU seconds before an engine's first token; the other engine imports for longer."""

FLOAT32 = 2.0
"""How many times as long training takes in float32."""

LOADED, MIXED, JUDGED = 0.3, 0.06, 0.3
"""CPU seconds of opening a model, of composing a training set, and of verifiers that read without a model."""

STARTING, SENDING = 15.0, 0.15
"""CPU seconds of Snakemake, of the process that jobs are forked from and of the report; and of Snakemake for a job."""

RULES = ("generate", "verify", "mix", "train", "evaluate")
"""Of a generation, in the order in which its jobs wait for one another."""


@dataclass(frozen=True)
class Step:
    """A job of the loop.

    Attributes:
        rule: Its rule.
        arm: Strategy, seed and generation.
        tokens: That it learns, writes or reads, about.
        seconds: CPU seconds; None where nothing is known of them.
        is_measured: Whether such jobs have run, and told.
    """

    rule: str
    arm: Arm
    tokens: float
    seconds: float | None
    is_measured: bool = False


def steps(loop: Loop, took: Mapping[tuple[str, Arm], float]) -> list[Step]:
    """Every job of the loop, generation by generation.

    Args:
        loop: The plan's quantities.
        took: CPU seconds that jobs of this experiment took when they ran, by rule and arm.
    """
    planned = list(_planned(loop))
    rates = dict[str, float]()
    for rule in RULES:
        ran = [step for step in planned if step.rule == rule and (rule, step.arm) in took]
        if ran:
            rates[rule] = sum(took[rule, step.arm] for step in ran) / sum(step.tokens for step in ran)
    return [
        replace(step, seconds=rates[step.rule] * step.tokens, is_measured=True) if step.rule in rates else step
        for step in planned
    ]


def _planned(loop: Loop) -> Iterator[Step]:
    """The jobs, as they are reckoned."""
    plan = loop.plan.collect_spec()
    for name, seed, generation in layout.arms_with_samples(plan):
        drawn = loop.plan.sets_drawn(name, generation) * loop.set_rows * loop.sample_tokens
        yield Step("generate", (name, seed, generation), drawn, _generating(loop, drawn))
    for name, seed, generation in layout.arms(plan):
        arm, strategy = (name, seed, generation), loop.plan.strategy(name)
        offered = strategy.sets_offered(generation) * loop.set_rows * loop.sample_tokens if generation else 0
        if strategy.verifiers and generation:
            read = offered + loop.real_bytes / BYTES_PER_TOKEN
            yield Step("verify", arm, read, _verifying(loop, name, generation, read))
        trained = loop.rows_trained(strategy, generation) * loop.document_tokens
        yield Step("mix", arm, trained, MIXED)
        yield Step("train", arm, trained, _training(loop, trained))
        read = loop.plan.corpus.test_bytes / BYTES_PER_TOKEN + offered
        yield Step("evaluate", arm, read, _reading(loop, read))


def _training(loop: Loop, tokens: float) -> float | None:
    slower = 1.0 if loop.plan.transformer.precision == "bfloat16" else FLOAT32
    return _of_weights(loop, slower * 6 * tokens / TRAINED)


def _reading(loop: Loop, tokens: float) -> float | None:
    return _of_weights(loop, 2 * tokens / READ)


def _generating(loop: Loop, tokens: float) -> float | None:
    opened = OPENED.get(loop.plan.generate.engine)
    found = _of_weights(loop, 2 * tokens / WRITTEN)
    return None if found is None or opened is None else opened + TOKEN_WRITTEN * tokens + found


def _verifying(loop: Loop, strategy: str, generation: int, tokens: float) -> float | None:
    """Verifiers that read with a model; others take next to nothing, but for those that ask somebody's model."""
    chain = loop.plan.verify_spec(strategy, generation).verifiers.values()
    if any(verifier.reads_checkpoint or verifier.rater_asked for verifier in chain):
        return None
    reads = any(verifier.reads_generation_0 or verifier.reads_base_model for verifier in chain)
    return _reading(loop, tokens) if reads else JUDGED


def _of_weights(loop: Loop, seconds_per_weight: float) -> float | None:
    """CPU seconds of something done with every weight for every token; None for what is no transformer, for weights
    whose number is not known, and on a GPU.
    """
    known = loop.plan.family == "transformer" and loop.n_weights > 0 and loop.plan.device == "cpu"
    return LOADED + seconds_per_weight * loop.n_weights if known else None


def longest_chain(found: list[Step]) -> float:
    """CPU seconds of the jobs that wait for one another, in the strategy and seed where they take longest; steps of
    which nothing is known count as none.
    """
    own, shared = defaultdict[tuple[str, int], float](float), defaultdict[int, float](float)
    for step in found:
        name, seed, generation = step.arm
        if step.rule == "evaluate" or step.seconds is None:
            continue
        if name == REAL and (generation == 0 or (generation == 1 and step.rule == "generate")):
            shared[seed] += step.seconds
        else:
            own[name, seed] += step.seconds
    return max((seconds + shared[seed] for (_, seed), seconds in own.items()), default=max(shared.values(), default=0))
