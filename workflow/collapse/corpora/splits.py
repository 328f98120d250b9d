"""What is held out, decided by digest: no seed, no row order, whole groups at a time."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from collapse.artifacts import lineage
from collapse.config.settings import CorpusSettings
from collapse.corpora import RealText
from collapse.errors import ConfigError

HELD_OUT_FIRST = ("test", "validation", "train", "reserve")
"""Which split keeps a text that occurs in several: what is held out is never trained on."""


@dataclass(frozen=True)
class Placed:
    """A text and the split it belongs to."""

    real: RealText
    split: str


def split(texts: list[RealText], settings: CorpusSettings) -> list[Placed]:
    """Place texts in `train`, `validation`, `test` and `reserve`, at most the stated bytes in each.

    Groups are ranked by the digest of their name: the first `test_fraction` of them are test, the next validation,
    the rest train. Within a split, texts are taken by digest until the next would not fit; training text that does
    not fit goes to the reserve. A text that is found more than once is kept once.

    Raises:
        ConfigError: There are too few groups for three splits, or a limit is too small for a single text.
    """
    of_group = _split_of_group({text.group for text in texts}, settings)
    unique = without_repeats([Placed(text, of_group[text.group]) for text in texts])
    by_split = {name: [placed for placed in unique if placed.split == name] for name in HELD_OUT_FIRST}
    train, rest = _take(by_split["train"], settings.train_bytes)
    placed = {
        "train": train,
        "validation": _take(by_split["validation"], settings.validation_bytes)[0],
        "test": _take(by_split["test"], settings.test_bytes)[0],
    }
    for name, kept in placed.items():
        if not kept:
            raise _nothing_fits(name, by_split[name], settings)
    reserve = _take(rest, settings.reserve_bytes)[0]
    return [
        *placed["train"],
        *placed["validation"],
        *placed["test"],
        *(Placed(text.real, "reserve") for text in reserve),
    ]


def without_repeats(texts: list[Placed]) -> list[Placed]:
    """Keep each text once, in the split that is held out furthest, and order all by digest. Draws are all kept."""
    kept = dict[tuple[str, int | None], Placed]()
    by_digest = sorted(texts, key=lambda placed: (_digest(placed.real), placed.real.group))
    for placed in sorted(by_digest, key=lambda placed: HELD_OUT_FIRST.index(placed.split)):
        kept.setdefault(_identity(placed.real), placed)
    return [placed for placed in by_digest if kept[_identity(placed.real)] is placed]


def _split_of_group(groups: set[str], settings: CorpusSettings) -> dict[str, str]:
    ranked = sorted(groups, key=lambda group: hashlib.sha256(group.encode()).digest())
    n_test = round(settings.test_fraction * len(ranked))
    n_validation = round(settings.validation_fraction * len(ranked))
    n_train = len(ranked) - n_test - n_validation
    if min(n_test, n_validation, n_train) < 1:
        raise _too_few_groups(n_test, n_validation, n_train)
    splits = ["test"] * n_test + ["validation"] * n_validation + ["train"] * n_train
    return dict(zip(ranked, splits, strict=True))


def _too_few_groups(n_test: int, n_validation: int, n_train: int) -> ConfigError:
    n_groups = n_test + n_validation + n_train
    found = f"corpus: the source has {n_groups} group(s) of texts"
    if n_groups < 3:
        return ConfigError(
            f"{found}, but training, validation and test need at least 3, one each.\n"
            "  Use more text, or a group_column with more values (null makes every row its own group)."
        )
    return ConfigError(
        f"{found}: {n_test} for test_fraction, {n_validation} for validation_fraction, {n_train} for training.\n"
        f"  Each needs one. Set the fractions nearer to 1/{n_groups} = {1 / n_groups:.2g}, or use more groups."
    )


def _take(texts: list[Placed], limit: int) -> tuple[list[Placed], list[Placed]]:
    n_kept = sum(1 for _ in _within(texts, limit))
    return texts[:n_kept], texts[n_kept:]


def _within(texts: list[Placed], limit: int) -> Iterator[Placed]:
    held = 0
    for placed in texts:
        held += len(placed.real.whole.encode())
        if held > limit:
            return
        yield placed


def _nothing_fits(name: str, texts: list[Placed], settings: CorpusSettings) -> ConfigError:
    if not texts:
        return ConfigError(
            f"corpus: every text of the {name} groups also occurs in groups held out further.\n"
            "  Remove the repeats, or choose a group_column that keeps them together."
        )
    n_bytes = len(texts[0].real.whole.encode())
    return ConfigError(
        f"corpus.{name}_bytes: {getattr(settings, f'{name}_bytes')} does not hold one text; the first has {n_bytes}.\n"
        "  Raise it, or split the source into shorter texts."
    )


def _identity(text: RealText) -> tuple[str, int | None]:
    return text.whole, text.draw


def _digest(text: RealText) -> str:
    return lineage.document_id(text.source, text.whole)
