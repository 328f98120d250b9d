"""Models: what the card says is what it was trained on, and where it lies."""

import numpy as np
import pyarrow as pa

from collapse.artifacts import contracts
from collapse.artifacts.contracts import TRAINING_LOG
from collapse.artifacts.lineage import ModelCard, model_id
from collapse.questions.audit import Arm


def card_place_faults(card: ModelCard, arm: Arm) -> list[str]:
    """A card of another arm, or of other weights than the file it names."""
    expected = model_id(*arm, card.files.get("model.safetensors", ""))
    faults = [] if card.model_id == expected else [f"model_id is {card.model_id}, not {expected}"]
    named = Arm(card.strategy, card.seed, card.generation)
    return faults if named == arm else [*faults, f"it is the card of {named.folder}"]


def card_lineage_faults(card: ModelCard, mixture_sha256: str | None, parent: str | None) -> list[str]:
    """A model of another mixture, or that started from another model.

    Args:
        card: The model's card.
        mixture_sha256: Digest of the arm's mixture; None if that is not known.
        parent: Id of the model that training starts from; None for none.
    """
    faults = list[str]()
    if mixture_sha256 not in (None, card.mixture_sha256):
        faults.append(f"trained on mixture {card.mixture_sha256[:12]}, but the mixture here is {mixture_sha256[:12]}")
    if card.parent_model_id != parent:
        faults.append(f"started from {card.parent_model_id}, but should have from {parent}")
    return faults


def training_faults(card: ModelCard, log: pa.Table, n_trained: int, n_steps: int) -> list[str]:
    """Sizes and steps of the card and the log that are not those of the mixture.

    Args:
        card: The model's card.
        log: Rows that were read by the TRAINING_LOG contract.
        n_trained: Units of the mixture, such as tokens, repeats counted.
        n_steps: Optimizer steps that the mixture packs into; 0 for a family that takes none.
    """
    counts = [("the card's n_trained", card.n_trained, n_trained)]
    counts += [("the card's n_steps", card.n_steps, n_steps), ("the number of steps logged", log.num_rows, n_steps)]
    name = contracts.counted("tokens_seen", contracts.unit_of(log, TRAINING_LOG))
    seen = log[name].to_numpy()
    if n_steps and len(seen):
        counts.append((f"the last {name}", int(seen[-1]), n_trained))
    faults = [f"{name} is {found}, but the mixture makes {right}" for name, found, right in counts if found != right]
    steps_follow = np.array_equal(log["step"].to_numpy(), np.arange(1, log.num_rows + 1))
    rising = bool(np.all(np.diff(seen) > 0))
    return faults if steps_follow and rising else [*faults, f"steps or {name} of the log do not follow one another"]
