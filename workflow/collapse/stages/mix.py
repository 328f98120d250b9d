"""Compose a model's training set and put it in training order, within the budget."""

import logging
import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collapse import media, strategies
from collapse.artifacts import contracts
from collapse.artifacts.contracts import Record
from collapse.artifacts.layout import inside_experiment
from collapse.config.specs import MixSpec
from collapse.errors import ContractError, EngineError
from collapse.randomness import lane, stream
from collapse.stages import Output
from collapse.strategies import Counts
from collapse.verifiers import usable

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pool:
    """Examples of one origin.

    Attributes:
        origin: `real` or `synthetic`.
        generation: Generation they are from; 0 for real.
        sources: Table that holds each, inside the experiment's folder, shape `(n,)`, str.
        ids: Their ids.
        sizes: What would be trained on of each, in the unit of outputs, shape `(n,)`.
        real_sizes: Of these, what is real: all of real examples, prompts of samples, shape `(n,)`.
    """

    origin: str
    generation: int
    sources: np.ndarray
    ids: np.ndarray
    sizes: np.ndarray
    real_sizes: np.ndarray

    def take(self, rows: np.ndarray) -> "Pool":
        """The examples at these positions."""
        of_each = (self.sources[rows], self.ids[rows], self.sizes[rows], self.real_sizes[rows])
        return Pool(self.origin, self.generation, *of_each)

    def joined(self, other: "Pool") -> "Pool":
        """With the examples of another pool of the same origin behind its own."""
        names = ("sources", "ids", "sizes", "real_sizes")
        of_each = (np.concatenate([getattr(self, name), getattr(other, name)]) for name in names)
        return Pool(self.origin, self.generation, *of_each)


def run(
    *,
    spec: MixSpec,
    strategy: str,
    seed: int,
    generation: int,
    documents: Path,
    samples: list[Path],
    verdicts: list[Path],
    mixture: Output,
    record: Record,
) -> None:
    """Select examples by the strategy and lay them out in training order, repeated until the budget is used.

    Args:
        spec: Strategy and budget.
        strategy: Strategy of the arm.
        seed: Replicate.
        generation: Generation of the model to be trained.
        documents: Real documents.
        samples: Samples of the generations that the strategy reads.
        verdicts: Their verdicts, where the strategy has verifiers.
        mixture: The training set.
        record: What the artifact is made from.

    Raises:
        EngineError: No usable sample is left, or the reserve of fresh real documents is used up.
    """
    real, reserve = (_real_pool(documents, spec, split) for split in ("train", "reserve"))
    n_offered = (spec.n_samples or len(real.ids)) * spec.sets_offered
    synthetic = dict[int, Pool]()
    for pool in _synthetic_pools(spec, samples, verdicts, n_offered):
        own = synthetic.get(pool.generation)
        synthetic[pool.generation] = own.joined(pool) if own else pool
    noise = lane(seed, spec.strategy.stream if generation else 0)
    if generation == 0:
        chosen = [real]
    else:
        _refuse_nothing(spec, {g: len(pool.ids) for g, pool in synthetic.items()}, generation)
        reserve = _labelled_real(spec, seed, _fresh_slice(spec, reserve, len(real.ids), generation))
        real = _labelled_real(spec, seed, real)
        synthetic = {g: _labelled_real(spec, seed, pool) for g, pool in synthetic.items()}
        inventory = Counts(len(real.ids), {g: len(pool.ids) for g, pool in synthetic.items()}, len(reserve.ids))
        rng = stream(noise, generation, "compose")
        selection = strategies.COMPOSE[spec.strategy.compose](spec.strategy, inventory, rng)
        _refuse_no_label(spec, selection)
        _say_what_is_missing(spec, inventory, selection, n_offered)
        chosen = _draw(selection, real, reserve, synthetic, rng)
    weights = _weights(chosen, spec, seed if generation else None)
    table = _in_training_order(chosen, weights, spec, stream(noise, generation, "shuffle"))
    arm = {"strategy": strategy, "seed": seed, "generation": generation}
    for name, value in arm.items():
        table = table.append_column(name, pa.array([value] * table.num_rows))
    n_pool = sum(len(pool.ids) for pool in chosen)
    unit = spec.form.unit
    n_trained = pc.sum(table[contracts.counted("n_tokens", unit)]).as_py()
    logger.info("%d examples of %d; %d %ss", table.num_rows, n_pool, n_trained, unit)
    if table.num_rows < n_pool and spec.budget.match != "epochs":
        logger.warning(
            "the budget ends before one pass: %d of %d examples are seen. budget.match: epochs gives whole passes, "
            "steps matches optimizer steps.",
            table.num_rows,
            n_pool,
        )
    contracts.write(mixture, contracts.MIXTURE.of(spec.form), table, record)


def _real_pool(documents: Path, spec: MixSpec, split: str) -> Pool:
    columns = ["document_id", "split", *media.columns_of_examples(spec.form)]
    table = contracts.read(documents, contracts.DOCUMENTS.of(spec.form), columns)
    table = table.filter(pc.equal(table["split"], split))
    examples = media.examples(table, spec.form)
    sizes = examples.lengths if spec.prompt_in_training else examples.outputs.sizes
    ids = table["document_id"].to_numpy()
    return Pool("real", 0, np.full(len(ids), documents.name, dtype=object), ids, sizes, sizes)


def _synthetic_pools(spec: MixSpec, samples: list[Path], verdicts: list[Path], n_offered: int) -> list[Pool]:
    by_arm = {_arm_of(path): path for path in verdicts}
    columns, pools = ["sample_id", "generation", "draw", *media.columns_of_samples(spec.form)], []
    for path in samples:
        table = contracts.read(path, contracts.SAMPLES.of(spec.form), columns)
        table = table.filter(pc.less(table["draw"], n_offered))
        generation, ids = table["generation"][0].as_py(), table["sample_id"].to_numpy()
        kept = np.ones(len(ids), dtype=bool)
        if judged := by_arm.get(_writer(path, generation, spec)):
            kept = usable(contracts.read(judged, contracts.VERDICTS), ids)
        elif spec.strategy.verifiers and _writer(path, generation, spec)[0] == spec.strategy.name:
            raise ContractError(
                f"{path}: its samples have no verdicts, which the strategy's verifiers give.\n"
                "  Run snakemake, which makes them; by hand, name the table after --verdicts."
            )
        examples = media.samples(table, spec.form)
        real_sizes = (examples.lengths - examples.outputs.sizes) * spec.prompt_in_training
        sizes = examples.outputs.sizes + real_sizes
        sources = np.full(len(ids), inside_experiment(path), dtype=object)
        pool = Pool("synthetic", generation, sources, ids, sizes, real_sizes)
        pools.append(pool.take(np.flatnonzero(kept & (sizes > 0))))
    return pools


def _writer(path: Path, generation: int, spec: MixSpec) -> tuple[str, int]:
    """Strategy and generation that a table of samples is read for; those of generation 1 are every strategy's own."""
    return (spec.strategy.name if generation == 1 else _arm_of(path)[0], generation)


def _arm_of(path: Path) -> tuple[str, int]:
    """Strategy and generation of an arm's table."""
    found = re.search(r"strategy=([a-z0-9-]+)/seed=\d+/generation=(\d+)", str(path))
    if found is None:
        raise ContractError(f"{path}: does not lie in a folder strategy=…/seed=…/generation=…, so whose is unknown.")
    return found[1], int(found[2])


def _fresh_slice(spec: MixSpec, reserve: Pool, n_real: int, generation: int) -> Pool:
    """The part of the reserve that a strategy may use at this generation."""
    rows = strategies.fresh_taken(spec.strategy, n_real, generation)
    if rows and rows[-1] >= len(reserve.ids):
        raise EngineError(
            f"strategy `{spec.strategy.name}`: generation {generation} needs fresh real documents {rows[0]} to "
            f"{rows[-1]}, but the reserve holds {len(reserve.ids)}.\n  Raise corpus.reserve_bytes."
        )
    return reserve.take(np.array(rows, dtype=np.int64))


def _labelled_real(spec: MixSpec, seed: int, pool: Pool) -> Pool:
    """The examples that labels hidden from training do not call synthetic; all, where there are none."""
    return pool.take(np.flatnonzero(strategies.kept(spec.strategy, seed, pool.ids, pool.origin == "synthetic")))


def _refuse_no_label(spec: MixSpec, selection: Counts) -> None:
    if not selection.total:
        raise EngineError(
            f"strategy `{spec.strategy.name}`: its labels call every example synthetic, so none is left to train on.\n"
            "  Lower labels.true_positive_rate or labels.false_positive_rate, or draw more samples."
        )


def _refuse_nothing(spec: MixSpec, usable: dict[int, int], generation: int) -> None:
    if usable and usable[max(usable)] == 0:
        raise EngineError(
            f"strategy `{spec.strategy.name}`: no sample of generation {generation} is usable; its verifiers "
            f"({', '.join(spec.strategy.verifiers) or 'none'}) accepted nothing.\n"
            "  Look at verdicts.parquet (python -m collapse describe), loosen the verifiers or draw more samples."
        )


def _say_what_is_missing(spec: MixSpec, inventory: Counts, selection: Counts, n_offered: int) -> None:
    """Warn where verifiers leave fewer samples of the newest generation than the training set has room for."""
    if not spec.strategy.verifiers or not inventory.synthetic:
        return
    newest, oversample = max(inventory.synthetic), spec.strategy.oversample
    offered = inventory.synthetic | {newest: n_offered}
    whole = Counts(inventory.real, offered, inventory.fresh)
    room = strategies.COMPOSE[spec.strategy.compose](spec.strategy, whole, np.random.default_rng(0)).synthetic[newest]
    passed = inventory.synthetic[newest]
    if selection.synthetic.get(newest) == passed < room:
        enough = math.ceil(oversample * room / passed)
        logger.warning(
            "of %d samples of generation %d, %d pass every verifier; there is room for %d, so %d are missing. Draw "
            "more with `oversample` (%d here; %d would do, if as many pass), or loosen the verifiers.",
            *(n_offered, newest, passed, room, room - passed, oversample, enough),
        )


def _draw(
    selection: Counts, real: Pool, reserve: Pool, synthetic: dict[int, Pool], rng: np.random.Generator
) -> list[Pool]:
    """Turn counts into examples: uniformly without replacement within each origin."""
    wanted = [(real, selection.real), (reserve, selection.fresh)]
    wanted += [(synthetic[generation], count) for generation, count in sorted(selection.synthetic.items())]
    return [
        pool if count == len(pool.ids) else pool.take(np.sort(rng.choice(len(pool.ids), count, replace=False)))
        for pool, count in wanted
        if count > 0
    ]


def _in_training_order(chosen: list[Pool], weights: np.ndarray, spec: MixSpec, rng: np.random.Generator) -> pa.Table:
    sizes, unit = np.concatenate([pool.sizes for pool in chosen]), spec.form.unit
    order, repeat = _passes(sizes, spec, rng)
    columns = {
        "position": np.arange(len(order)),
        "example_id": np.concatenate([pool.ids for pool in chosen])[order],
        "origin": np.repeat([pool.origin for pool in chosen], [len(pool.ids) for pool in chosen])[order],
        "origin_generation": np.repeat([p.generation for p in chosen], [len(p.ids) for p in chosen])[order],
        "source": np.concatenate([pool.sources for pool in chosen])[order],
        "repeat": repeat,
        "weight": weights[order],
        contracts.counted("n_tokens", unit): sizes[order],
        contracts.counted("n_real_tokens", unit): np.concatenate([pool.real_sizes for pool in chosen])[order],
        "n_pool": np.full(len(order), len(sizes), dtype=np.int32),
    }
    return pa.table({name: pa.array(values) for name, values in columns.items()})


def _weights(chosen: list[Pool], spec: MixSpec, seed: int | None) -> np.ndarray:
    """Weight of each example in the loss, shape `(n_pool,)`, float32; all 1 at generation 0, where the seed is None."""
    if seed is None:
        return np.ones(sum(len(pool.ids) for pool in chosen), dtype=np.float32)
    return np.concatenate(
        [strategies.weights(spec.strategy, seed, pool.ids, pool.origin == "synthetic") for pool in chosen]
    )


def _passes(sizes: np.ndarray, spec: MixSpec, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Examples in training order, each pass shuffled anew, until the budget is used; and how often each was seen."""
    passes, affordable = list[np.ndarray](), np.inf
    while affordable > len(passes) * len(sizes):
        passes.append(rng.permutation(len(sizes)))
        affordable = _n_affordable(sizes[np.concatenate(passes)], len(sizes), spec)
    order = np.concatenate(passes)[: max(1, int(affordable))]
    return order, np.repeat(np.arange(len(passes)), len(sizes))[: len(order)]


def _n_affordable(sizes: np.ndarray, n_different: int, spec: MixSpec) -> float:
    """How many examples, in this order, the budget pays for; infinite while it pays for all of them and more."""
    match spec.budget.match:
        case "documents":
            return round(spec.budget.amount)
        case "epochs":
            return round(spec.budget.amount * n_different)
        case "steps":
            assert spec.batch_size is not None
            batches = media.medium(spec.form.output).steps(sizes, spec.batch_size, spec.context_length)
            paid = batches[: round(spec.budget.amount)]
            return np.inf if len(paid) == len(batches) else sum(len(row) for batch in paid for row in batch)
        case "tokens" | "flops":
            budget = spec.budget.amount / (spec.flops_per_token or 1)
            n_paid = int(np.searchsorted(np.cumsum(sizes), budget, side="right"))
            return np.inf if n_paid == len(sizes) else n_paid
