"""Which label a text has: multinomial logistic regression (scikit-learn) on words and pairs of words.

Features are tf-idf (sublinear, of unit length) of words and pairs of words that occur in two windows or more; labels
weigh alike however many windows they have. What is held out are whole groups of each label, speakers or outlets, so its
accuracy is that on people whom it has never read.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collapse.config.raters import LabelRater
from collapse.errors import ConfigError
from collapse.raters import Beside, HeldOut, Text, is_held_out, labels_of, table

MOST_FEATURES, LEAST_WINDOWS = 50_000, 2
INVERSE_PENALTY, MOST_STEPS = 10.0, 1_000
"""C of the regression."""


@dataclass(frozen=True)
class LabelModel:
    """A fitted one.

    Attributes:
        labels: Its labels, in alphabetical order.
        vectorizer: Counts features.
        weights: Of every label and feature, `(n_labels, n_features)`.
        intercepts: Shape `(n_labels,)`.
    """

    labels: tuple[str, ...]
    vectorizer: Any
    weights: np.ndarray
    intercepts: np.ndarray
    are_levels: bool = False

    def probabilities(self, text: str) -> np.ndarray:
        """Of each label for the whole text, shape `(1, n_labels)`."""
        return self.of_all([text])

    def of_all(self, texts: list[str]) -> np.ndarray:
        """The same for many, `(n_texts, n_labels)`."""
        logits = self.vectorizer.transform(texts) @ self.weights.T + self.intercepts
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)


def fit(texts: list[Text], settings: LabelRater, _beside: Beside | None = None) -> tuple[pa.Table, list[HeldOut]]:
    """Fit the regression, and ask it about what was held out.

    Args:
        texts: Labelled texts.
        settings: Length of windows, share held out.

    Raises:
        ConfigError: There are fewer than two labels, or a label has one group alone.
    """
    labels = sorted({text.label or "" for text in texts})
    if len(labels) < 2:
        raise ConfigError(f"a rater tells labels apart, and all texts are `{labels[0]:.60}`.\n  Use another column.")
    held_out = _held_out(texts, labels, settings.held_out)
    parts = [
        (text, part, is_out)
        for text, is_out in zip(texts, held_out, strict=True)
        for part in _windows(text, settings.window_words)
    ]
    read, kept = ([(text, part) for text, part, is_out in parts if is_out == of] for of in (False, True))
    model = _fitted([part for _, part in read], [text.label or "" for text, _ in read], labels)
    said = model.of_all([part for _, part in kept])
    rows = [
        HeldOut(text.group, part, text.label or "", labels[int(p.argmax())], float(p.max()))
        for (text, part), p in zip(kept, said, strict=True)
    ]
    return _learned(model), rows


def load(learned: pa.Table, _beside: Beside | None = None) -> LabelModel:
    """The regression of such a table."""
    labels = labels_of(learned)
    idf = learned.filter(pc.equal(learned["part"], "idf")).sort_by("feature")
    features = idf["feature"].to_pylist()
    weights = learned.filter(pc.equal(learned["part"], "weight"))
    ordered = weights.sort_by([("feature", "ascending"), ("label", "ascending")])["value"].to_numpy()
    values = ordered.reshape(-1, len(labels))  # the intercepts' feature is empty, so they come first
    vectorizer = _vectorizer(vocabulary={feature: index for index, feature in enumerate(features)})
    vectorizer.idf_ = idf["value"].to_numpy()
    return LabelModel(labels, vectorizer, values[1:].T, values[0])


def _held_out(texts: list[Text], labels: list[str], share: float) -> np.ndarray:
    """Which texts are: by group, label by label; a group of two labels is held out of both if of either."""
    out = set[str]()
    for label in labels:
        groups = [text.group for text in texts if text.label == label]
        out |= {group for group, is_out in zip(groups, is_held_out(groups, share), strict=True) if is_out}
    return np.array([text.group in out for text in texts])


def _windows(text: Text, n_words: int) -> list[str]:
    """Windows of about so many words, all as long as each other."""
    words = text.text.split()
    n_windows = max(1, round(len(words) / n_words))
    return [" ".join(part) for part in np.array_split(np.array(words, dtype=object), n_windows)]


def _vectorizer(**how: Any) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, dtype=np.float64, **how)


def _fitted(texts: list[str], given: list[str], labels: list[str]) -> LabelModel:
    from sklearn.linear_model import LogisticRegression

    vectorizer = _vectorizer(min_df=min(LEAST_WINDOWS, len(texts)), max_features=MOST_FEATURES)
    features = vectorizer.fit_transform(texts)
    found = LogisticRegression(C=INVERSE_PENALTY, class_weight="balanced", max_iter=MOST_STEPS).fit(features, given)
    weights, intercepts = found.coef_, found.intercept_
    if len(labels) == 2:  # of two labels, the odds of the second are kept
        weights, intercepts = np.concatenate([-weights, weights]) / 2, np.concatenate([-intercepts, intercepts]) / 2
    return LabelModel(tuple(labels), vectorizer, weights, intercepts)


def _learned(model: LabelModel) -> pa.Table:
    features = model.vectorizer.get_feature_names_out().tolist()
    rows = [("label", "", label, float(index)) for index, label in enumerate(model.labels)]
    rows += [("idf", feature, "", float(value)) for feature, value in zip(features, model.vectorizer.idf_, strict=True)]
    for label, intercept, weights in zip(model.labels, model.intercepts, model.weights, strict=True):
        rows += [("weight", "", label, float(intercept))]
        rows += [("weight", feature, label, float(value)) for feature, value in zip(features, weights, strict=True)]
    return table(rows)
