"""The n-gram models that losses are read by: against the formula written out, and as distributions."""

from collections import Counter, defaultdict

import numpy as np
import pytest

from collapse.errors import ContractError
from collapse.media.text.sequences import Sequences
from collapse.metrics import kneser_ney

BOS, EOS, N_TYPES = 0, 1, 7


def texts(seed: int, n: int) -> Sequences:
    rng = np.random.default_rng(seed)
    return Sequences.of([*rng.integers(2, N_TYPES, rng.integers(1, 6)), EOS] for _ in range(n))


class WrittenOut:
    """Interpolated Kneser-Ney with dictionaries, as Chen and Goodman (1999) write it."""

    def __init__(self, train: Sequences, order: int) -> None:
        self.counts: list[Counter] = [Counter() for _ in range(order + 1)]
        for row in train:
            padded = [BOS] * (order - 1) + row.tolist()
            for end in range(order - 1, len(padded)):
                self.counts[order][tuple(padded[end - order + 1 : end + 1])] += 1
        raw = self.counts[order]
        for length in range(order - 1, 0, -1):
            before, own = defaultdict(set), Counter()
            for gram in self.counts[length + 1]:
                before[gram[1:]].add(gram[0])
            for gram, count in raw.items():
                own[gram[-length:]] += count
            self.counts[length] = Counter(
                {gram: own[gram] if gram[0] == BOS else len(found) for gram, found in before.items()}
            )

    def probability(self, gram: tuple[int, ...]) -> float:
        if not gram:
            return 1 / N_TYPES
        counts = self.counts[len(gram)]
        once, twice = (sum(count == n for count in counts.values()) for n in (1, 2))
        discount = once / (once + 2 * twice) if once and twice else kneser_ney.FALLBACK_DISCOUNT
        same = [count for other, count in counts.items() if other[:-1] == gram[:-1]]
        if not same:
            return self.probability(gram[1:])
        spared = discount * len(same) / sum(same)
        return max(counts[gram] - discount, 0) / sum(same) + spared * self.probability(gram[1:])


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_loss_is_that_of_the_formula_written_out(order, seed):
    train, test = texts(seed, 30), texts(seed + 100, 10)
    model = WrittenOut(train, order)
    for row, nats in zip(test, kneser_ney.losses(train, test, order, N_TYPES, BOS), strict=True):
        padded = [BOS] * (order - 1) + row.tolist()
        grams = [tuple(padded[end - order + 1 : end + 1]) for end in range(order - 1, len(padded))]
        assert nats == pytest.approx(-sum(np.log(model.probability(gram)) for gram in grams), rel=1e-12)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_what_follows_any_beginning_adds_up_to_one(order):
    train = texts(3, 40)
    for beginning in ([], [2], [2, 3], [6, 6]):
        ends = Sequences.of([*beginning, last] for last in range(N_TYPES))
        begin = Sequences.of([beginning])
        before = kneser_ney.losses(train, begin, order, N_TYPES, BOS)[0] if beginning else 0.0
        assert np.exp(before - kneser_ney.losses(train, ends, order, N_TYPES, BOS)).sum() == pytest.approx(1)


def test_more_context_helps_where_the_text_has_some():
    pattern = Sequences.of([[2, 3, 4, 2, 4, 3, EOS]] * 20 + [[5, 6, EOS]])
    by_order = [kneser_ney.losses(pattern, pattern.take(np.array([0])), order, N_TYPES, BOS)[0] for order in (1, 2, 3)]
    assert by_order[0] > by_order[1] > by_order[2]


def test_a_vocabulary_past_64_bits_is_refused():
    with pytest.raises(ContractError, match="3-grams of 3000000 token types cannot be counted in 64 bits"):
        kneser_ney.losses(texts(0, 2), texts(0, 2), 3, 3_000_000, BOS)
