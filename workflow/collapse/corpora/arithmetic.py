"""Questions about two whole numbers, and their answers."""

import math
import string

import numpy as np

from collapse.config.settings import ArithmeticSettings
from collapse.corpora import RealText
from collapse.errors import ConfigError
from collapse.randomness import stream

DIGITS = string.digits + string.ascii_lowercase

LICENCE = "made up by this project; no rights are claimed"


def read(settings: ArithmeticSettings) -> list[RealText]:
    """Draw different questions, uniformly, and answer them.

    Raises:
        ConfigError: There are fewer pairs of numbers than examples.
    """
    n_pairs = settings.largest**2
    if settings.examples > n_pairs:
        raise ConfigError(
            f"corpus.arithmetic.examples: is {settings.examples}, but numbers up to {settings.largest} have {n_pairs} "
            "pairs.\n  Lower it, or raise `largest`."
        )
    rng = stream(settings.seed, 0, "arithmetic")
    firsts, seconds = np.divmod(_different(n_pairs, settings.examples, rng), settings.largest)
    source = f"{settings.task} of numbers from 1 to {settings.largest}"
    if settings.base != 10:
        source += f", in base {settings.base}"
    return [
        RealText(answer, group=question, source=source, licence=LICENCE, input=question)
        for question, answer in (
            _example(settings, int(a) + 1, int(b) + 1) for a, b in zip(firsts, seconds, strict=True)
        )
    ]


def _different(n: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """Different whole numbers below `n`, shape `(size,)`, int64, in the order drawn."""
    if n <= 1 << 24:
        return rng.permutation(n)[:size]
    found = dict.fromkeys(rng.integers(n, size=size).tolist())
    while len(found) < size:
        found.update(dict.fromkeys(rng.integers(n, size=size - len(found)).tolist()))
    return np.array(list(found), dtype=np.int64)


def _example(settings: ArithmeticSettings, a: int, b: int) -> tuple[str, str]:
    """Question and answer."""
    right = a + b if settings.task == "addition" else math.gcd(a, b)
    first, second, answer = (written(number, settings.base) for number in (a, b, right))
    return (f"{first}+{second}=" if settings.task == "addition" else f"gcd({first},{second})="), answer


def written(number: int, base: int) -> str:
    """A whole number from 1 in a base up to 36, a character a digit: a tokenizer of bytes gives a token to each.

    Args:
        number: The number.
        base: The base.
    """
    digits = ""
    while number:
        number, digit = divmod(number, base)
        digits = DIGITS[digit] + digits
    return digits
