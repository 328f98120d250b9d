"""What Snakemake keeps between runs, and what it was asked to do."""

import json
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from pathlib import Path

from collapse.running.run_lock import SNAKEMAKE as FOLDER

LOOKS = (
    "dryrun",
    "touch",
    "dag",
    "rulegraph",
    "filegraph",
    "d3dag",
    "summary",
    "detailed_summary",
    "lint",
    "list_rules",
    "list_target_rules",
    "list_changes",
    "list_untracked",
    "report",
    "unlock",
    "print_compilation",
)
"""Options with which no job is run."""


def runs_jobs(arguments: list[str]) -> bool:
    """Whether Snakemake's command line asks it to run jobs; one that is not understood does not."""
    from snakemake.cli import get_argument_parser
    from snakemake.exceptions import CliException

    try:
        known, _ = get_argument_parser().parse_known_args(arguments)
    except (SystemExit, CliException):
        return False
    return not any(getattr(known, option, None) for option in LOOKS)


def mended(folder: Path = FOLDER) -> Iterator[str]:
    """Remove records of what was made that Snakemake could not read and would stop at, and say so.

    Args:
        folder: Where Snakemake keeps them.
    """
    removed = [path for path in (folder / "metadata").rglob("*") if path.is_file() and not _is_readable(path)]
    for path in removed:
        path.unlink(missing_ok=True)
    if removed:
        yield (
            f"{folder / 'metadata'}: {len(removed)} of Snakemake's own record(s) were damaged and are removed; of what "
            "they spoke of, changes of config or code since are not noticed: `python -m collapse explain` names them."
        )


def incomplete(folder: Path = FOLDER) -> set[str]:
    """Outputs of jobs that did not end, which Snakemake makes again by itself."""
    place = folder / "incomplete"
    return {_output(path.relative_to(place)) for path in place.rglob("*") if path.is_file()}


def _output(marker: Path) -> str:
    """The output that a marker is named after: in base 64, a long name in several folders that begin with `@`."""
    encoded = "".join(part.removeprefix("@") for part in marker.parts)
    try:
        return urlsafe_b64decode(encoded).decode()
    except ValueError:
        return ""


def _is_readable(path: Path) -> bool:
    from snakemake.persistence import MetadataRecord

    try:
        content = json.loads(path.read_bytes().decode())
        MetadataRecord.model_validate(content)
    except json.JSONDecodeError:
        return True  # half-written, perhaps by a run of this moment: Snakemake takes no notice of these
    except (ValueError, RecursionError):
        return False
    return True
