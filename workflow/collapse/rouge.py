"""ROUGE-1 F (Lin 2004), one fixed implementation: what verifiers score by is what answers are measured by.

Words are runs of letters and digits in small letters, without stemming: F = 2PR/(P + R) of the counts of words that two
texts share, each as often as both have it.
"""

import re
from collections import Counter

WORD = re.compile(r"[^\W_]+")


def rouge_1(given: str, true: str) -> float:
    """ROUGE-1 F of one text against another, from 0 to 1; 0 where either has no word."""
    one, other = (Counter(WORD.findall(text.lower())) for text in (given, true))
    # 2PR/(P + R) with P = shared / words given and R = shared / words true
    total = one.total() + other.total()
    return 2 * (one & other).total() / total if total else 0.0
