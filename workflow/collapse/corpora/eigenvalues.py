"""Symmetric matrices of whole numbers, and their eigenvalues to some digits, as texts.

The task of Charton 2022 (Linear algebra with transformers, arXiv 2112.01898), whose samples Feng et al. 2024 select. A
matrix is asked as the entries of its upper triangle, row by row; the answer is its eigenvalues, the largest first, as
LAPACK finds them. A number is a sign, its significant digits and a power of ten, as in Charton's encodings: `+362e-2`
is 3.62. With `encoding: digits` each character may be a token, and entries are whole numbers; with `fp15` every number,
entries too, is one token, of three digits, as in the published experiments. A space between two eigenvalues, which
these have not, is a token of its own.
"""

from collections.abc import Callable, Iterator

import numpy as np

from collapse.config.settings import FP15_DIGITS, FP15_POWERS, EigenvalueSettings
from collapse.corpora import RealText
from collapse.errors import ConfigError
from collapse.randomness import stream

LICENCE = "made up by this project; no rights are claimed"

ZERO = 1e-9
"""What is smaller is 0: LAPACK finds the zeros of such matrices to about 1e-14, and digits of that mean nothing."""

NUMBER = rf"[+-]\d{{{FP15_DIGITS}}}e-?\d"
"""What numbers that are a token each look like."""

ZERO_WORD = f"+{'0' * FP15_DIGITS}e0"
"""0, where numbers are a token each."""

LEAST_DRAWN = 4_096
"""Matrices drawn at once, at least: the last of all that there are take many draws."""


def read(settings: EigenvalueSettings) -> list[RealText]:
    """Draw different matrices, uniformly, and find their eigenvalues.

    Raises:
        ConfigError: There are fewer matrices than examples.
    """
    entries = _different(settings)
    source = f"eigenvalues of symmetric {settings.rows} × {settings.rows} matrices, entries up to {settings.largest}"
    asked, said = _WRITERS[settings.encoding]
    examples = (
        (asked(row), said(values, settings.digits))
        for row, values in zip(entries, eigenvalues(entries, settings.rows), strict=True)
    )
    return [RealText(said, group=asked, source=source, licence=LICENCE, input=asked) for asked, said in examples]


def _different(settings: EigenvalueSettings) -> np.ndarray:
    """Entries of different upper triangles, shape `(examples, rows (rows + 1) / 2)`, int64, in the order drawn."""
    width = settings.rows * (settings.rows + 1) // 2
    n_matrices = (2 * settings.largest + 1) ** width
    if settings.examples > n_matrices:
        raise ConfigError(
            f"corpus.eigenvalues.examples: is {settings.examples}, but there are {n_matrices} such matrices.\n"
            "  Lower it, or raise `largest` or `rows`."
        )
    rng = stream(settings.seed, 0, "eigenvalues")
    found = dict[tuple[int, ...], None]()
    while len(found) < settings.examples:
        size = (max(LEAST_DRAWN, settings.examples - len(found)), width)
        drawn = rng.integers(-settings.largest, settings.largest + 1, size=size)
        found.update(dict.fromkeys(map(tuple, drawn.tolist())))
    return np.array(list(found)[: settings.examples], dtype=np.int64)


def eigenvalues(entries: np.ndarray, rows: int) -> np.ndarray:
    """Eigenvalues of symmetric matrices, the largest first, shape `(n, rows)`.

    Args:
        entries: Upper triangles row by row, shape `(n, rows (rows + 1) / 2)`.
        rows: Rows of a matrix.
    """
    above = np.triu_indices(rows)
    matrices = np.zeros((len(entries), rows, rows))
    matrices[:, above[0], above[1]] = matrices[:, above[1], above[0]] = entries
    return np.linalg.eigvalsh(matrices)[:, ::-1]


def question(entries: np.ndarray) -> str:
    """A matrix in words, such as `+3-1+5=`."""
    return "".join(f"{entry:+d}" for entry in entries) + "="


def answer(values: np.ndarray, digits: int) -> str:
    """Eigenvalues in words, such as `+541e-2 +259e-2`."""
    return " ".join(written(float(value), digits) for value in values)


def written(value: float, digits: int) -> str:
    """A number with so many significant digits, as a whole number times a power of ten; 0 has the power 0."""
    if abs(value) < ZERO:
        return f"+{'0' * digits}e0"
    mantissa, power = f"{value:+.{digits - 1}e}".split("e")
    return f"{mantissa.replace('.', '')}e{int(power) - digits + 1}"


# --- a token a number -------------------------------------------------------------------------------------------------


def words() -> Iterator[str]:
    """Every number that is a token: 0, and three digits, of which the first is none, times a power of ten."""
    yield ZERO_WORD
    first = 10 ** (FP15_DIGITS - 1)
    for sign in "+-":
        for power in FP15_POWERS:
            yield from (f"{sign}{digits}e{power}" for digits in range(first, 10 * first))


def as_word(value: float) -> str:
    """The nearest number that is a token; what is smaller than all of them is 0.

    Raises:
        ConfigError: It is larger than all of them.
    """
    word = written(value, FP15_DIGITS)
    power = int(word.partition("e")[2])
    if power > FP15_POWERS[-1]:
        raise ConfigError(
            f"corpus.eigenvalues: {value:g} is no number of `encoding: fp15`, whose largest is "
            f"999e{FP15_POWERS[-1]}.\n  Lower `largest`, or use `encoding: digits`."
        )
    return word if power >= FP15_POWERS[0] else ZERO_WORD


def question_of_words(entries: np.ndarray) -> str:
    """A matrix in numbers that are a token each, such as `+300e-2-100e-2+500e-2=`."""
    return "".join(as_word(float(entry)) for entry in entries) + "="


def answer_of_words(values: np.ndarray, _digits: int) -> str:
    """Eigenvalues in such numbers, such as `+541e-2 +259e-2`."""
    return " ".join(as_word(float(value)) for value in values)


_WRITERS: dict[str, tuple[Callable[[np.ndarray], str], Callable[[np.ndarray, int], str]]] = {
    "digits": (question, answer),
    "fp15": (question_of_words, answer_of_words),
}
"""What writes matrices and eigenvalues, by encoding."""
