"""A file of real text on this machine: Parquet, JSON Lines or plain text.

A text keeps its characters and line ends; only white space around it goes, and blank or missing texts are passed
over. A text's group is the value of `group_column`, or the text itself, so the order of the rows decides nothing.
The source is the file's name without its folder, so a corpus is the same wherever it lies.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from collapse.config.settings import FileSettings
from collapse.corpora import RealText
from collapse.errors import ConfigError

LICENCE = "not stated in the file"

Columns = list[list[object]]
"""The texts as the file holds them and, with `group_column`, their groups beside them."""


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
    match path.suffix:
        case ".parquet":
            columns = _parquet(path, settings)
        case ".jsonl":
            columns = _json_lines(path, settings)
        case ".txt":
            columns = _plain(path, settings)
        case other:
            raise ConfigError(
                f"corpus.file.path: {path} ends in `{other}`.\n  Use a .parquet, .jsonl or .txt file; `path` names one."
            )
    texts = real_texts(columns, source=path.name, licence=LICENCE, where=f"corpus.file: {path}")
    if not texts:
        raise ConfigError(f"corpus.file.path: {path} holds no text but white space.\n  Use another file or column.")
    return texts


def paragraphs(text: str) -> list[str]:
    """Split at blank lines; blank paragraphs go, and so does white space around each."""
    return [stripped for part in re.split(r"\n\s*\n", text) if (stripped := part.strip())]


def real_texts(columns: Columns, source: str, licence: str, where: str) -> list[RealText]:
    """Make texts of the cells of a table, passing over blank and missing ones.

    Args:
        columns: Texts and, if rows are not their own groups, the group of each.
        source: What to name as the source of every text.
        licence: Licence of every text.
        where: Setting and file, for messages.

    Raises:
        ConfigError: A cell is not text or has no group.
    """
    groups = columns[1] if len(columns) > 1 else None
    texts = list[RealText]()
    for row, cell in enumerate(columns[0]):
        text = _text(cell, f"{where}, row {row + 1}")
        if text and groups and groups[row] is None:
            raise ConfigError(f"{where}, row {row + 1}: has no group.\n  Fill it in, or set group_column: null.")
        if text:
            group = str(groups[row]) if groups else hashlib.sha256(text.encode()).hexdigest()[:32]
            texts.append(RealText(text, group, source, licence))
    return texts


def choose_columns(known: Iterable[str], column: str, group_column: str | None, where: str) -> list[str]:
    """Return the columns to read.

    Raises:
        ConfigError: One of them does not exist; the message lists those that do.
    """
    known = list(known)
    for setting, name in (("column", column), ("group_column", group_column)):
        if name is not None and name not in known:
            raise ConfigError(f"{where}: has no `{name}`.\n  Set {setting} to one of: {', '.join(known) or 'none'}.")
    return [column] if group_column is None else [column, group_column]


def _text(cell: object, where: str) -> str:
    if cell is None:
        return ""
    if not isinstance(cell, str):
        raise ConfigError(f"{where}: the text is {cell!r:.60}.\n  Name a column that holds strings.")
    if not cell.isascii() and any("\ud800" <= character <= "\udfff" for character in cell):
        raise ConfigError(f"{where}: half a surrogate pair is not text.\n  Repair or drop the row.")
    return cell.strip()


def _parquet(path: Path, settings: FileSettings) -> Columns:
    where = f"corpus.file: {path}"
    try:
        file = pq.ParquetFile(path)
        names = choose_columns(file.schema_arrow.names, settings.column, settings.group_column, where)
        table = file.read(names)
    except (pa.ArrowInvalid, OSError) as error:
        raise ConfigError(f"{where}: is not a readable Parquet file ({error}).\n  Write it again.") from None
    return [table.column(name).to_pylist() for name in names]


def _json_lines(path: Path, settings: FileSettings) -> Columns:
    n_columns = 1 if settings.group_column is None else 2
    rows = [
        _json_row(line, settings, f"corpus.file: {path}, line {number}") if line.strip() else [None] * n_columns
        for number, line in enumerate(_decoded(path).split("\n"), start=1)
    ]
    return [list(column) for column in zip(*rows, strict=True)]


def _json_row(line: str, settings: FileSettings, where: str) -> list[object]:
    try:
        value = json.loads(line)
    except ValueError as error:
        raise ConfigError(f"{where}: is not JSON ({error}).\n  Each line must be one whole object.") from None
    if not isinstance(value, dict):
        raise ConfigError(f"{where}: is {line.strip():.60}.\n  Each line must be an object with keys.")
    return [value[name] for name in choose_columns(value, settings.column, settings.group_column, where)]


def _plain(path: Path, settings: FileSettings) -> Columns:
    if settings.group_column is not None:
        raise ConfigError(
            f"corpus.file.group_column: `{settings.group_column}`, but a .txt file has no columns.\n"
            "  Set it to null, or use Parquet or JSON Lines."
        )
    return [list(paragraphs(_decoded(path)))]


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
