"""Several candidates of one beam search: where an input is asked more than once, each time takes the next best beam
(Charton 2022; Feng et al. 2024, section 5, choose among such candidates).
"""

from dataclasses import dataclass

import numpy as np

from collapse.media.text.sequences import Sequences


@dataclass(frozen=True)
class Ranked:
    """Prompts, and which beam of its search each row takes.

    Attributes:
        prompts: What the model is given, one each.
        ranks: Place of each row's beam among those of its prompt, shape `(n,)`; 0 is the likeliest.
    """

    prompts: Sequences
    ranks: np.ndarray

    def take(self, rows: np.ndarray) -> "Ranked":
        """Those at these positions."""
        return Ranked(self.prompts.take(rows), self.ranks[rows])

    @property
    def n_beams(self) -> int:
        """How many beams of a search are asked for."""
        return int(self.ranks.max()) + 1

    def searches(self) -> tuple[Sequences, np.ndarray]:
        """The different prompts, in the order in which they first occur, and the place of each row's among them."""
        places = dict[bytes, int]()
        each = np.array([places.setdefault(tokens.tobytes(), len(places)) for tokens in self.prompts])
        _, first = np.unique(each, return_index=True)
        return self.prompts.take(first), each


def earlier(identities: list[str]) -> np.ndarray:
    """How often each was there before, shape `(n,)`."""
    seen = dict[str, int]()
    found = []
    for identity in identities:
        found.append(seen.get(identity, 0))
        seen[identity] = found[-1] + 1
    return np.array(found)
