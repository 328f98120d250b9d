"""Bring somebody's model in that a rater or a verifier reads texts by, and see that it can read as is asked.

It is used as it is. Nothing that comes with it is run; see `families.given`.
"""

import json
import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from collapse.artifacts import lineage, sources
from collapse.artifacts.contracts import Record
from collapse.artifacts.sources import Source
from collapse.config.specs import CheckpointSpec
from collapse.families import given, reading
from collapse.families.foreign import ENCODES, TELLS, WRITES, Head
from collapse.raters import checkpoint as rating
from collapse.running.files import PARTIAL, written_at_once
from collapse.stages import Output

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

LOG = logging.getLogger(__name__)

CPU = "cpu"


def run(*, spec: CheckpointSpec, checkpoint: Output, record: Record) -> None:
    """Load the model, see what it can do, and save it beside its card.

    Args:
        spec: Which model, and what it is asked.
        checkpoint: The card, `model.json`: what the model is, and the digest of each file.
        record: Not kept: the card names every file by its digest.

    Raises:
        ConfigError: The setting names no model this project can read, or one with other labels or a shorter context.
        EngineError: It cannot be fetched or loaded on this machine.
        ContractError: Its folder is not what it was when the run was planned, or it is not whole; see
            `families.weights`.
    """
    Source(spec.key, Path(spec.checkpoint)).check(spec.source_sha256)
    folder = checkpoint.parent
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=f".{checkpoint.name}.", suffix=PARTIAL) as temporary:
        model, tokenizer = given.opened(sources.of_checkpoint(spec), _head(spec), Path(temporary))
        _refuse_unfit(spec, model, tokenizer)
        given.save(model, tokenizer, saved := Path(temporary) / "saved")
        given.replace_files(folder, saved)
    card = {
        "checkpoint": spec.checkpoint,
        "revision": spec.revision,
        "source_sha256": spec.source_sha256,
        "n_parameters": model.num_parameters(),
        "files": {path.name: lineage.sha256(path) for path in sorted(folder.iterdir()) if path.is_file()},
    }
    with written_at_once(checkpoint) as partial:
        partial.write_text(json.dumps(card, indent=2) + "\n")
    LOG.info("%s: %d parameters", spec.checkpoint, card["n_parameters"])


def _head(spec: CheckpointSpec) -> Head:
    if spec.writes:
        return WRITES
    return TELLS if spec.labels else ENCODES


def _refuse_unfit(spec: CheckpointSpec, model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase") -> None:
    """Before anything is read by it: other labels than are asked for, a shorter context than a window, no words."""
    reader = reading.Reader(model.eval(), tokenizer, spec.window_tokens, model.device)
    if spec.labels:
        rating.refuse_unfit(reader, spec.labels, spec.section)
    reading.refuse_unreadable(reader, spec.section)
    if spec.writes:
        reading.refuse_mute(reader, f"{spec.key}: {spec.checkpoint}")
