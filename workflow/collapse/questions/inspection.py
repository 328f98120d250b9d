"""Questions about results: what a table holds, and where a sample comes from."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from collapse import media
from collapse.artifacts import contracts, lineage
from collapse.artifacts.contracts import DOCUMENTS, MIXTURE, SAMPLES, Column
from collapse.config.specs import REAL
from collapse.errors import ContractError
from collapse.plain_text import printable
from collapse.running.files import no_file

_ARM = r"(?P<strategy>[a-z0-9]{1,99}(?:-[a-z0-9]{1,99})*)\.(?P<seed>\d{1,18})\.(?P<generation>\d{1,9})"
SAMPLE_ID = re.compile(rf"{_ARM}\.(?P<draw>\d{{1,18}})")
MODEL_ID = re.compile(rf"{_ARM}@[0-9a-f]+")
TABLE = re.compile(r"documents\.parquet|strategy=[a-z0-9-]+/seed=\d+/generation=\d+/samples\.parquet")
"""Tables that a mixture may take examples from, inside the experiment."""

SHOWN = 72
"""Characters of a text that fit on a line."""


# --- what a table holds -----------------------------------------------------------------------------------------------


def describe(path: Path) -> str:
    """Say what a Parquet artifact holds: its contract, what it was made from, and each column with its values.

    Raises:
        ContractError: It is missing, not Parquet, or not one of this project's tables.
    """
    if strange := no_file(path):
        raise ContractError(f"{path}: {strange}.\n  Set it aside (collapse audit --set-aside) and run snakemake again.")
    if not path.is_file():
        raise ContractError(f"{path}: there is no such file.\n  Run the workflow up to it: snakemake {path}")
    try:
        contract, record = contracts.contract_of(path), contracts.spec_of(path)
    except (pa.ArrowException, OSError) as error:
        raise ContractError(f"{path}: is not a Parquet file ({error}).\n  Name one of the .parquet tables.") from None
    except ValueError as error:
        raise ContractError(
            f"{path}: what it says it was made from cannot be read ({error}).\n  Delete it and run snakemake again."
        ) from None
    table = contracts.read(path, contract)
    head = [
        f"{path}: {contract.title}",
        f"  one row per {contract.grain}; key: {', '.join(contract.key)}",
        f"  {table.num_rows:,} rows, {path.stat().st_size:,} bytes",
        "",
    ]
    header = ("column", "type", "unit", "missing", "values", "meaning")
    rows = [_column_facts(column, table.column(column.name)) for column in contract.columns]
    return "\n".join(map(printable, [*head, *_aligned([header, *rows]), "", *_made_from(record)]))


def _column_facts(column: Column, values: pa.ChunkedArray) -> tuple[str, ...]:
    kind = "category" if column.categories else re.sub(r"<\w+: ", "<", str(column.type))
    return (column.name, kind, column.unit, f"{values.null_count:,}", _values(column, values), column.doc)


def _values(column: Column, values: pa.ChunkedArray) -> str:
    present = values.drop_null()
    if not len(present):
        return "none"
    if column.categories:
        counts = {pair["values"]: pair["counts"] for pair in pc.value_counts(present).to_pylist()}
        return ", ".join(f"{name} {counts[name]:,}" for name in column.categories if name in counts)
    if pa.types.is_list(column.type):
        shortest, longest = pc.min_max(pc.list_value_length(present)).as_py().values()
        return f"{shortest} to {longest} long, {_short(str(present[0].as_py()), 24)}"
    if pa.types.is_string(column.type):
        return f"{pc.count_distinct(present).as_py():,} different, {_short(json.dumps(present[0].as_py()), 32)}"
    if pa.types.is_boolean(column.type):
        return f"true {pc.sum(present).as_py():,}, false {pc.sum(pc.invert(present)).as_py():,}"
    low, high = pc.min_max(present).as_py().values()
    return f"{low:.6g} to {high:.6g}" if isinstance(low, float) else f"{low} to {high}"


def _made_from(record: contracts.Record) -> list[str]:
    spec = json.dumps(record.spec, sort_keys=True)
    inputs = [f"    {name}  {digest[:12]}" for name, digest in sorted(record.inputs.items())]
    return [f"  code: {record.code or 'not recorded'}", f"  settings: {_short(spec, 600)}", "  inputs:", *inputs]


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


# --- where a sample comes from ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Origin:
    """The part of a mixture that came from one table: real documents, or one generation's samples.

    `examples` shows a few; every sample of a table is from the same model, `sampled_from`.
    """

    generation: int
    table: str
    n_examples: int
    size: int
    real_size: int
    unit: str
    examples: tuple[str, ...]
    sampled_from: str | None


@dataclass(frozen=True)
class _Model:
    """A model and what it was trained on."""

    card: lineage.ModelCard
    origins: tuple[_Origin, ...]

    @property
    def size(self) -> int:
        return sum(origin.size for origin in self.origins)


@dataclass(frozen=True)
class _Depth:
    """Models between a mixture and real examples: at most, and on average over its size."""

    deepest: int
    mean: float


def trace(sample_id: str, results: Path) -> str:
    """Tell a sample's ancestry down to real documents, as a tree.

    Args:
        sample_id: Such as `replace.0.3.0000017`.
        results: The results folder, or one experiment's folder in it.

    Raises:
        ContractError: The id is malformed, unknown or in several experiments; or a link of the chain is broken.
    """
    arm, sample = _parsed(sample_id)
    experiment = _experiment_of(arm, sample, results)
    table = experiment / _folder(*arm) / "samples.parquet"
    row = _sample(table, sample)
    writer = str(row["sampled_from"])
    models = _ancestors(experiment, writer)
    depth, model = _depths(models)[writer], models[writer]
    real_share = sum(origin.real_size for origin in model.origins) / model.size
    unit, text = model.card.unit, model.card.unit == "token"
    real, wrote = ("people's text", "People wrote") if text else ("real examples", "Real are")
    told = [
        f"{sample}  (experiment {experiment.resolve().name})",
        *(f"  {line}" for line in _drawing(table, row)),
        *_edits(experiment, arm, row),
        *_tree(models, writer),
        f"{wrote} {real_share:.1%} of the {unit}s its model was trained on. Its depth, the models between it "
        f"and {real}, is {depth.deepest + 1} at most and {depth.mean + 1:.2f} on average over {unit}s.",
    ]
    return "\n".join(map(printable, told))


def _parsed(sample_id: str) -> tuple[tuple[str, int, int], str]:
    match = SAMPLE_ID.fullmatch(sample_id)
    if not match:
        raise ContractError(
            f"{sample_id}: is not a sample's id.\n"
            "  An id is strategy.seed.generation.draw, such as replace.0.3.0000017."
        )
    arm = (match["strategy"], int(match["seed"]), int(match["generation"]))
    return arm, lineage.sample_ids(*arm, [int(match["draw"])])[0]


def _folder(strategy: str, seed: int, generation: int) -> str:
    return f"strategy={strategy}/seed={seed}/generation={generation}"


def _experiment_of(arm: tuple[str, int, int], sample: str, results: Path) -> Path:
    table = f"{_folder(*arm)}/samples.parquet"
    found = [folder for folder in [results, *sorted(results.glob("*/"))] if (folder / table).is_file()]
    holding = [folder for folder in found if _holds(folder / table, sample)]
    if len(holding) == 1:
        return holding[0]
    if holding:
        choices = "\n".join(f"  --results {folder}" for folder in holding)
        raise ContractError(f"{sample}: {len(holding)} experiments have a sample of this id; say which:\n{choices}")
    if found:
        ranges = "\n".join(f"  {folder / table}: {_range(folder / table)}" for folder in found)
        raise ContractError(f"{sample}: there is no such draw. There are:\n{ranges}")
    raise ContractError(
        f"{sample}: there is no {table} in {results} or in an experiment there.\n"
        f"  An id is strategy.seed.generation.draw; there are samples of {_nearest(arm, results)}.\n"
        f"  Samples of generation 1 are drawn once for all strategies: their ids begin with `{REAL}`."
    )


def _holds(path: Path, sample: str) -> bool:
    ids = contracts.read(path, SAMPLES, ["sample_id"])["sample_id"]
    return pc.any(pc.equal(ids, sample)).as_py() is True


def _range(path: Path) -> str:
    ids = contracts.read(path, SAMPLES, ["sample_id"])["sample_id"]
    return f"{ids[0]} to {ids[-1]}" if len(ids) else "no samples"


def _nearest(arm: tuple[str, int, int], results: Path) -> str:
    """The arms that have samples, with their draws; those of the strategy asked for come first, then by generation."""
    tables = [*results.glob("strategy=*/*/*/samples.parquet"), *results.glob("*/strategy=*/*/*/samples.parquet")]
    known = [path for path in tables if TABLE.fullmatch("/".join(path.parts[-4:])) and path.is_file()]

    def distance(path: Path) -> tuple[bool, bool, int, str]:
        strategy, seed, generation = (part.partition("=")[2] for part in path.parts[-4:-1])
        return strategy != arm[0], int(seed) != arm[1], abs(int(generation) - arm[2]), str(path)

    nearest = sorted(known, key=distance)[:5]
    return "; ".join(dict.fromkeys(_range(path) for path in nearest)) or "no generation"


def _sample(table: Path, sample: str) -> dict[str, object]:
    samples = contracts.read(table, SAMPLES)
    rows = samples.filter(pc.equal(samples["sample_id"], sample)).to_pylist()
    if not rows:
        raise ContractError(f"{table}: holds no {sample}, but a mixture was made with it.\n  Run snakemake again.")
    return rows[0]


def _drawing(table: Path, row: dict[str, object]) -> list[str]:
    form = contracts.form_of(contracts.read(table, SAMPLES, ["sample_id"]), SAMPLES)
    made, asked = media.medium(form.output), media.input_medium(form)
    likelihood = f", {row['logprob_nats']:.2f} nats" if row.get("logprob_nats") is not None else ""
    try:
        decoding = contracts.spec_of(table).spec.get("decoding")
    except ValueError:
        decoding = None  # `describe` says what is wrong with it
    settings = [f"{name} {value}" for name, value in decoding.items()] if isinstance(decoding, dict) else []
    given = asked.told_input(row) if row["prompt_id"] and asked else ""
    of = f"from document {row['prompt_id']}" if given else f"all of document {row['prompt_id']}"
    prompt = ", ".join([*([_quoted(given)] if given else []), of]) if row["prompt_id"] and asked else "none"
    return [
        f"{form.output:<9} {_quoted(made.told(row))}",
        f"prompt    {prompt}",
        f"drawn     {made.told_drawing(row)}{likelihood}, sampler seed {row['sampler_seed']}",
        f"decoding  {', '.join(settings) or 'not recorded'}",
    ]


def _edits(experiment: Path, arm: tuple[str, int, int], row: dict[str, object]) -> list[str]:
    """Which samples it is an edit of, back to the real document, where it is one of any."""
    (strategy, seed, generation), draw, parents = arm, int(str(row["draw"])), list[str]()
    while generation > 1 and _edits_samples(experiment / _folder(strategy, seed, generation) / "samples.parquet"):
        generation -= 1
        writer = REAL if generation == 1 else strategy
        before = experiment / _folder(writer, seed, generation) / "samples.parquet"
        draw = lineage.edited_draw(draw, contracts.read(before, SAMPLES, ["sample_id"]).num_rows)
        parents += lineage.sample_ids(writer, seed, generation, [draw])
    return [f"  edit of   {', an edit of '.join([*parents, 'document ' + str(row['prompt_id'])])}"] if parents else []


def _edits_samples(table: Path) -> bool:
    try:
        prompt = contracts.spec_of(table).spec.get("prompt")
    except ValueError:
        return False  # `describe` says what is wrong with it
    return isinstance(prompt, dict) and prompt.get("source") == "previous_sample"


def _ancestors(experiment: Path, model_id: str) -> dict[str, _Model]:
    """Every model behind a sample, by id."""
    models, pending = dict[str, _Model](), [model_id]
    while pending:
        name = pending.pop()
        if name not in models:
            models[name] = _model(experiment, name)
            pending += [origin.sampled_from for origin in models[name].origins if origin.sampled_from]
    return models


def _model(experiment: Path, model_id: str) -> _Model:
    match = MODEL_ID.fullmatch(model_id)
    if not match:
        raise ContractError(f"{model_id}: is not a model's id (strategy.seed.generation@digest).\n  Run snakemake.")
    folder = experiment / _folder(match["strategy"], int(match["seed"]), int(match["generation"]))
    card = lineage.read_card(folder / "model" / "model.json")
    if card.model_id != model_id:
        raise ContractError(
            f"{folder / 'model'}: holds {card.model_id}, but samples are from {model_id}.\n"
            "  The model was trained again since; run snakemake to draw from it."
        )
    mixture = folder / "mixture.parquet"
    examples = contracts.read(mixture, MIXTURE)
    if lineage.sha256(mixture) != card.mixture_sha256:
        raise ContractError(
            f"{mixture}: is not the mixture that {model_id} was trained on.\n  Run snakemake to train on this one."
        )
    _check_sources(mixture, examples, int(match["generation"]))
    return _Model(card, _origins(experiment, examples))


def _check_sources(path: Path, mixture: pa.Table, generation: int) -> None:
    """Refuse what no mixture of a generation holds; its `source` is not opened before that."""
    for table in pc.unique(mixture["source"]).to_pylist():
        if not TABLE.fullmatch(table):
            raise ContractError(
                f"{path}: takes examples from `{table}`, which is no table of this experiment; it is not opened.\n"
                f"  {MIXED_AGAIN}"
            )
    unit = contracts.unit_of(mixture, MIXTURE)
    youngest = pc.max(mixture["origin_generation"]).as_py()
    size = pc.sum(mixture[contracts.counted("n_tokens", unit)]).as_py()
    if not size or size < 0 or youngest > generation:
        raise ContractError(
            f"{path}: holds {size or 0} {unit}s, the youngest of generation {youngest}, which no training set of "
            f"generation {generation} can.\n  {MIXED_AGAIN}"
        )


MIXED_AGAIN = "A hand changed it: delete it and run snakemake, which makes it again."


def _origins(experiment: Path, mixture: pa.Table) -> tuple[_Origin, ...]:
    tables = sorted(set(zip(mixture["origin_generation"].to_pylist(), mixture["source"].to_pylist(), strict=True)))
    return tuple(_origin(experiment, mixture, *table) for table in reversed(tables))


def _origin(experiment: Path, mixture: pa.Table, generation: int, table: str) -> _Origin:
    here = pc.and_(pc.equal(mixture["origin_generation"], generation), pc.equal(mixture["source"], table))
    part = mixture.filter(here)
    ids = list(dict.fromkeys(part["example_id"].to_pylist()))
    if part["origin"][0].as_py() == "synthetic":
        sample = _sample(experiment / table, ids[0])
        shown, writer = (f"such as {ids[0]} {_quoted(_told(experiment / table, sample))}",), str(sample["sampled_from"])
        _check_writer(experiment / table, writer, generation)
    else:
        shown, writer = _documents(experiment / table, ids[:2]), None
    unit = contracts.unit_of(mixture, MIXTURE)
    size, real_size = (pc.sum(part[contracts.counted(name, unit)]).as_py() for name in ("n_tokens", "n_real_tokens"))
    return _Origin(generation, table, len(ids), size, real_size, unit, shown, writer)


def _told(table: Path, sample: dict[str, object]) -> str:
    """A sample in a line."""
    form = contracts.form_of(contracts.read(table, SAMPLES, ["sample_id"]), SAMPLES)
    return media.medium(form.output).told(sample)


def _check_writer(table: Path, writer: str, generation: int) -> None:
    """Refuse samples of a model that is no older than they are: a chain of such would have no end."""
    match = MODEL_ID.fullmatch(writer)
    if match and int(match["generation"]) >= generation:
        raise ContractError(
            f"{table}: says that {writer} wrote samples of generation {generation}.\n"
            "  Delete it and run snakemake again."
        )


def _documents(table: Path, document_ids: list[str]) -> tuple[str, ...]:
    documents = contracts.read(table, DOCUMENTS, ["document_id", "source"])
    chosen = documents.filter(pc.is_in(documents["document_id"], pa.array(document_ids)))
    pairs = zip(chosen["document_id"].to_pylist(), chosen["source"].to_pylist(), strict=True)
    return tuple(f"such as {document} from {source}" for document, source in pairs)


def _depths(models: dict[str, _Model]) -> dict[str, _Depth]:
    """Depth of each model's mixture; a model's samples are one deeper."""
    depths = dict[str, _Depth]()
    for name, model in sorted(models.items(), key=lambda item: item[1].card.generation):
        below = [(origin, depths[origin.sampled_from]) for origin in model.origins if origin.sampled_from]
        written = sum((origin.size - origin.real_size) * (1 + depth.mean) for origin, depth in below)
        deepest = max((1 + depth.deepest for _, depth in below), default=0)
        depths[name] = _Depth(deepest, written / model.size)
    return depths


def _tree(models: dict[str, _Model], root: str) -> list[str]:
    """One line per model and per part of its mixture; a model met again is only named. A stack: chains are long."""
    lines, shown = [_model_line(models[root])], {root}
    pending = _branches(models[root], "")
    while pending:
        indent, connector, share, origin = pending.pop()
        lines.append(f"{indent}{connector} {_origin_line(origin, share)}")
        below = indent + ("   " if connector == "└─" else "│  ")
        lines += [f"{below}{example}" for example in origin.examples]
        if origin.sampled_from in shown:
            lines.append(f"{below}written by {origin.sampled_from}, shown above")
        elif origin.sampled_from:
            shown.add(origin.sampled_from)
            lines.append(f"{below}{_model_line(models[origin.sampled_from])}")
            pending += _branches(models[origin.sampled_from], below)
    return lines


def _branches(model: _Model, indent: str) -> list[tuple[str, str, float, _Origin]]:
    """A model's parts, last first, as a stack wants them."""
    last = model.origins[-1]
    return [
        (indent, "└─" if origin is last else "├─", origin.size / model.size, origin)
        for origin in reversed(model.origins)
    ]


def _model_line(model: _Model) -> str:
    card = model.card
    start = (
        f", starting from {card.parent_model_id or card.base_model}" if card.parent_model_id or card.base_model else ""
    )
    return (
        f"written by {card.model_id}: {card.family}, {card.n_parameters:,} parameters{start}; "
        f"trained on mixture {card.mixture_sha256[:12]}, {model.size:,} {card.unit}s"
    )


def _origin_line(origin: _Origin, share: float) -> str:
    kind = f"samples of generation {origin.generation}" if origin.sampled_from else "real documents"
    return f"{share:.1%} {kind}: {origin.n_examples:,} examples, {origin.size:,} {origin.unit}s, {origin.table}"


def _quoted(text: object) -> str:
    return _short(json.dumps(str(text), ensure_ascii=False), SHOWN)


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
