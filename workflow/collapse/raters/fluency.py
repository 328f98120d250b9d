"""How fluent sentences are: noise, word salad, mild gibberish or clean, as levels 0 to 3.

The four levels are those of the detector that Wang et al. 2025 use (section 4.3), made here from real text. The groups
of a corpus are dealt out in three. From the first, words and pairs of words are counted. The sentences of the second,
and the same ones spoilt in three ways, are what a logistic regression (scikit-learn) on a few features is fitted to;
those of the third are what it is tested on. Letters at random are noise; words at random or in another order are salad;
a sentence with some of its words exchanged, doubled or left out is mild gibberish.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collapse.config.raters import LEVELS, FluencyRater
from collapse.errors import ConfigError
from collapse.randomness import stream
from collapse.raters import Beside, HeldOut, Text, labels_of, table

SENTENCE_END = re.compile(r"(?<=[.!?;])\s+|\n+")
WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")

LEAST_WORDS = 3
"""Shorter sentences are not rated: too little can be said of them."""

SPOILT_SHARE = 0.3
"""Of the words of mild gibberish."""

LETTERS = np.array(list("abcdefghijklmnopqrstuvwxyz"))

BACK_OFF = 0.4
"""Weight of a word's own probability beside that after the word before (stupid back-off; Brants et al. 2007)."""

INVERSE_PENALTY, MOST_STEPS = 1.0, 1_000


@dataclass(frozen=True)
class Counts:
    """How often words and pairs of words occur in real text."""

    words: dict[str, int]
    pairs: dict[str, int]
    n_words: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "n_words", sum(self.words.values()))

    @classmethod
    def of(cls, sentences: list[list[str]]) -> "Counts":
        """Count them."""
        pairs = (f"{first} {second}" for words in sentences for first, second in pairwise(words))
        return cls(dict(Counter(word for words in sentences for word in words)), dict(Counter(pairs)))

    def features(self, words: list[str]) -> np.ndarray:
        """What is seen of a sentence of at least two words, shape `(n_features,)`.

        Its mean log-probability by words and by pairs, and that of its least likely pair; the shares of words and of
        pairs that real text does not have; of those that it repeats itself, at once too; and its length.
        """
        pairs = list(pairwise(words))
        known = np.array([self.words.get(word, 0) for word in words])
        together = np.array([self.pairs.get(f"{first} {second}", 0) for first, second in pairs])
        by_word = np.log((known + 0.1) / (self.n_words + 1))
        after = np.where(together > 0, together / np.maximum(known[:-1], 1), 0)
        by_pair = np.log(np.maximum(after, BACK_OFF * np.exp(by_word[1:])))
        return np.array(
            [
                by_word.mean(),
                by_pair.mean(),
                by_pair.min(),
                np.mean(known == 0),
                np.mean(together == 0),
                1 - len(set(words)) / len(words),
                1 - len(set(pairs)) / len(pairs),
                np.mean([first == second for first, second in pairs]),
                np.log(len(words)),
            ]
        )


def expanded(features: np.ndarray) -> np.ndarray:
    """Features, their squares and products: `(n, m)` to `(n, m + m * (m + 1) / 2)`."""
    first, second = np.triu_indices(features.shape[1])
    return np.concatenate([features, features[:, first] * features[:, second]], axis=1)


@dataclass(frozen=True)
class FluencyModel:
    """A fitted one.

    Attributes:
        counts: Of real text.
        means: Of the features, shape `(n_features,)`.
        scales: Their standard deviations.
        weights: Of every level and expanded feature, `(4, n_expanded)`.
        intercepts: Shape `(4,)`.
    """

    counts: Counts
    means: np.ndarray
    scales: np.ndarray
    weights: np.ndarray
    intercepts: np.ndarray
    labels: tuple[str, ...] = LEVELS
    are_levels: bool = True

    def probabilities(self, text: str) -> np.ndarray:
        """Of each level for every sentence of three words or more, `(n_sentences, 4)`."""
        return self.of_sentences(sentences(text))

    def of_sentences(self, found: list[list[str]]) -> np.ndarray:
        """The same for sentences as words."""
        if not found:
            return np.zeros((0, len(self.labels)))
        features = np.array([self.counts.features(words) for words in found])
        logits = expanded((features - self.means) / self.scales) @ self.weights.T + self.intercepts
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)


def sentences(text: str) -> list[list[str]]:
    """The words, in lower case, of every sentence that has three or more."""
    found = ([word.lower() for word in WORD.findall(part)] for part in SENTENCE_END.split(text))
    return [words for words in found if len(words) >= LEAST_WORDS]


def fit(texts: list[Text], settings: FluencyRater, _beside: Beside | None = None) -> tuple[pa.Table, list[HeldOut]]:
    """Count, spoil, fit, and ask about sentences of texts that were not fitted to.

    Args:
        texts: Real texts of at least three groups.
        settings: How many sentences.

    Raises:
        ConfigError: There are too few groups or sentences.
    """
    parts = _dealt(texts)
    counts = Counts.of([words for _, words in parts[0]])
    rng = stream(0, 0, "fluency")
    chosen = [[part[row] for row in np.sort(rng.permutation(len(part))[: settings.sentences])] for part in parts[1:]]
    (_, seen, levels), (groups, unseen, truth) = (_spoilt(part, counts, rng) for part in chosen)
    model = _fitted(counts, seen, levels)
    said = model.of_sentences(unseen)
    rows = [
        HeldOut(group, " ".join(words), LEVELS[level], LEVELS[int(p.argmax())], float(p.max()))
        for group, words, level, p in zip(groups, unseen, truth, said, strict=True)
    ]
    return _learned(model), rows


def load(learned: pa.Table, _beside: Beside | None = None) -> FluencyModel:
    """The model of such a table."""
    assert labels_of(learned) == LEVELS
    values = {
        part: learned.filter(pc.equal(learned["part"], part)) for part in ("word", "pair", "mean", "scale", "weight")
    }
    words, pairs = (
        dict(zip(values[part]["feature"].to_pylist(), values[part]["value"].cast(pa.int64()).to_pylist(), strict=True))
        for part in ("word", "pair")
    )
    weights = values["weight"]
    by_level = {
        level: weights.filter(pc.equal(weights["label"], level)).sort_by("feature")["value"].to_numpy()
        for level in LEVELS
    }
    both = np.array([by_level[level] for level in LEVELS])  # the intercept's feature is empty, so it comes first
    means, scales = (values[part].sort_by("feature")["value"].to_numpy() for part in ("mean", "scale"))
    return FluencyModel(Counts(words, pairs), means, scales, both[:, 1:], both[:, 0])


Sentence = tuple[str, list[str]]
"""A sentence's group and words."""

Spoilt = tuple[list[str], list[list[str]], np.ndarray]
"""Groups, words and levels of sentences."""


def _dealt(texts: list[Text]) -> tuple[list[Sentence], ...]:
    """Sentences of real text in three parts, six, two and two tenths of the groups, the largest groups spread out."""
    sizes = Counter(text.group for text in texts)
    order = [group for group, _ in sorted(sizes.items(), key=lambda item: (-item[1], item[0]))]
    if len(order) < 3:
        raise ConfigError(
            f"a fluency rater counts, learns and is tested on different groups of texts, and there are {len(order)}.\n"
            "  Use a corpus of three groups or more (group_column)."
        )
    place = {group: (0, 1, 2, 0, 0)[index % 5] for index, group in enumerate(order)}
    parts: tuple[list[Sentence], ...] = ([], [], [])
    for text in texts:
        parts[place[text.group]].extend((text.group, words) for words in sentences(text.text))
    if min(map(len, parts)) < LEAST_SENTENCES:
        raise ConfigError(
            f"a fluency rater needs {LEAST_SENTENCES} sentences to count, to learn and to be tested on, and has "
            f"{', '.join(str(len(part)) for part in parts)}.\n  Use more text."
        )
    return parts


LEAST_SENTENCES = 50


def _spoilt(part: list[Sentence], counts: Counts, rng: np.random.Generator) -> Spoilt:
    """Every sentence four times: as noise, as salad, as mild gibberish and as it is."""
    vocabulary = np.array(sorted(counts.words))
    chances = np.array([counts.words[word] for word in vocabulary]) / counts.n_words
    ends = np.cumsum([len(words) for _, words in part])
    drawn = np.split(rng.choice(vocabulary, ends[-1], p=chances), ends[:-1])
    letters = np.split(rng.choice(LETTERS, sum(len("".join(words)) for _, words in part)), _ends(part)[:-1])
    groups, found = list[str](), list[list[str]]()
    for index, (group, words) in enumerate(part):
        salad = drawn[index].tolist() if index % 2 else [words[place] for place in rng.permutation(len(words))]
        spoilt = mild(words, drawn[index].tolist(), rng)
        found += [noise(words, letters[index]), salad, spoilt, words]
        groups += [group] * len(LEVELS)
    return groups, found, np.tile(np.arange(len(LEVELS)), len(part))


def _ends(part: list[Sentence]) -> np.ndarray:
    """Where the letters of each sentence end, one sentence after the other."""
    return np.cumsum([len("".join(words)) for _, words in part])


def noise(words: list[str], letters: np.ndarray) -> list[str]:
    """Letters in the place of those of each word; there are as many."""
    ends = np.cumsum([len(word) for word in words])
    return ["".join(part) for part in np.split(letters, ends[:-1])]


def mild(words: list[str], others: list[str], rng: np.random.Generator) -> list[str]:
    """A sentence with a share of its words, one or more, exchanged for others, doubled or left out.

    Args:
        words: The sentence.
        others: As many words to put in.
        rng: Chooses.
    """
    spoilt = set(rng.permutation(len(words))[: max(1, round(SPOILT_SHARE * len(words)))].tolist())
    how = rng.integers(3, size=len(words))
    found = list[str]()
    for place, word in enumerate(words):
        if place not in spoilt:
            found.append(word)
        elif how[place] == 0:
            found.append(others[place])
        elif how[place] == 1:
            found += [word, word]
    return found if len(found) >= LEAST_WORDS else [*words, words[-1]]


def _fitted(counts: Counts, seen: list[list[str]], levels: np.ndarray) -> FluencyModel:
    from sklearn.linear_model import LogisticRegression

    features = np.array([counts.features(words) for words in seen])
    means, scales = features.mean(axis=0), features.std(axis=0) + 1e-9
    expanded_features = expanded((features - means) / scales)
    found = LogisticRegression(C=INVERSE_PENALTY, max_iter=MOST_STEPS).fit(expanded_features, levels)
    return FluencyModel(counts, means, scales, found.coef_, found.intercept_)


def _learned(model: FluencyModel) -> pa.Table:
    rows = [("label", "", level, float(index)) for index, level in enumerate(LEVELS)]
    rows += [("word", word, "", float(n)) for word, n in model.counts.words.items()]
    rows += [("pair", pair, "", float(n)) for pair, n in model.counts.pairs.items()]
    for part, values in (("mean", model.means), ("scale", model.scales)):
        rows += [(part, f"{index:03d}", "", float(value)) for index, value in enumerate(values)]
    for level, intercept, weights in zip(LEVELS, model.intercepts, model.weights, strict=True):
        rows += [("weight", "", level, float(intercept))]
        rows += [("weight", f"{index:03d}", level, float(value)) for index, value in enumerate(weights)]
    return table(rows)
