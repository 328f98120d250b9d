"""A made-up language whose distribution is known exactly, so that a model's distance from it can be computed.

A grammar's rules and a lexicon with Zipfian frequencies give every document a probability. What it can write is small
enough to be listed. Its documents are drawn independently, so the same text may be drawn again: each draw is a
document of its own, as it would be in a corpus of real sentences that is read with its frequencies.
"""

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from collapse.config.grammar import START, SYLLABLES, GrammarSettings
from collapse.corpora import RealText
from collapse.randomness import stream

LICENCE = "made up by this project; no rights are claimed"


@dataclass(frozen=True)
class Support:
    """Everything a grammar can write.

    Attributes:
        texts: The documents, all different.
        probability: Probability of each, shape `(n_documents,)`; they add up to 1.
    """

    texts: list[str]
    probability: np.ndarray


def read(settings: GrammarSettings) -> list[RealText]:
    """Draw documents independently from the grammar."""
    known = support(settings)
    rng = stream(settings.seed, 0, "grammar draws")
    drawn = rng.choice(len(known.texts), size=settings.draws, p=known.probability)
    return [
        RealText(known.texts[row], group=f"draw {draw}", source=f"grammar, draw {draw}", licence=LICENCE, draw=draw)
        for draw, row in enumerate(drawn.tolist())
    ]


def support(settings: GrammarSettings) -> Support:
    """List every document with its probability."""
    words, shares = lexicon(settings), zipf_shares(settings)
    texts, probabilities = list[str](), list[np.ndarray]()
    for probability, classes in _sequences(settings, START):
        texts += [" ".join(chosen) for chosen in product(*(words[name] for name in classes))]
        joint = functools.reduce(np.multiply.outer, [shares[name] for name in classes])
        probabilities.append(probability * joint.ravel())
    return Support(texts, np.concatenate(probabilities))


def entropy(settings: GrammarSettings) -> float:
    """Entropy of a document in nats, without listing any: by the chain rule over the grammar.

    With h(w) = −Σ_k p_k ln p_k of a word class, and for a symbol s whose rule r has probability p_r,
    h(s) = −Σ_r p_r ln p_r + Σ_r p_r Σ_c h(c) over the children c of r (derived here). It needs a grammar in which
    every document has one derivation; the settings refuse others.
    """
    of_class = {name: -float(share @ np.log(share)) for name, share in zipf_shares(settings).items()}

    @functools.cache
    def of(symbol: str) -> float:
        if symbol in of_class:
            return of_class[symbol]
        return sum(p * (-math.log(p) + sum(map(of, children))) for p, children in _rules(settings, symbol))

    return of(START)


def lexicon(settings: GrammarSettings) -> dict[str, list[str]]:
    """The words of each class, the most frequent first; all different."""
    order = stream(settings.seed, 0, "grammar words").permutation(len(SYLLABLES) ** 2).tolist()
    made = (SYLLABLES[number // len(SYLLABLES)] + SYLLABLES[number % len(SYLLABLES)] for number in order)
    return {one.name: [next(made) for _ in range(one.words)] for one in settings.lexicon}


def zipf_shares(settings: GrammarSettings) -> dict[str, np.ndarray]:
    """Probability of each class's words, the k-th in proportion to k^-zipf_exponent, shape `(n_words,)`."""
    weights = {one.name: np.arange(1.0, one.words + 1) ** -settings.zipf_exponent for one in settings.lexicon}
    return {name: weight / weight.sum() for name, weight in weights.items()}


def _rules(settings: GrammarSettings, symbol: str) -> list[tuple[float, tuple[str, ...]]]:
    """A symbol's rules: probability and children."""
    rules = settings.rules_of(symbol)
    total = sum(rule.weight for rule in rules)
    return [(rule.weight / total, rule.becomes) for rule in rules]


def _sequences(settings: GrammarSettings, symbol: str) -> Iterator[tuple[float, tuple[str, ...]]]:
    """Every sequence of word classes that a symbol can become, with its probability."""
    if not settings.rules_of(symbol):
        yield 1.0, (symbol,)
    for probability, children in _rules(settings, symbol):
        for parts in product(*(list(_sequences(settings, child)) for child in children)):
            classes = tuple(name for _, names in parts for name in names)
            yield probability * math.prod(share for share, _ in parts), classes
