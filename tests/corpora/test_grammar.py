"""A grammar's documents, probabilities, entropy and draws against oracles that share no code with it."""

import math
from collections import Counter
from collections.abc import Iterator
from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy import stats

from collapse.config.grammar import GrammarSettings
from collapse.corpora import grammar

TINY = {
    "seed": 0,
    "draws": 100,
    "zipf_exponent": 1.0,
    "lexicon": [{"name": "noun", "words": 3}, {"name": "verb", "words": 2}],
    "rules": [
        {"symbol": "document", "becomes": ["noun", "verb"], "weight": 1},
        {"symbol": "document", "becomes": ["noun", "verb", "noun"], "weight": 3},
    ],
}


def language(**changed: object) -> GrammarSettings:
    return GrammarSettings.model_validate(TINY | changed)


def derived(known: GrammarSettings, pending: list[str], words: dict[str, list[str]]) -> Iterator[tuple[float, str]]:
    """Every document, written from left to right one symbol at a time; none of the module's formulas."""
    if not pending:
        yield 1.0, ""
        return
    first, *rest = pending
    if first in words:
        total = sum(k**-known.zipf_exponent for k in range(1, len(words[first]) + 1))
        ways = [(k**-known.zipf_exponent / total, [], word) for k, word in enumerate(words[first], start=1)]
    else:
        rules = [rule for rule in known.rules if rule.symbol == first]
        total = sum(rule.weight for rule in rules)
        ways = [(rule.weight / total, list(rule.becomes), "") for rule in rules]
    for probability, children, word in ways:
        for share, text in derived(known, children + rest, words):
            yield probability * share, f"{word} {text}".strip()


@st.composite
def grammars(draw: st.DrawFn) -> GrammarSettings:
    """Layers of symbols, each written in symbols of later layers and in word classes."""
    layers = ["document", *(f"s{i}" for i in range(draw(st.integers(0, 2))))]
    classes = ["a", "b", "c"]
    rules = []
    for depth, symbol in enumerate(layers):
        for _ in range(draw(st.integers(1, 3))):
            children = draw(st.lists(st.sampled_from(layers[depth + 1 :] + classes), min_size=1, max_size=3))
            rules.append({"symbol": symbol, "becomes": children, "weight": draw(st.floats(0.1, 10))})
    used = {name for rule in rules for name in rule["becomes"]}
    lexicon = [{"name": name, "words": draw(st.integers(1, 4))} for name in classes if name in used]
    exponent, seed = draw(st.floats(0.1, 3)), draw(st.integers(0, 2**40))
    made = {"seed": seed, "draws": 10, "zipf_exponent": exponent, "lexicon": lexicon, "rules": rules}
    try:
        return GrammarSettings.model_validate(made)
    except ValidationError:
        assume(False)
        raise


@given(grammars())
def test_what_is_listed_is_what_is_derived_and_its_entropy_is_the_chain_rules(known: GrammarSettings) -> None:
    assume(known.reach().n_ways <= 2_000)
    listed = grammar.support(known)
    expected = Counter[str]()
    for probability, text in derived(known, ["document"], grammar.lexicon(known)):
        expected[text] += probability
    assert len(listed.texts) == len(set(listed.texts)) == known.reach().n_ways
    assert dict(zip(listed.texts, listed.probability, strict=True)) == pytest.approx(dict(expected), rel=1e-9)
    assert listed.probability.sum() == pytest.approx(1, abs=1e-12)
    assert max(map(len, listed.texts)) == known.longest_document
    enumerated = -math.fsum(p * math.log(p) for p in listed.probability)
    assert grammar.entropy(known) == pytest.approx(enumerated, rel=1e-9, abs=1e-12)


def test_the_entropy_of_a_grammar_is_the_one_worked_out_by_hand() -> None:
    noun = [6 / 11, 3 / 11, 2 / 11]  # 1, 1/2, 1/3 over 11/6
    verb = [2 / 3, 1 / 3]
    h_noun, h_verb, h_rule = (-sum(p * math.log(p) for p in shares) for shares in (noun, verb, [1 / 4, 3 / 4]))
    by_hand = h_rule + 1 / 4 * (h_noun + h_verb) + 3 / 4 * (2 * h_noun + h_verb)
    assert grammar.entropy(language()) == pytest.approx(by_hand, rel=1e-12)
    assert grammar.entropy(language()) != pytest.approx(by_hand * 1.05, rel=1e-3)


def frequencies(known: GrammarSettings) -> tuple[np.ndarray, np.ndarray]:
    """How often each document was drawn, and how often it should be."""
    listed = grammar.support(known)
    counted = Counter(real.text for real in grammar.read(known))
    assert counted.keys() <= set(listed.texts)
    return np.array([counted[text] for text in listed.texts]), listed.probability * known.draws


def test_draws_follow_the_probabilities_and_not_those_of_another_exponent() -> None:
    drawn, expected = frequencies(language(draws=40_000))
    assert stats.chisquare(drawn, expected).pvalue > 1e-3
    steeper = grammar.support(language(zipf_exponent=1.05)).probability * 40_000
    assert stats.chisquare(drawn, steeper).pvalue < 1e-6


def test_draws_are_independent_of_one_another() -> None:
    texts = [real.text for real in grammar.read(language(draws=20_000))]
    number = {text: index for index, text in enumerate(sorted(set(texts)))}
    pairs = np.zeros((len(number), len(number)))
    for first, second in zip(texts[::2], texts[1::2], strict=True):
        pairs[number[first], number[second]] += 1
    common = pairs.sum(0) > 400
    assert stats.chi2_contingency(pairs[common][:, common]).pvalue > 1e-3


def test_the_seed_decides_the_words_and_the_draws_and_nothing_else() -> None:
    first, again, other = (grammar.read(language(seed=seed)) for seed in (0, 0, 1))
    assert first == again
    assert {word for real in first for word in real.text.split()}.isdisjoint(
        word for real in other for word in real.text.split()
    )
    probabilities = [grammar.support(language(seed=seed)).probability for seed in (0, 1)]
    assert np.array_equal(*probabilities)


def test_words_are_different_within_and_between_classes() -> None:
    largest = language(lexicon=[{"name": "noun", "words": 200}, {"name": "verb", "words": 1}])
    words = [word for words in grammar.lexicon(largest).values() for word in words]
    assert len(set(words)) == 201 and {len(word) for word in words} == {4}


def test_every_draw_is_a_document_and_a_group_of_its_own() -> None:
    drawn = grammar.read(language(draws=500))
    assert len({real.text for real in drawn}) < 30
    assert len({real.group for real in drawn}) == len({(real.source, real.text) for real in drawn}) == 500


DEEP = [
    *({"symbol": f"s{i}", "becomes": [f"s{i + 1}", f"s{i + 1}"], "weight": 1} for i in range(200)),
    {"symbol": "s200", "becomes": ["noun"], "weight": 1},
    {"symbol": "document", "becomes": ["s0"], "weight": 1},
]
LOOP = [
    {"symbol": "document", "becomes": ["noun", "clause"], "weight": 1},
    {"symbol": "clause", "becomes": ["verb", "document"], "weight": 1},
]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"zipf_exponent": 0}, "greater than 0"),
        ({"zipf_exponent": -1}, "greater than 0"),
        ({"zipf_exponent": math.nan}, "finite"),
        ({"draws": 2}, "greater than or equal to 3"),
        ({"lexicon": [{"name": "noun", "words": 0}, {"name": "verb", "words": 2}]}, "greater than or equal to 1"),
        ({"lexicon": [{"name": "noun", "words": 3}]}, "`verb` is neither a word class nor the symbol of a rule"),
        ({"lexicon": [*TINY["lexicon"], {"name": "noun", "words": 3}]}, "`noun` appears more than once"),
        ({"lexicon": [*TINY["lexicon"], {"name": "adverb", "words": 3}]}, "`adverb` is used by no rule"),
        ({"lexicon": [*TINY["lexicon"], {"name": "document", "words": 3}]}, "where a document begins"),
        ({"rules": [{"symbol": "noun", "becomes": ["verb"], "weight": 1}]}, "`noun` is both a word class"),
        ({"rules": [{**TINY["rules"][0], "weight": 0}]}, "greater than 0"),
        ({"rules": [{**TINY["rules"][0], "becomes": []}]}, "at least 1 item"),
        ({"rules": LOOP}, "document → clause → document contains itself"),
        ({"rules": [*TINY["rules"], TINY["rules"][0]]}, "`noun verb` can be written in two ways"),
        ({"lexicon": [{"name": "noun", "words": 400}, {"name": "verb", "words": 2}]}, "can write 320,800 documents"),
        ({"lexicon": [{"name": "noun", "words": 4900}, {"name": "verb", "words": 2}]}, "has 4,902 words"),
        ({"lexicon": [{"name": "noun", "words": 2}], "rules": DEEP}, "at most 100,000 can be listed"),
        ({"lexicon": [{"name": "noun", "words": 1}], "rules": DEEP}, "one document only"),
    ],
)
def test_what_is_no_language_or_too_large_a_one_is_refused(changed: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError) as refused:
        language(**changed)
    assert words in str(refused.value)


def test_a_document_that_is_too_long_is_refused_however_few_there_are() -> None:
    chain = [{"symbol": "document", "becomes": ["noun"] * 101, "weight": 1}]
    ones = {"lexicon": [{"name": "noun", "words": 1}, {"name": "verb", "words": 2}]}
    with pytest.raises(ValidationError, match="longest document has 101 words"):
        language(**ones, rules=[*chain, {"symbol": "document", "becomes": ["verb"], "weight": 1}])


def test_a_naive_product_of_the_lexicon_is_the_support() -> None:
    known = language()
    words = grammar.lexicon(known)
    two = [" ".join(pair) for pair in product(words["noun"], words["verb"])]
    three = [" ".join(triple) for triple in product(words["noun"], words["verb"], words["noun"])]
    assert grammar.support(known).texts == two + three
