"""The n-gram model against its definition, and its sampler against the model."""

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from collapse import families
from collapse.config.settings import DecodingSettings, NgramSettings
from collapse.errors import ConfigError, ContractError
from collapse.families import ngram
from collapse.families.ngram import NgramModel
from collapse.media.text import Vocabulary
from collapse.media.text.sequences import Sequences

BOS, EOS = 0, 1
VOCABULARY = Vocabulary(size=7, bos=BOS, eos=EOS)
ANCESTRAL = DecodingSettings(
    method="sample",
    temperature=1,
    top_p=1,
    top_k=0,
    min_p=0,
    repetition_penalty=1,
    n_beams=1,
    max_new_tokens=12,
    unseen_types="allowed",
)

tokens = st.lists(st.integers(2, VOCABULARY.size - 1), max_size=6)
corpora = st.lists(tokens.map(lambda text: [*text, EOS]), min_size=1, max_size=8)
orders, discounts = st.integers(1, 4), st.floats(0.05, 0.95)


def fitted(texts: list[list[int]], order: int = 3, discount: float = 0.75) -> NgramModel:
    return ngram.count(NgramSettings(order=order, discount=discount), VOCABULARY, Sequences.of(texts))


class Definition:
    """Interpolated Kneser-Ney written down from the formula, with dictionaries and no index arithmetic."""

    def __init__(self, texts: list[list[int]], order: int, discount: float) -> None:
        self.order, self.discount = order, discount
        occurrences, self.counts = Counter[tuple[tuple[int, ...], int]](), Counter[tuple[tuple[int, ...], int]]()
        for text in texts:
            whole = [BOS, *text]
            for place in range(1, len(whole)):
                for length in range(order):
                    if length <= place:
                        occurrences[tuple(whole[place - length : place]), whole[place]] += 1
        for (context, token), n in occurrences.items():
            at_the_end = len(context) == order - 1 or (context and context[0] == BOS)
            longer = {c for c, t in occurrences if t == token and len(c) == len(context) + 1 and c[1:] == context}
            self.counts[context, token] = n if at_the_end else len(longer)

    def probability(self, history: list[int], token: int) -> float:
        whole = (BOS, *history)
        return self._at(whole[len(whole) - min(self.order - 1, len(whole)) :], token)

    def _at(self, context: tuple[int, ...], token: int) -> float:
        shorter = 0 if token == BOS else 1 / (VOCABULARY.size - 1)
        if context:
            shorter = self._at(context[1:], token)
        following = {t: n for (c, t), n in self.counts.items() if c == context}
        if not following:
            return shorter
        total = sum(following.values())
        own = max(following.get(token, 0) - self.discount, 0) / total
        return own + self.discount * len(following) / total * shorter


@given(corpora, orders, discounts, st.lists(tokens, min_size=1, max_size=4))
def test_the_next_distribution_is_the_definitions_and_sums_to_one(
    texts: list[list[int]], order: int, discount: float, histories: list[list[int]]
) -> None:
    definition = Definition(texts, order, discount)
    found = fitted(texts, order, discount).next_distribution(Sequences.of(histories))
    expected = [[definition.probability(history, token) for token in range(VOCABULARY.size)] for history in histories]
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-12)
    assert np.all(found[:, BOS] == 0) and np.all(np.delete(found, BOS, axis=1) > 0)


@given(corpora, orders, discounts, st.lists(st.tuples(tokens, corpora.map(lambda c: c[0])), min_size=1, max_size=4))
def test_a_score_is_minus_the_log_of_the_definitions_product(
    texts: list[list[int]], order: int, discount: float, scored: list[tuple[list[int], list[int]]]
) -> None:
    definition = Definition(texts, order, discount)
    expected = [
        -sum(math.log(definition.probability([*prompt, *text[:place]], text[place])) for place in range(len(text)))
        for prompt, text in scored
    ]
    model = fitted(texts, order, discount)
    prompts, held_out = Sequences.of(p for p, _ in scored), Sequences.of(t for _, t in scored)
    np.testing.assert_allclose(model.score(held_out, prompts), expected, rtol=1e-10)
    joined = model.score(prompts.joined(held_out)) - model.score(prompts)
    np.testing.assert_allclose(joined, expected, rtol=1e-9, atol=1e-9)


def test_no_context_crosses_a_document() -> None:
    one, other = [2, 3, EOS], [4, 5, 6, EOS]
    there, back = fitted([one, other]), fitted([other, one])
    for level, same in zip(there.levels, back.levels, strict=True):
        assert np.array_equal(level.grams, same.grams) and np.array_equal(level.counts, same.counts)


@given(corpora, discounts)
def test_a_bigram_model_expects_each_token_as_often_as_it_occurs(texts: list[list[int]], discount: float) -> None:
    """Kneser-Ney keeps marginals: after the training contexts, only what reaches the uniform distribution moves."""
    model = fitted(texts, order=2, discount=discount)
    histories = Sequences.of(text[:place] for text in texts for place in range(len(text)))
    observed = np.bincount([token for text in texts for token in text], minlength=VOCABULARY.size)
    moved = discount**2 * (np.count_nonzero(observed) / (VOCABULARY.size - 1) - (observed > 0))
    moved[BOS] = 0
    np.testing.assert_allclose(model.next_distribution(histories).sum(axis=0), observed + moved, atol=1e-9)


def test_no_text_to_count_is_refused() -> None:
    with pytest.raises(ContractError, match="holds no token"):
        fitted([])


def test_a_saved_model_is_the_same_model_and_the_same_bytes(tmp_path: Path) -> None:
    texts = [[2, 3, 4, EOS], [2, 3, EOS], [5, EOS]]
    first, second = fitted(texts), fitted(texts)
    names = first.save(tmp_path / "a")
    assert names == second.save(tmp_path / "b") and "model.safetensors" in names
    assert all((tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes() for name in names)
    loaded = families.load("ngram", tmp_path / "a", "cpu")
    held_out = Sequences.of([[2, 3, 5, EOS], [], [6]])
    assert np.array_equal(loaded.score(held_out), first.score(held_out))
    assert loaded.n_parameters == first.n_parameters == sum(len(level.counts) for level in first.levels)


# --- sampling -------------------------------------------------------------------------------------------------------

MODEL = fitted(
    [[2, 3, 4, EOS], [2, 3, 3, 5, EOS], [2, 4, EOS], [6, 2, EOS], [EOS], [3, 3, 3, EOS]], order=3, discount=0.5
)


def seeds(n: int, first: int = 0) -> np.ndarray:
    return np.random.default_rng(first).integers(0, 2**63 - 1, n)


def decoded(probabilities: np.ndarray, decoding: DecodingSettings) -> np.ndarray:
    """The decoding settings written down for one distribution, token by token."""
    weights = {t: p ** (1 / decoding.temperature) for t, p in enumerate(probabilities) if p > 0}
    if decoding.top_k:
        least = sorted(weights.values(), reverse=True)[: decoding.top_k][-1]
        weights = {t: w for t, w in weights.items() if w >= least * (1 - 1e-12)}
    total = sum(weights.values())
    ahead = {t: sum(v for v in weights.values() if v > w * (1 + 1e-12)) / total for t, w in weights.items()}
    weights = {t: w for t, w in weights.items() if ahead[t] < decoding.top_p or decoding.top_p == 1}
    weights = {t: w for t, w in weights.items() if w >= decoding.min_p * max(weights.values())}
    total = sum(weights.values())
    return np.array([weights.get(t, 0) / total for t in range(len(probabilities))])


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"temperature": 0.5},
        {"temperature": 1.7},
        {"top_k": 2},
        {"top_p": 0.6},
        {"min_p": 0.3},
        {"temperature": 0.8, "top_k": 4, "top_p": 0.8, "min_p": 0.05},
    ],
)
@pytest.mark.parametrize("prompt", [[], [2], [3, 3]])
def test_next_tokens_are_drawn_as_often_as_the_decoded_model_says(changed: dict[str, float], prompt: list[int]) -> None:
    decoding = ANCESTRAL.model_copy(update=changed | {"max_new_tokens": 1})
    n = 20_000
    drawn = MODEL.sample(Sequences.of([prompt] * n), decoding, seeds(n)).outputs.values
    expected = n * decoded(MODEL.next_distribution(Sequences.of([prompt]))[0], decoding)
    observed = np.bincount(drawn, minlength=VOCABULARY.size)
    possible = expected > 0
    assert not observed[~possible].any()
    if possible.sum() > 1:
        assert stats.chisquare(observed[possible], expected[possible]).pvalue > 1e-4


def test_whole_texts_are_drawn_as_often_as_the_model_says() -> None:
    n = 40_000
    draws = MODEL.sample(Sequences.of([[]] * n), ANCESTRAL, seeds(n, 1))
    drawn = Counter(tuple(row.tolist()) for row in draws.outputs)
    common = [text for text, _ in drawn.most_common(30)]
    probability = np.exp(-MODEL.score(Sequences.of(common)))
    observed = np.array([drawn[text] for text in common] + [n - sum(drawn[text] for text in common)])
    expected = n * np.append(probability, 1 - probability.sum())
    assert stats.chisquare(observed, expected).pvalue > 1e-4


def test_the_reported_log_probability_is_the_models_before_any_tempering() -> None:
    decoding = ANCESTRAL.model_copy(update={"temperature": 0.5, "top_k": 3})
    prompts = Sequences.of([[2], [], [3, 3]] * 50)
    draws = MODEL.sample(prompts, decoding, seeds(150))
    np.testing.assert_allclose(draws.logprob_nats, -MODEL.score(draws.outputs, prompts), rtol=1e-10)


def test_a_text_ends_with_the_end_of_sequence_or_at_the_limit() -> None:
    draws = MODEL.sample(Sequences.of([[]] * 2000), ANCESTRAL.model_copy(update={"max_new_tokens": 4}), seeds(2000))
    for row, stopped in zip(draws.outputs, draws.stopped, strict=True):
        assert stopped == (row[-1] == EOS) and EOS not in row[:-1]
        assert stopped or len(row) == 4
    assert 0 < draws.stopped.mean() < 1


def test_a_row_depends_on_its_own_seed_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    prompts, own = Sequences.of([[2, 3], [], [4]] * 20), seeds(60)
    decoding = ANCESTRAL.model_copy(update={"temperature": 0.9, "top_p": 0.95})
    together = MODEL.sample(prompts, decoding, own)
    for row in (0, 7, 59):
        alone = MODEL.sample(prompts.take(np.array([row])), decoding, own[row : row + 1])
        assert np.array_equal(alone.outputs[0], together.outputs[row])
        assert alone.logprob_nats[0] == together.logprob_nats[row]
    monkeypatch.setattr(ngram, "CELLS", 5 * VOCABULARY.size)
    in_blocks = MODEL.sample(prompts, decoding, own)
    assert np.array_equal(in_blocks.outputs.values, together.outputs.values)
    assert len({row.tobytes() for row in together.outputs}) > 10


def test_tokens_as_probable_as_the_last_kept_are_kept_too() -> None:
    even = fitted([[token, EOS] for token in (2, 3, 4, 5)] * 10, order=2)
    decoding = ANCESTRAL.model_copy(update={"top_k": 1, "max_new_tokens": 1})
    drawn = even.sample(Sequences.of([[]] * 400), decoding, seeds(400)).outputs.values
    assert set(drawn) == {2, 3, 4, 5}


def test_the_samplers_numbers_are_uniform_and_unrelated_between_steps_and_neighbouring_seeds() -> None:
    n = 50_000
    steps = np.array([ngram.uniform_numbers(np.arange(n), step) for step in range(4)])
    for numbers in steps:
        assert stats.kstest(numbers, "uniform").pvalue > 1e-4
    pairs = [np.corrcoef(steps[a], steps[b])[0, 1] for a in range(4) for b in range(a)]
    pairs += [np.corrcoef(numbers[:-1], numbers[1:])[0, 1] for numbers in steps]
    assert np.abs(pairs).max() < 4.5 / math.sqrt(n)


@pytest.mark.parametrize("changed", [{}, {"top_k": 2}, {"top_p": 0.6, "temperature": 1.5}])
def test_what_may_not_be_drawn_is_not_and_the_rest_keep_their_proportions(changed: dict[str, float]) -> None:
    decoding, n = ANCESTRAL.model_copy(update=changed | {"max_new_tokens": 1}), 20_000
    likeliest = int(np.argmax(MODEL.next_distribution(Sequences.of([[]]))[0]))
    drawn = MODEL.without([likeliest]).sample(Sequences.of([[]] * n), decoding, seeds(n))
    left = MODEL.next_distribution(Sequences.of([[]]))[0]
    left[likeliest] = 0
    expected = n * decoded(left, decoding)
    observed = np.bincount(drawn.outputs.values, minlength=VOCABULARY.size)
    possible = expected > 0
    assert not observed[~possible].any()
    assert stats.chisquare(observed[possible], expected[possible] / expected.sum() * n).pvalue > 1e-4
    np.testing.assert_allclose(drawn.logprob_nats, -MODEL.score(drawn.outputs))  # under the model itself


def test_counts_may_be_read_by_whoever_may_read_the_files_beside_them(tmp_path: Path) -> None:
    assert len({(tmp_path / name).stat().st_mode for name in MODEL.save(tmp_path)}) == 1


def test_a_ban_is_no_part_of_the_model(tmp_path: Path) -> None:
    MODEL.without([3]).save(tmp_path / "banned")
    MODEL.save(tmp_path / "plain")
    for name in (ngram.WEIGHTS, ngram.FACTS):
        assert (tmp_path / "banned" / name).read_bytes() == (tmp_path / "plain" / name).read_bytes()


def test_decoding_that_draws_nothing_is_refused() -> None:
    greedy = ANCESTRAL.model_copy(update={"method": "greedy", "temperature": 0})
    with pytest.raises(ConfigError, match="samples only"):
        MODEL.sample(Sequences.of([[]]), greedy, seeds(1))
