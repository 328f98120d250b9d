"""How often a learner of greatest common divisors is right that knows some primes' powers and nothing else.

Charton 2024 (Learning the greatest common divisor, arXiv 2308.15594) finds that transformers see the last digits of two
numbers: in base B they learn to tell which powers of B's primes divide both, and answer with the product of these.
Such an answer is right if, and only if, the true one holds nothing else, so accuracy climbs a staircase, a step for
each further power or prime; Dohmatob et al. 2024 (A Tale of Tails, arXiv 2402.07043) read the loss of a skill from it.

Symbols: numbers are drawn uniformly from 1 to M, in ordered pairs; P is the set of primes whose powers are all known.
Values are shares of pairs, and exact for M; `limit` is that of M → ∞: (6/π²) ∏_{p∈P} (1 − p⁻²)⁻¹.
"""

import itertools
import math
from collections.abc import Iterable

import numpy as np


def accuracy(largest: int, known: int) -> float:
    """Share of the ordered pairs from 1 to `largest` whose greatest common divisor divides `known`.

    Exact: a pair has the divisor k where its numbers over k, up to M/k, have none in common, and of those there are
    2 Φ(⌊M/k⌋) − 1, with Φ the sum of Euler's totients.

    Args:
        largest: M.
        known: The product of the prime powers that a learner can tell, such as 36 for 2, 4, 3 and 9.
    """
    coprime = 2 * np.cumsum(totients(largest)) - 1
    divisors = [k for k in range(1, min(known, largest) + 1) if known % k == 0]
    return sum(int(coprime[largest // k]) for k in divisors) / largest**2


def limit(primes: Iterable[int]) -> float:
    """The same for all powers of some primes, M → ∞: of a prime p, pairs without it are a share 1 − p⁻²."""
    return 6 / math.pi**2 * math.prod(1 / (1 - prime**-2) for prime in primes)


def staircase(largest: int, base: int) -> dict[str, float]:
    """The steps of a learner that tells more and more powers of the base's primes, then another prime.

    Of the last digit in base B, what divides B can be told, and each of B's primes may be learned by itself, the least
    first; of the last two digits, what divides B². The first step is a
    learner that always answers 1; the last one knows all powers of B's primes and of the least prime beside them.

    Args:
        largest: M.
        base: B.

    Returns:
        Accuracy by the name of a step, the least first.
    """
    primes = prime_factors(base)
    further = next(p for p in itertools.count(2) if base % p and prime_factors(p) == [p])
    whole = all_powers(primes, largest)
    known = {
        "always 1": 1,
        **_by_primes(base, primes, whole),
        "the last digit": math.gcd(base, whole),
        "the last two": math.gcd(base**2, whole),
        f"all powers of {_listed(primes)}": whole,
        f"and of {further}": whole * all_powers([further], largest),
    }
    return {name: accuracy(largest, one) for name, one in known.items()}


def _by_primes(base: int, primes: list[int], whole: int) -> dict[str, int]:
    """What the last digit tells of the first primes of the base, without the others; nothing if it has but one."""
    return {
        f"the last digit, {_listed(primes[:n])} only": math.gcd(base, all_powers(primes[:n], base), whole)
        for n in range(1, len(primes))
    }


def all_powers(primes: Iterable[int], largest: int) -> int:
    """The product, over some primes, of each one's largest power up to `largest`."""
    return math.prod(prime ** int(math.log(largest + 0.5, prime)) for prime in primes)


def prime_factors(number: int) -> list[int]:
    """The primes of a small number, each once, the least first."""
    return [p for p in range(2, number + 1) if number % p == 0 and all(p % q for q in range(2, p))]


def totients(largest: int) -> np.ndarray:
    """Euler's totient of 0 (as 0) to `largest`, by a sieve, shape `(largest + 1,)`, int64."""
    found = np.arange(largest + 1)
    for number in range(2, largest + 1):
        if found[number] == number:  # nothing has divided it: a prime
            found[number::number] -= found[number::number] // number
    return found


def _listed(primes: list[int]) -> str:
    *before, last = map(str, primes)
    return f"{', '.join(before)} and {last}" if before else last
