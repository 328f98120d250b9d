"""The same number of texts of every label, chosen by digest: no seed, and no row order."""

from collections import Counter

from collapse.artifacts import lineage
from collapse.config.settings import BalanceSettings
from collapse.corpora import RealText
from collapse.errors import ConfigError

MOST_NAMED = 12
"""Labels that a message lists."""


def balanced(texts: list[RealText], settings: BalanceSettings) -> list[RealText]:
    """Of each label, the texts whose digests come first; a text that is found more than once counts once.

    Raises:
        ConfigError: A label is of no text, or of fewer than are asked for.
    """
    unique = {text.whole: text for text in reversed(texts) if text.label is not None}
    counts = Counter(text.label for text in unique.values())
    names = settings.labels or tuple(sorted(label for label in counts if label))
    for name in names:
        if not counts[name]:
            known = ", ".join(f"`{label}`" for label in sorted(counts, key=str)[:MOST_NAMED])
            raise ConfigError(
                f"corpus.balance.labels: `{name}` is the label of no text.\n  The source has {known or 'no labels'}."
            )
        if counts[name] < settings.per_label:
            raise ConfigError(
                f"corpus.balance.per_label: is {settings.per_label:,}, but `{name}` is the label of {counts[name]:,} "
                "texts.\n  Lower it, leave that label out of corpus.balance.labels, or use more text."
            )
    ranked = sorted(unique.values(), key=lambda text: lineage.document_id(text.source, text.whole))
    chosen = {name: [text for text in ranked if text.label == name][: settings.per_label] for name in names}
    return [text for name in names for text in chosen[name]]
