"""A file of real text on this machine: Parquet, JSON Lines, comma-separated values or plain text.

The file is somebody else's: its size is checked before it is read, that of a Parquet file as it will be in memory.

A text keeps its characters and line ends; only white space around it goes, and blank or missing texts are passed
over. A text's group is the value of `group_column`, or the text itself, so the order of the rows decides nothing.
The source is the file's name without its folder, so a corpus is the same wherever it lies.
"""

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from collapse.config.settings import FileSettings, HuggingFaceSettings
from collapse.corpora import RealText
from collapse.errors import ConfigError
from collapse.plain_text import printable
from collapse.running.faults import pass_on

LICENCE = "not stated in the file"

BLANK_LINES = re.compile(r"\n\s*\n")
"""What separates paragraphs."""

MOST_ROWS = 10_000_000
"""Rows, lines or paragraphs of a file; with what Python keeps of each, about 6 GB."""

ROWS_AT_ONCE = 10_000
"""Rows of a Parquet file that are decoded at a time, so that a false footer is found out early."""

MOST_NAMED = 20
"""Columns or keys that a message lists."""

MOST_SHOWN = 60
"""Characters of a name or a line in a message."""

NAMING = ("column", "group_column", "input_column", "title_column", "label_column")
"""Settings that name a column each."""

Columns = dict[str, list[object]]
"""What the file holds, by the setting that names the column, such as `column` or `group_column`."""


def read(settings: FileSettings) -> list[RealText]:
    """Read every text of the file.

    Raises:
        ConfigError: The file is missing, of another kind, damaged, not UTF-8, or holds no text in that column.
    """
    path = Path(settings.path or "")
    if not path.is_file():
        raise ConfigError(
            f"corpus.file.path: there is no file {path}.\n"
            f"  The path is relative to the folder Snakemake runs in, {Path.cwd()}."
        )
    if path.suffix != ".parquet":
        _refuse_larger(path, "has", path.stat().st_size, settings)
    match path.suffix:
        case ".parquet":
            columns = _parquet(path, settings)
        case ".jsonl":
            columns = _json_lines(path, settings)
        case ".csv":
            columns = _separated(path, settings)
        case ".txt":
            columns = _plain(path, settings)
        case other:
            raise ConfigError(
                f"corpus.file.path: {path} ends in `{other}`.\n"
                "  Use a .parquet, .jsonl, .csv or .txt file; `path` names one."
            )
    texts = real_texts(columns, source=path.name, licence=LICENCE, where=f"corpus.file: {path}")
    if not texts:
        raise ConfigError(f"corpus.file.path: {path} holds no text but white space.\n  Use another file or column.")
    return texts


def paragraphs(text: str) -> list[str]:
    """Split at blank lines; blank paragraphs go, and so does white space around each."""
    return [stripped for part in BLANK_LINES.split(text) if (stripped := part.strip())]


def real_texts(columns: Columns, source: str, licence: str, where: str) -> list[RealText]:
    """Make texts of the cells of a table, passing over blank and missing ones.

    Args:
        columns: Texts and, if rows are not their own groups, the group of each.
        source: What to name as the source of every text.
        licence: Licence of every text.
        where: Setting and file, for messages.

    Raises:
        ConfigError: A cell is not text, or has no group or label.
    """
    groups, inputs, labels, titles = (columns.get(f"{name}_column") for name in ("group", "input", "label", "title"))
    texts = list[RealText]()
    for row, cell in enumerate(columns["column"]):
        place = f"{where}, row {row + 1}"
        text, asked = _text(cell, place), _text(inputs[row], f"{place}, input") if inputs else None
        if text and titles and (title := _text(titles[row], f"{place}, title")):
            text = f"{title}\n{text}"
        if text and groups and groups[row] is None:
            raise ConfigError(f"{place}: has no group.\n  Fill it in, or set group_column: null.")
        if (text and asked == "") or (asked and not text):
            raise ConfigError(
                f"{place}: has {'no input' if text else 'an input and no output'}.\n  Fill it in, or drop it."
            )
        if text and labels and labels[row] is None:
            raise ConfigError(f"{place}: has no label.\n  Fill it in, or drop it.")
        if text:
            group = str(groups[row]) if groups else hashlib.sha256((asked or text).encode()).hexdigest()[:32]
            label = str(labels[row]) if labels else None
            texts.append(RealText(text, group, source, licence, input=asked, place=place, label=label))
    return texts


def choose_columns(known: Iterable[str], settings: FileSettings | HuggingFaceSettings, where: str) -> dict[str, str]:
    """Return the columns to read, by the setting that names each.

    Raises:
        ConfigError: One of them does not exist; the message lists those that do.
    """
    known, chosen = list(known), _named(settings)
    for setting, name in chosen.items():
        if name not in known:
            raise ConfigError(f"{where}: has no `{name}`.\n  Set {setting} to one of: {_listed(known)}.")
        if known.count(name) > 1:
            raise ConfigError(
                f"{where}: {known.count(name)} columns are called `{name}`, so {setting} names none.\n"
                "  Write the file again with other names."
            )
    return chosen


def _named(settings: FileSettings | HuggingFaceSettings) -> dict[str, str]:
    """The columns that the settings name."""
    named = {name: getattr(settings, name) for name in NAMING}
    return {setting: name for setting, name in named.items() if name is not None}


def _listed(names: list[str]) -> str:
    """A few names, as text that a terminal does not act on."""
    shown = ", ".join(printable(name[:MOST_SHOWN]) for name in names[:MOST_NAMED])
    return (shown or "none") + (f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else "")


def _text(cell: object, where: str) -> str:
    if cell is None:
        return ""
    if not isinstance(cell, str):
        raise ConfigError(f"{where}: the text is {cell!r:.60}.\n  Name a column that holds strings.")
    if not cell.isascii() and any("\ud800" <= character <= "\udfff" for character in cell):
        raise ConfigError(f"{where}: half a surrogate pair is not text.\n  Repair or drop the row.")
    return cell.strip()


def _refuse_larger(path: Path, holds: str, n_bytes: int, settings: FileSettings) -> None:
    if n_bytes > settings.max_bytes:
        raise ConfigError(
            f"corpus.file.path: {path} {holds} {n_bytes:,} bytes, more than corpus.file.max_bytes "
            f"({settings.max_bytes:,}).\n  Use a smaller file; or raise max_bytes, if this machine has several times "
            "as much memory."
        )


def _refuse_more_rows(path: Path, n_rows: int, what: str) -> None:
    if n_rows > MOST_ROWS:
        raise ConfigError(
            f"corpus.file.path: {path} has {n_rows:,} {what}, more than {MOST_ROWS:,}.\n"
            "  Use a part of it; train_bytes, validation_bytes and test_bytes decide how much text is kept."
        )


def _parquet(path: Path, settings: FileSettings) -> Columns:
    where = f"corpus.file: {path}"
    try:
        file = pq.ParquetFile(path)
        chosen = choose_columns(file.schema_arrow.names, settings, where)
        names = list(dict.fromkeys(chosen.values()))
        _refuse_large_footer(path, file.metadata, names, settings)
        # A dictionary holds a repeated text once; ten thousand rows of one long text stay as small as they are there.
        file = pq.ParquetFile(path, read_dictionary=_flat(file.schema_arrow, names, where))
        found = _within_limits(path, file.iter_batches(ROWS_AT_ONCE, columns=names), names, settings)
        return {setting: found[name] for setting, name in chosen.items()}
    except (pa.ArrowInvalid, OSError) as error:
        pass_on(error)
        raise ConfigError(f"{where}: is not a readable Parquet file ({error}).\n  Write it again.") from None


def _flat(schema: pa.Schema, names: list[str], where: str) -> list[str]:
    """The columns themselves, if none holds lists or groups: their size would only be known once they are decoded."""
    for name in names:
        if pa.types.is_nested(schema.field(name).type):
            shown, kind = (printable(str(one)[:MOST_SHOWN]) for one in (name, schema.field(name).type))
            raise ConfigError(f"{where}: `{shown}` holds {kind}.\n  Name a column that holds strings.")
    return names


def _refuse_large_footer(path: Path, footer: pq.FileMetaData, names: list[str], settings: FileSettings) -> None:
    """Refuse what the footer itself says is too much."""
    _refuse_more_rows(path, footer.num_rows, "rows")
    groups = (footer.row_group(index) for index in range(footer.num_row_groups))
    chunks = (group.column(index) for group in groups for index in range(group.num_columns))
    read = (chunk for chunk in chunks if chunk.path_in_schema.partition(".")[0] in names)
    _refuse_larger(path, "holds, decompressed,", sum(chunk.total_uncompressed_size for chunk in read), settings)


def _within_limits(path: Path, batches: Iterable[pa.RecordBatch], names: list[str], settings: FileSettings) -> Columns:
    """The columns by name, counted as they are decoded: a footer may lie, and says nothing of repeated texts."""
    columns: Columns = {name: [] for name in names}
    n_bytes = 0
    for batch in batches:
        n_bytes += sum(_size(batch.column(name)) for name in names)
        _refuse_larger(path, "holds, decompressed, at least", n_bytes, settings)
        for name, kept in columns.items():
            kept += batch.column(name).to_pylist()
        _refuse_more_rows(path, len(columns[names[0]]), "rows or more")
    return columns


def _size(values: pa.Array) -> int:
    """Bytes of the values, each counted as often as it occurs."""
    if not isinstance(values, pa.DictionaryArray):
        return values.nbytes
    lengths = pc.binary_length(values.dictionary).cast(pa.int64()).take(values.indices)
    return pc.sum(lengths).as_py() or 0


def _json_lines(path: Path, settings: FileSettings) -> Columns:
    named = _named(settings)
    content = _decoded(path)
    _refuse_more_rows(path, content.count("\n"), "lines")
    rows = [
        _json_row(line, settings, f"corpus.file: {path}, line {number}") if line.strip() else dict.fromkeys(named)
        for number, line in enumerate(content.split("\n"), start=1)
    ]
    return {setting: [row[setting] for row in rows] for setting in named}


def _json_row(line: str, settings: FileSettings, where: str) -> dict[str, object]:
    try:
        value = json.loads(line)
    except RecursionError:
        raise ConfigError(f"{where}: is nested too deeply to be a text and its keys.\n  Drop the line.") from None
    except ValueError as error:
        raise ConfigError(f"{where}: is not JSON ({error}).\n  Each line must be one whole object.") from None
    if not isinstance(value, dict):
        raise ConfigError(
            f"{where}: is {printable(line.strip()[:MOST_SHOWN])}.\n  Each line must be an object with keys."
        )
    return {setting: value[name] for setting, name in choose_columns(value, settings, where).items()}


def _separated(path: Path, settings: FileSettings) -> Columns:
    """Columns of a file whose first line names them; a cell in quotes may hold lines, and an empty one is missing."""
    where = f"corpus.file: {path}"
    csv.field_size_limit(settings.max_bytes)
    rows = csv.reader(io.StringIO(_decoded(path), newline=""), strict=True)
    try:
        header = next(rows, [])
        chosen = choose_columns(header, settings, where)
        columns: Columns = {setting: [] for setting in chosen}
        for row in rows:
            if row and len(row) != len(header):
                raise ConfigError(
                    f"{where}, line {rows.line_num}: the row that ends there has {len(row)} cells, and the first line "
                    f"names {len(header)} columns.\n  Put text with commas or line ends in quotes."
                )
            cells = dict(zip(header, row, strict=True)) if row else {}
            for setting, name in chosen.items():
                columns[setting].append(cells.get(name) or None)
    except csv.Error as error:
        raise ConfigError(
            f"{where}, line {rows.line_num}: is not a table of comma-separated values ({error}).\n"
            "  Close every quote, and write a quote inside quotes twice."
        ) from None
    _refuse_more_rows(path, len(columns["column"]), "rows")
    return columns


def _plain(path: Path, settings: FileSettings) -> Columns:
    for setting in NAMING[1:]:
        if (name := getattr(settings, setting)) is not None:
            raise ConfigError(
                f"corpus.file.{setting}: `{name}`, but a .txt file has no columns.\n"
                "  Set it to null, or use Parquet, JSON Lines or CSV."
            )
    content = _decoded(path)
    _refuse_more_rows(path, sum(1 for _ in BLANK_LINES.finditer(content)), "paragraphs")
    return {"column": list(paragraphs(content))}


def _decoded(path: Path) -> str:
    content = path.read_bytes()
    try:
        return content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"corpus.file.path: {path} is not UTF-8: byte {error.start} (line {line}) is 0x{content[error.start]:02x}."
            f"\n  Convert it, for example: iconv -f LATIN1 -t UTF-8 {path}"
        ) from None
