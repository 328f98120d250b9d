"""Mixtures: what a model was trained on is what its strategy takes, within the budget."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collapse import media, strategies
from collapse.artifacts.contracts import counted
from collapse.config.specs import MixSpec
from collapse.questions.audit import Arm, some
from collapse.questions.audit.drawn import Documents, Samples
from collapse.randomness import lane, stream
from collapse.strategies import Counts

REAL_SOURCE = "documents.parquet"


@dataclass(frozen=True)
class Mixed:
    """A mixture and what it was composed from.

    Attributes:
        arm: Whose it is.
        spec: Strategy and budget.
        table: Rows of the MIXTURE contract.
        documents: The real documents.
        samples: Samples that the strategy reads, by the arm that they were drawn for.
        accepted: Ids of the samples that every verifier of that arm accepts; nothing of arms without verifiers.
    """

    arm: Arm
    spec: MixSpec
    table: pa.Table
    documents: Documents
    samples: Mapping[Arm, Samples]
    accepted: Mapping[Arm, pa.ChunkedArray] = field(default_factory=dict)

    @property
    def n_real(self) -> int:
        """T, the number of real training documents."""
        return len(self.documents.rows("train"))

    @property
    def n_offered(self) -> int:
        """Samples of each generation that the strategy may choose from."""
        return (self.spec.n_samples or self.n_real) * self.spec.sets_offered

    def trained_sizes(self, drawn: Arm) -> np.ndarray:
        """What would be trained on, of each sample of an arm."""
        samples = self.samples[drawn]
        return samples.sizes + samples.input_sizes * self.spec.prompt_in_training

    @property
    def real_sizes(self) -> np.ndarray:
        """What would be trained on, of each real document."""
        return self.documents.sizes + self.documents.input_sizes * self.spec.prompt_in_training

    @property
    def unit(self) -> str:
        """What sizes count."""
        return self.spec.form.unit

    @cached_property
    def sizes(self) -> np.ndarray:
        """Size of each row of the mixture, shape `(n_rows,)`."""
        return self.table[counted("n_tokens", self.unit)].to_numpy()

    def usable(self, drawn: Arm) -> np.ndarray:
        """Whether each sample of an arm was offered, accepted and has tokens."""
        samples = self.samples[drawn]
        found = (np.arange(len(samples.ids)) < self.n_offered) & (self.trained_sizes(drawn) > 0)
        if drawn in self.accepted:
            found &= pc.is_in(samples.ids, self.accepted[drawn].combine_chunks()).to_numpy()
        return found & strategies.kept(self.spec.strategy, self.arm.seed, samples.ids.to_numpy(), synthetic=True)

    @cached_property
    def train(self) -> np.ndarray:
        """Rows of the documents that may be composed as D_0: the training split, but for what labels leave out."""
        return self.labelled_real(self.documents.rows("train"))

    def labelled_real(self, rows: np.ndarray) -> np.ndarray:
        """Those of some rows of the documents that no hidden label calls synthetic."""
        if not self.arm.generation:
            return rows
        ids = self.documents.ids.take(pa.array(rows)).to_numpy()
        return rows[strategies.kept(self.spec.strategy, self.arm.seed, ids, synthetic=False)]

    @cached_property
    def fresh(self) -> np.ndarray:
        """Rows of the documents that no generation but this one may use; none unless the strategy asks for them."""
        taken = strategies.fresh_taken(self.spec.strategy, self.n_real, self.arm.generation)
        return self.labelled_real(self.documents.rows("reserve")[taken.start : taken.stop])

    @cached_property
    def selection(self) -> Counts:
        """Different examples by origin, as the strategy takes them."""
        if not self.arm.generation:
            return Counts(real=self.n_real)
        usable = dict[int, int]()
        for drawn in self.samples:
            usable[drawn.generation] = usable.get(drawn.generation, 0) + int(self.usable(drawn).sum())
        inventory = Counts(len(self.train), usable, len(self.fresh))
        rng = stream(lane(self.arm.seed, self.spec.strategy.stream), self.arm.generation, "compose")
        return strategies.COMPOSE[self.spec.strategy.compose](self.spec.strategy, inventory, rng)

    def synthetic(self, drawn: Arm) -> pa.Table:
        """Rows that are samples of one arm."""
        of_generation = pc.field("origin_generation") == drawn.generation
        others = [f"{one.samples.folder}/samples.parquet" for one in self.samples if one != drawn]
        elsewhere = pc.field("source").isin(pa.array(others, pa.string()))
        return self.table.filter((pc.field("origin") == "synthetic") & of_generation & ~elsewhere)

    @cached_property
    def whole(self) -> bool:
        """Whether the budget pays for one pass over all that the strategy takes, or more."""
        if self.spec.budget.match == "epochs":
            return self.spec.budget.amount >= 1
        return self.table.num_rows >= self.selection.total or bool(pc.any(pc.greater(self.table["repeat"], 0)).as_py())

    @property
    def real(self) -> pa.Table:
        """Rows that are real documents."""
        return self.table.filter(pc.field("origin") == "real")


def generation_faults(mixed: Mixed) -> list[str]:
    """Examples that are younger than their model, or whose generation is not that of the table they are in."""
    origins = mixed.table.group_by(["origin", "origin_generation", "source"]).aggregate([]).to_pylist()
    read = strategies.generations_read(mixed.spec.strategy, mixed.arm.generation) if mixed.arm.generation else range(0)
    faults = list[str]()
    for one in sorted(origins, key=str):
        generation, source = one["origin_generation"], one["source"]
        if one["origin"] == "real":
            right = (generation, source) == (0, REAL_SOURCE)
        else:
            names = strategies.sampled_from(mixed.spec.strategy, generation)
            arms = [mixed.arm._replace(strategy=name, generation=generation).samples for name in names]
            right = generation in read and source in [f"{arm.folder}/samples.parquet" for arm in arms]
        if not right:
            faults.append(f"generation {mixed.arm.generation} holds {one['origin']} text of {generation} from {source}")
    return faults


def lineage_faults(mixed: Mixed) -> list[str]:
    """Examples that are not in their source, or not with these counts."""
    documents = mixed.documents
    faults = _refers(mixed.real, mixed.unit, documents.ids, mixed.real_sizes, mixed.real_sizes)
    for drawn, samples in mixed.samples.items():
        prompts = samples.input_sizes * mixed.spec.prompt_in_training
        sizes = mixed.trained_sizes(drawn)
        faults += _refers(mixed.synthetic(drawn), mixed.unit, samples.ids, sizes, prompts)
    return faults


def _refers(rows: pa.Table, unit: str, ids: pa.ChunkedArray, sizes: np.ndarray, real_sizes: np.ndarray) -> list[str]:
    places = pc.index_in(rows["example_id"], ids.combine_chunks())
    if places.null_count:
        unknown = pc.unique(rows["example_id"].filter(pc.is_null(places))).to_pylist()
        return [f"{rows['source'][0]} has no {some(unknown)}"]
    found, faults = places.to_numpy(), list[str]()
    for name, counts in ((counted("n_tokens", unit), sizes), (counted("n_real_tokens", unit), real_sizes)):
        wrong = rows["example_id"].filter(pa.array(rows[name].to_numpy() != counts[found]))
        faults += [f"{name} is not that of {some(pc.unique(wrong).to_pylist())}"] if len(wrong) else []
    return faults


def splits_faults(mixed: Mixed) -> list[str]:
    """Real examples that are not there to be trained on: held out, or of another generation's reserve."""
    documents = mixed.documents
    allowed = documents.ids.take(pa.array(np.concatenate([mixed.train, mixed.fresh])))
    real = pc.unique(mixed.real["example_id"])
    known = real.filter(pc.is_in(real, documents.ids.combine_chunks()))
    wrong = known.filter(pc.invert(pc.is_in(known, allowed.combine_chunks()))).to_pylist()
    if not wrong:
        return []
    split = documents.split[pc.index_in(documents.ids, pa.array(wrong[:1])).is_valid().to_numpy()][0]
    labelled = mixed.labelled_real(documents.rows(split))
    ids = documents.ids.take(pa.array(labelled)).to_pylist()
    why = f"of the split {split}" if wrong[0] in ids else "which its label calls synthetic"
    return [f"trains on {some(wrong)}, {why}"]


def usable_faults(mixed: Mixed) -> list[str]:
    """Samples that the strategy was not offered, or that one of its verifiers, or a hidden label, refused."""
    faults = list[str]()
    for drawn, samples in mixed.samples.items():
        refused = samples.ids.filter(pa.array(~mixed.usable(drawn)))
        used = pc.unique(mixed.synthetic(drawn)["example_id"])
        wrong = used.filter(pc.is_in(used, refused.combine_chunks())).to_pylist()
        faults += [f"trains on {some(wrong)}, refused, empty or not offered"] if wrong else []
    return faults


def shares_faults(mixed: Mixed) -> list[str]:
    """Origins of which there are not as many different examples as the strategy takes."""
    expected, found = mixed.selection, _counts(mixed)
    named = [("real documents", found.real, expected.real), ("fresh real documents", found.fresh, expected.fresh)]
    for generation in sorted(found.synthetic.keys() | expected.synthetic.keys()):
        pair = (found.synthetic.get(generation, 0), expected.synthetic.get(generation, 0))
        named.append((f"samples of generation {generation}", *pair))
    takes = "takes" if mixed.whole else "takes at most"
    faults = [
        f"{mine} different {name}, but `{mixed.spec.strategy.compose}` {takes} {right}"
        for name, mine, right in named
        if (mine != right if mixed.whole else mine > right)
    ]
    n_least = min(mixed.table.num_rows, expected.total)
    few = f"{found.total} different examples in {mixed.table.num_rows} rows; there should be {n_least}"
    faults = faults or ([few] if found.total != n_least else [])
    pool = f"n_pool is not {expected.total}, all that `{mixed.spec.strategy.compose}` takes"
    return faults or ([pool] if pc.any(pc.not_equal(mixed.table["n_pool"], expected.total)).as_py() else [])


def _counts(mixed: Mixed) -> Counts:
    """Different examples of a mixture, by origin."""
    real, documents = pc.unique(mixed.real["example_id"]), mixed.documents
    reserve = documents.ids.take(pa.array(documents.rows("reserve"))).combine_chunks()
    n_fresh = pc.sum(pc.is_in(real, reserve)).as_py() or 0
    written = mixed.table.filter(pc.field("origin") == "synthetic")
    by_generation = written.group_by("origin_generation").aggregate([("example_id", "count_distinct")])
    pairs = zip(
        *(by_generation[name].to_pylist() for name in ("origin_generation", "example_id_count_distinct")), strict=True
    )
    return Counts(real=len(real) - n_fresh, fresh=n_fresh, synthetic=dict(pairs))


def weights_faults(mixed: Mixed) -> list[str]:
    """Examples that weigh another thing in the loss than those of their origin do."""
    faults = list[str]()
    for origin in ("real", "synthetic"):
        rows = mixed.table.filter(pc.field("origin") == origin)
        ids, synthetic = rows["example_id"].to_numpy(), origin == "synthetic"
        right = np.ones(len(ids), dtype=np.float32)
        if mixed.arm.generation:
            right = strategies.weights(mixed.spec.strategy, mixed.arm.seed, ids, synthetic)
        for weight in np.unique(right).tolist():
            wrong = rows["example_id"].filter(pa.array((right == weight) & (rows["weight"].to_numpy() != right)))
            faults += [f"{some(pc.unique(wrong).to_pylist())}, {origin}, should weigh {weight:g}"] if len(wrong) else []
    return faults


def passes_faults(table: pa.Table) -> list[str]:
    """Passes that leave an example out or hold one twice.

    Args:
        table: Rows of the MIXTURE contract.
    """
    position, repeat = table["position"].to_numpy(), table["repeat"].to_numpy()
    if not len(position):
        return ["it is empty"]
    if not np.array_equal(position, np.arange(len(position))):
        return [f"positions are not 0 to {len(position) - 1}"]
    n_different = pc.count_distinct(table["example_id"]).as_py()
    if not np.array_equal(repeat, position // n_different):
        return [f"`repeat` does not count passes of {n_different} different examples"]
    in_pass = table.group_by(["repeat", "example_id"]).aggregate([]).num_rows
    return [f"{table.num_rows - in_pass} examples are twice in one pass"] if in_pass != table.num_rows else []


def budget_faults(mixed: Mixed) -> list[str]:
    """More or less to train on than the budget pays for: an example, or an optimizer step, is the unit."""
    budget, n_rows = mixed.spec.budget, mixed.table.num_rows
    match budget.match:
        case "documents" | "epochs":
            passes = mixed.selection.total if budget.match == "epochs" else 1
            n_paid = max(1, round(budget.amount * passes))
            return [f"{n_rows} examples, but the budget pays for {n_paid}"] if n_rows != n_paid else []
        case "steps":
            n_steps, n_paid = n_batches(mixed.sizes, mixed.spec), max(1, round(budget.amount))
            return [f"{n_steps} optimizer steps, but the budget pays for {n_paid}"] if n_steps != n_paid else []
        case "tokens" | "flops":
            paid, used = budget.amount / (mixed.spec.flops_per_token or 1), int(mixed.sizes.sum(dtype=np.int64))
            within = paid - _longest(mixed) < used <= paid or (n_rows == 1 and used > paid)
            return [] if within else [f"{used} tokens, but the budget pays for {paid:g}, within one example"]


def _longest(mixed: Mixed) -> int:
    """Tokens of the longest example that the next place in the mixture could have gone to."""
    real = mixed.real_sizes[np.concatenate([mixed.documents.rows("train"), mixed.fresh])]
    return max(int(n.max(initial=0)) for n in (real, *(mixed.trained_sizes(drawn) for drawn in mixed.samples)))


def seen_before(table: pa.Table, documents: Documents | None, samples: Iterable[Samples]) -> np.ndarray:
    """Size of what a model sees before each example of a mixture, without learning it, shape `(n_rows,)`.

    Args:
        table: Rows of the MIXTURE contract.
        documents: The real documents.
        samples: All samples.
    """
    known = [*([documents] if documents else []), *samples]
    ids = pa.chunked_array([chunk for one in known for chunk in one.ids.chunks], pa.string())
    rows = pc.index_in(table["example_id"], ids)
    sizes = np.concatenate([one.input_sizes for one in known] or [np.zeros(0, dtype=np.int64)])
    return np.append(sizes, 0)[pc.fill_null(rows, len(sizes)).to_numpy()]


def n_batches(sizes: np.ndarray, spec: MixSpec) -> int:
    """Optimizer steps that a mixture of these lengths takes; 0 for a family that takes none.

    An example that is longer than a row counts as one that fills it: `lineage` says that it is not what its source has.
    """
    if spec.batch_size is None:
        return 0
    fitting = sizes if spec.context_length is None else np.minimum(sizes, spec.context_length)
    return len(media.medium(spec.form.output).steps(fitting, spec.batch_size, spec.context_length))
