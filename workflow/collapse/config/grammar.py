"""A made-up language: a probabilistic grammar without recursion, small enough that all it can write is listed."""

import functools
import math
from collections import Counter
from itertools import product
from typing import Annotated, NamedTuple

from pydantic import Field, model_validator

from collapse.config.base import LONGEST_NAME, Settings

START = "document"
"""Symbol that every document begins as."""

SYLLABLES = tuple(consonant + vowel for consonant in "bdfgklmnprstvz" for vowel in "aeiou")
"""A word is two of these, so all words are equally long."""

WORD_LETTERS = 4
MOST_WORDS = len(SYLLABLES) ** 2
MOST_DOCUMENTS = 100_000
"""Documents that are listed with their probabilities and scored under every model; more would take minutes a model."""
LONGEST = 100
"""Words of the longest document."""
COUNTED = 10**12
"""Documents are counted up to here: a few rules that nest deeply write more than a number can hold."""

Symbol = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=LONGEST_NAME)]


class WordClass(Settings):
    """Words that may stand in one another's place; the k-th has a probability in proportion to k^-zipf_exponent."""

    name: Symbol
    words: int = Field(ge=1, le=MOST_WORDS)
    """How many."""


class Rule(Settings):
    """One way in which a symbol is written out."""

    symbol: Symbol
    becomes: tuple[Symbol, ...] = Field(min_length=1)
    """Symbols and word classes, in order."""
    weight: float = Field(gt=0, le=1e9)
    """The rule's probability is its weight over the sum of the weights of its symbol's rules."""


class Reach(NamedTuple):
    """What a symbol can become: in how many ways, and the most words of any."""

    n_ways: int
    n_words: int


class GrammarSettings(Settings):
    """A language whose distribution is known exactly: documents are independent draws from a grammar."""

    seed: int = Field(ge=0, lt=2**31)
    """Decides the words' letters and the draws."""
    draws: int = Field(ge=3, le=10_000_000)
    """Documents drawn, with repeats; each is a group of its own, so whether it is held out is not up to its text."""
    zipf_exponent: float = Field(gt=0, le=10)
    """How much rarer each word of a class is than the one before; 1 is Zipf's law."""
    lexicon: tuple[WordClass, ...] = Field(min_length=1)
    rules: tuple[Rule, ...] = Field(min_length=1)
    """`document` is where a document begins. No symbol may contain itself."""

    @model_validator(mode="after")
    def _is_a_language(self) -> "GrammarSettings":
        self._check_names()
        self._check_size(self.reach())
        self._check_ambiguity()
        return self

    def rules_of(self, symbol: str) -> tuple[Rule, ...]:
        """The ways in which a symbol is written out; none for a word class."""
        return tuple(rule for rule in self.rules if rule.symbol == symbol)

    def reach(self) -> Reach:
        """How many documents there are, and the words of the longest.

        Raises:
            ValueError: A symbol contains itself.
        """
        sizes, open_symbols = {one.name: Reach(one.words, 1) for one in self.lexicon}, list[str]()

        def of(symbol: str) -> Reach:
            if symbol in open_symbols:
                path = " → ".join([*open_symbols[open_symbols.index(symbol) :], symbol])
                raise ValueError(f"rules: {path} contains itself, so what it can write has no end")
            if symbol not in sizes:
                open_symbols.append(symbol)
                ways = [[of(child) for child in rule.becomes] for rule in self.rules_of(symbol)]
                open_symbols.pop()
                n_ways = min(COUNTED, sum(math.prod(child.n_ways for child in way) for way in ways))
                sizes[symbol] = Reach(n_ways, max(sum(child.n_words for child in way) for way in ways))
            return sizes[symbol]

        return of(START)

    @property
    def longest_document(self) -> int:
        """Bytes of the longest document: words and the spaces between them."""
        return self.reach().n_words * (WORD_LETTERS + 1) - 1

    def _check_names(self) -> None:
        classes, symbols = [one.name for one in self.lexicon], {rule.symbol for rule in self.rules}
        used = {START, *(name for rule in self.rules for name in rule.becomes)}
        problems = {
            "is a word class, but it is where a document begins, so it needs rules": {START}.intersection(classes),
            "appears more than once in the lexicon": {name for name in classes if classes.count(name) > 1},
            "is both a word class and the symbol of a rule": symbols.intersection(classes),
            "is neither a word class nor the symbol of a rule": used.difference(classes, symbols),
            "is used by no rule": symbols.union(classes) - used,
        }
        for problem, names in problems.items():
            if names:
                raise ValueError(f"`{min(names)}` {problem}")

    def _check_size(self, reach: Reach) -> None:
        n_words = sum(one.words for one in self.lexicon)
        if n_words > MOST_WORDS:
            raise ValueError(f"lexicon: has {n_words:,} words, but there are only {MOST_WORDS:,} of two syllables")
        if reach.n_ways > MOST_DOCUMENTS:
            raise ValueError(
                f"can write {reach.n_ways:,} documents, but at most {MOST_DOCUMENTS:,} can be listed and scored; use "
                "fewer words or shorter rules"
            )
        if reach.n_ways < 2:
            raise ValueError("can write one document only, so there is nothing to learn")
        if reach.n_words > LONGEST:
            raise ValueError(f"rules: the longest document has {reach.n_words:,} words; at most {LONGEST} are allowed")

    def _check_ambiguity(self) -> None:
        """With two derivations of one document, entropy would be no sum over rules."""

        @functools.cache
        def sequences(symbol: str) -> list[tuple[str, ...]]:
            """Every sequence of word classes that a symbol can become."""
            ways = [product(*map(sequences, rule.becomes)) for rule in self.rules_of(symbol)] or [[((symbol,),)]]
            return [tuple(name for part in parts for name in part) for way in ways for parts in way]

        repeated = [sequence for sequence, n_ways in Counter(sequences(START)).items() if n_ways > 1]
        if repeated:
            raise ValueError(f"rules: `{' '.join(min(repeated))}` can be written in two ways; keep one of them")
