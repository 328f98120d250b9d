"""Questions about results: what a table holds, and where a sample comes from."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from collapse import contracts, lineage
from collapse.config.plan import REAL
from collapse.contracts import DOCUMENTS, MIXTURE, SAMPLES, Column
from collapse.errors import ContractError

SAMPLE_ID = re.compile(r"(?P<strategy>[a-z0-9]+(?:-[a-z0-9]+)*)\.(?P<seed>\d+)\.(?P<generation>\d+)\.(?P<draw>\d+)")
MODEL_ID = re.compile(r"(?P<strategy>[a-z0-9-]+)\.(?P<seed>\d+)\.(?P<generation>\d+)@[0-9a-f]+")
SHOWN = 72
"""Characters of a text that fit on a line."""


# --- what a table holds -----------------------------------------------------------------------------------------------


def describe(path: Path) -> str:
    """Say what a Parquet artifact holds: its contract, what it was made from, and each column with its values.

    Raises:
        ContractError: It is missing, not Parquet, or not one of this project's tables.
    """
    if not path.is_file():
        raise ContractError(f"{path}: there is no such file.\n  Run the workflow up to it: snakemake {path}")
    try:
        contract = contracts.contract_of(path)
    except pa.ArrowInvalid as error:
        raise ContractError(f"{path}: is not a Parquet file ({error}).\n  Name one of the .parquet tables.") from None
    table, record = contracts.read(path, contract), contracts.spec_of(path)
    head = [
        f"{path}: {contract.title}",
        f"  one row per {contract.grain}; key: {', '.join(contract.key)}",
        f"  {table.num_rows:,} rows, {path.stat().st_size:,} bytes",
        "",
    ]
    header = ("column", "type", "unit", "missing", "values", "meaning")
    rows = [_column_facts(column, table.column(column.name)) for column in contract.columns]
    return "\n".join([*head, *_aligned([header, *rows]), "", *_made_from(record)])


def _column_facts(column: Column, values: pa.ChunkedArray) -> tuple[str, ...]:
    kind = "category" if column.categories else str(column.type).replace("list<element: ", "list<")
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
class _Ancestry:
    """Depth of a model's training text: models between it and people, at most and on average over tokens."""

    deepest: int
    mean: float
    real_share: float


@dataclass
class _Walk:
    """One experiment, and the models already told of: each is printed once however often it is met."""

    folder: Path
    known: dict[str, _Ancestry] = field(default_factory=dict)
    documents: dict[str, str] = field(default_factory=dict)

    def source_of(self, table: str, document: str) -> str:
        """Where a document comes from."""
        if not self.documents:
            rows = contracts.read(self.folder / table, DOCUMENTS, ["document_id", "source"])
            self.documents = dict(zip(rows["document_id"].to_pylist(), rows["source"].to_pylist(), strict=True))
        return self.documents.get(document, "not in the table of documents")


def trace(sample_id: str, results: Path) -> str:
    """Tell a sample's ancestry down to real documents, as a tree.

    Args:
        sample_id: Such as `replace.0.3.0000017`.
        results: The results folder, or one experiment's folder in it.

    Raises:
        ContractError: The id is malformed, unknown or in several experiments; or a link of the chain is broken.
    """
    arm, sample = _parsed(sample_id)
    folder = _experiment_of(arm, sample, results)
    row = _sample_row(folder / _arm_folder(*arm) / "samples.parquet", sample)
    walk = _Walk(folder)
    lines = [f"{sample}  ({folder.name})", *_sample_facts(folder, arm, row), *_model_tree(walk, row["sampled_from"], "")]
    behind = walk.known[row["sampled_from"]]
    return "\n".join(
        [
            *lines,
            f"Behind it: people wrote {behind.real_share:.1%} of the tokens its model was trained on; its depth is "
            f"{behind.deepest + 1} ({behind.mean + 1:.2f} on average over tokens), where a real document's is 0.",
        ]
    )


def _parsed(sample_id: str) -> tuple[tuple[str, int, int], str]:
    match = SAMPLE_ID.fullmatch(sample_id)
    if not match:
        raise ContractError(
            f"{sample_id}: is not a sample's id.\n  An id is strategy.seed.generation.draw, such as replace.0.3.0000017."
        )
    strategy, seed, generation, draw = match.groups()
    arm = (strategy, int(seed), int(generation))
    return arm, lineage.sample_ids(*arm, [int(draw)])[0]


def _arm_folder(strategy: str, seed: int, generation: int) -> str:
    return f"strategy={strategy}/seed={seed}/generation={generation}"


def _experiment_of(arm: tuple[str, int, int], sample: str, results: Path) -> Path:
    table = f"{_arm_folder(*arm)}/samples.parquet"
    found = [folder for folder in [results, *sorted(results.glob("*/"))] if (folder / table).is_file()]
    holding = [folder for folder in found if _has_sample(folder / table, sample)]
    if len(holding) == 1:
        return holding[0]
    if holding:
        choices = "\n".join(f"  --results {folder}" for folder in holding)
        raise ContractError(f"{sample}: {len(holding)} experiments have a sample of this id; say which:\n{choices}")
    if found:
        ranges = "\n".join(f"  {folder / table}: {_range(folder / table)}" for folder in found)
        raise ContractError(f"{sample}: there is no such draw. There are:\n{ranges}")
    raise ContractError(
        f"{sample}: there is no {table} under {results}.\n"
        f"  An id is strategy.seed.generation.draw. Generations with samples: {_generations(results)}.\n"
        f"  Samples of generation 1 are drawn once, for all strategies: their ids begin with `{REAL}`."
    )


def _has_sample(path: Path, sample: str) -> bool:
    return pc.any(pc.equal(contracts.read(path, SAMPLES, ["sample_id"])["sample_id"], sample)).as_py() is True


def _range(path: Path) -> str:
    ids = contracts.read(path, SAMPLES, ["sample_id"])["sample_id"]
    return f"{ids[0]} to {ids[-1]}" if len(ids) else "no samples"


def _generations(results: Path) -> str:
    tables = [*results.glob("strategy=*/**/samples.parquet"), *results.glob("*/strategy=*/**/samples.parquet")]
    names = {".".join(part.partition("=")[2] for part in path.parts[-4:-1]) for path in tables}
    return ", ".join(sorted(names)) or "none"


def _sample_row(path: Path, sample: str) -> dict[str, object]:
    table = contracts.read(path, SAMPLES)
    rows = table.filter(pc.equal(table["sample_id"], sample)).to_pylist()
    if not rows:
        raise ContractError(f"{path}: holds no {sample}, which a mixture names.\n  Run snakemake again.")
    return rows[0]
