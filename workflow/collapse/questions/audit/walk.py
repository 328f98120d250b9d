"""The way through an experiment: which checks which artifacts get, generation by generation."""

import re
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from collapse import media
from collapse.artifacts import contracts, layout
from collapse.artifacts.contracts import DOCUMENTS, POINTS, THEORY
from collapse.artifacts.lineage import CARDS, ModelCard
from collapse.config.specs import (
    REAL,
    AuditSpec,
    CollectSpec,
    CorpusSpec,
    EvaluateSpec,
    GenerateSpec,
    MixSpec,
    TrainSpec,
)
from collapse.errors import ContractError
from collapse.metrics.provenance import ancestry
from collapse.questions.audit import Arm, collected, corpus, drawn, mixed, tables, trained
from collapse.questions.audit.drawn import Documents, Samples
from collapse.questions.audit.mixed import Mixed
from collapse.questions.audit.shelf import Read, Shelf, contract_of
from collapse.running import files
from collapse.strategies import generations_read, sampled_from

OF_LOOP = ("documents.parquet", "references.parquet")
ENCODINGS = ("tokenizer/tokenizer.json", "encoding.json")
"""One of these says how values are written."""

OF_ALL = ("metrics.parquet", "ancestry.parquet", "theory.parquet", "points.parquet")
OF_WORLD = ("metrics.parquet", "theory.parquet", "points.parquet")
SIMULATED = {"theory.parquet": THEORY, "points.parquet": POINTS}
OPTIONAL = (
    "truth.parquet",
    "base_model/base_model.json",
    "contrasts.parquet",
    "neurons.parquet",
    "neuron_counts.parquet",
    "stopping.parquet",
    "claims.parquet",
)
AFTERWARDS = ("audit.parquet", "report.html")
"""Written after the workflow's audit, so that only a later one can look at them."""


@dataclass
class Walk:
    """What has been seen of an experiment so far, as far as later checks ask for it."""

    shelf: Shelf
    documents: Documents | None = None
    samples: dict[Arm, Samples] = field(default_factory=dict)
    edited: dict[Arm, pa.Table] = field(default_factory=dict)
    accepted: dict[Arm, pa.ChunkedArray] = field(default_factory=dict)
    verifiers: dict[Arm, tuple[str, ...]] = field(default_factory=dict)
    cards: dict[Arm, ModelCard] = field(default_factory=dict)
    ancestries: list[pa.Table] = field(default_factory=list)
    metrics: list[pa.Table] = field(default_factory=list)


def audited(folder: Path, spec: AuditSpec) -> Shelf:
    """Check every artifact that an experiment has.

    Args:
        folder: Its folder.
        spec: Its arms, worlds and other artifacts.

    Returns:
        What was found, in the order of artifact and check, and the digests of all files looked at.
    """
    walk = Walk(Shelf.of(folder))
    parts = {name: _part(walk, name) for name in spec.parts}
    every, shared = (
        list(map(Arm._make, arms)) for arms in (layout.arms(spec.arms), layout.arms_with_samples(spec.arms))
    )
    for generation in range(spec.arms.generations + 1 if every else 0):
        for arm in shared:
            if arm.generation == generation:
                _check_samples(walk, arm)
        mixtures = {arm: _read_mixture(walk, arm) for arm in every if arm.generation == generation}
        for arm, mixture in mixtures.items():
            _check_arm(walk, arm, mixture)
    _check_collected(walk, spec.arms, parts, len(every))
    walk.shelf.compare_inputs()
    walk.shelf.findings.sort(key=lambda finding: (finding.artifact, finding.check))
    return walk.shelf


def spec_of(folder: Path) -> AuditSpec:
    """Which artifacts an experiment has, as its own files say."""
    try:
        arms = CollectSpec.model_validate(contracts.spec_of(folder / "metrics.parquet").spec)
    except (OSError, ValueError, pa.ArrowException):  # missing, damaged or of another version, which the audit will say
        arms = _arms_there(folder)
    wanted = [*(OF_LOOP if arms.strategies else ()), *OF_ALL]
    there = [name for name in (*OPTIONAL, *AFTERWARDS) if (folder / name).exists()]
    if arms.strategies:
        wanted += [name for name in ENCODINGS if (folder / name).exists()] or [ENCODINGS[0]]
    reading = [*folder.glob("rater=*/*.parquet"), *folder.glob("checkpoint=*/model.json")]
    raters = sorted(str(path.relative_to(folder)) for path in reading)
    figures = sorted(f"figures/{path.name}" for path in folder.glob("figures/*.svg"))
    return AuditSpec(arms=arms, parts=(*wanted, *there, *raters, *figures))


def _arms_there(folder: Path) -> CollectSpec:
    found = [path.relative_to(folder) for path in folder.glob("strategy=*/seed=*/generation=*/mixture.parquet")]
    arms = [[part.partition("=")[2] for part in path.parts[:3]] for path in found if ARM.fullmatch(str(path.parent))]
    return CollectSpec(
        strategies=tuple(
            sorted({strategy for strategy, _, generation in arms if (strategy, generation) != (REAL, "0")})
        ),
        seeds=tuple(sorted({int(seed) for _, seed, _ in arms})),
        generations=max((int(generation) for *_, generation in arms), default=0),
        worlds=tuple(sorted(path.name.partition("=")[2] for path in folder.glob("world=*"))),
    )


ARM = re.compile(r"strategy=[a-z0-9-]+/seed=\d{1,9}/generation=\d{1,9}")
"""What the folder of an arm is called; others are nobody's."""


def _part(walk: Walk, name: str) -> Read | None:
    """Look at an artifact of the experiment as a whole."""
    if not name.endswith(".parquet"):
        (walk.shelf.files_of_card if name.endswith(CARDS) else walk.shelf.file)(name)
        return None
    read = walk.shelf.table(name, {"documents.parquet": CorpusSpec}.get(name))
    if not read or name not in ("documents.parquet", "truth.parquet"):
        return read
    form = contracts.form_of(read.table, DOCUMENTS)
    walk.shelf.note(name, "counts", tables.counts_faults(read.table, media.medium(form.output)))
    if name == "documents.parquet":
        source = CorpusSpec.model_validate(read.record.spec).corpus.source
        walk.shelf.note(name, "splits", corpus.splits_faults(read.table, source == "grammar", media.telling(form)))
        walk.documents = Documents.of(read.table)
        if pretraining := _pretraining_documents(walk.shelf.folder):
            walk.shelf.note(name, "held_out", corpus.held_out_faults(read.table, pretraining))
    return read


def _pretraining_documents(folder: Path) -> pa.Table | None:
    """What the experiment's base model learned from, where it was pretrained here and its text can be read."""
    try:
        recipe = str(files.entries(folder / "base_model" / "base_model.json").get("recipe"))
        path = folder.parent / layout.base_model(recipe) / "documents.parquet"
        return (
            contracts.read(path, DOCUMENTS, ["split", "group", "text"]) if re.fullmatch("[0-9a-f]+", recipe) else None
        )
    except (OSError, ValueError, ContractError):  # damage that other checks name
        return None


# --- one arm ----------------------------------------------------------------------------------------------------------


def _check_samples(walk: Walk, arm: Arm) -> None:
    name, shelf = f"{arm.folder}/samples.parquet", walk.shelf
    entries = shelf.entries(f"{arm.folder}/sampling_record.json")
    if not (read := shelf.table(name, GenerateSpec)):
        return
    walk.samples[arm] = Samples.of(read.table)
    spec = GenerateSpec.model_validate(read.record.spec)
    place = [*tables.place_faults(read.table, arm), *drawn.id_faults(read.table, arm)]
    shelf.note(name, "place", place)
    shelf.note(name, "counts", tables.counts_faults(read.table, media.medium(spec.form.output)))
    shelf.note(name, "seeds", drawn.seeds_faults(read.table))
    if entries is not None:
        faults = drawn.record_faults(entries, read.table, read.record.spec, arm)
        shelf.note(f"{arm.folder}/sampling_record.json", "record", faults)
    if walk.documents and (writer := walk.cards.get(arm.before)):
        n_expected = (spec.n_samples or len(walk.documents.rows("train"))) * spec.sets_drawn
        of_whom, asked = (read.table, writer.model_id, walk.documents), spec.prompt.asks
        faults = drawn.lineage_faults(*of_whom, n_expected, asked)
        shelf.note(name, "lineage", [*faults, *_edit_faults(walk, arm, read.table, spec)])


def _edit_faults(walk: Walk, arm: Arm, samples: pa.Table, spec: GenerateSpec) -> list[str]:
    """What is no edit of the generation before; its samples are remembered for the one after."""
    if spec.prompt.source != "previous_sample":
        return []
    walk.edited[arm], before = samples.select(["prompt_id"]), arm.before.samples
    known = walk.edited.pop(before, None) if arm.generation > 2 else walk.edited.get(before)
    return drawn.edit_faults(samples, known, walk.samples[before].sizes) if known and arm.generation > 1 else []


def _read_mixture(walk: Walk, arm: Arm) -> Read | None:
    """Read an arm's mixture, and check its verdicts: those of a whole generation are needed where strategies pool."""
    mixture = walk.shelf.table(f"{arm.folder}/mixture.parquet", MixSpec)
    if mixture and arm.generation:
        walk.verifiers[arm] = MixSpec.model_validate(mixture.record.spec).strategy.verifiers
        if walk.verifiers[arm]:
            _check_verdicts(walk, arm, walk.verifiers[arm])
    return mixture


def _check_arm(walk: Walk, arm: Arm, mixture: Read | None) -> None:
    if mixture:
        walk.ancestries.append(ancestry(mixture.table))
        _check_mixture(walk, arm, mixture, MixSpec.model_validate(mixture.record.spec))
    _check_model(walk, arm, mixture)
    _check_losses(walk, arm)
    if (walk.shelf.folder / arm.folder / "internals.parquet").exists() and (
        inside := walk.shelf.table(f"{arm.folder}/internals.parquet")
    ):
        walk.shelf.note(inside.name, "place", tables.place_faults(inside.table, arm))
    if measured := walk.shelf.table(f"{arm.folder}/metrics.parquet"):
        walk.shelf.note(measured.name, "place", tables.place_faults(measured.table, arm))
        walk.metrics.append(measured.table)


def _check_verdicts(walk: Walk, arm: Arm, verifiers: tuple[str, ...]) -> None:
    read = walk.shelf.table(f"{arm.folder}/verdicts.parquet")
    if not read:
        return
    walk.shelf.note(read.name, "place", tables.place_faults(read.table, arm))
    refused = pc.unique(read.table["sample_id"].filter(pc.invert(read.table["accepted"])))
    judged = read.table["sample_id"]
    walk.accepted[arm] = judged.filter(pc.invert(pc.is_in(judged, refused)))
    if samples := walk.samples.get(arm.samples):
        walk.shelf.note(read.name, "lineage", drawn.coverage_faults(read.table, samples, verifiers))


def _check_mixture(walk: Walk, arm: Arm, read: Read, spec: MixSpec) -> None:
    shelf, name = walk.shelf, read.name
    shelf.note(name, "place", [*tables.place_faults(read.table, arm), *_named(spec.strategy.name, arm)])
    shelf.note(name, "passes", mixed.passes_faults(read.table))
    read_of = generations_read(spec.strategy, arm.generation) if arm.generation else range(0)
    arms = [arm._replace(strategy=name, generation=one) for one in read_of for name in sampled_from(spec.strategy, one)]
    samples = {one: walk.samples[one.samples] for one in arms if one.samples in walk.samples}
    accepted = {one: walk.accepted[one] for one in arms if one in walk.accepted}
    own = bool(spec.strategy.verifiers)
    wanted = sum(own if one.strategy == arm.strategy else bool(walk.verifiers.get(one)) for one in arms)
    if walk.documents is None or len(samples) < len(arms) or len(accepted) < wanted:
        return  # what it was made from cannot be read, which is said there
    whole = Mixed(arm, spec, read.table, walk.documents, samples, accepted)
    for check, faults in MIXTURE_CHECKS.items():
        shelf.note(name, check, faults(whole))


MIXTURE_CHECKS = {
    "generations": mixed.generation_faults,
    "lineage": mixed.lineage_faults,
    "splits": mixed.splits_faults,
    "usable": mixed.usable_faults,
    "shares": mixed.shares_faults,
    "weights": mixed.weights_faults,
    "budget": mixed.budget_faults,
}


def _named(strategy: str, arm: Arm) -> list[str]:
    return [] if strategy == arm.strategy else [f"it was composed for the strategy {strategy}"]


def _check_model(walk: Walk, arm: Arm, mixture: Read | None) -> None:
    shelf, name = walk.shelf, f"{arm.folder}/model/model.json"
    card, log = shelf.card(name), shelf.table(f"{arm.folder}/training_log.parquet", TrainSpec)
    if log:
        shelf.note(log.name, "place", tables.place_faults(log.table, arm))
    if card:
        walk.cards[arm] = card
        shelf.note(name, "place", trained.card_place_faults(card, arm))
    if not (card and log and mixture):
        return
    goes_on = TrainSpec.model_validate(log.record.spec).start == "previous" and arm.generation
    parent = walk.cards.get(arm.before) if goes_on else None
    if parent or not goes_on:
        digest = shelf.as_written(mixture.name)
        shelf.note(name, "lineage", trained.card_lineage_faults(card, digest, parent.model_id if parent else None))
    spec = MixSpec.model_validate(mixture.record.spec)
    sizes = mixture.table[contracts.counted("n_tokens", spec.form.unit)].to_numpy()
    seen = mixed.seen_before(mixture.table, walk.documents, walk.samples.values()) if spec.sees_inputs else 0
    n_steps = mixed.n_batches(sizes + seen, spec)
    shelf.note(log.name, "training", trained.training_faults(card, log.table, int(sizes.sum()), n_steps))


def _check_losses(walk: Walk, arm: Arm) -> None:
    read = walk.shelf.table(f"{arm.folder}/document_losses.parquet", EvaluateSpec)
    if not read:
        return
    walk.shelf.note(read.name, "place", tables.place_faults(read.table, arm))
    samples = walk.samples.get(arm.samples) if arm.generation else None
    if walk.documents and (samples or not arm.generation):
        spec = EvaluateSpec.model_validate(read.record.spec)
        n_offered = (spec.n_samples or len(walk.documents.rows("train"))) * spec.sets_offered
        offered = samples.first(n_offered) if samples else None
        walk.shelf.note(read.name, "lineage", drawn.loss_faults(read.table, walk.documents, offered))


# --- the experiment's tables ------------------------------------------------------------------------------------------


def _check_collected(walk: Walk, arms: CollectSpec, parts: dict[str, Read | None], n_arms: int) -> None:
    """Compare the experiment's tables with those they were collected from, where all of these can be read."""
    reads = {name: [walk.shelf.table(f"world={world}/{name}") for world in arms.worlds] for name in OF_WORLD}
    worlds = {name: [read.table for read in of_name if read] for name, of_name in reads.items()}
    whole = {name for name in OF_WORLD if len(worlds[name]) == len(arms.worlds)}
    expected = {name: collected.joined(worlds[name], contract) for name, contract in SIMULATED.items() if name in whole}
    if len(walk.ancestries) == n_arms and not _failed(walk, "mixture.parquet"):
        origins = collected.expected_ancestry(walk.ancestries, arms.strategies, arms.unit)
        expected["ancestry.parquet"] = origins
        if "metrics.parquet" in whole and len(walk.metrics) == n_arms:
            rows = collected.expected_metrics(walk.metrics, worlds["metrics.parquet"], origins)
            expected["metrics.parquet"] = rows
    for name, rows in expected.items():
        if read := parts.get(name):
            contract = contracts.kept_by(read.table, contract_of(name))
            walk.shelf.note(name, "collected", collected.faults(read.table, rows, contract))


def _failed(walk: Walk, name: str) -> bool:
    """Whether an artifact of this name failed a check, so that what follows from it would not make sense."""
    return any(not finding.passed for finding in walk.shelf.findings if finding.artifact.endswith(name))
