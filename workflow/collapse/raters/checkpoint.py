"""Which label somebody's classifier gives a text, or each of its sentences: used as it is, fitted to nothing here.

What Wang et al. 2025 measure by: a detector of gibberish (section 4.3) and a fine-tuned RoBERTa (section 4.2). The
rater's table says which labels there are, in which order, and how texts are read; the weights are in a folder of their
own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collapse.config.raters import CheckpointRater
from collapse.errors import ConfigError, ContractError
from collapse.families.foreign import CONFIG, READ_BY, TELLS
from collapse.raters import Beside, HeldOut, Text, labels_of, table
from collapse.raters.fluency import LEAST_WORDS, SENTENCE_END, WORD
from collapse.running.files import entries

if TYPE_CHECKING:
    from collapse.families.reading import Reader

IMPORTED_LATE = dict.fromkeys(("rater", "evaluate", "verify"), READ_BY)
"""What a stage will import when it loads one; a fork server imports it before."""


@dataclass(frozen=True)
class CheckpointModel:
    """One that is loaded.

    Attributes:
        labels: In the order meant.
        are_levels: Whether they are levels.
        reader: The model.
        columns: Place of each label among the model's outputs, shape `(n_labels,)`.
        by_sentence: Whether sentences are rated, not whole texts.
    """

    labels: tuple[str, ...]
    are_levels: bool
    reader: "Reader"
    columns: np.ndarray
    by_sentence: bool

    def parts(self, text: str) -> list[str]:
        """What is rated of a text: itself, or its sentences of three words or more; of a blank one nothing."""
        if not self.by_sentence:
            return [text] if text.strip() else []
        return [part.strip() for part in SENTENCE_END.split(text) if len(WORD.findall(part)) >= LEAST_WORDS]

    def probabilities(self, text: str) -> np.ndarray:
        """Of each label for every part, `(n_parts, n_labels)`."""
        return self.reader.probabilities(self.parts(text))[:, self.columns]


def columns(found: Mapping[str, object], labels: tuple[str, ...], where: str) -> list[int]:
    """The place of each label among a model's outputs.

    Args:
        found: `id2label` of its config: labels by their places.
        labels: Those that are asked for, in the order meant.
        where: The setting, such as `raters.quality.labels`.

    Raises:
        ConfigError: The model has others.
    """
    has = {str(label): place for place, label in found.items()}
    if sorted(has) != sorted(labels) or sorted(map(str, found)) != sorted(map(str, range(len(labels)))):
        raise ConfigError(
            f"{where}: are {_listed(labels)}, but the model has {_listed(has)}.\n"
            "  Name all that it has, in the order meant."
        )
    return [int(has[label]) for label in labels]


MOST_LISTED = 20


def _listed(labels: Mapping[str, str] | tuple[str, ...]) -> str:
    shown = ", ".join(f"`{label:.60}`" for label in list(labels)[:MOST_LISTED])
    return f"{shown} and {len(labels) - MOST_LISTED} more" if len(labels) > MOST_LISTED else shown or "none"


def refuse_other_labels(folder: Path, labels: tuple[str, ...] | None, where: str) -> None:
    """Refuse a folder whose config names other labels; where it names none, the model will say which it has.

    Raises:
        ConfigError: It does.
    """
    if labels and (found := _id2label(folder)):
        columns(found, labels, where)


def refuse_unfit(reader: "Reader", labels: tuple[str, ...], where: str) -> None:
    """Refuse a model that is no classifier of these labels.

    Raises:
        ConfigError: It has others, or may give a text several.
    """
    config = reader.network.config
    columns({str(place): label for place, label in config.id2label.items()}, labels, f"{where}.labels")
    if getattr(config, "problem_type", None) == "multi_label_classification":
        raise ConfigError(
            f"{where}.checkpoint: the model may give a text several labels, and shares are of one each.\n"
            "  Use a classifier of one label."
        )


def fit(texts: list[Text], settings: CheckpointRater, beside: Beside | None = None) -> tuple[pa.Table, list[HeldOut]]:
    """Write down how texts are read; nothing is learned. What it says of labelled text, where there is some.

    Args:
        texts: Labelled texts that it is tested on, if any.
        settings: Labels, parts and windows.
        beside: Where its weights are.

    Raises:
        ConfigError: The texts have other labels.
    """
    assert beside is not None and beside.checkpoint is not None
    if strange := sorted({text.label or "" for text in texts} - set(settings.labels)):
        raise ConfigError(
            f"its corpus has the label(s) {_listed(tuple(strange))}, but the rater {_listed(settings.labels)}.\n"
            "  Test it on text with its own labels, or on none (leave `corpus` out)."
        )
    learned = _described(settings, columns(_id2label(beside.checkpoint.parent), settings.labels, "labels"))
    model = load(learned, beside)
    parts = [(text, part) for text in texts for part in model.parts(text.text)]
    said = [model.reader.probabilities([part])[0, model.columns] for _, part in parts]
    rows = [
        HeldOut(text.group, part, text.label or "", settings.labels[int(p.argmax())], float(p.max()))
        for (text, part), p in zip(parts, said, strict=True)
    ]
    return learned, rows


def load(learned: pa.Table, beside: Beside | None = None) -> CheckpointModel:
    """The classifier of such a table."""
    from collapse.families import reading

    assert beside is not None and beside.checkpoint is not None
    labels = labels_of(learned)
    places = learned.filter(pc.equal(learned["part"], "output"))
    column = dict(zip(places["label"].to_pylist(), places["value"].to_pylist(), strict=True))
    facts = dict(zip(learned["part"].to_pylist(), learned["value"].to_pylist(), strict=True))
    return CheckpointModel(
        labels=labels,
        are_levels=bool(facts["levels"]),
        reader=reading.load(beside.checkpoint, TELLS, int(facts["window"]), beside.device),
        columns=np.array([int(column[label]) for label in labels]),
        by_sentence=bool(facts["sentences"]),
    )


def _described(settings: CheckpointRater, places: list[int]) -> pa.Table:
    rows = [("label", "", label, float(place)) for place, label in enumerate(settings.labels)]
    rows += [("output", "", label, float(place)) for label, place in zip(settings.labels, places, strict=True)]
    rows += [("levels", "", "", float(settings.are_levels)), ("sentences", "", "", float(settings.part == "sentence"))]
    return table([*rows, ("window", "", "", float(settings.window_tokens))])


def _id2label(folder: Path) -> dict[str, object]:
    """Labels by their places, as a config says; none where it says nothing of them."""
    try:
        found = entries(folder / CONFIG).get("id2label")
    except (OSError, ValueError) as error:
        raise ContractError(f"{folder / CONFIG}: cannot be read ({error}).\n  Put the model back.") from None
    return found if isinstance(found, dict) else {}
